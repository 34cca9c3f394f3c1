package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The decay within {@link TorchASGD}, which is apart from a weight decay and adds to it. It stands
 * among a layer's regularization, which sees parameters, and so goes wherever the layer's
 * configuration goes.
 *
 * @param lambd how much of the parameters is added to the gradient; below 0 if that is to be
 *     climbed
 */
record Lambd(double lambd) implements BesideUpdater {

  private static final long serialVersionUID = 1L;

  @JsonCreator
  Lambd(@JsonProperty(value = "lambd", required = true) double lambd) {
    this.lambd = lambd;
  }

  @Override
  public ApplyStep applyStep() {
    return ApplyStep.BEFORE_UPDATER;
  }

  @Override
  public void apply(INDArray param, INDArray gradView, double lr, int iteration, int epoch) {
    Nd4j.exec(new Axpy(param, gradView, gradView, lambd));
  }

  @Override
  public Regularization clone() {
    return this;
  }
}
