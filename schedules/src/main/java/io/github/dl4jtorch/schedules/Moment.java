package io.github.dl4jtorch.schedules;

/** The point in time for which a schedule computes the next rates. */
public interface Moment {

  /**
   * Returns the epoch (or step, as the caller counts) that is being entered: PyTorch's {@code
   * last_epoch} after it was advanced. Fractional after {@code step(2.5)}.
   *
   * @return the epoch, 0 for the initial step of a fresh run
   */
  double epoch();

  /**
   * Tells whether this is the initial step, made while the run is attached.
   *
   * @return true during the initial step
   */
  boolean isInitial();

  /**
   * Returns how many steps the run has made, the initial one included: PyTorch's {@code
   * _step_count}.
   *
   * @return the count, 1 during the initial step
   */
  int stepCount();

  /**
   * Tells whether a run is being attached to a training that is already under way, whose rates must
   * stay as they are.
   *
   * @return true during the initial step of a run attached with a {@code lastEpoch} of 0 or more
   */
  default boolean isResuming() {
    return isInitial() && epoch() != 0;
  }
}
