package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;

import java.util.Map;

/**
 * Multiplies the rate by {@code gamma} every epoch: {@code base * gamma^t}.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.ExponentialLR}.
 *
 * <pre>{@code
 * Schedule schedule = new ExponentialLR(0.95);
 * }</pre>
 *
 * @param gamma the factor of each epoch, finite; no default, as in PyTorch
 */
public record ExponentialLR(double gamma) implements ClosedFormSchedule {

  /**
   * Checks the argument.
   *
   * @param gamma the factor of each epoch, finite; no default, as in PyTorch
   * @throws IllegalArgumentException if {@code gamma} is not finite
   */
  public ExponentialLR {
    requireFinite("gamma", gamma);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    for (int group = 0; group < lr.length; group++) {
      out[group] = at.isInitial() ? lr[group] : lr[group] * gamma;
    }
  }

  /** Foresees which steps need not be computed. */
  Formula formula() {
    return new ChainableFormula(this) {
      @Override
      public long rest(Moment at, GroupArrays groups) {
        return Formula.isUnchanged(groups, gamma) ? Long.MAX_VALUE : 0;
      }
    };
  }

  @Override
  public double closedForm(double epoch, double base) {
    return base * Math.pow(gamma, epoch);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("ExponentialLR").with("gamma", gamma).toMap();
  }

  static ExponentialLR read(Arguments arguments) {
    return new ExponentialLR(arguments.number("gamma"));
  }
}
