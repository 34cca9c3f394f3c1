package io.github.dl4jtorch.schedules;

import java.util.Map;

/**
 * A schedule that keeps bounds in the groups themselves and may drive their momentum: {@link
 * CyclicLR}, {@link OneCycleLR} and {@link SWALR}.
 */
sealed interface BoundedSchedule extends Schedule permits CyclicLR, OneCycleLR, SWALR {

  /** Writes what PyTorch's constructor writes into the groups before its initial step. */
  void writeBounds(GroupArrays groups, int lastEpoch);

  /** Computes the next rates, and momenta where they are cycled, in place. */
  void next(Moment at, GroupArrays groups, double[] base);

  /** Changes the base rates after the initial step; most schedules keep the groups' initial_lr. */
  default void rebase(double[] base) {}

  /** The steps that count as made already when attached at a last epoch. */
  default int stepsBefore(int lastEpoch) {
    return 0;
  }

  /** The last epoch that a run can be in. */
  default double lastEpoch() {
    return Double.MAX_VALUE;
  }

  /** What PyTorch's state_dict() repeats of the constructor's arguments. */
  Map<String, Object> stateParameters(ParamGroups groups);
}
