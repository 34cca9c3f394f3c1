package io.github.dl4jtorch.schedules;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The node of {@link CosineAnnealingWarmRestarts}: its place within the present cycle. */
final class WarmRestartsNode extends Node {

  private final CosineAnnealingWarmRestarts schedule;
  private double[] base = {};
  private double epoch;

  /** Epochs since the last restart. */
  private double tCur;

  /** Epochs between the last restart and the next. */
  private double tI;

  private double markedEpoch;
  private double markedTCur;
  private double markedTI;

  WarmRestartsNode(CosineAnnealingWarmRestarts schedule) {
    this.schedule = schedule;
    this.tI = schedule.t0();
  }

  @Override
  Schedule schedule() {
    return schedule;
  }

  @Override
  int boundGroups() {
    return base.length;
  }

  @Override
  double epoch() {
    return epoch;
  }

  @Override
  void bind(GroupArrays groups, int lastEpoch, Parent parent) {
    base = LeafNode.baseRates(groups);
    advanceTo(lastEpoch + 1, groups);
  }

  @Override
  void rewind() {
    epoch = -1;
  }

  @Override
  void initialStep(GroupArrays groups) {
    advance(groups);
  }

  @Override
  void advance(GroupArrays groups) {
    if (epoch < 0) {
      advanceTo(0, groups);
      return;
    }
    tCur += 1;
    if (tCur >= tI) {
      tCur %= tI;
      tI *= schedule.tMult();
    }
    epoch += 1;
    compute(groups);
  }

  @Override
  void advanceTo(double epoch, GroupArrays groups) {
    if (!(epoch >= 0) || Double.isInfinite(epoch)) {
      throw Require.illegal("epoch", "finite and >= 0", epoch);
    }
    double start = schedule.startOfCycle(epoch);
    tI = schedule.lengthOfCycle(start);
    tCur = epoch - start;
    this.epoch = Math.floor(epoch);
    compute(groups);
  }

  @Override
  long independent(GroupArrays groups) {
    return epoch >= 0 && tCur == Math.rint(tCur) ? Long.MAX_VALUE : 0;
  }

  @Override
  void pass(long steps) {
    epoch += steps;
    tCur += steps;
    if (schedule.tMult() == 1) {
      tCur %= tI;
    }
    while (tCur >= tI) {
      tCur -= tI;
      tI *= schedule.tMult();
    }
  }

  @Override
  void enter(GroupArrays groups) {
    epoch = 0;
    compute(groups);
  }

  private void compute(GroupArrays groups) {
    schedule.next(tCur, tI, base, groups.next);
    groups.swap();
    LeafNode.requireFinite(groups, this, base.length);
    remember(groups.lr);
  }

  @Override
  void mark() {
    super.mark();
    markedEpoch = epoch;
    markedTCur = tCur;
    markedTI = tI;
  }

  @Override
  void rollback() {
    super.rollback();
    epoch = markedEpoch;
    tCur = markedTCur;
    tI = markedTI;
  }

  @Override
  void save(Map<String, @Nullable Object> state, ParamGroups groups) {
    state.put("T_0", schedule.t0());
    state.put("T_i", Arguments.wholeOrFraction(tI));
    state.put("T_mult", schedule.tMult());
    state.put("eta_min", schedule.etaMin());
    state.put("T_cur", Arguments.wholeOrFraction(tCur));
    // PyTorch never counts the steps of this class.
    LeafNode.saveCommon(state, base, epoch, 0);
    super.save(state, groups);
  }

  @Override
  void load(Arguments state, ParamGroups groups, int lowestEpoch) {
    super.load(state, groups, lowestEpoch);
    requireSame(
        Map.of("T_0", schedule.t0(), "T_mult", schedule.tMult(), "eta_min", schedule.etaMin()),
        state);
    base = LeafNode.loadBase(state, groups);
    epoch = state.count("last_epoch", lowestEpoch, Double.MAX_VALUE);
    double longest = schedule.tMult() == 1 ? schedule.t0() : Double.MAX_VALUE;
    tI = state.count("T_i", schedule.t0(), longest);
    tCur = state.finite("T_cur", 0, tI);
    state.ignore("_step_count", "_is_initial", "_get_lr_called_within_step", "verbose");
  }
}
