package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.SequentialLR;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;
import org.assertj.core.data.Offset;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Files of format 1, which are read as they were written, whatever has been changed since. They pin
 * the names of classes, too, which are in the configurations of networks that users have saved.
 *
 * <p>Each training has a file, and one of an iteration later. Another format gets files of its own,
 * made with {@code -Dtest=FormatOneTest -Dfixtures=make}.
 */
class FormatOneTest {

  private static final Path FOLDER = Path.of("src", "test", "resources", "fixtures");
  private static final Path PUSHED = FOLDER.resolve("checkpoint-1.zip");
  private static final Path PUSHED_NEXT = FOLDER.resolve("checkpoint-1-next.zip");
  private static final Path PULLED = FOLDER.resolve("checkpoint-1-graph.zip");
  private static final Path PULLED_NEXT = FOLDER.resolve("checkpoint-1-graph-next.zip");

  /** For the numbers of another machine, whose products may differ in their last bits. */
  private static final Offset<Double> ROUNDING = Offset.offset(1e-12);

  private static final CheckpointPart PART =
      new CheckpointPart() {
        @Override
        public Map<String, Object> values() {
          Map<String, Object> values = new LinkedHashMap<>();
          values.put("n_averaged", 3);
          values.put("weights", List.of(0.5, 1e300, Double.NaN));
          values.put("name", "average");
          return values;
        }

        @Override
        public Map<String, INDArray> arrays() {
          return Map.of("params", Nd4j.createFromArray(new double[][] {{1, 2}, {3, 4}}));
        }
      };

  private static DataSetIterator epoch() {
    return new ListDataSetIterator<>(Nets.data(12), 4);
  }

  /** Four layers with rates that are pushed, one of them with a momentum that is pulled. */
  private static final class Pushed {
    final MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new TorchAdamW(0.01))
                .list(
                    Nets.dense(Nets.INPUTS, 4, new Nesterovs(0.03, 0.9)),
                    Nets.dense(4, 4),
                    new TorchBatchNormalization.Builder().nIn(4).nOut(4).build(),
                    Nets.dense(4, 4, new Adam(0.02)),
                    Nets.output(
                        4,
                        new TorchSGD(0.05)
                            .withMomentum(
                                TorchSchedule.momentum(
                                    OneCycleLR.builder(0.1)
                                        .totalSteps(12)
                                        .annealStrategy(AnnealStrategy.LINEAR)
                                        .build(),
                                    0.9,
                                    ScheduleType.ITERATION))))
                .build());
    final NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group(NetworkParam.inLayers("layer1", "layer2"))
            .group(NetworkParam.inLayers("layer3"))
            .group(NetworkParam.inLayers("layer4"))
            .frozen(NetworkParam.inLayers("layer0"))
            .build();
    final LRScheduler warmup =
        new SequentialLR(List.of(new LinearLR(0.5, 1, 3), new ExponentialLR(0.5)), List.of(3))
            .attach(groups.only(0));
    final LRScheduler swalr = new SWALR(0.004, 8, AnnealStrategy.LINEAR).attach(groups.only(1));
    final LRScheduler plateau =
        ReduceLROnPlateau.builder().patience(0).factor(0.5).build().attach(groups.only(2));
  }

  private static ComputationGraph pulled() {
    ComputationGraph net =
        new ComputationGraph(
            Nets.graphConfiguration(
                new TorchAdam(
                    TorchSchedule.lr(new CosineAnnealingLR(9), 0.02, ScheduleType.ITERATION))));
    net.init();
    return net;
  }

  @Test
  @EnabledIfSystemProperty(named = "fixtures", matches = "make")
  void make(@TempDir Path folder) throws IOException {
    Pushed training = new Pushed();
    CheckpointWriter writer =
        CheckpointWriter.of(training.net)
            .with("warmup", training.warmup)
            .with("swalr", training.swalr)
            .with("plateau", training.plateau)
            .with("average", PART);
    training.net.addListeners(
        SchedulerListener.everyIteration(training.warmup),
        SchedulerListener.everyIteration(training.swalr),
        SchedulerListener.everyEpoch(training.plateau, net -> 1),
        TrainingCheckpointListener.everyIteration(writer, folder).keepLast(9));
    training.net.fit(epoch(), 3);
    Files.createDirectories(FOLDER);
    Files.copy(
        folder.resolve("checkpoint-0000000007-000002.zip"),
        PUSHED,
        StandardCopyOption.REPLACE_EXISTING);
    Files.copy(
        folder.resolve("checkpoint-0000000008-000002.zip"),
        PUSHED_NEXT,
        StandardCopyOption.REPLACE_EXISTING);

    ComputationGraph graph = pulled();
    graph.fit(epoch(), 1);
    CheckpointWriter.of(graph).save(PULLED);
    graph.fit(epoch().next());
    CheckpointWriter.of(graph).save(PULLED_NEXT);
  }

  /** The classes that a network's configuration names. */
  private static Set<String> classes(Path file) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      var entry = zip.getInputStream(zip.getEntry(ModelSerializer.CONFIGURATION_JSON));
      Set<String> classes = new TreeSet<>();
      Pattern.compile("\"@class\"\\s*:\\s*\"([^\"]+)\"")
          .matcher(new String(entry.readAllBytes(), StandardCharsets.UTF_8))
          .results()
          .forEach(named -> classes.add(named.group(1)));
      return classes;
    }
  }

  /** Gives a network of the same making what a file has, by DL4J's own reader. */
  private static void bringTo(Model plain, Model twin) {
    LiveNetwork from = new LiveNetwork(plain);
    LiveNetwork to = new LiveNetwork(twin);
    twin.setParams(plain.params());
    INDArray state = to.updaterState();
    assertThat(state).isNotNull();
    state.assign(from.updaterState());
    to.setIterationCount(from.iterationCount());
    to.setEpochCount(from.epochCount());
  }

  private static void assertNext(Model net, Model twin, Path next) throws IOException {
    assertThat(Nets.params(net)).isEqualTo(Nets.params(twin));
    assertThat(new LiveNetwork(net).updaterState()).isEqualTo(new LiveNetwork(twin).updaterState());
    Model saved = (Model) TrainingCheckpoint.load(next).network(NeuralNetwork.class);
    assertThat(Nets.params(net)).containsExactly(Nets.params(saved), ROUNDING);
  }

  @Test
  void goesOnWithPushedRates() throws IOException {
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(PUSHED);
    MultiLayerNetwork net = checkpoint.network(MultiLayerNetwork.class);
    assertThat(net.getIterationCount()).isEqualTo(7);
    assertThat(net.getEpochCount()).isEqualTo(2);
    assertThat(checkpoint.batchesIntoEpoch()).isEqualTo(1);
    assertThat(checkpoint.part("average").values()).isEqualTo(PART.values());
    assertThat(checkpoint.part("average").arrays()).isEqualTo(PART.arrays());
    LRScheduler warmup = checkpoint.run("warmup");
    LRScheduler swalr = checkpoint.run("swalr");
    LRScheduler plateau = checkpoint.run("plateau");
    assertThat(warmup.getLastLr()).containsExactly(6.25e-4);
    assertThat(swalr.getLastLr()).containsExactly(0.006);
    assertThat(plateau.getLastLr()).containsExactly(0.025);
    assertThat(checkpoint.groups("swalr").frozen()).hasToString("[layer0.W, layer0.b]");

    Pushed twin = new Pushed();
    for (int i = 0; i < 7; i++) {
      twin.warmup.step();
      twin.swalr.step();
    }
    twin.plateau.step(1);
    twin.plateau.step(1);
    assertThat(warmup.stateDict()).isEqualTo(twin.warmup.stateDict());
    assertThat(swalr.stateDict()).isEqualTo(twin.swalr.stateDict());
    assertThat(plateau.stateDict()).isEqualTo(twin.plateau.stateDict());
    bringTo(ModelSerializer.restoreMultiLayerNetwork(PUSHED.toFile(), true), twin.net);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(twin.net));

    DataSet batch = checkpoint.remaining(epoch()).next();
    double[] before = Nets.params(net);
    net.fit(batch);
    twin.net.fit(batch);
    assertNext(net, twin.net, PUSHED_NEXT);
    assertThat(Nets.params(net)).isNotEqualTo(before).startsWith(Arrays.copyOf(before, 16));
  }

  @Test
  void goesOnWithPulledRates() throws IOException {
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(PULLED);
    ComputationGraph net = checkpoint.network(ComputationGraph.class);
    assertThat(net.getIterationCount()).isEqualTo(3);
    assertThat(net.getEpochCount()).isEqualTo(1);
    assertThat(checkpoint.batchesIntoEpoch()).isZero();
    assertThat(net.getLearningRate("a")).isCloseTo(0.015, ROUNDING);
    ComputationGraph twin = pulled();
    bringTo(ModelSerializer.restoreComputationGraph(PULLED.toFile(), true), twin);
    DataSet batch = epoch().next();
    net.fit(batch);
    twin.fit(batch);
    assertNext(net, twin, PULLED_NEXT);
  }

  @Test
  void namesClassesAsTheyWereNamed() throws IOException {
    assertThat(classes(PUSHED))
        .containsExactly(
            "io.github.dl4jtorch.adapter.TorchSchedule",
            "io.github.dl4jtorch.adapter.internal.FrozenUpdater",
            "io.github.dl4jtorch.adapter.internal.LrCell",
            "io.github.dl4jtorch.adapter.optim.TorchAdamW",
            "io.github.dl4jtorch.adapter.optim.TorchBatchNormalization",
            "io.github.dl4jtorch.adapter.optim.TorchSGD",
            "org.deeplearning4j.nn.conf.layers.DenseLayer",
            "org.deeplearning4j.nn.conf.layers.OutputLayer",
            "org.deeplearning4j.nn.weights.WeightInitXavier",
            "org.nd4j.linalg.activations.impl.ActivationIdentity",
            "org.nd4j.linalg.activations.impl.ActivationSigmoid",
            "org.nd4j.linalg.activations.impl.ActivationTanH",
            "org.nd4j.linalg.learning.config.Adam",
            "org.nd4j.linalg.learning.config.Nesterovs",
            "org.nd4j.linalg.lossfunctions.impl.LossMSE");
    assertThat(classes(PULLED))
        .containsExactly(
            "io.github.dl4jtorch.adapter.TorchSchedule",
            "io.github.dl4jtorch.adapter.optim.TorchAdam",
            "org.deeplearning4j.nn.conf.graph.LayerVertex",
            "org.deeplearning4j.nn.conf.layers.DenseLayer",
            "org.deeplearning4j.nn.conf.layers.OutputLayer",
            "org.deeplearning4j.nn.weights.WeightInitXavier",
            "org.nd4j.linalg.activations.impl.ActivationIdentity",
            "org.nd4j.linalg.activations.impl.ActivationTanH",
            "org.nd4j.linalg.lossfunctions.impl.LossMSE");
  }
}
