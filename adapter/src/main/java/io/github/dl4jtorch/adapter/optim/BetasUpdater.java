package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireBelowOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.schedules.MomentumKind;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What Adam and its relatives have in common: two betas and an epsilon.
 *
 * @param <T> the updater itself
 */
public abstract sealed class BetasUpdater<T extends BetasUpdater<T>> extends TorchUpdater
    permits AmsgradUpdater, Lamb, TorchAdamax, TorchNAdam, TorchRAdam {

  private static final long serialVersionUID = 1L;

  @JsonProperty private Setting beta1 = Setting.of(0.9);
  @JsonProperty private Setting beta2 = Setting.of(0.999);
  @JsonProperty private double eps = 1e-8;

  BetasUpdater(Setting lr) {
    super(lr);
  }

  BetasUpdater(Setting lr, double eps) {
    super(lr);
    this.eps = eps;
  }

  /**
   * Returns a copy with other betas.
   *
   * @param beta1 how much the average of the gradients keeps, {@code >= 0} and {@code < 1}, by
   *     default 0.9
   * @param beta2 how much the average of their squares keeps, {@code >= 0} and {@code < 1}, by
   *     default 0.999
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public final T withBetas(double beta1, double beta2) {
    BetasUpdater<T> copy = clone();
    copy.beta1 = Setting.of(requireBelowOne("beta1", beta1));
    copy.beta2 = Setting.of(requireBelowOne("beta2", beta2));
    return copy.self();
  }

  /**
   * Returns a copy whose beta1 follows a schedule, as OneCycleLR and CyclicLR cycle it.
   *
   * @param beta1 the schedule of how much the average of the gradients keeps
   * @return the copy
   */
  @CheckReturnValue
  public final T withBeta1(ISchedule beta1) {
    BetasUpdater<T> copy = clone();
    copy.beta1 = Setting.of(requireGiven("beta1", beta1));
    return copy.self();
  }

  /**
   * Returns a copy whose beta2 follows a schedule.
   *
   * @param beta2 the schedule of how much the average of the squared gradients keeps
   * @return the copy
   */
  @CheckReturnValue
  public final T withBeta2(ISchedule beta2) {
    BetasUpdater<T> copy = clone();
    copy.beta2 = Setting.of(requireGiven("beta2", beta2));
    return copy.self();
  }

  /**
   * Returns a copy with another epsilon.
   *
   * @param eps what keeps the divisor from being 0, finite and {@code >= 0}, by default 1e-8
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public final T withEps(double eps) {
    BetasUpdater<T> copy = clone();
    copy.eps = requireNonNegative("eps", eps);
    return copy.self();
  }

  @Override
  @CheckReturnValue
  @SuppressWarnings("unchecked") // T is the class itself.
  public final T withMaximize() {
    return (T) super.withMaximize();
  }

  @SuppressWarnings("unchecked") // T is the class itself.
  final T self() {
    return (T) this;
  }

  final double beta1(int iteration, int epoch) {
    return betaAt("beta1", beta1, iteration, epoch);
  }

  final double beta2(int iteration, int epoch) {
    return betaAt("beta2", beta2, iteration, epoch);
  }

  private double betaAt(String name, Setting beta, int iteration, int epoch) {
    double value = beta.at(iteration, epoch);
    return checked(name, ">= 0 and < 1", value >= 0 && value < 1, value);
  }

  /** Returns the excess of the average of gradients, array 0, and of those of squares. */
  final double fusedExcess(int array, DataType precision) {
    Setting beta = array == 0 ? beta1 : beta2;
    return FusedOps.excess(beta.at(0, 0), precision);
  }

  final double eps() {
    return eps;
  }

  @Override
  public final MomentumKind momentumKind() {
    return beta1.schedule() == null ? MomentumKind.BETA1 : MomentumKind.NONE;
  }

  @Override
  public final double momentum() {
    return beta1.value();
  }

  @Override
  public final void setMomentum(double momentum) {
    requireSettable();
    beta1.set(requireBelowOne("beta1", momentum));
  }

  @Override
  @CheckReturnValue
  public final T withMomentumSchedule(ISchedule momentum) {
    requireSettable();
    return withBeta1(momentum);
  }

  @Override
  public final double momentum(int iteration, int epoch) {
    return beta1.at(iteration, epoch);
  }

  /**
   * Returns a copy that shares the schedules alone.
   *
   * @return the copy
   */
  @Override
  @SuppressWarnings("unchecked") // T is the class itself.
  public T clone() {
    BetasUpdater<T> copy = (BetasUpdater<T>) super.clone();
    copy.beta1 = beta1.copy();
    return copy.self();
  }

  @Override
  final boolean counts() {
    return true;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("beta1", beta1);
    settings.put("beta2", beta2);
    settings.put("eps", eps);
    return settings;
  }
}
