package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Makes copies of networks that share nothing with their source. DL4J's {@code clone()} shares the
 * updaters and their schedules, so that a change of the rate in one network shows in the other, and
 * that of a graph loses the counts.
 *
 * <p>A copy has the parameters, the configuration with the counts of iterations and epochs, and the
 * updaters as they are, with their state if asked for. It has no listeners and no state of
 * recurrent layers. Both networks then train on as the source alone would have done.
 *
 * <pre>{@code
 * MultiLayerNetwork best = NetworkCopy.of(net);
 * net.fit(training, 10); // changes nothing in best
 * }</pre>
 */
public final class NetworkCopy {

  private NetworkCopy() {}

  /**
   * Copies a network with the state of its updaters.
   *
   * @param net the network, initialised
   * @param <N> its type
   * @return the copy
   * @throws IllegalStateException if the network is not initialised
   * @throws RuntimeException if the configuration has no written form, as with layers that DL4J's
   *     JSON does not know
   */
  public static <N extends NeuralNetwork> N of(N net) {
    N copy = withoutUpdaterState(net);
    NetworkUpdater.copyState(LiveNetwork.model(net), LiveNetwork.model(copy));
    return copy;
  }

  /**
   * Copies a network whose copy will not be trained, or is to be trained afresh. That saves the
   * memory of the updaters' state.
   *
   * @param net the network, initialised
   * @param <N> its type
   * @return the copy
   * @throws IllegalStateException if the network is not initialised
   * @throws RuntimeException if the configuration has no written form, as with layers that DL4J's
   *     JSON does not know
   */
  @SuppressWarnings("unchecked") // A copy is of the kind of its source.
  public static <N extends NeuralNetwork> N withoutUpdaterState(N net) {
    Model model = LiveNetwork.of(net, "it is copied").model();
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      if (model instanceof MultiLayerNetwork layers) {
        MultiLayerNetwork copy =
            new MultiLayerNetwork(
                MultiLayerConfiguration.fromJson(layers.getLayerWiseConfigurations().toJson()));
        copy.init(dup(layers.params()), false);
        return (N) copy;
      }
      ComputationGraph graph = (ComputationGraph) model;
      ComputationGraph copy =
          new ComputationGraph(
              ComputationGraphConfiguration.fromJson(graph.getConfiguration().toJson()));
      copy.init(dup(graph.params()), false);
      return (N) copy;
    } finally {
      outside.close();
    }
  }

  private static @Nullable INDArray dup(@Nullable INDArray params) {
    return params == null || params.length() == 0 ? null : params.dup();
  }
}
