package io.github.dl4jtorch.adapter.optim;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
 * is given none. A network that is given the updater alone decays nothing and says so in one line
 * at its first update, unless its param groups have set a weight decay. Step {@code t} counts from
 * 1. State of {@code n} parameters: {@code m} and {@code v}, with AMSGrad the largest {@code v},
 * then the cells of the count.
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

  static final double WEIGHT_DECAY = 0.01;

  private static final String BLOCK = "org.deeplearning4j.nn.updater.UpdaterBlock";
  private static final Logger LOG = LoggerFactory.getLogger(TorchAdamW.class);

  /**
   * Whether to ask for a decay, once for all copies; null where one was set. Not so in what is read
   * from a file, since that is not where a recipe is written down.
   */
  private transient @Nullable AtomicBoolean asks;

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
    asks = new AtomicBoolean(true);
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchAdamW(ISchedule lr) {
    super(scheduledLr(lr));
    asks = new AtomicBoolean(true);
  }

  /** Takes note that it was decided how much is to be decayed, so that no update warns. */
  @Override
  public void decayIsSet() {
    asks = null;
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
   * Returns PyTorch's default.
   *
   * @return 0.01
   */
  @Override
  public double defaultWeightDecay() {
    return WEIGHT_DECAY;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    AtomicBoolean toBeAsked = asks;
    if (toBeAsked != null && toBeAsked.get() && isOfNetwork() && toBeAsked.getAndSet(false)) {
      LOG.warn(
          "a network has a TorchAdamW that no TorchOptimizer gave it, which decays nothing but what"
              + " DL4J's weightDecay of a layer says, where PyTorch's AdamW decays by {}:"
              + " TorchOptimizer.of(updater).applyTo(configuration) sets that, and"
              + " withWeightDecay(0) before applyTo says that there is to be none",
          WEIGHT_DECAY);
    }
    TorchAdam.step(this, amsgrad(), gradient, state, lr, iteration, epoch);
  }

  /** Tells whether a network, and not SameDiff, makes the update, which DL4J does not say. */
  private static boolean isOfNetwork() {
    return StackWalker.getInstance()
        .walk(frames -> frames.anyMatch(frame -> frame.getClassName().equals(BLOCK)));
  }
}
