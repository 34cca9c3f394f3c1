package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.learning.config.Nesterovs;

/** What is not exactly a checkpoint is refused, and what cannot be saved leaves the former file. */
class CheckpointFileTest {

  private static final String DAMAGED = "its checksum is wrong, so it is damaged or was changed";
  private static final String FOREIGN =
      "it is no checkpoint, or it is damaged or its end is missing";

  @TempDir private Path folder;

  private MultiLayerNetwork net = Nets.layers(new Nesterovs(0.01, 0.9));
  private Path file = Path.of("none");
  private byte[] bytes = {};

  @BeforeEach
  void save() throws IOException {
    var run = OneCycleLR.builder(0.02).totalSteps(20).build().attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    net.fit(Nets.epoch(3));
    file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("run", run).save(file);
    bytes = Files.readAllBytes(file);
  }

  private void assertRefused(String reason) {
    assertThatThrownBy(() -> TrainingCheckpoint.load(file))
        .isExactlyInstanceOf(CheckpointException.class)
        .hasMessage(file + " cannot be loaded: " + reason);
  }

  private String refusal() {
    try {
      TrainingCheckpoint.load(file);
      return "none";
    } catch (CheckpointException refused) {
      return refused.getMessage().substring((file + " cannot be loaded: ").length());
    }
  }

  @Test
  void refusesEveryTruncation() throws IOException {
    for (int length = 0; length < bytes.length; length += 7) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThat(refusal()).as("%s of %s bytes", length, bytes.length).isEqualTo(FOREIGN);
    }
    for (int length = bytes.length - 200; length < bytes.length; length++) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThat(refusal()).as("%s of %s bytes", length, bytes.length).isEqualTo(FOREIGN);
    }
  }

  @Test
  void refusesEveryFlippedBit() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<Integer> places = new ArrayList<>();
    random.ints(1500, 0, bytes.length).forEach(places::add);
    for (int place = bytes.length - 400; place < bytes.length; place++) {
      places.add(place);
    }
    for (int place : places) {
      byte[] flipped = bytes.clone();
      flipped[place] ^= (byte) (1 << random.nextInt(8));
      Files.write(file, flipped);
      assertThat(refusal()).as("seed %s, byte %s", seed, place).isIn(DAMAGED, FOREIGN);
    }
  }

  @Test
  void refusesZeroedAndExchangedBlocks() throws IOException {
    byte[] zeroed = bytes.clone();
    Arrays.fill(zeroed, 1024, 2048, (byte) 0);
    Files.write(file, zeroed);
    assertRefused(DAMAGED);
    byte[] exchanged = bytes.clone();
    System.arraycopy(bytes, 0, exchanged, 1024, 1024);
    System.arraycopy(bytes, 1024, exchanged, 0, 1024);
    Files.write(file, exchanged);
    assertRefused(DAMAGED);
  }

  @Test
  void refusesWhatIsNoCheckpoint() throws IOException {
    Files.write(file, new byte[0]);
    assertRefused(FOREIGN);
    Files.write(file, Arrays.copyOf(bytes, bytes.length + 1));
    assertRefused(FOREIGN);
    Files.write(file, new Random(1).ints(20_000).mapToObj(i -> "" + i).toList());
    assertRefused(FOREIGN);
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("something"));
    }
    assertRefused(FOREIGN);
    Files.delete(file);
    assertRefused("there is no such file");
    Files.createDirectory(file);
    assertRefused("it is no file");
  }

  @Test
  void saysWhatToDoWithAPlainModel() throws IOException {
    ModelSerializer.writeModel(net, file.toFile(), true);
    assertRefused(
        "it holds a network but no checkpoint: restore it with ModelSerializer, and go on from its"
            + " own counts, with NetworkSchedule or schedule.attach(groups, lastEpoch)");
  }

  @Test
  void refusesACheckpointThatDl4jHasRewritten() throws IOException {
    ModelSerializer.addObjectToFile(file.toFile(), "key", "value");
    assertRefused(FOREIGN);
  }

  private void write(String json) throws IOException {
    CheckpointFile.write(
        file,
        zip -> {
          zip.putNextEntry(new ZipEntry(CheckpointFile.ENTRY));
          zip.write(json.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        },
        zip -> true);
  }

  @Test
  void refusesWhatItDoesNotUnderstand() throws IOException {
    write("{\"format\": 2}");
    assertRefused(
        "it cannot be read: format must be 1 but is 2, which another version of this library"
            + " wrote");
    write("{\"format\": 1, \"network\": \"MultiLayerNetwork\"}");
    assertRefused("it cannot be read: it has no configuration.json");
    CheckpointFile.write(file, zip -> zip.putNextEntry(new ZipEntry("something")), zip -> true);
    assertRefused("it cannot be read: it has no dl4jtorch/checkpoint.json");
    write("{\"format\":");
    assertThat(refusal()).startsWith("it cannot be read: Unexpected end-of-input");
  }

  @Test
  void holdsTheParametersOnceAndNoMore() throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      assertThat(zip.stream().map(ZipEntry::getName))
          .containsExactly(
              "configuration.json",
              "dl4jtorch/checkpoint.json",
              "coefficients.bin",
              "updaterState.bin");
    }
  }

  @Test
  void leavesTheFormerFileWhereSavingFails() throws IOException {
    assertThatThrownBy(
            () ->
                CheckpointFile.write(
                    file,
                    zip -> {
                      zip.putNextEntry(new ZipEntry("half"));
                      zip.write(new byte[100_000]);
                      throw new IOException("disk full");
                    },
                    zip -> true))
        .isInstanceOf(IOException.class)
        .hasMessage("disk full");
    assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
    assertThat(folder.toFile().list()).containsExactly("training.zip");
  }

  @Test
  void replacesAFileWithOneStep() throws IOException {
    CheckpointFile.write(
        file,
        zip -> {
          assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
          assertThat(folder.toFile().list())
              .hasSize(2)
              .anyMatch(name -> name.matches("training\\.zip\\.[0-9a-f]{32}\\.tmp"));
          zip.putNextEntry(new ZipEntry("new"));
        },
        zip -> true);
    assertThat(CheckpointFile.isUndamaged(file)).isTrue();
    assertThat(Files.size(file)).isLessThan(1000);
    assertThat(folder.toFile().list()).containsExactly("training.zip");
  }

  @Test
  void needsTheFolder() {
    assertThatThrownBy(
            () -> CheckpointWriter.of(net).save(folder.resolve("none").resolve("training.zip")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("none");
    assertThatThrownBy(() -> CheckpointWriter.of(net).save(folder)).isInstanceOf(IOException.class);
    assertThat(folder.toFile().list()).containsExactly("training.zip");
  }
}
