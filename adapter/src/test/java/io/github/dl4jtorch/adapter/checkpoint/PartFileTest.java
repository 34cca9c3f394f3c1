package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class PartFileTest {

  private record Part(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  @TempDir private Path folder;

  private final Part part =
      new Part(
          Map.of("epochs", 3, "scores", List.of(0.1, Double.NaN), "own", Map.of("name", "ema")),
          Map.of(
              "params", Nd4j.createFromArray(0.1, -1e-300, Double.POSITIVE_INFINITY),
              "counts", Nd4j.createFromArray(new int[][] {{1, 2}, {3, 4}})));

  private Path saved() throws IOException {
    Path file = folder.resolve("part.zip");
    PartFile.save(part, file);
    return file;
  }

  @Test
  void comesBackAsItWas() throws IOException {
    CheckpointPart loaded = PartFile.load(saved());
    assertThat(loaded.values()).isEqualTo(part.values());
    assertThat(loaded.arrays().keySet()).isEqualTo(part.arrays().keySet());
    assertThat(loaded.arrays().get("params").toDoubleVector())
        .isEqualTo(part.arrays().get("params").toDoubleVector());
    assertThat(loaded.arrays().get("counts").dataType())
        .isEqualTo(part.arrays().get("counts").dataType());
    assertThat(loaded.arrays().get("counts").toIntMatrix())
        .isDeepEqualTo(new int[][] {{1, 2}, {3, 4}});
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void refusesEveryFileThatIsDamaged() throws IOException {
    Path file = saved();
    byte[] bytes = Files.readAllBytes(file);
    for (int i = 0; i < bytes.length; i++) {
      byte[] changed = bytes.clone();
      changed[i] ^= 1;
      Files.write(file, changed);
      assertThatThrownBy(() -> PartFile.load(file)).isInstanceOf(CheckpointException.class);
    }
    Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
    assertThatThrownBy(() -> PartFile.load(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "%s cannot be loaded: it is no checkpoint, or it is damaged or its end is missing",
            file);
  }

  @Test
  void refusesWhatIsNoPart() throws IOException {
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(Nets.layers(true)).save(file);
    assertThatThrownBy(() -> PartFile.load(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(file + " cannot be loaded: it cannot be read: ");
    Path part = saved();
    assertThatThrownBy(() -> TrainingCheckpoint.load(part))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "%s cannot be loaded: it cannot be read: it has no dl4jtorch/checkpoint.json", part);
    Path none = folder.resolve("none.zip");
    assertThatThrownBy(() -> PartFile.load(none))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("%s cannot be loaded: there is no such file", none);
  }

  @Test
  void aPartThatCannotBeWrittenLeavesTheFileAsItWas() throws IOException {
    Path file = saved();
    byte[] before = Files.readAllBytes(file);
    assertThatThrownBy(() -> PartFile.save(new Part(Map.of("file", file), Map.of()), file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("part \"alone\".file must be a Boolean, Integer, Long, Double,");
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
  }

  @Test
  void tellsModelsFromCheckpoints() throws IOException {
    Path checkpoint = folder.resolve("training.zip");
    CheckpointWriter.of(Nets.layers(true)).save(checkpoint);
    Path model = folder.resolve("model.zip");
    ModelSerializer.writeModel(Nets.layers(true), model.toFile(), false);
    Path text = Files.writeString(folder.resolve("text.zip"), "text");
    assertThat(TrainingCheckpoint.isPlainModel(model)).isTrue();
    assertThat(TrainingCheckpoint.isPlainModel(checkpoint)).isFalse();
    assertThat(TrainingCheckpoint.isPlainModel(saved())).isFalse();
    assertThat(TrainingCheckpoint.isPlainModel(text)).isFalse();
    assertThat(TrainingCheckpoint.isPlainModel(folder.resolve("none.zip"))).isFalse();
  }
}
