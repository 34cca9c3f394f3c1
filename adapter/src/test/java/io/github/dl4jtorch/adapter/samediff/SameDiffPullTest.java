package io.github.dl4jtorch.adapter.samediff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.fixtures.Graphs;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** What a {@link TorchSchedule} in a SameDiff graph's updater does to the variables. */
class SameDiffPullTest {

  private static final int STEPS = 8;
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(STEPS).build();
  private static final List<DataSet> DATA = Nets.data(STEPS);

  private static TorchSchedule lr(Schedule definition, ScheduleType unit) {
    return TorchSchedule.lr(definition, 0.1, unit);
  }

  private static Nesterovs cycling() {
    return new Nesterovs(
        lr(CYCLE, ScheduleType.ITERATION),
        TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION));
  }

  static Stream<Schedule> definitions() {
    return Stream.of(CYCLE, new CosineAnnealingLR(STEPS), new StepLR(3, 0.5));
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void movesTheVariablesByTheRateOfEachIteration(Schedule definition) {
    SameDiff sd = Graphs.linear(new Sgd(lr(definition, ScheduleType.ITERATION)));
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.fit(Graphs.epoch(STEPS / 2), 1);
    Graphs.fit(sd, DATA.subList(STEPS / 2, STEPS));
    assertThatRatesAre(movement, definition, 1);
  }

  @Test
  void movesTheVariablesByTheRateOfEachEpoch() {
    SameDiff sd = Graphs.linear(new Sgd(lr(new StepLR(2, 0.5), ScheduleType.EPOCH)));
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.fit(Graphs.epoch(2), 2);
    sd.fit(Graphs.epoch(2), 2);
    assertThatRatesAre(movement, new StepLR(2, 0.5), 2);
  }

  private static void assertThatRatesAre(
      Graphs.Movement movement, Schedule definition, int iterationsPerStep) {
    LRScheduler run = definition.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
    List<Double> rates = movement.rates();
    assertThat(rates).hasSize(STEPS);
    for (int iteration = 0; iteration < STEPS; iteration++) {
      assertThat(rates.get(iteration)).isCloseTo(run.getLastLr()[0], within(1e-14));
      if ((iteration + 1) % iterationsPerStep == 0) {
        run.step();
      }
    }
  }

  /** Single batches raise no epoch events, so the count of epochs is the user's to move on. */
  @Test
  void staysInItsEpochUnderSingleBatchesUntilItIsMovedOn() {
    SameDiff sd = Graphs.linear(new Sgd(lr(new StepLR(1, 0.5), ScheduleType.EPOCH)));
    Graphs.Movement movement = new Graphs.Movement(sd);
    Graphs.fit(sd, DATA.subList(0, 2));
    sd.getTrainingConfig().incrementEpochCount();
    Graphs.fit(sd, DATA.subList(2, 3));
    List<Double> rates = movement.rates();
    assertThat(rates.get(0)).isCloseTo(0.1, within(1e-14));
    assertThat(rates.get(1)).isCloseTo(0.1, within(1e-14));
    assertThat(rates.get(2)).isCloseTo(0.05, within(1e-14));
  }

  @Test
  void drivesTheMomentumOfNesterovs() {
    SameDiff sd = Graphs.linear(cycling());
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.fit(Graphs.epoch(STEPS), 1);
    assertThatStepsAreNesterovs(movement);
  }

  /** Follows DL4J's rule for Nesterovs, which keeps the rate in the velocity. */
  static void assertThatStepsAreNesterovs(Graphs.Movement movement) {
    ParamGroup group = ParamGroup.sgd(0.1, 0.9);
    LRScheduler run = CYCLE.attach(ParamGroups.of(group));
    INDArray velocity = movement.gradients.get(0).mul(0);
    assertThat(movement.steps).hasSize(STEPS);
    for (int iteration = 0; iteration < STEPS; iteration++) {
      INDArray former = velocity;
      velocity =
          former.mul(group.momentum()).sub(movement.gradients.get(iteration).mul(group.lr()));
      INDArray expected = former.mul(group.momentum()).sub(velocity.mul(1 + group.momentum()));
      assertThat(movement.steps.get(iteration).sub(expected).amaxNumber().doubleValue())
          .isLessThan(1e-13);
      run.step();
    }
  }

  /** The movement is compared with that of a loaded copy whose rate is 1. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NESTEROVS")
  void givesEveryUpdaterTheRateOfEachIteration(UpdaterKind kind) {
    SameDiff sd = Graphs.linear(kind.following(lr(CYCLE, ScheduleType.ITERATION)));
    LRScheduler run = CYCLE.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
    for (DataSet batch : DATA) {
      SameDiff copy = Graphs.restored(sd);
      copy.getTrainingConfig().getUpdater().setLrAndSchedule(1, null);
      INDArray before = sd.getVariable("w").getArr().dup();
      sd.fit(batch);
      copy.fit(batch);
      INDArray step = sd.getVariable("w").getArr().sub(before);
      INDArray expected = copy.getVariable("w").getArr().sub(before).muli(run.getLastLr()[0]);
      assertThat(step.sub(expected).amaxNumber().doubleValue())
          .isLessThan(1e-10 * expected.amaxNumber().doubleValue() + 1e-14);
      run.step();
    }
  }

  static Stream<IUpdater> resumed() {
    Stream<IUpdater> stock =
        Stream.of(UpdaterKind.values())
            .map(kind -> kind.following(lr(CYCLE, ScheduleType.ITERATION)));
    return Stream.concat(Stream.concat(stock, Stream.of(cycling())), torchUpdaters());
  }

  @ParameterizedTest
  @MethodSource("resumed")
  void goesOnInALoadedGraphAsIfNothingHadHappened(IUpdater updater) throws Exception {
    SameDiff sd = Graphs.linear(updater);
    sd.fit(Graphs.epoch(3), 1);
    SameDiff loaded = Graphs.restored(sd);
    SameDiff copy = sd.dup();
    assertThat(loaded.getTrainingConfig().getUpdater()).isEqualTo(updater).isNotSameAs(updater);
    assertThat(loaded.getTrainingConfig().getIterationCount()).isEqualTo(3);
    assertThat(loaded.getTrainingConfig().getEpochCount()).isEqualTo(1);
    Map<String, double[]> before = Graphs.params(sd);
    Graphs.fit(loaded, DATA.subList(3, STEPS));
    assertThatParamsAreEqual(Graphs.params(sd), before);
    Graphs.fit(sd, DATA.subList(3, STEPS));
    Graphs.fit(copy, DATA.subList(3, STEPS));
    assertThatParamsAreEqual(Graphs.params(loaded), Graphs.params(sd));
    assertThatParamsAreEqual(Graphs.params(copy), Graphs.params(sd));
    assertThat(Graphs.params(sd).get("w")).isNotEqualTo(before.get("w")).doesNotContain(Double.NaN);
  }

  static void assertThatParamsAreEqual(Map<String, double[]> actual, Map<String, double[]> other) {
    assertThat(actual.keySet()).isEqualTo(other.keySet()).hasSize(3);
    actual.forEach((name, values) -> assertThat(values).as(name).isEqualTo(other.get(name)));
  }

  static Stream<TorchUpdater> torchUpdaters() {
    ISchedule lr = lr(CYCLE, ScheduleType.ITERATION);
    ISchedule momentum = TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION);
    return Stream.of(
        new TorchSGD(lr),
        new TorchSGD(lr).withMomentum(momentum, 0.1),
        new TorchSGD(lr).withNesterovMomentum(momentum),
        new TorchAdam(lr).withBeta1(momentum),
        new TorchAdam(lr).withAmsgrad(),
        new TorchAdamW(lr),
        new TorchNAdam(lr),
        new TorchRAdam(lr),
        new TorchAdamax(lr),
        new TorchRMSprop(lr).withCentering().withMomentum(momentum),
        new TorchAdagrad(lr));
  }

  /** SameDiff has one state a variable, of whatever rank. */
  @ParameterizedTest
  @MethodSource("torchUpdaters")
  void updatersOfPyTorchDoTheSameHereAsAlone(TorchUpdater updater) {
    SameDiff sd = Graphs.linear(updater);
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.fit(Graphs.epoch(STEPS), 1);
    for (int[] range : new int[][] {{0, 6}, {6, 8}, {8, 9}}) {
      int length = range[1] - range[0];
      long size = updater.stateSize(length);
      GradientUpdater<?> alone =
          updater
              .clone()
              .instantiate(size == 0 ? null : Nd4j.create(DataType.DOUBLE, 1, size), true);
      for (int iteration = 0; iteration < STEPS; iteration++) {
        var part = NDArrayIndex.interval(range[0], range[1]);
        INDArray expected = movement.gradients.get(iteration).get(part).dup();
        alone.applyUpdater(expected, iteration, 0);
        INDArray off = movement.steps.get(iteration).get(part).sub(expected);
        assertThat(off.amaxNumber().doubleValue()).isLessThan(1e-14);
        assertThat(expected.amaxNumber().doubleValue()).isPositive();
      }
    }
  }

  /** What docs/samediff.md says of a graph that has been trained already. */
  @Test
  void isPutIntoATrainedGraph() {
    SameDiff sd = Graphs.linear(new Adam(0.1));
    SameDiff other = Graphs.linear(new Adam(0.1));
    Graphs.fit(sd, DATA.subList(0, 3));
    Graphs.fit(other, DATA.subList(0, 3));
    TrainingConfig config = sd.getTrainingConfig();
    config
        .getUpdater()
        .setLrAndSchedule(
            Double.NaN,
            lr(new StepLR(1, 0.5), ScheduleType.ITERATION).withOffset(-config.getIterationCount()));
    double rate = 0.1;
    for (DataSet batch : DATA.subList(3, 6)) {
      other.getTrainingConfig().getUpdater().setLrAndSchedule(rate, null);
      sd.fit(batch);
      other.fit(batch);
      rate *= 0.5;
    }
    assertThatParamsAreEqual(Graphs.params(sd), Graphs.params(other));
  }
}
