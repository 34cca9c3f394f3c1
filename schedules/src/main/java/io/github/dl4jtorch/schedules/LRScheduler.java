package io.github.dl4jtorch.schedules;

import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;

/**
 * A schedule at work on an optimizer's param groups: PyTorch's {@code LRScheduler} object.
 *
 * <p>Every call either does all of its work or throws and leaves run and groups as they were. A run
 * is not safe for use by several threads at a time.
 *
 * <pre>{@code
 * ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
 * LRScheduler scheduler = new ExponentialLR(0.9).attach(groups);
 * scheduler.step();
 * double lr = scheduler.getLastLr()[0]; // 0.09000000000000001
 * }</pre>
 */
public sealed interface LRScheduler permits Run {

  /**
   * Enters the next epoch (or step) and sets the groups' rates, and momenta where they are cycled.
   * Call it after the epoch's (or batch's) updates.
   *
   * @throws ArithmeticException if a rate would not be finite, or the optimizer does not take it or
   *     a momentum
   * @throws IllegalStateException from {@link OneCycleLR} after its last step
   * @throws UnsupportedOperationException from {@link ReduceLROnPlateau}, which needs a metric
   */
  void step();

  /**
   * Makes a number of steps at once. Numbers and counts end up as by as many calls of {@link
   * #step()}, to the bit, but steps that make no difference are not computed, and the groups get
   * the last rates alone: those between are not shown to the optimizer, which might refuse them.
   *
   * <pre>{@code
   * LRScheduler scheduler = new StepLR(30).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
   * scheduler.skip(1_000_000_000); // makes but the decays
   * }</pre>
   *
   * @param steps how many, {@code >= 0}
   * @throws IllegalArgumentException if the number is below 0
   * @throws ArithmeticException if a rate would not be finite, or the optimizer does not take the
   *     last one; no step is made
   * @throws IllegalStateException from {@link OneCycleLR} after its last step
   * @throws UnsupportedOperationException from {@link ReduceLROnPlateau}, which needs a metric
   */
  void skip(long steps);

  /**
   * For {@link ReduceLROnPlateau}, makes a step with a metric; NaN counts as a bad one. For every
   * other single schedule, goes to the given epoch, by the closed form where there is one.
   *
   * @param epochOrMetric the metric for a plateau, otherwise the epoch, which may be fractional
   * @throws IllegalArgumentException if an epoch is not finite, is below 0, or is outside what the
   *     schedule takes
   * @throws ArithmeticException if a rate would not be finite, or the optimizer does not take it or
   *     a momentum
   * @throws UnsupportedOperationException from {@link SequentialLR} and {@link ChainedScheduler}
   */
  void step(double epochOrMetric);

  /**
   * Returns the rates that this run set at its own last step. Later changes by others do not show.
   *
   * @return a new array, one entry a group
   */
  double[] getLastLr();

  /**
   * Returns the epoch (or step) this run is in: the number of steps since the start, unless {@code
   * step(epoch)} went elsewhere. A {@link ChainedScheduler} answers for its first member.
   *
   * @return PyTorch's {@code last_epoch}, 0 after attaching afresh
   */
  double lastEpoch();

  /**
   * Returns this run's definition.
   *
   * @return the schedule that was attached
   */
  Schedule schedule();

  /**
   * Returns the groups this run works on.
   *
   * @return the groups that were given to {@code attach}
   */
  ParamGroups paramGroups();

  /**
   * Computes what this run is going to do, from where it is and with the rates that the groups have
   * now. Run and groups stay as they are.
   *
   * @param steps how many rates to compute, {@code > 0}; the first are the present ones
   * @return the rates and momenta
   * @throws IllegalArgumentException if {@code steps} is out of its range
   * @throws UnsupportedOperationException if a metric is needed
   * @throws ArithmeticException if the optimizer would not take a rate or a momentum
   * @throws IllegalStateException from {@link OneCycleLR} if fewer steps are left
   */
  default Simulation simulate(int steps) {
    return simulate(steps, Simulation.noMetric(schedule()));
  }

  /**
   * Computes what this run is going to do, from where it is and with the rates that the groups have
   * now. Run and groups stay as they are.
   *
   * @param steps how many rates to compute, {@code > 0}; the first are the present ones
   * @param metric what a plateau is given at the end of each step; others ask for none
   * @return the rates and momenta
   * @throws IllegalArgumentException if {@code steps} is out of its range
   * @throws ArithmeticException if the optimizer would not take a rate or a momentum
   * @throws IllegalStateException from {@link OneCycleLR} if fewer steps are left
   */
  default Simulation simulate(int steps, IntToDoubleFunction metric) {
    return Simulation.onwards(this, steps, metric);
  }

  /**
   * Returns the state to be saved, under PyTorch's keys. Rates and bounds in the groups are not
   * part of it: save {@link ParamGroups#stateDict()} beside it.
   *
   * @return a new map of Integer, Double, Boolean, String, List, Map and null, which any JSON
   *     library writes and reads with its defaults: an infinite {@code best} is the {@code
   *     BigDecimal} 1E+999, which they and Python read as infinity
   */
  Map<String, Object> stateDict();

  /**
   * Takes up a saved state of the same definition, from here or from PyTorch, and touches no group.
   *
   * @param state as {@link #stateDict()} or PyTorch's {@code state_dict()} gives it
   * @return true if the groups' rates agree with the state; false means that the training would go
   *     on with other rates than it was saved with, so restore the groups too; a {@link
   *     System.Logger} is then warned as well
   * @throws MalformedDataException if it is not a state of this definition over as many groups;
   *     nothing is changed
   */
  boolean loadStateDict(Map<String, ?> state);

  /**
   * Takes up a saved state and restores the groups with it.
   *
   * @param state as {@link #stateDict()} or PyTorch's {@code state_dict()} gives it
   * @param groups as {@link ParamGroups#stateDict()} or PyTorch's optimizer gives it under {@code
   *     param_groups}
   * @throws MalformedDataException if either does not fit; nothing is changed
   */
  void loadStateDict(Map<String, ?> state, List<? extends Map<String, ?>> groups);
}
