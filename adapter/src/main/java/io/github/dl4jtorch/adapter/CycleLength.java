package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import org.jspecify.annotations.Nullable;

/** Whether the steps of a OneCycleLR are made in the unit in which they were counted. */
final class CycleLength {

  /** A cycle that ends in such a part of the training was not meant for it. */
  private static final int FAR_TOO_SHORT = 10;

  private CycleLength() {}

  /**
   * Refuses a cycle that has several steps an epoch where each epoch is to be one.
   *
   * @param instead what to call
   */
  static void requireEpochs(Schedule definition, String instead) {
    if (definition instanceof OneCycleLR cycle
        && cycle.totalSteps() == null
        && cycle.stepsPerEpoch() != null
        && cycle.stepsPerEpoch() > 1) {
      throw new IllegalArgumentException(
          "OneCycleLR has "
              + cycle.stepsPerEpoch()
              + " steps an epoch, so it must be stepped after iterations and not after epochs: use "
              + instead);
    }
  }

  /**
   * Says what is wrong if a cycle by iterations does not fit the epochs that there are, null if it
   * does.
   *
   * @param steps how many were made in the first epoch
   */
  static @Nullable String complaint(Schedule definition, int steps) {
    if (!(definition instanceof OneCycleLR cycle)
        || cycle.epochs() == null
        || cycle.stepsPerEpoch() == null) {
      return null;
    }
    long all = (long) steps * cycle.epochs();
    if (all > peak(cycle) && all < (long) FAR_TOO_SHORT * cycle.total()) {
      return null;
    }
    return "OneCycleLR was made for "
        + cycle.stepsPerEpoch()
        + " steps an epoch, but the first epoch had "
        + steps
        + ": in "
        + cycle.epochs()
        + " epochs it "
        + (all > peak(cycle)
            ? "ends after " + cycle.total() + " of " + all + " steps."
            : "never reaches its highest rate, which is at step " + peak(cycle) + ".")
        + " Give it stepsPerEpoch("
        + steps
        + ").";
  }

  /**
   * Says what is wrong if a cycle by epochs has as many steps as there are iterations in all, null
   * if it has not.
   *
   * @param epochs how many were asked for
   * @param iterations how many there are in an epoch
   * @param instead what to call
   */
  static @Nullable String complaint(
      Schedule definition, int epochs, int iterations, String instead) {
    String complaint = complaint(definition, epochs, iterations);
    return complaint == null ? null : complaint + ". Use " + instead + ".";
  }

  /** Says the same without what to do about it. */
  static @Nullable String complaint(Schedule definition, int epochs, int iterations) {
    if (!(definition instanceof OneCycleLR cycle)
        || iterations < 2
        || peak(cycle) < epochs
        || Math.abs(cycle.total() - (long) epochs * iterations) >= epochs) {
      return null;
    }
    return "OneCycleLR has "
        + cycle.total()
        + " steps, as many as "
        + epochs
        + " epochs of "
        + iterations
        + " iterations have, but makes one an epoch: it never reaches its highest rate, which is at"
        + " step "
        + peak(cycle);
  }

  static long peak(OneCycleLR cycle) {
    return (long) Math.ceil(cycle.pctStart() * cycle.total() - 1);
  }
}
