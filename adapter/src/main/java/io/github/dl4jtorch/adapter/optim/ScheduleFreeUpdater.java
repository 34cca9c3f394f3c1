package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.lang.ref.WeakReference;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What Schedule-Free SGD and AdamW have in common. Three points take the place of a rate that
 * decays: steps are made from {@code z}, the network is trained at {@code y}, and {@code x}, a
 * weighted mean of all {@code z}, is what it is evaluated with.
 *
 * <pre>
 * rate = lr min(1, t / warmup_steps)
 * w    = t^r (largest rate so far)^weight_lr_power
 * c    = w / (sum of all w so far)
 * z    = z - rate d            d the direction at y, as each class has it
 * x    = (1 - c) x + c z
 * y    = (1 - beta) z + beta x
 * </pre>
 *
 * <p>The parameters of the network are {@code y}. The state has {@code z - y}, from which {@code x}
 * follows, so that updaters need not see parameters; what moves the parameters from outside moves
 * all three. {@code ScheduleFree} of the adapter gives a network its {@code x} for an evaluation:
 *
 * <pre>{@code
 * ScheduleFree weights = ScheduleFree.of(net);
 * net.fit(training, 10);
 * double accuracy = weights.during(() -> net.evaluate(validation).accuracy());
 * }</pre>
 *
 * <p>All numbers are those of the authors' package {@code schedulefree}, which corrects the bias of
 * AdamW's average as Adam does, where the paper has the correction in the rate. There is one
 * exception: at a rate of 0 the parameters stand, while in the package {@code y} goes on towards
 * {@code z}; a warm-up that begins at 0 is the same in both. The momentum cannot be cycled.
 *
 * <p>State of {@code n} parameters: {@code z - y}, in AdamW the average of squares, then the cells
 * of the count with the sum of the weights and the largest rate. Means of states, as
 * ParallelWrapper takes them with means of parameters, are right; updates that it shares encoded,
 * in {@code SHARED_GRADIENTS}, are not, since a part of each then comes later.
 *
 * <p>See Defazio et al., <a href="https://arxiv.org/abs/2405.15682">The Road Less Scheduled</a>.
 *
 * @param <T> the updater itself
 */
public abstract sealed class ScheduleFreeUpdater<T extends ScheduleFreeUpdater<T>>
    extends TorchUpdater permits AdamWScheduleFree, SGDScheduleFree {

  private static final long serialVersionUID = 1L;

  private static final int WEIGHT_SUM = 0;
  private static final int LR_MAX = 1;
  private static final double AT_EVALUATION = 1;

  /** What the last update in this thread was. */
  private static final ThreadLocal<Step> LAST = new ThreadLocal<>();

  /**
   * What an update does with a direction: subtracts it so many times from the parameters, and from
   * {@code z - y}.
   */
  private record Step(
      WeakReference<UpdaterState> state, long start, long length, double fromY, double fromZ) {}

  @JsonProperty private int warmupSteps;
  @JsonProperty private double r;
  @JsonProperty private double weightLrPower = 2;

  ScheduleFreeUpdater(Setting lr) {
    super(lr);
  }

  /**
   * Returns a copy whose rate grows in equal steps at first, which takes the place of a schedule.
   *
   * @param warmupSteps at which update, counted from 1, the rate is first a whole one, {@code >=
   *     0}, by default 0, from the first on
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public final T withWarmupSteps(int warmupSteps) {
    ScheduleFreeUpdater<T> copy = copy();
    copy.warmupSteps = requireNonNegative("warmupSteps", warmupSteps);
    return copy.self();
  }

  /**
   * Returns a copy in whose mean later steps have a greater weight.
   *
   * @param r the power of the number of the step, finite and {@code >= 0}, by default 0
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public final T withR(double r) {
    ScheduleFreeUpdater<T> copy = copy();
    copy.r = requireNonNegative("r", r);
    return copy.self();
  }

  /**
   * Returns a copy in whose mean steps have another weight while the rate grows.
   *
   * @param weightLrPower the power of the largest rate so far, finite and {@code >= 0}, by default
   *     2; with 0 the rate makes no difference
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public final T withWeightLrPower(double weightLrPower) {
    ScheduleFreeUpdater<T> copy = copy();
    copy.weightLrPower = requireNonNegative("weightLrPower", weightLrPower);
    return copy.self();
  }

  @SuppressWarnings("unchecked") // T is the class itself.
  final ScheduleFreeUpdater<T> copy() {
    return (ScheduleFreeUpdater<T>) clone();
  }

  @SuppressWarnings("unchecked") // T is the class itself.
  final T self() {
    return (T) this;
  }

  /** Returns how much of {@code y} is {@code x}. */
  abstract double beta();

  /** Turns the gradient of the update that comes next into its direction. */
  abstract void direct(INDArray gradient, UpdaterState state);

  @Override
  final boolean counts() {
    return true;
  }

  @Override
  final int numbers() {
    return 2;
  }

  final void putAveraging(Map<String, Object> settings) {
    settings.put("warmup_steps", warmupSteps);
    settings.put("r", r);
    settings.put("weight_lr_power", weightLrPower);
  }

  @Override
  final void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    requireTraining(state);
    direct(gradient, state);
    double t = state.advance();
    double rate = t <= warmupSteps ? lr * (t / warmupSteps) : lr;
    double share = share(state, t, rate);
    INDArray difference = state.array(0);
    // z - y, before y goes towards z.
    Nd4j.exec(new Axpy(gradient, difference, difference, -rate * beta()));
    gradient.muli(rate * (1 - beta()));
    Nd4j.exec(new Axpy(difference, gradient, gradient, -share));
    difference.muli(1 - share);
    double fromZ = (1 - share) * rate * beta();
    LAST.set(
        new Step(
            new WeakReference<>(state), gradient.offset(), gradient.length(), rate - fromZ, fromZ));
  }

  @Override
  final void stand(INDArray gradient, UpdaterState state, int iteration, int epoch) {
    requireTraining(state);
    direct(gradient, state);
    share(state, state.advance(), 0);
    gradient.assign(0);
  }

  /** Returns how much of the mean is to be the newest {@code z}. */
  private double share(UpdaterState state, double t, double rate) {
    double largest = Math.max(rate, state.number(LR_MAX));
    double weight = Math.pow(t, r) * Math.pow(largest, weightLrPower);
    double sum = state.number(WEIGHT_SUM) + weight;
    state.setNumber(LR_MAX, largest);
    state.setNumber(WEIGHT_SUM, sum);
    return sum == 0 ? 0 : weight / sum;
  }

  /** Adds to an update of some of the last block's parameters what more its direction is. */
  static void addDirection(INDArray direction, double factor, INDArray update) {
    Step step = LAST.get();
    UpdaterState state = step == null ? null : step.state.get();
    long from = step == null ? -1 : update.offset() - step.start;
    if (step == null || state == null || from < 0 || from + update.length() > step.length) {
      throw new IllegalStateException(
          "the weight decay of a ScheduleFreeUpdater must be that of parameters which such an updater"
              + " updates, but these have another: give the network its updater by a"
              + " TorchOptimizer, which takes the decay away");
    }
    INDArray difference = state.array(0).get(NDArrayIndex.interval(from, from + update.length()));
    Nd4j.exec(new Axpy(direction, difference, difference, -factor * step.fromZ));
    Nd4j.exec(new Axpy(direction, update, update, factor * step.fromY));
  }

  private static void requireTraining(UpdaterState state) {
    if (state.extra() == AT_EVALUATION) {
      throw new IllegalStateException(
          "the network must have its training weights but has those for evaluation, within"
              + " ScheduleFree.during(..) or since it was saved there");
    }
  }

  private UpdaterState state(INDArray params, INDArray view) {
    UpdaterState state = new UpdaterState(this, view, false);
    state.bind(params.length());
    return state;
  }

  /**
   * Checks that the parameters of a block are {@code y}. {@code ScheduleFree} of the adapter calls
   * this and the two methods below.
   *
   * @param params the parameters of the block, of rank 1
   * @param view the block's state as DL4J keeps it
   * @throws IllegalStateException if they are {@code x}, or it is the state of another updater or
   *     block
   */
  public final void requireTraining(INDArray params, INDArray view) {
    requireTraining(state(params, view));
  }

  /**
   * Turns the parameters of a block from {@code y} into {@code x}, and lets no update be made until
   * {@link #toTraining}.
   *
   * @param params the parameters of the block, of rank 1
   * @param view the block's state as DL4J keeps it
   */
  public final void toEvaluation(INDArray params, INDArray view) {
    UpdaterState state = state(params, view);
    state.setExtra(AT_EVALUATION);
    state.save();
    Nd4j.exec(new Axpy(state.array(0), params, params, 1 - 1 / beta()));
  }

  /**
   * Lets updates be made again, when the parameters are {@code y} again.
   *
   * @param params the parameters of the block, of rank 1
   * @param view the block's state as DL4J keeps it
   */
  public final void toTraining(INDArray params, INDArray view) {
    UpdaterState state = state(params, view);
    state.setExtra(0);
    state.save();
  }
}
