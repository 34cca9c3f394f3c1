package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.deeplearning4j.nn.api.NeuralNetwork;

/** The names by which param groups are chosen, by the places of the parameters in the network. */
final class NetworkParams {

  private final Map<Long, NetworkParam> byOffset = new HashMap<>();

  private NetworkParams() {}

  static NetworkParams of(NeuralNetwork net) {
    NetworkParams params = new NetworkParams();
    List<NetworkParam> named = NetworkParam.of(net);
    long[] offsets = UpdaterBlocks.seen(LiveNetwork.model(net)).offsets();
    for (int i = 0; i < offsets.length; i++) {
      params.byOffset.put(offsets[i], named.get(i));
    }
    return params;
  }

  NetworkParam named(long offset) {
    NetworkParam param = byOffset.get(offset);
    if (param == null) {
      throw new NoSuchElementException("no parameter begins at " + offset);
    }
    return param;
  }
}
