package io.github.dl4jtorch.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;

/**
 * A tensor of a file, or one to be written: its kind, its shape, and its elements.
 *
 * <p>A tensor that was read stays in the file, which is mapped into memory, until its elements are
 * asked for; these come in row-major order, whatever the strides are. Views of one storage stay
 * views of one storage when they are written. Tensors never change, and are equal only to
 * themselves.
 *
 * <pre>{@code
 * TorchTensor weight = TorchTensor.of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3);
 * TorchFile.write(Path.of("weight.pt"), Map.of("weight", weight));
 * double[] values = TorchFile.read(Path.of("weight.pt")).tensor("weight").toDoubleArray();
 * }</pre>
 */
public final class TorchTensor {

  /** The longest array that every JVM can make. */
  private static final int LONGEST = Integer.MAX_VALUE - 8;

  /** As many elements are written at once: the processor's cache holds them. */
  private static final int BLOCK = 1 << 15;

  private final DType dtype;
  private final long[] shape;
  private final long[] strides;
  private final long offset;
  private final Storage storage;
  private final boolean requiresGrad;
  private final boolean parameter;

  /** Wraps a view that is known to lie within its storage. */
  TorchTensor(
      DType dtype,
      long[] shape,
      long[] strides,
      long offset,
      Storage storage,
      boolean requiresGrad,
      boolean parameter) {
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.storage = storage;
    this.requiresGrad = requiresGrad;
    this.parameter = parameter;
  }

  /**
   * Makes a tensor of float64.
   *
   * @param values the elements in row-major order; they are copied
   * @param shape the sizes, none for a scalar
   * @return the tensor
   * @throws IllegalArgumentException if the shape does not hold as many elements
   */
  public static TorchTensor of(double[] values, long... shape) {
    ByteBuffer bytes = allocate(values.length, DType.FLOAT64);
    bytes.asDoubleBuffer().put(values);
    return of(DType.FLOAT64, bytes, shape);
  }

  /**
   * Makes a tensor of float32.
   *
   * @param values the elements in row-major order; they are copied
   * @param shape the sizes, none for a scalar
   * @return the tensor
   * @throws IllegalArgumentException if the shape does not hold as many elements
   */
  public static TorchTensor of(float[] values, long... shape) {
    ByteBuffer bytes = allocate(values.length, DType.FLOAT32);
    bytes.asFloatBuffer().put(values);
    return of(DType.FLOAT32, bytes, shape);
  }

  /**
   * Makes a tensor of int64.
   *
   * @param values the elements in row-major order; they are copied
   * @param shape the sizes, none for a scalar
   * @return the tensor
   * @throws IllegalArgumentException if the shape does not hold as many elements
   */
  public static TorchTensor of(long[] values, long... shape) {
    ByteBuffer bytes = allocate(values.length, DType.INT64);
    bytes.asLongBuffer().put(values);
    return of(DType.INT64, bytes, shape);
  }

  /**
   * Makes a tensor of any kind, without copying.
   *
   * @param dtype what the elements are
   * @param bytes the elements in row-major and little-endian order; they must not change afterwards
   * @param shape the sizes, none for a scalar
   * @return the tensor
   * @throws IllegalArgumentException if the shape does not hold as many elements
   */
  public static TorchTensor of(DType dtype, ByteBuffer bytes, long... shape) {
    long[] sizes = shape.clone();
    if (Arrays.stream(sizes).anyMatch(size -> size < 0)) {
      throw new IllegalArgumentException(
          "shape must not be negative but was " + Arrays.toString(shape));
    }
    if (!fits(sizes, dtype, bytes.remaining())) {
      throw new IllegalArgumentException(
          "shape must hold the "
              + bytes.remaining()
              + " bytes given, as "
              + dtype.torchName()
              + ", but was "
              + Arrays.toString(shape));
    }
    Storage storage = new Storage(dtype, bytes);
    return new TorchTensor(dtype, sizes, contiguous(sizes), 0, storage, false, false);
  }

  private static boolean fits(long[] shape, DType dtype, long bytes) {
    try {
      return Math.multiplyExact(numel(shape), dtype.itemSize()) == bytes;
    } catch (ArithmeticException tooLarge) {
      return false;
    }
  }

  private static ByteBuffer allocate(int numel, DType dtype) {
    int most = LONGEST / dtype.itemSize();
    if (numel > most) {
      throw new IllegalArgumentException(
          "values must be at most " + most + " but were " + numel + ": use a buffer");
    }
    return ByteBuffer.allocate(numel * dtype.itemSize()).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The product of the sizes; 0 if one is 0, however large the others are. */
  static long numel(long[] shape) {
    for (long size : shape) {
      if (size == 0) {
        return 0;
      }
    }
    long numel = 1;
    for (long size : shape) {
      numel = Math.multiplyExact(numel, size);
    }
    return numel;
  }

  /** The strides of a tensor without gaps, as PyTorch gives them. */
  static long[] contiguous(long[] shape) {
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int dim = shape.length - 1; dim >= 0; dim--) {
      strides[dim] = stride;
      stride *= Math.max(1, shape[dim]);
    }
    return strides;
  }

  /**
   * Returns what the elements are.
   *
   * @return the kind
   */
  public DType dtype() {
    return dtype;
  }

  /**
   * Returns the sizes.
   *
   * @return a copy; empty for a scalar
   */
  public long[] shape() {
    return shape.clone();
  }

  /**
   * Returns how far apart neighbours are in the storage, as the file has it.
   *
   * @return a copy, a number of elements for each dimension
   */
  public long[] strides() {
    return strides.clone();
  }

  /**
   * Returns the number of elements.
   *
   * @return the product of the sizes, 1 for a scalar
   */
  public long numel() {
    return numel(shape);
  }

  /**
   * Tells whether PyTorch computes a gradient for it.
   *
   * @return its {@code requires_grad}
   */
  public boolean requiresGrad() {
    return requiresGrad;
  }

  /**
   * Tells whether it was saved as an {@code nn.Parameter}; a {@code state_dict()} holds none.
   *
   * @return true for a parameter
   */
  public boolean isParameter() {
    return parameter;
  }

  /**
   * Tells whether another tensor is a view of the same storage, as tied weights are.
   *
   * @param other another tensor
   * @return true if a change of one could change the other in PyTorch
   */
  public boolean sharesStorageWith(TorchTensor other) {
    return storage == other.storage;
  }

  Storage storage() {
    return storage;
  }

  long offset() {
    return offset;
  }

  /** The same elements as a parameter. */
  TorchTensor asParameter(boolean withGrad) {
    return new TorchTensor(dtype, shape, strides, offset, storage, withGrad, true);
  }

  private boolean isContiguous() {
    if (numel() == 0) {
      return true;
    }
    long[] without = contiguous(shape);
    for (int dim = 0; dim < shape.length; dim++) {
      if (shape[dim] != 1 && strides[dim] != without[dim]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Returns the elements in row-major order, whole numbers and booleans (0 and 1) as well.
   *
   * @return a new array; of a complex tensor twice as long, real and imaginary part by turns
   * @throws IllegalStateException if there are more than an array holds
   */
  public double[] toDoubleArray() {
    DType kind = dtype.component();
    int parts = dtype.components();
    double[] values = new double[arrayLength(parts)];
    forEachRow(
        (bytes, step, count, to) -> {
          if (kind == DType.FLOAT64 && step == dtype.itemSize()) {
            bytes.asDoubleBuffer().get(values, to * parts, count * parts);
          } else {
            for (int i = 0; i < count; i++) {
              for (int part = 0; part < parts; part++) {
                values[(to + i) * parts + part] =
                    kind.toDouble(bytes, i * step + part * kind.itemSize());
              }
            }
          }
        });
    return values;
  }

  /**
   * Returns the elements in row-major order, rounded to the nearest float where they are longer.
   *
   * @return a new array; of a complex tensor twice as long, real and imaginary part by turns
   * @throws IllegalStateException if there are more than an array holds
   */
  public float[] toFloatArray() {
    DType kind = dtype.component();
    int parts = dtype.components();
    float[] values = new float[arrayLength(parts)];
    forEachRow(
        (bytes, step, count, to) -> {
          if (kind == DType.FLOAT32 && step == dtype.itemSize()) {
            bytes.asFloatBuffer().get(values, to * parts, count * parts);
          } else {
            for (int i = 0; i < count; i++) {
              for (int part = 0; part < parts; part++) {
                values[(to + i) * parts + part] =
                    kind.toFloat(bytes, i * step + part * kind.itemSize());
              }
            }
          }
        });
    return values;
  }

  /**
   * Returns whole numbers and booleans (0 and 1) in row-major order. Those of uint64 beyond a long
   * come as its 64 bits.
   *
   * @return a new array
   * @throws IllegalStateException if the elements are no whole numbers, or more than an array holds
   */
  public long[] toLongArray() {
    if (!dtype.isInteger()) {
      throw new IllegalStateException(dtype.torchName() + " holds no whole numbers");
    }
    long[] values = new long[arrayLength(1)];
    forEachRow(
        (bytes, step, count, to) -> {
          for (int i = 0; i < count; i++) {
            values[to + i] = dtype.toLong(bytes, i * step);
          }
        });
    return values;
  }

  /**
   * Returns the elements' bytes in row-major and little-endian order. They are not copied if they
   * are so in the file already, up to a gigabyte.
   *
   * @return a buffer that cannot be written to, in little-endian order
   * @throws IllegalStateException if there are more bytes than a buffer holds
   */
  public ByteBuffer asByteBuffer() {
    long length = numel() * dtype.itemSize();
    if (isContiguous() && storage.order() == ByteOrder.LITTLE_ENDIAN && length <= Bytes.PIECE) {
      return storage
          .slice(offset * dtype.itemSize(), (int) length)
          .asReadOnlyBuffer()
          .order(ByteOrder.LITTLE_ENDIAN);
    }
    if (length > LONGEST) {
      throw new IllegalStateException("has " + length + " bytes, more than a buffer holds");
    }
    ByteBuffer copy = ByteBuffer.allocate((int) length);
    int item = dtype.itemSize();
    int part = dtype.component().itemSize();
    forEachRow(
        (bytes, step, count, to) -> {
          boolean reversed = bytes.order() == ByteOrder.BIG_ENDIAN;
          for (int i = 0; i < count; i++) {
            for (int at = 0; at < item; at++) {
              // A complex number is two numbers, each in its order.
              int from = reversed ? at / part * part + part - 1 - at % part : at;
              copy.put((to + i) * item + at, bytes.get(i * step + from));
            }
          }
        });
    return copy.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes what {@link #asByteBuffer()} has, piece by piece where it is without gaps. */
  void writeTo(WritableByteChannel channel) throws IOException {
    if (!isContiguous()) {
      writeAll(channel, asByteBuffer());
      return;
    }
    long numel = numel();
    for (long done = 0; done < numel; done += BLOCK) {
      long[] some = {Math.min(BLOCK, numel - done)};
      TorchTensor part =
          new TorchTensor(dtype, some, contiguous(some), offset + done, storage, false, false);
      writeAll(channel, part.asByteBuffer());
    }
  }

  private static void writeAll(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private int arrayLength(int parts) {
    long length = numel() * parts;
    if (length > LONGEST) {
      throw new IllegalStateException("has " + length + " elements, more than an array holds");
    }
    return (int) length;
  }

  @FunctionalInterface
  private interface Row {
    /**
     * Takes elements that follow one another in the tensor.
     *
     * @param step the bytes from one to the next
     * @param to how many elements come before
     */
    void take(ByteBuffer bytes, int step, int count, int to);
  }

  /** Hands out all elements, whose number an int can hold, in row-major order. */
  private void forEachRow(Row row) {
    long numel = numel();
    if (numel == 0) {
      return;
    }
    if (isContiguous()) {
      take(row, offset, 1, numel, 0);
      return;
    }
    int last = shape.length - 1;
    long[] index = new long[shape.length];
    long at = offset;
    for (long to = 0; to < numel; to += shape[last]) {
      take(row, at, strides[last], shape[last], to);
      for (int dim = last - 1; dim >= 0; dim--) {
        at += strides[dim];
        if (++index[dim] < shape[dim]) {
          break;
        }
        at -= strides[dim] * shape[dim];
        index[dim] = 0;
      }
    }
  }

  /** Hands out a row in as many parts as its bytes take slices. */
  private void take(Row row, long from, long stride, long count, long to) {
    int item = dtype.itemSize();
    long most = stride == 0 ? count : Math.max(1, Bytes.PIECE / item / stride);
    for (long done = 0; done < count; done += most) {
      int some = (int) Math.min(most, count - done);
      int step = some == 1 ? item : (int) (stride * item);
      int length = (some - 1) * step + item;
      row.take(storage.slice((from + done * stride) * item, length), step, some, (int) (to + done));
    }
  }

  @Override
  public String toString() {
    return "TorchTensor[" + dtype.torchName() + ", " + Arrays.toString(shape) + "]";
  }
}
