package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.files.TorchTensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.reduce.longer.MatchCondition;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.conditions.Conditions;

/** Tensors of a file as arrays, and back. */
final class Tensors {

  private Tensors() {}

  /** Says why a tensor cannot be read as an array of this shape, null if it can. */
  static @Nullable String complaint(TorchTensor tensor, long[] shape) {
    if (tensor.dtype().isInteger() || tensor.dtype().isComplex()) {
      return "is " + tensor.dtype().torchName() + ", floating-point numbers are needed";
    }
    if (!Arrays.equals(tensor.shape(), shape)) {
      return "is " + Arrays.toString(tensor.shape()) + ", " + Arrays.toString(shape) + " is needed";
    }
    return null;
  }

  /** Reads a tensor, in double precision if that is wanted or in it, else in single precision. */
  static INDArray array(TorchTensor tensor, DataType wanted) {
    INDArray flat =
        wanted == DataType.DOUBLE || tensor.dtype().itemSize() == Double.BYTES
            ? Nd4j.createFromArray(tensor.toDoubleArray())
            : Nd4j.createFromArray(tensor.toFloatArray());
    return flat.reshape('c', tensor.shape());
  }

  static boolean isFinite(INDArray array) {
    return Nd4j.getExecutioner().exec(new MatchCondition(array, Conditions.notFinite())).getLong(0)
        == 0;
  }

  /** Writes an array, in its precision, single precision where a file has no such kind. */
  static TorchTensor tensor(INDArray array, long... shape) {
    INDArray flat = array.dup('c').reshape('c', new long[] {array.length()});
    return array.dataType() == DataType.DOUBLE
        ? TorchTensor.of(flat.toDoubleVector(), shape)
        : TorchTensor.of(flat.castTo(DataType.FLOAT).toFloatVector(), shape);
  }
}
