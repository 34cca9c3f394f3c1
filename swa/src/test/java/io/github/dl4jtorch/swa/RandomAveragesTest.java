package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/**
 * Saves random averages of random trainings at random moments, and goes on: they must be what the
 * undisturbed ones are, to the bit. What fails says what it was, and with {@code -Drandom.seed=}
 * and its seed it is run again, alone.
 */
class RandomAveragesTest {

  private static final int FEW = 16;
  private static final int MANY = 400;
  private static final int EPOCHS = 4;
  private static final int BATCHES = 3;

  @TempDir private Path folder;

  /**
   * What is trained and averaged.
   *
   * @param swalr what takes over from the schedule when the averaging begins, if anything does
   * @param isAveragingFirst whether the network has the averaging listener before SWALR's
   */
  private record Setting(
      boolean isGraph,
      boolean hasLogarithm,
      boolean hasNormalization,
      IUpdater updater,
      Averaging averaging,
      boolean isByEpoch,
      int start,
      int interval,
      @Nullable SWALR swalr,
      boolean isAveragingFirst) {

    static Setting draw(Random random) {
      boolean isByEpoch = random.nextBoolean();
      IUpdater updater =
          switch (random.nextInt(4)) {
            case 0 -> new Adam(0.05);
            case 1 -> new Nesterovs(0.02, 0.9);
            case 2 -> new TorchAdam(0.05);
            default -> new TorchSGD(0.02).withMomentum(0.9);
          };
      Averaging averaging =
          switch (random.nextInt(8)) {
            case 0 -> Averaging.equal();
            case 1 -> Averaging.ema(0.8);
            case 2 -> Averaging.emaWithWarmup(0.95);
            case 3 -> Averaging.yolov5(0.99, 5);
            case 4 ->
                Averaging.emaPytorch()
                    .updateAfterStep(random.nextInt(5))
                    .updateEvery(1 + random.nextInt(2))
                    .build();
            case 5 -> Averaging.powerEma(0.1);
            case 6 -> Averaging.last(1 + random.nextInt(4));
            default -> Averaging.emaWithHalfLife(2);
          };
      return new Setting(
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextInt(3) > 0,
          updater,
          averaging.useBuffers(random.nextBoolean()),
          isByEpoch,
          random.nextInt(isByEpoch ? EPOCHS : 2 * BATCHES),
          averaging.interval() > 0 ? averaging.interval() : 1 + random.nextInt(2),
          random.nextBoolean() ? new SWALR(0.01, random.nextInt(4), AnnealStrategy.COS) : null,
          random.nextBoolean());
    }

    /** Makes the network, whose parameters are the same each time. */
    Model net() {
      List<Layer> layers = new ArrayList<>();
      layers.add(Nets.dense(Nets.INPUTS, 4));
      if (hasNormalization) {
        layers.add(Nets.norm(4, hasLogarithm));
      }
      layers.add(Nets.output(4));
      MultiLayerNetwork net =
          Nets.net(Nets.settings().updater(updater.clone()), layers.toArray(Layer[]::new));
      return isGraph ? net.toComputationGraph() : net;
    }
  }

  /** A training under way, with its average. */
  private static final class Training<M extends Model & NeuralNetwork> {
    final M net;
    final LRScheduler run;
    final AveragedModel<M> average;
    final AveragingListener<M> averaging;
    final @Nullable SwalrListener swalr;

    Training(Setting setting, M net, AveragedModel<M> average, LRScheduler run) {
      this.net = net;
      this.run = run;
      this.average = average;
      SchedulerListener stepping =
          setting.isByEpoch
              ? SchedulerListener.everyEpoch(run)
              : SchedulerListener.everyIteration(run);
      averaging =
          (setting.isByEpoch
                  ? AveragingListener.everyEpoch(net, average)
                  : AveragingListener.everyIteration(net, average))
              .startingAt(setting.start)
              .withInterval(setting.interval);
      if (setting.swalr == null) {
        swalr = null;
        net.addListeners(stepping, averaging);
      } else {
        swalr =
            (setting.isByEpoch
                    ? SwalrListener.everyEpoch(stepping, setting.swalr)
                    : SwalrListener.everyIteration(stepping, setting.swalr))
                .startingAt(setting.start);
        if (setting.isAveragingFirst) {
          net.addListeners(averaging, swalr);
        } else {
          net.addListeners(swalr, averaging);
        }
      }
    }

    static Training<?> begin(Setting setting) {
      CosineAnnealingLR cosine = new CosineAnnealingLR(20);
      if (setting.net() instanceof ComputationGraph graph) {
        return new Training<>(
            setting,
            graph,
            AveragedModel.of(graph, setting.averaging),
            cosine.attach(NetworkParamGroups.weightsAndBiases(graph)));
      }
      MultiLayerNetwork layers = (MultiLayerNetwork) setting.net();
      return new Training<>(
          setting,
          layers,
          AveragedModel.of(layers, setting.averaging),
          cosine.attach(NetworkParamGroups.weightsAndBiases(layers)));
    }

    static Training<?> resume(Setting setting, TrainingCheckpoint checkpoint) {
      LRScheduler run = checkpoint.run("run");
      Training<?> training;
      if (setting.isGraph) {
        ComputationGraph graph = checkpoint.network(ComputationGraph.class);
        training = new Training<>(setting, graph, AveragedModel.of(graph, setting.averaging), run);
      } else {
        MultiLayerNetwork layers = checkpoint.network(MultiLayerNetwork.class);
        training =
            new Training<>(setting, layers, AveragedModel.of(layers, setting.averaging), run);
      }
      training.averaging.restore(checkpoint.part("averaging"));
      if (training.swalr != null) {
        training.swalr.restore(checkpoint.part("swalr"));
      }
      return training;
    }

    int epochs() {
      return net instanceof ComputationGraph graph
          ? graph.getEpochCount()
          : ((MultiLayerNetwork) net).getEpochCount();
    }

    void fitToTheEnd(DataSetIterator first) {
      DataSetIterator next = first;
      while (epochs() < EPOCHS) {
        if (net instanceof ComputationGraph graph) {
          graph.fit(next);
        } else {
          ((MultiLayerNetwork) net).fit(next);
        }
        next = batches();
      }
    }

    void assertIs(Training<?> expected, String history) {
      assertThat(Nets.params(net))
          .as("parameters %s", history)
          .isEqualTo(Nets.params(expected.net));
      assertThat(average.nAveraged())
          .as("n_averaged %s", history)
          .isEqualTo(expected.average.nAveraged());
      assertThat(averaging.values()).as("state %s", history).isEqualTo(expected.averaging.values());
      if (swalr != null) {
        assertThat(swalr.values())
            .as("SWALR %s", history)
            .isEqualTo(Objects.requireNonNull(expected.swalr).values());
      }
      assertThat(Nets.params(average.network()))
          .as("average %s", history)
          .isEqualTo(Nets.params(expected.average.network()));
      assertThat(average.lastModels().stream().map(INDArray::toDoubleVector).toArray())
          .as("last models %s", history)
          .isEqualTo(
              expected.average.lastModels().stream().map(INDArray::toDoubleVector).toArray());
      assertThat(run.stateDict()).as("run %s", history).isEqualTo(expected.run.stateDict());
      assertThat(run.paramGroups().stateDict())
          .as("groups %s", history)
          .isEqualTo(expected.run.paramGroups().stateDict());
    }
  }

  private static DataSetIterator batches() {
    return new ExistingDataSetIterator(Nets.data(BATCHES, 6));
  }

  private void run(long seed) throws IOException {
    Random random = new Random(seed);
    Setting setting = Setting.draw(random);
    Training<?> expected = Training.begin(setting);
    expected.fitToTheEnd(batches());

    Training<?> saved = Training.begin(setting);
    CheckpointWriter writer =
        saved.net instanceof ComputationGraph graph
            ? CheckpointWriter.of(graph)
            : CheckpointWriter.of((MultiLayerNetwork) saved.net);
    writer.with("run", saved.run).with("averaging", saved.averaging);
    if (saved.swalr != null) {
      writer.with("swalr", saved.swalr);
    }
    TrainingListener byIteration =
        TrainingCheckpointListener.everyIteration(writer, folder).keepLast(99);
    TrainingListener byEpoch = TrainingCheckpointListener.everyEpoch(writer, folder).keepLast(99);
    saved.net.addListeners(byIteration, byEpoch);
    saved.fitToTheEnd(batches());
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(file -> file.toString().endsWith(".zip")).sorted().toList();
    }
    expected.averaging.finish(batches());
    saved.averaging.finish(batches());
    saved.assertIs(expected, "of seed " + seed + ", " + setting + ", while it is saved");

    for (int i = 0; i < 3; i++) {
      Path file = files.get(random.nextInt(files.size()));
      TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
      Training<?> resumed = Training.resume(setting, checkpoint);
      resumed.fitToTheEnd(checkpoint.remaining(batches()));
      resumed.averaging.finish(batches());
      resumed.assertIs(
          expected, "of seed " + seed + ", " + setting + ", from " + file.getFileName());
    }
  }

  private static LongStream seeds(int from, int count) {
    Long one = Long.getLong("random.seed");
    return one == null ? LongStream.range(from, from + (long) count) : LongStream.of(one);
  }

  static LongStream few() {
    return seeds(0, FEW);
  }

  static LongStream many() {
    return seeds(FEW, MANY);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("few")
  void goOnToTheBit(long seed) throws IOException {
    run(seed);
  }

  @Tag("long")
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("many")
  void goOnToTheBitFromAThousandMoments(long seed) throws IOException {
    run(seed);
  }
}
