package io.github.dl4jtorch.schedules;

import com.google.errorprone.annotations.CheckReturnValue;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntToDoubleFunction;

/**
 * The definition of a learning-rate schedule: an immutable value that holds what the constructor of
 * a PyTorch scheduler takes, apart from the optimizer.
 *
 * <p>Definitions are compared by value, are written to and read from plain maps under PyTorch's own
 * keyword names, and may be attached to any number of optimizers at the same time. Write your own
 * by implementing {@link ChainableSchedule} or {@link MetricSchedule}, and make it known by a
 * {@link ScheduleKind}.
 *
 * <pre>{@code
 * Schedule schedule = new StepLR(30, 0.1);
 * Map<String, Object> map = schedule.toMap(); // {type=StepLR, step_size=30, gamma=0.1}
 * boolean same = Schedule.fromMap(map).equals(schedule); // true
 * }</pre>
 */
public sealed interface Schedule extends Serializable
    permits ChainableSchedule,
        MetricSchedule,
        CosineAnnealingWarmRestarts,
        CyclicLR,
        OneCycleLR,
        ReduceLROnPlateau,
        SWALR,
        SequentialLR,
        ChainedScheduler,
        WarmupLR,
        DerivedSchedule {

  /**
   * Returns this definition as a plain map: {@code type} names the class, every other key is a
   * keyword argument of PyTorch's constructor. Values are Integer, Double, Boolean, String, List
   * and Map only, so any JSON library can write it. Arguments that are not set are left out.
   *
   * @return a new map in the order of PyTorch's arguments
   * @throws UnsupportedOperationException if the definition holds a plain lambda, which has no
   *     written form; use an {@link EpochFunction}
   */
  Map<String, Object> toMap();

  /**
   * Reads a definition from a map as {@link #toMap()} writes it. Whole numbers are taken for
   * fractions and {@code 30.0} for the whole number 30; {@code null} counts as absent, and an
   * absent argument takes PyTorch's default.
   *
   * @param map {@code type} and the arguments
   * @return the definition, equal to the one that was written
   * @throws MalformedDataException if the type or a key is unknown, an argument is missing, of the
   *     wrong type or out of range; the message names it
   * @throws IllegalStateException if two classes are known by the same type
   */
  @CheckReturnValue
  static Schedule fromMap(Map<String, ?> map) {
    return ScheduleTypes.read(map, null);
  }

  /**
   * Reads a definition whose whole numbers may be lengths, like {@code "0.1dur"}, {@code "5ep"} or
   * {@code "500ba"}. They become numbers here, so the definition has no lengths. Inside a {@link
   * PerIteration} or {@link WarmupLR}, which hold schedules by epochs, they become epochs.
   *
   * <pre>{@code
   * Schedule schedule =
   *     Schedule.fromMap(
   *         Map.of("type", "CosineAnnealingLR", "T_max", "0.9dur"),
   *         TrainingLength.of("10ep", 500)); // T_max 4500
   * }</pre>
   *
   * @param map {@code type} and the arguments
   * @param training how long the training is
   * @return the definition
   * @throws MalformedDataException as {@link #fromMap(Map)}, and if a length cannot be read or is
   *     in a unit that is not known
   * @throws IllegalStateException if two classes are known by the same type
   */
  @CheckReturnValue
  static Schedule fromMap(Map<String, ?> map, TrainingLength training) {
    Require.requireGiven("training", training);
    return ScheduleTypes.read(map, training);
  }

  /**
   * Returns the types that {@link #fromMap} can read at present: this library's own, then those
   * that {@link ScheduleKinds} bring or that were registered.
   *
   * @return their names
   * @throws IllegalStateException if two classes are known by the same type
   */
  static List<String> types() {
    return ScheduleTypes.names();
  }

  /**
   * Makes a kind of schedules known to {@link #fromMap}, in this JVM and from now on. Where others
   * have to know it as well, like the workers of a cluster, use {@link ScheduleKinds}.
   *
   * <pre>{@code
   * Schedule.register(
   *     ScheduleKind.of(
   *         "acme.Warm", LinearLR.class, arguments -> new LinearLR(0.1, 1, arguments.integer("n"))));
   * }</pre>
   *
   * @param kind the kind; registering it again changes nothing
   * @throws IllegalStateException if another class is known by the same type; nothing is changed
   */
  static void register(ScheduleKind<?> kind) {
    ScheduleTypes.register(kind);
  }

  /**
   * Attaches this definition to param groups as a fresh run, as PyTorch's constructor does: the
   * groups' {@code initial_lr} is set where it is absent, and the initial step is made, which may
   * already change the learning rates.
   *
   * @param groups the optimizer's groups, one or more
   * @return the run, whose {@link LRScheduler#lastEpoch()} is 0
   * @throws IllegalArgumentException if the definition does not fit the groups; they are left as
   *     they were
   * @throws ArithmeticException if the optimizer does not take a rate or a momentum; the groups are
   *     left as they were
   */
  default LRScheduler attach(ParamGroups groups) {
    return attach(groups, -1);
  }

  /**
   * Attaches this definition to param groups that are already being trained, as PyTorch's
   * constructor does with {@code last_epoch}. The initial step counts, so the run goes on at {@code
   * lastEpoch + 1}: pass the {@code lastEpoch()} of the run to be continued, less one.
   *
   * @param groups the optimizer's groups; with a {@code lastEpoch} of 0 or more each must have an
   *     {@code initial_lr}
   * @param lastEpoch the epoch (or step) before the initial step; -1 starts afresh
   * @return the run, whose {@link LRScheduler#lastEpoch()} is {@code lastEpoch + 1}
   * @throws IllegalArgumentException if the definition does not fit the groups or {@code lastEpoch}
   *     is below -1; the groups are left as they were
   * @throws ArithmeticException if the optimizer does not take a rate or a momentum; the groups are
   *     left as they were
   * @throws UnsupportedOperationException from a {@link ReduceLROnPlateau} unless {@code lastEpoch}
   *     is -1
   */
  default LRScheduler attach(ParamGroups groups, int lastEpoch) {
    return Run.start(this, groups, lastEpoch);
  }

  /**
   * Attaches this definition to param groups as the run that a saved state is of, and restores the
   * groups. That is {@link #attach(ParamGroups)} and then {@code loadStateDict(state, groups)}, but
   * the groups never have the rates of a fresh run, and a state of another definition leaves them
   * as they were.
   *
   * <pre>{@code
   * Schedule definition = new StepLR(30);
   * LRScheduler saved = definition.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
   * ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
   * LRScheduler run =
   *     definition.resume(groups, saved.stateDict(), saved.paramGroups().stateDict());
   * }</pre>
   *
   * @param groups the optimizer's groups, one or more
   * @param state as {@link LRScheduler#stateDict()} or PyTorch's {@code state_dict()} gives it
   * @param values as {@link ParamGroups#stateDict()} or PyTorch's optimizer gives it under {@code
   *     param_groups}
   * @return the run
   * @throws IllegalArgumentException if the definition does not fit the groups; they are left as
   *     they were
   * @throws MalformedDataException if state or values do not fit; the groups are left as they were
   */
  @CheckReturnValue
  default LRScheduler resume(
      ParamGroups groups, Map<String, ?> state, List<? extends Map<String, ?>> values) {
    return Run.resume(this, groups, state, values);
  }

  /**
   * Lets another schedule follow from a step on, each as if it ran alone: with a clock that is 0
   * there, and the groups' {@code initial_lr} as the rate it begins with. Joins within joins are
   * made flat, so {@code a.then(5, b.then(3, c))} equals {@code a.then(5, b).then(8, c)}.
   *
   * @param step the step at which the other takes over, {@code >= 0}
   * @param next what follows
   * @return the definition
   * @throws IllegalArgumentException if the step is below 0 or too high for an int, or a schedule
   *     needs a metric
   */
  @CheckReturnValue
  default Joined then(int step, Schedule next) {
    return Joined.of(this, step, next);
  }

  /**
   * Begins this schedule anew every so many steps. The last time it goes on beyond them.
   *
   * @param times how often it runs, {@code > 0}
   * @param steps how long it runs each time, in steps, {@code > 0}
   * @return the definition
   * @throws IllegalArgumentException if an argument is out of its range, or this needs a metric
   */
  @CheckReturnValue
  default Repeated repeat(int times, int steps) {
    return new Repeated(this, times, steps);
  }

  /**
   * Multiplies the rates.
   *
   * @param factor finite and {@code >= 0}
   * @return the definition
   * @throws IllegalArgumentException if the factor is out of its range, or this needs a metric
   */
  @CheckReturnValue
  default Scaled scaledBy(double factor) {
    return new Scaled(this, factor);
  }

  /**
   * Keeps the rates between two bounds.
   *
   * @param min the lowest rate, finite
   * @param max the highest rate, finite and {@code >= min}
   * @return the definition
   * @throws IllegalArgumentException if a bound is out of its range, or this needs a metric
   */
  @CheckReturnValue
  default Clamped clampedTo(double min, double max) {
    return new Clamped(this, min, max);
  }

  /**
   * Moves this schedule to a later step, before which its first rates hold, or to an earlier one.
   *
   * @param steps by how many steps it is later, earlier if below 0
   * @return the definition
   * @throws IllegalArgumentException if this needs a metric
   */
  @CheckReturnValue
  default Shifted shifted(int steps) {
    return new Shifted(this, steps);
  }

  /**
   * Puts a warm-up before this schedule, whose clock is 0 when that has ended.
   *
   * @param steps how long the warm-up is, in steps, {@code >= 0}
   * @param kind how the rates rise
   * @param startFactor what the first rates are multiplied by at step 0, finite, {@code > 0} if
   *     exponential
   * @return the definition
   * @throws IllegalArgumentException if an argument is out of its range, or this needs a metric
   */
  @CheckReturnValue
  default WarmedUp warmedUp(int steps, WarmedUp.Kind kind, double startFactor) {
    return new WarmedUp(this, steps, kind, startFactor);
  }

  /**
   * Lets this schedule, which goes by epochs, be stepped after every iteration.
   *
   * @param iterationsPerEpoch the iterations of an epoch, {@code > 0}
   * @return the definition
   * @throws IllegalArgumentException if the number is out of its range, or this needs a metric
   */
  @CheckReturnValue
  default PerIteration perIteration(int iterationsPerEpoch) {
    return new PerIteration(this, iterationsPerEpoch);
  }

  /**
   * Computes what this definition is going to do, on copies of param groups.
   *
   * @param groups the groups to start from, which stay as they are
   * @param steps how many rates to compute, {@code > 0}
   * @return the rates and momenta of steps 0 to {@code steps - 1}
   * @throws IllegalArgumentException if {@code steps} is out of its range, or the definition does
   *     not fit the groups
   * @throws UnsupportedOperationException if a metric is needed
   * @throws ArithmeticException if the optimizer would not take a rate or a momentum
   * @throws IllegalStateException from {@link OneCycleLR} if it has fewer steps
   * @see LRScheduler#simulate(int)
   */
  default Simulation simulate(ParamGroups groups, int steps) {
    return simulate(groups, steps, Simulation.noMetric(this));
  }

  /**
   * Computes what this definition is going to do, on copies of param groups.
   *
   * <pre>{@code
   * ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
   * Simulation stuck = ReduceLROnPlateau.builder().build().simulate(groups, 50, step -> 1.0);
   * }</pre>
   *
   * @param groups the groups to start from, which stay as they are
   * @param steps how many rates to compute, {@code > 0}
   * @param metric what a plateau is given at the end of each step; others ask for none
   * @return the rates and momenta of steps 0 to {@code steps - 1}
   * @throws IllegalArgumentException if {@code steps} is out of its range, or the definition does
   *     not fit the groups
   * @throws ArithmeticException if the optimizer would not take a rate or a momentum
   * @throws IllegalStateException from {@link OneCycleLR} if it has fewer steps
   */
  default Simulation simulate(ParamGroups groups, int steps, IntToDoubleFunction metric) {
    return Simulation.fresh(this, groups, steps, metric);
  }

  /**
   * Returns the name that messages call this definition by.
   *
   * @return the class, as a rule
   */
  default String name() {
    return getClass().getSimpleName();
  }

  /**
   * Tells whether a run is stepped with a metric, {@link LRScheduler#step(double)}, so that what it
   * does cannot be told from the step alone.
   *
   * @return true for {@link ReduceLROnPlateau} and {@link MetricSchedule}
   */
  default boolean needsMetric() {
    return false;
  }

  /**
   * Says in which direction the metric of a step is better.
   *
   * @return the direction; empty unless {@link #needsMetric()}
   */
  default Optional<ReduceLROnPlateau.Mode> metricMode() {
    return Optional.empty();
  }

  /**
   * Tells whether this definition, or a member of it, sets the groups' momentum or beta1. Then the
   * groups must have one.
   *
   * @return true if it does
   */
  default boolean drivesMomentum() {
    return false;
  }

  /**
   * Checks that this definition can be attached to the groups: lists have one entry a group, and
   * groups have a momentum where one is to be cycled. Nothing is changed.
   *
   * @param groups the optimizer's groups
   * @throws IllegalArgumentException if the definition does not fit, naming the argument
   */
  default void requireFits(ParamGroups groups) {}
}
