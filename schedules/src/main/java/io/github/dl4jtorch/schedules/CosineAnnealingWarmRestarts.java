package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.Map;

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
}
