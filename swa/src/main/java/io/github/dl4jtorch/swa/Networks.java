package io.github.dl4jtorch.swa;

import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What both kinds of networks have in common, beyond what DL4J gives a common name. */
final class Networks {

  private Networks() {}

  /**
   * Checks that a network can be worked with.
   *
   * @throws IllegalArgumentException if the model is neither kind of network
   * @throws IllegalStateException if it is not initialised
   */
  static void requireInitialised(Model model) {
    Require.requireGiven("the network", model);
    boolean initialised;
    if (model instanceof MultiLayerNetwork net) {
      initialised = net.isInitCalled();
    } else if (model instanceof ComputationGraph graph) {
      initialised = graph.getVertices() != null;
    } else {
      throw new IllegalArgumentException(
          "the model must be a MultiLayerNetwork or a ComputationGraph but was a "
              + model.getClass().getName());
    }
    if (!initialised) {
      throw new IllegalStateException("the network must be initialised: call net.init()");
    }
  }

  static Layer[] layers(Model model) {
    return model instanceof MultiLayerNetwork net
        ? net.getLayers()
        : ((ComputationGraph) model).getLayers();
  }

  /**
   * Returns the first array of parameters, null if there is none; a new one tells of a new init.
   */
  static @Nullable INDArray firstParameter(Model model) {
    for (Layer layer : layers(model)) {
      Map<String, INDArray> table = layer.paramTable();
      if (table != null && !table.isEmpty()) {
        return table.values().iterator().next();
      }
    }
    return null;
  }
}
