package io.github.dl4jtorch.files;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** A file that is being read: its bytes, its name for what is refused, and what it may cost. */
final class InputFile {

  /** Smaller files are read at once; mapping takes a page of memory and an entry in a table. */
  private static final int SMALL = 1 << 20;

  /** What any file may cost beyond twice its size. */
  private static final long ALLOWANCE = 32L << 20;

  private final Path path;
  private final Bytes bytes;
  private long charged;

  private InputFile(Path path, Bytes bytes) {
    this.path = path;
    this.bytes = bytes;
  }

  static InputFile open(Path path) throws TorchFileException {
    if (!Files.exists(path)) {
      throw new TorchFileException(path, "there is no such file", null);
    }
    if (!Files.isRegularFile(path)) {
      throw new TorchFileException(path, "it is no file", null);
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      return new InputFile(
          path, size <= SMALL ? readAll(channel, (int) size) : Bytes.map(channel, size));
    } catch (IOException failed) {
      throw new TorchFileException(path, "it cannot be opened: " + failed.getMessage(), failed);
    }
  }

  private static Bytes readAll(FileChannel channel, int size) throws IOException {
    ByteBuffer all = ByteBuffer.allocate(size);
    while (all.hasRemaining()) {
      if (channel.read(all) < 0) {
        throw new EOFException("it became shorter");
      }
    }
    return Bytes.of(all.flip());
  }

  Bytes bytes() {
    return bytes;
  }

  long size() {
    return bytes.size();
  }

  /** Reads a part from front to back. */
  ByteReader reader(long from, long length) {
    return new ByteReader(this, bytes.part(from, length), from);
  }

  TorchFileException refusal(String reason) {
    return refusal(reason, null);
  }

  TorchFileException refusal(String reason, @Nullable Throwable cause) {
    return new TorchFileException(path, reason, cause);
  }

  /**
   * Counts what is about to be kept in memory, so that a small file does not become a large one.
   */
  void charge(long memory) throws TorchFileException {
    charged += memory;
    if (charged > 2 * size() + ALLOWANCE) {
      throw refusal(
          "what it holds would take more memory than twice its "
              + size()
              + " bytes and "
              + (ALLOWANCE >> 20)
              + " MB");
    }
  }
}
