package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireNonNegative;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.Map;

/**
 * Lets the rate fall to 0 along a polynomial: {@code base * (1 - min(totalIters, t) /
 * totalIters)^power}.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.PolynomialLR}.
 *
 * <pre>{@code
 * Schedule schedule = new PolynomialLR(100, 0.9);
 * }</pre>
 *
 * @param totalIters epochs until the rate is 0, {@code > 0}; PyTorch's default is 5
 * @param power the exponent, finite and {@code >= 0}; PyTorch's default is 1
 */
public record PolynomialLR(int totalIters, double power) implements ClosedFormSchedule {

  /**
   * Checks the arguments.
   *
   * @param totalIters epochs until the rate is 0, {@code > 0}; PyTorch's default is 5
   * @param power the exponent, finite and {@code >= 0}; PyTorch's default is 1
   * @throws IllegalArgumentException if one is out of its range
   */
  public PolynomialLR {
    requirePositive("totalIters", totalIters);
    requireNonNegative("power", power);
  }

  /** Takes PyTorch's defaults: linearly to 0 in 5 epochs. */
  public PolynomialLR() {
    this(5, 1.0);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    double by = 1;
    if (!at.isInitial() && at.epoch() <= totalIters) {
      by = Math.pow((1.0 - at.epoch() / totalIters) / (1.0 - (at.epoch() - 1) / totalIters), power);
    }
    for (int group = 0; group < lr.length; group++) {
      out[group] = lr[group] * by;
    }
  }

  /** Foresees which steps need not be computed. */
  Formula formula() {
    return new ChainableFormula(this) {
      @Override
      public long rest(Moment at, GroupArrays groups) {
        return at.epoch() >= totalIters ? Long.MAX_VALUE : 0;
      }
    };
  }

  @Override
  public double closedForm(double epoch, double base) {
    return base * Math.pow(1.0 - Math.min(totalIters, epoch) / totalIters, power);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("PolynomialLR")
        .with("total_iters", totalIters)
        .with("power", power)
        .toMap();
  }

  static PolynomialLR read(Arguments arguments) {
    return new PolynomialLR(arguments.integer("total_iters", 5), arguments.number("power", 1.0));
  }
}
