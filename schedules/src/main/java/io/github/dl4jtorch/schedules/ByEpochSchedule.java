package io.github.dl4jtorch.schedules;

/**
 * A schedule that finds its rates by the epoch and the groups' base rates alone, whatever the
 * present rates are. {@code step()} and {@code step(epoch)} then give the same, edits of the rate
 * by others are overwritten at the next step, and a run may skip any number of steps at once.
 *
 * <p>It may also set the groups' momentum: say so by {@link #drivesMomentum()}.
 *
 * <pre>{@code
 * record Inverse(double rate) implements ByEpochSchedule {
 *   public void next(Moment at, double[] lr, double[] base, double[] out) {
 *     for (int group = 0; group < lr.length; group++) {
 *       out[group] = base[group] / (1 + rate * at.epoch());
 *     }
 *   }
 *
 *   public Map<String, Object> toMap() {
 *     return Map.of("type", "Inverse", "rate", rate);
 *   }
 * }
 * }</pre>
 */
public interface ByEpochSchedule extends ChainableSchedule {

  /**
   * Computes the rates of all groups without a look at the present ones. A pure function.
   *
   * @param at the epoch that is being entered, and whether this is the initial step
   * @param lr the groups' present rates, of which only the number counts
   * @param base the groups' {@code initial_lr} when the run was attached; NaN for a group that was
   *     added later, so that a rate made from it is refused
   * @param out receives the rates, one entry a group
   */
  @Override
  void next(Moment at, double[] lr, double[] base, double[] out);

  /**
   * Returns the momentum, or beta1 in groups of Adam's kind. Asked only of schedules that say they
   * drive it.
   *
   * @param epoch the epoch that is being entered
   * @return the momentum of all groups
   */
  default double momentum(double epoch) {
    return Double.NaN;
  }

  /** Refuses groups without a momentum where it is driven. */
  @Override
  default void requireFits(ParamGroups groups) {
    if (drivesMomentum()) {
      groups.requireMomentum(name() + " is to set the momentum", "build it without");
    }
  }
}
