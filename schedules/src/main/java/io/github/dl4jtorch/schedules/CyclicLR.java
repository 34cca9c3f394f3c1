package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import com.google.errorprone.annotations.CheckReturnValue;
import java.io.ObjectStreamException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Lets the rate rise and fall between two bounds in straight lines, and the momentum against it:
 * {@code baseLr + (maxLr - baseLr) * height * scale}, where the height goes from 0 to 1 within
 * {@code stepSizeUp} steps and back within {@code stepSizeDown}. Made to be stepped after every
 * batch.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.CyclicLR}; from <a
 * href="https://arxiv.org/abs/1506.01186">Cyclical Learning Rates for Training Neural Networks</a>.
 *
 * <pre>{@code
 * Schedule schedule =
 *     CyclicLR.builder(0.001, 0.1).stepSizeUp(500).mode(CyclicLR.Mode.TRIANGULAR2).build();
 * }</pre>
 *
 * @param baseLr the lower bound of the rate, finite, or one a group; attaching sets the groups'
 *     rates to it, but where an earlier schedule has left an {@code initial_lr}, the rate begins
 *     there and is within the bounds from the first step on, as in PyTorch
 * @param maxLr the upper bound of the rate, finite, or one a group
 * @param stepSizeUp steps from the lower to the upper bound, {@code > 0}; PyTorch's default is 2000
 * @param stepSizeDown steps back, {@code >= 0}, or null for as many as up, PyTorch's default
 * @param mode how the height changes from cycle to cycle; PyTorch's default is {@code TRIANGULAR}.
 *     Of no effect beside a {@code scaleFn}
 * @param gamma the factor of {@code EXP_RANGE}, finite; PyTorch's default is 1
 * @param scaleFn a scale of the height instead of {@code mode}, or null
 * @param scaleMode what {@code scaleFn} is given; of no effect without it
 * @param cycleMomentum whether to cycle momentum or beta1; PyTorch's default is true
 * @param baseMomentum the lower bound of the momentum, finite, or one a group; PyTorch's default is
 *     0.8
 * @param maxMomentum the upper bound of the momentum, finite, or one a group; PyTorch's default is
 *     0.9
 */
public record CyclicLR(
    PerGroup<Double> baseLr,
    PerGroup<Double> maxLr,
    int stepSizeUp,
    @Nullable Integer stepSizeDown,
    Mode mode,
    double gamma,
    @Nullable DoubleUnaryOperator scaleFn,
    ScaleMode scaleMode,
    boolean cycleMomentum,
    PerGroup<Double> baseMomentum,
    PerGroup<Double> maxMomentum)
    implements Schedule {

  /** How the height of the cycles changes. */
  public enum Mode {
    /** Every cycle as high as the first. */
    TRIANGULAR,
    /** Each cycle half as high as the one before. */
    TRIANGULAR2,
    /** {@code gamma^t} times as high, with {@code t} in steps. */
    EXP_RANGE
  }

  /** What an own scale function is given. */
  public enum ScaleMode {
    /** The number of the cycle, from 1. */
    CYCLE,
    /** The number of steps, from 0. */
    ITERATIONS
  }

  /**
   * Checks the arguments.
   *
   * @param baseLr the lower bound of the rate, finite, or one a group; attaching sets the groups'
   *     rates to it
   * @param maxLr the upper bound of the rate, finite, or one a group
   * @param stepSizeUp steps from the lower to the upper bound, {@code > 0}; PyTorch's default is
   *     2000
   * @param stepSizeDown steps back, {@code >= 0}, or null for as many as up, PyTorch's default
   * @param mode how the height changes from cycle to cycle; PyTorch's default is {@code
   *     TRIANGULAR}. Of no effect beside a {@code scaleFn}
   * @param gamma the factor of {@code EXP_RANGE}, finite; PyTorch's default is 1
   * @param scaleFn a scale of the height instead of {@code mode}, or null
   * @param scaleMode what {@code scaleFn} is given; of no effect without it
   * @param cycleMomentum whether to cycle momentum or beta1; PyTorch's default is true
   * @param baseMomentum the lower bound of the momentum, finite, or one a group; PyTorch's default
   *     is 0.8
   * @param maxMomentum the upper bound of the momentum, finite, or one a group; PyTorch's default
   *     is 0.9
   * @throws IllegalArgumentException if one is out of its range
   */
  public CyclicLR {
    requireFinite("baseLr", baseLr);
    requireFinite("maxLr", maxLr);
    requirePositive("stepSizeUp", stepSizeUp);
    if (stepSizeDown != null) {
      requireNonNegative("stepSizeDown", stepSizeDown.intValue());
    }
    requireGiven("mode", mode);
    requireFinite("gamma", gamma);
    requireGiven("scaleMode", scaleMode);
    requireFinite("baseMomentum", baseMomentum);
    requireFinite("maxMomentum", maxMomentum);
  }

  /**
   * Begins a definition with the same bounds for all groups.
   *
   * @param baseLr the lower bound of the rate, finite
   * @param maxLr the upper bound of the rate, finite
   * @return a builder that holds PyTorch's defaults
   */
  public static Builder builder(double baseLr, double maxLr) {
    return new Builder(PerGroup.same(baseLr), PerGroup.same(maxLr));
  }

  /**
   * Begins a definition with bounds for each group.
   *
   * @param baseLr the lower bounds of the rate, finite, one a group
   * @param maxLr the upper bounds of the rate, finite, one a group
   * @return a builder that holds PyTorch's defaults
   */
  public static Builder builder(List<Double> baseLr, List<Double> maxLr) {
    return new Builder(PerGroup.each(baseLr), PerGroup.each(maxLr));
  }

  @Override
  public boolean drivesMomentum() {
    return cycleMomentum;
  }

  @Override
  public void requireFits(ParamGroups groups) {
    baseLr.requireFits("baseLr", groups);
    maxLr.requireFits("maxLr", groups);
    if (cycleMomentum) {
      baseMomentum.requireFits("baseMomentum", groups);
      maxMomentum.requireFits("maxMomentum", groups);
      groups.requireMomentum(
          "CyclicLR is to cycle the momentum", "build it with cycleMomentum(false)");
    }
  }

  /** Computes on the groups, which keep the bounds. */
  Formula formula() {
    return new Formula() {
      @Override
      public void writeBounds(GroupArrays groups, int lastEpoch) {
        for (int group = 0; group < groups.size(); group++) {
          if (lastEpoch == -1) {
            groups.lr[group] = baseLr.get(group);
          }
          if (cycleMomentum) {
            groups.marks(GroupMark.MAX_MOMENTUM)[group] = maxMomentum.get(group);
            groups.marks(GroupMark.BASE_MOMENTUM)[group] = baseMomentum.get(group);
          }
        }
      }

      /** Only the initial step works from initial_lr, as in PyTorch. */
      @Override
      public void rebase(double[] base) {
        for (int group = 0; group < base.length; group++) {
          base[group] = baseLr.get(group);
        }
      }

      @Override
      public void requireOwn(Arguments state, int boundGroups) {
        Node.requireSame(Map.of("base_lrs", baseLr.expand(boundGroups)), state);
        Object saved = state.value("_scale_fn_custom");
        if (scaleFn == null && EpochFunctions.isWritten(saved)) {
          throw state.malformed(
              "the state was saved with \"_scale_fn_custom\" " + saved + " and this one has none");
        }
      }

      /** Computes from its own, and takes those of others away. */
      @Override
      public void expectBounds(GroupArrays groups) {
        if (cycleMomentum) {
          Arrays.fill(groups.marks(GroupMark.MAX_MOMENTUM), Double.NaN);
          Arrays.fill(groups.marks(GroupMark.BASE_MOMENTUM), Double.NaN);
        }
      }

      @Override
      public void next(Moment at, GroupArrays groups, double[] base) {
        double t = at.epoch();
        double cycle = Math.floor(1 + t / totalSize());
        double x = 1.0 + t / totalSize() - cycle;
        double height = x <= stepRatio() ? x / stepRatio() : (x - 1) / (stepRatio() - 1);
        double scale = scale(cycle, t);
        for (int group = 0; group < groups.size(); group++) {
          if (group >= base.length || Double.isNaN(base[group])) {
            groups.lr[group] = Double.NaN;
            continue;
          }
          groups.lr[group] = base[group] + (maxLr.get(group) - base[group]) * height * scale;
        }
        if (cycleMomentum) {
          double[] momentum = groups.momentum();
          for (int group = 0; group < groups.size() && !Double.isNaN(groups.lr[group]); group++) {
            double from = maxMomentum.get(group);
            momentum[group] = from - (from - baseMomentum.get(group)) * height * scale;
          }
        }
      }

      @Override
      public long independent(Moment at) {
        boolean isBounded =
            scaleFn == null && (mode != Mode.EXP_RANGE || (gamma >= -1 && gamma <= 1));
        return isBounded ? Long.MAX_VALUE : 0;
      }

      @Override
      public Map<String, Object> stateParameters(ParamGroups groups) {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("max_lrs", maxLr.expand(groups.size()));
        state.put("total_size", totalSize());
        state.put("step_ratio", stepRatio());
        state.put("mode", mode.name().toLowerCase(Locale.ROOT));
        state.put("gamma", gamma);
        // PyTorch overwrites the scale mode of its own three modes.
        ScaleMode used = mode == Mode.EXP_RANGE ? ScaleMode.ITERATIONS : ScaleMode.CYCLE;
        state.put(
            "scale_mode", (scaleFn == null ? used : scaleMode).name().toLowerCase(Locale.ROOT));
        Map<String, Object> function = EpochFunctions.state(scaleFn);
        if (function != null) {
          state.put("_scale_fn_custom", function);
        }
        state.put("cycle_momentum", cycleMomentum);
        if (cycleMomentum) {
          state.put("use_beta1", groups.get(0).momentumKind() == MomentumKind.BETA1);
          state.put("base_momentums", baseMomentum.expand(groups.size()));
          state.put("max_momentums", maxMomentum.expand(groups.size()));
        }
        return state;
      }
    };
  }

  private double scale(double cycle, double t) {
    if (scaleFn != null) {
      return scaleFn.applyAsDouble(scaleMode == ScaleMode.CYCLE ? cycle : t);
    }
    return switch (mode) {
      case TRIANGULAR -> 1.0;
      case TRIANGULAR2 -> 1 / Math.pow(2.0, cycle - 1);
      case EXP_RANGE -> Math.pow(gamma, t);
    };
  }

  private double totalSize() {
    return (double) stepSizeUp + (stepSizeDown == null ? stepSizeUp : stepSizeDown);
  }

  private double stepRatio() {
    return stepSizeUp / totalSize();
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("CyclicLR")
        .with("base_lr", baseLr.toValue())
        .with("max_lr", maxLr.toValue())
        .with("step_size_up", stepSizeUp)
        .withIfPresent("step_size_down", stepSizeDown)
        .with("mode", mode.name().toLowerCase(Locale.ROOT))
        .with("gamma", gamma)
        .withIfPresent(
            "scale_fn", scaleFn == null ? null : EpochFunctions.write("CyclicLR", scaleFn))
        .with("scale_mode", scaleMode.name().toLowerCase(Locale.ROOT))
        .with("cycle_momentum", cycleMomentum)
        .with("base_momentum", baseMomentum.toValue())
        .with("max_momentum", maxMomentum.toValue())
        .toMap();
  }

  static CyclicLR read(Arguments arguments) {
    return new CyclicLR(
        arguments.perGroup("base_lr"),
        arguments.perGroup("max_lr"),
        arguments.integer("step_size_up", 2000),
        arguments.has("step_size_down") ? (Integer) arguments.integer("step_size_down") : null,
        arguments.choice("mode", Mode.TRIANGULAR),
        arguments.number("gamma", 1.0),
        arguments.has("scale_fn") ? EpochFunctions.read(arguments, "scale_fn") : null,
        arguments.choice("scale_mode", ScaleMode.CYCLE),
        arguments.bool("cycle_momentum", true),
        arguments.perGroup("base_momentum", 0.8),
        arguments.perGroup("max_momentum", 0.9));
  }

  private Object writeReplace() throws ObjectStreamException {
    if (scaleFn != null) {
      EpochFunctions.requireSerializable("CyclicLR", PerGroup.same(scaleFn));
    }
    return this;
  }

  /** Collects the optional arguments of a {@link CyclicLR}, which start at PyTorch's defaults. */
  public static final class Builder {
    private final PerGroup<Double> baseLr;
    private final PerGroup<Double> maxLr;
    private int stepSizeUp = 2000;
    private @Nullable Integer stepSizeDown;
    private Mode mode = Mode.TRIANGULAR;
    private double gamma = 1.0;
    private @Nullable DoubleUnaryOperator scaleFn;
    private ScaleMode scaleMode = ScaleMode.CYCLE;
    private boolean cycleMomentum = true;
    private PerGroup<Double> baseMomentum = PerGroup.same(0.8);
    private PerGroup<Double> maxMomentum = PerGroup.same(0.9);

    private Builder(PerGroup<Double> baseLr, PerGroup<Double> maxLr) {
      this.baseLr = baseLr;
      this.maxLr = maxLr;
    }

    /**
     * Sets the steps from the lower to the upper bound.
     *
     * @param stepSizeUp steps, {@code > 0}; default 2000
     * @return this builder
     */
    public Builder stepSizeUp(int stepSizeUp) {
      this.stepSizeUp = stepSizeUp;
      return this;
    }

    /**
     * Sets the steps from the upper to the lower bound.
     *
     * @param stepSizeDown steps, {@code >= 0}; default as many as up. With 0 the rate drops before
     *     it has reached the upper bound
     * @return this builder
     */
    public Builder stepSizeDown(int stepSizeDown) {
      this.stepSizeDown = stepSizeDown;
      return this;
    }

    /**
     * Sets how the height changes from cycle to cycle.
     *
     * @param mode default {@code TRIANGULAR}
     * @return this builder
     */
    public Builder mode(Mode mode) {
      this.mode = mode;
      return this;
    }

    /**
     * Sets the factor of {@code EXP_RANGE}.
     *
     * @param gamma finite; default 1
     * @return this builder
     */
    public Builder gamma(double gamma) {
      this.gamma = gamma;
      return this;
    }

    /**
     * Sets an own scale of the height, which replaces {@code mode}.
     *
     * @param scaleFn from the cycle or the step to the scale
     * @param scaleMode whether it is given the cycle or the step
     * @return this builder
     */
    public Builder scaleFn(DoubleUnaryOperator scaleFn, ScaleMode scaleMode) {
      this.scaleFn = scaleFn;
      this.scaleMode = scaleMode;
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
     * Sets the lower bound of the momentum.
     *
     * @param baseMomentum finite; default 0.8
     * @return this builder
     */
    public Builder baseMomentum(double baseMomentum) {
      this.baseMomentum = PerGroup.same(baseMomentum);
      return this;
    }

    /**
     * Sets the lower bounds of the momentum.
     *
     * @param baseMomentum finite, one a group
     * @return this builder
     */
    public Builder baseMomentum(List<Double> baseMomentum) {
      this.baseMomentum = PerGroup.each(baseMomentum);
      return this;
    }

    /**
     * Sets the upper bound of the momentum.
     *
     * @param maxMomentum finite; default 0.9
     * @return this builder
     */
    public Builder maxMomentum(double maxMomentum) {
      this.maxMomentum = PerGroup.same(maxMomentum);
      return this;
    }

    /**
     * Sets the upper bounds of the momentum.
     *
     * @param maxMomentum finite, one a group
     * @return this builder
     */
    public Builder maxMomentum(List<Double> maxMomentum) {
      this.maxMomentum = PerGroup.each(maxMomentum);
      return this;
    }

    /**
     * Makes the definition.
     *
     * @return the definition
     * @throws IllegalArgumentException if an argument is out of its range
     */
    @CheckReturnValue
    public CyclicLR build() {
      return new CyclicLR(
          baseLr,
          maxLr,
          stepSizeUp,
          stepSizeDown,
          mode,
          gamma,
          scaleFn,
          scaleMode,
          cycleMomentum,
          baseMomentum,
          maxMomentum);
    }
  }
}
