package io.github.dl4jtorch.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/**
 * Writes a zip file without compression, each entry's data at a multiple of 64 bytes, as torch.save
 * does so that tensors can be mapped into memory. Sizes beyond 4 GB are written as zip64 has it.
 */
final class ZipWriter implements AutoCloseable {

  private static final int ALIGNMENT = 64;

  /** What does not fit into four bytes; this number itself says "see elsewhere". */
  private static final long LIMIT_32 = 0xFFFFFFFFL;

  private static final int LIMIT_16 = 0xFFFF;
  private static final int VERSION = 20;
  private static final int VERSION_64 = 45;

  /** The first day that a zip file can name, so that the same values give the same file. */
  private static final int DATE = 1 << 5 | 1;

  private final FileChannel channel;
  private final long limit;
  private final ByteArrayOutputStream directory = new ByteArrayOutputStream();
  private long count;

  ZipWriter(FileChannel channel) {
    this(channel, LIMIT_32);
  }

  /** Writes sizes and places from {@code limit} on as zip64 has them, for tests. */
  ZipWriter(FileChannel channel, long limit) {
    this.channel = channel;
    this.limit = limit;
  }

  void add(String name, byte[] data) throws IOException {
    add(name, TorchTensor.of(DType.UINT8, ByteBuffer.wrap(data), data.length));
  }

  /** Adds a tensor's bytes. */
  void add(String name, TorchTensor data) throws IOException {
    long start = channel.position();
    byte[] asciiName = name.getBytes(StandardCharsets.US_ASCII);
    long size = data.numel() * data.dtype().itemSize();
    boolean large = size >= limit;
    long unpadded = start + 30 + asciiName.length + (large ? 20 : 0) + 4;
    int padding = (int) (-unpadded & (ALIGNMENT - 1));
    channel.position(unpadded + padding);
    CRC32 crc = new CRC32();
    data.writeTo(new Checked(crc));
    long end = channel.position();

    Fields local = new Fields(30 + asciiName.length + 24 + padding);
    local.i32(0x04034b50).i16(large ? VERSION_64 : VERSION).i16(0).i16(0).i16(0).i16(DATE);
    local.i32(crc.getValue()).size(size, large).size(size, large);
    local.i16(asciiName.length).i16((large ? 20 : 0) + 4 + padding).bytes(asciiName);
    if (large) {
      local.i16(1).i16(16).i64(size).i64(size);
    }
    local.i16('F' | 'B' << 8).i16(padding).bytes(new byte[padding]);
    local.writeTo(channel.position(start));
    channel.position(end);

    boolean far = start >= limit;
    int extra = (large ? 16 : 0) + (far ? 8 : 0);
    Fields central = new Fields(46 + asciiName.length + 4 + extra);
    central.i32(0x02014b50).i16(VERSION_64).i16(large || far ? VERSION_64 : VERSION);
    central.i16(0).i16(0).i16(0).i16(DATE).i32(crc.getValue());
    central.size(size, large).size(size, large).i16(asciiName.length);
    central.i16(extra == 0 ? 0 : 4 + extra).i16(0).i16(0).i16(0).i32(0);
    central.size(start, far).bytes(asciiName);
    if (extra > 0) {
      central.i16(1).i16(extra);
    }
    if (large) {
      central.i64(size).i64(size);
    }
    if (far) {
      central.i64(start);
    }
    directory.writeBytes(central.toArray());
    count++;
  }

  /** Writes the directory. */
  @Override
  public void close() throws IOException {
    long start = channel.position();
    long size = directory.size();
    boolean large = start >= limit || size >= limit || count >= LIMIT_16;
    Fields end = new Fields(98);
    if (large) {
      end.i32(0x06064b50).i64(44).i16(VERSION_64).i16(VERSION_64).i32(0).i32(0);
      end.i64(count).i64(count).i64(size).i64(start);
      end.i32(0x07064b50).i32(0).i64(start + size).i32(1);
    }
    int entries = large ? LIMIT_16 : (int) count;
    end.i32(0x06054b50).i16(0).i16(0).i16(entries).i16(entries);
    end.size(size, large).size(start, large).i16(0);
    channel.write(ByteBuffer.wrap(directory.toByteArray()));
    end.writeTo(channel);
  }

  /** Writes to the file and sums up. */
  private final class Checked implements WritableByteChannel {

    private final CRC32 crc;

    Checked(CRC32 crc) {
      this.crc = crc;
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      int length = bytes.remaining();
      crc.update(bytes.duplicate());
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      return length;
    }

    @Override
    public boolean isOpen() {
      return channel.isOpen();
    }

    @Override
    public void close() {}
  }

  /** The fields of a header, one after the other. */
  private static final class Fields {

    private final ByteBuffer buffer;

    Fields(int atMost) {
      buffer = ByteBuffer.allocate(atMost).order(ByteOrder.LITTLE_ENDIAN);
    }

    Fields i16(int value) {
      buffer.putShort((short) value);
      return this;
    }

    Fields i32(long value) {
      buffer.putInt((int) value);
      return this;
    }

    Fields i64(long value) {
      buffer.putLong(value);
      return this;
    }

    /** A size or place, which is elsewhere if it is large. */
    Fields size(long value, boolean large) {
      return i32(large ? LIMIT_32 : value);
    }

    Fields bytes(byte[] value) {
      buffer.put(value);
      return this;
    }

    byte[] toArray() {
      byte[] array = new byte[buffer.position()];
      buffer.flip().get(array);
      return array;
    }

    void writeTo(FileChannel channel) throws IOException {
      buffer.flip();
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }
  }
}
