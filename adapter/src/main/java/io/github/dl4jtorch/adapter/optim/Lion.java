package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireBelowOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.schedules.MomentumKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.transforms.same.Sign;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Lion, which moves every parameter by the rate, up or down: by the sign of an average of the
 * gradients.
 *
 * <pre>
 * u = sign(beta1 m + (1 - beta1) g)
 * p = p - lr (u + weight_decay p)
 * m = beta2 m + (1 - beta2) g
 * </pre>
 *
 * <p>Rates are usually a third to a tenth of AdamW's, and weight decays as many times larger.
 * {@link TorchOptimizer} sets the decay, by default 0. State of {@code n} parameters: {@code m}.
 *
 * <p>See Chen et al., <a href="https://arxiv.org/abs/2302.06675">Symbolic Discovery of Optimization
 * Algorithms</a>.
 *
 * <pre>{@code
 * MultiLayerConfiguration configuration =
 *     TorchOptimizer.of(new Lion(1e-4))
 *         .withWeightDecay(1.0)
 *         .applyTo(
 *             new NeuralNetConfiguration.Builder()
 *                 .list(new OutputLayer.Builder().nIn(16).nOut(3).build())
 *                 .build());
 * }</pre>
 */
public final class Lion extends TorchUpdater {

  private static final long serialVersionUID = 1L;

  @JsonProperty private Setting beta1 = Setting.of(0.9);
  @JsonProperty private double beta2 = 0.99;

  private Lion() {
    super(Setting.of(1e-4));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; the authors' default is 1e-4
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public Lion(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public Lion(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with other betas.
   *
   * @param beta1 how much of the average is in the sign of a step, {@code >= 0} and {@code < 1}, by
   *     default 0.9
   * @param beta2 how much the average keeps, {@code >= 0} and {@code < 1}, by default 0.99
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public Lion withBetas(double beta1, double beta2) {
    Lion copy = clone();
    copy.beta1 = Setting.of(requireBelowOne("beta1", beta1));
    copy.beta2 = requireBelowOne("beta2", beta2);
    return copy;
  }

  /**
   * Returns a copy whose beta1 follows a schedule, as OneCycleLR and CyclicLR cycle it.
   *
   * @param beta1 the schedule of how much of the average is in the sign of a step
   * @return the copy
   */
  @CheckReturnValue
  public Lion withBeta1(ISchedule beta1) {
    Lion copy = clone();
    copy.beta1 = Setting.of(requireGiven("beta1", beta1));
    return copy;
  }

  @Override
  public MomentumKind momentumKind() {
    return beta1.schedule() == null ? MomentumKind.BETA1 : MomentumKind.NONE;
  }

  @Override
  public double momentum() {
    return beta1.value();
  }

  @Override
  public double momentum(int iteration, int epoch) {
    return beta1.at(iteration, epoch);
  }

  @Override
  public void setMomentum(double momentum) {
    requireSettable();
    beta1.set(requireBelowOne("beta1", momentum));
  }

  @Override
  @CheckReturnValue
  public Lion withMomentumSchedule(ISchedule momentum) {
    requireSettable();
    return withBeta1(momentum);
  }

  /**
   * Returns a weight decay that is kept apart from the gradient.
   *
   * @param coefficient the weight decay, finite and {@code >= 0}
   * @return the decay, null if it is 0
   */
  @Override
  public @Nullable Regularization weightDecay(double coefficient) {
    return decoupled(coefficient);
  }

  /**
   * Returns a copy that shares the schedules alone.
   *
   * @return the copy
   */
  @Override
  public Lion clone() {
    Lion copy = (Lion) super.clone();
    copy.beta1 = beta1.copy();
    return copy;
  }

  @Override
  int arrays() {
    return 1;
  }

  @Override
  List<String> stateNames() {
    return List.of("exp_avg");
  }

  @Override
  boolean counts() {
    return false;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("beta1", beta1);
    settings.put("beta2", beta2);
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double value = beta1.at(iteration, epoch);
    double kept = checked("beta1", ">= 0 and < 1", value >= 0 && value < 1, value);
    state.forEachPart(
        gradient,
        (part, arrays, scratch) -> {
          INDArray average = arrays[0];
          Nd4j.exec(new ScalarMultiplication(average, null, scratch, kept));
          Nd4j.exec(new Axpy(part, scratch, scratch, 1 - kept));
          average.muli(beta2);
          Nd4j.exec(new Axpy(part, average, average, 1 - beta2));
          Nd4j.exec(new Sign(scratch, part));
          part.muli(lr);
        });
  }
}
