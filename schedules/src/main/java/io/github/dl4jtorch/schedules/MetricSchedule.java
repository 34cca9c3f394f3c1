package io.github.dl4jtorch.schedules;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A schedule of your own that is stepped with a metric, like {@link ReduceLROnPlateau}. The
 * definition itself stays immutable: what a run has to remember between steps are numbers, which
 * the run keeps, saves and restores.
 *
 * <pre>{@code
 * record HalveWhenWorse() implements MetricSchedule {
 *   public Optional<ReduceLROnPlateau.Mode> metricMode() {
 *     return Optional.of(ReduceLROnPlateau.Mode.MIN);
 *   }
 *
 *   public double[] memory(double[] lr) {
 *     return new double[] {Double.POSITIVE_INFINITY}; // the last metric
 *   }
 *
 *   public void next(
 *       double epoch, double metric, double[] lr, double[] base, double[] memory, double[] out) {
 *     for (int group = 0; group < lr.length; group++) {
 *       out[group] = metric > memory[0] ? lr[group] / 2 : lr[group];
 *     }
 *     memory[0] = metric;
 *   }
 *
 *   public Map<String, Object> toMap() {
 *     return Map.of("type", "HalveWhenWorse");
 *   }
 * }
 * }</pre>
 */
public non-sealed interface MetricSchedule extends Schedule {

  /**
   * Returns what a fresh run remembers. What is kept for each group stands last, in their order.
   *
   * @param lr the groups' rates when it is attached
   * @return a new array, always of the same length for as many groups
   */
  double[] memory(double[] lr);

  /**
   * Checks what a saved run remembered.
   *
   * @param memory as {@link #memory} and {@link #next} leave it
   * @throws IllegalArgumentException if no run can remember that
   */
  default void requireMemory(double[] memory) {}

  /**
   * Sets the rates that a fresh run starts with; they stay as they are by default.
   *
   * @param lr the groups' rates when it is attached
   * @param base the groups' {@code initial_lr}
   * @param out receives the rates, one entry a group
   */
  default void first(double[] lr, double[] base, double[] out) {
    System.arraycopy(lr, 0, out, 0, lr.length);
  }

  /**
   * Computes the next rates of all groups, and changes what is remembered. Apart from that a pure
   * function.
   *
   * @param epoch the number of the step, 1 for the first
   * @param metric the metric of the step, maybe NaN
   * @param lr the groups' present rates, not to be changed
   * @param base the groups' {@code initial_lr} when the run was attached; NaN for a group that was
   *     added later
   * @param memory what the run remembers, to be changed in place
   * @param out receives the next rates, one entry a group
   */
  void next(double epoch, double metric, double[] lr, double[] base, double[] memory, double[] out);

  /**
   * Does the same for a step without a metric, which most schedules refuse.
   *
   * @param epoch the number of the step, 1 for the first
   * @param lr the groups' present rates, not to be changed
   * @param base the groups' {@code initial_lr} when the run was attached
   * @param memory what the run remembers, to be changed in place
   * @param out receives the next rates, one entry a group
   * @throws UnsupportedOperationException if the schedule needs a metric at every step
   */
  default void next(double epoch, double[] lr, double[] base, double[] memory, double[] out) {
    throw new UnsupportedOperationException(
        name() + " needs a metric: call step(metric), for instance with the validation loss");
  }

  /** Says that runs are stepped with a metric. */
  @Override
  default boolean needsMetric() {
    return true;
  }

  @Override
  Optional<ReduceLROnPlateau.Mode> metricMode();

  /**
   * Returns what a state says of the arguments. A state is refused where it disagrees with these.
   *
   * @return the entries
   */
  default Map<String, Object> stateParameters() {
    Map<String, Object> parameters = new LinkedHashMap<>(toMap());
    parameters.remove("type");
    return parameters;
  }
}
