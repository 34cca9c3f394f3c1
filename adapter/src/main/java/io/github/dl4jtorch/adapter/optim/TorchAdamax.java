package io.github.dl4jtorch.adapter.optim;

import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.DivOp;
import org.nd4j.linalg.api.ops.impl.transforms.same.Abs;
import org.nd4j.linalg.api.ops.impl.transforms.same.Max;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * PyTorch's {@code torch.optim.Adamax}: Adam that divides by a maximum of the gradients' sizes,
 * which fades, instead of the root of their average square.
 *
 * <pre>
 * m = beta1 m + (1 - beta1) g
 * u = max(beta2 u, |g| + eps)
 * p = p - lr / (1 - beta1^t) m / u
 * </pre>
 *
 * <p>Step {@code t} counts from 1. State of {@code n} parameters: {@code m} and {@code u}, then the
 * cells of the count.
 *
 * <p>See Kingma and Ba, <a href="https://arxiv.org/abs/1412.6980">Adam: A Method for Stochastic
 * Optimization</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchAdamax(2e-3);
 * }</pre>
 */
public final class TorchAdamax extends BetasUpdater<TorchAdamax> {

  private static final long serialVersionUID = 1L;

  private TorchAdamax() {
    super(Setting.of(2e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 2e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchAdamax(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchAdamax(ISchedule lr) {
    super(scheduledLr(lr));
  }

  @Override
  int arrays() {
    return 2;
  }

  @Override
  List<String> stateNames() {
    return List.of("exp_avg", "exp_inf");
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double beta1 = beta1(iteration, epoch);
    double beta2 = beta2(iteration, epoch);
    double step = state.advance();
    double rate = lr / (1 - Math.pow(beta1, step));
    INDArray average = state.array(0);
    INDArray largest = state.array(1);
    average.muli(beta1);
    Nd4j.exec(new Axpy(gradient, average, average, 1 - beta1));
    Nd4j.exec(new Abs(gradient, gradient));
    gradient.addi(eps());
    largest.muli(beta2);
    Nd4j.exec(new Max(largest, gradient, largest));
    Nd4j.exec(new DivOp(average, largest, gradient));
    gradient.muli(rate);
  }
}
