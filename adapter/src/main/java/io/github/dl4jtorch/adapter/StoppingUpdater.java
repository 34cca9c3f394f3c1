package io.github.dl4jtorch.adapter;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * Takes a learning rate of 0 at its word. DL4J's Nesterovs goes on by its velocity, and its Adam
 * family takes epsilon for a rate of 0. The updater's averages go on, as PyTorch's do.
 */
final class StoppingUpdater implements GradientUpdater<IUpdater> {

  private final GradientUpdater<?> updater;

  StoppingUpdater(GradientUpdater<?> updater) {
    this.updater = updater;
  }

  @Override
  public IUpdater getConfig() {
    return updater.getConfig();
  }

  @Override
  public void setState(Map<String, INDArray> stateMap, boolean initialize) {
    updater.setState(stateMap, initialize);
  }

  @Override
  public Map<String, INDArray> getState() {
    return updater.getState();
  }

  @Override
  public void setStateViewArray(
      INDArray viewArray, long[] gradientShape, char gradientOrder, boolean initialize) {
    updater.setStateViewArray(viewArray, gradientShape, gradientOrder, initialize);
  }

  @Override
  public void applyUpdater(INDArray gradient, int iteration, int epoch) {
    updater.applyUpdater(gradient, iteration, epoch);
    // In a network of single precision a rate below this is a 0 to the updater.
    if (updater.getConfig().getLearningRate(iteration, epoch) < Float.MIN_NORMAL) {
      gradient.assign(0);
    }
  }
}
