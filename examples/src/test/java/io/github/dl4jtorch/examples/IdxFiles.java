package io.github.dl4jtorch.examples;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/** Writes small files as those of MNIST. */
final class IdxFiles {

  private IdxFiles() {}

  static byte[] header(int magic, int... dimensions) {
    ByteBuffer header = ByteBuffer.allocate(4 * (1 + dimensions.length)).putInt(magic);
    for (int dimension : dimensions) {
      header.putInt(dimension);
    }
    return header.array();
  }

  static byte[] bytes(byte[]... parts) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.write(part);
    }
    return all.toByteArray();
  }

  static byte[] zipped(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  /** Writes the four files: images of 6 by 6 random pixels, brighter where the class is higher. */
  static void write(Path folder, int train, int test) throws IOException {
    Random random = new Random(5);
    write(folder, "train", train, random);
    write(folder, "t10k", test, random);
  }

  private static void write(Path folder, String part, int count, Random random) throws IOException {
    byte[] labels = new byte[count];
    byte[] pixels = new byte[count * 36];
    for (int image = 0; image < count; image++) {
      labels[image] = (byte) (image % 10);
      for (int pixel = 0; pixel < 36; pixel++) {
        pixels[image * 36 + pixel] = (byte) (20 * labels[image] + random.nextInt(70));
      }
    }
    Files.write(
        folder.resolve(part + "-images-idx3-ubyte"), bytes(header(0x803, count, 6, 6), pixels));
    Files.write(
        folder.resolve(part + "-labels-idx1-ubyte.gz"),
        zipped(bytes(header(0x801, count), labels)));
  }
}
