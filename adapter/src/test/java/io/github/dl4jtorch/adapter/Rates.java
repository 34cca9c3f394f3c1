package io.github.dl4jtorch.adapter;

import java.util.List;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * A rate for each iteration. Those of different groups are never equal, so that DL4J updates the
 * groups apart from the start.
 */
record Rates(int group, List<Double> values) implements ISchedule {

  @Override
  public double valueAt(int iteration, int epoch) {
    return values.get(iteration);
  }

  @Override
  public ISchedule clone() {
    return this;
  }
}
