package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.LogLines;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

class BackgroundSavesTest {

  @TempDir private Path folder;

  private final List<Runnable> waiting = new ArrayList<>();
  private final MultiLayerNetwork net = Nets.layers(new Adam(0.01));
  private final LRScheduler run = new StepLR(3, 0.5).attach(NetworkParamGroups.of(net));

  private TrainingCheckpointListener listener(Path into) {
    net.addListeners(SchedulerListener.everyIteration(run));
    TrainingCheckpointListener listener =
        TrainingCheckpointListener.everyIteration(CheckpointWriter.of(net).with("run", run), into)
            .withInterval(2)
            .keepLast(2);
    return listener;
  }

  private static List<String> checkpoints(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.endsWith(FolderOwner.LOCK))
          .sorted()
          .toList();
    }
  }

  private static Map<String, byte[]> entries(Path file) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (ZipEntry entry : zip.stream().toList()) {
        entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
      }
    }
    return entries;
  }

  /** The training has gone on before the file is written, and the file knows nothing of it. */
  @Test
  void savesWhatWasThenTrue() throws IOException {
    Path meanwhile = folder.resolve("meanwhile");
    Path atOnce = folder.resolve("at once");
    CheckpointWriter writer = CheckpointWriter.of(net).with("run", run);
    TrainingCheckpointListener background = listener(meanwhile).inBackground(waiting::add);
    net.addListeners(
        background, TrainingCheckpointListener.everyIteration(writer, atOnce).withInterval(2));
    net.fit(Nets.epoch(3));
    assertThat(checkpoints(meanwhile)).isEmpty();
    assertThat(waiting).hasSize(1);
    waiting.remove(0).run();
    assertThat(checkpoints(meanwhile)).containsExactly("checkpoint-0000000002-000000.zip");
    String file = "checkpoint-0000000002-000000.zip";
    assertThat(entries(meanwhile.resolve(file)))
        .containsExactlyEntriesOf(entries(atOnce.resolve(file)));
    double[] then =
        Nets.params(
            TrainingCheckpoint.load(meanwhile.resolve(file)).network(MultiLayerNetwork.class));
    assertThat(then).isNotEqualTo(Nets.params(net));
  }

  @Test
  void goesOnToTheBit() throws IOException {
    TrainingCheckpointListener listener = listener(folder).inBackground();
    net.addListeners(listener);
    net.fit(Nets.epoch(5));
    TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
    assertThat(checkpoints(folder))
        .containsExactly("checkpoint-0000000002-000000.zip", "checkpoint-0000000004-000000.zip");
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    resumed.addListeners(SchedulerListener.everyIteration(checkpoint.run("run")));
    resumed.fit(checkpoint.remaining(Nets.epoch(5)));
    assertThat(Nets.params(resumed)).isEqualTo(Nets.params(net));
    listener.close();
  }

  /** Whoever looks for the newest, in whatever thread, gets the one that is being written. */
  @Test
  void theNewestIsWaitedFor() throws Exception {
    CountDownLatch mayWrite = new CountDownLatch(1);
    TrainingCheckpointListener listener =
        listener(folder)
            .inBackground(
                save ->
                    new Thread(
                            () -> {
                              awaitQuietly(mayWrite);
                              save.run();
                            })
                        .start());
    net.addListeners(listener);
    net.fit(Nets.epoch(2));
    AtomicReference<Object> found = new AtomicReference<>();
    Thread looking =
        new Thread(
            () -> {
              try {
                found.set(
                    TrainingCheckpoint.latest(folder)
                        .orElseThrow()
                        .network(MultiLayerNetwork.class)
                        .getIterationCount());
              } catch (IOException | RuntimeException failed) {
                found.set(failed);
              }
            });
    looking.start();
    assertThat(checkpoints(folder)).isEmpty();
    mayWrite.countDown();
    looking.join();
    assertThat(found).hasValue(2);
    listener.close();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aFailureStopsTheTrainingAndIsLogged() throws Exception {
    Path gone = folder.resolve("gone");
    TrainingCheckpointListener listener = listener(gone).inBackground(waiting::add);
    net.addListeners(listener);
    net.fit(Nets.epoch(2));
    Path elsewhere = folder.resolve("elsewhere");
    Files.move(gone, elsewhere);
    try (LogLines log = new LogLines()) {
      waiting.remove(0).run();
      assertThat(log.all())
          .startsWith(
              "ERROR io.github.dl4jtorch.adapter.checkpoint.BackgroundSaves - no checkpoint could be written");
    }
    Files.move(elsewhere, gone);
    assertThatThrownBy(() -> net.fit(Nets.epoch(2)))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage("no checkpoint could be written");
    // It is told once; the training may then go on.
    net.fit(Nets.epoch(2));
    waiting.remove(0).run();
    assertThat(checkpoints(gone)).containsExactly("checkpoint-0000000004-000001.zip");
    listener.close();
  }

  @Test
  void closingTellsOfAFailureAndLetsTheFolderGo() throws IOException {
    Path gone = folder.resolve("gone");
    TrainingCheckpointListener listener = listener(gone).inBackground(waiting::add);
    net.addListeners(listener);
    net.fit(Nets.epoch(2));
    Path elsewhere = folder.resolve("elsewhere");
    Files.move(gone, elsewhere);
    waiting.remove(0).run();
    Files.move(elsewhere, gone);
    assertThatThrownBy(listener::close).isInstanceOf(UncheckedIOException.class);
    listener.close();
    MultiLayerNetwork other = Nets.layers(new Adam(0.01));
    TrainingCheckpointListener next =
        TrainingCheckpointListener.everyIteration(CheckpointWriter.of(other), gone);
    other.addListeners(next);
    Thread trainer = new Thread(() -> other.fit(Nets.epoch(1)));
    trainer.start();
    join(trainer);
    assertThat(checkpoints(gone)).containsExactly("checkpoint-0000000001-000000.zip");
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  /** Only the first save asks for memory. */
  @Test
  void keepsItsCopies() {
    BackgroundSaves saves = new BackgroundSaves(waiting::add);
    INDArray numbers = Nd4j.linspace(1, 6, 6, DataType.DOUBLE);
    INDArray view = Nd4j.linspace(1, 12, 12, DataType.FLOAT).reshape(3, 4).getColumn(1);
    Map<String, INDArray> first = saves.copies(Map.of("a", numbers, "b", view));
    assertThat(first.get("a")).isEqualTo(numbers).isNotSameAs(numbers);
    assertThat(first.get("b")).isEqualTo(view);
    numbers.addi(1);
    view.addi(1);
    Map<String, INDArray> second = saves.copies(Map.of("a", numbers, "b", view));
    assertThat(second.get("a")).isSameAs(first.get("a")).isEqualTo(numbers);
    assertThat(second.get("b")).isSameAs(first.get("b")).isEqualTo(view);
    INDArray longer = Nd4j.linspace(1, 7, 7, DataType.DOUBLE);
    assertThat(saves.copies(Map.of("a", longer)).get("a")).isEqualTo(longer);
  }
}
