package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class NormsTest {

  /** ND4J's own are 1 % off here. */
  @Test
  void areExactForLargeArraysInSinglePrecision() {
    int length = 4_000_000;
    INDArray equal = Nd4j.ones(DataType.FLOAT, 2000, 2000).muli(0.1f);
    double value = 0.1f;
    assertThat(Norms.euclidean(equal) / (value * Math.sqrt(length))).isCloseTo(1, within(1e-6));
    assertThat(Norms.magnitudes(equal) / (value * length)).isCloseTo(1, within(1e-6));
    assertThat(Math.abs(equal.norm1Number().doubleValue() / (value * length) - 1))
        .as("if ND4J adds up better now, this class can go")
        .isGreaterThan(1e-3);
  }

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"DOUBLE", "FLOAT", "HALF", "BFLOAT16"})
  void takeWhateverLiesInMemory(DataType type) {
    INDArray numbers = Nd4j.createFromArray(new double[][] {{3, -4, 0}, {0, 0, 12}}).castTo(type);
    INDArray fortran = numbers.dup('f');
    INDArray column = Nd4j.zeros(type, 5, 3);
    column.getColumn(1).assign(Nd4j.createFromArray(3.0, 0.0, -4.0, 0.0, 12.0).castTo(type));
    INDArray block = Nd4j.ones(type, 4, 5);
    block.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(1, 4)).assign(numbers);
    for (INDArray array :
        new INDArray[] {
          numbers,
          fortran,
          numbers.transpose(),
          column.getColumn(1),
          block.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(1, 4))
        }) {
      assertThat(Norms.euclidean(array)).isEqualTo(13);
      assertThat(Norms.magnitudes(array)).isEqualTo(19);
    }
  }
}
