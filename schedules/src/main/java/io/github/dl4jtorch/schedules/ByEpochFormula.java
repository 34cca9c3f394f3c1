package io.github.dl4jtorch.schedules;

import java.util.Arrays;
import java.util.Map;

/** The formula of a definition that goes by the epoch alone, so that steps can be left out. */
final class ByEpochFormula implements Formula {

  private final ByEpochSchedule schedule;

  ByEpochFormula(ByEpochSchedule schedule) {
    this.schedule = schedule;
  }

  @Override
  public void next(Moment at, GroupArrays groups, double[] base) {
    schedule.next(at, groups.lr, base, groups.next);
    groups.swap();
    if (schedule.drivesMomentum()) {
      Arrays.fill(groups.momentum(), schedule.momentum(at.epoch()));
    }
  }

  @Override
  public Map<String, Object> stateParameters(ParamGroups groups) {
    return schedule.stateParameters(groups);
  }

  @Override
  public long independent(Moment at) {
    return Long.MAX_VALUE;
  }
}
