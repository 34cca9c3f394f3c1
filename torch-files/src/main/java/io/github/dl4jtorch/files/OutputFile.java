package io.github.dl4jtorch.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Writes a file beside the one of its name and moves it there when it is on the disk. */
final class OutputFile {

  /** The end of the name of a file that is not in place yet. */
  static final String TEMPORARY = ".tmp";

  /** Writes the bytes of a file. */
  @FunctionalInterface
  interface Contents {
    void writeTo(FileChannel channel) throws IOException;
  }

  private OutputFile() {}

  static void write(Path file, Contents contents) throws IOException {
    Path target = file.toAbsolutePath();
    Path temporary = target.resolveSibling(target.getFileName() + TEMPORARY);
    try {
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        contents.writeTo(channel);
        channel.force(true);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException | Error failed) {
      Files.deleteIfExists(temporary);
      throw failed;
    }
    forceFolder(target.resolveSibling(""));
  }

  /** Makes the move last through a loss of power, on systems where a program can. */
  private static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException notSupported) {
      // Windows does not open folders; there the move is as good as the file system makes it.
    }
  }
}
