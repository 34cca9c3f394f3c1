package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireGiven;

import com.google.errorprone.annotations.CheckReturnValue;
import java.io.ObjectStreamException;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;

/**
 * Sets the rate to its base times a function of the epoch: {@code base * lrLambda(t)}. Edits of the
 * rate by others are overwritten at the next step.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.LambdaLR}.
 *
 * <pre>{@code
 * Schedule any = new LambdaLR(epoch -> 1 / Math.sqrt(epoch + 1));
 * Schedule serialisable = new LambdaLR(EpochFunction.yolov5Cosine(300, 0.01));
 * }</pre>
 *
 * @param lrLambda the function from epoch to factor, or one a group. An {@link EpochFunction} can
 *     be written and read, any other lambda cannot
 */
public record LambdaLR(PerGroup<DoubleUnaryOperator> lrLambda) implements ChainableSchedule {

  /**
   * Checks the argument.
   *
   * @param lrLambda the function from epoch to factor, or one a group
   */
  public LambdaLR {
    requireGiven("lrLambda", lrLambda);
  }

  /**
   * Takes one function for all groups.
   *
   * @param lrLambda from epoch to factor
   */
  public LambdaLR(DoubleUnaryOperator lrLambda) {
    this(PerGroup.same(lrLambda));
  }

  /**
   * Takes a function for each group.
   *
   * @param lrLambda from epoch to factor, one a group
   * @throws IllegalArgumentException if there is no function
   */
  public LambdaLR(List<? extends DoubleUnaryOperator> lrLambda) {
    this(PerGroup.<DoubleUnaryOperator>each(lrLambda));
  }

  /**
   * Takes a function of whole epochs, in which {@code e / 30} is a division of whole numbers, as
   * {@code e // 30} is in Python. At a fraction of an epoch it is asked for the whole one before.
   *
   * <pre>{@code
   * Schedule schedule = LambdaLR.perEpoch(e -> Math.pow(0.1, e / 30));
   * }</pre>
   *
   * @param lrLambda from epoch to factor; cannot be written, unlike {@link EpochFunction#table(int,
   *     IntToDoubleFunction)}
   * @return the schedule
   */
  @CheckReturnValue
  public static LambdaLR perEpoch(IntToDoubleFunction lrLambda) {
    return new LambdaLR(EpochFunctions.ofWholeEpochs(lrLambda));
  }

  @Override
  public void requireFits(ParamGroups groups) {
    lrLambda.requireFits("lrLambda", groups);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    double factor = Double.NaN;
    for (int group = 0; group < lr.length; group++) {
      if (group < lrLambda.values().size()) {
        factor = lrLambda.values().get(group).applyAsDouble(at.epoch());
      }
      out[group] = base[group] * factor;
    }
  }

  /** Foresees which steps need not be computed. */
  Formula formula() {
    return new ChainableFormula(this) {
      @Override
      public long independent(Moment at) {
        for (int i = 0; i < lrLambda.values().size(); i++) {
          DoubleUnaryOperator function = lrLambda.values().get(i);
          boolean isSmooth =
              function instanceof EpochFunction.Table table
                  ? table.isAtItsEnd(at.epoch())
                  : function instanceof EpochFunction;
          if (!isSmooth) {
            return 0;
          }
        }
        return Long.MAX_VALUE;
      }
    };
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("LambdaLR")
        .with("lr_lambda", EpochFunctions.write("LambdaLR", lrLambda))
        .toMap();
  }

  /** Holds the functions that have a written form; PyTorch leaves out all. */
  @Override
  public Map<String, Object> stateParameters(ParamGroups groups) {
    return Entries.of("lr_lambdas", EpochFunctions.state(lrLambda, groups.size())).toMap();
  }

  static LambdaLR read(Arguments arguments) {
    return new LambdaLR(EpochFunctions.readPerGroup(arguments, "lr_lambda"));
  }

  private Object writeReplace() throws ObjectStreamException {
    EpochFunctions.requireSerializable("LambdaLR", lrLambda);
    return this;
  }
}
