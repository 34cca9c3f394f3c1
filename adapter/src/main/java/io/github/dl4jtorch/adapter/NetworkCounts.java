package io.github.dl4jtorch.adapter;

import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/** The counts of iterations and epochs that a network keeps in its configuration. */
final class NetworkCounts {

  private NetworkCounts() {}

  static boolean areKeptBy(Model model) {
    return model instanceof MultiLayerNetwork || model instanceof ComputationGraph;
  }

  static int iterations(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getIterationCount()
        : ((ComputationGraph) net).getIterationCount();
  }

  static void setIterations(Model net, int iterations) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setIterationCount(iterations);
    } else {
      ((ComputationGraph) net).getConfiguration().setIterationCount(iterations);
    }
  }

  static int epochs(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getEpochCount()
        : ((ComputationGraph) net).getEpochCount();
  }

  static void setEpochs(Model net, int epochs) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setEpochCount(epochs);
    } else {
      ((ComputationGraph) net).getConfiguration().setEpochCount(epochs);
    }
  }
}
