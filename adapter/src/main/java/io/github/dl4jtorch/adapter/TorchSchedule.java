package io.github.dl4jtorch.adapter;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.ExactLr;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A PyTorch schedule in DL4J's form, for use in any updater that takes an {@link ISchedule}. At
 * step {@code t} it has exactly the value that a loop calling {@code scheduler.step()} sees after
 * {@code t} calls.
 *
 * <p>The value depends on the step alone, so it is right in whatever order and from however many
 * threads it is asked for, and in every copy and replica of a network. Values are computed in
 * order, and remembered; equal schedules share them. JSON, YAML and Java serialization carry the
 * definition; one of a class of your own needs a {@link
 * io.github.dl4jtorch.schedules.ScheduleKind}.
 *
 * <pre>{@code
 * Schedule cycle = OneCycleLR.builder(0.1).totalSteps(1000).build();
 * IUpdater updater =
 *     new Nesterovs(
 *         TorchSchedule.lr(cycle, 0.1, ScheduleType.ITERATION),
 *         TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION));
 * }</pre>
 *
 * <p>What an updater makes of its rate is the updater's own affair, and pulling cannot change it:
 *
 * <ul>
 *   <li>At a rate of 0, Sgd, RmsProp, AdaGrad and Nadam stand still. Nesterovs goes on moving by
 *       its velocity, and Adam, AMSGrad and AdaMax put their epsilon in place of the 0.
 *   <li>Nesterovs keeps the rate inside its velocity, so after a change of rate it is no longer
 *       where PyTorch's SGD is.
 *   <li>Adam and its relatives read no schedule for beta1; {@link NetworkParamGroups} can cycle it.
 *   <li>An AdaGrad with a schedule loses it if it is given to the builder of the whole network, and
 *       trains to NaN: give that builder {@code new AdaGrad(lr)} and use {@link
 *       NetworkSchedule#putInto(org.deeplearning4j.nn.conf.MultiLayerConfiguration)}, or give the
 *       updater to each layer. {@link
 *       NetworkSchedule#requireRates(org.deeplearning4j.nn.conf.MultiLayerConfiguration)} finds it.
 * </ul>
 *
 * <p>To put a definition into a whole network at once, use {@link NetworkSchedule}. The
 * coefficients of l1, l2 and weight decay take an {@link ISchedule} too; there, the {@code lr} is
 * the coefficient that the schedule starts from.
 */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    setterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
public final class TorchSchedule implements ISchedule {

  private static final long serialVersionUID = 1L;

  /** Which of the two numbers that a run drives is asked for. */
  enum Quantity {
    LR("lr", "learning rate"),
    MOMENTUM("momentum", "momentum");

    private final String argument;
    private final String title;

    Quantity(String argument, String title) {
      this.argument = argument;
      this.title = title;
    }
  }

  private final Schedule definition;
  @JsonProperty private final Quantity quantity;
  @JsonProperty private final double initial;
  @JsonProperty private final ScheduleType unit;
  @JsonProperty private final int offset;
  private final transient Replay replay;
  private final transient CycledMomentum momentum;

  private TorchSchedule(
      Schedule definition, Quantity quantity, double initial, ScheduleType unit, int offset) {
    if (definition.needsMetric()) {
      throw new IllegalArgumentException(
          "definition must depend on the step alone but was a "
              + definition.name()
              + ", which needs a metric: attach it to NetworkParamGroups.of(net) and step it with"
              + " SchedulerListener.everyEpoch(run, metric)");
    }
    if (!(initial >= 0 && initial < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          quantity.argument + " must be finite and >= 0 but was " + initial);
    }
    requireWritable(definition);
    this.definition = definition;
    this.quantity = quantity;
    this.initial = initial;
    this.unit = unit;
    this.offset = offset;
    this.replay = Replay.of(new Replay.Key(definition, quantity, initial));
    this.momentum = CycledMomentum.of(definition);
    if (quantity == Quantity.MOMENTUM) {
      momentum.take();
    }
  }

  /**
   * DL4J writes and reads configurations behind one's back, so what would not survive is refused.
   */
  private static void requireWritable(Schedule definition) {
    Schedule copy;
    try {
      copy = Schedule.fromMap(definition.toMap());
    } catch (MalformedDataException notReadable) {
      throw new IllegalArgumentException(
          "definition must be read from its map, as a saved network does, but was "
              + definition
              + ": "
              + notReadable.getMessage()
              + "; make its class known by a ScheduleKind, or attach it to"
              + " NetworkParamGroups.of(net) and step it with a SchedulerListener",
          notReadable);
    }
    if (!copy.equals(definition)) {
      throw new IllegalArgumentException(
          "definition must be read from its map as it was written but was "
              + definition
              + " and became "
              + copy);
    }
  }

  /**
   * Makes the schedule of a learning rate. What a definition does to the momentum is left to {@link
   * #momentum}; {@link #updater} takes care of both. A network that is trained with the rate alone
   * of a definition that cycles the momentum warns once.
   *
   * @param definition the schedule, any but {@link ReduceLROnPlateau}
   * @param lr the optimizer's rate, {@code >= 0}; some definitions, like OneCycleLR, bring their
   *     own
   * @param unit what counts as a step
   * @return the schedule
   * @throws IllegalArgumentException if {@code lr} is out of its range, or the definition is a
   *     plateau, cannot be read from its map, has lists for several param groups, or has several
   *     steps an epoch while epochs are its steps
   * @throws UnsupportedOperationException if the definition holds a plain lambda
   */
  public static TorchSchedule lr(Schedule definition, double lr, ScheduleType unit) {
    requireUnit(definition, unit);
    return new TorchSchedule(definition, Quantity.LR, lr, unit, 0);
  }

  /**
   * Makes the schedule of a momentum, for Nesterovs. Only definitions that cycle the momentum
   * change it.
   *
   * @param definition the schedule, any but {@link ReduceLROnPlateau}
   * @param momentum the optimizer's momentum, {@code >= 0}; definitions that cycle it bring their
   *     own
   * @param unit what counts as a step
   * @return the schedule
   * @throws IllegalArgumentException if {@code momentum} is out of its range, or the definition is
   *     a plateau, cannot be read from its map, has lists for several param groups, or has several
   *     steps an epoch while epochs are its steps
   * @throws UnsupportedOperationException if the definition holds a plain lambda
   */
  public static TorchSchedule momentum(Schedule definition, double momentum, ScheduleType unit) {
    requireUnit(definition, unit);
    return new TorchSchedule(definition, Quantity.MOMENTUM, momentum, unit, 0);
  }

  private static void requireUnit(Schedule definition, ScheduleType unit) {
    if (unit == ScheduleType.EPOCH) {
      CycleLength.requireEpochs(definition, "ScheduleType.ITERATION");
    }
  }

  /**
   * Returns an updater that follows a definition in all that this drives: the rate, and where the
   * definition cycles it, the momentum or beta1. Both start from what the updater has.
   *
   * <pre>{@code
   * Schedule cycle = OneCycleLR.builder(0.1).totalSteps(1000).build();
   * IUpdater updater =
   *     TorchSchedule.updater(
   *         new TorchSGD(0.1).withMomentum(0.9), cycle, ScheduleType.ITERATION);
   * }</pre>
   *
   * @param updater the updater, which stays as it is
   * @param definition the schedule, any but {@link ReduceLROnPlateau}
   * @param unit what counts as a step
   * @param <U> the updater's type
   * @return a copy of the updater
   * @throws IllegalArgumentException if the updater has no learning rate, or one of another
   *     schedule, or cannot cycle a momentum that is to be cycled, or the definition is refused by
   *     {@link #lr}
   * @throws UnsupportedOperationException if the definition holds a plain lambda
   */
  @CheckReturnValue
  public static <U extends IUpdater> U updater(U updater, Schedule definition, ScheduleType unit) {
    @SuppressWarnings("unchecked") // A copy is of the same type.
    U copy = (U) ScheduledUpdaters.copy(updater, definition, unit);
    return copy;
  }

  /**
   * Returns this schedule with another relation to the network's count of iterations or epochs: at
   * count {@code c} it is at step {@code c + offset}.
   *
   * <p>To start a schedule in a network that was trained before, take its count, negated. To go on
   * with one after a trainer or a copy has set the count back to 0, take the steps made so far.
   *
   * @param offset steps to be added to the network's count
   * @return the moved schedule
   */
  @CheckReturnValue
  public TorchSchedule withOffset(int offset) {
    return new TorchSchedule(definition, quantity, initial, unit, offset);
  }

  @JsonCreator
  static TorchSchedule read(
      @JsonProperty("definition") @Nullable Map<String, Object> definition,
      @JsonProperty("quantity") @Nullable Quantity quantity,
      @JsonProperty("initial") @Nullable Double initial,
      @JsonProperty("unit") @Nullable ScheduleType unit,
      @JsonProperty("offset") @Nullable Integer offset) {
    return new TorchSchedule(
        Schedule.fromMap(required("definition", definition)),
        required("quantity", quantity),
        required("initial", initial),
        required("unit", unit),
        required("offset", offset));
  }

  private static <T> T required(String key, @Nullable T value) {
    if (value == null) {
      throw new MalformedDataException("TorchSchedule: \"" + key + "\" is missing");
    }
    return value;
  }

  @JsonProperty("definition")
  Map<String, Object> definitionMap() {
    return definition.toMap();
  }

  /**
   * Returns the value at a step. Below 0, what is less than {@code 1e-12} times the highest value
   * before it is rounding, and 0 is returned.
   *
   * <p>The values of the first two million steps are kept, 8 bytes each, so that they are read in
   * nanoseconds. Further on, they are computed when they are asked for, from states of the run that
   * are saved on the way; how long that takes depends on the schedule, from microseconds where it
   * goes by its epoch alone to minutes for the first value after a billion steps of a {@code
   * CosineAnnealingLR}.
   *
   * @param iteration the network's count of iterations, from 0
   * @param epoch the network's count of epochs, from 0
   * @return the value, finite and {@code >= 0}
   * @throws IllegalArgumentException if the count or the step is below 0
   * @throws ArithmeticException if the schedule's value is below 0 or not finite
   * @throws IllegalStateException if a OneCycleLR is asked for a value beyond its steps
   */
  @Override
  public double valueAt(int iteration, int epoch) {
    int count = unit == ScheduleType.ITERATION ? iteration : epoch;
    int step = Math.addExact(count, offset);
    if (count < 0 || step < 0) {
      String title = unit.name().toLowerCase(Locale.ROOT);
      throw new IllegalArgumentException(
          count < 0
              ? title + " must be >= 0 but was " + count
              : title
                  + " must be >= "
                  + -offset
                  + ", where the schedule starts, but was "
                  + count
                  + "; if a trainer or a copy set the network's count back, use another offset");
    }
    if (quantity == Quantity.LR) {
      momentum.rateAsked();
    }
    double value = replay.valueAt(step);
    return value > 0 ? value : notPositive(value, step);
  }

  private double notPositive(double value, int step) {
    if (value >= ExactLr.lowest(initial) || value >= ExactLr.lowest(replay.highestUntil(step))) {
      return 0.0;
    }
    throw new ArithmeticException(
        definition
            + " gives a "
            + quantity.title
            + " of "
            + value
            + " at step "
            + step
            + ", and DL4J's updaters take none below 0");
  }

  /**
   * Returns this schedule, which cannot change.
   *
   * @return this
   */
  @Override
  public TorchSchedule clone() {
    return this;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TorchSchedule that
        && definition.equals(that.definition)
        && quantity == that.quantity
        && Double.compare(initial, that.initial) == 0
        && unit == that.unit
        && offset == that.offset;
  }

  @Override
  public int hashCode() {
    return Objects.hash(definition, quantity.argument, initial, unit.name(), offset);
  }

  /** Returns the call that makes this schedule. */
  @Override
  public String toString() {
    return "TorchSchedule."
        + quantity.argument
        + "("
        + definition
        + ", "
        + initial
        + ", "
        + unit
        + ")"
        + (offset == 0 ? "" : ".withOffset(" + offset + ")");
  }

  /** Returns the value that the schedule was given to start from. */
  double initial() {
    return initial;
  }

  /** Returns the step at a count of the network. */
  long step(int count) {
    return (long) count + offset;
  }

  /** Returns the definition. */
  Schedule definition() {
    return definition;
  }

  /** Tells whether a step is an epoch. */
  boolean goesByEpochs() {
    return unit == ScheduleType.EPOCH;
  }

  /** Tells whether the other follows the same definition at the same steps. */
  boolean runsWith(TorchSchedule other) {
    return definition.equals(other.definition) && unit == other.unit && offset == other.offset;
  }

  /** Checks what was read, and finds its values. */
  private Object readResolve() {
    return new TorchSchedule(definition, quantity, initial, unit, offset);
  }
}
