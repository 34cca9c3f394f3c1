package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.Stream;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Kills a process that trains, again and again, starts it anew each time, and compares the end with
 * that of a training that nobody disturbed. When it is killed depends on the iterations it has
 * reported and on a random wait, never on how fast the machine is.
 */
class KilledTrainingTest {

  private static final int KILLS = 50;
  private static final int BATCHES = 7;
  private static final int EPOCHS = 40;
  private static final int SAVE_EVERY = 2;
  private static final int BEST = 79;
  private static final int LONGEST_WAIT_MICROS = 8000;
  private static final String FINAL = "final.zip";

  private static final Schedule ONE_CYCLE =
      OneCycleLR.builder(0.005).epochs(EPOCHS).stepsPerEpoch(BATCHES).build();
  private static final Schedule SEQUENCE =
      new SequentialLR(
          List.of(new LinearLR(0.1, 1, 6), new CosineAnnealingLR(EPOCHS - 6)), List.of(6));
  private static final Schedule PLATEAU =
      ReduceLROnPlateau.builder()
          .patience(1)
          .factor(0.8)
          .threshold(0.05, ReduceLROnPlateau.ThresholdMode.REL)
          .build();

  @TempDir private Path folder;

  /** One of the networks that are trained by turns. */
  private record Kind(
      String name,
      IUpdater updater,
      List<Schedule> runs,
      boolean inBackground,
      Function<LRScheduler, SchedulerListener> steps) {

    static List<Kind> all() {
      return List.of(
          new Kind(
              "onecycle",
              new Nesterovs(0.005, 0.9),
              List.of(ONE_CYCLE),
              true,
              SchedulerListener::everyIteration),
          new Kind(
              "sequence", new Adam(0.01), List.of(SEQUENCE), false, SchedulerListener::everyEpoch),
          new Kind(
              "pulled",
              new Adam(TorchSchedule.lr(SEQUENCE, 0.01, ScheduleType.EPOCH)),
              List.of(),
              true,
              SchedulerListener::everyEpoch),
          new Kind(
              "plateau",
              new RmsProp(0.01),
              List.of(PLATEAU),
              false,
              run ->
                  SchedulerListener.everyEpoch(
                      run, new DataSetLossCalculator(Nets.epoch(2), true))));
    }
  }

  /** A network in training, from its beginning or from its newest checkpoint. */
  private static final class Training {
    final Kind kind;
    final MultiLayerNetwork net;
    final Map<String, LRScheduler> runs = new LinkedHashMap<>();
    final CheckpointWriter writer;
    DataSetIterator next;

    Training(Kind kind, Optional<TrainingCheckpoint> checkpoint) {
      this.kind = kind;
      DataSetIterator epoch = Nets.epoch(BATCHES);
      net =
          checkpoint
              .map(saved -> saved.network(MultiLayerNetwork.class))
              .orElseGet(() -> Nets.layers(kind.updater));
      next = checkpoint.map(saved -> saved.remaining(epoch)).orElse(epoch);
      for (Schedule definition : kind.runs) {
        runs.put(
            "run",
            checkpoint
                .map(saved -> saved.run("run"))
                .orElseGet(() -> definition.attach(NetworkParamGroups.of(net))));
      }
      writer = CheckpointWriter.of(net);
      runs.forEach(
          (name, run) -> {
            writer.with(name, run);
            net.addListeners(kind.steps.apply(run));
          });
    }

    boolean isOver() {
      return net.getEpochCount() == EPOCHS;
    }

    void trainEpoch() {
      net.fit(next);
      next = Nets.epoch(BATCHES);
    }
  }

  /** The process that is killed. Writes a byte after each iteration. */
  public static final class Child {

    private Child() {}

    private static int done;

    /** A loss that has its least long before the end and depends on the count alone. */
    static double loss(Model net) {
      return Math.abs(((MultiLayerNetwork) net).getIterationCount() - BEST);
    }

    /** Trains all networks by turns to their end, but does no more iterations than it may. */
    public static void main(String[] args) throws IOException {
      List<Training> trainings = new ArrayList<>();
      int most = Integer.parseInt(args[1]);
      for (Kind kind : Kind.all()) {
        Path folder = Path.of(args[0], kind.name);
        Training training = new Training(kind, TrainingCheckpoint.latest(folder));
        done += training.net.getIterationCount();
        TrainingCheckpointListener saving =
            TrainingCheckpointListener.everyIteration(training.writer, folder)
                .withInterval(SAVE_EVERY)
                .keepLast(2)
                .keepBest(Child::loss);
        training.net.addListeners(
            new BaseTrainingListener() {
              @Override
              public void iterationDone(Model model, int iteration, int epoch) {
                System.out.write('.');
                System.out.flush();
                done++;
                while (done == most) {
                  LockSupport.park(); // Until it is killed.
                }
              }
            },
            kind.inBackground ? saving.inBackground() : saving);
        trainings.add(training);
      }
      System.out.println("done " + done);
      while (!trainings.stream().allMatch(Training::isOver)) {
        for (Training training : trainings) {
          if (!training.isOver()) {
            training.trainEpoch();
          }
        }
      }
      for (Training training : trainings) {
        training.writer.save(Path.of(args[0], training.kind.name, FINAL));
      }
      System.out.println("over");
    }
  }

  private Process start(int most) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx256m");
    // It never lives long enough for a better compiler to pay.
    command.add("-XX:TieredStopAtLevel=1");
    for (String name : System.getProperties().stringPropertyNames()) {
      if (name.startsWith("org.")) {
        command.add("-D" + name + "=" + System.getProperty(name));
      }
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Child.class.getName(), folder.toString(), "" + most));
    return new ProcessBuilder(command)
        .redirectError(ProcessBuilder.Redirect.appendTo(log().toFile()))
        .start();
  }

  private Path log() {
    return folder.resolve("stderr.txt");
  }

  /** Reads what the child says first: how many iterations it starts with. */
  private int readDone(InputStream out) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int read = out.read(); read != '\n'; read = out.read()) {
      assertThat(read).as(() -> "the process ended: " + stderr()).isNotNegative();
      line.append((char) read);
    }
    assertThat(line.toString()).startsWith("done ");
    return Integer.parseInt(line.substring(5).strip());
  }

  private String stderr() {
    try {
      return Files.readString(log());
    } catch (IOException none) {
      return none.toString();
    }
  }

  private List<Path> files(String end) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(end)).toList();
    }
  }

  @Test
  void endsAsIfNobodyHadKilledIt() throws Exception {
    long seed = System.nanoTime();
    System.out.println("KilledTrainingTest: seed " + seed);
    Random random = new Random(seed);
    int all = Kind.all().size() * EPOCHS * BATCHES;
    int hitSaving = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      // Leaves an iteration for each life that is to come, so that none ends by itself.
      int most = all - (KILLS - kill);
      Process process = start(most);
      try (InputStream out = process.getInputStream()) {
        int done = readDone(out);
        // On the whole an equal share for each life that is left.
        int share = (most - done) / (KILLS - kill);
        int last = 1 + random.nextInt(Math.max(1, Math.min(2 * share, most - done)));
        for (int iteration = 0; iteration < last; iteration++) {
          assertThat(out.read()).as(() -> "the process ended: " + stderr()).isEqualTo('.');
        }
        LockSupport.parkNanos(1000L * random.nextInt(LONGEST_WAIT_MICROS));
        assertThat(process.isAlive()).isTrue();
      } finally {
        process.destroyForcibly();
      }
      assertThat(process.waitFor()).isNotZero();
      hitSaving += files(CheckpointFile.TEMPORARY).isEmpty() ? 0 : 1;
      for (Path file : files(".zip")) {
        assertThat(CheckpointFile.isUndamaged(file)).as("%s", file).isTrue();
      }
    }
    Process process = start(Integer.MAX_VALUE);
    byte[] rest = process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).as(() -> stderr()).isZero();
    assertThat(new String(rest, StandardCharsets.US_ASCII).strip()).endsWith(".over");
    System.out.println(
        "KilledTrainingTest: " + KILLS + " kills, " + hitSaving + " while a file was written");
    for (Kind kind : Kind.all()) {
      Training expected = new Training(kind, Optional.empty());
      while (!expected.isOver()) {
        expected.trainEpoch();
      }
      TrainingCheckpoint end = TrainingCheckpoint.load(folder.resolve(kind.name).resolve(FINAL));
      MultiLayerNetwork net = end.network(MultiLayerNetwork.class);
      assertThat(Nets.params(net)).isEqualTo(Nets.params(expected.net));
      // The loss is computed before DL4J counts the iteration.
      assertThat(
              TrainingCheckpoint.best(folder.resolve(kind.name))
                  .orElseThrow()
                  .network(MultiLayerNetwork.class)
                  .getIterationCount())
          .isEqualTo(BEST + 1);
      assertThat(net.updaterState().toDoubleVector())
          .isEqualTo(expected.net.updaterState().toDoubleVector());
      // The counts, and the rates and momenta wherever they are kept.
      assertThat(net.getLayerWiseConfigurations().toJson())
          .isEqualTo(expected.net.getLayerWiseConfigurations().toJson());
      expected.runs.forEach(
          (name, run) -> {
            assertThat(end.run(name).stateDict()).isEqualTo(run.stateDict());
            assertThat(end.run(name).paramGroups().stateDict())
                .isEqualTo(run.paramGroups().stateDict());
          });
    }
  }
}
