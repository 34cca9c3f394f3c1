package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxFileTest {

  private static final byte[] VALUES = {0, 1, 127, -128, -1, 42};

  @TempDir private Path folder;

  private Path write(String name, byte[]... parts) throws IOException {
    return Files.write(folder.resolve(name), IdxFiles.bytes(parts));
  }

  private void refuses(Path file, int dimensions, String message) {
    assertThatExceptionOfType(MalformedIdxException.class)
        .isThrownBy(() -> IdxFile.read(file, dimensions))
        .withMessage(message);
  }

  @Test
  void readsEveryByte() throws IOException {
    Path file = write("a", IdxFiles.header(0x803, 1, 2, 3), VALUES);

    IdxFile read = IdxFile.read(file, 3);

    assertThat(read.shape()).containsExactly(1, 2, 3);
    assertThat(read.values()).containsExactly(VALUES);
  }

  @Test
  void readsEveryByteOfACompressedFile() throws IOException {
    write("a.gz", IdxFiles.zipped(IdxFiles.bytes(IdxFiles.header(0x801, 6), VALUES)));

    IdxFile read = IdxFile.read(folder.resolve("a"), 1);

    assertThat(read.shape()).containsExactly(6);
    assertThat(read.values()).containsExactly(VALUES);
  }

  @Test
  void refusesAFileThatIsNotThere() {
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> IdxFile.read(folder.resolve("a"), 1))
        .withMessage(folder.resolve("a") + "[.gz]");
  }

  @Test
  void refusesAnotherKindOfFile() throws IOException {
    Path file = write("a", IdxFiles.header(0x801, 6), VALUES, VALUES);
    refuses(
        file,
        3,
        file
            + " must begin with 00000803, as unsigned bytes in 3 dimensions do, but begins with"
            + " 00000801");

    Path floats = write("b", IdxFiles.header(0xD01, 6), VALUES);
    refuses(
        floats,
        1,
        floats
            + " must begin with 00000801, as unsigned bytes in 1 dimension do, but begins with"
            + " 00000d01");
  }

  @Test
  void refusesAHeaderCutShort() throws IOException {
    Path file = write("a", Arrays.copyOf(IdxFiles.header(0x803, 1, 2, 3), 15));
    refuses(file, 3, file + " must begin with a header of 16 bytes but has only 15 bytes");

    Path empty = write("b");
    refuses(empty, 1, empty + " must begin with a header of 8 bytes but has only 0 bytes");
  }

  @Test
  void refusesDimensionsThatCannotBe() throws IOException {
    Path negative = write("a", IdxFiles.header(0x803, 1, -2, -3), VALUES);
    refuses(
        negative,
        3,
        negative
            + " must have dimensions > 0 and fewer than 2^31 values but has the dimensions [1, -2]");

    Path none = write("b", IdxFiles.header(0x801, 0));
    refuses(
        none,
        1,
        none + " must have dimensions > 0 and fewer than 2^31 values but has the dimensions [0]");

    // Multiplied in 32 bits, this is 0.
    Path large = write("c", IdxFiles.header(0x803, 1 << 16, 1 << 16, 1 << 16), VALUES);
    refuses(
        large,
        3,
        large
            + " must have dimensions > 0 and fewer than 2^31 values but has the dimensions [65536,"
            + " 65536]");
  }

  @Test
  void refusesValuesThatAreMissingOrTooMany() throws IOException {
    Path fewer = write("a", IdxFiles.header(0x803, 1, 2, 4), VALUES);
    refuses(
        fewer, 3, fewer + " must have 8 values, as its dimensions [1, 2, 4] say, but has only 6");

    // Nothing is set aside for what is not there.
    Path far = write("b", IdxFiles.header(0x801, Integer.MAX_VALUE), VALUES);
    refuses(
        far,
        1,
        far + " must have 2147483647 values, as its dimensions [2147483647] say, but has only 6");

    Path more = write("c", IdxFiles.header(0x801, 5), VALUES);
    refuses(more, 1, more + " must end after 5 values, as its dimensions [5] say, but goes on");
  }

  @Test
  void refusesDamagedCompression() throws IOException {
    Path plain = write("a.gz", IdxFiles.header(0x801, 6), VALUES);
    refuses(
        folder.resolve("a"), 1, plain + " must be compressed by gzip but is not, or is damaged");

    byte[] zipped = IdxFiles.zipped(IdxFiles.bytes(IdxFiles.header(0x801, 6), VALUES));
    Path cut = write("b.gz", Arrays.copyOf(zipped, zipped.length - 9));
    refuses(folder.resolve("b"), 1, cut + " ends in the middle of its compressed data");

    zipped[zipped.length - 6] ^= 1;
    Path damaged = write("c.gz", zipped);
    refuses(
        folder.resolve("c"), 1, damaged + " must be compressed by gzip but is not, or is damaged");
  }
}
