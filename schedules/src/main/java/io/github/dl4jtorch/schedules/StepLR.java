package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.Map;

/**
 * Multiplies the rate by {@code gamma} every {@code stepSize} epochs: {@code base * gamma^floor(t /
 * stepSize)}.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.StepLR}. The usual recipe for ResNet on ImageNet:
 *
 * <pre>{@code
 * LRScheduler scheduler = new StepLR(30, 0.1).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
 * }</pre>
 *
 * @param stepSize epochs between two decays, {@code > 0}
 * @param gamma the factor of a decay, finite; PyTorch's default is 0.1
 */
public record StepLR(int stepSize, double gamma) implements ClosedFormSchedule {

  /**
   * Checks the arguments.
   *
   * @param stepSize epochs between two decays, {@code > 0}
   * @param gamma the factor of a decay, finite; PyTorch's default is 0.1
   * @throws IllegalArgumentException if one is out of its range
   */
  public StepLR {
    requirePositive("stepSize", stepSize);
    requireFinite("gamma", gamma);
  }

  /**
   * Decays by PyTorch's default factor of 0.1.
   *
   * @param stepSize epochs between two decays, {@code > 0}
   * @throws IllegalArgumentException if {@code stepSize} is not positive
   */
  public StepLR(int stepSize) {
    this(stepSize, 0.1);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    // The remainder of two doubles takes as long as all the rest of a step.
    long epoch = (long) at.epoch();
    boolean decays = epoch != 0 && epoch == at.epoch() && epoch % stepSize == 0 && !at.isResuming();
    for (int group = 0; group < lr.length; group++) {
      out[group] = decays ? lr[group] * gamma : lr[group];
    }
  }

  /** Foresees which steps need not be computed. */
  Formula formula() {
    return new ChainableFormula(this) {
      @Override
      public long rest(Moment at, GroupArrays groups) {
        return Formula.between(at, (Math.floor(at.epoch() / stepSize) + 1) * stepSize);
      }
    };
  }

  @Override
  public double closedForm(double epoch, double base) {
    return base * Math.pow(gamma, Math.floor(epoch / stepSize));
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("StepLR").with("step_size", stepSize).with("gamma", gamma).toMap();
  }

  static StepLR read(Arguments arguments) {
    return new StepLR(arguments.integer("step_size"), arguments.number("gamma", 0.1));
  }
}
