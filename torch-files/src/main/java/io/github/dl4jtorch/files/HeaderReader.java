package io.github.dl4jtorch.files;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the header of a safetensors file: JSON of one shape only, so that nothing else need be
 * understood.
 */
final class HeaderReader {

  /** The longest shape that PyTorch has. */
  private static final int DIMENSIONS = 64;

  /** A tensor, and where its bytes are after the header. */
  record Entry(String name, DType dtype, List<Long> shape, long from, long to) {

    long[] sizes() {
      return shape.stream().mapToLong(Long::longValue).toArray();
    }
  }

  private final InputFile file;
  private final String json;
  private final long dataSize;
  private int at;
  private final List<Entry> entries = new ArrayList<>();
  private final Set<String> names = new LinkedHashSet<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  HeaderReader(InputFile file, String json, long dataSize) {
    this.file = file;
    this.json = json;
    this.dataSize = dataSize;
  }

  void read() throws TorchFileException {
    members(
        key -> {
          file.charge(192L + 2L * key.length());
          if (!names.add(key)) {
            throw malformed("has " + key + " twice");
          }
          if (key.equals(Safetensors.METADATA)) {
            members(this::readWord);
          } else {
            readTensor(key);
          }
        });
    skipBlanks();
    if (at != json.length()) {
      throw malformed("goes on after its end");
    }
  }

  List<Entry> inOrder() {
    // Empty tensors stand before the one that begins where they do.
    entries.sort(Comparator.comparingLong(Entry::from).thenComparingLong(Entry::to));
    return entries;
  }

  Map<String, String> metadata() {
    return metadata;
  }

  private void readWord(String key) throws TorchFileException {
    file.charge(192);
    if (metadata.put(key, string()) != null) {
      throw malformed("has " + key + " twice");
    }
  }

  private void readTensor(String name) throws TorchFileException {
    Fields fields = new Fields();
    members(
        key -> {
          boolean first =
              switch (key) {
                case "dtype" -> {
                  boolean none = fields.dtype == null;
                  fields.dtype = string();
                  yield none;
                }
                case "shape" -> {
                  boolean none = fields.shape == null;
                  fields.shape = numbers();
                  yield none;
                }
                case "data_offsets" -> {
                  boolean none = fields.offsets == null;
                  fields.offsets = numbers();
                  yield none;
                }
                default -> false;
              };
          if (!first) {
            throw malformed("has " + key + " where it should not be");
          }
        });
    List<Long> shape = fields.shape;
    List<Long> offsets = fields.offsets;
    if (fields.dtype == null || shape == null || offsets == null || offsets.size() != 2) {
      throw malformed("does not say dtype, shape and two data_offsets of " + name);
    }
    DType dtype = DType.ofSafetensorsName(fields.dtype);
    if (dtype == null) {
      throw file.refusal(
          "its tensor " + name + " is of the kind " + fields.dtype + ", which is not known here");
    }
    Entry entry = new Entry(name, dtype, shape, offsets.get(0), offsets.get(1));
    requireFit(entry);
    entries.add(entry);
  }

  private void requireFit(Entry entry) throws TorchFileException {
    if (entry.from > entry.to || entry.to > dataSize) {
      throw file.refusal("its tensor " + entry.name + " goes beyond the end of the file");
    }
    long bytes;
    try {
      bytes = Math.multiplyExact(TorchTensor.numel(entry.sizes()), entry.dtype.itemSize());
    } catch (ArithmeticException tooLarge) {
      throw file.refusal("its tensor " + entry.name + " has a size that no long holds", tooLarge);
    }
    if (bytes != entry.to - entry.from) {
      throw file.refusal(
          "its tensor "
              + entry.name
              + " has "
              + (entry.to - entry.from)
              + " bytes, and its shape asks for "
              + bytes);
    }
  }

  /** What has been read of a tensor. */
  private static final class Fields {
    private @Nullable String dtype;
    private @Nullable List<Long> shape;
    private @Nullable List<Long> offsets;
  }

  @FunctionalInterface
  private interface Member {
    /** Reads the value of a key. */
    void read(String key) throws TorchFileException;
  }

  private void members(Member member) throws TorchFileException {
    expect('{');
    if (tryTake('}')) {
      return;
    }
    do {
      String key = string();
      expect(':');
      member.read(key);
    } while (tryTake(','));
    expect('}');
  }

  private List<Long> numbers() throws TorchFileException {
    expect('[');
    if (tryTake(']')) {
      return List.of();
    }
    List<Long> numbers = new ArrayList<>();
    do {
      if (numbers.size() == DIMENSIONS) {
        throw malformed("has a shape of more than " + DIMENSIONS + " dimensions");
      }
      numbers.add(number());
    } while (tryTake(','));
    expect(']');
    return numbers;
  }

  private long number() throws TorchFileException {
    skipBlanks();
    int start = at;
    while (at < json.length() && json.charAt(at) >= '0' && json.charAt(at) <= '9') {
      at++;
    }
    try {
      return Long.parseLong(json, start, at, 10);
    } catch (NumberFormatException noLong) {
      throw malformed("has no number that a long holds");
    }
  }

  private String string() throws TorchFileException {
    expect('"');
    StringBuilder text = new StringBuilder();
    while (at < json.length() && json.charAt(at) != '"') {
      char letter = json.charAt(at++);
      if (letter < ' ') {
        throw malformed("has a control character in a string");
      }
      text.append(letter == '\\' ? escaped() : letter);
    }
    expectHere('"');
    file.charge(48 + 2L * text.length());
    return text.toString();
  }

  private char escaped() throws TorchFileException {
    char letter = at < json.length() ? json.charAt(at++) : ' ';
    return switch (letter) {
      case '"', '\\', '/' -> letter;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> hexadecimal();
      default -> throw malformed("has a backslash before nothing that takes one");
    };
  }

  private char hexadecimal() throws TorchFileException {
    int end = at + 4;
    int code = 0;
    while (at < end) {
      int digit = at < json.length() ? Character.digit(json.charAt(at++), 16) : -1;
      if (digit < 0) {
        throw malformed("has a \\u without four digits");
      }
      code = code << 4 | digit;
    }
    return (char) code;
  }

  private void expect(char wanted) throws TorchFileException {
    skipBlanks();
    expectHere(wanted);
  }

  private void expectHere(char wanted) throws TorchFileException {
    if (at == json.length() || json.charAt(at) != wanted) {
      throw malformed("has no " + wanted);
    }
    at++;
  }

  private boolean tryTake(char wanted) {
    skipBlanks();
    if (at < json.length() && json.charAt(at) == wanted) {
      at++;
      return true;
    }
    return false;
  }

  private void skipBlanks() {
    while (at < json.length() && " \t\r\n".indexOf(json.charAt(at)) >= 0) {
      at++;
    }
  }

  private TorchFileException malformed(String what) {
    return file.refusal("its header " + what + ", at character " + at);
  }
}
