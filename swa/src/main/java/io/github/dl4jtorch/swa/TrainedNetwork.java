package io.github.dl4jtorch.swa;

import java.util.Collection;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A network that is being trained, as far as averaging it from a listener needs.
 *
 * @param model a {@code MultiLayerNetwork} or a {@code ComputationGraph}
 * @param hasConstraints whether a layer has constraints
 */
record TrainedNetwork<M extends Model>(M model, boolean hasConstraints) {

  static <M extends Model> TrainedNetwork<M> of(M model) {
    Networks.requireInitialised(model);
    boolean hasConstraints = false;
    for (org.deeplearning4j.nn.api.Layer layer : Networks.layers(model)) {
      hasConstraints |= hasConstraints(layer.conf().getLayer());
    }
    return new TrainedNetwork<>(model, hasConstraints);
  }

  /** Of the wrappers only this one is still there in a network at work. */
  private static boolean hasConstraints(Layer layer) {
    return layer.getConstraints() != null && !layer.getConstraints().isEmpty();
  }

  int epochCount() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getEpochCount()
        : ((ComputationGraph) model).getEpochCount();
  }

  int iterationCount() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getIterationCount()
        : ((ComputationGraph) model).getIterationCount();
  }

  Collection<TrainingListener> listeners() {
    return model instanceof MultiLayerNetwork layers
        ? layers.getListeners()
        : ((ComputationGraph) model).getListeners();
  }

  /**
   * Does something in {@code iterationDone} with the parameters that the iteration leaves. DL4J
   * applies constraints only after its listeners, so that is done and undone here.
   */
  void afterIteration(Runnable work) {
    if (!hasConstraints) {
      work.run();
      return;
    }
    INDArray before = model.params().dup();
    try {
      model.applyConstraints(iterationCount() + 1, epochCount());
      work.run();
    } finally {
      model.params().assign(before);
    }
  }
}
