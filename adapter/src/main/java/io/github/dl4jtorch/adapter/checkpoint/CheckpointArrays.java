package io.github.dl4jtorch.adapter.checkpoint;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Writes arrays in ND4J's own form and reads them. Of what a file says about an array, native code
 * gets only what was found to be right: it trusts a shape, its strides and a length as they are.
 */
final class CheckpointArrays {

  /** What is written can be read, and nothing else is read. */
  private static final Set<DataType> TYPES =
      EnumSet.complementOf(EnumSet.of(DataType.UTF8, DataType.COMPRESSED, DataType.UNKNOWN));

  /** All that ND4J writes; the older ones are of other versions. */
  private static final Set<String> MODES = Set.of("MIXED_DATA_TYPES", "LONG_SHAPE");

  private static final int HIGHEST_RANK = 32;
  private static final int BUFFER = 1 << 16;

  /** What stands before the numbers of an array. */
  private static final class Header {
    final DataType type;
    final long length;
    final long[] shape;
    final char order;

    Header(Stored numbers, long[] shape, char order) {
      this.type = numbers.type;
      this.length = numbers.length;
      this.shape = shape;
      this.order = order;
    }
  }

  /** How many numbers of which type follow. */
  private record Stored(DataType type, long length) {

    @Override
    public String toString() {
      return length + " numbers of type " + type;
    }
  }

  private CheckpointArrays() {}

  /** Refuses an array that could not be read again. */
  static void requireReadable(String name, INDArray array) {
    if (array.isEmpty() || !TYPES.contains(array.dataType())) {
      throw new IllegalArgumentException(
          name
              + " must be an array of numbers that is not empty but was "
              + (array.isEmpty() ? "empty" : "of type " + array.dataType()));
    }
  }

  static void write(INDArray array, OutputStream stream) throws IOException {
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(stream, BUFFER));
    Nd4j.write(isPlain(array) ? array : array.dup('c'), out);
    out.flush();
  }

  /** Returns the order in which the numbers of an array are written. */
  static char order(INDArray array) {
    return isPlain(array) ? array.ordering() : 'c';
  }

  /** Tells whether the numbers lie one after the other, so that the shape says where they are. */
  private static boolean isPlain(INDArray array) {
    return !array.isView()
        && isOrder(array.ordering())
        && hasPlainStrides(array.shape(), array.stride(), array.ordering());
  }

  private static boolean isOrder(char order) {
    return order == 'c' || order == 'f';
  }

  private static boolean hasPlainStrides(long[] shape, long[] strides, char order) {
    long[] plain = Nd4j.getStrides(shape, order);
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] > 1 && strides[i] != plain[i]) {
        return false;
      }
    }
    return true;
  }

  /** Reads an array that takes the rest of an entry. */
  static INDArray read(CheckpointFile.Entries zip) throws IOException {
    // Not closed, since that would close the whole file.
    DataInputStream in = new DataInputStream(new BufferedInputStream(zip, BUFFER));
    Header header = header(in, zip.size());
    DataBuffer numbers = Nd4j.createBuffer(header.type, header.length, false);
    numbers.read(in, DataBuffer.AllocationMode.MIXED_DATA_TYPES, header.length, header.type);
    requireEnd(in);
    return Nd4j.create(
        numbers,
        header.shape,
        Nd4j.getStrides(header.shape, header.order),
        0,
        header.order,
        header.type);
  }

  /** Checks all but the numbers of an array that takes the rest of an entry. */
  static void check(CheckpointFile.Entries zip) throws IOException {
    DataInputStream in = new DataInputStream(new BufferedInputStream(zip, BUFFER));
    Header header = header(in, zip.size());
    in.skipNBytes(header.length * header.type.width());
    requireEnd(in);
  }

  private static void requireEnd(DataInputStream in) throws IOException {
    if (in.read() != -1) {
      throw new IOException("an array must end where its entry ends");
    }
  }

  /**
   * Reads what stands before the numbers.
   *
   * @param bytes how many the numbers may have at most
   */
  private static Header header(DataInputStream in, long bytes) throws IOException {
    Stored stored = stored(in);
    // The rank, sizes, strides, and then options, step and order.
    if (stored.type != DataType.INT64
        || stored.length < 4
        || stored.length > 4 + 2 * HIGHEST_RANK) {
      throw new IOException("an array must not have a shape of " + stored);
    }
    long[] info = new long[(int) stored.length];
    for (int i = 0; i < info.length; i++) {
      info[i] = in.readLong();
    }
    int rank = (info.length - 4) / 2;
    if (info[0] != rank || info.length != 4 + 2 * rank) {
      throw new IOException("an array of rank " + info[0] + " must not have a shape of " + stored);
    }
    long[] shape = Arrays.copyOfRange(info, 1, 1 + rank);
    long[] strides = Arrays.copyOfRange(info, 1 + rank, 1 + 2 * rank);
    Stored numbers = stored(in);
    if (numbers.length != length(shape)
        || numbers.length > bytes / Math.max(1, numbers.type.width())) {
      throw new IOException(
          "an array of shape " + Arrays.toString(shape) + " must not have " + numbers);
    }
    char order = (char) info[info.length - 1];
    if (!isOrder(order) || !hasPlainStrides(shape, strides, order)) {
      throw new IOException("the numbers of an array must lie one after the other");
    }
    return new Header(numbers, shape, order);
  }

  private static Stored stored(DataInputStream in) throws IOException {
    String mode = in.readUTF();
    if (!MODES.contains(mode)) {
      throw new IOException("the numbers of an array must not be stored as " + mode);
    }
    long length = in.readLong();
    String name = in.readUTF();
    for (DataType type : TYPES) {
      if (type.name().equals(name)) {
        return new Stored(type, length);
      }
    }
    throw new IOException("an array must not be of type " + name);
  }

  private static long length(long[] shape) throws IOException {
    long length = 1;
    for (long size : shape) {
      if (size < 1 || length > Long.MAX_VALUE / size) {
        throw new IOException("an array must not have the shape " + Arrays.toString(shape));
      }
      length *= size;
    }
    return length;
  }
}
