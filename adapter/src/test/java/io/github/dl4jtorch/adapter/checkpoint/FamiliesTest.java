package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.families.Composer;
import io.github.dl4jtorch.schedules.families.HuggingFace;
import io.github.dl4jtorch.schedules.families.NanoGpt;
import io.github.dl4jtorch.schedules.families.Timm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Schedules of other libraries, pulled, pushed, saved and resumed like PyTorch's. */
class FamiliesTest {

  private static final int STEPS = 10;

  @TempDir private Path folder;

  static Stream<Schedule> schedules() {
    return Stream.of(
        HuggingFace.getScheduler("cosine", 3, STEPS),
        Timm.scheduler(
            "CosineLRScheduler",
            Map.of("t_initial", 4, "cycle_limit", 3, "warmup_t", 2, "noise_range_t", 5)),
        NanoGpt.getLr(Map.of("learning_rate", 0.05, "warmup_iters", 3, "lr_decay_iters", 9)),
        Composer.scheduler(
            "LinearWithWarmupScheduler",
            Map.of("t_warmup", "0.3dur", "max_duration", "2ep", "dataloader_len", 5)));
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

  private static void assertMoves(MultiLayerNetwork net, double[] rates) {
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(movement);
    Nets.fit(net, Nets.data(STEPS));
    assertThat(movement.rates).hasSize(STEPS);
    for (int i = 0; i < STEPS; i++) {
      assertThat(movement.rates.get(i)).as("iteration %s", i).isCloseTo(rates[i], within(1e-12));
    }
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void isPulledAlsoByANetworkThatWasSaved(Schedule schedule) throws IOException {
    MultiLayerNetwork net =
        Nets.layers(new Sgd(TorchSchedule.lr(schedule, 0.1, ScheduleType.ITERATION)));
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(restored.getLayerWiseConfigurations()).isEqualTo(net.getLayerWiseConfigurations());
    assertMoves(net, expected(schedule));
    assertMoves(restored, expected(schedule));
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void isPushedAndGoesOnFromACheckpoint(Schedule schedule) throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run = schedule.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    assertMoves(net, expected(schedule));
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("schedule", run).save(file);

    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    LRScheduler resumed = checkpoint.run("schedule");

    assertThat(resumed.schedule()).isEqualTo(schedule);
    assertThat(resumed.stateDict()).isEqualTo(run.stateDict());
  }

  @Test
  void takesTheMetricOfEachEpochFromACheckpointOn() throws IOException {
    Schedule greedy =
        HuggingFace.getScheduler("greedy", 0, 0, Map.of("factor", 0.5, "patience", 0));
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run = greedy.attach(NetworkParamGroups.of(net));
    run.step(1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.2);
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("schedule", run).save(file);

    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    LRScheduler resumed = checkpoint.run("schedule");
    resumed.step(2);

    assertThat(checkpoint.network(MultiLayerNetwork.class).getLearningRate(0)).isEqualTo(0.1);
  }
}
