package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A coupled weight decay for an updater that takes gradients with the opposite sign: it makes
 * parameters smaller there as the usual one does elsewhere.
 */
final class ClimbingL2 extends L2Regularization {

  private static final long serialVersionUID = 1L;

  ClimbingL2(double coefficient) {
    super(coefficient);
  }

  @JsonCreator
  ClimbingL2(@JsonProperty("l2") ISchedule l2) {
    super(l2);
  }

  @Override
  public void apply(INDArray param, INDArray gradView, double lr, int iteration, int epoch) {
    Nd4j.exec(new Axpy(param, gradView, gradView, -getL2().valueAt(iteration, epoch)));
  }

  @Override
  @SuppressWarnings("MethodDoesntCallSuperMethod")
  public ClimbingL2 clone() {
    return new ClimbingL2(getL2().clone());
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ClimbingL2 that && getL2().equals(that.getL2());
  }

  @Override
  protected boolean canEqual(Object other) {
    return other instanceof ClimbingL2;
  }

  @Override
  public int hashCode() {
    return ~getL2().hashCode();
  }
}
