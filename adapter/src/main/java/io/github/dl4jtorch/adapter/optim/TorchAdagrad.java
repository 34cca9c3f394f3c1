package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.AdaGradUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.Adagrad}, which divides by the root of the sum of all squared
 * gradients.
 *
 * <pre>
 * s = s + g^2
 * p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
 * </pre>
 *
 * <p>Step {@code t} counts from 1. State of {@code n} parameters: {@code s}; then the cells of the
 * count, if there is a decay of the rate or an initial value.
 *
 * <p>See Duchi, Hazan and Singer, <a href="https://jmlr.org/papers/v12/duchi11a.html">Adaptive
 * Subgradient Methods for Online Learning and Stochastic Optimization</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchAdagrad(0.01).withLrDecay(1e-4).withInitialAccumulatorValue(0.1);
 * }</pre>
 */
public final class TorchAdagrad extends TorchUpdater {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double lrDecay;
  @JsonProperty private double initialAccumulatorValue;
  @JsonProperty private double eps = 1e-10;

  private TorchAdagrad() {
    super(Setting.of(1e-2));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-2
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchAdagrad(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchAdagrad(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy whose rate falls from step to step.
   *
   * @param lrDecay how fast the rate falls, finite and {@code >= 0}, by default 0
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdagrad withLrDecay(double lrDecay) {
    TorchAdagrad copy = (TorchAdagrad) clone();
    copy.lrDecay = requireNonNegative("lrDecay", lrDecay);
    return copy;
  }

  /**
   * Returns a copy whose sums start at another value.
   *
   * @param initialAccumulatorValue the sums before the first step, finite and {@code >= 0}, by
   *     default 0
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdagrad withInitialAccumulatorValue(double initialAccumulatorValue) {
    TorchAdagrad copy = (TorchAdagrad) clone();
    copy.initialAccumulatorValue =
        requireNonNegative("initialAccumulatorValue", initialAccumulatorValue);
    return copy;
  }

  /**
   * Returns a copy with another epsilon.
   *
   * @param eps what keeps the divisor from being 0, finite and {@code >= 0}, by default 1e-10
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdagrad withEps(double eps) {
    TorchAdagrad copy = (TorchAdagrad) clone();
    copy.eps = requireNonNegative("eps", eps);
    return copy;
  }

  @Override
  @CheckReturnValue
  public TorchAdagrad withMaximize() {
    return (TorchAdagrad) super.withMaximize();
  }

  @Override
  int arrays() {
    return 1;
  }

  @Override
  List<String> stateNames() {
    return List.of("sum");
  }

  @Override
  boolean counts() {
    return lrDecay != 0 || initialAccumulatorValue != 0;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("lr_decay", lrDecay);
    settings.put("initial_accumulator_value", initialAccumulatorValue);
    settings.put("eps", eps);
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    INDArray sums = state.array(0);
    if (state.age() == 0 && counts()) {
      sums.assign(initialAccumulatorValue);
    }
    double step = state.advance();
    Nd4j.exec(new AdaGradUpdater(gradient, sums, lr / (1 + (step - 1) * lrDecay), eps));
  }
}
