package io.github.dl4jtorch.handover;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * A parameter of a network, and what PyTorch has in its place: a tensor, or two whose sum it is.
 *
 * @param layer the name of the layer or vertex
 * @param param the parameter's name in the layer
 * @param own the live array
 * @param offset where it begins among all parameters of the network
 * @param part which of PyTorch's modules has it, 0 if the layer stands for one alone
 * @param leaves PyTorch's names in the module
 * @param shape the shape of each of the tensors
 * @param layout how their elements lie in the parameter
 * @param kind what the numbers are
 */
@SuppressWarnings("ArrayRecordComponent") // Not compared.
record Twin(
    String layer,
    String param,
    INDArray own,
    long offset,
    int part,
    List<String> leaves,
    long[] shape,
    Layout layout,
    Kind kind) {

  /** What the numbers of a parameter are. */
  enum Kind {
    /** What an optimizer trains. */
    TRAINED,
    /** A running statistic, kept as in PyTorch. */
    BUFFER,
    /** A running variance, kept as the logarithm of the standard deviation to base 10. */
    LOG_STD
  }

  private static final double LN_100 = Math.log(100);

  /** Below this, what normalization adds to a variance hides it, and a logarithm goes to -Inf. */
  private static final double SMALLEST = 1e-37;

  boolean isTrained() {
    return kind == Kind.TRAINED;
  }

  boolean isSummed() {
    return leaves.size() > 1;
  }

  /** Returns the parameter that tensors stand for, in the network's precision. */
  INDArray toOwn(List<INDArray> tensors) {
    INDArray sum = tensors.get(0);
    for (INDArray more : tensors.subList(1, tensors.size())) {
      sum = sum.add(more);
    }
    INDArray value = layout.toOwn(sum, own.shape());
    if (kind == Kind.LOG_STD) {
      value = Transforms.log(Transforms.max(value, SMALLEST, true), false).divi(LN_100);
    }
    return value.castTo(own.dataType());
  }

  /** Returns what an optimizer keeps for the parameter, the mean of what it keeps for a sum. */
  INDArray momentToOwn(List<INDArray> tensors) {
    INDArray sum = tensors.get(0);
    for (INDArray more : tensors.subList(1, tensors.size())) {
      sum = sum.add(more);
    }
    INDArray mean = tensors.size() == 1 ? sum : sum.div(tensors.size());
    return layout.toOwn(mean, own.shape()).castTo(own.dataType());
  }

  /** Returns the tensor that a parameter stands for; of a sum the whole. */
  INDArray toTorch(INDArray value) {
    if (kind == Kind.LOG_STD) {
      return layout.toTorch(
          Transforms.exp(value.castTo(DataType.DOUBLE).mul(LN_100), false), shape);
    }
    return layout.toTorch(value, shape);
  }

  boolean isSame(INDArray value) {
    return Arrays.equals(value.shape(), own.shape()) && value.equalsWithEps(own, 0);
  }

  /** By the place in the network, as the numbers change. */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Twin twin && twin.offset == offset && twin.layer.equals(layer);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(offset);
  }

  @Override
  public String toString() {
    return layer + "." + param;
  }
}
