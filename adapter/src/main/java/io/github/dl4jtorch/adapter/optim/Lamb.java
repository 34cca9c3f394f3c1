package io.github.dl4jtorch.adapter.optim;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * LAMB, for large batches: the step of Adam with its weight decay, made as long, in each array of
 * parameters, as the array itself.
 *
 * <pre>
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2
 * u = m / (1 - beta1^t) / (sqrt(v) / sqrt(1 - beta2^t) + eps) + weight_decay p
 * p = p - lr |p| / |u| u
 * </pre>
 *
 * <p>The norms are those of one array each, such as the weights of one layer, and where one is 0
 * the ratio is 1. An updater never sees parameters, so {@link TorchOptimizer} sets weight decay and
 * ratio as one; a network that is given the updater without it refuses to be trained. What it is
 * not to decay is not adapted either, as in the implementations of NVIDIA, Hugging Face and Google,
 * and so is a plain step of Adam, unless {@link #withAlwaysAdapt} says otherwise. Nor is DL4J's own
 * {@code BatchNormalization}, which it never decays. The weight decay is 0.01 unless told
 * otherwise.
 *
 * <p>Those implementations also clip the norm of all gradients together at 1; {@code
 * GradientClipping.norm(1)} does that here. Step {@code t} counts from 1. State of {@code n}
 * parameters: {@code m} and {@code v}, then the cells of the count.
 *
 * <p>See You et al., <a href="https://arxiv.org/abs/1904.00962">Large Batch Optimization for Deep
 * Learning: Training BERT in 76 minutes</a>.
 *
 * <pre>{@code
 * TorchOptimizer optimizer =
 *     TorchOptimizer.of(new Lamb(1e-3))
 *         .withWeightDecay(0.02)
 *         .withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization);
 * }</pre>
 */
public final class Lamb extends BetasUpdater<Lamb> {

  private static final long serialVersionUID = 1L;

  private static final double EPS = 1e-6;

  @JsonProperty private boolean alwaysAdapt;

  /** Whether the ratio was set beside it, which goes wherever the configuration goes. */
  @JsonProperty private boolean isComplete;

  private Lamb() {
    super(Setting.of(1e-3), EPS);
  }

  /**
   * Makes the updater with a fixed rate, betas 0.9 and 0.999, and epsilon 1e-6.
   *
   * @param lr the learning rate, finite and {@code >= 0}; the usual default is 1e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public Lamb(double lr) {
    super(fixedLr(lr), EPS);
  }

  /**
   * Makes the updater with a rate that follows a schedule, betas 0.9 and 0.999, and epsilon 1e-6.
   *
   * @param lr the schedule of the learning rate
   */
  public Lamb(ISchedule lr) {
    super(scheduledLr(lr), EPS);
  }

  /**
   * Returns a copy that adapts also what is not decayed, as the paper does.
   *
   * @return the copy
   */
  @CheckReturnValue
  public Lamb withAlwaysAdapt() {
    Lamb copy = clone();
    copy.alwaysAdapt = true;
    return copy;
  }

  /** Takes note that weight decay and ratio were set. */
  @Override
  public void decayIsSet() {
    isComplete = true;
  }

  /**
   * Returns weight decay and ratio.
   *
   * @param coefficient the weight decay, finite and {@code >= 0}
   * @return both as one, null if the coefficient is 0 and not all is adapted
   */
  @Override
  public @Nullable Regularization weightDecay(double coefficient) {
    return coefficient > 0 || alwaysAdapt ? new LambDecay(coefficient) : null;
  }

  /**
   * Returns the usual default.
   *
   * @return 0.01
   */
  @Override
  public double defaultWeightDecay() {
    return 0.01;
  }

  @Override
  int arrays() {
    return 2;
  }

  @Override
  List<String> stateNames() {
    return List.of("exp_avg", "exp_avg_sq");
  }

  @Override
  double excess(int array, DataType precision) {
    return fusedExcess(array, precision);
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = super.settings();
    settings.put("always_adapt", alwaysAdapt);
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    if (!isComplete) {
      throw new IllegalStateException(
          "a Lamb must be given to a network by a TorchOptimizer, which sets the ratio of the norms"
              + " as well, but was given without: TorchOptimizer.of(updater).applyTo(configuration)");
    }
    TorchAdam.step(this, false, gradient, state, lr, iteration, epoch);
  }
}
