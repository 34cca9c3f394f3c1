package io.github.dl4jtorch.adapter.internal;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * Tells that a layer was given an optimizer of its own, wherever the layer's configuration goes. It
 * stands among the layer's regularization, the one place where anything may stand, and does
 * nothing.
 */
public final class OwnOptimizer implements Regularization {

  private static final long serialVersionUID = 1L;

  @Override
  public ApplyStep applyStep() {
    return ApplyStep.POST_UPDATER;
  }

  @Override
  public void apply(INDArray param, INDArray gradView, double lr, int iteration, int epoch) {}

  @Override
  public double score(INDArray param, int iteration, int epoch) {
    return 0;
  }

  @Override
  @SuppressWarnings("MethodDoesntCallSuperMethod")
  public OwnOptimizer clone() {
    return this;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof OwnOptimizer;
  }

  @Override
  public int hashCode() {
    return 1;
  }

  @Override
  public String toString() {
    return "OwnOptimizer";
  }
}
