package io.github.dl4jtorch.tensorboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.nd4j.shade.protobuf.CodedInputStream;
import org.tensorflow.framework.Summary;

/**
 * Reads event files with Google's protocol buffers and TensorFlow's own classes, of which ND4J
 * carries those of summaries, and with a checksum computed bit by bit.
 */
final class Events {

  private Events() {}

  /** Returns the event files of a folder in the order in which TensorBoard reads them. */
  static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  /** Returns a line for each event of a file: its time, its step, what it says. */
  static List<String> read(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<String> lines = new ArrayList<>();
    while (bytes.hasRemaining()) {
      int start = bytes.position();
      int length = Math.toIntExact(bytes.getLong());
      assertThat(bytes.getInt()).isEqualTo(masked(bytes.array(), start, Long.BYTES));
      start = bytes.position();
      bytes.position(start + length);
      assertThat(bytes.getInt()).isEqualTo(masked(bytes.array(), start, length));
      lines.add(event(Arrays.copyOfRange(bytes.array(), start, start + length)));
    }
    return lines;
  }

  private static String event(byte[] bytes) throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(bytes);
    double time = Double.NaN;
    long step = 0;
    List<String> said = new ArrayList<>();
    for (int key = in.readTag(); key != 0; key = in.readTag()) {
      switch (key >>> 3) {
        case 1 -> time = in.readDouble();
        case 2 -> step = in.readInt64();
        case 3 -> said.add("version " + in.readString());
        case 5 -> said.addAll(summary(Summary.parseFrom(in.readByteArray())));
        case 7 -> said.add(session(in.readByteArray()));
        default -> throw new AssertionError("field " + (key >>> 3));
      }
    }
    return time + " " + step + " " + String.join(", ", said);
  }

  private static List<String> summary(Summary summary) {
    assertThat(summary.getUnknownFields().asMap()).isEmpty();
    return summary.getValueList().stream().map(Events::value).toList();
  }

  private static String value(Summary.Value value) {
    assertThat(value.getUnknownFields().asMap()).isEmpty();
    return switch (value.getValueCase()) {
      case SIMPLE_VALUE -> value.getTag() + "=" + value.getSimpleValue();
      case IMAGE ->
          value.getTag()
              + ": "
              + value.getImage().getWidth()
              + "x"
              + value.getImage().getHeight()
              + " of "
              + value.getImage().getColorspace();
      default -> throw new AssertionError(value.getValueCase());
    };
  }

  private static String session(byte[] bytes) throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(bytes);
    assertThat(in.readTag()).isEqualTo(1 << 3);
    int status = in.readEnum();
    assertThat(in.isAtEnd()).isTrue();
    return status == 1 ? "start" : "status " + status;
  }

  private static int masked(byte[] bytes, int offset, int length) {
    int crc = ~0;
    for (int i = offset; i < offset + length; i++) {
      crc ^= bytes[i] & 0xFF;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc >>> 1) ^ ((crc & 1) == 0 ? 0 : 0x82F63B78); // Castagnoli's polynomial, reversed.
      }
    }
    crc = ~crc;
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }
}
