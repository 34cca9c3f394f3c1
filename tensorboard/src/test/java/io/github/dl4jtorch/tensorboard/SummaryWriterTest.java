package io.github.dl4jtorch.tensorboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.adapter.watch.TrainingRow;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.AveragedScoreCalculator;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files, read back by other code than wrote them. */
class SummaryWriterTest {

  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.ofEpochMilli(1_700_000_000_250L));
  private static final String TIME = "1.70000000025E9 ";

  @TempDir Path folder;

  private List<String> events(int file) throws IOException {
    return Events.read(Events.files(folder).get(file));
  }

  private static TrainingRow row(int iteration, double lr) {
    return new TrainingRow(iteration, 0, Map.of("all", lr), Map.of(), Map.of());
  }

  @Test
  void writesWhatTheMonitorNotes() throws IOException {
    MultiLayerNetwork net = Nets.layers(new TorchSGD(0.01).withMomentum(0.9));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group("head", param -> param.layer().equals("layer2"))
            .lr(0.5)
            .group("rest", param -> !param.layer().equals("layer2"))
            .build();
    GradientClipping clipping = GradientClipping.norm(100);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    DataSetLossCalculator loss = new DataSetLossCalculator(Nets.epoch(1), true);
    AveragedScoreCalculator<MultiLayerNetwork> averaged =
        new AveragedScoreCalculator<>(average, loss);
    LearningRateMonitor monitor;
    try (SummaryWriter writer = new SummaryWriter(folder, CLOCK)) {
      monitor =
          LearningRateMonitor.everyIteration(groups)
              .withColumn("loss/train", net::score)
              .withColumn("gradient norm", clipping::lastNorm)
              .withScore("score/raw", () -> loss.calculateScore(net))
              .withScore(
                  "score/average",
                  () -> average.nAveraged() > 0 ? averaged.calculateScore(net) : Double.NaN)
              .withLog(writer);
      net.setListeners(
          clipping,
          SchedulerListener.everyEpoch(new StepLR(1, 0.5).attach(groups)),
          AveragingListener.everyEpoch(net, average).startingAt(1),
          monitor);
      net.fit(Nets.epoch(1), 2);
    }
    float[] losses = floats(monitor.column("loss/train"));
    float[] norms = floats(monitor.column("gradient norm"));
    float[] raw = floats(monitor.column("score/raw"));
    float[] mean = floats(monitor.column("score/average"));
    assertThat(norms[0]).isPositive();
    assertThat(losses[1]).isPositive().isNotEqualTo(losses[0]);
    assertThat(raw[1]).isPositive().isNotEqualTo(raw[0]);
    assertThat(mean).containsExactly(Float.NaN, raw[1]); // The first average is the network.
    assertThat(events(0))
        .containsExactly(
            TIME + "0 version brain.Event:2",
            TIME + "0 start",
            TIME
                + "0 lr/head=0.5, lr/rest=0.01, momentum/head=0.9, momentum/rest=0.9, loss/train="
                + losses[0]
                + ", gradient norm="
                + norms[0],
            TIME + "0 score/raw=" + raw[0],
            TIME
                + "1 lr/head=0.25, lr/rest=0.005, momentum/head=0.9, momentum/rest=0.9, loss/train="
                + losses[1]
                + ", gradient norm="
                + norms[1],
            TIME + "1 score/raw=" + raw[1] + ", score/average=" + mean[1]);
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Test
  void writesNumbersOfAnySize() throws IOException {
    try (SummaryWriter writer = new SummaryWriter(folder, CLOCK)) {
      for (int step : List.of(127, 128, 16_383, 16_384, Integer.MAX_VALUE)) {
        writer.addScalar("größe", step == 128 ? Double.POSITIVE_INFINITY : 1.0 / step, step);
      }
      writer.addScalar("t".repeat(200), -0.0, 1);
    }
    assertThat(events(0))
        .containsExactly(
            TIME + "0 version brain.Event:2",
            TIME + "127 größe=" + 1.0f / 127,
            TIME + "128 größe=Infinity",
            TIME + "16383 größe=" + 1.0f / 16_383,
            TIME + "16384 größe=" + 1.0f / 16_384,
            TIME + "2147483647 größe=" + (float) (1.0 / Integer.MAX_VALUE),
            TIME + "1 " + "t".repeat(200) + "=-0.0");
  }

  @Test
  void writesPictures() throws IOException {
    try (SummaryWriter writer = new SummaryWriter(folder, CLOCK)) {
      writer.addImage("curves", new BufferedImage(7, 5, BufferedImage.TYPE_INT_RGB), 30);
      writer.addImage("curves", new BufferedImage(300, 200, BufferedImage.TYPE_INT_ARGB), 60);
      writer.addImage("curves", new BufferedImage(1, 1, BufferedImage.TYPE_BYTE_GRAY), 90);
    }
    assertThat(events(0))
        .containsExactly(
            TIME + "0 version brain.Event:2",
            TIME + "30 curves: 7x5 of 3",
            TIME + "60 curves: 300x200 of 4",
            TIME + "90 curves: 1x1 of 1");
  }

  @Test
  void namesFilesInTheOrderTheyAreMadeWhateverTheClockSays() throws IOException {
    for (int seconds : List.of(100, 100, 40)) {
      try (SummaryWriter writer =
          new SummaryWriter(folder, InstantSource.fixed(Instant.ofEpochSecond(seconds)))) {
        writer.addScalar("x", seconds, 0);
      }
    }
    String rest =
        "." + InetAddress.getLocalHost().getHostName() + "." + ProcessHandle.current().pid();
    assertThat(Events.files(folder))
        .extracting(file -> file.getFileName().toString())
        .containsExactly(
            "events.out.tfevents.0000000100" + rest,
            "events.out.tfevents.0000000101" + rest,
            "events.out.tfevents.0000000102" + rest);
    assertThat(events(2).get(1)).isEqualTo("40.0 0 x=40.0");
  }

  @Test
  void aFileIsMadeWhenThereIsSomethingToWrite() throws IOException {
    Path runs = folder.resolve("runs/first");
    try (SummaryWriter writer = new SummaryWriter(runs, CLOCK)) {
      assertThat(runs).doesNotExist();
      writer.begin(5);
      writer.write(new TrainingRow(5, 0, Map.of(), Map.of(), Map.of()));
      assertThat(Events.read(Events.files(runs).get(0)))
          .containsExactly(TIME + "0 version brain.Event:2", TIME + "5 start");
    }
  }

  @Test
  void anInterruptedThreadGoesOnWriting() throws IOException {
    try (SummaryWriter writer = new SummaryWriter(folder, CLOCK)) {
      writer.write(row(0, 0.5));
      Thread.currentThread().interrupt();
      writer.write(row(1, 0.25));
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(events(0)).hasSize(3).last().isEqualTo(TIME + "1 lr/all=0.25");
  }

  @Test
  void refusesWhatItCannotDo() throws IOException {
    SummaryWriter writer = SummaryWriter.in(folder);
    writer.close();
    for (Runnable call :
        List.<Runnable>of(
            () -> writer.begin(0),
            () -> writer.write(row(0, 1)),
            () -> writer.addScalar("x", 1, 0))) {
      assertThatThrownBy(call::run)
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage("the SummaryWriter of " + folder + " is closed");
    }
    assertThat(folder).isEmptyDirectory();
    Path occupied = Files.createFile(folder.resolve("file"));
    assertThatThrownBy(() -> SummaryWriter.in(occupied).begin(0))
        .isExactlyInstanceOf(UncheckedIOException.class)
        .hasCauseInstanceOf(FileSystemException.class);
  }

  /** What a process that is killed has written. */
  static final class Killed {
    public static void main(String[] args) {
      SummaryWriter writer = new SummaryWriter(Path.of(args[0]), CLOCK);
      writer.begin(0);
      for (int i = 0; i < 1000; i++) {
        writer.write(row(i, i / 1024.0));
      }
      Runtime.getRuntime().halt(9);
    }
  }

  @Test
  void aKilledProcessLeavesEverythingItWrote() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Killed.class.getName(), folder.toString()));
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertThat(process.waitFor()).isEqualTo(9);
    List<String> events = events(0);
    assertThat(events).hasSize(1002);
    for (int i = 0; i < 1000; i++) {
      assertThat(events.get(i + 2)).isEqualTo(TIME + i + " lr/all=" + i / 1024.0f);
    }
  }
}
