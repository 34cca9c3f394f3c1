package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireAboveZeroToOne;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;

import java.util.Map;

/**
 * Holds the rate at {@code factor} of its base for {@code totalIters} epochs, then restores it:
 * {@code base * (t < totalIters ? factor : 1)}. With 0 epochs the rate is never restored, as in
 * PyTorch.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.ConstantLR}.
 *
 * <pre>{@code
 * Schedule warmup = new ConstantLR(0.1, 5);
 * }</pre>
 *
 * @param factor the factor of the first epochs, in (0, 1]; PyTorch's default is 1/3
 * @param totalIters epochs until the rate is restored, {@code >= 0}; PyTorch's default is 5
 */
public record ConstantLR(double factor, int totalIters) implements ClosedFormSchedule {

  /**
   * Checks the arguments.
   *
   * @param factor the factor of the first epochs, in (0, 1]; PyTorch's default is 1/3
   * @param totalIters epochs until the rate is restored, {@code >= 0}; PyTorch's default is 5
   * @throws IllegalArgumentException if one is out of its range
   */
  public ConstantLR {
    requireAboveZeroToOne("factor", factor);
    requireNonNegative("totalIters", totalIters);
  }

  /** Takes PyTorch's defaults: a third of the rate for 5 epochs. */
  public ConstantLR() {
    this(1.0 / 3, 5);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    double by = 1;
    if (at.epoch() == 0) {
      by = factor;
    } else if (at.epoch() == totalIters && !at.isResuming()) {
      by = 1.0 / factor;
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
        return at.epoch() < totalIters ? Formula.between(at, totalIters) : Long.MAX_VALUE;
      }
    };
  }

  @Override
  public double closedForm(double epoch, double base) {
    return base * (factor + (epoch >= totalIters ? 1 : 0) * (1 - factor));
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("ConstantLR")
        .with("factor", factor)
        .with("total_iters", totalIters)
        .toMap();
  }

  static ConstantLR read(Arguments arguments) {
    return new ConstantLR(arguments.number("factor", 1.0 / 3), arguments.integer("total_iters", 5));
  }
}
