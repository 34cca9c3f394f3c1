package io.github.dl4jtorch.adapter.optim;

import org.nd4j.linalg.api.blas.Level1;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Norms of large arrays, as exact as PyTorch's. ND4J's own add up in the precision of the array: in
 * single precision {@code norm2Number()} of 25 million random numbers is half a percent too small,
 * and of as many equal ones 4 %, {@code norm1Number()} 12 %. Here they add up in double.
 *
 * <pre>{@code
 * double norm = Norms.euclidean(net.params());
 * }</pre>
 */
public final class Norms {

  /** So many numbers at a time are made double. */
  private static final long PIECE = 1 << 16;

  private Norms() {}

  /**
   * Returns the Euclidean norm, {@code sqrt(sum(x^2))}.
   *
   * @param array floating-point numbers of any shape
   * @return the norm
   */
  public static double euclidean(INDArray array) {
    INDArray flat = flat(array);
    if (flat.dataType().width() >= DataType.FLOAT.width()) {
      return blas().nrm2(flat); // Which adds up in double.
    }
    double sum = 0;
    INDArray room = room(flat);
    for (long start = 0; start < flat.length(); start += PIECE) {
      double norm = blas().nrm2(piece(flat, start, room));
      sum += norm * norm;
    }
    return Math.sqrt(sum);
  }

  /**
   * Returns the sum of the magnitudes, {@code sum(|x|)}.
   *
   * @param array floating-point numbers of any shape
   * @return the sum
   */
  public static double magnitudes(INDArray array) {
    INDArray flat = flat(array);
    double sum = 0;
    INDArray room = room(flat);
    for (long start = 0; start < flat.length(); start += PIECE) {
      sum += blas().asum(piece(flat, start, room));
    }
    return sum;
  }

  private static Level1 blas() {
    return Nd4j.getBlasWrapper().level1();
  }

  /** Returns the numbers in a row, as they lie in memory if they lie next to one another. */
  private static INDArray flat(INDArray array) {
    INDArray dense = array.elementWiseStride() == 1 ? array : array.dup();
    return dense.reshape(dense.ordering(), new long[] {dense.length()});
  }

  /** Returns room for a piece in double, the array itself if it is so. */
  private static INDArray room(INDArray flat) {
    return flat.dataType() == DataType.DOUBLE
        ? flat
        : Nd4j.createUninitialized(DataType.DOUBLE, Math.min(PIECE, flat.length()));
  }

  private static INDArray piece(INDArray flat, long start, INDArray room) {
    long end = Math.min(start + PIECE, flat.length());
    INDArray piece = flat.get(NDArrayIndex.interval(start, end));
    return room == flat ? piece : room.get(NDArrayIndex.interval(0, piece.length())).assign(piece);
  }
}
