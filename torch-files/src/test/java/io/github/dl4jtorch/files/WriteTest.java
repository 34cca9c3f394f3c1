package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written, and what is not. */
class WriteTest {

  @TempDir Path folder;

  @Test
  void valuesOfJavaAreWritten() throws IOException {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("byte", (byte) -1);
    value.put("short", (short) 300);
    value.put("int", 70000);
    value.put("long", 1L << 40);
    value.put("big", BigInteger.ONE.shiftLeft(100));
    value.put("small big", BigInteger.valueOf(-7));
    value.put("float", 0.5f);
    value.put("double", Double.MIN_VALUE);
    value.put("true", true);
    value.put("none", null);
    value.put("text", "größer\n");
    value.put("list", List.of(1, List.of()));
    value.put("tuple", Tuple.of(1, 2, 3, 4, null));
    value.put("map", Map.of(1, Map.of()));
    value.put("dtype", DType.FLOAT32);
    value.put("ordered", Dict.ordered(Map.of("a", 1)));
    value.put("counter", Dict.counter(Map.of(30, 1)));
    Path file = folder.resolve("values.pt");
    TorchFile.write(file, value);
    Dict read = TorchFile.read(file);
    assertThat(new ArrayList<>(read.byName().keySet())).isEqualTo(new ArrayList<>(value.keySet()));
    assertThat(read.get("byte")).isEqualTo(-1L);
    assertThat(read.get("short")).isEqualTo(300L);
    assertThat(read.get("int")).isEqualTo(70000L);
    assertThat(read.get("long")).isEqualTo(1L << 40);
    assertThat(read.get("big")).isEqualTo(BigInteger.ONE.shiftLeft(100));
    assertThat(read.get("small big")).isEqualTo(-7L);
    assertThat(read.get("float")).isEqualTo(0.5);
    assertThat(read.get("double")).isEqualTo(Double.MIN_VALUE);
    assertThat(read.get("true")).isEqualTo(true);
    assertThat(read.get("none")).isNull();
    assertThat(read.get("text")).isEqualTo("größer\n");
    assertThat(read.get("list")).isEqualTo(List.of(1L, List.of()));
    assertThat(read.get("tuple")).isInstanceOf(Tuple.class).hasToString("[1, 2, 3, 4, null]");
    assertThat(read.get("map")).isEqualTo(Map.of(1L, Map.of()));
    assertThat(read.dict("map").type()).isEqualTo(Dict.Type.DICT);
    assertThat(read.get("dtype")).isEqualTo(DType.FLOAT32);
    assertThat(read.dict("ordered").type()).isEqualTo(Dict.Type.ORDERED_DICT);
    assertThat(read.dict("counter").type()).isEqualTo(Dict.Type.COUNTER);
    assertThat(read.dict("counter")).isEqualTo(Map.of(30L, 1L));
  }

  @Test
  void whatIsNoValueIsRefusedAndNothingWritten() throws IOException {
    Path file = folder.resolve("refused.pt");
    assertThatThrownBy(
            () -> TorchFile.write(file, Map.of("a", List.of(1, Map.of("b", new StringBuilder())))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("at [a, 1, b]: java.lang.StringBuilder is nothing that can be written");
    assertThatThrownBy(() -> TorchFile.write(file, new double[1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("[D is nothing that can be written");
    assertThatThrownBy(() -> TorchFile.write(file, Map.of(List.of(1), 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the key [1] is none that can be read again");
    assertThatThrownBy(() -> TorchFile.write(file, "\uD83D"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a string has a half of a character, which UTF-8 cannot hold");
    assertThatThrownBy(() -> TorchFile.write(file, BigInteger.ONE.shiftLeft(8 * 255)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("an integer has 256 bytes, more than 255");
    TorchFile.write(file, Map.of("kept", 1));
    List<Object> deep = new ArrayList<>();
    for (int i = 0; i < 501; i++) {
      deep = new ArrayList<>(List.of(deep));
    }
    List<Object> deepest = deep;
    assertThatThrownBy(() -> TorchFile.write(file, deepest))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("at [0, 0, 0, 0]: maps and lists lie more than 500 deep in one another");
    assertThat(TorchFile.read(file)).isEqualTo(Map.of("kept", 1L));
    assertThat(files()).containsExactly("refused.pt");
  }

  @Test
  void aFileThatCannotBeWrittenLeavesTheOldOne() throws IOException {
    Path file = folder.resolve("kept.pt");
    TorchFile.write(file, Map.of("kept", 1));
    // A buffer whose bytes are gone stands for a disk that is full.
    TorchTensor broken =
        new TorchTensor(
            DType.FLOAT32,
            new long[] {4},
            new long[] {1},
            0,
            new Storage(DType.FLOAT32, 4, Storage.CPU),
            false,
            false);
    assertThatThrownBy(() -> TorchFile.write(file, Map.of("w", broken)))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(TorchFile.read(file)).isEqualTo(Map.of("kept", 1L));
    assertThat(files()).containsExactly("kept.pt");
    Path nowhere = folder.resolve("none").resolve("file.pt");
    assertThatThrownBy(() -> TorchFile.write(nowhere, null)).isInstanceOf(IOException.class);
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void newValuesTakeThePlaceOfThoseThatWereRead() throws IOException {
    Dict model = TorchFile.read(Golden.file("cnn_onecycle/initial.pt"));
    Map<Object, Object> changed = new LinkedHashMap<>(model);
    changed.put("fc.bias", TorchTensor.of(new double[10], 10));
    Path file = folder.resolve("changed.pt");
    TorchFile.write(file, Dict.ordered(changed).withAttributesOf(model));
    Dict read = TorchFile.read(file);
    assertThat(read.tensor("fc.bias").toDoubleArray()).containsOnly(0).hasSize(10);
    assertThat(read.attributes()).isEqualTo(model.attributes()).isNotEmpty();
    assertThat(read.type()).isEqualTo(Dict.Type.ORDERED_DICT);
  }

  @Test
  void aFileMayBeReplacedWhileItsTensorsAreInUse() throws IOException {
    double[] many = new double[1 << 18];
    many[many.length - 1] = 3;
    Path file = folder.resolve("replaced.pt");
    TorchFile.write(file, Map.of("w", TorchTensor.of(many, many.length)));
    TorchTensor before = TorchFile.read(file).tensor("w");
    TorchFile.write(file, Map.of("w", before, "epoch", 1));
    TorchFile.write(file, Map.of("w", TorchTensor.of(new double[] {1}, 1)));
    assertThat(before.toDoubleArray()).isEqualTo(many);
    assertThat(TorchFile.read(file).tensor("w").toDoubleArray()).containsExactly(1);
  }

  @Test
  void safetensorsRefuseWhatTheFormatDoesNotHave() {
    Path file = folder.resolve("refused.safetensors");
    TorchTensor complex = TorchTensor.of(DType.COMPLEX128, ByteBuffer.allocate(16));
    assertThatThrownBy(() -> new Safetensors(Map.of("c", complex), Map.of()).write(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "tensors must be of another kind than complex128 and not be named __metadata__ but"
                + " there was c, a TorchTensor[complex128, []]");
    assertThat(file).doesNotExist();
  }

  @Test
  void safetensorsAreAlignedAndTheirNamesMayBeAnything() throws IOException {
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    tensors.put("\"quoted\"\\\n\u00e4\uD83D\uDD25", TorchTensor.of(DType.INT8, bytes(3), 3));
    tensors.put("double", TorchTensor.of(new double[] {1, 2}, 2, 1));
    tensors.put("empty", TorchTensor.of(new float[0], 0, 7));
    tensors.put("float8", TorchTensor.of(DType.FLOAT8_E5M2, bytes(2), 2));
    tensors.put("long", TorchTensor.of(new long[] {-1}));
    Map<String, String> metadata = Map.of("key \"1\"", "value\t\u0001");
    Path file = folder.resolve("names.safetensors");
    new Safetensors(tensors, metadata).write(file);
    Safetensors read = Safetensors.read(file);
    assertThat(read.metadata()).isEqualTo(metadata);
    assertThat(read.tensors().keySet()).isEqualTo(tensors.keySet());
    tensors.forEach(
        (name, tensor) -> {
          assertThat(read.tensors().get(name).asByteBuffer()).isEqualTo(tensor.asByteBuffer());
          assertThat(read.tensors().get(name).shape()).isEqualTo(tensor.shape());
        });
    byte[] header = Files.readAllBytes(file);
    assertThat(header[0] % 8).isZero();
    assertThat(new ArrayList<>(read.tensors().keySet()).get(0)).isEqualTo("double");
  }

  private static ByteBuffer bytes(int count) {
    return ByteBuffer.allocate(count);
  }
}
