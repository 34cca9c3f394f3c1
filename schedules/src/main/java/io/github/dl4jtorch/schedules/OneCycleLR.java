package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lets the rate rise from {@code maxLr / divFactor} to {@code maxLr} and fall to {@code maxLr /
 * divFactor / finalDivFactor} within one training, and the momentum against it. Made to be stepped
 * after every batch.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.OneCycleLR}; from <a
 * href="https://arxiv.org/abs/1708.07120">Super-Convergence: Very Fast Training of Neural Networks
 * Using Large Learning Rates</a>. There are {@code total} rates, the first set while attaching. The
 * usual loop also steps after its last batch; that call keeps the last rate, and a later one
 * throws.
 *
 * <pre>{@code
 * int epochs = 30;
 * int batches = 703;
 * Schedule schedule = OneCycleLR.builder(0.1).epochs(epochs).stepsPerEpoch(batches).build();
 * }</pre>
 *
 * @param maxLr the highest rate, finite, or one a group
 * @param totalSteps steps of the whole training, {@code > 0}, or null if {@code epochs} and {@code
 *     stepsPerEpoch} say it
 * @param epochs epochs of the whole training, {@code > 0}, or null
 * @param stepsPerEpoch steps of an epoch, {@code > 0}, or null
 * @param pctStart the fraction of the steps in which the rate rises, in [0, 1]; PyTorch's default
 *     is 0.3
 * @param annealStrategy the way from rate to rate; PyTorch's default is {@code COS}
 * @param cycleMomentum whether to cycle momentum or beta1; PyTorch's default is true
 * @param baseMomentum the lowest momentum, finite, or one a group; PyTorch's default is 0.85
 * @param maxMomentum the highest momentum, finite, or one a group; PyTorch's default is 0.95
 * @param divFactor {@code maxLr} over the first rate, {@code > 0}; PyTorch's default is 25
 * @param finalDivFactor the first rate over the last, {@code > 0}; PyTorch's default is 1e4
 * @param threePhase whether to fall back to the first rate as fast as the rate rose, and only then
 *     to the last; PyTorch's default is false
 */
public record OneCycleLR(
    PerGroup<Double> maxLr,
    @Nullable Integer totalSteps,
    @Nullable Integer epochs,
    @Nullable Integer stepsPerEpoch,
    double pctStart,
    AnnealStrategy annealStrategy,
    boolean cycleMomentum,
    PerGroup<Double> baseMomentum,
    PerGroup<Double> maxMomentum,
    double divFactor,
    double finalDivFactor,
    boolean threePhase)
    implements Schedule {

  /**
   * Checks the arguments.
   *
   * @param maxLr the highest rate, finite, or one a group
   * @param totalSteps steps of the whole training, {@code > 0}, or null if {@code epochs} and
   *     {@code stepsPerEpoch} say it
   * @param epochs epochs of the whole training, {@code > 0}, or null
   * @param stepsPerEpoch steps of an epoch, {@code > 0}, or null
   * @param pctStart the fraction of the steps in which the rate rises, in [0, 1]; PyTorch's default
   *     is 0.3
   * @param annealStrategy the way from rate to rate; PyTorch's default is {@code COS}
   * @param cycleMomentum whether to cycle momentum or beta1; PyTorch's default is true
   * @param baseMomentum the lowest momentum, finite, or one a group; PyTorch's default is 0.85
   * @param maxMomentum the highest momentum, finite, or one a group; PyTorch's default is 0.95
   * @param divFactor {@code maxLr} over the first rate, {@code > 0}; PyTorch's default is 25
   * @param finalDivFactor the first rate over the last, {@code > 0}; PyTorch's default is 1e4
   * @param threePhase whether to fall back to the first rate as fast as the rate rose, and only
   *     then to the last; PyTorch's default is false
   * @throws IllegalArgumentException if one is out of its range, the number of steps is not given,
   *     or {@code pctStart} leaves a phase without length
   */
  public OneCycleLR {
    requireFinite("maxLr", maxLr);
    requirePositiveOrNull("totalSteps", totalSteps);
    requirePositiveOrNull("epochs", epochs);
    requirePositiveOrNull("stepsPerEpoch", stepsPerEpoch);
    int total = steps(totalSteps, epochs, stepsPerEpoch);
    requireFromZeroToOne("pctStart", pctStart);
    requireGiven("annealStrategy", annealStrategy);
    requireFinite("baseMomentum", baseMomentum);
    requireFinite("maxMomentum", maxMomentum);
    requirePositive("divFactor", divFactor);
    requirePositive("finalDivFactor", finalDivFactor);
    double start = 0;
    for (int phase = 0; phase < (threePhase ? 3 : 2); phase++) {
      double end = phaseEnd(phase, threePhase, pctStart, total);
      if (end == start) {
        throw new IllegalArgumentException(
            "pctStart must give each phase a length but was "
                + pctStart
                + ", with which phase "
                + (phase + 1)
                + " of "
                + total
                + " steps begins and ends at step "
                + end);
      }
      start = end;
    }
  }

  /**
   * Begins a definition with the same highest rate for all groups.
   *
   * @param maxLr the highest rate, finite
   * @return a builder that holds PyTorch's defaults
   */
  public static Builder builder(double maxLr) {
    return new Builder(PerGroup.same(maxLr));
  }

  /**
   * Begins a definition with a highest rate for each group.
   *
   * @param maxLr the highest rates, finite, one a group
   * @return a builder that holds PyTorch's defaults
   */
  public static Builder builder(List<Double> maxLr) {
    return new Builder(PerGroup.each(maxLr));
  }

  /**
   * Returns the number of steps of the whole training.
   *
   * @return {@code totalSteps}, or {@code epochs} times {@code stepsPerEpoch}
   */
  public int total() {
    return steps(totalSteps, epochs, stepsPerEpoch);
  }

  @Override
  public boolean drivesMomentum() {
    return cycleMomentum;
  }

  @Override
  public void requireFits(ParamGroups groups) {
    maxLr.requireFits("maxLr", groups);
    if (cycleMomentum) {
      baseMomentum.requireFits("baseMomentum", groups);
      maxMomentum.requireFits("maxMomentum", groups);
      groups.requireMomentum(
          "OneCycleLR is to cycle the momentum", "build it with cycleMomentum(false)");
    }
  }

  /** Computes on the groups, which keep the bounds. */
  Formula formula() {
    return new Formula() {
      @Override
      public void writeBounds(GroupArrays groups, int lastEpoch) {
        boolean fresh = lastEpoch == -1;
        for (int group = 0; group < groups.size(); group++) {
          // A resumed group brings its bounds along, as in PyTorch, unless it never had any.
          if (fresh
              || Double.isNaN(groups.marks(GroupMark.MAX_LR)[group])
              || Double.isNaN(groups.marks(GroupMark.MIN_LR)[group])) {
            double first = maxLr.get(group) / divFactor;
            groups.marks(GroupMark.INITIAL_LR)[group] = first;
            groups.marks(GroupMark.MAX_LR)[group] = maxLr.get(group);
            groups.marks(GroupMark.MIN_LR)[group] = first / finalDivFactor;
          }
          if (cycleMomentum
              && (fresh || Double.isNaN(groups.marks(GroupMark.MAX_MOMENTUM)[group]))) {
            groups.marks(GroupMark.MAX_MOMENTUM)[group] = maxMomentum.get(group);
            groups.marks(GroupMark.BASE_MOMENTUM)[group] = baseMomentum.get(group);
          }
        }
      }

      @Override
      public double lastEpoch() {
        return total();
      }

      @Override
      public void next(Moment at, GroupArrays groups, double[] base) {
        double t = at.epoch();
        int total = total();
        if (t > total) {
          throw new IllegalStateException(
              "OneCycleLR has "
                  + total
                  + " steps in all and was stepped past them: give as many as the training has batches"
                  + " (or epochs, if stepped once an epoch)");
        }
        if (t > total - 1) {
          // The step after the last batch: PyTorch extrapolates, below zero with linear.
          return;
        }
        int phase = 0;
        double start = 0;
        double end = phaseEnd(0, threePhase, pctStart, total);
        int lastPhase = threePhase ? 2 : 1;
        while (t > end && phase < lastPhase) {
          phase++;
          start = end;
          end = phaseEnd(phase, threePhase, pctStart, total);
        }
        double pct = (t - start) / (end - start);
        double[] first = groups.marks(GroupMark.INITIAL_LR);
        double[] peak = groups.marks(GroupMark.MAX_LR);
        double[] last = groups.marks(GroupMark.MIN_LR);
        double[] to = phase == 0 ? peak : phase == 1 && threePhase ? first : last;
        annealStrategy.between(phase == 1 ? peak : first, to, pct, groups.lr);
        if (cycleMomentum) {
          double[] high = groups.marks(GroupMark.MAX_MOMENTUM);
          double[] low = groups.marks(GroupMark.BASE_MOMENTUM);
          annealStrategy.between(
              phase == 1 ? low : high, phase == 0 ? low : high, pct, groups.momentum());
        }
      }

      @Override
      public long independent(Moment at) {
        return Formula.between(at, total() - 1);
      }

      @Override
      public Map<String, Object> stateParameters(ParamGroups groups) {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("total_steps", total());
        List<Map<String, Object>> phases = new ArrayList<>();
        phases.add(phase(0, "initial_lr", "max_lr", "max_momentum", "base_momentum"));
        if (threePhase) {
          phases.add(phase(1, "max_lr", "initial_lr", "base_momentum", "max_momentum"));
          phases.add(phase(2, "initial_lr", "min_lr", "max_momentum", "max_momentum"));
        } else {
          phases.add(phase(1, "max_lr", "min_lr", "base_momentum", "max_momentum"));
        }
        state.put("_schedule_phases", phases);
        state.put("_anneal_func_type", annealStrategy.name().toLowerCase(Locale.ROOT));
        state.put("cycle_momentum", cycleMomentum);
        if (cycleMomentum) {
          state.put("use_beta1", groups.get(0).momentumKind() == MomentumKind.BETA1);
        }
        return state;
      }
    };
  }

  /** Returns the step, possibly fractional, at which a phase ends. */
  private static double phaseEnd(int phase, boolean threePhase, double pctStart, int total) {
    if (phase == 0) {
      return pctStart * total - 1;
    }
    return phase == 1 && threePhase ? 2 * pctStart * total - 2 : total - 1;
  }

  /** Returns the step, possibly fractional, of the highest rate. */
  double peak() {
    return phaseEnd(0, threePhase, pctStart, total());
  }

  private static int steps(
      @Nullable Integer totalSteps, @Nullable Integer epochs, @Nullable Integer stepsPerEpoch) {
    if (totalSteps != null) {
      return totalSteps;
    }
    if (epochs == null || stepsPerEpoch == null) {
      throw new IllegalArgumentException(
          "totalSteps must be given, or both epochs and stepsPerEpoch, but they were null, "
              + epochs
              + " and "
              + stepsPerEpoch);
    }
    long product = (long) epochs * stepsPerEpoch;
    if (product > Integer.MAX_VALUE) {
      throw Require.illegal("epochs times stepsPerEpoch", "<= " + Integer.MAX_VALUE, product);
    }
    return (int) product;
  }

  private static void requirePositiveOrNull(String name, @Nullable Integer value) {
    if (value != null) {
      requirePositive(name, value.intValue());
    }
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("OneCycleLR")
        .with("max_lr", maxLr.toValue())
        .withIfPresent("total_steps", totalSteps)
        .withIfPresent("epochs", epochs)
        .withIfPresent("steps_per_epoch", stepsPerEpoch)
        .with("pct_start", pctStart)
        .with("anneal_strategy", annealStrategy.name().toLowerCase(Locale.ROOT))
        .with("cycle_momentum", cycleMomentum)
        .with("base_momentum", baseMomentum.toValue())
        .with("max_momentum", maxMomentum.toValue())
        .with("div_factor", divFactor)
        .with("final_div_factor", finalDivFactor)
        .with("three_phase", threePhase)
        .toMap();
  }

  private Map<String, Object> phase(
      int phase, String startLr, String endLr, String startMomentum, String endMomentum) {
    double end = phaseEnd(phase, threePhase, pctStart, total());
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("end_step", phase == (threePhase ? 2 : 1) ? (Object) (int) end : (Object) end);
    map.put("start_lr", startLr);
    map.put("end_lr", endLr);
    map.put("start_momentum", startMomentum);
    map.put("end_momentum", endMomentum);
    return map;
  }

  static OneCycleLR read(Arguments arguments) {
    return new OneCycleLR(
        arguments.perGroup("max_lr"),
        arguments.has("total_steps") ? (Integer) arguments.integer("total_steps") : null,
        arguments.has("epochs") ? (Integer) arguments.integer("epochs") : null,
        arguments.has("steps_per_epoch") ? (Integer) arguments.integer("steps_per_epoch") : null,
        arguments.number("pct_start", 0.3),
        arguments.choice("anneal_strategy", AnnealStrategy.COS),
        arguments.bool("cycle_momentum", true),
        arguments.perGroup("base_momentum", 0.85),
        arguments.perGroup("max_momentum", 0.95),
        arguments.number("div_factor", 25.0),
        arguments.number("final_div_factor", 1e4),
        arguments.bool("three_phase", false));
  }

  /** Collects the optional arguments of a {@link OneCycleLR}, which start at PyTorch's defaults. */
  public static final class Builder {
    private final PerGroup<Double> maxLr;
    private @Nullable Integer totalSteps;
    private @Nullable Integer epochs;
    private @Nullable Integer stepsPerEpoch;
    private double pctStart = 0.3;
    private AnnealStrategy annealStrategy = AnnealStrategy.COS;
    private boolean cycleMomentum = true;
    private PerGroup<Double> baseMomentum = PerGroup.same(0.85);
    private PerGroup<Double> maxMomentum = PerGroup.same(0.95);
    private double divFactor = 25.0;
    private double finalDivFactor = 1e4;
    private boolean threePhase;

    private Builder(PerGroup<Double> maxLr) {
      this.maxLr = maxLr;
    }

    /**
     * Sets the steps of the whole training.
     *
     * @param totalSteps steps, {@code > 0}
     * @return this builder
     */
    public Builder totalSteps(int totalSteps) {
      this.totalSteps = totalSteps;
      return this;
    }

    /**
     * Sets the epochs of the whole training, to be multiplied by the steps of an epoch.
     *
     * @param epochs epochs, {@code > 0}
     * @return this builder
     */
    public Builder epochs(int epochs) {
      this.epochs = epochs;
      return this;
    }

    /**
     * Sets the steps of an epoch, usually its batches.
     *
     * @param stepsPerEpoch steps, {@code > 0}
     * @return this builder
     */
    public Builder stepsPerEpoch(int stepsPerEpoch) {
      this.stepsPerEpoch = stepsPerEpoch;
      return this;
    }

    /**
     * Sets the fraction of the steps in which the rate rises.
     *
     * @param pctStart in [0, 1]; default 0.3
     * @return this builder
     */
    public Builder pctStart(double pctStart) {
      this.pctStart = pctStart;
      return this;
    }

    /**
     * Sets the way from rate to rate.
     *
     * @param annealStrategy default {@code COS}
     * @return this builder
     */
    public Builder annealStrategy(AnnealStrategy annealStrategy) {
      this.annealStrategy = annealStrategy;
      return this;
    }

    /**
     * Sets whether momentum or beta1 is cycled against the rate.
     *
     * @param cycleMomentum default true
     * @return this builder
     */
    public Builder cycleMomentum(boolean cycleMomentum) {
      this.cycleMomentum = cycleMomentum;
      return this;
    }

    /**
     * Sets the lowest momentum.
     *
     * @param baseMomentum finite; default 0.85
     * @return this builder
     */
    public Builder baseMomentum(double baseMomentum) {
      this.baseMomentum = PerGroup.same(baseMomentum);
      return this;
    }

    /**
     * Sets the lowest momenta.
     *
     * @param baseMomentum finite, one a group
     * @return this builder
     */
    public Builder baseMomentum(List<Double> baseMomentum) {
      this.baseMomentum = PerGroup.each(baseMomentum);
      return this;
    }

    /**
     * Sets the highest momentum.
     *
     * @param maxMomentum finite; default 0.95
     * @return this builder
     */
    public Builder maxMomentum(double maxMomentum) {
      this.maxMomentum = PerGroup.same(maxMomentum);
      return this;
    }

    /**
     * Sets the highest momenta.
     *
     * @param maxMomentum finite, one a group
     * @return this builder
     */
    public Builder maxMomentum(List<Double> maxMomentum) {
      this.maxMomentum = PerGroup.each(maxMomentum);
      return this;
    }

    /**
     * Sets the highest rate over the first.
     *
     * @param divFactor {@code > 0}; default 25
     * @return this builder
     */
    public Builder divFactor(double divFactor) {
      this.divFactor = divFactor;
      return this;
    }

    /**
     * Sets the first rate over the last.
     *
     * @param finalDivFactor {@code > 0}; default 1e4
     * @return this builder
     */
    public Builder finalDivFactor(double finalDivFactor) {
      this.finalDivFactor = finalDivFactor;
      return this;
    }

    /**
     * Sets whether to fall back to the first rate as fast as the rate rose, and only then to the
     * last.
     *
     * @param threePhase default false
     * @return this builder
     */
    public Builder threePhase(boolean threePhase) {
      this.threePhase = threePhase;
      return this;
    }

    /**
     * Makes the definition.
     *
     * @return the definition
     * @throws IllegalArgumentException if an argument is out of its range or the number of steps is
     *     not given
     */
    @CheckReturnValue
    public OneCycleLR build() {
      return new OneCycleLR(
          maxLr,
          totalSteps,
          epochs,
          stepsPerEpoch,
          pctStart,
          annealStrategy,
          cycleMomentum,
          baseMomentum,
          maxMomentum,
          divFactor,
          finalDivFactor,
          threePhase);
    }
  }
}
