package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.Muon}, for the hidden matrices of a network: a momentum whose update
 * is made nearly orthogonal, all its directions alike in size, by some steps of a Newton-Schulz
 * iteration.
 *
 * <pre>
 * b = momentum b + (1 - momentum) g
 * u = momentum b + (1 - momentum) g         b if without Nesterov's momentum
 * X = u / max(|u|, eps)                     its transpose if it has more rows than columns
 * A = X X', X = a X + (b A + c A A) X       ns_steps times, with the three ns_coefficients a, b, c
 * p = p - lr weight_decay p - lr r X        r = sqrt(max(1, rows / columns))
 * </pre>
 *
 * <p>That is what PyTorch's code computes; its documentation has another momentum. With {@link
 * AdjustLr#MATCH_RMS_ADAMW} {@code r} is {@code 0.2 sqrt(max(rows, columns))}, so that rate and
 * decay of an AdamW will do. PyTorch iterates in bfloat16 whatever the network has; here it is the
 * network's precision, single or double.
 *
 * <p>A matrix is what PyTorch has: a row for each output. The filters of a convolution are a row
 * each, as Muon's author has it; PyTorch's Muon refuses them. Networks are given this updater by
 * {@link TorchOptimizer}, which knows the shapes, and the rest by another one; it sets the weight
 * decay of 0.1, which is PyTorch's default, too. State of {@code n} parameters: {@code b}. For the
 * iteration it keeps room for one more array like its largest matrix, and two of the square of the
 * smaller side.
 *
 * <p>See Jordan, <a href="https://kellerjordan.github.io/posts/muon/">Muon: An optimizer for hidden
 * layers in neural networks</a>, and Liu et al., <a href="https://arxiv.org/abs/2502.16982">Muon is
 * Scalable for LLM Training</a>.
 *
 * <pre>{@code
 * MultiLayerConfiguration configuration =
 *     TorchOptimizer.of(new TorchMuon(0.02))
 *         .withRest(new TorchAdamW(3e-4), 0.01)
 *         .applyTo(
 *             new NeuralNetConfiguration.Builder()
 *                 .list(
 *                     new DenseLayer.Builder().nIn(4).nOut(16).build(),
 *                     new OutputLayer.Builder().nIn(16).nOut(3).build())
 *                 .build());
 * }</pre>
 */
public final class TorchMuon extends MomentumUpdater<TorchMuon> {

  /** How the rate goes with the size of a matrix. */
  public enum AdjustLr {
    /** {@code sqrt(max(1, rows / columns))}, PyTorch's {@code "original"} and default. */
    ORIGINAL,
    /** {@code 0.2 sqrt(max(rows, columns))}, PyTorch's {@code "match_rms_adamw"}. */
    MATCH_RMS_ADAMW
  }

  private static final long serialVersionUID = 1L;

  private static final double WEIGHT_DECAY = 0.1;
  private static final int MOST_STEPS = 99;

  @JsonProperty private boolean nesterov = true;
  @JsonProperty private List<Double> nsCoefficients = List.of(3.4445, -4.7750, 2.0315);
  @JsonProperty private double eps = 1e-7;
  @JsonProperty private int nsSteps = 5;
  @JsonProperty private AdjustLr adjustLr = AdjustLr.ORIGINAL;
  @JsonProperty private List<TensorShape> shapes = List.of();

  private TorchMuon() {
    super(Setting.of(1e-3), Setting.of(0.95));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; PyTorch's default is 1e-3
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchMuon(double lr) {
    super(fixedLr(lr), Setting.of(0.95));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public TorchMuon(ISchedule lr) {
    super(scheduledLr(lr), Setting.of(0.95));
  }

  @Override
  TorchMuon withMomentum(Setting momentum, boolean hasBuffer) {
    return super.withMomentum(momentum, true);
  }

  /**
   * Returns a copy that takes the momentum itself, and not Nesterov's.
   *
   * @return the copy
   */
  @CheckReturnValue
  public TorchMuon withoutNesterov() {
    TorchMuon copy = clone();
    copy.nesterov = false;
    return copy;
  }

  /**
   * Returns a copy with another iteration.
   *
   * @param a the share of the matrix, finite, by default 3.4445
   * @param b the share of its cube, finite, by default -4.775
   * @param c the share of its fifth power, finite, by default 2.0315
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public TorchMuon withNsCoefficients(double a, double b, double c) {
    TorchMuon copy = clone();
    copy.nsCoefficients =
        List.of(
            Require.requireFinite("a", a),
            Require.requireFinite("b", b),
            Require.requireFinite("c", c));
    return copy;
  }

  /**
   * Returns a copy with another number of iterations.
   *
   * @param nsSteps the number, {@code >= 0} and {@code < 100}, by default 5
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchMuon withNsSteps(int nsSteps) {
    if (nsSteps < 0 || nsSteps > MOST_STEPS) {
      throw new IllegalArgumentException("nsSteps must be >= 0 and < 100 but was " + nsSteps);
    }
    TorchMuon copy = clone();
    copy.nsSteps = nsSteps;
    return copy;
  }

  /**
   * Returns a copy with another epsilon.
   *
   * @param eps the smallest norm to divide by, finite and {@code >= 0}, by default 1e-7
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchMuon withEps(double eps) {
    TorchMuon copy = clone();
    copy.eps = requireNonNegative("eps", eps);
    return copy;
  }

  /**
   * Returns a copy whose rate goes with the size of a matrix in another way.
   *
   * @param adjustLr the way, by default {@code ORIGINAL}
   * @return the copy
   */
  @CheckReturnValue
  public TorchMuon withAdjustLr(AdjustLr adjustLr) {
    TorchMuon copy = clone();
    copy.adjustLr = Require.requireGiven("adjustLr", adjustLr);
    return copy;
  }

  /**
   * Returns PyTorch's default.
   *
   * @return 0.1
   */
  @Override
  public double defaultWeightDecay() {
    return WEIGHT_DECAY;
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

  @Override
  boolean needsShapes() {
    return true;
  }

  @Override
  List<TensorShape> shapes() {
    return shapes;
  }

  @Override
  TorchMuon shaped(List<TensorShape> shapes) {
    for (TensorShape shape : shapes) {
      if (!shape.isMatrix()) {
        throw new IllegalArgumentException(
            "TorchMuon must be given matrices alone but was given a vector of "
                + shape.length()
                + " parameters; TorchOptimizer.withRest leaves what is none to another updater");
      }
    }
    TorchMuon copy = clone();
    copy.shapes = List.copyOf(shapes);
    return copy;
  }

  @Override
  int arrays() {
    return 1;
  }

  @Override
  List<String> stateNames() {
    return List.of("momentum_buffer");
  }

  @Override
  boolean counts() {
    return false;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    putMomentum(settings);
    settings.remove("hasBuffer");
    settings.put("nesterov", nesterov);
    settings.put("ns_coefficients", nsCoefficients);
    settings.put("eps", eps);
    settings.put("ns_steps", nsSteps);
    settings.put("adjust_lr_fn", adjustLr == AdjustLr.ORIGINAL ? "original" : "match_rms_adamw");
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double momentum = momentumAt(iteration, epoch);
    INDArray buffer = state.array(0);
    buffer.muli(momentum);
    Nd4j.exec(new Axpy(gradient, buffer, buffer, 1 - momentum));
    if (nesterov) {
      gradient.muli(1 - momentum);
      Nd4j.exec(new Axpy(buffer, gradient, gradient, momentum));
    } else {
      gradient.assign(buffer);
    }
    long largest = 0;
    for (TensorShape shape : shapes) {
      long side = smallerSide(shape);
      largest = Math.max(largest, shape.length() + 2 * side * side);
    }
    INDArray room = state.room(gradient.dataType(), largest);
    long start = 0;
    for (TensorShape shape : Shaped.in(this, gradient.length())) {
      INDArray matrix = UpdaterState.slice(gradient, start, shape.length());
      matrix.divi(Math.max(Norms.euclidean(matrix), eps));
      orthogonalize(matrix, shape, room);
      matrix.muli(lr * ratio(shape));
      start += shape.length();
    }
  }

  private static long smallerSide(TensorShape shape) {
    return Math.min(shape.size(0), shape.length() / shape.size(0));
  }

  /** Iterates in place. What is row by row in memory is the transpose in the order of BLAS. */
  private void orthogonalize(INDArray matrix, TensorShape shape, INDArray room) {
    long length = shape.length();
    long rows = shape.isRowByRow() ? length / shape.size(0) : shape.size(0);
    boolean isWide = rows <= length / rows;
    long side = smallerSide(shape);
    INDArray other = UpdaterState.slice(room, 0, length);
    INDArray gram = square(room, length, side);
    INDArray polynomial = square(room, length + side * side, side);
    INDArray present = matrix;
    INDArray next = other;
    for (int step = 0; step < nsSteps; step++) {
      INDArray x = present.reshape('f', rows, length / rows);
      INDArray y = next.reshape('f', rows, length / rows);
      Nd4j.gemm(x, x, gram, !isWide, isWide, 1, 0);
      polynomial.assign(gram);
      Nd4j.gemm(gram, gram, polynomial, false, false, nsCoefficients.get(2), nsCoefficients.get(1));
      next.assign(present);
      if (isWide) {
        Nd4j.gemm(polynomial, x, y, false, false, 1, nsCoefficients.get(0));
      } else {
        Nd4j.gemm(x, polynomial, y, false, false, 1, nsCoefficients.get(0));
      }
      INDArray former = present;
      present = next;
      next = former;
    }
    if (nsSteps % 2 == 1) {
      matrix.assign(other);
    }
  }

  private static INDArray square(INDArray room, long start, long side) {
    return UpdaterState.slice(room, start, side * side).reshape('f', side, side);
  }

  private double ratio(TensorShape shape) {
    double rows = shape.size(0);
    double columns = (double) shape.length() / rows;
    return adjustLr == AdjustLr.ORIGINAL
        ? Math.sqrt(Math.max(1, rows / columns))
        : 0.2 * Math.sqrt(Math.max(rows, columns));
  }
}
