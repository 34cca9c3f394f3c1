package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireList;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Multiplies the rate by {@code gamma} at each milestone: {@code base * gamma^(milestones up to
 * t)}. A milestone given twice counts twice; the order does not matter.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.MultiStepLR}.
 *
 * <pre>{@code
 * Schedule schedule = new MultiStepLR(30, 80);
 * Schedule halving = new MultiStepLR(List.of(30, 80), 0.5);
 * }</pre>
 *
 * @param milestones the epochs at which to decay; 0 decays while attaching, none never decays
 * @param gamma the factor of a decay, finite; PyTorch's default is 0.1
 */
public record MultiStepLR(List<Integer> milestones, double gamma) implements ClosedFormSchedule {

  /**
   * Checks the arguments and copies the list.
   *
   * @param milestones the epochs at which to decay; 0 decays while attaching, none never decays
   * @param gamma the factor of a decay, finite; PyTorch's default is 0.1
   * @throws IllegalArgumentException if {@code gamma} is not finite
   */
  public MultiStepLR {
    milestones = requireList("milestones", milestones);
    requireFinite("gamma", gamma);
  }

  /**
   * Decays by PyTorch's default factor of 0.1.
   *
   * @param milestones the epochs at which to decay
   */
  public MultiStepLR(List<Integer> milestones) {
    this(milestones, 0.1);
  }

  /**
   * Decays by PyTorch's default factor of 0.1.
   *
   * @param milestone an epoch at which to decay
   * @param milestones the others
   */
  public MultiStepLR(int milestone, int... milestones) {
    this(IntStream.concat(IntStream.of(milestone), IntStream.of(milestones)).boxed().toList());
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    int decays = at.isResuming() ? 0 : countAt(at.epoch());
    for (int group = 0; group < lr.length; group++) {
      out[group] = decays > 0 ? lr[group] * Math.pow(gamma, decays) : lr[group];
    }
  }

  /** Foresees which steps need not be computed. */
  Formula formula() {
    return new ChainableFormula(this) {
      @Override
      public long rest(Moment at, GroupArrays groups) {
        long rest = Long.MAX_VALUE;
        for (int i = 0; i < milestones.size(); i++) {
          if (milestones.get(i) > at.epoch()) {
            rest = Math.min(rest, Formula.between(at, milestones.get(i)));
          }
        }
        return rest;
      }
    };
  }

  @Override
  public double closedForm(double epoch, double base) {
    int decays = 0;
    for (int i = 0; i < milestones.size(); i++) {
      decays += milestones.get(i) <= epoch ? 1 : 0;
    }
    return base * Math.pow(gamma, decays);
  }

  private int countAt(double epoch) {
    int count = 0;
    for (int i = 0; i < milestones.size(); i++) {
      count += milestones.get(i) == epoch ? 1 : 0;
    }
    return count;
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("MultiStepLR")
        .with("milestones", milestones)
        .with("gamma", gamma)
        .toMap();
  }

  /** Writes the milestones as PyTorch's state does: how often each occurs. */
  @Override
  public Map<String, Object> stateParameters(ParamGroups groups) {
    Map<Integer, Integer> counts = new TreeMap<>();
    milestones.forEach(milestone -> counts.merge(milestone, 1, Integer::sum));
    Map<String, Object> byText = new LinkedHashMap<>();
    counts.forEach((milestone, count) -> byText.put(milestone.toString(), count));
    return Entries.of("milestones", byText).with("gamma", gamma).toMap();
  }

  static MultiStepLR read(Arguments arguments) {
    return new MultiStepLR(arguments.integers("milestones"), arguments.number("gamma", 0.1));
  }
}
