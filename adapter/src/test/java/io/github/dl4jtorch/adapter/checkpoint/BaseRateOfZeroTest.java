package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;

/** Rates that are higher during the training than what it began with or stands at. */
class BaseRateOfZeroTest {

  private static final int STEPS = 12;

  @TempDir private Path folder;

  static Stream<Arguments> savedAt() {
    Stream<Schedule> schedules =
        Stream.of(
            WarmupLR.builder(new StepLR(2, 0.5))
                .iterationsPerEpoch(1)
                .warmupIterations(3)
                .warmupLr(0.1)
                .build(),
            WarmupLR.builder(new CosineAnnealingLR(5))
                .iterationsPerEpoch(2)
                .warmupIterations(3)
                .warmupLr(0.1)
                .build(),
            new CosineAnnealingLR(3, 0.01),
            new CosineAnnealingLR(4, 0.1));
    return schedules.flatMap(
        schedule ->
            IntStream.range(0, STEPS).mapToObj(step -> Arguments.arguments(schedule, step)));
  }

  @ParameterizedTest
  @MethodSource("savedAt")
  void goesOnToTheBit(Schedule schedule, int savedAt) throws IOException {
    MultiLayerNetwork net = Nets.layers(savedAt % 2 == 0 ? new Adam(0) : new Nesterovs(0, 0.9));
    LRScheduler run = schedule.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    Nets.fit(net, Nets.data(STEPS).subList(0, savedAt));
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("run", run).save(file);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    LRScheduler resumed = checkpoint.run("run");
    assertThat(resumed.stateDict()).isEqualTo(run.stateDict());
    assertThat(resumed.paramGroups().stateDict()).isEqualTo(run.paramGroups().stateDict());
    checkpoint
        .network(MultiLayerNetwork.class)
        .addListeners(SchedulerListener.everyIteration(resumed));
    Nets.fit(net, Nets.data(STEPS).subList(savedAt, STEPS));
    Nets.fit(checkpoint.network(MultiLayerNetwork.class), Nets.data(STEPS).subList(savedAt, STEPS));
    assertThat(Nets.params(checkpoint.network(MultiLayerNetwork.class)))
        .isEqualTo(Nets.params(net));
    assertThat(resumed.getLastLr()).isEqualTo(run.getLastLr());
  }
}
