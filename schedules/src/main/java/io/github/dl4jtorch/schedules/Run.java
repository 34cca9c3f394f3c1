package io.github.dl4jtorch.schedules;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A tree of nodes over param groups: reads the groups, lets the tree compute, writes at the end.
 */
final class Run implements LRScheduler {

  private static final System.Logger LOG = System.getLogger(LRScheduler.class.getName());

  private final ParamGroups groups;
  private final GroupArrays arrays;
  private Node root;

  private Run(ParamGroups groups, Node root) {
    this.groups = groups;
    this.arrays = new GroupArrays(groups);
    this.root = root;
  }

  static LRScheduler start(Schedule schedule, ParamGroups groups, int lastEpoch) {
    if (lastEpoch < -1) {
      throw Require.illegal("lastEpoch", ">= -1", lastEpoch);
    }
    schedule.requireFits(groups);
    if (lastEpoch >= 0 && !schedule.needsMetric()) {
      requireInitialLr(groups, lastEpoch);
    }
    Run run = new Run(groups, Node.of(schedule));
    run.arrays.read();
    run.root.bind(run.arrays, lastEpoch, Node.Parent.NO_SEQUENTIAL);
    run.commit();
    run.arrays.writeMarks();
    return run;
  }

  static LRScheduler resume(
      Schedule schedule,
      ParamGroups groups,
      Map<String, ?> state,
      List<? extends Map<String, ?>> values) {
    schedule.requireFits(groups);
    return new Run(groups, loaded(schedule, groups, state, values));
  }

  private static void requireInitialLr(ParamGroups groups, int lastEpoch) {
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).initialLr().isEmpty()) {
        throw new IllegalArgumentException(
            "param group "
                + i
                + " must have an initial_lr to be resumed at lastEpoch "
                + lastEpoch
                + ": restore the groups first, or call setInitialLr");
      }
    }
  }

  @Override
  public void step() {
    arrays.read();
    root.mark();
    try {
      root.advance(arrays);
      commit();
    } catch (RuntimeException | Error refused) {
      root.rollback();
      throw refused;
    }
  }

  @Override
  public void step(double epochOrMetric) {
    if (!schedule().needsMetric()) {
      Require.requireNonNegative("epoch", epochOrMetric);
    }
    arrays.read();
    root.mark();
    try {
      root.advanceTo(epochOrMetric, arrays);
      commit();
    } catch (RuntimeException | Error refused) {
      root.rollback();
      throw refused;
    }
  }

  @Override
  public void skip(long steps) {
    if (steps < 0) {
      throw Require.illegal("steps", ">= 0", steps);
    }
    arrays.read();
    root.mark();
    try {
      root.advance(steps, arrays);
      commit();
    } catch (RuntimeException | Error refused) {
      root.rollback();
      throw refused;
    }
  }

  private void commit() {
    arrays.requireTaken(root);
    arrays.write();
  }

  @Override
  public double[] getLastLr() {
    return root.lastLr().clone();
  }

  @Override
  public double lastEpoch() {
    return root.epoch();
  }

  @Override
  public Schedule schedule() {
    return root.schedule();
  }

  @Override
  public ParamGroups paramGroups() {
    return groups;
  }

  @Override
  public Map<String, Object> stateDict() {
    // Values may be null, as PyTorch's are; the public type leaves that open.
    @SuppressWarnings({"unchecked", "NullAway"})
    Map<String, Object> state = (Map<String, Object>) (Map<String, ?>) save(root, groups);
    return state;
  }

  @Override
  public boolean loadStateDict(Map<String, ?> state) {
    root = loaded(root.schedule(), groups, state);
    double[] lr = groups.stream().mapToDouble(ParamGroup::lr).toArray();
    if (Arrays.equals(lr, root.lastLr())) {
      return true;
    }
    LOG.log(
        System.Logger.Level.WARNING,
        "the state of {0} was saved with the learning rates {1}, but the param groups have {2}, with"
            + " which the training would go on: load the groups first, or both with"
            + " loadStateDict(state, groups)",
        schedule().name(),
        Arrays.toString(root.lastLr()),
        Arrays.toString(lr));
    return false;
  }

  @Override
  public void loadStateDict(Map<String, ?> state, List<? extends Map<String, ?>> groups) {
    root = loaded(root.schedule(), this.groups, state, groups);
  }

  /** Takes up a state and restores the groups, once both are read. */
  private static Node loaded(
      Schedule schedule,
      ParamGroups groups,
      Map<String, ?> state,
      List<? extends Map<String, ?>> values) {
    List<ParamGroup.Saved> saved = groups.read(values);
    Node fresh = loaded(schedule, groups, state);
    requireOwnBounds(fresh, groups, saved);
    groups.restore(saved);
    return fresh;
  }

  private static Node loaded(Schedule schedule, ParamGroups groups, Map<String, ?> state) {
    Node fresh = Node.of(schedule);
    load(fresh, state, groups, 0);
    return fresh;
  }

  /** Refuses groups whose bounds are of another definition, which the run would go by. */
  private static void requireOwnBounds(
      Node node, ParamGroups groups, List<ParamGroup.Saved> saved) {
    GroupArrays own = GroupArrays.blank(groups, Math.min(node.boundGroups(), groups.size()));
    node.expectBounds(own);
    for (GroupMark mark : GroupMark.ALL) {
      for (int i = 0; i < own.size(); i++) {
        double expected = own.marks(mark)[i];
        double found = saved.get(i).marks()[mark.index()];
        // One that is absent says nothing.
        if (expected < found || expected > found) {
          throw new MalformedDataException(
              "param group "
                  + i
                  + ": the state was saved with \""
                  + mark.key()
                  + "\" "
                  + found
                  + " and this one has "
                  + expected);
        }
      }
    }
  }

  static Map<String, @Nullable Object> save(Node node, ParamGroups groups) {
    Map<String, @Nullable Object> state = new LinkedHashMap<>();
    node.save(state, groups);
    return state;
  }

  static void load(Node node, Map<String, ?> state, ParamGroups groups, int lowestEpoch) {
    Arguments reader = new Arguments("state of " + node.schedule().name(), state);
    node.load(reader, groups, lowestEpoch);
    reader.refuseUnknown();
  }

  /** Returns the definition, and where it stands. */
  @Override
  public String toString() {
    return root.schedule() + " at epoch " + root.epoch();
  }
}
