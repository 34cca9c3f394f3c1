package io.github.dl4jtorch.adapter.optim;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.same.Negative;
import org.nd4j.linalg.api.shape.Shape;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.GradientUpdater;

/** Applies an updater to the gradients of one block of parameters. */
final class TorchGradientUpdater implements GradientUpdater<TorchUpdater> {

  /** The one entry of the state, which is the whole of it. */
  static final String STATE = "state";

  private final TorchUpdater config;
  private UpdaterState state;

  TorchGradientUpdater(TorchUpdater config, @Nullable INDArray view, boolean initialize) {
    this.config = config;
    this.state = new UpdaterState(config, view, initialize);
  }

  @Override
  public TorchUpdater getConfig() {
    return config;
  }

  @Override
  public void setState(Map<String, INDArray> stateMap, boolean initialize) {
    INDArray view = stateMap.get(STATE);
    if (stateMap.size() != (config.stateSize(1) == 0 ? 0 : 1)
        || (view == null) != stateMap.isEmpty()) {
      throw new IllegalStateException(
          "the state of "
              + config
              + " must have the key \"state\" alone but has "
              + stateMap.keySet());
    }
    state = new UpdaterState(config, view, initialize);
  }

  @Override
  public Map<String, INDArray> getState() {
    INDArray view = state.view();
    return view == null ? Map.of() : Map.of(STATE, view);
  }

  @Override
  public void setStateViewArray(
      @Nullable INDArray viewArray, long[] gradientShape, char gradientOrder, boolean initialize) {
    state = new UpdaterState(config, viewArray, initialize);
  }

  /**
   * Tells whether this is a rate of 0. ND4J's own updaters take one that is 0 as single precision
   * for a mistake.
   */
  static boolean stands(double lr) {
    return lr < Float.MIN_NORMAL;
  }

  @Override
  public void applyUpdater(INDArray gradient, int iteration, int epoch) {
    double lr = config.getLearningRate(iteration, epoch);
    config.checked("lr", "finite and >= 0", lr >= 0 && lr < Double.POSITIVE_INFINITY, lr);
    long length = gradient.length();
    INDArray flat = Shape.newShapeNoCopy(gradient, new long[] {length}, gradient.ordering() == 'f');
    INDArray inPlace = (flat == null ? gradient.dup('c') : flat).reshape('c', new long[] {length});
    boolean stands = stands(lr);
    state.bind(inPlace.length());
    if (config.maximizes()) {
      Nd4j.exec(new Negative(inPlace, inPlace));
    }
    if (stands) {
      config.stand(inPlace, state, iteration, epoch);
    } else {
      config.update(inPlace, state, lr, iteration, epoch);
    }
    state.save();
    if (flat == null) {
      gradient.assign(inPlace.reshape('c', gradient.shape()));
    }
  }
}
