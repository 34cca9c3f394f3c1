package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Anneals the rate from wherever it is to {@code swaLr} within {@code annealEpochs} of its own
 * steps, then holds it: {@code swaLr * a + lr0 * (1 - a)}, with {@code a} going from 0 to 1. For
 * stochastic weight averaging.
 *
 * <p>Answers to {@code torch.optim.swa_utils.SWALR}; from <a
 * href="https://arxiv.org/abs/1803.05407">Averaging Weights Leads to Wider Optima and Better
 * Generalization</a>.
 *
 * <pre>{@code
 * Schedule schedule = new SWALR(0.05, 10, AnnealStrategy.COS);
 * }</pre>
 *
 * @param swaLr the rate to end at, finite, or one a group
 * @param annealEpochs its own steps until there, {@code >= 0}; 0 sets the rate while attaching;
 *     PyTorch's default is 10
 * @param annealStrategy the way there; PyTorch's default is {@code COS}
 */
public record SWALR(PerGroup<Double> swaLr, int annealEpochs, AnnealStrategy annealStrategy)
    implements Schedule {

  /**
   * Checks the arguments.
   *
   * @param swaLr the rate to end at, finite, or one a group
   * @param annealEpochs its own steps until there, {@code >= 0}; 0 sets the rate while attaching;
   *     PyTorch's default is 10
   * @param annealStrategy the way there; PyTorch's default is {@code COS}
   * @throws IllegalArgumentException if one is out of its range
   */
  public SWALR {
    requireFinite("swaLr", swaLr);
    requireNonNegative("annealEpochs", annealEpochs);
    requireGiven("annealStrategy", annealStrategy);
  }

  /**
   * Takes one rate for all groups.
   *
   * @param swaLr the rate to end at, finite
   * @param annealEpochs its own steps until there, {@code >= 0}
   * @param annealStrategy the way there
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public SWALR(double swaLr, int annealEpochs, AnnealStrategy annealStrategy) {
    this(PerGroup.same(swaLr), annealEpochs, annealStrategy);
  }

  /**
   * Goes along a cosine, PyTorch's default.
   *
   * @param swaLr the rate to end at, finite
   * @param annealEpochs its own steps until there, {@code >= 0}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public SWALR(double swaLr, int annealEpochs) {
    this(swaLr, annealEpochs, AnnealStrategy.COS);
  }

  /**
   * Takes PyTorch's defaults: along a cosine in 10 steps.
   *
   * @param swaLr the rate to end at, finite
   * @throws IllegalArgumentException if the rate is not finite
   */
  public SWALR(double swaLr) {
    this(swaLr, 10, AnnealStrategy.COS);
  }

  /**
   * Takes a rate for each group.
   *
   * @param swaLr the rates to end at, finite, one a group
   * @param annealEpochs its own steps until there, {@code >= 0}
   * @param annealStrategy the way there
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public SWALR(List<Double> swaLr, int annealEpochs, AnnealStrategy annealStrategy) {
    this(PerGroup.each(swaLr), annealEpochs, annealStrategy);
  }

  @Override
  public void requireFits(ParamGroups groups) {
    swaLr.requireFits("swaLr", groups);
  }

  /** Computes on the groups, which keep the bounds. */
  Formula formula() {
    return new Formula() {
      @Override
      public void writeBounds(GroupArrays groups, int lastEpoch) {
        for (int group = 0; group < groups.size(); group++) {
          groups.marks(GroupMark.SWA_LR)[group] = swaLr.get(group);
        }
      }

      /** Counts the steps before a resume, so that the annealing goes on where it was. */
      @Override
      public int stepsBefore(int lastEpoch) {
        return lastEpoch + 1;
      }

      @Override
      public void next(Moment at, GroupArrays groups, double[] base) {
        int step = at.stepCount() - 1;
        if (annealEpochs == 0) {
          step = Math.max(1, step);
        }
        double before = weight(step - 1);
        double now = weight(step);
        for (int group = 0; group < groups.size(); group++) {
          double swaLr = groups.marks(GroupMark.SWA_LR)[group];
          double lr0 = before == 1 ? swaLr : (groups.lr[group] - before * swaLr) / (1 - before);
          groups.lr[group] = swaLr * now + lr0 * (1 - now);
        }
      }

      @Override
      public long rest(Moment at, GroupArrays groups) {
        for (int group = 0; group < groups.size(); group++) {
          if (groups.lr[group] != groups.marks(GroupMark.SWA_LR)[group]) {
            return 0;
          }
        }
        return at.stepCount() > Math.max(1, annealEpochs) ? Long.MAX_VALUE : 0;
      }

      @Override
      public Map<String, Object> stateParameters(ParamGroups groups) {
        return Entries.of("_anneal_strategy", annealStrategy.name().toLowerCase(Locale.ROOT))
            .with("anneal_epochs", annealEpochs)
            .toMap();
      }
    };
  }

  /** The share of the final rate after a number of steps. */
  private double weight(int step) {
    double pct = Math.max(0, Math.min(1, (double) step / Math.max(1, annealEpochs)));
    return annealStrategy == AnnealStrategy.COS ? (1 - Math.cos(Math.PI * pct)) / 2 : pct;
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("SWALR")
        .with("swa_lr", swaLr.toValue())
        .with("anneal_epochs", annealEpochs)
        .with("anneal_strategy", annealStrategy.name().toLowerCase(Locale.ROOT))
        .toMap();
  }

  static SWALR read(Arguments arguments) {
    return new SWALR(
        arguments.perGroup("swa_lr"),
        arguments.integer("anneal_epochs", 10),
        arguments.choice("anneal_strategy", AnnealStrategy.COS));
  }
}
