package io.github.dl4jtorch.tensorboard;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A message of protocol buffers in the making, as far as event files need them. A field is a number
 * with the kind of its value, then the value.
 */
final class Message {

  private static final int VARINT = 0;
  private static final int FIXED_64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED_32 = 5;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  Message add(int field, long value) {
    key(field, VARINT);
    varint(value);
    return this;
  }

  Message add(int field, double value) {
    key(field, FIXED_64);
    out.writeBytes(littleEndian(Double.BYTES).putDouble(value).array());
    return this;
  }

  Message add(int field, float value) {
    key(field, FIXED_32);
    out.writeBytes(littleEndian(Float.BYTES).putFloat(value).array());
    return this;
  }

  Message add(int field, String value) {
    return add(field, value.getBytes(StandardCharsets.UTF_8));
  }

  Message add(int field, Message value) {
    return add(field, value.bytes());
  }

  Message add(int field, byte[] value) {
    key(field, BYTES);
    varint(value.length);
    out.writeBytes(value);
    return this;
  }

  byte[] bytes() {
    return out.toByteArray();
  }

  private void key(int field, int kind) {
    varint(((long) field << 3) | kind);
  }

  /** Seven bits a byte, the lowest first; the eighth says that there are more. */
  private void varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      out.write((int) ((rest & 0x7F) | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
  }

  private static ByteBuffer littleEndian(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
