package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * PyTorch's {@code torch.optim.AdamW}: {@link TorchAdam} for use with a weight decay that is kept
 * apart from the gradient.
 *
 * <pre>
 * m = beta1 m + (1 - beta1) g
 * v = beta2 v + (1 - beta2) g^2
 * p = p - lr weight_decay p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 * </pre>
 *
 * <p>An updater never sees parameters, so the term with {@code weight_decay} is DL4J's {@code
 * WeightDecay}, and {@link TorchOptimizer} sets both, the decay to PyTorch's default of 0.01 if it
 * is given none. An updater alone, without {@code TorchOptimizer}, decays nothing. Step {@code t}
 * counts from 1. State of {@code n} parameters: {@code m} and {@code v}, with AMSGrad the largest
 * {@code v}, then the cells of the count.
 *
 * <p>See Loshchilov and Hutter, <a href="https://arxiv.org/abs/1711.05101">Decoupled Weight Decay
 * Regularization</a>.
 *
 * <pre>{@code
 * DenseLayer layer =
 *     TorchOptimizer.of(new TorchAdamW(1e-3))
 *         .withWeightDecay(0.05)
 *         .applyTo(new DenseLayer.Builder().nIn(4).nOut(16))
 *         .build();
 * }</pre>
 */
public final class TorchAdamW extends AmsgradUpdater<TorchAdamW> {

  private static final long serialVersionUID = 1L;

  /** PyTorch's default, which {@link TorchOptimizer} sets. */
  static final double WEIGHT_DECAY = 0.01;

  private TorchAdamW() {
    super(Setting.of(1e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchAdamW(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchAdamW(ISchedule lr) {
    super(scheduledLr(lr));
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    TorchAdam.step(this, gradient, state, lr, iteration, epoch);
  }
}
