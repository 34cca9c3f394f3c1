package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.nd4j.linalg.schedule.ScheduleType;

/** What a {@link TorchSchedule} in a configuration does to the parameters. */
class PullTest {

  private static final int STEPS = 12;
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(STEPS).build();
  private static final TorchSchedule CYCLE_LR =
      TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION);

  static Stream<Model> networks() {
    Sgd updater = new Sgd(TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION));
    return Stream.of(Nets.layers(updater), Nets.graph(updater));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void movesTheParametersByTheRateOfEachIteration(Model net) {
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    Nets.fit(net, Nets.data(STEPS));
    ParamGroup group = ParamGroup.sgd(0.1, 0.9);
    LRScheduler run = CYCLE.attach(ParamGroups.of(group));
    for (int iteration = 0; iteration < STEPS; iteration++) {
      assertThat(movement.rates.get(iteration)).isCloseTo(group.lr(), within(1e-12));
      run.step();
    }
  }

  @Test
  void movesTheParametersByTheRateOfEachEpoch() {
    MultiLayerNetwork net =
        Nets.layers(new Sgd(TorchSchedule.lr(new StepLR(2, 0.5), 0.04, ScheduleType.EPOCH)));
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    net.fit(Nets.epoch(2), 3);
    List<Double> expected = List.of(0.04, 0.04, 0.04, 0.04, 0.02, 0.02);
    for (int iteration = 0; iteration < 6; iteration++) {
      assertThat(movement.rates.get(iteration)).isCloseTo(expected.get(iteration), within(1e-12));
    }
  }

  @Test
  void drivesTheMomentumOfNesterovs() {
    MultiLayerNetwork net =
        Nets.layers(
            new Nesterovs(
                TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION),
                TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION)));
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    Nets.fit(net, Nets.data(STEPS));
    assertThatStepsAreNesterovs(movement, CYCLE);
  }

  /** Follows DL4J's rule for Nesterovs, which keeps the rate in the velocity. */
  static void assertThatStepsAreNesterovs(Nets.Movement movement, Schedule definition) {
    ParamGroup group = ParamGroup.sgd(0.1, 0.9);
    LRScheduler run = definition.attach(ParamGroups.of(group));
    INDArray velocity = movement.gradients.get(0).mul(0);
    for (int iteration = 0; iteration < movement.steps.size(); iteration++) {
      INDArray previous = velocity;
      velocity =
          previous.mul(group.momentum()).sub(movement.gradients.get(iteration).mul(group.lr()));
      INDArray expected = previous.mul(group.momentum()).sub(velocity.mul(1 + group.momentum()));
      assertThat(movement.steps.get(iteration).sub(expected).amaxNumber().doubleValue())
          .isLessThan(1e-13);
      run.step();
    }
  }

  @ParameterizedTest
  @MethodSource("io.github.dl4jtorch.adapter.TorchScheduleTest#definitions")
  void followsEveryDefinition(Schedule definition) {
    Sgd updater = new Sgd(TorchSchedule.lr(definition, 0.01, ScheduleType.ITERATION));
    for (Model net : nets(updater)) {
      Nets.Movement movement = new Nets.Movement();
      Nets.addListeners(net, movement);
      Nets.fit(net, Nets.data(STEPS));
      ParamGroup group = ParamGroup.sgd(0.01, 0.9);
      LRScheduler run = definition.attach(ParamGroups.of(group));
      for (int iteration = 0; iteration < STEPS; iteration++) {
        assertThat(movement.rates.get(iteration)).isCloseTo(group.lr(), within(1e-10));
        run.step();
      }
    }
  }

  /** Gives the updater to each layer, since an AdaGrad given to the whole loses its schedule. */
  private static List<Model> nets(IUpdater updater) {
    ComputationGraph graph =
        new ComputationGraph(
            Nets.settings(new Sgd(9))
                .graphBuilder()
                .addInputs("in")
                .addLayer("a", Nets.dense(Nets.INPUTS, 4, updater), "in")
                .addLayer("out", Nets.output(4, updater), "a")
                .setOutputs("out")
                .build());
    graph.init();
    return List.of(
        Nets.init(
            Nets.settings(new Sgd(9))
                .list(Nets.dense(Nets.INPUTS, 4, updater), Nets.output(4, updater))
                .build()),
        graph);
  }

  /** The movement is compared with that of a copy whose rate is 1. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NESTEROVS")
  void givesEveryUpdaterTheRateOfEachIteration(UpdaterKind kind) throws Exception {
    for (Model net : nets(kind.following(CYCLE_LR))) {
      LRScheduler run = CYCLE.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
      for (DataSet batch : Nets.data(STEPS)) {
        Model copy = Nets.restored(net);
        for (UpdaterBlocks.Param param : new UpdaterBlocks(copy).params()) {
          param.updater().setLrAndSchedule(1, null);
        }
        INDArray before = net.params().dup();
        Nets.fit(net, List.of(batch));
        Nets.fit(copy, List.of(batch));
        INDArray step = net.params().sub(before);
        INDArray expected = copy.params().sub(before).muli(run.getLastLr()[0]);
        assertThat(step.sub(expected).amaxNumber().doubleValue())
            .isLessThan(1e-10 * expected.amaxNumber().doubleValue() + 1e-15);
        run.step();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void goesOnInARestoredNetworkAsIfNothingHadHappened(UpdaterKind kind) throws Exception {
    IUpdater updater = kind.following(CYCLE_LR);
    if (updater instanceof Nesterovs nesterovs) {
      nesterovs.setMomentumISchedule(TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION));
    }
    for (Model net : nets(updater)) {
      Nets.fit(net, Nets.data(5));
      Model restored = Nets.restored(net);
      // DL4J's networks fail in fit after Java has read them, so they are saved and restored, too.
      Model deserialized = Nets.restored(TorchScheduleSerializationTest.serialized(net));
      if (deserialized instanceof ComputationGraph graph) {
        graph.getConfiguration().setIterationCount(5); // Which Java serialization sets to 0.
      }
      assertThat(Nets.blocks(restored)).isEqualTo(Nets.blocks(net)).isEqualTo(1);
      assertThat(Nets.blocks(deserialized)).isEqualTo(1);
      for (Model each : List.of(net, restored, deserialized)) {
        Nets.fit(each, Nets.data(7));
      }
      assertThat(Nets.params(restored))
          .isEqualTo(Nets.params(net))
          .isEqualTo(Nets.params(deserialized))
          .doesNotContain(Double.NaN);
    }
  }

  /** What the Javadoc of TorchSchedule says of them. */
  @ParameterizedTest
  @EnumSource
  void doesNotStopAnUpdaterThatMovesAtZero(UpdaterKind kind) {
    Schedule stop = new LambdaLR(EpochFunction.table(1, 1, 0));
    for (Model net : nets(kind.following(TorchSchedule.lr(stop, 0.01, ScheduleType.ITERATION)))) {
      Nets.fit(net, Nets.data(2));
      INDArray before = net.params().dup();
      Nets.fit(net, Nets.data(1));
      double moved = net.params().sub(before).amaxNumber().doubleValue();
      switch (kind) {
        case SGD, RMSPROP, ADAGRAD, NADAM -> assertThat(moved).isZero();
        case NESTEROVS -> assertThat(moved).isBetween(1e-3, 1.0);
        case ADAM, AMSGRAD, ADAMAX -> assertThat(moved).isBetween(1e-9, 1e-7);
      }
    }
  }

  static Stream<Arguments> regularizations() {
    TorchSchedule coefficient =
        TorchSchedule.lr(new ExponentialLR(0.5), 0.3, ScheduleType.ITERATION);
    return Stream.of(
        arguments(new L1Regularization(coefficient), true),
        arguments(new L2Regularization(coefficient), true),
        arguments(new WeightDecay(coefficient, true), true),
        arguments(new WeightDecay(coefficient, false), false));
  }

  @ParameterizedTest
  @MethodSource("regularizations")
  void goesWithRegularizationOnASchedule(Regularization regularization, boolean timesRate)
      throws Exception {
    Layer layer =
        new DenseLayer.Builder()
            .nIn(Nets.INPUTS)
            .nOut(4)
            .regularization(List.of(regularization))
            .build();
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(
                    new Sgd(TorchSchedule.lr(new StepLR(1, 0.1), 0.01, ScheduleType.ITERATION)))
                .list(layer, Nets.output(4))
                .build());
    Model restored = Nets.restored(net);
    net.addListeners(
        new BaseTrainingListener() {
          private INDArray expected = Nd4j.empty();

          @Override
          public void onGradientCalculation(Model model) {
            double lr = 0.01 * Math.pow(0.1, net.getIterationCount());
            double coefficient = 0.3 * Math.pow(0.5, net.getIterationCount());
            INDArray weights = net.getParam("0_W");
            INDArray decay =
                regularization instanceof L1Regularization
                    ? Transforms.sign(weights, true)
                    : weights.dup();
            decay.muli(coefficient * (timesRate ? lr : 1));
            expected = weights.sub(net.gradient().getGradientFor("0_W").mul(lr)).subi(decay);
          }

          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            INDArray off = net.getParam("0_W").sub(expected);
            assertThat(off.amaxNumber().doubleValue()).isLessThan(1e-14);
          }
        });
    Nets.fit(net, Nets.data(4));
    Nets.fit(restored, Nets.data(4));
    assertThat(net.getIterationCount()).isEqualTo(4);
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
  }

  @Test
  void startsAtItsOffset() {
    StepLR halves = new StepLR(1, 0.5);
    MultiLayerNetwork net =
        Nets.layers(
            new Sgd(TorchSchedule.lr(halves, 0.04, ScheduleType.ITERATION).withOffset(-100)));
    net.setIterationCount(100);
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(movement);
    Nets.fit(net, Nets.data(3));
    assertThat(movement.rates.get(0)).isCloseTo(0.04, within(1e-12));
    assertThat(movement.rates.get(1)).isCloseTo(0.02, within(1e-12));
    assertThat(movement.rates.get(2)).isCloseTo(0.01, within(1e-12));
  }

  /** Which counts the epochs from 0 again. */
  @Test
  void servesEarlyStopping() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(1, 0.5), 0.04, ScheduleType.EPOCH);
    MultiLayerNetwork net = Nets.layers(new Sgd(schedule));
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(movement);
    EarlyStoppingConfiguration<MultiLayerNetwork> stopping =
        new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
            .epochTerminationConditions(new MaxEpochsTerminationCondition(3))
            .scoreCalculator(new DataSetLossCalculator(Nets.epoch(2), true))
            .build();
    EarlyStoppingResult<MultiLayerNetwork> result =
        new EarlyStoppingTrainer(stopping, net, Nets.epoch(2)).fit();
    assertThat(result.getTerminationDetails()).contains("MaxEpochs");
    assertThat(movement.rates).hasSize(6);
    List<Double> expected = List.of(0.04, 0.04, 0.02, 0.02, 0.01, 0.01);
    for (int iteration = 0; iteration < 6; iteration++) {
      assertThat(movement.rates.get(iteration)).isCloseTo(expected.get(iteration), within(1e-12));
    }
  }

  @Test
  void isShownByTheNetwork() {
    MultiLayerNetwork net =
        Nets.layers(new Sgd(TorchSchedule.lr(new StepLR(2, 0.5), 0.04, ScheduleType.ITERATION)));
    Nets.fit(net, Nets.data(2));
    assertThat(net.getLearningRate(1)).isEqualTo(0.02);
    ComputationGraph graph =
        Nets.graph(new Sgd(TorchSchedule.lr(new StepLR(2, 0.5), 0.04, ScheduleType.ITERATION)));
    Nets.fit(graph, Nets.data(2));
    assertThat(graph.getLearningRate("b")).isEqualTo(0.02);
  }
}
