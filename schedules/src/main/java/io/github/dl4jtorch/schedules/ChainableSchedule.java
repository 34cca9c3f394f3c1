package io.github.dl4jtorch.schedules;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A schedule whose whole behaviour is one pure function: from the present and the base rates of all
 * groups to their next rates. It sees the groups' current rates, so it composes with other
 * schedules and with edits by hand.
 *
 * <p>To write a schedule of your own, implement {@link #next} and {@link #toMap()} in a record. To
 * have it read again, as saved networks and checkpoints do, describe it by a {@link ScheduleKind}.
 *
 * <pre>{@code
 * record HalveOnce(int at) implements ChainableSchedule {
 *   public void next(Moment moment, double[] lr, double[] base, double[] out) {
 *     for (int group = 0; group < lr.length; group++) {
 *       out[group] = moment.epoch() == at ? lr[group] / 2 : lr[group];
 *     }
 *   }
 *
 *   public Map<String, Object> toMap() {
 *     return Map.of("type", "HalveOnce", "at", at);
 *   }
 * }
 * }</pre>
 */
public non-sealed interface ChainableSchedule extends Schedule {

  /**
   * Computes the next rates of all groups. A pure function; it may be called again for the same
   * moment.
   *
   * @param at the epoch that is being entered, and whether this is the initial step
   * @param lr the groups' present rates, not to be changed
   * @param base the groups' {@code initial_lr} when the run was attached; NaN for a group that was
   *     added later, so that a rate made from it is refused
   * @param out receives the next rates, one entry a group
   */
  void next(Moment at, double[] lr, double[] base, double[] out);

  /**
   * Returns what PyTorch's {@code state_dict()} repeats of the constructor's arguments. A state is
   * refused where it disagrees with these.
   *
   * @param groups the optimizer's groups
   * @return the entries, by PyTorch's keys
   */
  default Map<String, Object> stateParameters(ParamGroups groups) {
    Map<String, Object> parameters = new LinkedHashMap<>(toMap());
    parameters.remove("type");
    return parameters;
  }
}
