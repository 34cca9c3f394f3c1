package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireList;

import java.util.List;
import java.util.Map;

/**
 * Steps several schedules one after the other, each working from the rate the one before it left.
 * Order matters for members that ignore the present rate, like {@link LambdaLR}: what came before
 * them is lost.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.ChainedScheduler}. Members may be composites
 * themselves, as deep as you like.
 *
 * <pre>{@code
 * Schedule schedule =
 *     new ChainedScheduler(List.of(new ConstantLR(0.1, 20), new ExponentialLR(0.9)));
 * }</pre>
 *
 * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
 */
public record ChainedScheduler(List<Schedule> schedulers) implements Schedule {

  /**
   * Checks the argument and copies the list.
   *
   * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
   * @throws IllegalArgumentException if there is no member or a plateau is among them
   */
  public ChainedScheduler {
    schedulers = requireList("schedulers", schedulers);
    requireMembers("ChainedScheduler", schedulers);
  }

  static void requireMembers(String owner, List<Schedule> schedulers) {
    if (schedulers.isEmpty()) {
      throw new IllegalArgumentException("schedulers must hold at least one schedule but was []");
    }
    for (Schedule member : schedulers) {
      if (member instanceof ReduceLROnPlateau) {
        throw new IllegalArgumentException(
            owner
                + " cannot hold a ReduceLROnPlateau, which needs a metric; attach it to the same"
                + " groups and step it beside this one");
      }
    }
    Require.requireLevels("schedulers", schedulers);
  }

  @Override
  public void requireFits(ParamGroups groups) {
    schedulers.forEach(scheduler -> scheduler.requireFits(groups));
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("ChainedScheduler")
        .with("schedulers", schedulers.stream().map(Schedule::toMap).toList())
        .toMap();
  }

  static ChainedScheduler read(Arguments arguments) {
    return new ChainedScheduler(ScheduleTypes.readMembers(arguments));
  }
}
