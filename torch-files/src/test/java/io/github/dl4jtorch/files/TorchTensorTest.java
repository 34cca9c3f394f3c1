package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import org.junit.jupiter.api.Test;

/** Tensors made in Java, and how elements become numbers. */
class TorchTensorTest {

  @Test
  void aTensorHasWhatItWasGiven() {
    double[] values = {1, 2, 3, 4, 5, 6};
    TorchTensor tensor = TorchTensor.of(values, 2, 3);
    values[0] = 9;
    assertThat(tensor.dtype()).isEqualTo(DType.FLOAT64);
    assertThat(tensor.shape()).containsExactly(2, 3);
    assertThat(tensor.strides()).containsExactly(3, 1);
    assertThat(tensor.numel()).isEqualTo(6);
    assertThat(tensor.toDoubleArray()).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(tensor.isParameter()).isFalse();
    assertThat(tensor.requiresGrad()).isFalse();
    assertThat(TorchTensor.of(new float[] {2.5f}).shape()).isEmpty();
    assertThat(TorchTensor.of(new float[] {2.5f}).toDoubleArray()).containsExactly(2.5);
    assertThat(TorchTensor.of(new long[] {1L << 60}).toLongArray()).containsExactly(1L << 60);
    assertThat(TorchTensor.of(new double[0], 0, 3).toDoubleArray()).isEmpty();
  }

  @Test
  void aShapeMustHoldTheValues() {
    assertThatThrownBy(() -> TorchTensor.of(new double[5], 2, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shape must hold the 40 bytes given, as float64, but was [2, 3]");
    assertThatThrownBy(() -> TorchTensor.of(new double[5], -5, -1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shape must not be negative but was [-5, -1]");
    assertThatThrownBy(() -> TorchTensor.of(new float[0], 1L << 40, 1L << 40))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "shape must hold the 0 bytes given, as float32, but was [1099511627776,"
                + " 1099511627776]");
  }

  @Test
  void nothingOfATensorCanBeChanged() {
    TorchTensor tensor = TorchTensor.of(new double[] {1}, 1);
    tensor.shape()[0] = 2;
    tensor.strides()[0] = 2;
    tensor.toDoubleArray()[0] = 2;
    assertThat(tensor.shape()).containsExactly(1);
    assertThat(tensor.strides()).containsExactly(1);
    assertThat(tensor.toDoubleArray()).containsExactly(1);
    assertThatThrownBy(() -> tensor.asByteBuffer().putDouble(0, 2))
        .isInstanceOf(ReadOnlyBufferException.class);
    assertThat(tensor.asByteBuffer().order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
    assertThat(tensor.asByteBuffer().getDouble()).isEqualTo(1);
  }

  private static double element(DType dtype, long bits) {
    ByteBuffer bytes = ByteBuffer.allocate(dtype.itemSize()).order(ByteOrder.LITTLE_ENDIAN);
    switch (dtype.itemSize()) {
      case 1 -> bytes.put((byte) bits);
      case 2 -> bytes.putShort((short) bits);
      case 4 -> bytes.putInt((int) bits);
      default -> bytes.putLong(bits);
    }
    return TorchTensor.of(dtype, bytes.flip()).toDoubleArray()[0];
  }

  @Test
  void halves() {
    assertThat(element(DType.FLOAT16, 0x3C00)).isEqualTo(1);
    assertThat(element(DType.FLOAT16, 0xC000)).isEqualTo(-2);
    assertThat(element(DType.FLOAT16, 0x7BFF)).isEqualTo(65504);
    assertThat(element(DType.FLOAT16, 0x0001)).isEqualTo(0x1p-24);
    assertThat(element(DType.FLOAT16, 0x03FF)).isEqualTo(0x1p-14 - 0x1p-24);
    assertThat(element(DType.FLOAT16, 0x0400)).isEqualTo(0x1p-14);
    assertThat(element(DType.FLOAT16, 0x3555)).isEqualTo(0.333251953125);
    assertThat(element(DType.FLOAT16, 0x7C00)).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(element(DType.FLOAT16, 0xFC00)).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(element(DType.FLOAT16, 0x7E00)).isNaN();
    assertThat(Double.doubleToRawLongBits(element(DType.FLOAT16, 0x8000))).isEqualTo(1L << 63);
    assertThat(element(DType.BFLOAT16, 0x3F80)).isEqualTo(1);
    assertThat(element(DType.BFLOAT16, 0xC049)).isEqualTo(-3.140625);
    assertThat(element(DType.BFLOAT16, 0xFF80)).isEqualTo(Double.NEGATIVE_INFINITY);
  }

  @Test
  void eightBits() {
    assertThat(element(DType.FLOAT8_E4M3FN, 0x38)).isEqualTo(1);
    assertThat(element(DType.FLOAT8_E4M3FN, 0x7E)).isEqualTo(448);
    assertThat(element(DType.FLOAT8_E4M3FN, 0xFE)).isEqualTo(-448);
    assertThat(element(DType.FLOAT8_E4M3FN, 0x01)).isEqualTo(0x1p-9);
    assertThat(element(DType.FLOAT8_E4M3FN, 0x08)).isEqualTo(0x1p-6);
    assertThat(element(DType.FLOAT8_E4M3FN, 0x7F)).isNaN();
    assertThat(element(DType.FLOAT8_E5M2, 0x3C)).isEqualTo(1);
    assertThat(element(DType.FLOAT8_E5M2, 0x7B)).isEqualTo(57344);
    assertThat(element(DType.FLOAT8_E5M2, 0x01)).isEqualTo(0x1p-16);
    assertThat(element(DType.FLOAT8_E5M2, 0xFC)).isEqualTo(Double.NEGATIVE_INFINITY);
  }

  @Test
  void wholeNumbers() {
    assertThat(element(DType.UINT8, 0xFF)).isEqualTo(255);
    assertThat(element(DType.INT8, 0xFF)).isEqualTo(-1);
    assertThat(element(DType.UINT16, 0xFFFF)).isEqualTo(65535);
    assertThat(element(DType.INT16, 0xFFFF)).isEqualTo(-1);
    assertThat(element(DType.UINT32, -1)).isEqualTo(4294967295.0);
    assertThat(element(DType.INT32, -1)).isEqualTo(-1);
    assertThat(element(DType.UINT64, -1)).isEqualTo(0x1p64);
    assertThat(element(DType.UINT64, (1L << 63) + 1024)).isEqualTo(0x1p63);
    assertThat(element(DType.UINT64, (1L << 63) + 1025)).isEqualTo(0x1p63 + 2048);
    assertThat(element(DType.INT64, Long.MIN_VALUE)).isEqualTo(-0x1p63);
    assertThat(element(DType.BOOL, 2)).isEqualTo(1);
    // Rounded once: through a double it would be 2^60.
    assertThat(TorchTensor.of(new long[] {(1L << 60) + (1L << 36) + 1}).toFloatArray())
        .containsExactly(0x1p60f + 0x1p37f);
    assertThatThrownBy(() -> TorchTensor.of(new double[] {1.5}).toLongArray())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("float64 holds no whole numbers");
  }
}
