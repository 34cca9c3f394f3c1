package io.github.dl4jtorch.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@code .safetensors} file: tensors by name, and a few words about them.
 *
 * <pre>{@code
 * Safetensors model = Safetensors.read(Path.of("model.safetensors"));
 * float[] weight = model.tensors().get("fc.weight").toFloatArray();
 * new Safetensors(model.tensors(), Map.of("format", "pt")).write(Path.of("copy.safetensors"));
 * }</pre>
 *
 * <p>The format has neither views nor checksums: tensors that share a storage are written one by
 * one, and damaged numbers are not noticed. A file that was read is mapped into memory and must not
 * be written to while its tensors are in use.
 *
 * @param tensors the tensors by name, in their order
 * @param metadata the words, mostly {@code format} and {@code pt}; may be empty
 */
public record Safetensors(Map<String, TorchTensor> tensors, Map<String, String> metadata) {

  /** The entry of the header that is no tensor. */
  static final String METADATA = "__metadata__";

  /** The longest header that the format allows. */
  private static final long LONGEST_HEADER = 100_000_000;

  /** What a tensor takes in memory beside its name, about. */
  private static final int MEMORY = 320;

  private static final int LENGTH = 8;

  /**
   * Copies the maps.
   *
   * @param tensors the tensors by name, in their order
   * @param metadata the words, mostly {@code format} and {@code pt}; may be empty
   */
  public Safetensors {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /**
   * Reads a file.
   *
   * @param file a {@code .safetensors} file
   * @return its tensors, whose elements stay in the file until they are asked for, and its metadata
   * @throws TorchFileException if there is no such file, it is damaged, or it is something else
   */
  public static Safetensors read(Path file) throws TorchFileException {
    InputFile in = InputFile.open(file);
    if (!isOne(in)) {
      throw in.refusal("it is no file of safetensors, or its beginning is damaged");
    }
    ByteReader length = in.reader(0, LENGTH);
    long headerSize = length.i64();
    long start = LENGTH + headerSize;
    HeaderReader header =
        new HeaderReader(in, in.reader(LENGTH, headerSize).text(headerSize), in.size() - start);
    header.read();
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    long end = 0;
    for (HeaderReader.Entry entry : header.inOrder()) {
      if (entry.from() != end) {
        throw in.refusal("its tensor " + entry.name() + " does not follow the one before it");
      }
      end = entry.to();
      long[] shape = entry.sizes();
      in.charge(MEMORY);
      Storage storage =
          new Storage(
              entry.dtype(), (entry.to() - entry.from()) / entry.dtype().itemSize(), Storage.CPU);
      storage.place(
          in.bytes().part(start + entry.from(), end - entry.from()), ByteOrder.LITTLE_ENDIAN);
      tensors.put(
          entry.name(),
          new TorchTensor(
              entry.dtype(), shape, TorchTensor.contiguous(shape), 0, storage, false, false));
    }
    if (start + end != in.size()) {
      throw in.refusal(
          "its tensors have " + end + " bytes, and " + (in.size() - start) + " follow its header");
    }
    return new Safetensors(tensors, header.metadata());
  }

  /** Tells whether a file begins with the length of a header and a brace. */
  static boolean isOne(InputFile in) throws TorchFileException {
    if (in.size() <= LENGTH) {
      return false;
    }
    ByteReader start = in.reader(0, LENGTH + 1);
    long headerSize = start.i64();
    return headerSize > 0
        && headerSize <= Math.min(LONGEST_HEADER, in.size() - LENGTH)
        && start.u8() == '{';
  }

  /**
   * Writes a file. It is moved into place when it is complete, so that a crash leaves the old file
   * or the new one.
   *
   * @param file the file, which is replaced if it is there
   * @throws IllegalArgumentException if a tensor is of a kind that the format does not have
   *     (complex128), or is named {@code __metadata__}; no file is written then
   * @throws IOException if the file cannot be written
   */
  public void write(Path file) throws IOException {
    List<Map.Entry<String, TorchTensor>> inOrder = new ArrayList<>(tensors.entrySet());
    // The largest elements first, so that all of them are aligned.
    inOrder.sort(Comparator.comparing(entry -> -entry.getValue().dtype().itemSize()));
    byte[] header = header(inOrder).getBytes(StandardCharsets.UTF_8);
    OutputFile.write(
        file,
        channel -> {
          ByteBuffer length = ByteBuffer.allocate(LENGTH).order(ByteOrder.LITTLE_ENDIAN);
          writeAll(channel, length.putLong(header.length).flip());
          writeAll(channel, ByteBuffer.wrap(header));
          for (Map.Entry<String, TorchTensor> entry : inOrder) {
            entry.getValue().writeTo(channel);
          }
        });
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private String header(List<Map.Entry<String, TorchTensor>> inOrder) {
    List<String> entries = new ArrayList<>();
    if (!metadata.isEmpty()) {
      List<String> words = new ArrayList<>();
      metadata.forEach((key, value) -> words.add(quoted(key) + ":" + quoted(value)));
      entries.add(quoted(METADATA) + ":{" + String.join(",", words) + "}");
    }
    long end = 0;
    for (Map.Entry<String, TorchTensor> entry : inOrder) {
      TorchTensor tensor = entry.getValue();
      String dtype = tensor.dtype().safetensorsName();
      if (dtype == null || entry.getKey().equals(METADATA)) {
        throw new IllegalArgumentException(
            "tensors must be of another kind than complex128 and not be named "
                + METADATA
                + " but there was "
                + entry.getKey()
                + ", a "
                + tensor);
      }
      long start = end;
      end += tensor.numel() * tensor.dtype().itemSize();
      List<String> shape = new ArrayList<>();
      for (long size : tensor.shape()) {
        shape.add(Long.toString(size));
      }
      entries.add(
          quoted(entry.getKey())
              + ":{\"dtype\":\""
              + dtype
              + "\",\"shape\":["
              + String.join(",", shape)
              + "],\"data_offsets\":["
              + start
              + ","
              + end
              + "]}");
    }
    String json = "{" + String.join(",", entries) + "}";
    int bytes = json.getBytes(StandardCharsets.UTF_8).length;
    return json + " ".repeat(-bytes & 7);
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char letter = text.charAt(i);
      if (letter == '"' || letter == '\\') {
        quoted.append('\\').append(letter);
      } else if (letter < ' ' || Character.isSurrogate(letter)) {
        quoted.append(String.format("\\u%04x", (int) letter));
      } else {
        quoted.append(letter);
      }
    }
    return quoted.append('"').toString();
  }
}
