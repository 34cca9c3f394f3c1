package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;

/** The part of an updater's work for which it would have to see the parameters. */
interface BesideUpdater extends Regularization {

  /** Returns 0, as PyTorch's losses know nothing of it. */
  @Override
  default double score(INDArray param, int iteration, int epoch) {
    return 0;
  }
}
