package io.github.dl4jtorch.adapter;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;

/** An updater that is not DL4J's: it keeps one number a block, the count of its updates. */
class CountingSgd implements IUpdater {

  private double lr;
  private ISchedule schedule;

  CountingSgd(double lr) {
    this.lr = lr;
  }

  @Override
  public long stateSize(long numParams) {
    return 1;
  }

  @Override
  public double getLearningRate(int iteration, int epoch) {
    return schedule == null ? lr : schedule.valueAt(iteration, epoch);
  }

  @Override
  public boolean hasLearningRate() {
    return true;
  }

  @Override
  public void setLrAndSchedule(double lr, ISchedule lrSchedule) {
    this.lr = lr;
    this.schedule = lrSchedule;
  }

  @Override
  public IUpdater clone() {
    CountingSgd copy = new CountingSgd(lr);
    copy.schedule = schedule;
    return copy;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CountingSgd that
        && Double.compare(lr, that.lr) == 0
        && (schedule == null ? that.schedule == null : schedule.equals(that.schedule));
  }

  @Override
  public int hashCode() {
    return Double.hashCode(lr);
  }

  @Override
  public String toString() {
    return "CountingSgd";
  }

  @Override
  public GradientUpdater<CountingSgd> instantiate(INDArray viewArray, boolean initialize) {
    if (initialize) {
      viewArray.assign(0);
    }
    return new Applied(this, viewArray);
  }

  @Override
  public GradientUpdater<CountingSgd> instantiate(
      Map<String, INDArray> updaterState, boolean initialize) {
    throw new UnsupportedOperationException();
  }

  private record Applied(CountingSgd config, INDArray count)
      implements GradientUpdater<CountingSgd> {
    @Override
    public CountingSgd getConfig() {
      return config;
    }

    @Override
    public void setState(Map<String, INDArray> stateMap, boolean initialize) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Map<String, INDArray> getState() {
      return Map.of("count", count);
    }

    @Override
    public void setStateViewArray(
        INDArray viewArray, long[] gradientShape, char gradientOrder, boolean initialize) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void applyUpdater(INDArray gradient, int iteration, int epoch) {
      count.addi(1);
      gradient.muli(config.getLearningRate(iteration, epoch));
    }
  }
}
