package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.schedules.MomentumKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonInclude;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * An optimizer as PyTorch's users know it, as an updater of DL4J.
 *
 * <p>Updaters with equal settings are equal, and DL4J updates neighbouring parameters with equal
 * updaters together, as one block. The state of a block of {@code n} parameters is some arrays of
 * {@code n} numbers one after the other, named in each class, and after them, where PyTorch counts
 * steps, a few cells. The count is that of the updates made with this state, as in PyTorch,
 * whatever the network's count of iterations is. A state is right only for the block it was made
 * in: a network that groups parameters in another way refuses one with cells at its next update.
 *
 * <p>A learning rate of 0 keeps the parameters exactly where they are, while averages go on.
 */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    setterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
public abstract sealed class TorchUpdater implements IUpdater
    permits BetasUpdater,
        Lion,
        MomentumUpdater,
        ScheduleFreeUpdater,
        TorchASGD,
        TorchAdadelta,
        TorchAdafactor,
        TorchAdagrad,
        TorchRprop {

  private static final long serialVersionUID = 1L;

  @JsonProperty private Setting lr;

  @JsonProperty
  @JsonInclude(JsonInclude.Include.NON_DEFAULT)
  private boolean maximize;

  TorchUpdater(Setting lr) {
    this.lr = lr;
  }

  static Setting fixedLr(double lr) {
    return Setting.of(requireNonNegative("lr", lr));
  }

  static Setting scheduledLr(ISchedule lr) {
    return Setting.of(requireGiven("lr", lr));
  }

  /** Returns how many arrays of the parameters' size the state holds. */
  abstract int arrays();

  /** Returns how long the arrays of the state are together. */
  long stateLength(long numParams) {
    return arrays() * numParams;
  }

  /** Returns whether the state holds the count of updates. */
  abstract boolean counts();

  /** Returns how many numbers of full precision the state holds beside the count. */
  int numbers() {
    return 0;
  }

  /** Returns what PyTorch calls the arrays of the state, in their order. */
  abstract List<String> stateNames();

  /** Returns how many times as large as PyTorch's an array of the state is. */
  double excess(int array, DataType precision) {
    return 1;
  }

  /** Returns what the state's own number stands for. */
  double numberOf(double extra) {
    return extra;
  }

  /** Returns what stands for a number in the state. */
  double extraOf(double number) {
    return number;
  }

  /** Returns what PyTorch's constructor calls the settings, and their values. */
  abstract Map<String, Object> settings();

  /** Returns what acts beside this updater in every update, on what updaters do not see. */
  List<Regularization> beside() {
    return List.of();
  }

  /** Returns a copy that knows that what is to act {@linkplain #beside beside} it does so. */
  TorchUpdater accompanied() {
    return clone();
  }

  /** Returns whether it must know the shapes that PyTorch has for the parameters. */
  boolean needsShapes() {
    return false;
  }

  /** Returns the shapes of the parameters, which come again and again in a block. */
  List<TensorShape> shapes() {
    return List.of();
  }

  /** Returns a copy for parameters of these shapes, which may come again and again in a block. */
  TorchUpdater shaped(List<TensorShape> shapes) {
    throw new AssertionError(this);
  }

  /**
   * Tells whether gradients are climbed.
   *
   * @return true after {@link #withMaximize}
   */
  public final boolean maximizes() {
    return maximize;
  }

  /**
   * Returns a copy that climbs gradients, as PyTorch's optimizers do with {@code maximize=True}: it
   * takes each with the opposite sign. What the network calls its loss is then to grow. A coupled
   * weight decay still makes parameters smaller where {@link TorchOptimizer} sets it; DL4J's own
   * {@code l2} would make them larger.
   *
   * @return the copy
   */
  @CheckReturnValue
  public TorchUpdater withMaximize() {
    TorchUpdater copy = clone();
    copy.maximize = true;
    return copy;
  }

  /**
   * Returns the settings apart from the rate, under the names that PyTorch's constructor has for
   * them; its {@code betas} are {@code beta1} and {@code beta2}.
   *
   * @return numbers, truth values, texts and lists at present, and an {@code ISchedule} where one
   *     is followed
   */
  public final Map<String, Object> arguments() {
    Map<String, Object> arguments = allSettings();
    arguments.replaceAll(
        (name, value) -> {
          if (!(value instanceof Setting setting)) {
            return value;
          }
          ISchedule schedule = setting.schedule();
          return schedule == null ? (Object) setting.value() : schedule;
        });
    return arguments;
  }

  /** Returns the settings, and {@code maximize} if it is true. */
  final Map<String, Object> allSettings() {
    Map<String, Object> settings = new LinkedHashMap<>(settings());
    if (maximize) {
      settings.put("maximize", true);
    }
    return settings;
  }

  /**
   * Turns a gradient into what is to be subtracted from the parameters.
   *
   * @param gradient the gradient, of rank 1, and the place of the result
   * @param lr the learning rate, {@code > 0}
   */
  abstract void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch);

  /** Makes the update of a rate of 0, in which the parameters stand and averages go on. */
  void stand(INDArray gradient, UpdaterState state, int iteration, int epoch) {
    update(gradient, state, 1, iteration, epoch);
    gradient.assign(0);
  }

  /**
   * Returns a weight decay as this optimizer has it, to stand among the regularization of a layer:
   * one that is added to the gradient, if a class does not say otherwise. {@link TorchOptimizer}
   * and param groups with a weight decay put it there.
   *
   * @param coefficient the weight decay, finite and {@code >= 0}
   * @return the decay, null if there is nothing to be done
   */
  public @Nullable Regularization weightDecay(double coefficient) {
    if (!(coefficient > 0)) {
      return null;
    }
    return maximize ? new ClimbingL2(coefficient) : new L2Regularization(coefficient);
  }

  /** Returns a weight decay that acts beside the updater, times the rate. */
  static @Nullable Regularization decoupled(double coefficient) {
    return coefficient > 0 ? new WeightDecay(coefficient, true) : null;
  }

  /**
   * Returns the weight decay of those who set none.
   *
   * @return the coefficient, 0 if a class does not say otherwise
   */
  public double defaultWeightDecay() {
    return 0;
  }

  /**
   * Takes note that it was decided how much is to be decayed, be it nothing. {@link TorchOptimizer}
   * and param groups with a weight decay call it.
   */
  public void decayIsSet() {}

  /**
   * Returns the size of the state.
   *
   * @param numParams how many parameters are updated
   * @return the count of numbers
   * @throws IllegalStateException if the updater was made for arrays of other sizes, as {@link
   *     TorchMuon} and {@link TorchAdafactor} are by {@link TorchOptimizer}
   */
  @Override
  public final long stateSize(long numParams) {
    Shaped.requireKnown(this, numParams);
    return stateLength(numParams) + UpdaterState.cells(this);
  }

  /**
   * Makes what applies this updater to gradients.
   *
   * @param viewArray the place of the state, null if it has no size
   * @param initializeViewArray whether to start anew; otherwise the state is taken as it is
   * @return the one that applies it
   */
  @Override
  public final GradientUpdater<TorchUpdater> instantiate(
      @Nullable INDArray viewArray, boolean initializeViewArray) {
    return new TorchGradientUpdater(this, viewArray, initializeViewArray);
  }

  /**
   * Makes what applies this updater to gradients, from a state that {@code getState()} gave.
   *
   * @param updaterState the state
   * @param initializeStateArrays whether to start anew; otherwise the state is taken as it is
   * @return the one that applies it
   * @throws IllegalStateException if the map is not one of {@code getState()}
   */
  @Override
  public final GradientUpdater<TorchUpdater> instantiate(
      Map<String, INDArray> updaterState, boolean initializeStateArrays) {
    TorchGradientUpdater updater = new TorchGradientUpdater(this, null, false);
    updater.setState(updaterState, initializeStateArrays);
    return updater;
  }

  /**
   * Returns the learning rate at a moment.
   *
   * @param iteration the network's count of iterations, from 0
   * @param epoch the network's count of epochs, from 0
   * @return the rate
   */
  @Override
  public final double getLearningRate(int iteration, int epoch) {
    return lr.at(iteration, epoch);
  }

  /**
   * Tells that there is a learning rate.
   *
   * @return true
   */
  @Override
  public final boolean hasLearningRate() {
    return true;
  }

  /**
   * Returns the schedule of the learning rate.
   *
   * @return the schedule, null if the rate is fixed
   */
  public final @Nullable ISchedule learningRateSchedule() {
    return lr.schedule();
  }

  /**
   * Sets the learning rate, effective from the next update on.
   *
   * @param lr the rate, finite and {@code >= 0}; of no meaning if there is a schedule
   * @param lrSchedule the schedule of the rate, null for a fixed rate
   * @throws IllegalArgumentException if the rate is out of its range
   */
  @Override
  public final void setLrAndSchedule(double lr, @Nullable ISchedule lrSchedule) {
    this.lr = lrSchedule == null ? fixedLr(lr) : Setting.of(lrSchedule);
  }

  /**
   * Tells which number stands for the momentum, and can be set by {@link #setMomentum}.
   *
   * @return the kind; {@code NONE} if there is no momentum, or it follows a schedule of its own
   */
  public MomentumKind momentumKind() {
    return MomentumKind.NONE;
  }

  /**
   * Returns the momentum or beta1.
   *
   * @return the value, NaN if {@link #momentumKind} is {@code NONE}
   */
  public double momentum() {
    return Double.NaN;
  }

  /**
   * Returns the momentum or beta1 at a moment, be it fixed, set from outside or on a schedule.
   *
   * @param iteration the network's count of iterations, from 0
   * @param epoch the network's count of epochs, from 0
   * @return the value, NaN if the updater has none
   */
  public double momentum(int iteration, int epoch) {
    return Double.NaN;
  }

  /**
   * Sets the momentum or beta1, effective from the next update on.
   *
   * @param momentum the value, in the range that the updater takes
   * @throws IllegalArgumentException if the value is out of its range
   * @throws IllegalStateException if {@link #momentumKind} is {@code NONE}
   */
  public void setMomentum(double momentum) {
    requireSettable();
  }

  /**
   * Returns a copy whose momentum or beta1, whichever {@link #momentumKind} names, follows a
   * schedule.
   *
   * @param momentum the schedule
   * @return the copy, otherwise with the same settings
   * @throws IllegalStateException if {@link #momentumKind} is {@code NONE}
   */
  @CheckReturnValue
  public TorchUpdater withMomentumSchedule(ISchedule momentum) {
    requireSettable();
    throw new AssertionError(this);
  }

  final void requireSettable() {
    if (momentumKind() == MomentumKind.NONE) {
      throw new IllegalStateException(
          "momentum must be fixed and not 0 at the start for it to be set later, but is not in "
              + this);
    }
  }

  /** Returns a schedule's value after a check, which a fixed one has passed already. */
  final double checked(String name, String range, boolean isInRange, double value) {
    if (!isInRange) {
      throw new ArithmeticException(
          name + " must be " + range + " but was " + value + " in " + this);
    }
    return value;
  }

  /**
   * Returns a copy that shares the schedules alone.
   *
   * @return the copy
   */
  @Override
  public TorchUpdater clone() {
    try {
      return (TorchUpdater) super.clone();
    } catch (CloneNotSupportedException impossible) {
      throw new AssertionError(impossible);
    }
  }

  @Override
  public final boolean equals(@Nullable Object other) {
    return other instanceof TorchUpdater that
        && getClass() == that.getClass()
        && lr.equals(that.lr)
        && allSettings().equals(that.allSettings())
        && shapes().equals(that.shapes());
  }

  @Override
  public final int hashCode() {
    return 31 * lr.hashCode() + allSettings().hashCode();
  }

  /** Returns the name and the settings as PyTorch calls them. */
  @Override
  public final String toString() {
    return allSettings().entrySet().stream()
        .map(setting -> ", " + setting.getKey() + "=" + setting.getValue())
        .collect(Collectors.joining("", getClass().getSimpleName() + "[lr=" + lr, "]"));
  }
}
