package io.github.dl4jtorch.schedules;

import java.util.Map;

/**
 * How a {@link LeafNode} computes: what a definition does to the groups, and which of its coming
 * steps need not be computed one by one.
 */
interface Formula {

  /** Writes what PyTorch's constructor writes into the groups before its initial step. */
  default void writeBounds(GroupArrays groups, int lastEpoch) {}

  /** Computes the next rates, and momenta where they are cycled, in place. */
  void next(Moment at, GroupArrays groups, double[] base);

  /** Changes the base rates after the initial step; most schedules keep the groups' initial_lr. */
  default void rebase(double[] base) {}

  /** Refuses an epoch that a run cannot be told to go to. */
  default void requireJump(double epoch) {}

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

  /** Checks what a state says of the arguments beyond {@link #stateParameters}. */
  default void requireOwn(Arguments state, int boundGroups) {}

  /** Writes the bounds that the groups of a state must have, where it computes from them. */
  default void expectBounds(GroupArrays groups) {
    writeBounds(groups, -1);
  }

  /**
   * Returns how many of the next steps leave rates and momenta as they are, at least.
   *
   * @param at where the run is
   * @param groups what its last step left
   */
  default long rest(Moment at, GroupArrays groups) {
    return 0;
  }

  /**
   * Returns how many of the next steps can be left out before one that finds its numbers by its
   * epoch alone, at least. None of them may be refused.
   *
   * @param at where the run is
   */
  default long independent(Moment at) {
    return 0;
  }

  /** Tells whether a factor leaves the rates as they are, as it does when they are down at 0. */
  static boolean isUnchanged(GroupArrays groups, double factor) {
    for (int i = 0; i < groups.size(); i++) {
      if (Double.compare(groups.lr[i] * factor, groups.lr[i]) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Returns the steps between a moment and an epoch, with neither of them. */
  static long between(Moment at, double epoch) {
    return Math.max(0, (long) (epoch - at.epoch()) - 1);
  }
}
