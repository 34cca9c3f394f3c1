package io.github.dl4jtorch.schedules;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * Many numbers in few bytes, exactly, as plain values for a map: the bits of doubles as whole
 * numbers, of which differences are taken again and again while that pays, as it does where the
 * numbers are smooth; then all first bytes, all second bytes and so on, deflated, in base 64.
 */
final class PackedNumbers {

  /** As many numbers are packed, and fewer left for people to read. */
  static final int WORTHWHILE = 256;

  private static final int MOST_DIFFERENCES = 3;

  /** Deflate makes at most about a thousand bytes of one. */
  private static final int MOST_BYTES_OF_ONE = 1100;

  private PackedNumbers() {}

  static Map<String, Object> pack(List<Double> numbers) {
    long[] bits = numbers.stream().mapToLong(Double::doubleToLongBits).toArray();
    long[] narrowest = bits.clone();
    int differences = 0;
    for (int order = 1; order <= MOST_DIFFERENCES; order++) {
      for (int i = bits.length - 1; i > 0; i--) {
        bits[i] -= bits[i - 1];
      }
      if (width(bits) < width(narrowest)) {
        differences = order;
        narrowest = bits.clone();
      }
    }
    return Entries.of("count", numbers.size())
        .with("differences", differences)
        .with("deflated", Base64.getEncoder().encodeToString(deflate(narrowest)))
        .toMap();
  }

  /** Counts the bits that the numbers need, by which deflating goes without trying it. */
  private static long width(long[] numbers) {
    return LongStream.of(numbers)
        .map(number -> Long.SIZE - Long.numberOfLeadingZeros(number < 0 ? -number : number))
        .sum();
  }

  /**
   * Reads numbers that were packed.
   *
   * @throws MalformedDataException if they were not
   */
  static List<Double> unpack(Arguments packed) {
    int count = packed.integer("count");
    int differences = packed.integer("differences");
    if (differences < 0 || differences > MOST_DIFFERENCES) {
      throw packed.malformed(
          "\"differences\" must be >= 0 and <= " + MOST_DIFFERENCES + " but was " + differences);
    }
    if (!(packed.value("deflated") instanceof String text)) {
      throw packed.malformed("\"deflated\" must be a text");
    }
    packed.refuseUnknown();
    long[] bits = inflate(packed, text, count);
    for (int order = 0; order < differences; order++) {
      for (int i = 1; i < bits.length; i++) {
        bits[i] += bits[i - 1];
      }
    }
    List<Double> numbers = new ArrayList<>(count);
    for (long number : bits) {
      numbers.add(Double.longBitsToDouble(number));
    }
    return numbers;
  }

  static boolean isPacked(@Nullable Object value) {
    return value instanceof Map<?, ?> map && map.containsKey("deflated");
  }

  /** Returns the numbers that a value holds if it is packed, and any other as it is. */
  static @Nullable Object unpacked(@Nullable Object value) {
    return value instanceof Map<?, ?> map && isPacked(value)
        ? unpack(new Arguments("table", map))
        : value;
  }

  private static byte[] deflate(long[] numbers) {
    Deflater deflater = new Deflater();
    try {
      deflater.setInput(byPlace(numbers));
      deflater.finish();
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] part = new byte[8192];
      while (!deflater.finished()) {
        out.write(part, 0, deflater.deflate(part));
      }
      return out.toByteArray();
    } finally {
      deflater.end();
    }
  }

  private static byte[] byPlace(long[] numbers) {
    byte[] bytes = new byte[Math.multiplyExact(numbers.length, Long.BYTES)];
    for (int i = 0; i < numbers.length; i++) {
      for (int place = 0; place < Long.BYTES; place++) {
        bytes[place * numbers.length + i] = (byte) (numbers[i] >>> (Byte.SIZE * place));
      }
    }
    return bytes;
  }

  private static long[] inflate(Arguments packed, String text, int count) {
    Inflater inflater = new Inflater();
    try {
      byte[] deflated = Base64.getDecoder().decode(text);
      // Before there is room for as many numbers as a forged file may say.
      if (count < 1 || count > (long) deflated.length * MOST_BYTES_OF_ONE / Long.BYTES) {
        throw notAsMany(packed, count);
      }
      byte[] bytes = new byte[Math.multiplyExact(count, Long.BYTES)];
      inflater.setInput(deflated);
      int length = inflater.inflate(bytes);
      if (length != bytes.length || inflater.inflate(new byte[1]) != 0 || !inflater.finished()) {
        throw notAsMany(packed, count);
      }
      long[] numbers = new long[count];
      for (int i = 0; i < count; i++) {
        for (int place = 0; place < Long.BYTES; place++) {
          numbers[i] |= (bytes[place * count + i] & 0xffL) << (Byte.SIZE * place);
        }
      }
      return numbers;
    } catch (DataFormatException | IllegalArgumentException | ArithmeticException damaged) {
      throw notAsMany(packed, count);
    } finally {
      inflater.end();
    }
  }

  private static MalformedDataException notAsMany(Arguments packed, int count) {
    return packed.malformed("\"deflated\" must hold " + count + " numbers but does not");
  }
}
