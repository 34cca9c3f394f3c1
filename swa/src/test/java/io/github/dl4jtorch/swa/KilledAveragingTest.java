package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Kills a process that trains and averages, again and again, starts it anew each time, and compares
 * the end with that of a training that nobody disturbed. When it is killed depends on the
 * iterations it has reported and on a random wait, never on how fast the machine is.
 */
class KilledAveragingTest {

  private static final int KILLS = 50;
  private static final int BATCHES = 7;
  private static final int EPOCHS = 60;
  private static final int SNAPSHOT_EVERY = 30;
  private static final int LONGEST_WAIT_MICROS = 5000;
  private static final String FINAL = "final.zip";

  @TempDir private Path folder;

  /** A network in training, from its beginning or from its newest checkpoint. */
  private static final class Training {
    final MultiLayerNetwork net;
    final AveragedModel<MultiLayerNetwork> swa;
    final AveragedModel<MultiLayerNetwork> ema;
    final AveragedModel<MultiLayerNetwork> last;
    final AveragedModel<MultiLayerNetwork> emaPytorch;
    final AveragedModel<MultiLayerNetwork> power;
    final AveragingListener<MultiLayerNetwork> epochs;
    final SwalrListener swalr;
    final CheckpointWriter writer;
    DataSetIterator next = epoch();

    Training(Optional<TrainingCheckpoint> checkpoint, EmaSnapshots snapshots) {
      net =
          checkpoint
              .map(saved -> saved.network(MultiLayerNetwork.class))
              .orElseGet(
                  () ->
                      Nets.net(
                          Nets.dense(3, 4),
                          Nets.norm(4, true),
                          new DropoutLayer.Builder(new Dropout(0.8)).build(),
                          Nets.output(4)));
      LRScheduler cosine =
          checkpoint
              .map(saved -> saved.run("cosine"))
              .orElseGet(() -> new CosineAnnealingLR(EPOCHS).attach(NetworkParamGroups.of(net)));
      swa = AveragedModel.of(net, Averaging.equal());
      ema = AveragedModel.of(net, Averaging.yolov5(0.95, 20).useBuffers(true));
      last = AveragedModel.of(net, Averaging.last(5).useBuffers(true));
      emaPytorch =
          AveragedModel.of(net, Averaging.emaPytorch().updateAfterStep(50).updateEvery(4).build());
      power = AveragedModel.of(net, Averaging.powerEma(0.1));
      epochs = AveragingListener.everyEpoch(net, swa).startingAt(EPOCHS / 2);
      swalr =
          SwalrListener.everyEpoch(
                  SchedulerListener.everyEpoch(cosine), new SWALR(0.01, 20, AnnealStrategy.COS))
              .startingAt(EPOCHS / 2);
      AveragingListener<MultiLayerNetwork> iterations = AveragingListener.everyIteration(net, ema);
      AveragingListener<MultiLayerNetwork> lasts =
          AveragingListener.everyIteration(net, last).withInterval(6);
      AveragingListener<MultiLayerNetwork> copies =
          AveragingListener.everyIteration(net, emaPytorch);
      AveragingListener<MultiLayerNetwork> powers =
          AveragingListener.everyIteration(net, power).savingTo(snapshots, SNAPSHOT_EVERY);
      checkpoint.ifPresent(
          saved -> {
            epochs.restore(saved.part("swa"));
            swalr.restore(saved.part("swalr"));
            iterations.restore(saved.part("ema"));
            lasts.restore(saved.part("last"));
            copies.restore(saved.part("ema_pytorch"));
            powers.restore(saved.part("power"));
            next = saved.remaining(epoch());
          });
      net.addListeners(epochs, swalr, iterations, lasts, copies, powers);
      writer =
          CheckpointWriter.of(net)
              .with("cosine", cosine)
              .with("swa", epochs)
              .with("swalr", swalr)
              .with("ema", iterations)
              .with("last", lasts)
              .with("ema_pytorch", copies)
              .with("power", powers);
      Nd4j.getRandom().setSeed(7);
      checkpoint.ifPresent(TrainingCheckpoint::restoreRandom);
    }

    static DataSetIterator epoch() {
      return new ExistingDataSetIterator(Nets.data(BATCHES, 5));
    }

    void train() {
      while (net.getEpochCount() < EPOCHS) {
        net.fit(next);
        next = epoch();
      }
    }
  }

  /** The process that is killed. Writes a byte after each iteration. */
  public static final class Child {

    private Child() {}

    private static int done;

    /** Trains to the end, but does no more iterations than it may. */
    public static void main(String[] args) throws IOException {
      Path folder = Path.of(args[0]);
      int most = Integer.parseInt(args[1]);
      Training training = new Training(TrainingCheckpoint.latest(folder), snapshots(folder));
      done = training.net.getIterationCount();
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
          TrainingCheckpointListener.everyIteration(training.writer, folder)
              .withInterval(2)
              .keepLast(2));
      System.out.println("done " + done);
      training.train();
      training.writer.save(folder.resolve(FINAL));
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

  private static EmaSnapshots snapshots(Path folder) {
    return EmaSnapshots.in(folder.resolve("ema"));
  }

  /** The names of the snapshots; what a kill left half written has another ending. */
  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".zip"))
          .sorted()
          .toList();
    }
  }

  private Path log() {
    return folder.resolve("stderr.txt");
  }

  private String stderr() {
    try {
      return Files.readString(log());
    } catch (IOException none) {
      return none.toString();
    }
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

  @Test
  void averagesAsIfNobodyHadKilledIt() throws Exception {
    long seed = System.nanoTime();
    System.out.println("KilledAveragingTest: seed " + seed);
    Random random = new Random(seed);
    int all = EPOCHS * BATCHES;
    int inSwalr = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      // Leaves an iteration for each life that is to come, so that none ends by itself.
      int most = all - (KILLS - kill);
      Process process = start(most);
      try (InputStream out = process.getInputStream()) {
        int done = readDone(out);
        inSwalr += done > all / 2 ? 1 : 0;
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
    }
    Process process = start(Integer.MAX_VALUE);
    process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).as(() -> stderr()).isZero();
    System.out.println("KilledAveragingTest: " + KILLS + " kills, " + inSwalr + " under SWALR");
    assertThat(inSwalr).isBetween(5, KILLS - 5);

    EmaSnapshots undisturbed = snapshots(folder.resolve("undisturbed"));
    Training expected = new Training(Optional.empty(), undisturbed);
    expected.train();
    Training end =
        new Training(
            Optional.of(TrainingCheckpoint.load(folder.resolve(FINAL))), snapshots(folder));
    assertThat(end.swa.nAveraged()).isEqualTo(EPOCHS / 2);
    assertThat(end.ema.nAveraged()).isEqualTo(all);
    assertThat(Nets.params(end.net)).isEqualTo(Nets.params(expected.net));
    assertThat(Nets.params(end.swa.network())).isEqualTo(Nets.params(expected.swa.network()));
    assertThat(Nets.params(end.ema.network())).isEqualTo(Nets.params(expected.ema.network()));
    assertThat(end.last.nAveraged()).isEqualTo(all / 6);
    assertThat(Nets.params(end.last.network())).isEqualTo(Nets.params(expected.last.network()));
    for (int i = 0; i < 5; i++) {
      assertThat(end.last.lastModels().get(i).toDoubleVector())
          .isEqualTo(expected.last.lastModels().get(i).toDoubleVector());
    }
    assertThat(Nets.params(end.emaPytorch.network()))
        .isEqualTo(Nets.params(expected.emaPytorch.network()));
    assertThat(Nets.params(end.power.network())).isEqualTo(Nets.params(expected.power.network()));
    assertThat(files(folder.resolve("ema"))).hasSize(all / SNAPSHOT_EVERY);
    assertThat(files(folder.resolve("ema")))
        .isEqualTo(files(folder.resolve("undisturbed").resolve("ema")));
    assertThat(Nets.params(snapshots(folder).reconstruct(end.net, 0.05)))
        .isEqualTo(Nets.params(undisturbed.reconstruct(end.net, 0.05)));
    // The counts, the rates, and the state of SWALR.
    assertThat(end.net.getLayerWiseConfigurations().toJson())
        .isEqualTo(expected.net.getLayerWiseConfigurations().toJson());
    assertThat(end.epochs.values()).isEqualTo(expected.epochs.values());
    assertThat(end.swalr.values()).isEqualTo(expected.swalr.values());
  }
}
