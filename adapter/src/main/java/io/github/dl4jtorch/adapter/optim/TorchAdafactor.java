package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.reduce.floating.Mean;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMax;
import org.nd4j.linalg.api.ops.impl.transforms.floating.Sqrt;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.DivOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.MulOp;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.Adafactor}, which keeps of the squared gradients of a matrix the
 * averages of its rows and columns alone, and makes steps that go with the size of the parameters.
 *
 * <pre>
 * w = t^beta2_decay
 * R = R + w (mean(g^2 of each row) - R)
 * C = C + w (mean(g^2 of each column) - C)
 * V = R C / max(mean(R), eps1)              for a vector V = V + w (g^2 - V)
 * u = g / sqrt(max(V, eps1^2))
 * p = p - lr weight_decay p
 *       - max(eps2, rms(p)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d)
 * </pre>
 *
 * <p>{@code rms(p)} is that of the whole array as it was before. Rows and columns are PyTorch's
 * last two dimensions, as in its code: of a convolution those of each kernel. Networks are given
 * this updater by {@link TorchOptimizer}, which knows the shapes, and sets what has to see the
 * parameters beside it, a weight decay too. Step {@code t} counts from 1. State: for each array of
 * parameters {@code R}, then {@code C}, or {@code V}; then the cells of the count. For intermediate
 * results it keeps room for one more array like its largest.
 *
 * <p>See Shazeer and Stern, <a href="https://arxiv.org/abs/1804.04235">Adafactor: Adaptive Learning
 * Rates with Sublinear Memory Cost</a>.
 *
 * <pre>{@code
 * TorchOptimizer optimizer = TorchOptimizer.of(new TorchAdafactor(0.01)).withWeightDecay(0.01);
 * }</pre>
 */
public final class TorchAdafactor extends TorchUpdater {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double beta2Decay = -0.8;
  @JsonProperty private @Nullable Double eps1;
  @JsonProperty private double eps2 = 1e-3;
  @JsonProperty private double d = 1;
  @JsonProperty private List<TensorShape> shapes = List.of();

  private TorchAdafactor() {
    super(Setting.of(1e-2));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the largest relative step, finite and {@code >= 0}; PyTorch's default is 1e-2
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchAdafactor(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the largest relative step
   */
  public TorchAdafactor(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy whose averages become longer at another pace.
   *
   * @param beta2Decay the power of the step by which a new gradient counts, finite and {@code <=
   *     0}, by default -0.8
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdafactor withBeta2Decay(double beta2Decay) {
    TorchAdafactor copy = (TorchAdafactor) clone();
    copy.beta2Decay = Require.requireNonPositive("beta2Decay", beta2Decay);
    return copy;
  }

  /**
   * Returns a copy with other epsilons.
   *
   * @param eps1 the smallest root of an average of squares, finite and {@code >= 0}, by default
   *     that of the network's precision: 1.2e-7 in single, 2.2e-16 in double
   * @param eps2 the smallest size of a parameter array, finite and {@code >= 0}, by default 1e-3
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public TorchAdafactor withEps(double eps1, double eps2) {
    TorchAdafactor copy = withEps2(eps2);
    copy.eps1 = requireNonNegative("eps1", eps1);
    return copy;
  }

  /**
   * Returns a copy with another smallest size of a parameter array.
   *
   * @param eps2 the size, finite and {@code >= 0}, by default 1e-3
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdafactor withEps2(double eps2) {
    TorchAdafactor copy = (TorchAdafactor) clone();
    copy.eps2 = requireNonNegative("eps2", eps2);
    return copy;
  }

  /**
   * Returns a copy that clips updates elsewhere.
   *
   * @param d the largest root mean square of an update, finite and {@code >= 1}, by default 1
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchAdafactor withD(double d) {
    TorchAdafactor copy = (TorchAdafactor) clone();
    copy.d = Require.requireFromOne("d", d);
    return copy;
  }

  @Override
  @CheckReturnValue
  public TorchAdafactor withMaximize() {
    return (TorchAdafactor) super.withMaximize();
  }

  @Override
  List<Regularization> beside() {
    return List.of(new RelativeStep(eps2));
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
  TorchAdafactor shaped(List<TensorShape> shapes) {
    TorchAdafactor copy = (TorchAdafactor) clone();
    copy.shapes = List.copyOf(shapes);
    return copy;
  }

  @Override
  int arrays() {
    return 1;
  }

  /** DL4J asks for one parameter after the other, and the block's state is the sum. */
  @Override
  long stateLength(long numParams) {
    long unit = Shaped.unit(shapes);
    if (unit > 0 && numParams % unit == 0) {
      return numParams / unit * shapes.stream().mapToLong(this::stateLength).sum();
    }
    return ofLength(numParams);
  }

  /** The same for all of a length, since DL4J tells no more. */
  private long stateLength(TensorShape shape) {
    return ofLength(shape.length());
  }

  private long ofLength(long length) {
    return shapes.stream()
        .filter(shape -> shape.length() == length)
        .mapToLong(TorchAdafactor::needed)
        .max()
        .orElse(length);
  }

  private static long needed(TensorShape shape) {
    return shape.isMatrix()
        ? shape.length() / shape.size(-1) + shape.length() / shape.size(-2)
        : shape.length();
  }

  @Override
  List<String> stateNames() {
    return List.of("row_var", "col_var", "variance");
  }

  @Override
  boolean counts() {
    return true;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("beta2_decay", beta2Decay);
    settings.put("eps", Arrays.asList(eps1, eps2));
    settings.put("d", d);
    return settings;
  }

  /** Returns the distance from 1 to the next number. */
  private static double epsilon(DataType precision) {
    return switch (precision) {
      case DOUBLE -> 0x1p-52;
      case HALF -> 0x1p-10;
      case BFLOAT16 -> 0x1p-7;
      default -> 0x1p-23;
    };
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    List<TensorShape> all = Shaped.in(this, gradient.length());
    double step = state.advance();
    double share = Math.pow(step, beta2Decay);
    double rate = Math.min(lr, 1 / Math.sqrt(step));
    Double given = eps1;
    double eps = given == null ? epsilon(gradient.dataType()) : given;
    long largest = 0;
    for (TensorShape shape : shapes) {
      largest = Math.max(largest, shape.length() + (shape.isMatrix() ? needed(shape) : 0));
    }
    INDArray room = state.room(gradient.dataType(), largest);
    long start = 0;
    long stateStart = 0;
    for (TensorShape shape : all) {
      INDArray part = UpdaterState.slice(gradient, start, shape.length());
      INDArray own = UpdaterState.slice(state.array(0), stateStart, needed(shape));
      INDArray estimate = UpdaterState.slice(room, 0, shape.length());
      Nd4j.exec(new MulOp(part, part, estimate));
      if (shape.isMatrix()) {
        factor(estimate, own, shape, share, eps, room);
      } else {
        follow(own, estimate, share);
        estimate.assign(own);
      }
      Nd4j.exec(new ScalarMax(estimate, null, estimate, eps * eps));
      Nd4j.exec(new Sqrt(estimate, estimate));
      Nd4j.exec(new DivOp(part, estimate, part));
      double size = Norms.euclidean(part) / Math.sqrt((double) shape.length());
      part.muli(rate / Math.max(1, size / d));
      start += shape.length();
      stateStart += stateLength(shape);
    }
  }

  private static void follow(INDArray average, INDArray present, double share) {
    average.muli(1 - share);
    Nd4j.exec(new Axpy(present, average, average, share));
  }

  /** Takes squares into the averages of rows and columns, and puts there what those make of it. */
  private static void factor(
      INDArray squares, INDArray own, TensorShape shape, double share, double eps, INDArray room) {
    int rowDim = shape.place(-2);
    int columnDim = shape.place(-1);
    long[] sizes = shape.memory().stream().mapToLong(Long::longValue).toArray();
    long[] ofRows = withOne(sizes, columnDim);
    long[] ofColumns = withOne(sizes, rowDim);
    long rows = shape.length() / sizes[columnDim];
    long columns = shape.length() / sizes[rowDim];
    INDArray array = squares.reshape('c', sizes);
    INDArray row = UpdaterState.slice(own, 0, rows).reshape('c', ofRows);
    INDArray column = UpdaterState.slice(own, rows, columns).reshape('c', ofColumns);
    INDArray rowRoom = UpdaterState.slice(room, shape.length(), rows).reshape('c', ofRows);
    INDArray columnRoom =
        UpdaterState.slice(room, shape.length() + rows, columns).reshape('c', ofColumns);
    Nd4j.exec(new Mean(array, rowRoom, true, columnDim));
    follow(row, rowRoom, share);
    Nd4j.exec(new Mean(array, columnRoom, true, rowDim));
    follow(column, columnRoom, share);
    long[] ofMeans = withOne(ofRows, rowDim);
    INDArray mean =
        UpdaterState.slice(room, shape.length() + rows, rows / sizes[rowDim]).reshape('c', ofMeans);
    Nd4j.exec(new Mean(row, mean, true, rowDim));
    Nd4j.exec(new ScalarMax(mean, null, mean, eps));
    Nd4j.exec(new DivOp(row, mean, rowRoom));
    Nd4j.exec(new MulOp(rowRoom, column, array));
  }

  private static long[] withOne(long[] sizes, int dimension) {
    long[] changed = sizes.clone();
    changed[dimension] = 1;
    return changed;
  }
}
