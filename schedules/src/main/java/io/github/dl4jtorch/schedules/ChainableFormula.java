package io.github.dl4jtorch.schedules;

import java.util.Map;

/** The formula of a definition that shows its own; what it foresees is added. */
class ChainableFormula implements Formula {

  private final ChainableSchedule schedule;

  ChainableFormula(ChainableSchedule schedule) {
    this.schedule = schedule;
  }

  @Override
  public final void next(Moment at, GroupArrays groups, double[] base) {
    schedule.next(at, groups.lr, base, groups.next);
    groups.swap();
  }

  @Override
  public final Map<String, Object> stateParameters(ParamGroups groups) {
    return schedule.stateParameters(groups);
  }
}
