package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tensors of every kind, in every form, have the values that PyTorch gave them. */
class KindsTest {

  @ParameterizedTest
  @ValueSource(strings = {"kinds.pt", "kinds_legacy.pt", "kinds_newer.pt"})
  void tensorsOfEveryKindHaveTheirValues(String name) throws IOException {
    Dict kinds = TorchFile.read(Golden.file("files/" + name));
    assertThat(kinds.type()).isEqualTo(Dict.Type.ORDERED_DICT);
    assertKinds(kinds.byName());
    assertThat(kinds.tensor("parameter").isParameter()).isTrue();
    assertThat(kinds.tensor("parameter").requiresGrad()).isTrue();
    assertThat(kinds.tensor("double").isParameter()).isFalse();
    assertThat(kinds.tensor("double").requiresGrad()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"kinds.pt", "kinds_legacy.pt", "kinds_newer.pt"})
  void viewsOfOneStorageShareIt(String name) throws IOException {
    Dict kinds = TorchFile.read(Golden.file("files/" + name));
    TorchTensor shared = kinds.tensor("shared");
    for (String view : List.of("transposed", "row", "column", "strided")) {
      assertThat(kinds.tensor(view).sharesStorageWith(shared)).as(view).isTrue();
    }
    assertThat(kinds.tensor("double").sharesStorageWith(shared)).isFalse();
    assertThat(kinds.tensor("transposed").strides()).containsExactly(1, 4);
    assertThat(kinds.tensor("column").strides()).containsExactly(4);
    assertThat(kinds.tensor("strided").strides()).containsExactly(8, 2);
  }

  @Test
  void safetensorsHaveTheSameValues() throws IOException {
    Safetensors kinds = Safetensors.read(Golden.file("files/kinds.safetensors"));
    assertThat(kinds.metadata()).isEqualTo(Map.of("format", "pt"));
    assertKinds(kinds.tensors());
  }

  private static void assertKinds(Map<String, ?> kinds) throws IOException {
    JsonNode expected = Golden.kinds();
    List<String> names = new ArrayList<>();
    expected.fieldNames().forEachRemaining(names::add);
    assertThat(kinds.keySet()).containsExactlyInAnyOrderElementsOf(names);
    for (String name : names) {
      JsonNode kind = expected.get(name);
      TorchTensor tensor = (TorchTensor) kinds.get(name);
      assertThat(tensor.dtype().torchName()).as(name).isEqualTo(kind.get("dtype").asText());
      assertThat(tensor.shape()).as(name).isEqualTo(longs(kind.get("shape")));
      double[] values = doubles(kind.get("values"));
      assertThat(tensor.numel()).as(name).isEqualTo(values.length);
      assertThat(tensor.toDoubleArray()).as(name).isEqualTo(values);
      float[] floats = tensor.toFloatArray();
      assertThat(floats).as(name).hasSize(values.length);
      for (int i = 0; i < values.length; i++) {
        assertThat(floats[i]).as(name).isEqualTo((float) values[i]);
      }
      if (tensor.dtype().isInteger()) {
        long[] whole = tensor.toLongArray();
        for (int i = 0; i < values.length; i++) {
          assertThat(whole[i]).as(name).isEqualTo((long) values[i]);
        }
      }
      assertThat(tensor.asByteBuffer().remaining())
          .as(name)
          .isEqualTo(values.length * tensor.dtype().itemSize());
    }
  }

  private static long[] longs(JsonNode array) {
    long[] longs = new long[array.size()];
    for (int i = 0; i < longs.length; i++) {
      longs[i] = array.get(i).asLong();
    }
    return longs;
  }

  private static double[] doubles(JsonNode array) {
    double[] doubles = new double[array.size()];
    for (int i = 0; i < doubles.length; i++) {
      doubles[i] = array.get(i).asDouble();
    }
    return doubles;
  }
}
