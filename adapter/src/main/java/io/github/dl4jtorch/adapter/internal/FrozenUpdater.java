package io.github.dl4jtorch.adapter.internal;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Stands in a configuration in the place of the updater of frozen parameters. It makes no step and
 * leaves the updater's state alone, wherever the configuration goes: ParallelWrapper and Spark
 * train networks that are made anew from it, which know nothing of param groups.
 */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    setterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
public final class FrozenUpdater implements IUpdater {

  private static final long serialVersionUID = 1L;

  @JsonProperty private final IUpdater updater;

  /**
   * Freezes what an updater has.
   *
   * @param updater what the parameters go on with when they are no longer frozen
   */
  @JsonCreator
  public FrozenUpdater(@JsonProperty(value = "updater", required = true) IUpdater updater) {
    this.updater = updater;
  }

  /** Returns the updater that is to go on, which is any other than these itself. */
  public static IUpdater unfrozen(IUpdater updater) {
    return updater instanceof FrozenUpdater frozen ? frozen.updater : updater;
  }

  @Override
  public long stateSize(long numParams) {
    return updater.stateSize(numParams);
  }

  @Override
  public GradientUpdater<FrozenUpdater> instantiate(
      @Nullable INDArray viewArray, boolean initializeViewArray) {
    return new Standing(this, updater.instantiate(viewArray, initializeViewArray));
  }

  @Override
  public GradientUpdater<FrozenUpdater> instantiate(
      Map<String, INDArray> updaterState, boolean initializeStateArrays) {
    return new Standing(this, updater.instantiate(updaterState, initializeStateArrays));
  }

  @Override
  public double getLearningRate(int iteration, int epoch) {
    return 0;
  }

  @Override
  public boolean hasLearningRate() {
    return true;
  }

  /** Sets the rate that the parameters go on with when they are no longer frozen. */
  @Override
  public void setLrAndSchedule(double lr, @Nullable ISchedule lrSchedule) {
    updater.setLrAndSchedule(lr, lrSchedule);
  }

  @Override
  @SuppressWarnings("MethodDoesntCallSuperMethod")
  public FrozenUpdater clone() {
    return new FrozenUpdater(updater.clone());
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof FrozenUpdater frozen && frozen.updater.equals(updater);
  }

  @Override
  public int hashCode() {
    return ~updater.hashCode();
  }

  @Override
  public String toString() {
    return "FrozenUpdater[" + updater + "]";
  }

  /** Keeps the state where it is, for the updater that will go on with it. */
  private record Standing(FrozenUpdater config, GradientUpdater<?> updater)
      implements GradientUpdater<FrozenUpdater> {

    @Override
    public FrozenUpdater getConfig() {
      return config;
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
      gradient.assign(0);
    }
  }
}
