package io.github.dl4jtorch.schedules;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The node of every schedule whose behaviour is a function of the moment and the groups. */
final class LeafNode extends Node implements Moment {

  private final Schedule schedule;
  private final Formula formula;
  private double[] base = {};
  private int boundGroups;
  private double epoch;
  private int stepCount;
  private boolean initial;
  private double markedEpoch;
  private int markedStepCount;

  LeafNode(Schedule schedule, Formula formula) {
    this.schedule = schedule;
    this.formula = formula;
  }

  @Override
  Schedule schedule() {
    return schedule;
  }

  @Override
  public double epoch() {
    return epoch;
  }

  @Override
  public boolean isInitial() {
    return initial;
  }

  @Override
  public int stepCount() {
    return stepCount;
  }

  @Override
  int boundGroups() {
    return boundGroups;
  }

  @Override
  void bind(GroupArrays groups, int lastEpoch, Parent parent) {
    formula.writeBounds(groups, lastEpoch);
    base = baseRates(groups);
    boundGroups = base.length;
    epoch = lastEpoch;
    initialStep(groups);
    formula.rebase(base);
    stepCount += formula.stepsBefore(lastEpoch);
  }

  /** Sets initial_lr where it is absent, and copies it. */
  static double[] baseRates(GroupArrays groups) {
    double[] initialLr = groups.marks(GroupMark.INITIAL_LR);
    for (int i = 0; i < groups.size(); i++) {
      if (Double.isNaN(initialLr[i])) {
        initialLr[i] = groups.lr[i];
      }
    }
    return initialLr.clone();
  }

  @Override
  void rewind() {
    epoch = -1;
  }

  @Override
  void initialStep(GroupArrays groups) {
    stepCount = 0;
    initial = true;
    try {
      advance(groups);
    } finally {
      initial = false;
    }
  }

  @Override
  void advance(GroupArrays groups) {
    pass(1);
    compute(groups);
  }

  @Override
  void advanceTo(double epoch, GroupArrays groups) {
    formula.requireJump(epoch);
    pass(1);
    jump(epoch, groups);
  }

  @Override
  long rest(GroupArrays groups) {
    return epoch >= 0 ? formula.rest(this, groups) : 0;
  }

  @Override
  long independent(GroupArrays groups) {
    return epoch >= 0 ? formula.independent(this) : 0;
  }

  @Override
  void pass(long steps) {
    stepCount = (int) Math.min(stepCount + steps, Integer.MAX_VALUE);
    epoch += steps;
  }

  @Override
  void enter(GroupArrays groups) {
    jump(0, groups);
  }

  private void jump(double epoch, GroupArrays groups) {
    this.epoch = epoch;
    if (schedule instanceof ClosedFormSchedule closed) {
      growBase(groups.size());
      for (int i = 0; i < groups.size(); i++) {
        groups.next[i] = closed.closedForm(epoch, base[i]);
      }
      groups.swap();
      finish(groups);
    } else {
      compute(groups);
    }
  }

  private void compute(GroupArrays groups) {
    growBase(groups.size());
    formula.next(this, groups, base);
    finish(groups);
  }

  private void finish(GroupArrays groups) {
    requireFinite(groups, this, boundGroups);
    remember(groups.lr);
  }

  /** Refuses what is not finite, before anything is written. */
  static void requireFinite(GroupArrays groups, Node writer, int boundGroups) {
    for (int i = 0; i < groups.size(); i++) {
      if (!Double.isFinite(groups.lr[i])) {
        throw i >= boundGroups
            ? new ArithmeticException(
                groups.groups.label(i)
                    + " was added after this "
                    + writer.name()
                    + " was attached, which has no base rate for it; attach it anew")
            : groups.notTaken(writer, i, "learning rate", groups.lr[i], "");
      }
    }
    groups.requireFiniteMomenta(writer);
  }

  private void growBase(int size) {
    if (base.length != size) {
      double[] grown = Arrays.copyOf(base, size);
      Arrays.fill(grown, Math.min(boundGroups, size), size, Double.NaN);
      base = grown;
    }
  }

  @Override
  void expectBounds(GroupArrays groups) {
    formula.expectBounds(groups);
  }

  @Override
  void mark() {
    super.mark();
    markedEpoch = epoch;
    markedStepCount = stepCount;
  }

  @Override
  void rollback() {
    super.rollback();
    epoch = markedEpoch;
    stepCount = markedStepCount;
  }

  @Override
  void save(Map<String, @Nullable Object> state, ParamGroups groups) {
    state.putAll(formula.stateParameters(groups));
    saveCommon(state, Arrays.copyOf(base, boundGroups), epoch, stepCount);
    super.save(state, groups);
  }

  /** Writes the keys that PyTorch's base class has. */
  static void saveCommon(
      Map<String, @Nullable Object> state, double[] base, double epoch, int stepCount) {
    state.put("base_lrs", boxed(base));
    state.put("last_epoch", Arguments.wholeOrFraction(epoch));
    state.put("_step_count", stepCount);
    state.put("_is_initial", false);
    state.put("_get_lr_called_within_step", false);
  }

  @Override
  void load(Arguments state, ParamGroups groups, int lowestEpoch) {
    super.load(state, groups, lowestEpoch);
    requireSame(formula.stateParameters(groups), state);
    base = loadBase(state, groups);
    boundGroups = base.length;
    formula.requireOwn(state, boundGroups);
    double last = formula.lastEpoch();
    // Only a run of its own can be told to go to a fraction of an epoch.
    epoch =
        lowestEpoch < 0
            ? state.count("last_epoch", lowestEpoch, last)
            : state.finite("last_epoch", lowestEpoch, last);
    stepCount = (int) state.count("_step_count", 1, Integer.MAX_VALUE);
    // PyTorch's remaining keys say nothing here: old and new flags, and callables it left out.
    state.ignore("_is_initial", "_get_lr_called_within_step", "verbose");
    state.ignore("_scale_fn_custom", "_scale_fn_ref", "anneal_func");
  }

  static double[] loadBase(Arguments state, ParamGroups groups) {
    List<Double> rates = new ArrayList<>(state.finiteNumbers("base_lrs"));
    if (rates.size() > groups.size() || rates.isEmpty()) {
      throw state.malformed(
          "\"base_lrs\" must have an entry for each of the "
              + groups.size()
              + " param groups but has "
              + rates.size());
    }
    return doubles(rates);
  }
}
