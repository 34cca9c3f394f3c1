package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.NetworkSchedule;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.MultiplicativeLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ScheduleType;

/** What DL4J's own file holds is enough to go on with any schedule that depends on the step. */
class PlainModelResumeTest {

  private static final double LR = 0.004;
  private static final double MOMENTUM = 0.9;
  private static final double CYCLE_LR = 0.001;
  private static final int STEPS = 10;
  private static final int[] STOPS = {1, 4, 7, 9};

  private static Stream<Schedule> schedules() {
    Schedule warmup =
        new SequentialLR(List.of(new LinearLR(0.1, 1, 4), new CosineAnnealingLR(8)), List.of(4));
    return Stream.of(
        new LambdaLR(EpochFunction.yolov5Cosine(20, 0.01)),
        new MultiplicativeLR(EpochFunction.table(1.0, 0.9, 0.8, 1.1)),
        new StepLR(3, 0.5),
        new MultiStepLR(List.of(2, 5, 9), 0.5),
        new ConstantLR(0.25, 6),
        new LinearLR(0.2, 1, 8),
        new ExponentialLR(0.9),
        new PolynomialLR(14, 2),
        new CosineAnnealingLR(14, 1e-4),
        new CosineAnnealingWarmRestarts(3, 2, 1e-4),
        CyclicLR.builder(CYCLE_LR, 0.005).stepSizeUp(3).build(),
        CyclicLR.builder(CYCLE_LR, 0.005).mode(CyclicLR.Mode.TRIANGULAR2).stepSizeUp(2).build(),
        CyclicLR.builder(CYCLE_LR, 0.005)
            .mode(CyclicLR.Mode.EXP_RANGE)
            .gamma(0.9)
            .stepSizeUp(2)
            .cycleMomentum(false)
            .build(),
        OneCycleLR.builder(0.01).totalSteps(STEPS + 3).build(),
        OneCycleLR.builder(0.01).totalSteps(STEPS + 3).threePhase(true).build(),
        new SWALR(0.001, 5, AnnealStrategy.COS),
        warmup,
        new ChainedScheduler(List.of(new ConstantLR(0.5, 4), new ExponentialLR(0.9))),
        new SequentialLR(
            List.of(
                warmup, new ChainedScheduler(List.of(new StepLR(2, 0.5), new ExponentialLR(0.95)))),
            List.of(7)));
  }

  private static MultiLayerNetwork net() {
    return Nets.layers(new Nesterovs(LR, MOMENTUM));
  }

  private static MultiLayerNetwork pulled(Schedule schedule) {
    return NetworkSchedule.of(schedule, ScheduleType.ITERATION).putInto(net());
  }

  private static MultiLayerNetwork pushed(Schedule schedule) {
    MultiLayerNetwork net = net();
    LRScheduler run = schedule.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    return net;
  }

  private static void assertEndsAs(MultiLayerNetwork net, MultiLayerNetwork expected) {
    assertThat(net.getLearningRate(0)).isEqualTo(expected.getLearningRate(0));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(expected));
    assertThat(net.updaterState().toDoubleVector())
        .isEqualTo(expected.updaterState().toDoubleVector());
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void pulledScheduleNeedsNothing(Schedule schedule) throws IOException {
    MultiLayerNetwork uninterrupted = pulled(schedule);
    uninterrupted.fit(Nets.epoch(STEPS));
    for (int stop : STOPS) {
      MultiLayerNetwork net = pulled(schedule);
      Nets.fit(net, Nets.data(STEPS).subList(0, stop));
      MultiLayerNetwork resumed = Nets.restored(net);
      Nets.fit(resumed, Nets.data(STEPS).subList(stop, STEPS));
      assertEndsAs(resumed, uninterrupted);
    }
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void pullTakesUpAPushedTraining(Schedule schedule) throws IOException {
    MultiLayerNetwork uninterrupted = pushed(schedule);
    uninterrupted.fit(Nets.epoch(STEPS));
    for (int stop : STOPS) {
      MultiLayerNetwork net = pushed(schedule);
      Nets.fit(net, Nets.data(STEPS).subList(0, stop));
      MultiLayerNetwork resumed =
          NetworkSchedule.of(schedule, ScheduleType.ITERATION)
              .withLr(LR)
              .withOffset(0)
              .putInto(Nets.restored(net));
      Nets.fit(resumed, Nets.data(STEPS).subList(stop, STEPS));
      assertEndsAs(resumed, uninterrupted);
    }
  }

  /** A run that is stepped as often as the network has iterations is where the former one was. */
  @ParameterizedTest
  @MethodSource("schedules")
  void pushIsSteppedToWhereItWas(Schedule schedule) throws IOException {
    MultiLayerNetwork uninterrupted = pushed(schedule);
    uninterrupted.fit(Nets.epoch(STEPS));
    for (int stop : STOPS) {
      MultiLayerNetwork net = pushed(schedule);
      Nets.fit(net, Nets.data(STEPS).subList(0, stop));
      MultiLayerNetwork resumed = Nets.restored(net);
      NetworkParamGroups groups = NetworkParamGroups.of(resumed);
      groups.get(0).setLr(LR);
      LRScheduler run = schedule.attach(groups);
      for (int step = 0; step < resumed.getIterationCount(); step++) {
        run.step();
      }
      resumed.addListeners(SchedulerListener.everyIteration(run));
      Nets.fit(resumed, Nets.data(STEPS).subList(stop, STEPS));
      assertEndsAs(resumed, uninterrupted);
    }
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void pushTakesUpFromTheCount(Schedule schedule) throws IOException {
    MultiLayerNetwork uninterrupted = pushed(schedule);
    uninterrupted.fit(Nets.epoch(STEPS));
    for (int stop : STOPS) {
      MultiLayerNetwork net = pushed(schedule);
      Nets.fit(net, Nets.data(STEPS).subList(0, stop));
      MultiLayerNetwork resumed = Nets.restored(net);
      NetworkParamGroups groups = NetworkParamGroups.of(resumed);
      // CyclicLR sets the rate it starts from, whatever the group had.
      groups.get(0).setInitialLr(schedule instanceof CyclicLR ? CYCLE_LR : LR);
      LRScheduler run = schedule.attach(groups, resumed.getIterationCount() - 1);
      resumed.addListeners(SchedulerListener.everyIteration(run));
      Nets.fit(resumed, Nets.data(STEPS).subList(stop, STEPS));
      assertEndsAs(resumed, uninterrupted);
    }
  }
}
