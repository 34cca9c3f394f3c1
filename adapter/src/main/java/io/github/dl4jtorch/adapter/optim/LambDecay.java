package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.blas.Level1;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
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

  private static final long PIECE = 1 << 20;

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
    double length = norm(param);
    double step = norm(gradView);
    if (length > 0 && step > 0) {
      gradView.muli(lr * length / step);
    }
  }

  /**
   * Returns a norm by BLAS, since ND4J's own adds up in the precision of the array: in single
   * precision 25 million numbers give one that is half a percent too small, in 16 bits fewer give
   * infinity. BLAS has no 16 bits.
   */
  private static double norm(INDArray array) {
    Level1 blas = Nd4j.getBlasWrapper().level1();
    if (array.dataType().width() >= DataType.FLOAT.width()) {
      return blas.nrm2(array);
    }
    long length = array.length();
    INDArray room = Nd4j.createUninitialized(DataType.FLOAT, Math.min(PIECE, length));
    double sum = 0;
    for (long start = 0; start < length; start += PIECE) {
      INDArray piece = array.get(NDArrayIndex.interval(start, Math.min(start + PIECE, length)));
      INDArray exact = room.get(NDArrayIndex.interval(0, piece.length()));
      double norm = blas.nrm2(exact.assign(piece));
      sum += norm * norm;
    }
    return Math.sqrt(sum);
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
