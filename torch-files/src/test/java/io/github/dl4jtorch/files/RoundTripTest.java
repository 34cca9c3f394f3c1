package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What was read is written, and read again, as it was. */
class RoundTripTest {

  @TempDir Path folder;

  @ParameterizedTest
  @FieldSource("io.github.dl4jtorch.files.Golden#READABLE")
  void toTheBit(String name) throws IOException {
    Object value = TorchFile.readValue(Golden.file(name));
    Path copy = folder.resolve("copy.pt");
    TorchFile.write(copy, value);
    Same.assertSame(TorchFile.readValue(copy), value);
    // The same values give the same file, so a second copy shows whatever the first has lost.
    Path again = folder.resolve("again.pt");
    TorchFile.write(again, TorchFile.readValue(copy));
    assertThat(Files.mismatch(again, copy)).isEqualTo(-1);
  }

  @Test
  void safetensorsToo() throws IOException {
    for (String name : List.of("files/kinds.safetensors", "cnn_onecycle/final.safetensors")) {
      Safetensors read = Safetensors.read(Golden.file(name));
      Path copy = folder.resolve("copy.safetensors");
      read.write(copy);
      Safetensors again = Safetensors.read(copy);
      assertThat(again.metadata()).isEqualTo(read.metadata());
      assertThat(again.tensors().keySet())
          .containsExactlyInAnyOrderElementsOf(read.tensors().keySet());
      again
          .tensors()
          .forEach(
              (tensorName, tensor) ->
                  assertThat(tensor.asByteBuffer())
                      .isEqualTo(read.tensors().get(tensorName).asByteBuffer()));
    }
  }

  @Test
  void viewsBecomeTensorsOfTheirOwnInSafetensors() throws IOException {
    Dict kinds = TorchFile.read(Golden.file("files/kinds.pt"));
    Path file = folder.resolve("views.safetensors");
    new Safetensors(
            Map.of("column", kinds.tensor("column"), "strided", kinds.tensor("strided")), Map.of())
        .write(file);
    Safetensors views = Safetensors.read(file);
    assertThat(views.metadata()).isEmpty();
    for (String name : List.of("column", "strided")) {
      assertThat(views.tensors().get(name).toDoubleArray())
          .isEqualTo(kinds.tensor(name).toDoubleArray());
      assertThat(views.tensors().get(name).shape()).isEqualTo(kinds.tensor(name).shape());
    }
  }
}
