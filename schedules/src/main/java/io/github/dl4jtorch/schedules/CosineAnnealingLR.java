package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.Map;

/**
 * Moves the rate along half a cosine from its base to {@code etaMin} within {@code tMax} epochs:
 * {@code etaMin + (base - etaMin) * (1 + cos(pi * t / tMax)) / 2}. After {@code tMax} the rate
 * rises again, as in PyTorch; train for {@code tMax} epochs to end at the minimum.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.CosineAnnealingLR}; from <a
 * href="https://arxiv.org/abs/1608.03983">SGDR: Stochastic Gradient Descent with Warm Restarts</a>,
 * without the restarts. {@code step()} computes recursively from the current rate, {@code
 * step(epoch)} by the formula above.
 *
 * <pre>{@code
 * Schedule schedule = new CosineAnnealingLR(90, 1e-5);
 * }</pre>
 *
 * @param tMax epochs from the base rate to the minimum, {@code > 0}
 * @param etaMin the minimum, finite; PyTorch's default is 0
 */
public record CosineAnnealingLR(int tMax, double etaMin) implements ClosedFormSchedule {

  /**
   * Checks the arguments.
   *
   * @param tMax epochs from the base rate to the minimum, {@code > 0}
   * @param etaMin the minimum, finite; PyTorch's default is 0
   * @throws IllegalArgumentException if one is out of its range
   */
  public CosineAnnealingLR {
    requirePositive("tMax", tMax);
    requireFinite("etaMin", etaMin);
  }

  /**
   * Anneals to 0, PyTorch's default.
   *
   * @param tMax epochs from the base rate to 0, {@code > 0}
   * @throws IllegalArgumentException if {@code tMax} is not positive
   */
  public CosineAnnealingLR(int tMax) {
    this(tMax, 0.0);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    double t = at.epoch();
    if (at.isInitial()) {
      System.arraycopy(lr, 0, out, 0, lr.length);
    } else if (isFirstAfterMinimum(t)) {
      double rise = 1 - Math.cos(Math.PI / tMax);
      for (int group = 0; group < lr.length; group++) {
        out[group] = lr[group] + (base[group] - etaMin) * rise / 2;
      }
    } else {
      double by = (1 + Math.cos(Math.PI * t / tMax)) / (1 + Math.cos(Math.PI * (t - 1) / tMax));
      for (int group = 0; group < lr.length; group++) {
        out[group] = by * (lr[group] - etaMin) + etaMin;
      }
    }
  }

  /** At the minimum the recursion has lost the amplitude, so it starts anew from the base. */
  private boolean isFirstAfterMinimum(double t) {
    return (t - 1 - tMax) % (2.0 * tMax) == 0;
  }

  @Override
  public double closedForm(double epoch, double base) {
    return etaMin + (base - etaMin) * (1 + Math.cos(Math.PI * epoch / tMax)) / 2;
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("CosineAnnealingLR").with("T_max", tMax).with("eta_min", etaMin).toMap();
  }

  static CosineAnnealingLR read(Arguments arguments) {
    return new CosineAnnealingLR(arguments.integer("T_max"), arguments.number("eta_min", 0.0));
  }
}
