package io.github.dl4jtorch.schedules;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One param group of an optimizer, as a scheduler sees it: learning rate, momentum or beta1, and
 * the marks that schedulers leave in the group ({@code initial_lr} and the bounds of a cycle). The
 * parameters themselves stay with the optimizer.
 *
 * <pre>{@code
 * ParamGroup backbone = ParamGroup.sgd(0.01, 0.9);
 * ParamGroup head = ParamGroup.sgd(0.1, 0.9);
 * ParamGroups groups = ParamGroups.of(backbone, head);
 * }</pre>
 */
public final class ParamGroup {

  private static final double DEFAULT_BETA2 = 0.999;

  private final OptimizerValues values;
  private double beta2 = DEFAULT_BETA2;
  // By it goes how far below 0 a rate is still a rounding error.
  private double highestLr;
  // The marks of schedulers; NaN where absent.
  final double[] marks = GroupMark.none();

  private ParamGroup(OptimizerValues values) {
    this.values = values;
    this.highestLr = Math.max(0, values.lr());
  }

  /**
   * Makes a group of an optimizer with a momentum, like SGD or RMSprop.
   *
   * @param lr the learning rate, finite
   * @param momentum the momentum, finite; 0 if the optimizer runs without
   * @return the group
   * @throws IllegalArgumentException if a number is not finite
   */
  public static ParamGroup sgd(double lr, double momentum) {
    return of(MomentumKind.MOMENTUM, lr, momentum, ParamGroup::unbounded);
  }

  /**
   * Makes a group of an optimizer with betas, like Adam, AdamW or NAdam.
   *
   * @param lr the learning rate, finite
   * @param beta1 the first beta, finite
   * @return the group
   * @throws IllegalArgumentException if a number is not finite
   */
  public static ParamGroup adam(double lr, double beta1) {
    return of(MomentumKind.BETA1, lr, beta1, ParamGroup::unbounded);
  }

  /**
   * Makes a group of an optimizer that has neither momentum nor betas, like Adagrad.
   *
   * @param lr the learning rate, finite
   * @return the group
   * @throws IllegalArgumentException if the rate is not finite
   */
  public static ParamGroup withoutMomentum(double lr) {
    return of(MomentumKind.NONE, lr, 0, ParamGroup::unbounded);
  }

  /**
   * Makes a group with the bounds of an optimizer that is not there, to see what it would be given.
   *
   * @param kind what {@code momentum} stands for
   * @param lr the learning rate, finite
   * @param momentum the momentum or beta1, finite; not looked at where the kind is {@code NONE}
   * @param lowestLr as {@link OptimizerValues#lowestLr}: the lowest rate the optimizer takes, from
   *     the highest it ever had
   * @return the group
   * @throws IllegalArgumentException if a number is not finite
   */
  public static ParamGroup of(
      MomentumKind kind, double lr, double momentum, DoubleUnaryOperator lowestLr) {
    Require.requireFinite("lr", lr);
    Require.requireFinite(kind == MomentumKind.BETA1 ? "beta1" : "momentum", momentum);
    return new ParamGroup(new PlainValues(kind, lr, momentum, lowestLr));
  }

  /**
   * Makes a group over the values of a live optimizer.
   *
   * @param values where the optimizer keeps them
   * @return the group
   */
  public static ParamGroup over(OptimizerValues values) {
    return new ParamGroup(values);
  }

  /**
   * Returns the present learning rate.
   *
   * @return the rate
   */
  public double lr() {
    return values.lr();
  }

  /**
   * Sets the learning rate, as anybody may between two steps of a scheduler.
   *
   * @param lr the rate, finite
   * @throws IllegalArgumentException if the rate is not finite or the optimizer does not take it
   */
  public void setLr(double lr) {
    Require.requireFinite("lr", lr);
    if (lr < lowestLr()) {
      throw Require.illegal("lr", ">= " + lowestLr(), lr);
    }
    values.setLr(lr);
    highestLr = Math.max(highestLr, lr);
  }

  /**
   * Says what {@link #momentum()} stands for in this group.
   *
   * @return the kind
   */
  public MomentumKind momentumKind() {
    return values.momentumKind();
  }

  /**
   * Returns the present momentum, or beta1 in a group of Adam's kind.
   *
   * @return the value
   * @throws UnsupportedOperationException if the group has neither
   */
  public double momentum() {
    requireMomentum();
    return values.momentum();
  }

  /**
   * Sets the momentum, or beta1 in a group of Adam's kind.
   *
   * @param momentum the value, finite
   * @throws IllegalArgumentException if the value is not finite or the optimizer does not take it
   * @throws UnsupportedOperationException if the group has neither
   */
  public void setMomentum(double momentum) {
    requireMomentum();
    Require.requireFinite("momentum", momentum);
    String range = values.momentumRange(momentum);
    if (range != null) {
      throw new IllegalArgumentException(range + " but was " + momentum);
    }
    values.setMomentum(momentum);
  }

  /**
   * Returns the rate the group started with, which schedulers take for their base.
   *
   * @return PyTorch's {@code initial_lr}; empty before the first scheduler is attached
   */
  public OptionalDouble initialLr() {
    return mark(GroupMark.INITIAL_LR);
  }

  /**
   * Sets the rate the group started with. Needed only to attach a schedule in the middle of a
   * training, with a {@code lastEpoch} of 0 or more.
   *
   * @param initialLr the rate, finite
   * @throws IllegalArgumentException if the rate is not finite
   */
  public void setInitialLr(double initialLr) {
    Require.requireFinite("initialLr", initialLr);
    marks[GroupMark.INITIAL_LR.index()] = initialLr;
  }

  /**
   * Returns the highest rate of a {@link OneCycleLR} attached to the group.
   *
   * @return PyTorch's {@code max_lr}, if any
   */
  public OptionalDouble maxLr() {
    return mark(GroupMark.MAX_LR);
  }

  /**
   * Returns the final rate of a {@link OneCycleLR} attached to the group.
   *
   * @return PyTorch's {@code min_lr}, if any
   */
  public OptionalDouble minLr() {
    return mark(GroupMark.MIN_LR);
  }

  /**
   * Returns the highest momentum of the cycle attached to the group.
   *
   * @return PyTorch's {@code max_momentum}, if any
   */
  public OptionalDouble maxMomentum() {
    return mark(GroupMark.MAX_MOMENTUM);
  }

  /**
   * Returns the lowest momentum of the cycle attached to the group.
   *
   * @return PyTorch's {@code base_momentum}, if any
   */
  public OptionalDouble baseMomentum() {
    return mark(GroupMark.BASE_MOMENTUM);
  }

  /**
   * Returns the rate that a {@link SWALR} attached to the group anneals to.
   *
   * @return PyTorch's {@code swa_lr}, if any
   */
  public OptionalDouble swaLr() {
    return mark(GroupMark.SWA_LR);
  }

  /**
   * Returns the momentum that the group had before a {@link WarmupLR} began to warm it up.
   *
   * @return the value kept as {@code initial_momentum}, which PyTorch does not have, if any
   */
  public OptionalDouble initialMomentum() {
    return mark(GroupMark.INITIAL_MOMENTUM);
  }

  /**
   * Returns the group as PyTorch's {@code optimizer.state_dict()} holds it, less the parameters and
   * whatever schedulers never see.
   *
   * @return a new map under PyTorch's keys
   */
  public Map<String, Object> stateDict() {
    Map<String, Object> state = new LinkedHashMap<>();
    state.put("lr", lr());
    switch (momentumKind()) {
      case MOMENTUM -> state.put("momentum", momentum());
      case BETA1 -> state.put("betas", List.of(momentum(), beta2));
      case NONE -> {}
    }
    for (GroupMark mark : GroupMark.ALL) {
      if (!Double.isNaN(marks[mark.index()])) {
        state.put(mark.key(), marks[mark.index()]);
      }
    }
    if (isBounded() && highestLr > highest(lr(), marks)) {
      state.put("highest_lr", highestLr);
    }
    return state;
  }

  /** Returns what messages call this group, whose number is told. */
  String label(int number) {
    String name = values.name();
    return "param group " + (name == null ? String.valueOf(number) : "\"" + name + "\"");
  }

  /**
   * Returns the name, if there is one, and what {@link #stateDict()} has.
   *
   * @return for a log
   */
  @Override
  public String toString() {
    String name = values.name();
    return (name == null ? "param group" : name) + " " + stateDict();
  }

  /** Returns a group with the same values and bounds, which no optimizer follows. */
  ParamGroup copy() {
    ParamGroup copy = new ParamGroup(new CopiedValues(values));
    copy.beta2 = beta2;
    copy.highestLr = highestLr;
    System.arraycopy(marks, 0, copy.marks, 0, marks.length);
    return copy;
  }

  /** Returns the rate that updates use: 0 if the optimizer takes what is below for rounding. */
  double usedLr() {
    double lr = lr();
    return lr > 0 || !isBounded() ? lr : 0.0;
  }

  String insteadOfMomentum() {
    return values.insteadOfMomentum();
  }

  double lowestLr() {
    return values.lowestLr(highest(highestLr, marks));
  }

  /** Whether it matters which rates there were. */
  private boolean isBounded() {
    return values.lowestLr(highestLr) > Double.NEGATIVE_INFINITY;
  }

  /** Returns the highest of a rate and those that are marked, 0 if there is none above. */
  private static double highest(double rate, double[] marks) {
    double initialLr = marks[GroupMark.INITIAL_LR.index()];
    double maxLr = marks[GroupMark.MAX_LR.index()];
    double highest = rate > 0 ? rate : 0;
    highest = initialLr > highest ? initialLr : highest;
    return maxLr > highest ? maxLr : highest;
  }

  @Nullable String momentumRange(double momentum) {
    return values.momentumRange(momentum);
  }

  /** Writes a checked rate, if it is another one. */
  void writeLr(double lr) {
    if (lr != values.lr()) {
      values.setLr(lr);
      highestLr = Math.max(highestLr, lr);
    }
  }

  /** Writes a checked momentum or beta1, if it is another one. */
  void writeMomentum(double momentum) {
    if (momentum != values.momentum()) {
      values.setMomentum(momentum);
    }
  }

  /** Writes numbers that were checked. */
  void restore(Saved saved) {
    values.setLr(saved.lr);
    highestLr = saved.highestLr;
    if (momentumKind() != MomentumKind.NONE) {
      values.setMomentum(saved.momentum);
    }
    beta2 = saved.beta2;
    System.arraycopy(saved.marks, 0, marks, 0, marks.length);
  }

  /** Reads and checks one entry of param_groups for this group, without changing it. */
  Saved read(int index, Map<?, ?> state) {
    Arguments reader = new Arguments(label(index), state);
    double lr = reader.finite("lr");
    double[] marks = GroupMark.none();
    for (GroupMark mark : GroupMark.ALL) {
      marks[mark.index()] = reader.finite(mark.key(), Double.NaN);
    }
    double highestLr = Math.max(reader.finite("highest_lr", 0), highest(lr, marks));
    double lowestLr = values.lowestLr(highestLr);
    if (lr < lowestLr) {
      throw reader.malformed("lr must be >= " + lowestLr + " but was " + lr);
    }
    double momentum = 0;
    double beta2 = DEFAULT_BETA2;
    switch (momentumKind()) {
      case MOMENTUM -> momentum = reader.finite("momentum");
      case BETA1 -> {
        List<Double> betas = reader.finiteNumbers("betas");
        if (betas.size() != 2) {
          throw reader.malformed("betas must have 2 entries but was " + betas);
        }
        momentum = betas.get(0);
        beta2 = betas.get(1);
      }
      case NONE -> {
        if (reader.has("betas") || reader.finite("momentum", 0) != 0) {
          throw reader.malformed("the saved group has a momentum and this one has none");
        }
      }
    }
    String range = momentumKind() == MomentumKind.NONE ? null : momentumRange(momentum);
    if (range != null) {
      throw reader.malformed(range + " but was " + momentum);
    }
    return new Saved(lr, momentum, beta2, highestLr, marks);
  }

  /** The numbers of one saved group, checked. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Saved(double lr, double momentum, double beta2, double highestLr, double[] marks) {}

  private static double unbounded(double highestLr) {
    return Double.NEGATIVE_INFINITY;
  }

  private void requireMomentum() {
    if (momentumKind() == MomentumKind.NONE) {
      throw new UnsupportedOperationException("this param group has neither momentum nor beta1");
    }
  }

  private OptionalDouble mark(GroupMark mark) {
    double value = marks[mark.index()];
    return Double.isNaN(value) ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  /** Values that exist only here. */
  private static class PlainValues implements OptimizerValues {
    private final MomentumKind momentumKind;
    private final DoubleUnaryOperator lowestLr;
    private double lr;
    private double momentum;

    PlainValues(
        MomentumKind momentumKind, double lr, double momentum, DoubleUnaryOperator lowestLr) {
      this.momentumKind = momentumKind;
      this.lr = lr;
      this.momentum = momentum;
      this.lowestLr = lowestLr;
    }

    @Override
    public double lr() {
      return lr;
    }

    @Override
    public void setLr(double lr) {
      this.lr = lr;
    }

    @Override
    public MomentumKind momentumKind() {
      return momentumKind;
    }

    @Override
    public double momentum() {
      return momentum;
    }

    @Override
    public void setMomentum(double momentum) {
      this.momentum = momentum;
    }

    @Override
    public double lowestLr(double highestLr) {
      return lowestLr.applyAsDouble(highestLr);
    }
  }

  /** The values of an optimizer as they were, within the same bounds. */
  private static final class CopiedValues extends PlainValues {
    private final OptimizerValues original;

    CopiedValues(OptimizerValues original) {
      super(
          original.momentumKind(),
          original.lr(),
          original.momentumKind() == MomentumKind.NONE ? 0 : original.momentum(),
          original::lowestLr);
      this.original = original;
    }

    @Override
    public String insteadOfMomentum() {
      return original.insteadOfMomentum();
    }

    @Override
    public @Nullable String momentumRange(double momentum) {
      return original.momentumRange(momentum);
    }
  }
}
