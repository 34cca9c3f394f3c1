package io.github.dl4jtorch.adapter.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** What is noted is what the updates really used; the log goes to the standard error stream. */
class LearningRateMonitorTest {

  private static final String LOGGER = LearningRateMonitor.class.getName();
  private static final Schedule CYCLE = OneCycleLR.builder(0.1).totalSteps(6).build();

  private final PrintStream usual = System.err;
  private final ByteArrayOutputStream log = new ByteArrayOutputStream();

  @TempDir Path folder;

  @BeforeEach
  void listen() {
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setErr(usual);
  }

  /** Returns the lines of the monitor, without the thread's name before them. */
  private List<String> lines() {
    return log.toString(StandardCharsets.UTF_8)
        .lines()
        .filter(line -> line.contains(LOGGER))
        .map(line -> line.replaceFirst("^\\[[^]]*] INFO " + LOGGER + " - ", ""))
        .toList();
  }

  private static TorchSchedule pulled(Schedule schedule, double lr) {
    return TorchSchedule.lr(schedule, lr, ScheduleType.ITERATION);
  }

  private static void assertMoved(Nets.Movement movement, double... lrs) {
    assertThat(movement.rates).hasSize(lrs.length);
    for (int i = 0; i < lrs.length; i++) {
      assertThat(movement.rates.get(i)).isCloseTo(lrs[i], within(1e-12));
    }
  }

  @Test
  void notesAPulledRate() {
    MultiLayerNetwork net = Nets.layers(new Sgd(pulled(new CosineAnnealingLR(4), 0.04)));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    Nets.Movement movement = new Nets.Movement();
    net.setListeners(monitor, movement);
    net.fit(Nets.epoch(3), 2);
    assertThat(monitor.names()).containsExactly("all");
    assertThat(monitor.iterations()).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(monitor.epochs()).containsExactly(0, 0, 0, 1, 1, 1);
    TorchSchedule lr = pulled(new CosineAnnealingLR(4), 0.04);
    assertThat(monitor.lrs("all"))
        .containsExactly(IntStream.range(0, 6).mapToDouble(i -> lr.valueAt(i, 0)).toArray());
    assertThat(monitor.momenta("all")).hasSize(6).containsOnly(Double.NaN);
    assertMoved(movement, monitor.lrs("all"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void notesAPushedRateWhereverItStands(boolean isFirst) {
    ComputationGraph net = Nets.graph(new Sgd(0.08));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new StepLR(2, 0.5).attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    Nets.Movement movement = new Nets.Movement();
    SchedulerListener stepper = SchedulerListener.everyIteration(run);
    List<TrainingListener> listeners = new ArrayList<>(List.of(stepper, movement));
    listeners.add(isFirst ? 0 : 2, monitor);
    net.setListeners(listeners);
    net.fit(Nets.epoch(5), 1);
    assertThat(monitor.names()).containsExactly("param group 0");
    assertThat(monitor.lrs("param group 0")).containsExactly(0.08, 0.08, 0.04, 0.04, 0.02);
    assertMoved(movement, 0.08, 0.08, 0.04, 0.04, 0.02);
    assertThat(lines())
        .containsExactly(
            "iteration 2, epoch 0, param group 0: learning rate from 0.08 to 0.04",
            "iteration 4, epoch 0, param group 0: learning rate from 0.04 to 0.02");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void seesARateSetByHandWithGroupsPartedAgain(boolean isFirst) {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    LRScheduler run = new StepLR(3, 0.5).attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    Nets.Movement movement = new Nets.Movement();
    SchedulerListener stepper = SchedulerListener.everyIteration(run);
    net.setListeners(
        isFirst ? List.of(monitor, stepper, movement) : List.of(stepper, movement, monitor));
    Nets.fit(net, Nets.data(1));
    net.setLearningRate(0.02); // Which joins the groups.
    Nets.fit(net, Nets.data(3));
    for (String name : List.of("param group 0", "param group 1", "param group 2")) {
      assertThat(monitor.lrs(name)).containsExactly(0.08, 0.02, 0.02, 0.01);
    }
    assertMoved(movement, 0.08, 0.02, 0.02, 0.01);
  }

  @Test
  void splitsASeriesWhereRatesPartAndKeepsItsPast() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    ParameterRates rates = new ParameterRates(1);
    net.setListeners(monitor, rates);
    Nets.fit(net, Nets.data(2));
    assertThat(monitor.names()).containsExactly("all");
    net.setLearningRate(1, 0.02);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.names()).containsExactly("layer0 + layer2", "layer1");
    net.setLearningRate(0.02);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.lrs("layer0 + layer2")).containsExactly(0.08, 0.08, 0.08, 0.02);
    assertThat(monitor.lrs("layer1")).containsExactly(0.08, 0.08, 0.02, 0.02);
    for (int i = 0; i < 4; i++) {
      assertThat(rates.of("0_W").get(i))
          .isCloseTo(monitor.lrs("layer0 + layer2")[i], within(1e-12));
      assertThat(rates.of("2_b").get(i))
          .isCloseTo(monitor.lrs("layer0 + layer2")[i], within(1e-12));
      assertThat(rates.of("1_W").get(i)).isCloseTo(monitor.lrs("layer1")[i], within(1e-12));
    }
    assertThat(lines())
        .containsExactly(
            "iteration 2, epoch 0, layer1: learning rate from 0.08 to 0.02",
            "iteration 3, epoch 0, layer0 + layer2: learning rate from 0.08 to 0.02");
    Path file = folder.resolve("rates.csv");
    monitor.writeCsv(file);
    assertThat(file)
        .hasContent(
            """
            iteration,epoch,layer0 + layer2 lr,layer0 + layer2 momentum,layer1 lr,layer1 momentum
            0,0,0.08,,0.08,
            1,0,0.08,,0.08,
            2,0,0.08,,0.02,
            3,0,0.02,,0.02,
            """);
  }

  @Test
  void listsBiasesAndLongSeriesInNames() {
    MultiLayerConfiguration configuration =
        Nets.settings(new Sgd(0.1))
            .biasUpdater(new Sgd(0.2))
            .list(
                Nets.dense(Nets.INPUTS, 4),
                Nets.dense(4, 4),
                Nets.dense(4, 4),
                Nets.output(4, new Sgd(0.3)))
            .build();
    MultiLayerNetwork net = Nets.init(configuration);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.setListeners(monitor);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.names())
        .containsExactly("layer0.W + layer1.W + layer2.W", "layer0.b + 3 more", "layer3.W");
    assertThat(monitor.lrs("layer0.b + 3 more")).containsExactly(0.2);
    assertThat(monitor.lrs("layer3.W")).containsExactly(0.3);
  }

  @Test
  void makesOneSeriesOfManyBlocksAndLeavesFrozenLayersOut() {
    DenseLayer frozen = Nets.dense(4, 4);
    MultiLayerConfiguration configuration =
        Nets.settings(new Adam(0.1))
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                new FrozenLayer(frozen),
                Nets.output(4))
            .build();
    MultiLayerNetwork net = Nets.init(configuration);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.setListeners(monitor);
    Nets.fit(net, Nets.data(2));
    assertThat(Nets.blocks(net)).isEqualTo(3);
    assertThat(monitor.names()).containsExactly("all");
    net.setLearningRate(3, 0.3);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.names()).containsExactly("layer0 + layer1", "layer3");
    assertThat(monitor.momenta("layer3")).containsExactly(0.9, 0.9, 0.9);
  }

  @Test
  void takesUpALayerThatIsGivenARateLater() throws IOException {
    MultiLayerConfiguration configuration =
        Nets.settings(new Sgd(0.1))
            .list(Nets.dense(Nets.INPUTS, 4, new NoOp()), Nets.output(4))
            .build();
    MultiLayerNetwork net = Nets.init(configuration);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.setListeners(monitor);
    Nets.fit(net, Nets.data(1));
    ((BaseLayer) net.getLayer(0).conf().getLayer()).setIUpdater(new Sgd(0.2));
    net.setUpdater(null);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.names()).containsExactly("layer1", "layer0");
    assertThat(monitor.lrs("layer1")).containsExactly(0.1, 0.1);
    assertThat(monitor.lrs("layer0")).containsExactly(Double.NaN, 0.2);
  }

  /** The momentum that each update used, from how the buffer of a plain SGD must have moved. */
  private static double[] momenta(Nets.Movement movement, double[] lrs) {
    double[] momenta = new double[lrs.length];
    INDArray buffer = movement.steps.get(0).div(lrs[0]);
    for (int i = 1; i < lrs.length; i++) {
      INDArray next = movement.steps.get(i).div(lrs[i]);
      INDArray kept = next.sub(movement.gradients.get(i));
      momenta[i] =
          kept.mul(buffer).sumNumber().doubleValue() / buffer.mul(buffer).sumNumber().doubleValue();
      buffer = next;
    }
    return momenta;
  }

  @Test
  void notesAMomentumOnASchedule() {
    TorchSchedule momentum = TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION);
    MultiLayerNetwork net = Nets.layers(new TorchSGD(pulled(CYCLE, 0.01)).withMomentum(momentum));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    Nets.Movement movement = new Nets.Movement();
    net.setListeners(monitor, movement);
    Nets.fit(net, Nets.data(6));
    double[] noted = monitor.momenta("all");
    assertThat(noted)
        .containsExactly(IntStream.range(0, 6).mapToDouble(i -> momentum.valueAt(i, 0)).toArray());
    double[] used = momenta(movement, monitor.lrs("all"));
    for (int i = 1; i < 6; i++) {
      assertThat(used[i]).isCloseTo(noted[i], within(1e-9));
    }
    assertThat(lines().get(0))
        .isEqualTo(
            "iteration 1, epoch 0, all: learning rate from "
                + monitor.lrs("all")[0]
                + " to "
                + monitor.lrs("all")[1]
                + ", momentum from 0.95 to "
                + noted[1]);
  }

  @Test
  void notesTheMomentaOfOtherUpdaters() {
    TorchSchedule momentum = TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION);
    for (IUpdater updater :
        List.of(
            new Nesterovs(pulled(CYCLE, 0.01), momentum),
            new TorchAdam(pulled(CYCLE, 0.01)).withBeta1(momentum))) {
      MultiLayerNetwork net = Nets.layers(updater);
      LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
      net.setListeners(monitor);
      Nets.fit(net, Nets.data(3));
      assertThat(monitor.momenta("all"))
          .containsExactly(0.95, momentum.valueAt(1, 0), momentum.valueAt(2, 0));
    }
  }

  @Test
  void notesAPushedBeta1() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run =
        CyclicLR.builder(0.01, 0.03).stepSizeUp(2).cycleMomentum(true).build().attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    net.setListeners(SchedulerListener.everyIteration(run), monitor);
    Nets.fit(net, Nets.data(3));
    ParamGroups plain = ParamGroups.of(ParamGroup.adam(0.01, 0.9));
    LRScheduler same = CyclicLR.builder(0.01, 0.03).stepSizeUp(2).build().attach(plain);
    for (int i = 0; i < 3; i++) {
      assertThat(monitor.lrs("param group 0")[i]).isEqualTo(plain.get(0).lr());
      assertThat(monitor.momenta("param group 0")[i]).isEqualTo(plain.get(0).momentum());
      same.step();
    }
  }

  @Test
  void aPushedRateBelowZeroByRoundingIsNotedAsUsed() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    net.setListeners(monitor);
    groups.get(0).setLr(-1e-18);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.lrs("param group 0")).containsExactly(0.0);
  }

  @Test
  void followsAPlateau() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = ReduceLROnPlateau.builder().factor(0.5).patience(0).build().attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyEpoch(groups);
    net.setListeners(monitor, SchedulerListener.everyEpoch(run, model -> 1.0));
    net.fit(Nets.epoch(2), 4);
    assertThat(monitor.iterations()).containsExactly(0, 2, 4, 6);
    assertThat(monitor.epochs()).containsExactly(0, 1, 2, 3);
    assertThat(monitor.lrs("param group 0")).containsExactly(0.08, 0.08, 0.04, 0.02);
  }

  @Test
  void keepsEveryOtherEpoch() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LearningRateMonitor monitor = LearningRateMonitor.everyEpoch(net).withInterval(2);
    net.setListeners(monitor);
    net.fit(Nets.epoch(3), 5);
    assertThat(monitor.iterations()).containsExactly(0, 6, 12);
    assertThat(monitor.epochs()).containsExactly(0, 2, 4);
  }

  @Test
  void logsEachChangeOfAScheduleByEpochs() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    net.setListeners(LearningRateMonitor.everyIteration(net), SchedulerListener.everyEpoch(run));
    net.fit(Nets.epoch(3), 4);
    assertThat(lines())
        .containsExactly(
            "iteration 3, epoch 1, all: learning rate from 0.08 to 0.04",
            "iteration 6, epoch 2, all: learning rate from 0.04 to 0.02",
            "iteration 9, epoch 3, all: learning rate from 0.02 to 0.01");
  }

  @Test
  void logsAScheduleByIterationsOnceAnEpochAndAtItsEnd() {
    MultiLayerNetwork net = Nets.layers(new Sgd(1.0 / 1024));
    LRScheduler run =
        new MultiStepLR(List.of(1, 2, 3, 4, 5, 6, 7), 2).attach(NetworkParamGroups.of(net));
    net.setListeners(
        LearningRateMonitor.everyIteration(net), SchedulerListener.everyIteration(run));
    net.fit(Nets.epoch(4), 3);
    assertThat(lines())
        .containsExactly(
            "iteration 1, epoch 0, all: learning rate from 9.765625E-4 to 0.001953125",
            "iteration 4, epoch 1, all: learning rate from 0.001953125 to 0.015625",
            "iteration 8, epoch 2, all: learning rate from 0.015625 to 0.125");
    net.fit(Nets.epoch(4), 1);
    assertThat(lines()).hasSize(3);
  }

  @Test
  void logsWhereAScheduleByIterationsComesToRest() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    LRScheduler run = new MultiStepLR(List.of(1, 2, 3), 0.5).attach(NetworkParamGroups.of(net));
    net.setListeners(
        LearningRateMonitor.everyIteration(net), SchedulerListener.everyIteration(run));
    Nets.fit(net, Nets.data(7));
    assertThat(lines())
        .containsExactly(
            "iteration 1, epoch 0, all: learning rate from 0.08 to 0.04",
            "iteration 4, epoch 0, all: learning rate from 0.04 to 0.01");
  }

  @Test
  void logsBetweenTheRowsItKeeps() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new StepLR(3, 0.5).attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups).withInterval(2);
    net.setListeners(monitor, SchedulerListener.everyIteration(run));
    Nets.fit(net, Nets.data(7));
    assertThat(monitor.iterations()).containsExactly(0, 2, 4, 6);
    assertThat(monitor.lrs("param group 0")).containsExactly(0.08, 0.08, 0.04, 0.02);
    assertThat(lines())
        .containsExactly(
            "iteration 3, epoch 0, param group 0: learning rate from 0.08 to 0.04",
            "iteration 6, epoch 0, param group 0: learning rate from 0.04 to 0.02");
  }

  @Test
  void keepsManyRows() {
    MultiLayerNetwork net = Nets.layers(new Sgd(pulled(new StepLR(1, 0.99), 0.08)));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    for (int i = 0; i < 100; i++) {
      net.setIterationCount(i);
      monitor.onGradientCalculation(net);
      monitor.iterationDone(net, i, 0);
    }
    TorchSchedule lr = pulled(new StepLR(1, 0.99), 0.08);
    assertThat(monitor.lrs("all"))
        .containsExactly(IntStream.range(0, 100).mapToDouble(i -> lr.valueAt(i, 0)).toArray());
  }

  @Test
  void countsOnlyUpdatesThatWereMade() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.setListeners(monitor);
    Nets.fit(net, Nets.data(1));
    monitor.onGradientCalculation(net);
    Nets.fit(net, Nets.data(1));
    assertThat(monitor.iterations()).containsExactly(0, 1);
  }

  @Test
  void writesWhatItTakesToGoOn() throws IOException {
    Path file = folder.resolve("rates.csv");
    MultiLayerNetwork net = Nets.layers(new Nesterovs(pulled(new StepLR(2, 0.5), 0.1), 0.9));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.setListeners(monitor);
    Nets.fit(net, Nets.data(2));
    MultiLayerNetwork restored = Nets.restored(net);
    Nets.fit(net, Nets.data(1)); // Lost with the crash that made the restoring necessary.
    monitor.appendCsv(file);
    LearningRateMonitor second = LearningRateMonitor.everyIteration(restored);
    restored.setListeners(second);
    Nets.fit(restored, Nets.data(3));
    second.appendCsv(file);
    assertThat(file)
        .hasContent(
            """
            iteration,epoch,all lr,all momentum
            0,0,0.1,0.9
            1,0,0.1,0.9
            2,0,0.05,0.9
            3,0,0.05,0.9
            4,0,0.025,0.9
            """);
  }

  @Test
  void leavesAFileWithOtherColumnsAsItIs() throws IOException {
    Path file = folder.resolve("rates.csv");
    Files.writeString(file, "iteration,epoch,b lr,b momentum\n0,0,1.0,\n");
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(Nets.layers(new Sgd(0.1)));
    assertThatThrownBy(() -> monitor.appendCsv(file))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            file
                + " must have the columns \"iteration,epoch,all lr,all momentum\" but has"
                + " \"iteration,epoch,b lr,b momentum\"");
    assertThat(file).hasContent("iteration,epoch,b lr,b momentum\n0,0,1.0,\n");
  }

  @Test
  void quotesNames() throws IOException {
    MultiLayerConfiguration configuration =
        Nets.settings(new Sgd(0.1))
            .list(
                new DenseLayer.Builder().name("a,b").nIn(Nets.INPUTS).nOut(2).build(),
                new DenseLayer.Builder()
                    .name("c \"d\"")
                    .nIn(2)
                    .nOut(2)
                    .updater(new Sgd(0.2))
                    .build(),
                Nets.output(2, new Sgd(1e-300)))
            .build();
    MultiLayerNetwork net = Nets.init(configuration);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.setListeners(monitor);
    Nets.fit(net, Nets.data(1));
    Path file = folder.resolve("rates.csv");
    monitor.writeCsv(file);
    assertThat(file)
        .hasContent(
            """
            iteration,epoch,"a,b lr","a,b momentum","c ""d"" lr","c ""d"" momentum",layer2 lr,layer2 momentum
            0,0,0.1,,0.2,,1.0E-300,
            """);
  }

  @Test
  void notesTheNetworkItselfAmongWorkersCopies() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Sgd(pulled(new StepLR(1, 0.5), 0.08)));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    List<Throwable> failures = new ArrayList<>();
    List<Thread> workers = new ArrayList<>();
    for (int worker = 0; worker < 3; worker++) {
      MultiLayerNetwork replica = worker == 0 ? net : NetworkCopy.of(net);
      replica.setListeners(monitor);
      workers.add(new Thread(() -> Nets.fit(replica, Nets.data(4))));
      workers.get(worker).setUncaughtExceptionHandler((thread, failure) -> failures.add(failure));
    }
    workers.forEach(Thread::start);
    for (Thread worker : workers) {
      worker.join();
    }
    assertThat(failures).isEmpty();
    assertThat(monitor.iterations()).containsExactly(0, 1, 2, 3);
    assertThat(monitor.lrs("all")).containsExactly(0.08, 0.04, 0.02, 0.01);
    assertThat(lines())
        .containsOnlyOnce(
            "called for a copy of the network, too; only the network itself is recorded")
        .hasSize(2);
  }

  /** Writes down what a monitor hands on. */
  private static final class Written implements TrainingLog {
    private final List<String> lines = new ArrayList<>();

    @Override
    public void begin(int iteration) {
      lines.add("begin " + iteration);
    }

    @Override
    public void write(TrainingRow row) {
      lines.add(
          row.iteration()
              + "/"
              + row.epoch()
              + " "
              + row.lrs()
              + " "
              + row.momenta()
              + " "
              + row.columns());
    }
  }

  /** Scores that go down by one, from a number on; the second is not there yet. */
  private static DoubleSupplier falling(double from) {
    double[] next = {from};
    return () -> next[0]-- == from - 1 ? Double.NaN : next[0] + 1;
  }

  @Test
  void handsOnWhatTheCsvHas() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(pulled(new StepLR(2, 0.5), 0.08), 0.9));
    Written log = new Written();
    LearningRateMonitor monitor =
        LearningRateMonitor.everyIteration(net)
            .withScore("score/raw", falling(9))
            .withColumn("step", () -> net.getIterationCount() == 1 ? Double.NaN : 7)
            .withLog(log);
    net.setListeners(monitor);
    net.fit(Nets.epoch(2), 3);
    assertThat(log.lines)
        .containsExactly(
            "begin 0",
            "0/0 {all=0.08} {all=0.9} {step=7.0}",
            "1/0 {all=0.08} {all=0.9} {}",
            "1/0 {} {} {score/raw=9.0}",
            "2/1 {all=0.04} {all=0.9} {step=7.0}",
            "3/1 {all=0.04} {all=0.9} {step=7.0}",
            "3/1 {} {} {}",
            "4/2 {all=0.02} {all=0.9} {step=7.0}",
            "5/2 {all=0.02} {all=0.9} {step=7.0}",
            "5/2 {} {} {score/raw=7.0}");
    Path file = folder.resolve("rates.csv");
    monitor.writeCsv(file);
    assertThat(file)
        .hasContent(
            """
            iteration,epoch,all lr,all momentum,step,score/raw
            0,0,0.08,0.9,7.0,
            1,0,0.08,0.9,,9.0
            2,1,0.04,0.9,7.0,
            3,1,0.04,0.9,7.0,
            4,2,0.02,0.9,7.0,
            5,2,0.02,0.9,7.0,7.0
            """);
    assertThat(monitor.column("score/raw"))
        .containsExactly(Double.NaN, 9, Double.NaN, Double.NaN, Double.NaN, 7);
  }

  @Test
  void keepsARowForTheScoreOfAnEpochWithoutOne() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    Written log = new Written();
    LearningRateMonitor monitor =
        LearningRateMonitor.everyIteration(net)
            .withScore("score", falling(9))
            .withInterval(4)
            .withLog(log);
    net.setListeners(monitor);
    net.fit(Nets.epoch(2), 4);
    assertThat(monitor.iterations()).containsExactly(0, 3, 4, 7);
    assertThat(monitor.column("score")).containsExactly(9, Double.NaN, 7, 6);
    assertThat(log.lines)
        .containsExactly(
            "begin 0",
            "0/0 {all=0.08} {} {}",
            "1/0 {} {} {score=9.0}",
            "3/1 {all=0.08} {} {}",
            "3/1 {} {} {}",
            "4/2 {all=0.08} {} {}",
            "5/2 {} {} {score=7.0}",
            "7/3 {all=0.08} {} {}",
            "7/3 {} {} {score=6.0}");
  }

  @Test
  void beginsALogWhereTheTrainingGoesOn() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    Nets.fit(net, Nets.data(3));
    Written log = new Written();
    net.setListeners(LearningRateMonitor.everyIteration(net).withInterval(2).withLog(log));
    Nets.fit(net, Nets.data(1));
    net.setLearningRate(1, 0.02);
    Nets.fit(net, Nets.data(1));
    assertThat(log.lines)
        .containsExactly("begin 3", "4/0 {layer0 + layer2=0.08, layer1=0.02} {} {}");
  }

  @Test
  void noUpdateIsMadeIfALogCannotBegin() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.08));
    double[] before = Nets.params(net);
    TrainingLog broken =
        new TrainingLog() {
          @Override
          public void begin(int iteration) {
            throw new UncheckedIOException(new IOException("the disk is full"));
          }

          @Override
          public void write(TrainingRow row) {}
        };
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net).withLog(broken);
    net.setListeners(monitor);
    assertThatThrownBy(() -> Nets.fit(net, Nets.data(1)))
        .isExactlyInstanceOf(UncheckedIOException.class)
        .hasMessage("java.io.IOException: the disk is full");
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(monitor.iterations()).isEmpty();
  }

  @Test
  void notesScoresOfALoopOverBatches() {
    ComputationGraph net = Nets.graph(new Sgd(0.08));
    LearningRateMonitor monitor =
        LearningRateMonitor.everyIteration(net).withScore("score", falling(9));
    net.setListeners(monitor);
    EpochLoop.of(net, monitor).fit(3, () -> Nets.fit(net, Nets.data(2)));
    assertThat(monitor.epochs()).containsExactly(0, 0, 1, 1, 2, 2);
    assertThat(monitor.column("score"))
        .containsExactly(Double.NaN, 9, Double.NaN, Double.NaN, Double.NaN, 7);
  }

  @Test
  void refusesANameTwice() {
    LearningRateMonitor monitor =
        LearningRateMonitor.everyIteration(Nets.layers(new Sgd(0.1)))
            .withColumn("loss", () -> 1)
            .withScore("score", () -> 1);
    for (String name : List.of("loss", "score")) {
      for (ThrowingCallable call :
          List.<ThrowingCallable>of(
              () -> monitor.withColumn(name, () -> 2).names(),
              () -> monitor.withScore(name, () -> 2).names())) {
        assertThatThrownBy(call)
            .isExactlyInstanceOf(IllegalArgumentException.class)
            .hasMessage("name must not be given twice but was " + name);
      }
    }
    assertThatThrownBy(() -> monitor.column("lr"))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must be one of [loss, score] but was lr");
  }

  @Test
  void refusesAnotherNetwork() {
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(Nets.layers(new Sgd(0.1)));
    List<Model> others =
        List.of(
            Nets.graph(new Sgd(0.1)),
            Nets.init(Nets.settings(new Sgd(0.1)).list(Nets.output(Nets.INPUTS)).build()));
    for (Model other : others) {
      Nets.addListeners(other, monitor);
      assertThatThrownBy(() -> Nets.fit(other, Nets.data(1)))
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage(
              "a LearningRateMonitor must be added only to the network that it was made for, but"
                  + " was called for another; make one for each");
    }
    assertThat(monitor.iterations()).isEmpty();
  }

  @Test
  void refusesWhatItCannotDo() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    assertThat(NetworkUpdater.isUntrained(net)).isTrue();
    assertThatThrownBy(() -> monitor.withInterval(0))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("interval must be >= 1 but was 0");
    assertThatThrownBy(() -> monitor.lrs("layer0"))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must be one of [all] but was layer0");
    assertThatThrownBy(() -> LearningRateMonitor.everyIteration(Nets.graph(new AdaDelta())))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the network must have an updater with a learning rate to be monitored but has none");
    for (Runnable call :
        Arrays.<Runnable>asList(
            () ->
                LearningRateMonitor.everyIteration(
                    new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.1)))),
            () ->
                LearningRateMonitor.everyIteration(
                    new ComputationGraph(Nets.graphConfiguration(new Sgd(0.1)))))) {
      assertThatThrownBy(call::run)
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage("the network must be initialised before it is monitored: call net.init()");
    }
  }
}
