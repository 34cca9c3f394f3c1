package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.floating.Sqrt;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.DivOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How ND4J's fused updaters, which read and write everything once, are made to compute what PyTorch
 * computes.
 *
 * <p>Those of Adam's kind correct the bias of their averages by the iteration they are given: the
 * rate is multiplied by {@code sqrt(1 - beta2^(iteration + 1)) / (1 - beta1^(iteration + 1))}, and
 * epsilon is added before instead of after. So they are given an iteration so late that nothing is
 * left to correct, and PyTorch's own correction as part of the rate and of epsilon.
 *
 * <p>They also take the share of a new gradient from 1 minus the decay in their own precision, of
 * which single precision leaves few digits where the decay is next to 1. So their averages are too
 * large by a {@linkplain #excess constant factor}, which is taken out where they are used.
 */
final class FusedOps {

  /** An iteration at which the correction has vanished for all betas but those next to 1. */
  static final int LATE = 1 << 30;

  private static final double BELOW_ONE = Math.nextDown(1f);

  private FusedOps() {}

  /** Returns the decay of an average that an op of this precision uses, or is to be given. */
  static double decay(double decay, DataType precision) {
    return precision == DataType.FLOAT && decay < 1 ? Math.min((float) decay, BELOW_ONE) : decay;
  }

  /** Returns how many times too large the averages of such an op are; 1 but in single precision. */
  static double excess(double decay, DataType precision) {
    return precision == DataType.FLOAT && decay < 1
        ? (1 - decay(decay, precision)) / (1 - decay)
        : 1;
  }

  /**
   * Divides by the root of squares, to which epsilon is added. ND4J's {@code RmsPropUpdater} with a
   * decay of 1 gives the same numbers, but squares the gradient for nothing, which overflows unless
   * it is made so small that its square takes the slow path of subnormal numbers.
   *
   * @param root room for the root, maybe the squares themselves
   */
  static void divideByRoot(INDArray dividend, INDArray squares, INDArray root, double eps) {
    Nd4j.exec(new Sqrt(squares, root));
    root.addi(eps);
    Nd4j.exec(new DivOp(dividend, root, dividend));
  }

  /** Returns the rate to give to an op of Adam's kind at {@link #LATE} for it to use this one. */
  static double adamRate(double rate, double beta1, double beta2) {
    return rate * (1 - Math.pow(beta1, LATE + 1.0)) / Math.sqrt(1 - Math.pow(beta2, LATE + 1.0));
  }
}
