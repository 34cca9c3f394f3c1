package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PerGroup;

/** What a schedule of another library does: the rate by step, base rate and group. */
@FunctionalInterface
interface Rates {

  /** Returns a group's rate at a step. */
  double at(double step, double base, int group);

  /** Returns a group's rate when the original is constructed. */
  default double first(double base, int group) {
    return at(0, base, group);
  }

  /** Tells whether the momentum is set too. */
  default boolean drivesMomentum() {
    return false;
  }

  /** Returns the momentum at a step. */
  default double momentum(double step) {
    return Double.NaN;
  }

  /** Refuses groups that do not fit the arguments. */
  default void requireFits(ParamGroups groups) {}

  /** Returns a group's value of a list, NaN for a group that was added later. */
  static double of(PerGroup<Double> values, int group) {
    boolean has = values.isScalar() || group < values.values().size();
    return has ? values.get(group) : Double.NaN;
  }
}
