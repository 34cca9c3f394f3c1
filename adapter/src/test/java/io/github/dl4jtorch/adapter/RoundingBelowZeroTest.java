package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.MultiplicativeLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ScheduleType;

/** A schedule may end a rounding error below 0, and its training is resumed there all the same. */
class RoundingBelowZeroTest {

  private static final int STEPS = 22;

  @TempDir private Path folder;

  /** A schedule, the rate it starts from, and whether it falls below 0. */
  record Ending(Schedule schedule, double lr, boolean isBelow) {}

  static Stream<Ending> endings() {
    Schedule toZero = new LinearLR(1.0 / 3, 0, 10);
    // From 0 up to 0.01 and down again, so that initial_lr says nothing of the rates there were.
    Schedule fromZero = new CosineAnnealingLR(7, 0.01);
    return Stream.of(
        new Ending(toZero, 0.1, true),
        new Ending(new LambdaLR(EpochFunction.table(1, 0.5, -1e-15)), 0.1, true),
        new Ending(new MultiplicativeLR(EpochFunction.table(1, 0.5, -1e-14, 1)), 0.1, true),
        new Ending(fromZero, 0, true),
        new Ending(new CosineAnnealingLR(9), 0.3, false),
        new Ending(new PolynomialLR(10, 1), 0.1, false),
        new Ending(new SWALR(0, 8, AnnealStrategy.COS), 0.1, false),
        new Ending(new SWALR(0, 8, AnnealStrategy.LINEAR), 0.1, false),
        new Ending(
            OneCycleLR.builder(0.1)
                .totalSteps(STEPS)
                .finalDivFactor(1e300)
                .annealStrategy(AnnealStrategy.LINEAR)
                .build(),
            0.1,
            false),
        new Ending(
            new SequentialLR(List.of(new ConstantLR(0.5, 4), toZero), List.of(4)), 0.1, true),
        new Ending(new ChainedScheduler(List.of(toZero, new StepLR(3, 0.5))), 0.1, true),
        new Ending(
            WarmupLR.builder(toZero).iterationsPerEpoch(2).warmupIterations(3).build(), 0.1, true),
        new Ending(
            WarmupLR.builder(new StepLR(1))
                .iterationsPerEpoch(3)
                .warmupIterations(3)
                .warmupLr(0.1)
                .build(),
            0,
            true),
        new Ending(new SequentialLR(List.of(fromZero, new StepLR(1, 0.5)), List.of(14)), 0, false));
  }

  private static MultiLayerNetwork net(double lr) {
    return Nets.layers(new Nesterovs(lr, 0.9));
  }

  private static LRScheduler resumed(Schedule schedule, MultiLayerNetwork net, LRScheduler run) {
    LRScheduler resumed = schedule.attach(NetworkParamGroups.of(net));
    resumed.loadStateDict(run.stateDict(), run.paramGroups().stateDict());
    return resumed;
  }

  @ParameterizedTest
  @MethodSource("endings")
  void isResumedFromEveryStep(Ending ending) throws IOException {
    MultiLayerNetwork net = net(ending.lr);
    LRScheduler run = ending.schedule.attach(NetworkParamGroups.of(net));
    boolean wasBelow = false;
    for (int step = 0; step < STEPS; step++) {
      wasBelow |= run.getLastLr()[0] < 0;
      if (step % 2 == 0) {
        assertResumed(ending, net, run, step);
      }
      run.step();
    }
    assertThat(wasBelow).isEqualTo(ending.isBelow);
  }

  private void assertResumed(Ending ending, MultiLayerNetwork net, LRScheduler run, int step)
      throws IOException {
    Path file = folder.resolve(step + ".zip");
    CheckpointWriter.of(net).with("run", run).save(file);
    MultiLayerNetwork restored = Nets.restored(net);
    LRScheduler byHand = resumed(ending.schedule, restored, run);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    LRScheduler byCheckpoint = checkpoint.run("run");
    MultiLayerNetwork ahead = net(ending.lr);
    LRScheduler undisturbed = ending.schedule.attach(NetworkParamGroups.of(ahead));
    for (int made = 0; made < step; made++) {
      undisturbed.step();
    }
    for (int next = step; next < STEPS; next++) {
      for (LRScheduler resumed : List.of(byHand, byCheckpoint)) {
        assertThat(resumed.stateDict()).as("%s, %s", step, next).isEqualTo(undisturbed.stateDict());
        assertThat(resumed.paramGroups().stateDict())
            .as("%s, %s", step, next)
            .isEqualTo(undisturbed.paramGroups().stateDict());
        resumed.step();
      }
      undisturbed.step();
    }
    assertThat(restored.getLearningRate(0)).isEqualTo(ahead.getLearningRate(0)).isNotNegative();
  }

  @ParameterizedTest
  @MethodSource("endings")
  void isPulledAsZero(Ending ending) {
    MultiLayerNetwork net = net(ending.lr);
    LRScheduler run = ending.schedule.attach(NetworkParamGroups.of(net));
    TorchSchedule pulled = TorchSchedule.lr(ending.schedule, ending.lr, ScheduleType.ITERATION);
    for (int step = 0; step <= STEPS; step++) {
      assertThat(pulled.valueAt(step, 0)).as("step %s", step).isEqualTo(net.getLearningRate(0));
      if (step < STEPS) {
        run.step();
      }
    }
  }

  @Test
  void moreThanRoundingIsRefused() {
    NetworkParamGroups groups = NetworkParamGroups.of(net(0.25));
    List<Map<String, Object>> before = groups.stateDict();
    Map<String, Object> state = new LinkedHashMap<>(before.get(0));
    state.put("initial_lr", 0.125);
    state.put("lr", -2e-13);
    assertThatThrownBy(() -> groups.loadStateDict(List.of(state)))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("param group 0: lr must be >= -1.25E-13 but was -2.0E-13");
    assertThat(groups.stateDict()).isEqualTo(before);
    state.put("highest_lr", 0.5);
    groups.loadStateDict(List.of(state));
    assertThat(groups.get(0).lr()).isEqualTo(-2e-13);
    assertThat(groups.stateDict().get(0)).containsEntry("highest_lr", 0.5);
  }
}
