package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

class TrainingCheckpointListenerTest {

  @TempDir private Path folder;

  private final MultiLayerNetwork net = Nets.layers(new Adam(0.01));
  private final CheckpointWriter writer = CheckpointWriter.of(net);

  /** Returns what is in the folder, save for the lock of its owner. */
  private List<String> files() {
    String[] names = folder.toFile().list((in, name) -> !name.endsWith(FolderOwner.LOCK));
    return names == null ? List.of() : Arrays.stream(names).sorted().toList();
  }

  @Test
  void savesEveryNIterationsAndKeepsTheLast() throws IOException {
    net.addListeners(
        TrainingCheckpointListener.everyIteration(writer, folder).withInterval(2).keepLast(2));
    net.fit(Nets.epoch(5), 2);
    assertThat(files())
        .containsExactly("checkpoint-0000000008-000001.zip", "checkpoint-0000000010-000001.zip");
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    assertThat(latest.network(MultiLayerNetwork.class).getIterationCount()).isEqualTo(10);
    assertThat(latest.network(MultiLayerNetwork.class).getEpochCount()).isEqualTo(1);
    assertThat(latest.batchesIntoEpoch()).isEqualTo(5);
    assertThat(
            TrainingCheckpoint.load(folder.resolve("checkpoint-0000000008-000001.zip"))
                .batchesIntoEpoch())
        .isEqualTo(3);
  }

  @Test
  void keepsThreeUnlessTold() {
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder));
    net.fit(Nets.epoch(5));
    assertThat(files())
        .containsExactly(
            "checkpoint-0000000003-000000.zip",
            "checkpoint-0000000004-000000.zip",
            "checkpoint-0000000005-000000.zip");
  }

  /** Makes a listener that finds these losses after the epochs, from the network's count on. */
  private static TrainingCheckpointListener keepingBest(
      CheckpointWriter writer, Path folder, double... losses) {
    return TrainingCheckpointListener.everyEpoch(writer, folder)
        .keepLast(2)
        .keepBest(model -> losses[((MultiLayerNetwork) model).getEpochCount()]);
  }

  @Test
  void keepsTheBestBesidesTheLast() throws IOException {
    net.addListeners(keepingBest(writer, folder, 0.5, 1.25e-5, 0.75, 1.25e-5, Double.NaN, 0.25));
    net.fit(Nets.epoch(2), 2);
    assertThat(files())
        .containsExactly(
            "checkpoint-0000000002-000001-0.5.zip", "checkpoint-0000000004-000002-1.25E-5.zip");
    double[] best = Nets.params(net);
    net.fit(Nets.epoch(2), 3);
    assertThat(files())
        .containsExactly(
            "checkpoint-0000000004-000002-1.25E-5.zip",
            "checkpoint-0000000008-000004-1.25E-5.zip",
            "checkpoint-0000000010-000005-NaN.zip");
    net.fit(Nets.epoch(2), 1);
    assertThat(files())
        .containsExactly(
            "checkpoint-0000000004-000002-1.25E-5.zip",
            "checkpoint-0000000010-000005-NaN.zip",
            "checkpoint-0000000012-000006-0.25.zip");
    MultiLayerNetwork loaded =
        TrainingCheckpoint.best(folder).orElseThrow().network(MultiLayerNetwork.class);
    assertThat(Nets.params(loaded)).isEqualTo(best);
    assertThat(loaded.getEpochCount()).isEqualTo(2);
    assertThat(
            TrainingCheckpoint.latest(folder)
                .orElseThrow()
                .network(MultiLayerNetwork.class)
                .getEpochCount())
        .isEqualTo(6);
  }

  @Test
  void goesOnWithTheBestOfBefore() throws IOException {
    double[] losses = {-2, -3, -1, -0.5, -2.5, -4, -3.5, -3.25};
    TrainingCheckpointListener first = keepingBest(writer, folder, losses);
    net.addListeners(first);
    net.fit(Nets.epoch(2), 4);
    first.close();
    for (int expected : List.of(2, 6)) {
      TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
      MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
      TrainingCheckpointListener listener = keepingBest(checkpoint.writer(), folder, losses);
      resumed.addListeners(listener);
      resumed.fit(Nets.epoch(2), expected == 2 ? 1 : 3);
      listener.close();
      assertThat(
              TrainingCheckpoint.best(folder)
                  .orElseThrow()
                  .network(MultiLayerNetwork.class)
                  .getEpochCount())
          .isEqualTo(expected);
    }
    assertThat(files())
        .containsExactly(
            "checkpoint-0000000012-000006--4.0.zip",
            "checkpoint-0000000014-000007--3.5.zip",
            "checkpoint-0000000016-000008--3.25.zip");
  }

  @Test
  void passesOverABestThatIsDamagedAndOneWithoutALoss() throws IOException {
    assertThat(TrainingCheckpoint.best(folder)).isEmpty();
    net.addListeners(
        keepingBest(
            writer.with("run", new StepLR(1, 0.5).attach(NetworkParamGroups.of(net))),
            folder,
            1,
            3,
            2));
    net.fit(Nets.epoch(1), 3);
    Files.write(folder.resolve("checkpoint-0000000001-000001-1.0.zip"), new byte[9]);
    assertThat(
            TrainingCheckpoint.best(folder)
                .orElseThrow()
                .network(MultiLayerNetwork.class)
                .getEpochCount())
        .isEqualTo(3);
    Path other = folder.resolve("other");
    Files.createDirectories(other);
    CheckpointWriter.of(net).save(other.resolve("checkpoint-0000000001-000001.zip"));
    assertThat(TrainingCheckpoint.latest(other)).isPresent();
    assertThat(TrainingCheckpoint.best(other)).isEmpty();
  }

  @Test
  void savesEveryNEpochs() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyEpoch(writer, folder).withInterval(2));
    net.fit(Nets.epoch(3), 5);
    assertThat(files())
        .containsExactly("checkpoint-0000000006-000002.zip", "checkpoint-0000000012-000004.zip");
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    assertThat(latest.network(MultiLayerNetwork.class).getEpochCount()).isEqualTo(4);
    assertThat(latest.batchesIntoEpoch()).isZero();
  }

  @Test
  void savesEveryNMinutes() {
    AtomicLong seconds = new AtomicLong();
    net.addListeners(
        new BaseTrainingListener() {
          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            seconds.addAndGet(25);
          }
        },
        TrainingCheckpointListener.everyMinutes(1, writer, folder)
            .withClock(() -> TimeUnit.SECONDS.toNanos(seconds.get())));
    net.fit(Nets.epoch(8));
    // The first save is at 75 seconds, the next 60 or more after it.
    assertThat(files())
        .containsExactly("checkpoint-0000000003-000000.zip", "checkpoint-0000000006-000000.zip");
  }

  @Test
  void countsBatchesOnAcrossAResume() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder).withInterval(2));
    net.fit(Nets.epoch(5), 1);
    TrainingCheckpoint checkpoint =
        TrainingCheckpoint.load(folder.resolve("checkpoint-0000000002-000000.zip"));
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    // Saved again at once, and after another iteration of the same epoch.
    Path again = folder.resolve("again.zip");
    CheckpointWriter.of(resumed).save(again);
    assertThat(TrainingCheckpoint.load(again).batchesIntoEpoch()).isEqualTo(2);
    Path other = folder.resolve("other");
    resumed.addListeners(
        TrainingCheckpointListener.everyIteration(CheckpointWriter.of(resumed), other));
    resumed.fit(checkpoint.remaining(Nets.epoch(5)));
    assertThat(
            TrainingCheckpoint.load(other.resolve("checkpoint-0000000003-000000.zip"))
                .batchesIntoEpoch())
        .isEqualTo(3);
    resumed.fit(Nets.epoch(5));
    assertThat(TrainingCheckpoint.latest(other).orElseThrow().batchesIntoEpoch()).isEqualTo(5);
  }

  /** Also where the listener that came with the network was taken away. */
  @Test
  void goesOnWithTheWriterOfACheckpoint() throws IOException {
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    net.addListeners(
        SchedulerListener.everyIteration(run),
        TrainingCheckpointListener.everyIteration(writer.with("run", run), folder).withInterval(2));
    net.fit(Nets.epoch(5), 1);
    TrainingCheckpoint checkpoint =
        TrainingCheckpoint.load(folder.resolve("checkpoint-0000000002-000000.zip"));
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    assertThat(resumed.getListeners()).hasSize(1);
    Path other = folder.resolve("other");
    resumed.setListeners(
        SchedulerListener.everyIteration(checkpoint.run("run")),
        TrainingCheckpointListener.everyIteration(checkpoint.writer(), other).keepLast(9));
    resumed.fit(checkpoint.remaining(Nets.epoch(5)));
    resumed.fit(Nets.epoch(5));
    List<CheckpointFolder.Entry> entries = new CheckpointFolder(other, "checkpoint").entries();
    List<Integer> batches = new ArrayList<>();
    for (CheckpointFolder.Entry entry : entries) {
      TrainingCheckpoint again = TrainingCheckpoint.load(entry.file());
      batches.add(again.batchesIntoEpoch());
      assertThat(again.run("run").lastEpoch()).isEqualTo((double) entry.iterations());
    }
    assertThat(batches).containsExactly(5, 4, 3, 2, 1, 5, 4, 3);
    assertThat(
            Nets.params(
                TrainingCheckpoint.load(entries.get(5).file()).network(MultiLayerNetwork.class)))
        .isEqualTo(Nets.params(net));
  }

  @Test
  void leavesAListenerOnANetworkOnlyInTheMiddleOfAnEpoch() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyEpoch(writer, folder));
    net.fit(Nets.epoch(2));
    TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
    assertThat(checkpoint.network(MultiLayerNetwork.class).getListeners()).isEmpty();
  }

  /** What another writer knows that a listener of the network has. */
  @Test
  void countsBatchesThatAnotherWriterSaw() throws IOException {
    net.addListeners(
        TrainingCheckpointListener.everyIteration(writer, folder).withInterval(9),
        new BaseTrainingListener() {
          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            if (iteration == 2) {
              throw new UnsupportedOperationException();
            }
          }
        });
    assertThatThrownBy(() -> net.fit(Nets.epoch(5)))
        .isInstanceOf(UnsupportedOperationException.class);
    Path file = folder.resolve("file.zip");
    CheckpointWriter.of(net).save(file);
    assertThat(TrainingCheckpoint.load(file).batchesIntoEpoch()).isEqualTo(2);
  }

  @Test
  void neverKnowsWhatWasNotKnownWhenItWasSaved() throws IOException {
    Path file = folder.resolve("file.zip");
    net.addListeners(
        new BaseTrainingListener() {
          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            try {
              writer.saveInIterationDone(file);
            } catch (IOException failed) {
              throw new AssertionError(failed);
            }
          }
        });
    net.fit(Nets.data(1).get(0));
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    MultiLayerNetwork loaded = checkpoint.network(MultiLayerNetwork.class);
    for (CheckpointWriter again : List.of(checkpoint.writer(), CheckpointWriter.of(loaded))) {
      again.save(file);
      TrainingCheckpoint unknown = TrainingCheckpoint.load(file);
      assertThatThrownBy(() -> unknown.remaining(Nets.epoch(5)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "how many batches of its epoch were done is not known: add a"
                  + " TrainingCheckpointListener, which counts them, and train with"
                  + " fit(iterator)");
    }
  }

  /** As trainers for early stopping do, which count epochs from 0 also in a trained network. */
  @Test
  void countsBatchesOfAnEpochWhoseNumberComesAgain() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder).keepLast(1));
    net.fit(Nets.epoch(3));
    net.setEpochCount(0);
    net.fit(Nets.epoch(2));
    assertThat(
            TrainingCheckpoint.load(folder.resolve("checkpoint-0000000005-000000.zip"))
                .batchesIntoEpoch())
        .isEqualTo(2);
  }

  @Test
  void deletesOnlyWhatBearsItsName() throws IOException {
    List<String> others =
        List.of(
            "checkpoint-1-1.zip",
            "checkpoint-0000000001-000000.zip.bak",
            "my-checkpoint-0000000001-000000.zip",
            "other-0000000001-000000.zip",
            "other-0000000001-000000.zip.tmp",
            "other-0000000001-000000.zip.0123456789abcdef0123456789abcdef.tmp",
            "checkpoint-0000000001-000000.zip.mine.tmp",
            "notes.tmp");
    for (String name : others) {
      Files.writeString(folder.resolve(name), name);
    }
    Files.writeString(folder.resolve("checkpoint-0000000009-000000.zip.tmp"), "half a file");
    Files.writeString(
        folder.resolve("checkpoint-0000000009-000000.zip.0123456789abcdef0123456789abcdef.tmp"),
        "half a file");
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder).keepLast(1));
    net.fit(Nets.epoch(3));
    assertThat(files())
        .containsAll(others)
        .contains("checkpoint-0000000003-000000.zip")
        .hasSize(others.size() + 1);
  }

  @Test
  void keepsFilesOfSeveralNetworksApart() throws IOException {
    net.addListeners(
        TrainingCheckpointListener.everyEpoch(writer, folder).named("a.b").keepLast(1));
    Files.writeString(folder.resolve("a-b-0000000001-000000.zip"), "not one of these");
    net.fit(Nets.epoch(1), 2);
    assertThat(files()).containsExactly("a-b-0000000001-000000.zip", "a.b-0000000002-000002.zip");
    assertThat(TrainingCheckpoint.latest(folder, "a.b")).isPresent();
    assertThat(TrainingCheckpoint.latest(folder)).isEmpty();
    assertThat(TrainingCheckpoint.latest(folder.resolve("none"))).isEmpty();
  }

  @Test
  void latestPassesOverDamagedFiles() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder));
    net.fit(Nets.epoch(3));
    Files.writeString(folder.resolve("checkpoint-0000000003-000000.zip"), "damaged");
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    assertThat(latest.network(MultiLayerNetwork.class).getIterationCount()).isEqualTo(2);
    // Going on is not hindered by the file that is ahead.
    MultiLayerNetwork resumed = latest.network(MultiLayerNetwork.class);
    resumed.addListeners(
        TrainingCheckpointListener.everyIteration(CheckpointWriter.of(resumed), folder)
            .keepLast(1));
    resumed.fit(latest.remaining(Nets.epoch(3)));
    assertThat(files()).containsExactly("checkpoint-0000000003-000000.zip");
    assertThat(TrainingCheckpoint.latest(folder)).isPresent();

    Path file = folder.resolve("checkpoint-0000000003-000000.zip");
    Files.writeString(file, "damaged");
    assertThatThrownBy(() -> TrainingCheckpoint.latest(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            file
                + " cannot be loaded: it is no checkpoint, or it is damaged or its end is missing");
  }

  @Test
  void refusesToStartBehindTheFolder() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyEpoch(writer, folder));
    net.fit(Nets.epoch(3));
    MultiLayerNetwork other = Nets.layers(new Adam(0.01));
    other.addListeners(TrainingCheckpointListener.everyEpoch(CheckpointWriter.of(other), folder));
    assertThatThrownBy(() -> other.fit(Nets.epoch(3)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            folder.resolve("checkpoint-0000000003-000001.zip")
                + " is of a training that is further than this network, which has 0 iterations: go"
                + " on from it with TrainingCheckpoint.latest(folder), or choose another folder or"
                + " name");
    assertThat(other.getIterationCount()).isZero();
    assertThat(files()).containsExactly("checkpoint-0000000003-000001.zip");
  }

  @Test
  void refusesToLeaveOutARun() {
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(net);
    LRScheduler saved = new StepLR(1, 0.5).attach(groups.only(0));
    LRScheduler forgotten = new StepLR(1, 0.5).attach(groups.only(1));
    net.addListeners(
        SchedulerListener.everyEpoch(saved),
        SchedulerListener.everyEpoch(forgotten),
        TrainingCheckpointListener.everyEpoch(writer.with("saved", saved), folder));
    assertThatThrownBy(() -> net.fit(Nets.epoch(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the run of every SchedulerListener of the network must be saved, but that of"
                + " StepLR[stepSize=1, gamma=0.5] is not: add it to the writer with(name, run)");
    assertThat(net.getIterationCount()).isZero();
  }

  @Test
  void refusesToComeBeforeASchedulerListener() {
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    net.addListeners(
        TrainingCheckpointListener.everyIteration(writer.with("run", run), folder),
        SchedulerListener.everyIteration(run));
    assertThatThrownBy(() -> net.fit(Nets.data(1).get(0)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the TrainingCheckpointListener must be added after every SchedulerListener, which would"
                + " be saved a step behind its network: add it last");
    assertThat(files()).isEmpty();
  }

  /** A listener with something to be saved. */
  private static final class Counter extends BaseTrainingListener implements CheckpointPart {
    private int iterations;

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      iterations++;
    }

    @Override
    public Map<String, Object> values() {
      return Map.of("iterations", iterations);
    }

    @Override
    public Map<String, INDArray> arrays() {
      return Map.of();
    }
  }

  @Test
  void wantsListenersThatAreParts() throws Exception {
    Counter counter = new Counter();
    net.addListeners(counter, TrainingCheckpointListener.everyIteration(writer, folder));
    assertThatThrownBy(() -> net.fit(Nets.epoch(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "every Counter of the network must be saved, but one is not: add it to the writer"
                + " with(name, part)");
    net.setListeners(
        TrainingCheckpointListener.everyIteration(writer.with("counter", counter), folder),
        counter);
    assertThatThrownBy(() -> net.fit(Nets.epoch(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the TrainingCheckpointListener must be added after every Counter, which would be saved"
                + " a step behind its network: add it last");
    assertThat(files()).isEmpty();
    net.setListeners(counter, TrainingCheckpointListener.everyIteration(writer, folder));
    net.fit(Nets.epoch(1));
    assertThat(TrainingCheckpoint.latest(folder).orElseThrow().part("counter").values())
        .isEqualTo(Map.of("iterations", 1));
  }

  @Test
  void refusesASchedulerListenerThatIsAddedLater() {
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder));
    net.fit(Nets.epoch(1));
    net.addListeners(SchedulerListener.everyIteration(run));
    assertThatThrownBy(() -> net.fit(Nets.epoch(1))).isInstanceOf(IllegalStateException.class);
    assertThat(files()).containsExactly("checkpoint-0000000001-000000.zip");
  }

  @Test
  void stopsTheTrainingIfItCannotSave() throws IOException {
    Path file = folder.resolve("file");
    Files.writeString(file, "in the way");
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, file));
    assertThatThrownBy(() -> net.fit(Nets.epoch(1))).isInstanceOf(UncheckedIOException.class);
    MultiLayerNetwork other = Nets.layers(new Adam(0.01));
    other.addListeners(
        TrainingCheckpointListener.everyIteration(CheckpointWriter.of(other), folder));
    Files.createDirectories(folder.resolve("checkpoint-0000000001-000000.zip").resolve("in"));
    assertThatThrownBy(() -> other.fit(Nets.epoch(1)))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage("no checkpoint could be written");
    assertThat(files()).containsExactly("checkpoint-0000000001-000000.zip", "file");
  }

  /** Throws in one iteration, as a listener with a fault does. */
  private static final class Thrower extends BaseTrainingListener {
    private int at;

    Thrower(int at) {
      this.at = at;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      if (iteration == at) {
        at = -1;
        throw new UnsupportedOperationException("a fault");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void refusesToGoOnAfterAnIterationThatIsNotCounted(boolean isBefore) throws IOException {
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    TrainingCheckpointListener listener =
        TrainingCheckpointListener.everyIteration(writer.with("run", run), folder);
    Thrower thrower = new Thrower(2);
    net.addListeners(
        SchedulerListener.everyIteration(run),
        isBefore ? thrower : listener,
        isBefore ? listener : thrower);
    assertThatThrownBy(() -> net.fit(Nets.epoch(5))).hasMessage("a fault");
    assertThat(net.getIterationCount()).isEqualTo(2);
    assertThat(run.lastEpoch()).isEqualTo(3);
    assertThatThrownBy(() -> net.fit(Nets.epoch(5)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "every iteration of the network must be counted, but out of one came an exception, so"
                + " that it is not although it may have been done: go on from"
                + " TrainingCheckpoint.latest(folder)");
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    int iterations = isBefore ? 2 : 3;
    assertThat(latest.network(MultiLayerNetwork.class).getIterationCount()).isEqualTo(iterations);
    assertThat(latest.run("run").lastEpoch()).isEqualTo(iterations);
    assertThat(latest.batchesIntoEpoch()).isEqualTo(iterations);
  }

  @Test
  void doesNotKnowTheBatchesAfterAFaultOfTheIterator() throws IOException {
    net.addListeners(TrainingCheckpointListener.everyIteration(writer, folder));
    List<DataSet> data = new ArrayList<>(Nets.data(2));
    data.add(new DataSet(Nd4j.ones(1, 1), Nd4j.ones(1, 1)));
    assertThatThrownBy(() -> net.fit(new ListDataSetIterator<>(data, 1)))
        .isInstanceOf(RuntimeException.class);
    assertThat(net.getIterationCount()).isEqualTo(2);
    net.fit(Nets.epoch(3));
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    assertThat(latest.network(MultiLayerNetwork.class).getIterationCount()).isEqualTo(5);
    assertThatThrownBy(latest::batchesIntoEpoch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("how many batches of its epoch were done is not known");
    net.fit(Nets.epoch(3));
    assertThat(TrainingCheckpoint.latest(folder).orElseThrow().batchesIntoEpoch()).isEqualTo(3);
  }

  @Test
  void refusesACopy() {
    TrainingCheckpointListener listener = TrainingCheckpointListener.everyIteration(writer, folder);
    MultiLayerNetwork other = Nets.layers(new Adam(0.01));
    other.addListeners(listener);
    assertThatThrownBy(() -> other.fit(Nets.data(1).get(0)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "this listener must be added only to the network that it saves, but was called for a"
                + " copy or another network");
  }

  @Test
  void refusesSegmentsOfSequences() throws IOException {
    MultiLayerNetwork truncated =
        Nets.init(
            Nets.settings(new Adam(0.01))
                .list(
                    new LSTM.Builder().nIn(Nets.INPUTS).nOut(2).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(2)
                        .nOut(2)
                        .activation(Activation.IDENTITY)
                        .build())
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(2)
                .build());
    CheckpointWriter segments = CheckpointWriter.of(truncated);
    String refusal =
        "a network with truncated backpropagation through time must be saved at the end of an"
            + " epoch, since the state between two segments of a sequence is not saved";
    assertThatThrownBy(() -> TrainingCheckpointListener.everyIteration(segments, folder))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(refusal);
    assertThatThrownBy(() -> TrainingCheckpointListener.everyMinutes(1, segments, folder))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(refusal);
    truncated.addListeners(TrainingCheckpointListener.everyEpoch(segments, folder));
    DataSet sequence = new DataSet(Nd4j.ones(1, Nets.INPUTS, 4), Nd4j.ones(1, 2, 4));
    truncated.fit(new ListDataSetIterator<>(List.of(sequence), 1), 2);
    assertThat(files())
        .containsExactly("checkpoint-0000000002-000001.zip", "checkpoint-0000000004-000002.zip");
  }

  @Test
  void refusesBadArguments() {
    assertThatThrownBy(
            () -> TrainingCheckpointListener.everyIteration(writer, folder).withInterval(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("interval must be >= 1 but was 0");
    assertThatThrownBy(() -> TrainingCheckpointListener.everyEpoch(writer, folder).withInterval(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("interval must be >= 1 but was -1");
    assertThatThrownBy(() -> TrainingCheckpointListener.everyMinutes(0, writer, folder))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("minutes must be >= 1 but was 0");
    TrainingCheckpointListener listener = TrainingCheckpointListener.everyEpoch(writer, folder);
    assertThatThrownBy(() -> listener.keepLast(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("checkpoints must be >= 1 but was 0");
    assertThatThrownBy(() -> listener.named("a/b"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must be of letters, digits, -, _ and . but was \"a/b\"");
  }
}
