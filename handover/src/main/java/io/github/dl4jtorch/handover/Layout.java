package io.github.dl4jtorch.handover;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * How the elements of a tensor of PyTorch lie in a parameter of DL4J: blocks of rows change their
 * order, then the tensor is split into more dimensions, and these are permuted.
 *
 * @param gates for each block of DL4J the number of PyTorch's block of rows; empty if they stay
 * @param split the sizes after splitting
 * @param permutation which of those each dimension of DL4J's array is, before some are joined
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Layout(int[] gates, long[] split, int[] permutation) {

  private static final int[] STAY = {};

  /** PyTorch has input, forget, cell and output gate; DL4J cell, forget, output and input gate. */
  private static final int[] LSTM_GATES = {2, 1, 3, 0};

  /** The same order, as in convolutions. */
  static Layout same(long... shape) {
    return permuted(shape, identity(shape.length));
  }

  /** A matrix that multiplies from the other side. */
  static Layout transposed(long rows, long columns) {
    return permuted(new long[] {rows, columns}, 1, 0);
  }

  static Layout permuted(long[] split, int... permutation) {
    return new Layout(STAY, split, permutation);
  }

  /** The same with the gates of an LSTM in DL4J's order. */
  Layout withLstmGates() {
    return new Layout(LSTM_GATES, split, permutation);
  }

  private static int[] identity(int rank) {
    int[] identity = new int[rank];
    Arrays.setAll(identity, dim -> dim);
    return identity;
  }

  /** Brings a tensor into DL4J's order and shape. */
  INDArray toOwn(INDArray tensor, long[] shape) {
    INDArray ordered = reordered(tensor, gates);
    return ordered.reshape('c', split).permute(permutation).dup('c').reshape('c', shape);
  }

  /** Brings a parameter into PyTorch's order and shape. */
  INDArray toTorch(INDArray own, long[] shape) {
    long[] permuted = new long[split.length];
    int[] inverse = new int[split.length];
    for (int dim = 0; dim < permuted.length; dim++) {
      permuted[dim] = split[permutation[dim]];
      inverse[permutation[dim]] = dim;
    }
    INDArray joined =
        own.dup('c').reshape('c', permuted).permute(inverse).dup('c').reshape('c', shape);
    int[] back = new int[gates.length];
    for (int gate = 0; gate < gates.length; gate++) {
      back[gates[gate]] = gate;
    }
    return reordered(joined, back);
  }

  private static INDArray reordered(INDArray tensor, int[] order) {
    if (order.length == 0) {
      return tensor;
    }
    INDArray flat = tensor.dup('c').reshape('c', new long[] {tensor.length()});
    INDArray result = Nd4j.createUninitialized(tensor.dataType(), tensor.length());
    long block = tensor.length() / order.length;
    for (int gate = 0; gate < order.length; gate++) {
      result
          .get(NDArrayIndex.interval(gate * block, (gate + 1) * block))
          .assign(flat.get(NDArrayIndex.interval(order[gate] * block, (order[gate] + 1) * block)));
    }
    return result.reshape('c', tensor.shape());
  }
}
