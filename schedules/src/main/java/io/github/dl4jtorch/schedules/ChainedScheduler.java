package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireList;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
 *     new ChainedScheduler(new ConstantLR(0.1, 20), new ExponentialLR(0.9));
 * }</pre>
 *
 * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
 */
public record ChainedScheduler(List<? extends Schedule> schedulers) implements Schedule {

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

  /**
   * Takes the members one by one.
   *
   * @param schedulers the members, one or more, none of them a {@link ReduceLROnPlateau}
   * @throws IllegalArgumentException if there is no member or a plateau is among them
   */
  public ChainedScheduler(Schedule... schedulers) {
    this(Arrays.asList(schedulers));
  }

  static void requireMembers(String owner, List<? extends Schedule> schedulers) {
    if (schedulers.isEmpty()) {
      throw new IllegalArgumentException("schedulers must hold at least one schedule but was []");
    }
    schedulers.forEach(member -> Require.requireNoMetric(owner, member));
    Require.requireLevels("schedulers", schedulers);
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
    return Entries.ofType("ChainedScheduler")
        .with("schedulers", schedulers.stream().map(Schedule::toMap).toList())
        .toMap();
  }

  static ChainedScheduler read(Arguments arguments) {
    return new ChainedScheduler(arguments.schedules("schedulers"));
  }

  /** The node of {@link ChainedScheduler}: the members' nodes, stepped in turn. */
  static final class ChainedNode extends Node {

    private final ChainedScheduler schedule;
    private final List<Node> members;

    ChainedNode(ChainedScheduler schedule) {
      this.schedule = schedule;
      this.members = Node.of(schedule.schedulers());
    }

    @Override
    Schedule schedule() {
      return schedule;
    }

    @Override
    int boundGroups() {
      return members.get(0).boundGroups();
    }

    @Override
    double epoch() {
      return members.get(0).epoch();
    }

    @Override
    void bind(GroupArrays groups, int lastEpoch, Parent parent) {
      double[] lr = groups.lr.clone();
      double[] momentum = groups.momentum().clone();
      for (Node member : members) {
        member.bind(groups, lastEpoch, parent);
      }
      if (lastEpoch >= 0) {
        // A member that sets the rate from scratch would undo what the others had done to it.
        groups.restore(lr, momentum);
      }
      remember(groups.lr);
    }

    @Override
    void rewind() {
      members.forEach(Node::rewind);
    }

    @Override
    void initialStep(GroupArrays groups) {
      for (Node member : members) {
        member.initialStep(groups);
      }
      remember(groups.lr);
    }

    @Override
    void enter(GroupArrays groups) {
      members.get(0).enter(groups);
      for (int i = 1; i < members.size(); i++) {
        members.get(i).initialStep(groups);
      }
      remember(groups.lr);
    }

    @Override
    void advance(GroupArrays groups) {
      for (int i = 0; i < members.size(); i++) {
        members.get(i).advance(groups);
      }
      remember(groups.lr);
    }

    @Override
    long rest(GroupArrays groups) {
      long rest = Long.MAX_VALUE;
      for (int i = 0; i < members.size() && rest > 0; i++) {
        rest = Math.min(rest, members.get(i).rest(groups));
      }
      return rest;
    }

    @Override
    long independent(GroupArrays groups) {
      return members.size() == 1 ? members.get(0).independent(groups) : 0;
    }

    @Override
    void pass(long steps) {
      for (int i = 0; i < members.size(); i++) {
        members.get(i).pass(steps);
      }
    }

    @Override
    void advanceTo(double epoch, GroupArrays groups) {
      throw new UnsupportedOperationException(
          "ChainedScheduler has no step(epoch): its members work from the current rate; call"
              + " step()");
    }

    @Override
    void expectBounds(GroupArrays groups) {
      members.forEach(member -> member.expectBounds(groups));
    }

    @Override
    void mark() {
      super.mark();
      for (int i = 0; i < members.size(); i++) {
        members.get(i).mark();
      }
    }

    @Override
    void rollback() {
      super.rollback();
      for (int i = 0; i < members.size(); i++) {
        members.get(i).rollback();
      }
    }

    @Override
    void save(Map<String, @Nullable Object> state, ParamGroups groups) {
      super.save(state, groups);
      saveMembers(members, state, groups);
    }

    @Override
    void load(Arguments state, ParamGroups groups, int lowestEpoch) {
      super.load(state, groups, lowestEpoch);
      loadMembers(members, state, groups, i -> lowestEpoch);
      state.ignore("verbose");
    }
  }
}
