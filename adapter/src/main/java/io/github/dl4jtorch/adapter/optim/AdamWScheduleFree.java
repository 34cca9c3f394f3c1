package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireBelowOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireBetweenZeroAndOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.RmsPropUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Schedule-Free AdamW: see {@link ScheduleFreeUpdater}, with {@code beta1} for {@code beta} and the
 * following direction.
 *
 * <pre>
 * v = beta2 v + (1 - beta2) g^2
 * d = g / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay y
 * </pre>
 *
 * <p>{@link TorchOptimizer} sets the weight decay, by default 0.
 *
 * <pre>{@code
 * MultiLayerConfiguration configuration =
 *     TorchOptimizer.of(new AdamWScheduleFree(2.5e-3).withWarmupSteps(500))
 *         .withWeightDecay(0.05)
 *         .applyTo(
 *             new NeuralNetConfiguration.Builder()
 *                 .list(new OutputLayer.Builder().nIn(16).nOut(3).build())
 *                 .build());
 * }</pre>
 */
public final class AdamWScheduleFree extends ScheduleFreeUpdater<AdamWScheduleFree> {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double beta1 = 0.9;
  @JsonProperty private double beta2 = 0.999;
  @JsonProperty private double eps = 1e-8;

  private AdamWScheduleFree() {
    super(Setting.of(2.5e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; the authors' default is 2.5e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public AdamWScheduleFree(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public AdamWScheduleFree(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with other betas.
   *
   * @param beta1 how much of {@code y} is {@code x}, {@code > 0} and {@code < 1}, by default 0.9
   * @param beta2 how much the average of squared gradients keeps, {@code >= 0} and {@code < 1}, by
   *     default 0.999
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public AdamWScheduleFree withBetas(double beta1, double beta2) {
    AdamWScheduleFree copy = (AdamWScheduleFree) clone();
    copy.beta1 = requireBetweenZeroAndOne("beta1", beta1);
    copy.beta2 = requireBelowOne("beta2", beta2);
    return copy;
  }

  /**
   * Returns a copy with another epsilon.
   *
   * @param eps what keeps the divisor from being 0, finite and {@code >= 0}, by default 1e-8
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public AdamWScheduleFree withEps(double eps) {
    AdamWScheduleFree copy = (AdamWScheduleFree) clone();
    copy.eps = requireNonNegative("eps", eps);
    return copy;
  }

  /**
   * Returns a weight decay that is a part of the direction.
   *
   * @param coefficient the weight decay, finite and {@code >= 0}
   * @return the decay, null if it is 0
   */
  @Override
  public @Nullable Regularization weightDecay(double coefficient) {
    return coefficient > 0 ? new ScheduleFreeDecay(coefficient) : null;
  }

  @Override
  double beta() {
    return beta1;
  }

  @Override
  int arrays() {
    return 2;
  }

  @Override
  List<String> stateNames() {
    return List.of("z - y", "exp_avg_sq");
  }

  @Override
  double excess(int array, DataType precision) {
    return array == 1 ? FusedOps.excess(beta2, precision) : 1;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("beta1", beta1);
    settings.put("beta2", beta2);
    settings.put("eps", eps);
    putAveraging(settings);
    return settings;
  }

  @Override
  void direct(INDArray gradient, UpdaterState state) {
    DataType precision = gradient.dataType();
    double decay = FusedOps.decay(beta2, precision);
    // The root of the correction, and of the factor by which the op's average is too large.
    double root =
        Math.sqrt((1 - Math.pow(beta2, state.age() + 1.0)) * FusedOps.excess(beta2, precision));
    Nd4j.exec(new RmsPropUpdater(gradient, state.array(1), root, decay, eps * root));
  }
}
