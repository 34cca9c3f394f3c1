package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Repeats half a cosine from the base rate towards {@code etaMin}, each cycle {@code tMult} times
 * as long as the one before: {@code etaMin + (base - etaMin) * (1 + cos(pi * tCur / tI)) / 2},
 * where {@code tCur} epochs have passed in a cycle of {@code tI}.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.CosineAnnealingWarmRestarts}; from <a
 * href="https://arxiv.org/abs/1608.03983">SGDR: Stochastic Gradient Descent with Warm Restarts</a>.
 * It takes fractional epochs, for an update after every batch:
 *
 * <pre>{@code
 * LRScheduler scheduler =
 *     new CosineAnnealingWarmRestarts(10, 2).attach(ParamGroups.of(ParamGroup.sgd(0.05, 0.9)));
 * int batches = 100;
 * for (int epoch = 0; epoch < 70; epoch++) {
 *   for (int batch = 0; batch < batches; batch++) {
 *     scheduler.step(epoch + (double) batch / batches);
 *   }
 * }
 * }</pre>
 *
 * @param t0 epochs of the first cycle, {@code > 0}
 * @param tMult how many times as long each next cycle is, {@code >= 1}; PyTorch's default is 1
 * @param etaMin the rate that a cycle approaches, finite; PyTorch's default is 0
 */
public record CosineAnnealingWarmRestarts(int t0, int tMult, double etaMin) implements Schedule {

  /**
   * Checks the arguments.
   *
   * @param t0 epochs of the first cycle, {@code > 0}
   * @param tMult how many times as long each next cycle is, {@code >= 1}; PyTorch's default is 1
   * @param etaMin the rate that a cycle approaches, finite; PyTorch's default is 0
   * @throws IllegalArgumentException if one is out of its range
   */
  public CosineAnnealingWarmRestarts {
    requirePositive("t0", t0);
    if (tMult < 1) {
      throw Require.illegal("tMult", ">= 1", tMult);
    }
    requireFinite("etaMin", etaMin);
  }

  /**
   * Anneals towards 0, PyTorch's default.
   *
   * @param t0 epochs of the first cycle, {@code > 0}
   * @param tMult how many times as long each next cycle is, {@code >= 1}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public CosineAnnealingWarmRestarts(int t0, int tMult) {
    this(t0, tMult, 0.0);
  }

  /**
   * Anneals towards 0 in cycles of the same length, PyTorch's defaults.
   *
   * @param t0 epochs of every cycle, {@code > 0}
   * @throws IllegalArgumentException if {@code t0} is not positive
   */
  public CosineAnnealingWarmRestarts(int t0) {
    this(t0, 1, 0.0);
  }

  /** Computes the rates at a place within a cycle. */
  void next(double tCur, double tI, double[] base, double[] out) {
    double height = 1 + Math.cos(Math.PI * tCur / tI);
    for (int group = 0; group < out.length; group++) {
      double from = group < base.length ? base[group] : Double.NaN;
      out[group] = etaMin + (from - etaMin) * height / 2;
    }
  }

  /** Returns the epoch at which the cycle that holds an epoch began. */
  double startOfCycle(double epoch) {
    if (tMult == 1) {
      return epoch - epoch % t0;
    }
    double start = 0;
    double length = t0;
    while (start + length <= epoch) {
      start += length;
      length *= tMult;
    }
    return start;
  }

  /** Returns the length of the cycle that began at an epoch. */
  double lengthOfCycle(double start) {
    return start * (tMult - 1) + t0;
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("CosineAnnealingWarmRestarts")
        .with("T_0", t0)
        .with("T_mult", tMult)
        .with("eta_min", etaMin)
        .toMap();
  }

  static CosineAnnealingWarmRestarts read(Arguments arguments) {
    return new CosineAnnealingWarmRestarts(
        arguments.integer("T_0"), arguments.integer("T_mult", 1), arguments.number("eta_min", 0.0));
  }

  /** The node of {@link CosineAnnealingWarmRestarts}: its place within the present cycle. */
  static final class WarmRestartsNode extends Node {

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
}
