package io.github.dl4jtorch.examples;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An array of unsigned bytes as MNIST and Fashion-MNIST come in: 0, 0, 8, the count of dimensions,
 * each dimension in four bytes, then the values, the last dimension fastest.
 *
 * @param shape the dimensions
 * @param values as many bytes as their product
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record IdxFile(int[] shape, byte[] values) {

  private static final String ZIPPED = ".gz";
  private static final int UNSIGNED_BYTES = 0x0800;

  /**
   * Reads a file, as it is or compressed.
   *
   * @param file the file, without the {@code .gz} of one that is compressed
   * @param dimensions how many dimensions it must have
   * @throws MalformedIdxException if it is anything else
   * @throws NoSuchFileException if there is neither
   */
  static IdxFile read(Path file, int dimensions) throws IOException {
    if (Files.exists(file)) {
      try (InputStream in = Files.newInputStream(file)) {
        return read(file, in, dimensions);
      }
    }
    Path zipped = file.resolveSibling(file.getFileName() + ZIPPED);
    if (!Files.exists(zipped)) {
      throw new NoSuchFileException(file + "[" + ZIPPED + "]");
    }
    try (InputStream in = Files.newInputStream(zipped)) {
      return read(zipped, new GZIPInputStream(in), dimensions);
    } catch (ZipException notZipped) {
      throw new MalformedIdxException(
          zipped + " must be compressed by gzip but is not, or is damaged", notZipped);
    } catch (EOFException cut) {
      throw new MalformedIdxException(zipped + " ends in the middle of its compressed data", cut);
    }
  }

  private static IdxFile read(Path file, InputStream stream, int dimensions) throws IOException {
    DataInputStream in = new DataInputStream(new BufferedInputStream(stream));
    byte[] header = in.readNBytes(Integer.BYTES * (1 + dimensions));
    if (header.length < Integer.BYTES * (1 + dimensions)) {
      throw new MalformedIdxException(
          file
              + " must begin with a header of "
              + Integer.BYTES * (1 + dimensions)
              + " bytes but has only "
              + header.length
              + " bytes");
    }
    DataInputStream fields = new DataInputStream(new ByteArrayInputStream(header));
    int magic = fields.readInt();
    if (magic != UNSIGNED_BYTES + dimensions) {
      throw new MalformedIdxException(
          String.format(
              "%s must begin with %08x, as unsigned bytes in %d %s do, but begins with %08x",
              file,
              UNSIGNED_BYTES + dimensions,
              dimensions,
              dimensions == 1 ? "dimension" : "dimensions",
              magic));
    }
    int[] shape = new int[dimensions];
    long length = 1;
    for (int dimension = 0; dimension < dimensions; dimension++) {
      shape[dimension] = fields.readInt();
      // The product of what went before is below 2^31, so this one does not overflow.
      length *= shape[dimension];
      if (shape[dimension] <= 0 || length > Integer.MAX_VALUE) {
        throw new MalformedIdxException(
            file
                + " must have dimensions > 0 and fewer than 2^31 values but has the dimensions "
                + Arrays.toString(Arrays.copyOf(shape, dimension + 1)));
      }
    }
    byte[] values = in.readNBytes((int) length);
    if (values.length < length) {
      throw new MalformedIdxException(
          file
              + " must have "
              + length
              + " values, as its dimensions "
              + Arrays.toString(shape)
              + " say, but has only "
              + values.length);
    }
    if (in.read() >= 0) {
      throw new MalformedIdxException(
          file
              + " must end after "
              + length
              + " values, as its dimensions "
              + Arrays.toString(shape)
              + " say, but goes on");
    }
    return new IdxFile(shape, values);
  }
}
