package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireList;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
 *     new SequentialLR(List.of(new LinearLR(0.01, 1.0, 5), new CosineAnnealingLR(595)), 5);
 * }</pre>
 *
 * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
 * @param milestones the epochs at which the next member takes over, one fewer than members, in
 *     ascending order; a member between two equal ones never runs
 */
public record SequentialLR(List<? extends Schedule> schedulers, List<Integer> milestones)
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

  /**
   * Takes the milestones one by one.
   *
   * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
   * @param milestones the epochs at which the next member takes over, one fewer than members, in
   *     ascending order
   * @throws IllegalArgumentException if there is no member, a plateau is among them, or the
   *     milestones are not one fewer or not in ascending order
   */
  public SequentialLR(List<? extends Schedule> schedulers, int... milestones) {
    this(schedulers, Arrays.stream(milestones).boxed().toList());
  }

  @Override
  public boolean drivesMomentum() {
    return schedulers.stream().anyMatch(Schedule::drivesMomentum);
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
    return new SequentialLR(arguments.schedules("schedulers"), arguments.integers("milestones"));
  }

  /** The node of {@link SequentialLR}: its clock, and the members' nodes. */
  static final class SequentialNode extends Node {

    private final SequentialLR schedule;
    private final List<Node> members;
    private final int[] milestones;
    private double epoch;
    private double markedEpoch;

    SequentialNode(SequentialLR schedule) {
      this.schedule = schedule;
      this.members = Node.of(schedule.schedulers());
      this.milestones = schedule.milestones().stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    Schedule schedule() {
      return schedule;
    }

    @Override
    String name() {
      return active().name();
    }

    @Override
    int boundGroups() {
      return members.get(0).boundGroups();
    }

    @Override
    double epoch() {
      return epoch;
    }

    @Override
    void bind(GroupArrays groups, int lastEpoch, Parent parent) {
      if (lastEpoch >= 0) {
        replay(groups, lastEpoch);
        return;
      }
      for (Node member : members) {
        member.bind(groups, -1, Parent.SEQUENTIAL);
      }
      // Until it is entered; without, a state would show whatever rates others set meanwhile.
      remember(groups.lr);
      if (parent == Parent.NO_SEQUENTIAL) {
        System.arraycopy(groups.marks(GroupMark.INITIAL_LR), 0, groups.lr, 0, groups.size());
        rewind();
        initialStep(groups);
      }
    }

    @Override
    void rewind() {
      epoch = -1;
      members.forEach(Node::rewind);
    }

    @Override
    void initialStep(GroupArrays groups) {
      epoch = 0;
      active().initialStep(groups);
      remember(groups.lr);
    }

    @Override
    void enter(GroupArrays groups) {
      epoch = 0;
      active().enter(groups);
      remember(groups.lr);
    }

    @Override
    void advance(GroupArrays groups) {
      epoch += 1;
      int index = activeIndex();
      if (index > 0 && milestones[index - 1] == epoch) {
        members.get(index).enter(groups);
      } else {
        members.get(index).advance(groups);
      }
      remember(groups.lr);
    }

    @Override
    long rest(GroupArrays groups) {
      return Math.min(active().rest(groups), stepsToMilestone() - 1);
    }

    @Override
    long independent(GroupArrays groups) {
      // The last step before a milestone counts for the member that enters there.
      return Math.min(active().independent(groups), stepsToMilestone() - 2);
    }

    @Override
    void pass(long steps) {
      active().pass(steps);
      epoch += steps;
    }

    private long stepsToMilestone() {
      int index = activeIndex();
      return index < milestones.length ? (long) (milestones[index] - epoch) : Long.MAX_VALUE;
    }

    @Override
    void advanceTo(double epoch, GroupArrays groups) {
      throw new UnsupportedOperationException(
          "SequentialLR has no step(epoch): its members cannot jump; call step()");
    }

    private Node active() {
      return members.get(activeIndex());
    }

    /** Counts the milestones that have been reached. */
    private int activeIndex() {
      int index = 0;
      while (index < milestones.length && milestones[index] <= epoch) {
        index++;
      }
      return index;
    }

    @Override
    void expectBounds(GroupArrays groups) {
      members.forEach(member -> member.expectBounds(groups));
    }

    @Override
    void mark() {
      super.mark();
      markedEpoch = epoch;
      for (int i = 0; i < members.size(); i++) {
        members.get(i).mark();
      }
    }

    @Override
    void rollback() {
      super.rollback();
      epoch = markedEpoch;
      for (int i = 0; i < members.size(); i++) {
        members.get(i).rollback();
      }
    }

    @Override
    void save(Map<String, @Nullable Object> state, ParamGroups groups) {
      state.put("_milestones", schedule.milestones());
      state.put("last_epoch", Arguments.wholeOrFraction(epoch));
      super.save(state, groups);
      saveMembers(members, state, groups);
    }

    @Override
    void load(Arguments state, ParamGroups groups, int lowestEpoch) {
      super.load(state, groups, lowestEpoch);
      requireSame(Map.of("_milestones", schedule.milestones()), state);
      epoch = state.count("last_epoch", lowestEpoch, Double.MAX_VALUE);
      int entered = epoch < 0 ? -1 : activeIndex();
      loadMembers(members, state, groups, i -> i == entered ? 0 : -1);
      state.ignore("verbose");
    }
  }
}
