package io.github.dl4jtorch.tensorboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.StepLR;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * TensorBoard's own reader has the curves. Skipped where there is no Python that has it: {@code pip
 * install tensorboard}. The system property {@code tensorboard.python} names another.
 */
class TensorBoardTest {

  private static final String PYTHON = System.getProperty("tensorboard.python", "python3");
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.ofEpochMilli(1_700_000_000_250L));

  @TempDir Path folder;

  private static String run(String... arguments) {
    List<String> command = new ArrayList<>(List.of(PYTHON));
    command.addAll(List.of(arguments));
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? output : "failed";
    } catch (IOException none) {
      return "failed: " + none.getMessage();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return "failed: interrupted";
    }
  }

  private List<String> read() {
    return run("src/test/resources/python/read_events.py", folder.toString()).lines().toList();
  }

  @BeforeAll
  static void findTensorBoard() {
    assumeTrue(
        run("-c", "import tensorboard.backend.event_processing.event_accumulator").isEmpty(),
        PYTHON
            + " has no tensorboard, so it was not asked to read our files: pip install tensorboard");
  }

  @Test
  void readsNumbersAndPictures() throws IOException {
    try (SummaryWriter writer = new SummaryWriter(folder, CLOCK)) {
      writer.begin(0);
      writer.addScalar("lr/größe 1", 0.1, 0);
      writer.addScalar("lr/größe 1", Double.POSITIVE_INFINITY, Integer.MAX_VALUE);
      writer.addImage("curves", new BufferedImage(300, 200, BufferedImage.TYPE_INT_RGB), 7);
    }
    assertThat(read())
        .containsExactly(
            "lr/größe 1|0|0.10000000149011612|1700000000.25",
            "lr/größe 1|2147483647|inf|1700000000.25",
            "curves|7|300x200|1700000000.25");
  }

  /** The first process went on to update 6 after its checkpoint of update 3. */
  @Test
  void continuesTheCurvesOfAKilledTraining() throws IOException {
    TorchSchedule lr = TorchSchedule.lr(new StepLR(2, 0.5), 1, ScheduleType.ITERATION);
    MultiLayerNetwork net = Nets.layers(new Sgd(lr));
    SummaryWriter killed = new SummaryWriter(folder, CLOCK);
    LearningRateMonitor first =
        LearningRateMonitor.everyIteration(net).withColumn("run", () -> 1).withLog(killed);
    net.setListeners(first);
    Nets.fit(net, Nets.data(3));
    MultiLayerNetwork restored = Nets.restored(net);
    Nets.fit(net, Nets.data(3));
    try (SummaryWriter writer = new SummaryWriter(folder, CLOCK)) {
      restored.setListeners(
          LearningRateMonitor.everyIteration(restored)
              .withInterval(2)
              .withColumn("run", () -> 2)
              .withLog(writer));
      Nets.fit(restored, Nets.data(4));
    }
    killed.close();
    assertThat(read())
        .containsExactly(
            "lr/all|0|1.0|1700000000.25",
            "lr/all|1|1.0|1700000000.25",
            "lr/all|2|0.5|1700000000.25",
            "lr/all|4|0.25|1700000000.25",
            "lr/all|6|0.125|1700000000.25",
            "run|0|1.0|1700000000.25",
            "run|1|1.0|1700000000.25",
            "run|2|1.0|1700000000.25",
            "run|4|2.0|1700000000.25",
            "run|6|2.0|1700000000.25");
  }
}
