package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.Simulation;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A schedule that was found somewhere, and what it starts from.
 *
 * @param name what it is called
 * @param groupNames what its param groups are called
 * @param isByEpoch whether it is known to be stepped once an epoch
 * @param simulator simulates a number of steps
 */
record Source(String name, List<String> groupNames, boolean isByEpoch, Simulator simulator) {

  /** Computes what is to come. */
  interface Simulator {
    Simulation simulate(int steps);
  }

  /** A definition that starts afresh. A plateau is shown as it acts when nothing improves. */
  static Source of(
      String name,
      Schedule schedule,
      ParamGroups groups,
      @Nullable List<String> groupNames,
      boolean isByEpoch) {
    return new Source(
        name,
        groupNames == null ? numbered(groups) : groupNames,
        isByEpoch,
        steps -> schedule.simulate(groups, steps, step -> 1.0));
  }

  /** A run that goes on. */
  static Source of(String name, LRScheduler run, @Nullable List<String> groupNames) {
    return new Source(
        name,
        groupNames == null ? numbered(run.paramGroups()) : groupNames,
        false,
        steps -> run.simulate(steps, step -> 1.0));
  }

  private static List<String> numbered(ParamGroups groups) {
    return IntStream.range(0, groups.size()).mapToObj(group -> "param group " + group).toList();
  }

  Source stepped(boolean byEpoch) {
    return new Source(name, groupNames, byEpoch, simulator);
  }
}
