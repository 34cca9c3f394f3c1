package io.github.dl4jtorch.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/** Puts a pickle together by hand, and zip files around one. */
final class Pickle {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  Pickle() {
    op(0x80, 2);
  }

  Pickle op(int... opcodes) {
    for (int opcode : opcodes) {
      out.write(opcode);
    }
    return this;
  }

  Pickle i32(int value) {
    return op(value, value >> 8, value >> 16, value >> 24);
  }

  Pickle global(String module, String name) {
    op('c');
    out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
    return this;
  }

  Pickle text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    op('X').i32(bytes.length);
    out.writeBytes(bytes);
    return this;
  }

  Pickle integer(long value) {
    op(0x8A, 8);
    out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    return this;
  }

  Pickle longs(long... values) {
    op('(');
    for (long value : values) {
      integer(value);
    }
    return op('t');
  }

  /** A storage by its persistent id. */
  Pickle storage(String type, String key, long numel) {
    op('(').text("storage").global("torch", type).text(key).text("cpu").integer(numel);
    return op('t', 'Q');
  }

  /** A tensor over four floats. */
  Pickle tensor(long offset, long[] shape, long[] strides) {
    global("torch._utils", "_rebuild_tensor_v2").op('(').storage("FloatStorage", "0", 4);
    integer(offset).longs(shape).longs(strides).op(0x89);
    return global("collections", "OrderedDict").op(')', 'R', 't', 'R');
  }

  int size() {
    return out.size();
  }

  byte[] toArray() {
    return out.toByteArray();
  }

  /** Writes a file that has this for its pickle, and a storage of four floats. */
  void writeTo(Path file) throws IOException {
    byte[] floats = new byte[16];
    ByteBuffer.wrap(floats).order(ByteOrder.LITTLE_ENDIAN).putFloat(1).putFloat(2).putFloat(3);
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("a/data.pkl", op('.').toArray());
    entries.put("a/data/0", floats);
    zip(file, entries);
  }

  /** Writes a zip file. */
  static void zip(Path file, Map<String, byte[]> entries) throws IOException {
    try (FileChannel channel = open(file);
        ZipWriter zip = new ZipWriter(channel)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.add(entry.getKey(), entry.getValue());
      }
    }
  }

  static FileChannel open(Path file) throws IOException {
    return FileChannel.open(
        file,
        StandardOpenOption.CREATE,
        StandardOpenOption.TRUNCATE_EXISTING,
        StandardOpenOption.WRITE);
  }
}
