package io.github.dl4jtorch.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Bytes that are not changed, of a file or in memory, as many as a long can count. */
final class Bytes {

  /** The longest slice. */
  static final int PIECE = 1 << 30;

  /** A piece begins every 2^30 bytes and is twice as long, so that every slice is within one. */
  private final ByteBuffer[] pieces;

  private final long offset;
  private final long size;

  private Bytes(ByteBuffer[] pieces, long offset, long size) {
    this.pieces = pieces;
    this.offset = offset;
    this.size = size;
  }

  static Bytes of(ByteBuffer bytes) {
    ByteBuffer all = bytes.slice();
    ByteBuffer[] pieces = new ByteBuffer[pieces(all.limit())];
    for (int piece = 0; piece < pieces.length; piece++) {
      int start = piece * PIECE;
      pieces[piece] = all.slice(start, all.limit() - start).asReadOnlyBuffer();
    }
    return new Bytes(pieces, 0, all.limit());
  }

  static Bytes map(FileChannel channel, long size) throws IOException {
    ByteBuffer[] pieces = new ByteBuffer[pieces(size)];
    for (int piece = 0; piece < pieces.length; piece++) {
      long start = (long) piece * PIECE;
      pieces[piece] =
          channel.map(
              FileChannel.MapMode.READ_ONLY, start, Math.min(size - start, Integer.MAX_VALUE));
    }
    return new Bytes(pieces, 0, size);
  }

  private static int pieces(long size) {
    return Math.max(1, Math.toIntExact((size + PIECE - 1) / PIECE));
  }

  long size() {
    return size;
  }

  /** A part of it, without copying. */
  Bytes part(long from, long length) {
    if (from < 0 || length < 0 || from > size - length) {
      throw new IndexOutOfBoundsException(from + " to " + (from + length) + " of " + size);
    }
    return new Bytes(pieces, offset + from, length);
  }

  byte get(long at) {
    long position = offset + at;
    return pieces[(int) (position / PIECE)].get((int) (position % PIECE));
  }

  /** At most {@link #PIECE} bytes as a buffer, without copying. */
  ByteBuffer slice(long at, int length) {
    if (length == 0) {
      return ByteBuffer.allocate(0);
    }
    long position = offset + at;
    return pieces[(int) (position / PIECE)].slice((int) (position % PIECE), length);
  }
}
