package io.github.dl4jtorch.schedules;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The node of {@link WarmupLR}: the count of iterations and the epoch schedule's node. During the
 * warm-up that node finds the rates that it left itself; these are the {@code lastLr} it remembers.
 * Afterwards it works on the groups.
 */
final class WarmupNode extends Node {

  private final WarmupLR schedule;
  private final Node after;
  private int iteration;
  private int boundGroups;
  // What the epoch schedule left; of no meaning without a warm-up of the momentum.
  private double[] ownMomentum = {};
  private int markedIteration;
  private double[] markedMomentum = {};

  WarmupNode(WarmupLR schedule) {
    this.schedule = schedule;
    this.after = Node.of(schedule.after());
  }

  @Override
  Schedule schedule() {
    return schedule;
  }

  @Override
  String name() {
    return iteration < schedule.warmupIterations() ? super.name() : after.name();
  }

  @Override
  int boundGroups() {
    return boundGroups;
  }

  @Override
  double epoch() {
    return iteration;
  }

  @Override
  void bind(GroupArrays groups, int lastEpoch, Parent parent) {
    boundGroups = groups.size();
    if (lastEpoch >= 0) {
      replay(groups, lastEpoch);
      return;
    }
    if (schedule.warmupMomentum() != null) {
      for (int i = 0; i < boundGroups; i++) {
        if (Double.isNaN(groups.initialMomentum[i])) {
          groups.initialMomentum[i] = groups.momentum[i];
        }
      }
      System.arraycopy(groups.initialMomentum, 0, groups.momentum, 0, boundGroups);
      ownMomentum = groups.momentum.clone();
    }
    after.bind(groups, -1, parent);
    remember(groups.lr);
    iteration = 0;
    if (parent == Parent.NO_SEQUENTIAL) {
      warmUp(groups);
    }
  }

  /** Finds the count, and where the epoch schedule is, by running through on the side. */
  private void replay(GroupArrays groups, int lastEpoch) {
    double[] lr = groups.lr.clone();
    double[] momentum = groups.momentum.clone();
    System.arraycopy(groups.initialLr, 0, groups.lr, 0, groups.size());
    bind(groups, -1, Parent.NO_SEQUENTIAL);
    for (int step = 0; step <= lastEpoch; step++) {
      advance(groups);
    }
    groups.restore(lr, momentum);
    remember(groups.lr);
  }

  @Override
  void rewind() {
    iteration = -1;
    after.rewind();
  }

  @Override
  void initialStep(GroupArrays groups) {
    iteration = 0;
    after.initialStep(groups);
    warmUp(groups);
  }

  @Override
  void enter(GroupArrays groups) {
    iteration = 0;
    after.enter(groups);
    warmUp(groups);
  }

  @Override
  void advance(GroupArrays groups) {
    iteration = Math.addExact(iteration, 1);
    boolean isWarmingUp = iteration <= schedule.warmupIterations();
    if (isWarmingUp) {
      System.arraycopy(after.lastLr(), 0, groups.lr, 0, Math.min(boundGroups, groups.size()));
      System.arraycopy(ownMomentum, 0, groups.momentum, 0, ownMomentum.length);
    }
    if (iteration % schedule.iterationsPerEpoch() == 0) {
      if (!isWarmingUp) {
        undoRounding(groups.lr);
      }
      after.advance(groups);
    }
    if (isWarmingUp) {
      warmUp(groups);
    } else {
      remember(groups.lr);
    }
  }

  @Override
  long rest(GroupArrays groups) {
    int perEpoch = schedule.iterationsPerEpoch();
    return iteration > schedule.warmupIterations() ? perEpoch - iteration % perEpoch - 1 : 0;
  }

  @Override
  void pass(long steps) {
    iteration = (int) Math.addExact(iteration, steps);
  }

  /** Puts the target in the place of what the end of the line was rounded to. */
  private void undoRounding(double[] lr) {
    for (int i = 0; i < Math.min(boundGroups, lr.length); i++) {
      double target = after.lastLr()[i];
      double end =
          schedule.between(schedule.warmupLr().get(i), target, schedule.warmupIterations());
      if (lr[i] == end) {
        lr[i] = target;
      }
    }
  }

  /** Notes what the epoch schedule gives and leads the groups towards it. */
  private void warmUp(GroupArrays groups) {
    Double warmupMomentum = schedule.warmupMomentum();
    System.arraycopy(groups.momentum, 0, ownMomentum, 0, ownMomentum.length);
    for (int i = 0; i < groups.size(); i++) {
      groups.lr[i] =
          i < boundGroups
              ? schedule.between(schedule.warmupLr().get(i), groups.lr[i], iteration)
              : Double.NaN;
      boolean isEnd = iteration == schedule.warmupIterations();
      if (i < ownMomentum.length && warmupMomentum != null && !isEnd) {
        groups.momentum[i] = schedule.between(warmupMomentum, ownMomentum[i], iteration);
      }
    }
    LeafNode.requireFinite(groups, this, boundGroups);
    remember(groups.lr);
  }

  @Override
  void advanceTo(double epoch, GroupArrays groups) {
    throw new UnsupportedOperationException(
        "WarmupLR has no step(epoch): its epoch schedule goes by the iterations; call step()");
  }

  @Override
  void mark() {
    super.mark();
    markedIteration = iteration;
    if (markedMomentum.length != ownMomentum.length) {
      markedMomentum = new double[ownMomentum.length];
    }
    System.arraycopy(ownMomentum, 0, markedMomentum, 0, ownMomentum.length);
    after.mark();
  }

  @Override
  void rollback() {
    super.rollback();
    iteration = markedIteration;
    System.arraycopy(markedMomentum, 0, ownMomentum, 0, markedMomentum.length);
    after.rollback();
  }

  @Override
  void save(Map<String, @Nullable Object> state, ParamGroups groups) {
    state.putAll(schedule.parameters());
    state.put("last_epoch", iteration);
    if (schedule.warmupMomentum() != null) {
      state.put("_momentum", boxed(ownMomentum));
    }
    super.save(state, groups);
    saveMembers(List.of(after), state, groups);
  }

  @Override
  void load(Arguments state, ParamGroups groups, int lowestEpoch) {
    super.load(state, groups, lowestEpoch);
    schedule.requireFits(groups);
    requireSame(schedule.parameters(), state);
    iteration = (int) state.count("last_epoch", lowestEpoch, Integer.MAX_VALUE);
    loadMembers(List.of(after), state, groups, i -> Math.min(iteration, 0));
    boundGroups = after.boundGroups();
    if (schedule.warmupMomentum() != null) {
      ownMomentum = doubles(state.finiteNumbers("_momentum"));
      if (ownMomentum.length != boundGroups) {
        throw state.malformed(
            "\"_momentum\" must have an entry for each of the "
                + boundGroups
                + " param groups but has "
                + ownMomentum.length);
      }
    }
    state.ignore("verbose");
  }
}
