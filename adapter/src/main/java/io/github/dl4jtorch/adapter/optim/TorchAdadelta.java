package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.AdaDeltaUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.Adadelta}, which measures a step by the steps before. DL4J's own
 * {@code AdaDelta} is the same without a learning rate.
 *
 * <pre>
 * v = rho v + (1 - rho) g^2
 * d = sqrt(u + eps) / sqrt(v + eps) g
 * u = rho u + (1 - rho) d^2
 * p = p - lr d
 * </pre>
 *
 * <p>State of {@code n} parameters: {@code v} and {@code u}.
 *
 * <p>See Zeiler, <a href="https://arxiv.org/abs/1212.5701">ADADELTA: An Adaptive Learning Rate
 * Method</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchAdadelta(1.0).withRho(0.95);
 * }</pre>
 */
public final class TorchAdadelta extends TorchUpdater {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double rho = 0.9;
  @JsonProperty private double eps = 1e-6;

  private TorchAdadelta() {
    super(Setting.of(1));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchAdadelta(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchAdadelta(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with another rho.
   *
   * @param rho how much the averages keep, {@code >= 0} and {@code <= 1}, by default 0.9
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdadelta withRho(double rho) {
    TorchAdadelta copy = (TorchAdadelta) clone();
    copy.rho = requireFromZeroToOne("rho", rho);
    return copy;
  }

  /**
   * Returns a copy with another epsilon.
   *
   * @param eps what is added under both roots, finite and {@code >= 0}, by default 1e-6
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdadelta withEps(double eps) {
    TorchAdadelta copy = (TorchAdadelta) clone();
    copy.eps = requireNonNegative("eps", eps);
    return copy;
  }

  @Override
  @CheckReturnValue
  public TorchAdadelta withMaximize() {
    return (TorchAdadelta) super.withMaximize();
  }

  @Override
  int arrays() {
    return 2;
  }

  @Override
  List<String> stateNames() {
    return List.of("square_avg", "acc_delta");
  }

  @Override
  double excess(int array, DataType precision) {
    return FusedOps.excess(rho, precision);
  }

  @Override
  boolean counts() {
    return false;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("rho", rho);
    settings.put("eps", eps);
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    DataType precision = gradient.dataType();
    double decay = FusedOps.decay(rho, precision);
    // Both of its averages are under a root with it.
    double added = eps * FusedOps.excess(rho, precision);
    Nd4j.exec(new AdaDeltaUpdater(gradient, state.array(0), state.array(1), decay, added));
    gradient.muli(lr);
  }
}
