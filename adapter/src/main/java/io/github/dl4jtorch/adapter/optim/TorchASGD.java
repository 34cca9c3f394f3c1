package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.ASGD}, averaged stochastic gradient descent: SGD with a rate that
 * falls by itself, and the average of all parameters after step {@code t0}.
 *
 * <pre>
 * p = p - eta (g + lambd p)
 * ax = ax + mu (p - ax)
 * eta = lr / (1 + lambd lr t)^alpha      for the next step; lr before the first
 * mu = 1 / max(1, t - t0)                for the next step; 1 before the first
 * </pre>
 *
 * <p>So a change of the rate acts one step later, as in PyTorch. A rate of 0 acts at once, which it
 * does not there. {@code eta} falls as in PyTorch's code for one tensor, which is what runs on a
 * CPU; {@code foreach=True} has {@code t^alpha} within the parentheses.
 *
 * <p>An updater never sees parameters, so the term with {@code lambd} is set by {@link
 * TorchOptimizer}, by which a network is to be given this updater. Step {@code t} counts from 1.
 * State of {@code n} parameters: {@code ax - p}, which changes by what this updater does alone;
 * then the cells of the count and of {@code eta}.
 *
 * <p>See Polyak and Juditsky, <a href="https://doi.org/10.1137/0330046">Acceleration of Stochastic
 * Approximation by Averaging</a>.
 *
 * <pre>{@code
 * TorchOptimizer optimizer = TorchOptimizer.of(new TorchASGD(0.01).withT0(1000));
 * }</pre>
 */
public final class TorchASGD extends TorchUpdater {

  private static final long serialVersionUID = 1L;

  /** Stands in a state for an eta of 0. */
  private static final double STOOD = -1;

  @JsonProperty private double lambd = 1e-4;
  @JsonProperty private double alpha = 0.75;
  @JsonProperty private double t0 = 1e6;
  @JsonProperty private boolean isAccompanied;

  private TorchASGD() {
    super(Setting.of(1e-2));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-2
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchASGD(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchASGD(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with another decay.
   *
   * @param lambd how much parameters and rate decay, finite and {@code >= 0}, by default 1e-4
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchASGD withLambd(double lambd) {
    TorchASGD copy = (TorchASGD) clone();
    copy.lambd = requireNonNegative("lambd", lambd);
    return copy;
  }

  /**
   * Returns a copy whose rate falls with another power.
   *
   * @param alpha the power, finite and {@code >= 0}, by default 0.75
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchASGD withAlpha(double alpha) {
    TorchASGD copy = (TorchASGD) clone();
    copy.alpha = requireNonNegative("alpha", alpha);
    return copy;
  }

  /**
   * Returns a copy that averages from another step on.
   *
   * @param t0 the step, finite and {@code >= 0}, by default 1e6
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchASGD withT0(double t0) {
    TorchASGD copy = (TorchASGD) clone();
    copy.t0 = requireNonNegative("t0", t0);
    return copy;
  }

  @Override
  @CheckReturnValue
  public TorchASGD withMaximize() {
    return (TorchASGD) super.withMaximize();
  }

  @Override
  List<Regularization> beside() {
    return lambd == 0 ? List.of() : List.of(new Lambd(maximizes() ? -lambd : lambd));
  }

  @Override
  TorchASGD accompanied() {
    TorchASGD copy = (TorchASGD) clone();
    copy.isAccompanied = true;
    return copy;
  }

  @Override
  int arrays() {
    return 1;
  }

  @Override
  List<String> stateNames() {
    return List.of("ax");
  }

  @Override
  boolean counts() {
    return true;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("lambd", lambd);
    settings.put("alpha", alpha);
    settings.put("t0", t0);
    return settings;
  }

  @Override
  double numberOf(double extra) {
    return Math.max(0, extra);
  }

  @Override
  double extraOf(double eta) {
    return eta == 0 ? STOOD : eta;
  }

  /** Returns how far the average follows in the step after so many. */
  private double mu(long steps) {
    return 1 / Math.max(1, steps - t0);
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    if (lambd != 0 && !isAccompanied) {
      throw new IllegalStateException(
          "a TorchASGD with a lambd must be given by TorchOptimizer, which sets what lambd does"
              + " beside the updater, but was not: "
              + this);
    }
    double rate = getLearningRate(iteration, epoch);
    boolean stands = TorchGradientUpdater.stands(rate);
    // Where there is nothing yet, a worker has copied the state in the middle of the first update.
    double eta = state.extra() == 0 ? rate : numberOf(state.extra());
    double mu = mu(state.age());
    double step = state.advance();
    state.setExtra(extraOf(stands ? 0 : rate / Math.pow(1 + lambd * rate * step, alpha)));
    gradient.muli(stands ? 0 : eta);
    // Before that the average is the parameters themselves.
    if (mu != 1) {
      INDArray ahead = state.array(0);
      ahead.addi(gradient).muli(1 - mu);
    }
  }
}
