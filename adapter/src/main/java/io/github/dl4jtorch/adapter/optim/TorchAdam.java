package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.AdamUpdater;
import org.nd4j.linalg.api.ops.impl.updaters.AmsGradUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * PyTorch's {@code torch.optim.Adam}, which divides an average of the gradients by the root of an
 * average of their squares, both corrected for having started at 0.
 *
 * <pre>
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2
 * p = p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 * </pre>
 *
 * <p>With AMSGrad the largest {@code v} so far takes the place of {@code v} in the last line. Step
 * {@code t} counts from 1. State of {@code n} parameters: {@code m} and {@code v}, with AMSGrad the
 * largest {@code v}, then the cells of the count.
 *
 * <p>See Kingma and Ba, <a href="https://arxiv.org/abs/1412.6980">Adam: A Method for Stochastic
 * Optimization</a>, and Reddi et al., <a href="https://arxiv.org/abs/1904.09237">On the Convergence
 * of Adam and Beyond</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchAdam(1e-3).withBetas(0.9, 0.99).withAmsgrad();
 * }</pre>
 */
public final class TorchAdam extends AmsgradUpdater<TorchAdam> {

  private static final long serialVersionUID = 1L;

  private TorchAdam() {
    super(Setting.of(1e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchAdam(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchAdam(ISchedule lr) {
    super(scheduledLr(lr));
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    step(this, amsgrad(), gradient, state, lr, iteration, epoch);
  }

  /** Turns a gradient into the step of Adam, and of those with a weight decay not seen here. */
  static void step(
      BetasUpdater<?> adam,
      boolean amsgrad,
      INDArray gradient,
      UpdaterState state,
      double lr,
      int iteration,
      int epoch) {
    double beta1 = adam.beta1(iteration, epoch);
    double beta2 = adam.beta2(iteration, epoch);
    double t = state.advance();
    INDArray m = state.array(0);
    INDArray v = state.array(1);
    // The factors by which an op's m and v are too large, 1 in double precision, see FusedOps.
    DataType precision = gradient.dataType();
    double excess1 = FusedOps.excess(beta1, precision);
    double excess2 = Math.sqrt(FusedOps.excess(beta2, precision));
    double correction1 = excess1 * (1 - Math.pow(beta1, t));
    double correction2 = Math.sqrt(1 - Math.pow(beta2, t)) * excess2;
    // lr / correction1 m / (sqrt(v) / correction2 + eps), multiplied out by correction2
    double rate = lr * correction2 / correction1;
    double eps = adam.eps() * correction2;
    double decay1 = FusedOps.decay(beta1, precision);
    double decay2 = FusedOps.decay(beta2, precision);
    double late = FusedOps.adamRate(rate, decay1, decay2);
    Nd4j.exec(
        amsgrad
            ? new AmsGradUpdater(
                gradient, v, m, state.array(2), late, decay1, decay2, eps, FusedOps.LATE)
            : new AdamUpdater(gradient, v, m, late, decay1, decay2, eps, FusedOps.LATE));
  }
}
