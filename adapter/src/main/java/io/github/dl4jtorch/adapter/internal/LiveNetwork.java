package io.github.dl4jtorch.adapter.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
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
 * @param model a {@code MultiLayerNetwork} or a {@code ComputationGraph}, initialised if not said
 *     otherwise
 */
public record LiveNetwork(Model model) {

  /**
   * Takes a network.
   *
   * @param purpose what is about to be done, as in "it is copied"
   * @throws NullPointerException if there is none
   * @throws IllegalStateException if it is not initialised
   */
  public static LiveNetwork of(NeuralNetwork net, String purpose) {
    LiveNetwork live = new LiveNetwork(model(net));
    if (!live.isInitialised()) {
      throw new IllegalStateException(
          "the network must be initialised before " + purpose + ": call net.init()");
    }
    return live;
  }

  /** Returns a network as DL4J's callbacks name it, which may not be initialised yet. */
  public static Model model(NeuralNetwork net) {
    if (net instanceof Model model && isKindOf(model)) {
      return model;
    }
    if (net == null) {
      throw new NullPointerException("the network must be given but was null");
    }
    throw new IllegalArgumentException(
        "the network must be a MultiLayerNetwork or a ComputationGraph but was a "
            + net.getClass().getName());
  }

  /** Returns the network as DL4J's common interface for both kinds. */
  public NeuralNetwork network() {
    return (NeuralNetwork) model;
  }

  public boolean isInitialised() {
    return model instanceof MultiLayerNetwork layers
        ? layers.isInitCalled()
        : ((ComputationGraph) model).getVertices() != null;
  }

  /** Returns the layers at work, without vertices of a graph that are none. */
  public Layer[] layers() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getLayers()
        : ((ComputationGraph) model).getLayers();
  }

  /** Tells whether a model is one. */
  public static boolean isKindOf(Model model) {
    return model instanceof MultiLayerNetwork || model instanceof ComputationGraph;
  }

  public int iterationCount() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getIterationCount()
        : ((ComputationGraph) model).getIterationCount();
  }

  public int epochCount() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getEpochCount()
        : ((ComputationGraph) model).getEpochCount();
  }

  public Collection<TrainingListener> listeners() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getListeners()
        : ((ComputationGraph) model).getListeners();
  }

  public void setListeners(Collection<TrainingListener> listeners) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.setListeners(listeners);
    } else {
      ((ComputationGraph) model).setListeners(listeners);
    }
  }

  /** Returns the live state of the updaters, null if they have none. */
  public @Nullable INDArray updaterState() {
    return model instanceof MultiLayerNetwork layers
        ? layers.updaterState()
        : ((ComputationGraph) model).updaterState();
  }

  public void setScore(double score) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.setScore(score);
    } else {
      ((ComputationGraph) model).setScore(score);
    }
  }

  public boolean isTruncated() {
    BackpropType type =
        model instanceof MultiLayerNetwork layers
            ? layers.getLayerWiseConfigurations().getBackpropType()
            : ((ComputationGraph) model).getConfiguration().getBackpropType();
    return type == BackpropType.TruncatedBPTT;
  }

  /** Returns the configuration as DL4J writes it, with other counts than the network has now. */
  public String json(int iterationCount, int epochCount) {
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

  public void setIterationCount(int iterationCount) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.getLayerWiseConfigurations().setIterationCount(iterationCount);
    } else {
      ((ComputationGraph) model).getConfiguration().setIterationCount(iterationCount);
    }
  }

  public void setEpochCount(int epochCount) {
    if (model instanceof MultiLayerNetwork layers) {
      layers.getLayerWiseConfigurations().setEpochCount(epochCount);
    } else {
      ((ComputationGraph) model).getConfiguration().setEpochCount(epochCount);
    }
  }

  /** Tells whether a layer has constraints, however deep in wrappers it may be. */
  public boolean hasConstraints() {
    try {
      JsonNode configuration = new ObjectMapper().readTree(json(iterationCount(), epochCount()));
      return configuration.findValues("constraints").stream()
          .anyMatch(constraints -> !constraints.isEmpty());
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }
}
