package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is in a file beside tensors, and tensors of rarer kinds. */
class ValuesTest {

  @Test
  void plainValuesAreThoseOfJava() throws IOException {
    Dict plain = TorchFile.read(Golden.file("files/plain.pt"));
    assertThat(plain.type()).isEqualTo(Dict.Type.DICT);
    assertThat(plain.get("epoch")).isEqualTo(3L);
    assertThat(plain.get("lr")).isEqualTo(0.001);
    assertThat(plain.get("name")).isEqualTo("a");
    assertThat(plain.containsKey("none")).isTrue();
    assertThat(plain.get("none")).isNull();
    assertThat(plain.get("tuple")).isInstanceOf(Tuple.class).isEqualTo(List.of(1L, 2.5));
    assertThat(plain.get("list")).isNotInstanceOf(Tuple.class).isEqualTo(List.of(true, 2L));
    assertThat(plain.get("big")).isEqualTo(BigInteger.TWO.pow(70));
    assertThat(plain.dict("nested").dict("a").tensor("b").numel()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"values.pt", "values_protocol4.pt"})
  void rarerValuesToo(String name) throws IOException {
    Dict values = TorchFile.read(Golden.file("files/" + name));
    assertThat(values.get("size")).isEqualTo(List.of(2L, 3L));
    assertThat(values.get("dtype")).isEqualTo(DType.BFLOAT16);
    assertThat(values.dict("counter").type()).isEqualTo(Dict.Type.COUNTER);
    assertThat(values.get("counter")).isEqualTo(Map.of(30L, 1L, 80L, 2L));
    assertThat(values.get("numbers"))
        .isEqualTo(
            List.of(
                0L,
                255L,
                256L,
                65535L,
                65536L,
                -1L,
                0x7FFFFFFFL,
                -0x80000000L,
                0x80000000L,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                BigInteger.TWO.pow(63),
                BigInteger.TWO.pow(70).negate(),
                0.1,
                Double.POSITIVE_INFINITY,
                -0.0));
    assertThat(values.get("text")).isEqualTo("naïve \u2014 \uD83D\uDD25\n");
    Map<Object, Object> tupleKeys = new LinkedHashMap<>();
    tupleKeys.put(Tuple.of(1L, "a"), true);
    tupleKeys.put(Tuple.of(), null);
    assertThat(values.get("tuple_keys")).isEqualTo(tupleKeys);
    List<?> shared = (List<?>) values.get("shared");
    assertThat(shared.get(0)).isEqualTo(List.of(1L)).isSameAs(shared.get(1));
    assertThat(values.dict("metadata").attributes())
        .isEqualTo(Map.of("_metadata", Map.of("version", 2L)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"values.pt", "values_protocol4.pt"})
  void complexNumbersAreRealAndImaginaryPartByTurns(String name) throws IOException {
    Dict values = TorchFile.read(Golden.file("files/" + name));
    TorchTensor complex64 = values.tensor("complex64");
    assertThat(complex64.dtype()).isEqualTo(DType.COMPLEX64);
    assertThat(complex64.numel()).isEqualTo(2);
    assertThat(complex64.toFloatArray()).containsExactly(1, 2, -3.5f, 0.25f);
    assertThat(complex64.toDoubleArray()).containsExactly(1, 2, -3.5, 0.25);
    assertThat(values.tensor("complex128").toDoubleArray())
        .containsExactly(1, 2, -3.5, 0.25, 0.1, -0.2, 1e300, 1e-300);
    assertThat(values.tensor("complex_transposed").toDoubleArray())
        .containsExactly(1, 2, 0.1, -0.2, -3.5, 0.25, 1e300, 1e-300);
  }

  @Test
  void elementsComeInRowMajorOrderWhateverTheStrides() throws IOException {
    Dict values = TorchFile.read(Golden.file("files/values.pt"));
    assertThat(values.tensor("expanded").strides()).containsExactly(0);
    assertThat(values.tensor("expanded").toDoubleArray()).containsExactly(7, 7, 7);
    assertThat(values.tensor("sliced").toDoubleArray()).containsExactly(4, 6, 8, 10);
    assertThat(values.tensor("sliced").sharesStorageWith(values.tensor("base"))).isTrue();
    double[] counting = new double[24];
    Arrays.setAll(counting, i -> i);
    assertThat(values.tensor("channels_last").strides()).containsExactly(24, 1, 8, 2);
    assertThat(values.tensor("channels_last").toDoubleArray()).containsExactly(counting);
    // permute(4, 2, 0, 1, 3) of the numbers 0 to 31 in five dimensions of two.
    long[] permuted = new long[32];
    for (int i = 0; i < 32; i++) {
      int a = i >> 4 & 1;
      int b = i >> 3 & 1;
      int c = i >> 2 & 1;
      int d = i >> 1 & 1;
      int e = i & 1;
      int number = c * 16 + d * 8 + b * 4 + e * 2 + a;
      permuted[i] = number;
    }
    assertThat(values.tensor("five_dims").toLongArray()).containsExactly(permuted);
  }

  @Test
  void parametersAndGradientsAreSeen() throws IOException {
    Dict values = TorchFile.read(Golden.file("files/values.pt"));
    assertThat(values.get("same")).isSameAs(values.get("tied"));
    assertThat(values.tensor("tied").isParameter()).isTrue();
    assertThat(values.tensor("frozen").isParameter()).isTrue();
    assertThat(values.tensor("frozen").requiresGrad()).isFalse();
    assertThat(values.tensor("needs_grad").isParameter()).isFalse();
    assertThat(values.tensor("needs_grad").requiresGrad()).isTrue();
  }

  @Test
  void aFileMayHoldATensorAlone() throws IOException {
    TorchTensor tensor = (TorchTensor) TorchFile.readValue(Golden.file("files/tensor.pt"));
    assertThat(tensor.toFloatArray()).containsExactly(1, 2);
    assertThat(tensor).hasToString("TorchTensor[float32, [2]]");
    assertThatThrownBy(() -> TorchFile.read(Golden.file("files/tensor.pt")))
        .isInstanceOf(TorchFileException.class)
        .hasMessage(
            Golden.file("files/tensor.pt")
                + " cannot be read: it holds a tensor, not a dict: take readValue");
  }

  @Test
  void whatIsNotThereIsSaid() throws IOException {
    Dict plain = TorchFile.read(Golden.file("files/plain.pt"));
    assertThatThrownBy(() -> plain.dict("model"))
        .isInstanceOf(NoSuchElementException.class)
        .hasMessage(
            "key must be one of [epoch, lr, name, none, tuple, list, big, nested] but was model");
    assertThatThrownBy(() -> plain.dict("none"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the value of none must be a dict but was None");
    assertThatThrownBy(() -> plain.tensor("list"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the value of list must be a tensor but was a list");
    assertThatThrownBy(() -> plain.put("epoch", 4L))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> ((List<?>) plain.get("list")).remove(0))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> Dict.counter(Map.of(1L, 1L)).byName())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("has a key that is no string: 1");
  }
}
