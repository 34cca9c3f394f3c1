package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMultiplication;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.MulOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.SubOp;
import org.nd4j.linalg.api.ops.impl.updaters.RmsPropUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.RMSprop}, which divides by the root of an average of the squared
 * gradients.
 *
 * <pre>
 * v = alpha v + (1 - alpha) g^2
 * m = alpha m + (1 - alpha) g             if centered
 * d = g / (sqrt(v - m^2) + eps)           m is 0 if not centered
 * b = momentum b + d                      if there is a momentum
 * p = p - lr b                            or lr d
 * </pre>
 *
 * <p>State of {@code n} parameters: {@code v}; then {@code m}, if centered; then {@code b}, if
 * there is a momentum.
 *
 * <p>See Hinton, <a
 * href="https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf">lecture 6e</a>,
 * and for the centered kind Graves, <a href="https://arxiv.org/abs/1308.0850">Generating Sequences
 * With Recurrent Neural Networks</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchRMSprop(0.01).withAlpha(0.9).withMomentum(0.9).withCentering();
 * }</pre>
 */
public final class TorchRMSprop extends MomentumUpdater<TorchRMSprop> {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double alpha = 0.99;
  @JsonProperty private double eps = 1e-8;
  @JsonProperty private boolean centered;

  private TorchRMSprop() {
    super(Setting.of(1e-2));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-2
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchRMSprop(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchRMSprop(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with another alpha.
   *
   * @param alpha how much the averages keep, {@code >= 0} and {@code <= 1}, by default 0.99
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchRMSprop withAlpha(double alpha) {
    TorchRMSprop copy = clone();
    copy.alpha = requireFromZeroToOne("alpha", alpha);
    return copy;
  }

  /**
   * Returns a copy with another epsilon.
   *
   * @param eps what keeps the divisor from being 0, finite and {@code >= 0}, by default 1e-8
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchRMSprop withEps(double eps) {
    TorchRMSprop copy = clone();
    copy.eps = requireNonNegative("eps", eps);
    return copy;
  }

  /**
   * Returns a copy that divides by the gradients' standard deviation.
   *
   * @return the copy
   */
  @CheckReturnValue
  public TorchRMSprop withCentering() {
    TorchRMSprop copy = clone();
    copy.centered = true;
    return copy;
  }

  @Override
  int arrays() {
    return 1 + (centered ? 1 : 0) + (hasBuffer() ? 1 : 0);
  }

  @Override
  List<String> stateNames() {
    List<String> names = new ArrayList<>(List.of("square_avg"));
    if (centered) {
      names.add("grad_avg");
    }
    if (hasBuffer()) {
      names.add("momentum_buffer");
    }
    return names;
  }

  @Override
  double excess(int array, DataType precision) {
    return array == 0 && !centered ? FusedOps.excess(alpha, precision) : 1;
  }

  @Override
  boolean counts() {
    return false;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("alpha", alpha);
    settings.put("eps", eps);
    putMomentum(settings);
    settings.put("centered", centered);
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double keeps = momentumAt(iteration, epoch);
    double rate = keeps == 0 ? lr : 1;
    DataType precision = gradient.dataType();
    if (centered) {
      state.forEachPart(
          gradient,
          (part, arrays, scratch) -> {
            INDArray squares = arrays[0];
            INDArray average = arrays[1];
            Nd4j.exec(new ScalarMultiplication(part, null, scratch, 1 - alpha));
            Nd4j.exec(new Axpy(average, scratch, average, alpha));
            // The share of the square, which alone might overflow.
            Nd4j.exec(new MulOp(scratch, part, scratch));
            Nd4j.exec(new Axpy(squares, scratch, squares, alpha));
            Nd4j.exec(new MulOp(average, average, scratch));
            Nd4j.exec(new SubOp(squares, scratch, scratch));
            part.muli(rate);
            FusedOps.divideByRoot(part, scratch, scratch, eps);
          });
    } else {
      double decay = FusedOps.decay(alpha, precision);
      double root = Math.sqrt(FusedOps.excess(alpha, precision));
      Nd4j.exec(new RmsPropUpdater(gradient, state.array(0), rate * root, decay, eps * root));
    }
    if (keeps != 0) {
      INDArray buffer = state.array(arrays() - 1);
      Nd4j.exec(new Axpy(buffer, gradient, buffer, keeps));
      Nd4j.exec(new ScalarMultiplication(buffer, null, gradient, lr));
    }
  }
}
