package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Multiplies the rate by {@code factor} when a metric has not improved for more than {@code
 * patience} steps: {@code max(lr * factor, minLr)}.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.ReduceLROnPlateau}. Step it with the metric; NaN
 * counts as no improvement. It has no initial step, cannot be attached in the middle of a training,
 * and cannot be a member of {@link SequentialLR} or {@link ChainedScheduler}.
 *
 * <pre>{@code
 * LRScheduler scheduler =
 *     ReduceLROnPlateau.builder().factor(0.5).patience(3).build()
 *         .attach(ParamGroups.of(ParamGroup.adam(1e-3, 0.9)));
 * double validationLoss = 0.7;
 * scheduler.step(validationLoss);
 * }</pre>
 *
 * @param mode whether the metric is to fall or to rise; PyTorch's default is {@code MIN}
 * @param factor the factor of a reduction, in [0, 1); PyTorch's default is 0.1
 * @param patience how many steps without improvement are let pass, {@code >= 0}; PyTorch's default
 *     is 10
 * @param threshold how much better counts as better, finite; PyTorch's default is 1e-4
 * @param thresholdMode whether the threshold is a share of the best metric or an amount; PyTorch's
 *     default is {@code REL}, under which a slightly worse value counts as better where metrics are
 *     negative
 * @param cooldown steps after a reduction in which nothing counts as bad, {@code >= 0}; PyTorch's
 *     default is 0
 * @param minLr the lowest rate to reduce to, finite, or one a group; PyTorch's default is 0
 * @param eps a reduction by no more than this is not made, finite; PyTorch's default is 1e-8
 */
public record ReduceLROnPlateau(
    Mode mode,
    double factor,
    int patience,
    double threshold,
    ThresholdMode thresholdMode,
    int cooldown,
    PerGroup<Double> minLr,
    double eps)
    implements Schedule {

  /** The direction in which a metric is better. */
  public enum Mode {
    /** Less is better, as with a loss. */
    MIN,
    /** More is better, as with an accuracy. */
    MAX
  }

  /** How the threshold is measured. */
  public enum ThresholdMode {
    /** As a share of the best metric so far. */
    REL,
    /** As an amount. */
    ABS
  }

  /**
   * Checks the arguments.
   *
   * @param mode whether the metric is to fall or to rise; PyTorch's default is {@code MIN}
   * @param factor the factor of a reduction, in [0, 1); PyTorch's default is 0.1
   * @param patience how many steps without improvement are let pass, {@code >= 0}; PyTorch's
   *     default is 10
   * @param threshold how much better counts as better, finite; PyTorch's default is 1e-4
   * @param thresholdMode whether the threshold is a share of the best metric or an amount;
   *     PyTorch's default is {@code REL}, under which a slightly worse value counts as better where
   *     metrics are negative
   * @param cooldown steps after a reduction in which nothing counts as bad, {@code >= 0}; PyTorch's
   *     default is 0
   * @param minLr the lowest rate to reduce to, finite, or one a group; PyTorch's default is 0
   * @param eps a reduction by no more than this is not made, finite; PyTorch's default is 1e-8
   * @throws IllegalArgumentException if one is out of its range
   */
  public ReduceLROnPlateau {
    requireGiven("mode", mode);
    if (!(factor >= 0 && factor < 1)) {
      throw Require.illegal("factor", ">= 0 and < 1", factor);
    }
    requireNonNegative("patience", patience);
    requireFinite("threshold", threshold);
    requireGiven("thresholdMode", thresholdMode);
    requireNonNegative("cooldown", cooldown);
    requireFinite("minLr", minLr);
    requireFinite("eps", eps);
  }

  /**
   * Begins a definition.
   *
   * @return a builder that holds PyTorch's defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public boolean needsMetric() {
    return true;
  }

  @Override
  public Optional<Mode> metricMode() {
    return Optional.of(mode);
  }

  @Override
  public void requireFits(ParamGroups groups) {
    minLr.requireFits("minLr", groups);
  }

  /**
   * Tells whether a metric is better than the best so far.
   *
   * @param metric the metric; NaN is not better
   * @param best the best so far
   * @return true if it is, by more than the threshold
   */
  public boolean isBetter(double metric, double best) {
    if (mode == Mode.MIN) {
      return thresholdMode == ThresholdMode.REL
          ? metric < best * (1.0 - threshold)
          : metric < best - threshold;
    }
    return thresholdMode == ThresholdMode.REL
        ? metric > best * (threshold + 1.0)
        : metric > best + threshold;
  }

  /**
   * Returns the metric than which everything is better.
   *
   * @return plus or minus infinity
   */
  public double worst() {
    return mode == Mode.MIN ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
  }

  /**
   * Computes the reduced rates.
   *
   * @param lr the groups' present rates
   * @param out receives the reduced rates, one entry a group
   */
  public void reduce(double[] lr, double[] out) {
    for (int group = 0; group < lr.length; group++) {
      double reduced = Math.max(lr[group] * factor, minLr.get(group));
      out[group] = lr[group] - reduced > eps ? reduced : lr[group];
    }
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("ReduceLROnPlateau")
        .with("mode", mode.name().toLowerCase(Locale.ROOT))
        .with("factor", factor)
        .with("patience", patience)
        .with("threshold", threshold)
        .with("threshold_mode", thresholdMode.name().toLowerCase(Locale.ROOT))
        .with("cooldown", cooldown)
        .with("min_lr", minLr.toValue())
        .with("eps", eps)
        .toMap();
  }

  /** What PyTorch's state repeats of the constructor's arguments, {@code min_lr} apart. */
  Map<String, Object> stateParameters() {
    Map<String, Object> parameters = new LinkedHashMap<>(toMap());
    parameters.keySet().removeAll(List.of("type", "min_lr"));
    return parameters;
  }

  static ReduceLROnPlateau read(Arguments arguments) {
    return new ReduceLROnPlateau(
        arguments.choice("mode", Mode.MIN),
        arguments.number("factor", 0.1),
        arguments.integer("patience", 10),
        arguments.number("threshold", 1e-4),
        arguments.choice("threshold_mode", ThresholdMode.REL),
        arguments.integer("cooldown", 0),
        arguments.perGroup("min_lr", 0.0),
        arguments.number("eps", 1e-8));
  }

  /** Collects the arguments of a {@link ReduceLROnPlateau}, which start at PyTorch's defaults. */
  public static final class Builder {
    private Mode mode = Mode.MIN;
    private double factor = 0.1;
    private int patience = 10;
    private double threshold = 1e-4;
    private ThresholdMode thresholdMode = ThresholdMode.REL;
    private int cooldown;
    private PerGroup<Double> minLr = PerGroup.same(0.0);
    private double eps = 1e-8;

    private Builder() {}

    /**
     * Sets whether the metric is to fall or to rise.
     *
     * @param mode default {@code MIN}
     * @return this builder
     */
    public Builder mode(Mode mode) {
      this.mode = mode;
      return this;
    }

    /**
     * Sets the factor of a reduction.
     *
     * @param factor in [0, 1); default 0.1
     * @return this builder
     */
    public Builder factor(double factor) {
      this.factor = factor;
      return this;
    }

    /**
     * Sets how many steps without improvement are let pass.
     *
     * @param patience steps, {@code >= 0}; default 10
     * @return this builder
     */
    public Builder patience(int patience) {
      this.patience = patience;
      return this;
    }

    /**
     * Sets how much better counts as better, as {@link ThresholdMode#REL a share} unless told
     * otherwise.
     *
     * @param threshold finite; default 1e-4
     * @return this builder
     */
    public Builder threshold(double threshold) {
      this.threshold = threshold;
      return this;
    }

    /**
     * Sets how much better counts as better.
     *
     * @param threshold finite; default 1e-4
     * @param thresholdMode as a share or an amount; default {@code REL}
     * @return this builder
     */
    public Builder threshold(double threshold, ThresholdMode thresholdMode) {
      this.threshold = threshold;
      this.thresholdMode = thresholdMode;
      return this;
    }

    /**
     * Sets the steps after a reduction in which nothing counts as bad.
     *
     * @param cooldown steps, {@code >= 0}; default 0
     * @return this builder
     */
    public Builder cooldown(int cooldown) {
      this.cooldown = cooldown;
      return this;
    }

    /**
     * Sets the lowest rate to reduce to.
     *
     * @param minLr finite; default 0
     * @return this builder
     */
    public Builder minLr(double minLr) {
      this.minLr = PerGroup.same(minLr);
      return this;
    }

    /**
     * Sets the lowest rates to reduce to.
     *
     * @param minLr finite, one a group
     * @return this builder
     */
    public Builder minLr(List<Double> minLr) {
      this.minLr = PerGroup.each(minLr);
      return this;
    }

    /**
     * Sets the reduction up to which none is made.
     *
     * @param eps finite; default 1e-8
     * @return this builder
     */
    public Builder eps(double eps) {
      this.eps = eps;
      return this;
    }

    /**
     * Makes the definition.
     *
     * @return the definition
     * @throws IllegalArgumentException if an argument is out of its range
     */
    @CheckReturnValue
    public ReduceLROnPlateau build() {
      return new ReduceLROnPlateau(
          mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }
  }

  /** The node of {@link ReduceLROnPlateau}: the best metric so far and two counters. */
  static final class PlateauNode extends Node {

    private final ReduceLROnPlateau schedule;
    private double epoch;
    private double best;
    private int badEpochs;
    private int cooldownLeft;
    private double markedEpoch;
    private double markedBest;
    private int markedBadEpochs;
    private int markedCooldownLeft;

    PlateauNode(ReduceLROnPlateau schedule) {
      this.schedule = schedule;
      this.best = schedule.worst();
    }

    @Override
    Schedule schedule() {
      return schedule;
    }

    @Override
    int boundGroups() {
      return lastLr().length;
    }

    @Override
    double epoch() {
      return epoch;
    }

    @Override
    void bind(GroupArrays groups, int lastEpoch, Parent parent) {
      requireFromStart(lastEpoch);
      remember(groups.lr);
    }

    @Override
    void rewind() {}

    @Override
    void initialStep(GroupArrays groups) {}

    @Override
    void enter(GroupArrays groups) {}

    @Override
    void advance(GroupArrays groups) {
      throw new UnsupportedOperationException(
          "ReduceLROnPlateau needs a metric: call step(metric), for instance with the validation"
              + " loss");
    }

    @Override
    void advanceTo(double metric, GroupArrays groups) {
      epoch += 1;
      if (schedule.isBetter(metric, best)) {
        best = metric;
        badEpochs = 0;
      } else {
        badEpochs++;
      }
      if (cooldownLeft > 0) {
        cooldownLeft--;
        badEpochs = 0;
      }
      if (badEpochs > schedule.patience()) {
        schedule.requireFits(groups.groups);
        schedule.reduce(groups.lr, groups.next);
        groups.swap();
        cooldownLeft = schedule.cooldown();
        badEpochs = 0;
      }
      remember(groups.lr);
    }

    @Override
    void mark() {
      super.mark();
      markedEpoch = epoch;
      markedBest = best;
      markedBadEpochs = badEpochs;
      markedCooldownLeft = cooldownLeft;
    }

    @Override
    void rollback() {
      super.rollback();
      epoch = markedEpoch;
      best = markedBest;
      badEpochs = markedBadEpochs;
      cooldownLeft = markedCooldownLeft;
    }

    @Override
    void save(Map<String, @Nullable Object> state, ParamGroups groups) {
      state.putAll(schedule.stateParameters());
      state.put("default_min_lr", schedule.minLr().isScalar() ? schedule.minLr().get(0) : null);
      state.put("min_lrs", schedule.minLr().expand(groups.size()));
      state.put("last_epoch", Arguments.wholeOrFraction(epoch));
      state.put("mode_worse", Arguments.finiteInJson(schedule.worst()));
      state.put("best", Arguments.finiteInJson(best));
      state.put("cooldown_counter", cooldownLeft);
      state.put("num_bad_epochs", badEpochs);
      super.save(state, groups);
    }

    @Override
    void load(Arguments state, ParamGroups groups, int lowestEpoch) {
      // PyTorch 1.13 has no rates here before the first step.
      if (state.has("_last_lr")) {
        super.load(state, groups, lowestEpoch);
      } else {
        GroupArrays present = new GroupArrays(groups);
        present.read();
        remember(present.lr);
      }
      requireSame(schedule.stateParameters(), state);
      requireSame(Map.of("min_lrs", schedule.minLr().expand(groups.size())), state);
      epoch = state.count("last_epoch", lowestEpoch, Double.MAX_VALUE);
      best = state.number("best");
      if (Double.isNaN(best)) {
        throw state.malformed("\"best\" must be a number but was NaN");
      }
      cooldownLeft = (int) state.count("cooldown_counter", 0, schedule.cooldown());
      badEpochs = (int) state.count("num_bad_epochs", 0, schedule.patience());
      state.ignore("default_min_lr", "mode_worse", "verbose");
    }
  }
}
