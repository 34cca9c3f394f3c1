package io.github.dl4jtorch.adapter;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * A network of either kind, with what both have but DL4J gives them no common interface for.
 *
 * @param model a {@code MultiLayerNetwork} or a {@code ComputationGraph}, initialised
 */
record LiveNetwork(Model model) {

  /** Tells whether a model is one. */
  static boolean isKindOf(Model model) {
    return model instanceof MultiLayerNetwork || model instanceof ComputationGraph;
  }

  int iterationCount() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getIterationCount()
        : ((ComputationGraph) model).getIterationCount();
  }

  int epochCount() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getEpochCount()
        : ((ComputationGraph) model).getEpochCount();
  }

  Collection<TrainingListener> listeners() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getListeners()
        : ((ComputationGraph) model).getListeners();
  }

  /** Returns the live state of the updaters, null if they have none. */
  @Nullable INDArray updaterState() {
    return model instanceof MultiLayerNetwork layers
        ? layers.updaterState()
        : ((ComputationGraph) model).updaterState();
  }

  void setScore(double score) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.setScore(score);
    } else {
      ((ComputationGraph) model).setScore(score);
    }
  }

  boolean isTruncated() {
    BackpropType type =
        model instanceof MultiLayerNetwork layers
            ? layers.getLayerWiseConfigurations().getBackpropType()
            : ((ComputationGraph) model).getConfiguration().getBackpropType();
    return type == BackpropType.TruncatedBPTT;
  }

  /** Returns the configuration as DL4J writes it, with other counts than the network has now. */
  String json(int iterationCount, int epochCount) {
    int iterations = iterationCount();
    int epochs = epochCount();
    setCounts(iterationCount, epochCount);
    try {
      return model instanceof MultiLayerNetwork layers
          ? layers.getLayerWiseConfigurations().toJson()
          : ((ComputationGraph) model).getConfiguration().toJson();
    } finally {
      setCounts(iterations, epochs);
    }
  }

  private void setCounts(int iterationCount, int epochCount) {
    setIterationCount(iterationCount);
    setEpochCount(epochCount);
  }

  void setIterationCount(int iterationCount) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.getLayerWiseConfigurations().setIterationCount(iterationCount);
    } else {
      ((ComputationGraph) model).getConfiguration().setIterationCount(iterationCount);
    }
  }

  void setEpochCount(int epochCount) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.getLayerWiseConfigurations().setEpochCount(epochCount);
    } else {
      ((ComputationGraph) model).getConfiguration().setEpochCount(epochCount);
    }
  }

  /** Tells whether a layer has constraints, however deep in wrappers it may be. */
  boolean hasConstraints() {
    try {
      JsonNode configuration = new ObjectMapper().readTree(json(iterationCount(), epochCount()));
      return configuration.findValues("constraints").stream()
          .anyMatch(constraints -> !constraints.isEmpty());
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }
}
