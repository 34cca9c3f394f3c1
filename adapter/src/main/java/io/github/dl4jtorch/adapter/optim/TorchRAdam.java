package io.github.dl4jtorch.adapter.optim;

import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.updaters.AdamUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * PyTorch's {@code torch.optim.RAdam}: Adam that starts as SGD with momentum and turns adaptive as
 * the average of the squares becomes reliable.
 *
 * <pre>
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2
 * rho = 2 / (1 - beta2) - 1
 * rho(t) = rho - 2 t beta2^t / (1 - beta2^t)
 * r = sqrt((rho(t) - 4) (rho(t) - 2) rho / ((rho - 4) (rho - 2) rho(t)))
 * p = p - lr / (1 - beta1^t) m r sqrt(1 - beta2^t) / (sqrt(v) + eps)   if rho(t) &gt; 5
 * p = p - lr / (1 - beta1^t) m                                         otherwise
 * </pre>
 *
 * <p>Step {@code t} counts from 1. State of {@code n} parameters: {@code m} and {@code v}, then the
 * cells of the count.
 *
 * <p>See Liu et al., <a href="https://arxiv.org/abs/1908.03265">On the Variance of the Adaptive
 * Learning Rate and Beyond</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchRAdam(1e-3).withBetas(0.9, 0.99);
 * }</pre>
 */
public final class TorchRAdam extends BetasUpdater<TorchRAdam> {

  private static final long serialVersionUID = 1L;

  private TorchRAdam() {
    super(Setting.of(1e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchRAdam(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchRAdam(ISchedule lr) {
    super(scheduledLr(lr));
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
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double beta1 = beta1(iteration, epoch);
    double beta2 = beta2(iteration, epoch);
    double step = state.advance();
    DataType precision = gradient.dataType();
    double decay1 = FusedOps.decay(beta1, precision);
    double decay2 = FusedOps.decay(beta2, precision);
    double root = Math.sqrt(FusedOps.excess(beta2, precision));
    double corrected = lr / (FusedOps.excess(beta1, precision) * (1 - Math.pow(beta1, step)));
    double power = Math.pow(beta2, step);
    double limit = 2 / (1 - beta2) - 1;
    double rho = limit - 2 * step * power / (1 - power);
    double rectified = 1;
    if (rho > 5) {
      double rectification =
          Math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho));
      double rate = corrected * rectification * Math.sqrt(1 - power) * root;
      rectified = FusedOps.adamRate(rate, decay1, decay2);
    }
    INDArray average = state.array(0);
    Nd4j.exec(
        new AdamUpdater(
            gradient,
            state.array(1),
            average,
            rectified,
            decay1,
            decay2,
            eps() * root,
            FusedOps.LATE));
    if (rho <= 5) {
      Nd4j.exec(new ScalarMultiplication(average, null, gradient, corrected));
    }
  }
}
