package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireList;

import java.util.List;
import java.util.Map;

/**
 * Lets one schedule follow another: {@code schedulers[i]} is at work from {@code milestones[i - 1]}
 * on, with a clock of its own that starts there at 0.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.SequentialLR}. Members may be composites
 * themselves, as deep as you like: a {@code SequentialLR} inside another is the same as one flat
 * one.
 *
 * <pre>{@code
 * Schedule schedule =
 *     new SequentialLR(
 *         List.of(new LinearLR(0.01, 1.0, 5), new CosineAnnealingLR(595)), List.of(5));
 * }</pre>
 *
 * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
 * @param milestones the epochs at which the next member takes over, one fewer than members, in
 *     ascending order; a member between two equal ones never runs
 */
public record SequentialLR(List<Schedule> schedulers, List<Integer> milestones)
    implements Schedule {

  /**
   * Checks the arguments and copies the lists.
   *
   * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
   * @param milestones the epochs at which the next member takes over, one fewer than members, in
   *     ascending order; a member between two equal ones never runs
   * @throws IllegalArgumentException if there is no member, a plateau is among them, or the
   *     milestones are not one fewer or not in ascending order
   */
  public SequentialLR {
    schedulers = requireList("schedulers", schedulers);
    milestones = requireList("milestones", milestones);
    ChainedScheduler.requireMembers("SequentialLR", schedulers);
    if (milestones.size() != schedulers.size() - 1) {
      throw new IllegalArgumentException(
          "milestones must have "
              + (schedulers.size() - 1)
              + " entries for "
              + schedulers.size()
              + " schedulers but was "
              + milestones);
    }
    for (int i = 1; i < milestones.size(); i++) {
      if (milestones.get(i) < milestones.get(i - 1)) {
        throw Require.illegal("milestones", "in ascending order", milestones);
      }
    }
  }

  @Override
  public void requireFits(ParamGroups groups) {
    schedulers.forEach(scheduler -> scheduler.requireFits(groups));
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("SequentialLR")
        .with("schedulers", schedulers.stream().map(Schedule::toMap).toList())
        .with("milestones", milestones)
        .toMap();
  }

  static SequentialLR read(Arguments arguments) {
    return new SequentialLR(ScheduleTypes.readMembers(arguments), arguments.integers("milestones"));
  }
}
