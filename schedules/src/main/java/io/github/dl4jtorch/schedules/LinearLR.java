package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireAboveZeroToOne;
import static io.github.dl4jtorch.schedules.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.Map;

/**
 * Moves the rate's factor linearly from {@code startFactor} to {@code endFactor} within {@code
 * totalIters} epochs: {@code base * (start + (end - start) * min(totalIters, t) / totalIters)}. The
 * usual warm-up.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.LinearLR}.
 *
 * <pre>{@code
 * Schedule warmup = new LinearLR(0.01, 5);
 * }</pre>
 *
 * @param startFactor the factor at epoch 0, in (0, 1]; PyTorch's default is 1/3
 * @param endFactor the factor from epoch {@code totalIters} on, in [0, 1]; PyTorch's default is 1
 * @param totalIters epochs from one to the other, {@code > 0}; PyTorch's default is 5
 */
public record LinearLR(double startFactor, double endFactor, int totalIters)
    implements ClosedFormSchedule {

  /**
   * Checks the arguments.
   *
   * @param startFactor the factor at epoch 0, in (0, 1]; PyTorch's default is 1/3
   * @param endFactor the factor from epoch {@code totalIters} on, in [0, 1]; PyTorch's default is 1
   * @param totalIters epochs from one to the other, {@code > 0}; PyTorch's default is 5
   * @throws IllegalArgumentException if one is out of its range
   */
  public LinearLR {
    requireAboveZeroToOne("startFactor", startFactor);
    requireFromZeroToOne("endFactor", endFactor);
    requirePositive("totalIters", totalIters);
  }

  /** Takes PyTorch's defaults: from a third of the rate to all of it in 5 epochs. */
  public LinearLR() {
    this(1.0 / 3, 1.0, 5);
  }

  /**
   * Ends at PyTorch's default factor of 1.
   *
   * @param startFactor the factor at epoch 0, in (0, 1]
   * @param totalIters epochs until the whole rate, {@code > 0}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public LinearLR(double startFactor, int totalIters) {
    this(startFactor, 1.0, totalIters);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    double by = 1;
    if (at.epoch() == 0) {
      by = startFactor;
    } else if (!at.isInitial() && at.epoch() <= totalIters) {
      by =
          1.0
              + (endFactor - startFactor)
                  / (totalIters * startFactor + (at.epoch() - 1) * (endFactor - startFactor));
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
    return base
        * (startFactor + (endFactor - startFactor) * Math.min(totalIters, epoch) / totalIters);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("LinearLR")
        .with("start_factor", startFactor)
        .with("end_factor", endFactor)
        .with("total_iters", totalIters)
        .toMap();
  }

  static LinearLR read(Arguments arguments) {
    return new LinearLR(
        arguments.number("start_factor", 1.0 / 3),
        arguments.number("end_factor", 1.0),
        arguments.integer("total_iters", 5));
  }
}
