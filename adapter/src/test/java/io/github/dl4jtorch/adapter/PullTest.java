package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** What a {@link TorchSchedule} in a configuration does to the parameters. */
class PullTest {

  private static final int STEPS = 12;
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(STEPS).build();

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

  static Stream<IUpdater> updaters() {
    TorchSchedule lr = TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION);
    return Stream.of(
        new Sgd(lr),
        new Adam(lr),
        new Nesterovs(lr, TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION)));
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void goesOnInARestoredNetworkAsIfNothingHadHappened(IUpdater updater) throws Exception {
    List<Model> nets = new ArrayList<>(List.of(Nets.layers(updater), Nets.graph(updater)));
    for (Model net : nets) {
      Nets.fit(net, Nets.data(5));
      Model restored = Nets.restored(net);
      assertThat(Nets.blocks(restored)).isEqualTo(Nets.blocks(net)).isEqualTo(1);
      Nets.fit(net, Nets.data(7));
      Nets.fit(restored, Nets.data(7));
      assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
      assertThat(Nets.params(restored)).doesNotContain(Double.NaN);
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
