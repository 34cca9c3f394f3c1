package io.github.dl4jtorch.schedules;

/**
 * A schedule that can also say the rate at an epoch directly from the base rate. {@code step()}
 * uses the chainable form, {@code step(epoch)} and the entry at a milestone of {@link SequentialLR}
 * use this one, as in PyTorch. The two differ by rounding, and by what others did to the rate.
 */
public interface ClosedFormSchedule extends ChainableSchedule {

  /**
   * Returns the rate at an epoch.
   *
   * @param epoch the epoch, which may be fractional
   * @param base the group's base rate
   * @return the rate
   */
  double closedForm(double epoch, double base);
}
