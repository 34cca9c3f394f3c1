package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Zip files as PyTorch writes them on other machines and for larger models. */
class ZipTest {

  @TempDir Path folder;

  /** The entries of a file, read by java.util.zip. */
  static Map<String, byte[]> entries(Path file) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
        ZipEntry entry = all.nextElement();
        entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
      }
    }
    return entries;
  }

  /** Writes entries with every size and place in zip64's fields. */
  static void zip64(Path file, Map<String, byte[]> entries) throws IOException {
    try (FileChannel channel = Pickle.open(file);
        ZipWriter zip = new ZipWriter(channel, 0)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.add(entry.getKey(), entry.getValue());
      }
    }
  }

  @Test
  void zip64IsRead() throws IOException {
    Map<String, byte[]> entries = entries(Golden.file("files/kinds.pt"));
    Path file = folder.resolve("zip64.pt");
    zip64(file, entries);
    // The fields of four bytes say nothing: all of them are full.
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(bytes.getInt(18)).isEqualTo(-1);
    assertThat(bytes.getInt(bytes.limit() - 6)).isEqualTo(-1);
    assertThat(entries(file)).usingRecursiveComparison().isEqualTo(entries);
    Same.assertSame(TorchFile.readValue(file), TorchFile.readValue(Golden.file("files/kinds.pt")));
  }

  @Test
  void bigEndianNumbersAreRead() throws IOException {
    for (String name : new String[] {"files/kinds_newer.pt", "files/values.pt"}) {
      Object little = TorchFile.readValue(Golden.file(name));
      Path file = folder.resolve("big.pt");
      Pickle.zip(file, bigEndian(Golden.file(name), (Dict) little));
      Dict big = TorchFile.read(file);
      assertThat(big.tensors()).isNotEmpty();
      assertThat(big.tensors().values())
          .allMatch(tensor -> tensor.storage().order() == ByteOrder.BIG_ENDIAN);
      Same.assertSame(big, little);
      // What is written is little-endian again.
      Path copy = folder.resolve("copy.pt");
      TorchFile.write(copy, big);
      Same.assertSame(TorchFile.readValue(copy), little);
      assertThat(new String(entries(copy).get("archive/byteorder"), StandardCharsets.US_ASCII))
          .isEqualTo("little");
    }
  }

  /** The entries of a file as a machine with the other byte order would have written them. */
  private static Map<String, byte[]> bigEndian(Path file, Dict value) throws IOException {
    Map<String, byte[]> entries = entries(file);
    String folder = entries.keySet().iterator().next();
    folder = folder.substring(0, folder.indexOf('/') + 1);
    entries.put(folder + "byteorder", "big".getBytes(StandardCharsets.US_ASCII));
    for (TorchTensor tensor : value.tensors().values()) {
      int size = tensor.dtype().component().itemSize();
      byte[] storage = new byte[(int) tensor.storage().size()];
      tensor.storage().slice(0, storage.length).get(storage);
      byte[] turned = new byte[storage.length];
      for (int i = 0; i < storage.length; i++) {
        turned[i / size * size + size - 1 - i % size] = storage[i];
      }
      entries.replaceAll(
          (name, bytes) ->
              name.contains("/data/") && Arrays.equals(bytes, storage) ? turned : bytes);
    }
    return entries;
  }

  @Test
  void anUnknownByteOrderIsRefused() throws IOException {
    Map<String, byte[]> entries = entries(Golden.file("files/kinds_newer.pt"));
    entries.put("archive/byteorder", "middle".getBytes(StandardCharsets.US_ASCII));
    Path file = folder.resolve("middle.pt");
    Pickle.zip(file, entries);
    assertThatThrownBy(() -> TorchFile.read(file))
        .isInstanceOf(TorchFileException.class)
        .hasMessage(file + " cannot be read: its byte order is neither little nor big but middle");
  }

  @Test
  void damageOfAnEntryIsNoticedBeforeAnythingIsReturned() throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.file("files/tensor.pt"));
    Path file = folder.resolve("damaged.pt");
    int data = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("\0\0\u0080?\0\0\0@");
    bytes[data + 2] ^= 1;
    Files.write(file, bytes);
    assertThatThrownBy(() -> TorchFile.readValue(file))
        .isInstanceOf(TorchFileException.class)
        .hasMessage(
            file + " cannot be read: its entry tensor/data/0 is damaged: the checksum is another");
  }

  @Test
  void checksumsThatWereLeftOutAreNotAsked() throws IOException {
    Path file = folder.resolve("unchecked.pt");
    byte[] bytes = Files.readAllBytes(Golden.file("files/tensor.pt"));
    ByteBuffer fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < bytes.length - 46; at++) {
      if (fields.getInt(at) == 0x02014b50) {
        fields.putInt(at + 16, 0);
      }
    }
    Files.write(file, bytes);
    assertThat(((TorchTensor) TorchFile.readValue(file)).toFloatArray()).containsExactly(1, 2);
  }

  @Test
  void dataIsAlignedAsTorchSaveAlignsIt() throws IOException {
    Path file = folder.resolve("aligned.pt");
    TorchFile.write(
        file,
        Map.of(
            "a", TorchTensor.of(new double[] {1.5}, 1), "b", TorchTensor.of(new float[] {2.5f})));
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int headers = 0;
    for (int at = 0; at < bytes.length - 30; at++) {
      if (fields.getInt(at) == 0x04034b50) {
        headers++;
        int data = at + 30 + fields.getShort(at + 26) + fields.getShort(at + 28);
        assertThat(data % 64).isZero();
      }
    }
    assertThat(headers).isEqualTo(5);
  }
}
