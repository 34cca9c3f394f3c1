package io.github.dl4jtorch.schedules;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The node of a {@link MetricSchedule}: the count of steps and what the schedule remembers. */
final class MetricNode extends Node {

  private final MetricSchedule schedule;
  private double[] base = {};
  private int boundGroups;
  private double[] memory = {};
  private double epoch;
  private double[] markedMemory = {};
  private double markedEpoch;

  MetricNode(MetricSchedule schedule) {
    this.schedule = schedule;
  }

  @Override
  Schedule schedule() {
    return schedule;
  }

  @Override
  int boundGroups() {
    return boundGroups;
  }

  @Override
  double epoch() {
    return epoch;
  }

  @Override
  void bind(GroupArrays groups, int lastEpoch, Parent parent) {
    requireFromStart(lastEpoch);
    base = LeafNode.baseRates(groups);
    boundGroups = base.length;
    memory = schedule.memory(groups.lr);
    schedule.first(groups.lr, base, groups.next);
    finish(groups);
  }

  @Override
  void rewind() {}

  @Override
  void initialStep(GroupArrays groups) {}

  @Override
  void enter(GroupArrays groups) {}

  @Override
  void advance(GroupArrays groups) {
    epoch += 1;
    grow(groups);
    schedule.next(epoch, groups.lr, base, memory, groups.next);
    finish(groups);
  }

  @Override
  void advanceTo(double metric, GroupArrays groups) {
    epoch += 1;
    grow(groups);
    schedule.next(epoch, metric, groups.lr, base, memory, groups.next);
    finish(groups);
  }

  private void finish(GroupArrays groups) {
    groups.swap();
    LeafNode.requireFinite(groups, this, boundGroups);
    remember(groups.lr);
  }

  /** Makes room for groups that were added. */
  private void grow(GroupArrays groups) {
    int size = groups.size();
    if (base.length != size) {
      base = Arrays.copyOf(base, size);
      Arrays.fill(base, Math.min(boundGroups, size), size, Double.NaN);
      double[] grown = schedule.memory(groups.lr);
      System.arraycopy(memory, 0, grown, 0, Math.min(memory.length, grown.length));
      memory = grown;
    }
  }

  @Override
  void mark() {
    super.mark();
    markedEpoch = epoch;
    if (markedMemory.length != memory.length) {
      markedMemory = new double[memory.length];
    }
    System.arraycopy(memory, 0, markedMemory, 0, memory.length);
  }

  @Override
  void rollback() {
    super.rollback();
    epoch = markedEpoch;
    if (memory.length != markedMemory.length) {
      memory = new double[markedMemory.length];
    }
    System.arraycopy(markedMemory, 0, memory, 0, memory.length);
  }

  @Override
  void save(Map<String, @Nullable Object> state, ParamGroups groups) {
    state.putAll(schedule.stateParameters());
    state.put("base_lrs", boxed(Arrays.copyOf(base, boundGroups)));
    state.put("last_epoch", Arguments.wholeOrFraction(epoch));
    state.put("memory", boxed(memory));
    super.save(state, groups);
  }

  @Override
  void load(Arguments state, ParamGroups groups, int lowestEpoch) {
    super.load(state, groups, lowestEpoch);
    requireSame(schedule.stateParameters(), state);
    base = LeafNode.loadBase(state, groups);
    boundGroups = base.length;
    epoch = state.count("last_epoch", lowestEpoch, Double.MAX_VALUE);
    List<Double> saved = state.numbers("memory");
    int length = schedule.memory(lastLr()).length;
    if (saved.size() != length) {
      throw state.malformed("\"memory\" must have " + length + " entries but has " + saved.size());
    }
    memory = doubles(saved);
    try {
      schedule.requireMemory(memory.clone());
    } catch (IllegalArgumentException refused) {
      throw state.malformed("\"memory\": " + refused.getMessage());
    }
    state.ignore("verbose");
  }
}
