package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.FixedSchedule;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The weight decay of {@link AdamWScheduleFree}, which is a part of its direction and so moves both
 * {@code y} and {@code z}. DL4J applies it right after the updater of the block, in the same
 * thread.
 */
final class ScheduleFreeDecay extends WeightDecay {

  private static final long serialVersionUID = 1L;

  ScheduleFreeDecay(double coefficient) {
    this(new FixedSchedule(coefficient));
  }

  @JsonCreator
  ScheduleFreeDecay(@JsonProperty(value = "coeff", required = true) ISchedule coeff) {
    super(coeff, true);
  }

  @Override
  public void apply(INDArray param, INDArray gradView, double lr, int iteration, int epoch) {
    if (lr >= Float.MIN_NORMAL) {
      ScheduleFreeUpdater.addDirection(param, coeff.valueAt(iteration, epoch), gradView);
    }
  }

  @Override
  @SuppressWarnings("MethodDoesntCallSuperMethod")
  public ScheduleFreeDecay clone() {
    return new ScheduleFreeDecay(coeff.clone());
  }

  @Override
  protected boolean canEqual(@Nullable Object other) {
    return other instanceof ScheduleFreeDecay;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ScheduleFreeDecay that && coeff.equals(that.coeff);
  }

  @Override
  public int hashCode() {
    return ~coeff.hashCode();
  }

  @Override
  public String toString() {
    return "ScheduleFreeDecay[" + coeff + "]";
  }
}
