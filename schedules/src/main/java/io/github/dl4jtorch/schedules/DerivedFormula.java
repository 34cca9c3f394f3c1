package io.github.dl4jtorch.schedules;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How a schedule made of others computes: by the step it finds which operand is at work, where that
 * one's clock stands, and what becomes of its rate.
 */
class DerivedFormula implements Formula {

  private final DerivedSchedule schedule;
  private final List<Operand> operands;
  private final boolean drivesMomentum;

  DerivedFormula(DerivedSchedule schedule) {
    this.schedule = schedule;
    this.operands = schedule.operands().stream().map(Operand::new).toList();
    this.drivesMomentum = schedule.drivesMomentum();
  }

  /** Returns which operand is at work. */
  int active(long step) {
    return 0;
  }

  /** Returns where the clock of the operand at work stands. */
  long clock(long step) {
    return step;
  }

  /** Makes a rate of the operand's. */
  double rate(double lr, long step) {
    return lr;
  }

  @Override
  public final void writeBounds(GroupArrays groups, int lastEpoch) {
    if (drivesMomentum) {
      groups.keepInitialMomentum();
    }
  }

  /** Has none that the groups of a state must agree with: those of the operands are their own. */
  @Override
  public final void expectBounds(GroupArrays groups) {}

  @Override
  public final void next(Moment at, GroupArrays groups, double[] base) {
    long step = (long) at.epoch();
    Operand operand = operands.get(active(step));
    operand.goTo(clock(step), groups, base, drivesMomentum);
    for (int group = 0; group < groups.size(); group++) {
      groups.next[group] = rate(operand.lr(group), step);
    }
    groups.swap();
    if (drivesMomentum) {
      operand.copyMomentum(groups.momentum());
    }
  }

  @Override
  public final void requireJump(double epoch) {
    if (epoch != Math.rint(epoch) || epoch > Integer.MAX_VALUE) {
      throw Require.illegal(
          "epoch", "a whole number <= " + Integer.MAX_VALUE + " for " + schedule.name(), epoch);
    }
  }

  @Override
  public final double lastEpoch() {
    return Integer.MAX_VALUE;
  }

  @Override
  public final void requireOwn(Arguments state, int boundGroups) {
    state.count("last_epoch", -1, Integer.MAX_VALUE);
  }

  /** Holds the type too: the arguments of two schedules may be the same. */
  @Override
  public final Map<String, Object> stateParameters(ParamGroups groups) {
    try {
      return new LinkedHashMap<>(schedule.toMap());
    } catch (UnsupportedOperationException holdsLambda) {
      return Map.of("type", schedule.name());
    }
  }

  @Override
  public final long independent(Moment at) {
    return Long.MAX_VALUE;
  }
}
