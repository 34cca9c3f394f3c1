package io.github.dl4jtorch.adapter.checkpoint;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.UUID;
import java.util.zip.Deflater;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.util.ModelSerializer;

/**
 * A zip file that either is there as it was written or is refused. Its comment, which is the very
 * end of it, holds the SHA-256 of every byte of the file, taken with zeros in the checksum's own
 * place. So nothing of a file is looked into before all of it is known to be right.
 */
final class CheckpointFile {

  /** The folder of all entries that are not of DL4J. */
  static final String FOLDER = "dl4jtorch/";

  /** The entry that makes a model file a checkpoint. */
  static final String ENTRY = CheckpointFile.FOLDER + "checkpoint.json";

  /** The end of the name of a file that is not in place yet. */
  static final String TEMPORARY = ".tmp";

  private static final String MARK = "dl4j-torch checkpoint, SHA-256 ";
  private static final String OPEN = "0".repeat(64);
  private static final int BUFFER = 1 << 16;

  /** Writes the entries of a file. */
  @FunctionalInterface
  interface Contents {
    void writeTo(ZipOutputStream zip) throws IOException;
  }

  /** Reads the entries of a file. */
  @FunctionalInterface
  interface Reader<T> {
    T read(Entries zip) throws IOException;
  }

  /**
   * The entries of a file. Nothing in it is compressed, so entries that are longer than the file
   * were not written here, and are not unpacked to see how long they are.
   */
  static final class Entries extends ZipInputStream {
    private final long size;
    private long bytes;

    private Entries(InputStream file, long size) {
      super(file);
      this.size = size;
    }

    /** Returns how many bytes the file has, and all entries have less. */
    long size() {
      return size;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      int read = super.read(buffer, offset, length);
      bytes += Math.max(0, read);
      if (bytes > size) {
        throw new IOException("its entries are longer than the file");
      }
      return read;
    }
  }

  private CheckpointFile() {}

  /**
   * Writes a file beside the one of this name, reads it again, and moves it there when it is on the
   * disk.
   */
  static void write(Path file, Contents contents, Reader<?> check) throws IOException {
    Path target = file.toAbsolutePath();
    Path folder = target.resolveSibling("");
    Path temporary = target.resolveSibling(target.getFileName() + "." + unique() + TEMPORARY);
    // A new file, or an exception: a link that somebody has put there is not followed.
    Files.createFile(temporary, permissions(folder));
    try {
      writeAndForce(file, temporary.toFile(), contents, check);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException | Error failed) {
      Files.deleteIfExists(temporary);
      throw failed;
    }
    forceFolder(folder);
  }

  private static String unique() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  /** A checkpoint is the owner's alone until he gives it to others. */
  static FileAttribute<?>[] permissions(Path folder) {
    return folder.getFileSystem().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
        }
        : new FileAttribute<?>[] {};
  }

  private static void writeAndForce(Path target, File temporary, Contents contents, Reader<?> check)
      throws IOException {
    MessageDigest sha = sha256();
    // No channel, which the interruption of a thread would close.
    try (RandomAccessFile file = new RandomAccessFile(temporary, "rw")) {
      OutputStream out =
          new BufferedOutputStream(
              new DigestOutputStream(new FileOutputStream(file.getFD()), sha), BUFFER);
      ZipOutputStream zip = new ZipOutputStream(out);
      // Parameters hardly shrink, and trying takes longer than everything else.
      zip.setLevel(Deflater.NO_COMPRESSION);
      zip.setComment(MARK + OPEN);
      contents.writeTo(zip);
      zip.finish();
      out.flush();
      file.seek(file.length() - OPEN.length());
      file.write(ascii(HexFormat.of().formatHex(sha.digest())));
      file.seek(0);
      requireReadable(target, entries(new FileInputStream(file.getFD()), file.length()), check);
      file.getFD().sync();
    }
  }

  /** A file that could not be loaded must not take the place of one that can. */
  private static void requireReadable(Path file, Entries entries, Reader<?> check)
      throws CheckpointException {
    try {
      check.read(entries);
    } catch (IOException | RuntimeException | StackOverflowError refused) {
      throw CheckpointException.notSaved(file, refused);
    }
  }

  private static Entries entries(InputStream file, long size) {
    return new Entries(new BufferedInputStream(file, BUFFER), size);
  }

  /** Makes the move last through a loss of power, on systems where a program can. */
  private static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException notSupported) {
      // Windows does not open folders; there the move is as good as the file system makes it.
    }
  }

  /** Checks the whole of a file, and then has it read. */
  static <T> T read(Path file, Reader<T> reader) throws CheckpointException {
    if (!Files.exists(file)) {
      throw new CheckpointException(file, "there is no such file", null);
    }
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file, "it is no file", null);
    }
    try (FileInputStream stream = new FileInputStream(file.toFile())) {
      requireUndamaged(file, stream);
      // The same open file: another that has taken its name meanwhile would be unchecked.
      stream.getChannel().position(0);
      return reader.read(entries(stream, stream.getChannel().size()));
    } catch (CheckpointException refused) {
      throw refused;
    } catch (IOException | RuntimeException | LinkageError | StackOverflowError failed) {
      throw new CheckpointException(file, "it cannot be read: " + failed.getMessage(), failed);
    }
  }

  /** Tells whether the whole of a file is as it was written. */
  static boolean isUndamaged(Path file) {
    try {
      return read(file, zip -> true);
    } catch (CheckpointException damaged) {
      return false;
    }
  }

  private static void requireUndamaged(Path file, FileInputStream stream) throws IOException {
    long size = stream.getChannel().size();
    int end = MARK.length() + OPEN.length();
    MessageDigest sha = sha256();
    if (size < end) {
      throw new CheckpointException(file, withoutMark(file), null);
    }
    update(sha, stream, size - end);
    byte[] mark = stream.readNBytes(MARK.length());
    if (!MARK.equals(new String(mark, StandardCharsets.US_ASCII))) {
      throw new CheckpointException(file, withoutMark(file), null);
    }
    sha.update(mark);
    sha.update(ascii(OPEN));
    byte[] known = stream.readNBytes(OPEN.length());
    if (!MessageDigest.isEqual(known, ascii(HexFormat.of().formatHex(sha.digest())))) {
      throw new CheckpointException(
          file, "its checksum is wrong, so it is damaged or was changed", null);
    }
  }

  private static void update(MessageDigest sha, InputStream stream, long bytes) throws IOException {
    byte[] buffer = new byte[BUFFER];
    long left = bytes;
    while (left > 0) {
      int read = stream.read(buffer, 0, (int) Math.min(left, buffer.length));
      if (read < 0) {
        throw new IOException("the file became shorter");
      }
      sha.update(buffer, 0, read);
      left -= read;
    }
  }

  private static String withoutMark(Path file) {
    return isPlainModel(file)
        ? "it holds a network but no checkpoint: restore it with ModelSerializer, and go on from its"
            + " own counts, with NetworkSchedule or schedule.attach(groups, lastEpoch)"
        : "it is no checkpoint, or it is damaged or its end is missing";
  }

  /** Tells whether a file is one of DL4J's, with a network but no checkpoint. */
  static boolean isPlainModel(Path file) {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return zip.getEntry(ENTRY) == null && zip.getEntry(ModelSerializer.COEFFICIENTS_BIN) != null;
    } catch (IOException noZip) {
      return false;
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException("every Java has SHA-256", impossible);
    }
  }
}
