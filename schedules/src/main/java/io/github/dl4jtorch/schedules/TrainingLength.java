package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requirePositive;

import com.google.errorprone.annotations.CheckReturnValue;

/**
 * How long a training is, so that lengths like {@code "0.1dur"} become numbers of steps, once, when
 * it is known. A schedule whose lengths are shares of the training is a function of this, or a map
 * for {@link Schedule#fromMap(java.util.Map, TrainingLength)}.
 *
 * <pre>{@code
 * TrainingLength training = TrainingLength.of("10ep", 500); // 500 batches an epoch
 * int warmup = training.steps("0.1dur"); // 500
 * Schedule schedule =
 *     new CosineAnnealingLR(training.steps("0.9dur"))
 *         .warmedUp(warmup, WarmedUp.Kind.LINEAR, 0.01);
 * }</pre>
 *
 * <p>A step is a batch here; {@link #inEpochs()} is for what is stepped after every epoch. {@link
 * #scaledTo} stretches a training as Composer's {@code scale_schedule_ratio} does.
 */
public final class TrainingLength {

  private final Length duration;
  private final int batchesPerEpoch;
  private final double ratio;
  private final boolean isInEpochs;

  private TrainingLength(Length duration, int batchesPerEpoch, double ratio, boolean isInEpochs) {
    this.duration = duration;
    this.batchesPerEpoch = batchesPerEpoch;
    this.ratio = ratio;
    this.isInEpochs = isInEpochs;
  }

  /**
   * Makes the length of a training.
   *
   * @param duration the whole of it, in epochs or batches: {@code "90ep"} or {@code "5000ba"}
   * @param batchesPerEpoch the batches of an epoch, {@code > 0}
   * @return the length, with batches for steps
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public static TrainingLength of(String duration, int batchesPerEpoch) {
    Length length = Length.of("duration", duration);
    if (length.value() < 1
        || (length.unit() != Length.Unit.EP && length.unit() != Length.Unit.BA)) {
      throw Require.illegal("duration", ">= 1 and in ep or ba", '"' + duration + '"');
    }
    requirePositive("batchesPerEpoch", batchesPerEpoch);
    return new TrainingLength(length, batchesPerEpoch, 1, false);
  }

  /**
   * Returns the same training with epochs for steps.
   *
   * @return the length, which then takes no batches
   */
  @CheckReturnValue
  public TrainingLength inEpochs() {
    return new TrainingLength(duration, batchesPerEpoch, ratio, true);
  }

  /**
   * Returns a training so many times as long, in which every length is as much longer: Composer's
   * {@code scale_schedule_ratio}. Products are cut to whole numbers, as they are there.
   *
   * @param ratio for example 0.5 for half as long, finite and {@code > 0}
   * @return the longer or shorter training
   * @throws IllegalArgumentException if the ratio is out of its range, or nothing is left
   */
  @CheckReturnValue
  public TrainingLength scaledTo(double ratio) {
    requirePositive("ratio", ratio);
    double scaled = Math.floor(duration.value() * ratio);
    if (!(scaled >= 1 && scaled <= Integer.MAX_VALUE)) {
      throw Require.illegal(
          "ratio", "such that >= 1" + duration.unit() + " are left of " + duration, ratio);
    }
    return new TrainingLength(
        new Length(scaled, duration.unit()), batchesPerEpoch, this.ratio * ratio, isInEpochs);
  }

  /**
   * Returns how many steps a length is, cut to a whole number.
   *
   * @param length for example {@code "0.1dur"}, {@code "5ep"} or {@code "500ba"}
   * @return the steps
   * @throws IllegalArgumentException if it is no length, in a unit that is not known here, or too
   *     long for an int
   */
  public int steps(String length) {
    return steps("length", Length.of(length));
  }

  /**
   * Returns how many steps a length is, cut to a whole number.
   *
   * @param length the length
   * @return the steps
   * @throws IllegalArgumentException if it is in a unit that is not known here, or too long for an
   *     int
   */
  public int steps(Length length) {
    return steps("length", length);
  }

  int steps(String name, Length length) {
    double steps =
        switch (length.unit()) {
          // In Composer's order, so that the products are cut where its are.
          case DUR ->
              duration.unit() == Length.Unit.EP
                  ? length.value() * stepsPerEpoch() * duration.value()
                  : length.value() * durationInBatches();
          case EP -> length.value() * stepsPerEpoch() * ratio;
          case BA -> batches(name, length) * ratio;
          case SP, TOK -> throw Require.illegal(name, "in ep, ba or dur", length);
        };
    if (steps >= Integer.MAX_VALUE + 1.0) {
      throw Require.illegal(name, "at most " + Integer.MAX_VALUE + " steps", length);
    }
    return (int) steps;
  }

  /**
   * Returns how many batches the whole training has, cut to a whole number, whatever its steps are.
   *
   * @return the batches
   * @throws IllegalArgumentException if they are too many for an int
   */
  public int batches() {
    return new TrainingLength(duration, batchesPerEpoch, ratio, false).steps("1dur");
  }

  /**
   * Returns how many batches an epoch has.
   *
   * @return the batches
   */
  public int batchesPerEpoch() {
    return batchesPerEpoch;
  }

  private int stepsPerEpoch() {
    return isInEpochs ? 1 : batchesPerEpoch;
  }

  private double durationInBatches() {
    return isInEpochs ? duration.value() / batchesPerEpoch : duration.value();
  }

  private double batches(String name, Length length) {
    if (isInEpochs) {
      throw Require.illegal(name, "in ep or dur, as the schedule goes by epochs,", length);
    }
    return length.value();
  }

  /** Returns the length, and what its steps are. */
  @Override
  public String toString() {
    return duration
        + " of "
        + batchesPerEpoch
        + " batches an epoch, in "
        + (isInEpochs ? "epochs" : "batches");
  }
}
