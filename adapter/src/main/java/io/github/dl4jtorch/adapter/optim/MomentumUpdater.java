package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.schedules.MomentumKind;
import java.util.Map;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What SGD, RMSprop and Muon have in common: a momentum, and, but for Muon, a buffer for it only if
 * there is one.
 *
 * @param <T> the updater itself
 */
public abstract sealed class MomentumUpdater<T extends MomentumUpdater<T>> extends TorchUpdater
    permits TorchMuon, TorchRMSprop, TorchSGD {

  private static final long serialVersionUID = 1L;

  @JsonProperty private Setting momentum = Setting.of(0);
  @JsonProperty private boolean hasBuffer;

  MomentumUpdater(Setting lr) {
    super(lr);
  }

  /** Makes one that has a buffer whatever its momentum is. */
  MomentumUpdater(Setting lr, Setting momentum) {
    super(lr);
    this.momentum = momentum;
    this.hasBuffer = true;
  }

  /**
   * Returns a copy with a momentum, also called heavy ball. Only an updater that has one at the
   * start can be given another in training.
   *
   * @param momentum how much the buffer keeps, finite and {@code >= 0}, by default 0
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public final T withMomentum(double momentum) {
    return withMomentum(Setting.of(requireNonNegative("momentum", momentum)), momentum != 0);
  }

  /**
   * Returns a copy whose momentum follows a schedule, as OneCycleLR and CyclicLR cycle it.
   *
   * @param momentum the schedule of how much the buffer keeps
   * @return the copy
   */
  @CheckReturnValue
  public final T withMomentum(ISchedule momentum) {
    return withMomentum(Setting.of(requireGiven("momentum", momentum)), true);
  }

  T withMomentum(Setting momentum, boolean hasBuffer) {
    MomentumUpdater<T> copy = clone();
    copy.momentum = momentum;
    copy.hasBuffer = hasBuffer;
    return copy.self();
  }

  @Override
  @CheckReturnValue
  @SuppressWarnings("unchecked") // T is the class itself.
  public final T withMaximize() {
    return (T) super.withMaximize();
  }

  @SuppressWarnings("unchecked") // T is the class itself.
  private T self() {
    return (T) this;
  }

  final boolean hasBuffer() {
    return hasBuffer;
  }

  /** Returns the momentum of an update, after a check, which a fixed one has passed already. */
  final double momentumAt(int iteration, int epoch) {
    double value = momentum.at(iteration, epoch);
    return checked(
        "momentum", "finite and >= 0", value >= 0 && value < Double.POSITIVE_INFINITY, value);
  }

  @Override
  public final MomentumKind momentumKind() {
    return hasBuffer && momentum.schedule() == null ? MomentumKind.MOMENTUM : MomentumKind.NONE;
  }

  @Override
  public final double momentum() {
    return hasBuffer ? momentum.value() : Double.NaN;
  }

  @Override
  public final void setMomentum(double momentum) {
    requireSettable();
    this.momentum.set(requireNonNegative("momentum", momentum));
  }

  @Override
  @CheckReturnValue
  public final T withMomentumSchedule(ISchedule momentum) {
    requireSettable();
    MomentumUpdater<T> copy = clone();
    copy.momentum = Setting.of(requireGiven("momentum", momentum));
    return copy.self();
  }

  @Override
  public final double momentum(int iteration, int epoch) {
    return hasBuffer ? momentum.at(iteration, epoch) : Double.NaN;
  }

  /**
   * Returns a copy that shares the schedules alone.
   *
   * @return the copy
   */
  @Override
  @SuppressWarnings("unchecked") // T is the class itself.
  public T clone() {
    MomentumUpdater<T> copy = (MomentumUpdater<T>) super.clone();
    copy.momentum = momentum.copy();
    return copy.self();
  }

  /** Adds the momentum, and the buffer where that does not tell of it. */
  final void putMomentum(Map<String, Object> settings) {
    settings.put("momentum", momentum);
    if (hasBuffer && momentum.value() == 0) {
      settings.put("hasBuffer", true);
    }
  }
}
