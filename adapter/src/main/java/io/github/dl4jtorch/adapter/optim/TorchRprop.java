package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMax;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarMin;
import org.nd4j.linalg.api.ops.impl.scalar.Step;
import org.nd4j.linalg.api.ops.impl.transforms.comparison.CompareAndReplace;
import org.nd4j.linalg.api.ops.impl.transforms.comparison.CompareAndSet;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.MulOp;
import org.nd4j.linalg.api.ops.impl.transforms.same.Sign;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.conditions.Conditions;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code torch.optim.Rprop}, resilient backpropagation, for batches that are the whole of
 * the data: only signs of gradients count, and each parameter has a step of its own, which grows
 * while the sign stays and shrinks when it turns.
 *
 * <pre>
 * s = sign(g prev)
 * step_size = clamp(step_size etaplus)     if s &gt; 0
 * step_size = clamp(step_size etaminus)    if s &lt; 0, and g = 0
 * step_size = clamp(step_size)             otherwise
 * p = p - sign(g) step_size
 * prev = g
 * </pre>
 *
 * <p>As in PyTorch the learning rate is what step sizes start from, and that of later updates is of
 * no meaning; but a rate of 0 keeps the parameters where they are, which it does not there.
 * PyTorch's Rprop has no weight decay. State of {@code n} parameters: {@code prev} and {@code
 * step_size}, then the cells of the count.
 *
 * <p>See Riedmiller and Braun, <a href="https://doi.org/10.1109/ICNN.1993.298623">A Direct Adaptive
 * Method for Faster Backpropagation Learning: The RPROP Algorithm</a>.
 *
 * <pre>{@code
 * IUpdater updater = new TorchRprop(0.01).withEtas(0.5, 1.2).withStepSizes(1e-6, 50);
 * }</pre>
 */
public final class TorchRprop extends TorchUpdater {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double etaminus = 0.5;
  @JsonProperty private double etaplus = 1.2;
  @JsonProperty private double stepSizeMin = 1e-6;
  @JsonProperty private double stepSizeMax = 50;

  private TorchRprop() {
    super(Setting.of(1e-2));
  }

  /**
   * Makes the updater with fixed first steps.
   *
   * @param lr the first step of every parameter, finite and {@code >= 0}; PyTorch's default is 1e-2
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public TorchRprop(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with first steps from a schedule.
   *
   * @param lr the schedule, of which the first update takes the step of every parameter
   */
  public TorchRprop(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with other factors.
   *
   * @param etaminus by what a step shrinks, {@code > 0} and {@code < 1}, by default 0.5
   * @param etaplus by what a step grows, finite and {@code > 1}, by default 1.2
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public TorchRprop withEtas(double etaminus, double etaplus) {
    TorchRprop copy = (TorchRprop) clone();
    copy.etaminus = Require.requireBetweenZeroAndOne("etaminus", etaminus);
    copy.etaplus = Require.requireAboveOne("etaplus", etaplus);
    return copy;
  }

  /**
   * Returns a copy with other bounds of the steps.
   *
   * @param min the smallest step, finite and {@code >= 0}, by default 1e-6
   * @param max the largest step, finite and {@code >=} the smallest, by default 50
   * @return the copy
   * @throws IllegalArgumentException if an argument is out of its range
   */
  @CheckReturnValue
  public TorchRprop withStepSizes(double min, double max) {
    TorchRprop copy = (TorchRprop) clone();
    copy.stepSizeMin = requireNonNegative("min", min);
    copy.stepSizeMax = requireNonNegative("max", max);
    if (max < min) {
      throw new IllegalArgumentException(
          "max must be >= min, which is " + min + ", but was " + max);
    }
    return copy;
  }

  @Override
  @CheckReturnValue
  public TorchRprop withMaximize() {
    return (TorchRprop) super.withMaximize();
  }

  @Override
  int arrays() {
    return 2;
  }

  @Override
  List<String> stateNames() {
    return List.of("prev", "step_size");
  }

  @Override
  boolean counts() {
    return true;
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("etas", List.of(etaminus, etaplus));
    settings.put("step_sizes", List.of(stepSizeMin, stepSizeMax));
    return settings;
  }

  @Override
  void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    if (state.age() == 0) {
      state.array(1).assign(getLearningRate(iteration, epoch));
    }
    state.advance();
    state.forEachPart(
        gradient,
        (part, arrays, scratch) -> {
          INDArray former = arrays[0];
          INDArray sizes = arrays[1];
          Nd4j.exec(new MulOp(part, former, scratch));
          Nd4j.exec(new Sign(scratch, scratch));
          // 0 where the sign has turned, otherwise 1, and then the gradient, were it infinite.
          Nd4j.exec(new Step(scratch, former, -0.5));
          Nd4j.exec(new CompareAndReplace(former, part, former, Conditions.greaterThan(0.5)));
          // The factors: whatever etaminus is, it is above 0 and below etaplus.
          Nd4j.exec(new CompareAndSet(scratch, etaplus, Conditions.greaterThan(0.5)));
          Nd4j.exec(new CompareAndSet(scratch, etaminus, Conditions.lessThan(-0.5)));
          Nd4j.exec(new CompareAndSet(scratch, 1, Conditions.lessThanOrEqual(0)));
          Nd4j.exec(new MulOp(sizes, scratch, sizes));
          Nd4j.exec(new ScalarMax(sizes, null, sizes, stepSizeMin));
          Nd4j.exec(new ScalarMin(sizes, null, sizes, stepSizeMax));
          Nd4j.exec(new Sign(former, part));
          Nd4j.exec(new MulOp(part, sizes, part));
        });
  }
}
