package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The part of {@link TorchAdafactor} that makes the step of a parameter array go with its size. It
 * stands among a layer's regularization, which sees parameters one by one, and so goes wherever the
 * layer's configuration goes.
 *
 * @param eps2 the smallest size that counts
 */
record RelativeStep(double eps2) implements BesideUpdater {

  private static final long serialVersionUID = 1L;

  @JsonCreator
  RelativeStep(@JsonProperty(value = "eps2", required = true) double eps2) {
    this.eps2 = eps2;
  }

  @Override
  public ApplyStep applyStep() {
    return ApplyStep.POST_UPDATER;
  }

  @Override
  public void apply(INDArray param, INDArray gradView, double lr, int iteration, int epoch) {
    double size = Norms.euclidean(param) / Math.sqrt((double) param.length());
    gradView.muli(Math.max(eps2, size));
  }

  @Override
  public Regularization clone() {
    return this;
  }
}
