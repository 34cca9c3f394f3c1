package io.github.dl4jtorch.files;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The bytes under one tensor or several; which tensors share one is a matter of identity. */
final class Storage {

  /** Where data is that no device has: in the main memory. */
  static final String CPU = "cpu";

  private final DType dtype;
  private final long numel;
  private final String location;
  private Bytes bytes;
  private ByteOrder order;

  /**
   * A storage whose bytes are found later.
   *
   * @param location the device that PyTorch puts it on
   */
  Storage(DType dtype, long numel, String location) {
    this.dtype = dtype;
    this.numel = numel;
    this.location = location;
    this.bytes = Bytes.of(ByteBuffer.allocate(0));
    this.order = ByteOrder.LITTLE_ENDIAN;
  }

  /** A storage in memory. */
  Storage(DType dtype, ByteBuffer littleEndian) {
    this(dtype, littleEndian.remaining() / dtype.itemSize(), CPU);
    this.bytes = Bytes.of(littleEndian);
  }

  /** Says where the bytes are. Their number has been compared with {@link #size()}. */
  void place(Bytes found, ByteOrder foundOrder) {
    this.bytes = found;
    this.order = foundOrder;
  }

  DType dtype() {
    return dtype;
  }

  /** How many elements of its own kind it holds. */
  long numel() {
    return numel;
  }

  /** Its size in bytes. */
  long size() {
    return numel * dtype.itemSize();
  }

  String location() {
    return location;
  }

  ByteOrder order() {
    return order;
  }

  /** A part of it as a buffer in its order, without copying. */
  ByteBuffer slice(long at, int length) {
    return bytes.slice(at, length).order(order);
  }
}
