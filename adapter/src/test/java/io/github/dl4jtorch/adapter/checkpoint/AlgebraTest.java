package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmedUp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Schedules made of others, pulled, pushed, saved and resumed like PyTorch's. */
class AlgebraTest {

  private static final int STEPS = 10;

  @TempDir private Path folder;

  static Stream<Schedule> schedules() {
    return Stream.of(
        new CosineAnnealingLR(4).then(4, new ExponentialLR(0.9)),
        new StepLR(1, 0.5).repeat(3, 3),
        new LinearLR(0.1, 1.0, 6).scaledBy(0.5).clampedTo(0.01, 0.04),
        new CosineAnnealingLR(8).shifted(-2).warmedUp(3, WarmedUp.Kind.EXPONENTIAL, 0.01),
        new StepLR(1, 0.5).perIteration(4),
        new SequentialLR(List.of(new LinearLR(), new StepLR(2).scaledBy(0.5)), 3));
  }

  private static double[] expected(Schedule schedule) {
    ParamGroup group = ParamGroup.withoutMomentum(0.1);
    LRScheduler run = schedule.attach(ParamGroups.of(group));
    double[] rates = new double[STEPS];
    for (int step = 0; step < STEPS; step++) {
      rates[step] = group.lr();
      run.step();
    }
    return rates;
  }

  private static void assertMoves(MultiLayerNetwork net, double[] rates, int from, int to) {
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(movement);
    Nets.fit(net, Nets.data(to - from));
    assertThat(movement.rates).hasSize(to - from);
    for (int i = from; i < to; i++) {
      assertThat(movement.rates.get(i - from))
          .as("iteration %s", i)
          .isCloseTo(rates[i], within(1e-12));
    }
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void isPulledAlsoByANetworkThatWasSaved(Schedule schedule) throws IOException {
    MultiLayerNetwork net =
        Nets.layers(new Sgd(TorchSchedule.lr(schedule, 0.1, ScheduleType.ITERATION)));
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(restored.getLayerWiseConfigurations()).isEqualTo(net.getLayerWiseConfigurations());
    assertMoves(net, expected(schedule), 0, STEPS);
    assertMoves(restored, expected(schedule), 0, STEPS);
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void isPushedAndGoesOnFromACheckpoint(Schedule schedule) throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run = schedule.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    assertMoves(net, expected(schedule), 0, 5);
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("schedule", run).save(file);

    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    LRScheduler resumed = checkpoint.run("schedule");

    assertThat(resumed.schedule()).isEqualTo(schedule);
    assertThat(resumed.stateDict()).isEqualTo(run.stateDict());
    MultiLayerNetwork restored = checkpoint.network(MultiLayerNetwork.class);
    restored.setListeners(SchedulerListener.everyIteration(resumed));
    assertMoves(restored, expected(schedule), 5, STEPS);
  }

  @Test
  void givesThePulledMomentumOfTheOperandAtWork() {
    Schedule schedule =
        CyclicLR.builder(0.1, 0.5).stepSizeUp(2).build().scaledBy(0.5).then(3, new StepLR(9));
    TorchSchedule momentum = TorchSchedule.momentum(schedule, 0.9, ScheduleType.ITERATION);
    assertThat(Stream.of(0, 1, 2, 3, 4).map(step -> momentum.valueAt(step, 0)))
        .containsExactly(0.9, 0.8500000000000001, 0.8, 0.9, 0.9);
  }
}
