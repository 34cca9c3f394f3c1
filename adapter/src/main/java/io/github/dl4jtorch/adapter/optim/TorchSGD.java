package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.updaters.NesterovsUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.SGD}: plain, with momentum, or with Nesterov's momentum. The rate is
 * applied last, so a change of it acts on the whole step at once; DL4J's {@code Nesterovs} keeps
 * the rates of the past in its velocity.
 *
 * <pre>
 * b = momentum b + (1 - dampening) g      b = g at the first step
 * p = p - lr g                            plain
 * p = p - lr b                            with momentum
 * p = p - lr (g + momentum b)             with Nesterov's momentum
 * </pre>
 *
 * <p>State of {@code n} parameters: nothing if plain; otherwise {@code b / (1 - dampening)}, then
 * the cells of the count, if there is a dampening.
 *
 * <p>See Sutskever et al., <a href="https://proceedings.mlr.press/v28/sutskever13.html">On the
 * importance of initialization and momentum in deep learning</a>.
 *
 * <pre>{@code
 * Schedule cycle = OneCycleLR.builder(0.1).totalSteps(1000).build();
 * IUpdater updater =
 *     new TorchSGD(TorchSchedule.lr(cycle, 0.1, ScheduleType.ITERATION))
 *         .withNesterovMomentum(TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION));
 * }</pre>
 */
public final class TorchSGD extends MomentumUpdater<TorchSGD> {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double dampening;
  @JsonProperty private boolean nesterov;

  private TorchSGD() {
    super(Setting.of(1e-3));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchSGD(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchSGD(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with a dampened momentum.
   *
   * @param momentum how much the buffer keeps, finite and {@code >= 0}, by default 0
   * @param dampening how much of a gradient is left out of the buffer, {@code >= 0} and {@code <
   *     1}, by default 0
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public TorchSGD withMomentum(double momentum, double dampening) {
    return with(
        Setting.of(requireNonNegative("momentum", momentum)), momentum != 0, dampening, false);
  }

  /**
   * Returns a copy with a dampened momentum that follows a schedule.
   *
   * @param momentum the schedule of how much the buffer keeps
   * @param dampening how much of a gradient is left out of the buffer, {@code >= 0} and {@code <
   *     1}, by default 0
   * @return the copy
   * @throws IllegalArgumentException if the dampening is out of its range
   */
  @CheckReturnValue
  public TorchSGD withMomentum(ISchedule momentum, double dampening) {
    return with(Setting.of(requireGiven("momentum", momentum)), true, dampening, false);
  }

  /**
   * Returns a copy with Nesterov's momentum.
   *
   * @param momentum how much the buffer keeps, finite and {@code > 0}
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchSGD withNesterovMomentum(double momentum) {
    return with(Setting.of(Require.requirePositive("momentum", momentum)), true, 0, true);
  }

  /**
   * Returns a copy with Nesterov's momentum that follows a schedule.
   *
   * @param momentum the schedule of how much the buffer keeps
   * @return the copy
   */
  @CheckReturnValue
  public TorchSGD withNesterovMomentum(ISchedule momentum) {
    return with(Setting.of(requireGiven("momentum", momentum)), true, 0, true);
  }

  @Override
  TorchSGD withMomentum(Setting momentum, boolean hasBuffer) {
    return with(momentum, hasBuffer, 0, false);
  }

  private TorchSGD with(Setting momentum, boolean hasBuffer, double dampening, boolean nesterov) {
    TorchSGD copy = super.withMomentum(momentum, hasBuffer);
    copy.dampening = Require.requireBelowOne("dampening", dampening);
    copy.nesterov = nesterov;
    return copy;
  }

  @Override
  int arrays() {
    return hasBuffer() ? 1 : 0;
  }

  @Override
  List<String> stateNames() {
    return hasBuffer() ? List.of("momentum_buffer") : List.of();
  }

  @Override
  double excess(int array, DataType precision) {
    return 1 / (1 - dampening);
  }

  @Override
  boolean counts() {
    return hasBuffer() && dampening != 0;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    putMomentum(settings);
    settings.put("dampening", dampening);
    settings.put("nesterov", nesterov);
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double keeps = momentumAt(iteration, epoch);
    if (keeps == 0) {
      gradient.muli(lr);
      return;
    }
    boolean isFirst = state.age() == 0;
    state.advance();
    INDArray buffer = state.array(0);
    if (nesterov) {
      // With a rate of -1 its velocity is PyTorch's buffer, and its update is minus PyTorch's.
      Nd4j.exec(new NesterovsUpdater(gradient, buffer, -1, keeps));
      gradient.muli(-lr);
      return;
    }
    double share = 1 - dampening;
    if (isFirst && dampening != 0) {
      Nd4j.exec(new ScalarMultiplication(gradient, null, buffer, 1 / share));
    } else {
      Nd4j.exec(new Axpy(buffer, gradient, buffer, keeps));
    }
    Nd4j.exec(new ScalarMultiplication(buffer, null, gradient, lr * share));
  }
}
