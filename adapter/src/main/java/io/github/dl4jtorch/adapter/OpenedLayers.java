package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.Opened;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.layers.Layer;

/**
 * The layers of a network in whose place others stand, so that gains of layer normalizations can be
 * in other groups than the weights beside them.
 */
record OpenedLayers(Model net, List<Exchange> layers) {

  /** A layer and what stands in its place. */
  record Exchange(Layer layer, Layer other) {}

  /** Puts other layers in the place of those whose gain is to be parted from the weights. */
  static OpenedLayers of(Model net, List<UpdaterBlocks.Param> params, int[] groups) {
    List<Exchange> layers = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      TrainingConfig config = params.get(i).config();
      if (config instanceof Layer layer
          && Opened.isGain(config, params.get(i).name())
          && isParted(params, groups, i)) {
        Layer other = Opened.of(layer);
        if (other != null) {
          layers.add(new Exchange(layer, other));
        }
      }
    }
    layers.forEach(exchange -> Opened.replace(net, exchange.layer(), exchange.other()));
    return new OpenedLayers(net, layers);
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private static boolean isParted(List<UpdaterBlocks.Param> params, int[] groups, int gain) {
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param other = params.get(i);
      if (other.config() == params.get(gain).config()
          && groups[i] != groups[gain]
          && UpdaterSlots.named(other.config(), other.name()).isWeight()) {
        return true;
      }
    }
    return false;
  }

  boolean isEmpty() {
    return layers.isEmpty();
  }

  void undo() {
    layers.forEach(exchange -> Opened.replace(net, exchange.other(), exchange.layer()));
  }
}
