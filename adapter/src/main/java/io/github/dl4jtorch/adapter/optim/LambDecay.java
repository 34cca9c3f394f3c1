package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.FixedSchedule;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The weight decay of {@link Lamb} and its ratio. DL4J shows every array of parameters to the
 * regularization of its layer, right after the updater, and shows it nowhere else.
 */
final class LambDecay extends WeightDecay {

  private static final long serialVersionUID = 1L;

  LambDecay(double coefficient) {
    this(new FixedSchedule(coefficient));
  }

  @JsonCreator
  LambDecay(@JsonProperty(value = "coeff", required = true) ISchedule coeff) {
    super(coeff, true);
  }

  /** Turns the update of Adam, which has the rate in it already, into that of LAMB. */
  @Override
  public void apply(INDArray param, INDArray gradView, double lr, int iteration, int epoch) {
    if (lr < Float.MIN_NORMAL) {
      return; // The parameters stand.
    }
    double coefficient = coeff.valueAt(iteration, epoch);
    if (coefficient != 0) {
      Nd4j.exec(new Axpy(param, gradView, gradView, coefficient * lr));
    }
    double length = Norms.euclidean(param);
    double step = Norms.euclidean(gradView);
    if (length > 0 && step > 0) {
      gradView.muli(lr * length / step);
    }
  }

  @Override
  @SuppressWarnings("MethodDoesntCallSuperMethod")
  public LambDecay clone() {
    return new LambDecay(coeff.clone());
  }

  @Override
  protected boolean canEqual(@Nullable Object other) {
    return other instanceof LambDecay;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof LambDecay that && coeff.equals(that.coeff);
  }

  @Override
  public int hashCode() {
    return ~coeff.hashCode();
  }

  @Override
  public String toString() {
    return "LambDecay[" + coeff + "]";
  }
}
