package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.MulOp;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.NAdam}: Adam with Nesterov's momentum, which grows from step to
 * step.
 *
 * <pre>
 * mu(t) = beta1 (1 - 0.96^(t momentum_decay) / 2)
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2
 * a = (1 - mu(t)) / (1 - mu(1) ... mu(t))
 * b = mu(t + 1) / (1 - mu(1) ... mu(t + 1))
 * p = p - lr (a g + b m) / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 * </pre>
 *
 * <p>Step {@code t} counts from 1. State of {@code n} parameters: {@code m} and {@code v}, then the
 * cells of the count and of the product of all {@code mu}.
 *
 * <p>See Dozat, <a href="https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ">Incorporating
 * Nesterov Momentum into Adam</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchNAdam(2e-3).withMomentumDecay(0.01);
 * }</pre>
 */
public final class TorchNAdam extends BetasUpdater<TorchNAdam> {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double momentumDecay = 4e-3;

  private TorchNAdam() {
    super(Setting.of(2e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 2e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchNAdam(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchNAdam(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy whose momentum grows at another pace.
   *
   * @param momentumDecay the pace, finite and {@code >= 0}, by default 4e-3
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchNAdam withMomentumDecay(double momentumDecay) {
    TorchNAdam copy = clone();
    copy.momentumDecay = requireNonNegative("momentumDecay", momentumDecay);
    return copy;
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
  Map<String, Object> settings() {
    Map<String, Object> settings = super.settings();
    settings.put("momentum_decay", momentumDecay);
    return settings;
  }

  private double mu(double beta1, double step) {
    return beta1 * (1 - 0.5 * Math.pow(0.96, step * momentumDecay));
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double beta1 = beta1(iteration, epoch);
    double beta2 = beta2(iteration, epoch);
    double product = state.age() == 0 ? 1 : state.extra();
    double step = state.advance();
    double mu = mu(beta1, step);
    double next = mu(beta1, step + 1);
    product *= mu;
    state.setExtra(product);
    double scale = Math.sqrt(1 - Math.pow(beta2, step));
    double ofGradient = (1 - mu) / (1 - product);
    double ofAverage = next / (1 - product * next);
    state.forEachPart(
        gradient,
        (part, arrays, scratch) -> {
          INDArray average = arrays[0];
          INDArray squares = arrays[1];
          average.muli(beta1);
          Nd4j.exec(new Axpy(part, average, average, 1 - beta1));
          // The share of the square, which alone might overflow.
          Nd4j.exec(new ScalarMultiplication(part, null, scratch, 1 - beta2));
          Nd4j.exec(new MulOp(scratch, part, scratch));
          Nd4j.exec(new Axpy(squares, scratch, squares, beta2));
          part.muli(ofGradient);
          Nd4j.exec(new Axpy(average, part, part, ofAverage));
          part.muli(lr * scale);
          FusedOps.divideByRoot(part, squares, scratch, eps() * scale);
        });
  }
}
