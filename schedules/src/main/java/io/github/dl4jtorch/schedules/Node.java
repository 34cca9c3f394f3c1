package io.github.dl4jtorch.schedules;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What one schedule of a tree remembers between steps, and how it moves. All calls work on arrays,
 * never on the groups; the {@link Run} at the root reads and writes those.
 */
abstract class Node {

  private double[] lastLr = {};
  private double[] markedLastLr = {};

  /** Makes the node for a definition, not yet bound to groups. */
  static Node of(Schedule schedule) {
    return ScheduleTypes.node(schedule);
  }

  static List<Node> of(List<? extends Schedule> schedules) {
    return schedules.stream().map(Node::of).toList();
  }

  abstract Schedule schedule();

  /** The name of the definition whose numbers were last written. */
  String name() {
    return schedule().name();
  }

  abstract double epoch();

  /** Does what PyTorch's constructor does, its initial step included. */
  abstract void bind(GroupArrays groups, int lastEpoch, Parent parent);

  /** Goes back to before the initial step, the rates apart. */
  abstract void rewind();

  /** Makes the initial step. */
  abstract void initialStep(GroupArrays groups);

  /** Makes one plain step. */
  abstract void advance(GroupArrays groups);

  /** Makes plain steps, leaving out those that make no difference to what comes after. */
  final void advance(long steps, GroupArrays groups) {
    long left = steps;
    while (left > 0) {
      long idle = Math.min(left - 1, Math.max(rest(groups), independent(groups)));
      if (idle > 0) {
        pass(idle);
        left -= idle;
      }
      advance(groups);
      left--;
    }
  }

  /**
   * Binds at a {@code lastEpoch} of 0 or more, where the state is that of a run from the start: by
   * running through on the side. The rates and momenta stay.
   */
  final void replay(GroupArrays groups, int lastEpoch) {
    double[] lr = groups.lr.clone();
    double[] momentum = groups.momentum().clone();
    System.arraycopy(groups.marks(GroupMark.INITIAL_LR), 0, groups.lr, 0, groups.size());
    bind(groups, -1, Parent.NO_SEQUENTIAL);
    for (int step = 0; step <= lastEpoch; step++) {
      advance(groups);
    }
    groups.restore(lr, momentum);
    remember(groups.lr);
  }

  /** Refuses a {@code lastEpoch} other than -1 for a schedule that goes by metrics. */
  final void requireFromStart(int lastEpoch) {
    if (lastEpoch != -1) {
      throw new UnsupportedOperationException(
          name()
              + " cannot be attached at lastEpoch "
              + lastEpoch
              + ": what it does depends on the metrics it has seen; load its state dict instead");
    }
  }

  /** How many of the next steps are known to leave rates and momenta as they are. */
  long rest(GroupArrays groups) {
    return 0;
  }

  /** How many of the next steps are known to be followed by one that goes by its epoch alone. */
  long independent(GroupArrays groups) {
    return 0;
  }

  /** Counts steps that need not be computed, by one of the two above. */
  void pass(long steps) {
    throw new IllegalStateException(name() + " has no steps that can be left out");
  }

  /** Goes to an epoch, or takes a metric. */
  abstract void advanceTo(double epochOrMetric, GroupArrays groups);

  /** Starts at a milestone of a {@link SequentialLR}. */
  abstract void enter(GroupArrays groups);

  /** Remembers the present state, for {@link #rollback()}. Allocates nothing. */
  void mark() {
    if (markedLastLr.length != lastLr.length) {
      markedLastLr = new double[lastLr.length];
    }
    System.arraycopy(lastLr, 0, markedLastLr, 0, lastLr.length);
  }

  /** Returns to the state at {@link #mark()}. */
  void rollback() {
    if (lastLr.length != markedLastLr.length) {
      lastLr = new double[markedLastLr.length];
    }
    System.arraycopy(markedLastLr, 0, lastLr, 0, markedLastLr.length);
  }

  /** Adds the state under PyTorch's keys. */
  void save(Map<String, @Nullable Object> state, ParamGroups groups) {
    List<Object> rates = new ArrayList<>(groups.size());
    for (int i = 0; i < groups.size(); i++) {
      rates.add(i < lastLr.length ? lastLr[i] : groups.get(i).lr());
    }
    state.put("_last_lr", rates);
  }

  /**
   * Takes up a state; on an exception this node is of no further use.
   *
   * @param lowestEpoch -1 for a member that a {@link SequentialLR} may not have entered yet, else 0
   */
  void load(Arguments state, ParamGroups groups, int lowestEpoch) {
    lastLr = doubles(state.finiteNumbers("_last_lr"));
    if (lastLr.length != groups.size()) {
      throw state.malformed(
          "the state is of " + lastLr.length + " param groups and there are " + groups.size());
    }
  }

  /** Writes the bounds that the groups of a state must have. */
  void expectBounds(GroupArrays groups) {}

  /** The number of groups there were when this was bound. */
  abstract int boundGroups();

  final double[] lastLr() {
    return lastLr;
  }

  /** Notes the rates that were set. */
  final void remember(double[] lr) {
    if (lastLr.length != lr.length) {
      lastLr = new double[lr.length];
    }
    System.arraycopy(lr, 0, lastLr, 0, lr.length);
  }

  static double[] doubles(List<Double> numbers) {
    return numbers.stream().mapToDouble(Double::doubleValue).toArray();
  }

  static List<Object> boxed(double[] numbers) {
    return new ArrayList<>(Arrays.stream(numbers).boxed().toList());
  }

  /** Refuses a state whose parameters are not those of the definition. */
  static void requireSame(Map<String, ?> parameters, Arguments state) {
    parameters.forEach(
        (key, own) -> {
          Object saved = state.value(key);
          if (saved != null && !Arguments.agrees(saved, own)) {
            throw state.malformed(
                "the state was saved with \""
                    + key
                    + "\" "
                    + Arguments.shown(saved)
                    + " and this one has "
                    + own);
          }
        });
  }

  /** Writes the states of a composite's members. */
  static void saveMembers(
      List<Node> members, Map<String, @Nullable Object> state, ParamGroups groups) {
    List<Object> states = new ArrayList<>();
    for (Node member : members) {
      states.add(Run.save(member, groups));
    }
    state.put("_schedulers", states);
  }

  /** Loads the states of a composite's members. */
  static void loadMembers(
      List<Node> members, Arguments state, ParamGroups groups, IntUnaryOperator lowestEpoch) {
    List<Map<String, ?>> states = state.maps("_schedulers");
    if (states.size() != members.size()) {
      throw state.malformed(
          "the state has " + states.size() + " schedulers and this one has " + members.size());
    }
    for (int i = 0; i < states.size(); i++) {
      Run.load(members.get(i), states.get(i), groups, lowestEpoch.applyAsInt(i));
    }
  }

  /** What a node is bound below, which decides when a {@link SequentialLR} starts. */
  enum Parent {
    /** No composite, or only a {@link ChainedScheduler}: starts when it is bound. */
    NO_SEQUENTIAL,
    /** A {@link SequentialLR}, which starts everything below it. */
    SEQUENTIAL
  }
}
