package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireGiven;

import com.google.errorprone.annotations.CheckReturnValue;
import java.io.ObjectStreamException;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;

/**
 * Multiplies the rate by a function of the epoch at every step: {@code lr * lrLambda(t)}, first
 * with {@code t = 1}.
 *
 * <p>Answers to {@code torch.optim.lr_scheduler.MultiplicativeLR}. It has no closed form, so {@code
 * step(epoch)} multiplies by the function's value at that epoch each time it is called, as in
 * PyTorch.
 *
 * <pre>{@code
 * Schedule schedule = new MultiplicativeLR(epoch -> epoch < 50 ? 0.98 : 0.9);
 * }</pre>
 *
 * @param lrLambda the function from epoch to factor, or one a group. An {@link EpochFunction} can
 *     be written and read, any other lambda cannot
 */
public record MultiplicativeLR(PerGroup<DoubleUnaryOperator> lrLambda)
    implements ChainableSchedule {

  /**
   * Checks the argument.
   *
   * @param lrLambda the function from epoch to factor, or one a group
   */
  public MultiplicativeLR {
    requireGiven("lrLambda", lrLambda);
  }

  /**
   * Takes one function for all groups.
   *
   * @param lrLambda from epoch to factor
   */
  public MultiplicativeLR(DoubleUnaryOperator lrLambda) {
    this(PerGroup.same(lrLambda));
  }

  /**
   * Takes a function for each group.
   *
   * @param lrLambda from epoch to factor, one a group
   * @throws IllegalArgumentException if there is no function
   */
  public MultiplicativeLR(List<? extends DoubleUnaryOperator> lrLambda) {
    this(PerGroup.<DoubleUnaryOperator>each(lrLambda));
  }

  /**
   * Takes a function of whole epochs, in which {@code e / 30} is a division of whole numbers, as
   * {@code e // 30} is in Python. At a fraction of an epoch it is asked for the whole one before.
   *
   * <pre>{@code
   * Schedule schedule = MultiplicativeLR.perEpoch(e -> e % 30 == 0 ? 0.1 : 1);
   * }</pre>
   *
   * @param lrLambda from epoch to factor; cannot be written, unlike {@link EpochFunction#table(int,
   *     IntToDoubleFunction)}
   * @return the schedule
   */
  @CheckReturnValue
  public static MultiplicativeLR perEpoch(IntToDoubleFunction lrLambda) {
    return new MultiplicativeLR(EpochFunctions.ofWholeEpochs(lrLambda));
  }

  @Override
  public void requireFits(ParamGroups groups) {
    lrLambda.requireFits("lrLambda", groups);
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    for (int group = 0; group < lr.length; group++) {
      if (at.isInitial()) {
        out[group] = lr[group];
      } else if (Double.isNaN(base[group])) {
        // PyTorch has no function for a group that was added later, and refuses it.
        out[group] = Double.NaN;
      } else {
        out[group] = lr[group] * lrLambda.get(group).applyAsDouble(at.epoch());
      }
    }
  }

  /** Foresees which steps need not be computed. */
  Formula formula() {
    return new ChainableFormula(this) {
      @Override
      public long rest(Moment at, GroupArrays groups) {
        for (int group = 0; group < lrLambda.values().size(); group++) {
          if (!(lrLambda.get(group) instanceof EpochFunction.Table table)
              || !table.isAtItsEnd(at.epoch())
              || !Formula.isUnchanged(groups, table.applyAsDouble(at.epoch()))) {
            return 0;
          }
        }
        return Long.MAX_VALUE;
      }
    };
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("MultiplicativeLR")
        .with("lr_lambda", EpochFunctions.write("MultiplicativeLR", lrLambda))
        .toMap();
  }

  /** Holds the functions that have a written form; PyTorch leaves out all. */
  @Override
  public Map<String, Object> stateParameters(ParamGroups groups) {
    return Entries.of("lr_lambdas", EpochFunctions.state(lrLambda, groups.size())).toMap();
  }

  static MultiplicativeLR read(Arguments arguments) {
    return new MultiplicativeLR(EpochFunctions.readPerGroup(arguments, "lr_lambda"));
  }

  private Object writeReplace() throws ObjectStreamException {
    EpochFunctions.requireSerializable("MultiplicativeLR", lrLambda);
    return this;
  }
}
