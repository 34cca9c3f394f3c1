package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ChainableSchedule;
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
import io.github.dl4jtorch.schedules.Moment;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.MultiplicativeLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.schedule.ScheduleType;

class TorchScheduleTest {

  private static final int STEPS = 60;
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.2).totalSteps(STEPS).build();

  static Stream<Schedule> definitions() {
    return Stream.of(
        new StepLR(7, 0.3),
        new MultiStepLR(List.of(3, 3, 20), 0.5),
        new ConstantLR(0.5, 4),
        new LinearLR(0.25, 1, 9),
        new ExponentialLR(0.97),
        new PolynomialLR(30, 2),
        new CosineAnnealingLR(13, 0.001),
        new CosineAnnealingWarmRestarts(5, 2, 0.001),
        CyclicLR.builder(0.01, 0.1).stepSizeUp(6).build(),
        CYCLE,
        new SWALR(0.02, 8, AnnealStrategy.COS),
        new LambdaLR(EpochFunction.table(1, 0.5, 0.25)),
        new MultiplicativeLR(EpochFunction.exponential(0.999)),
        new SequentialLR(List.of(new LinearLR(0.1, 1, 5), new CosineAnnealingLR(40)), List.of(5)),
        new ChainedScheduler(List.of(new ConstantLR(0.1, 5), new ExponentialLR(0.9))));
  }

  /** The rates and momenta of PyTorch's loop. */
  private static double[][] loop(Schedule definition, double lr, double momentum) {
    ParamGroup group = ParamGroup.sgd(lr, momentum);
    LRScheduler run = definition.attach(ParamGroups.of(group));
    double[][] seen = new double[2][STEPS + 1];
    for (int step = 0; step <= STEPS; step++) {
      if (step > 0) {
        run.step();
      }
      seen[0][step] = group.lr();
      seen[1][step] = group.momentum();
    }
    return seen;
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void givesWhatALoopSeesInWhateverOrderItIsAsked(Schedule definition) {
    double[][] expected = loop(definition, 0.1, 0.9);
    TorchSchedule lr = TorchSchedule.lr(definition, 0.1, ScheduleType.ITERATION);
    TorchSchedule momentum = TorchSchedule.momentum(definition, 0.9, ScheduleType.EPOCH);
    List<Integer> order = new ArrayList<>(IntStream.rangeClosed(0, STEPS).boxed().toList());
    for (int repetition = 0; repetition < 3; repetition++) {
      Collections.shuffle(order, new Random(repetition));
      for (int step : order) {
        assertThat(lr.valueAt(step, 3)).isEqualTo(Math.max(0, expected[0][step]));
        assertThat(momentum.valueAt(3, step)).isEqualTo(expected[1][step]);
      }
    }
  }

  @Test
  void followsTheRuleOfStepLR() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(2, 0.5), 0.8, ScheduleType.EPOCH);
    assertThat(IntStream.range(0, 7).mapToDouble(epoch -> schedule.valueAt(99, epoch)))
        .containsExactly(0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1);
  }

  @Test
  void isEqualByDefinitionBaseValueUnitOffsetAndKind() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(7, 0.3), 0.1, ScheduleType.EPOCH);
    TorchSchedule same = TorchSchedule.lr(new StepLR(7, 0.3), 0.1, ScheduleType.EPOCH);
    schedule.valueAt(0, 50);
    assertThat(same).isEqualTo(schedule).hasSameHashCodeAs(schedule);
    assertThat(schedule.clone()).isEqualTo(schedule);
    assertThat(schedule.withOffset(0)).isEqualTo(schedule);
    assertThat(
            List.<Object>of(
                TorchSchedule.lr(new StepLR(8, 0.3), 0.1, ScheduleType.EPOCH),
                TorchSchedule.lr(new StepLR(7, 0.3), 0.2, ScheduleType.EPOCH),
                TorchSchedule.lr(new StepLR(7, 0.3), 0.1, ScheduleType.ITERATION),
                TorchSchedule.momentum(new StepLR(7, 0.3), 0.1, ScheduleType.EPOCH),
                schedule.withOffset(1),
                "else"))
        .doesNotContain(schedule);
  }

  @Test
  void isShownAsTheCallThatMakesIt() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(7, 0.3), 0.1, ScheduleType.EPOCH);
    assertThat(schedule).hasToString("TorchSchedule.lr(StepLR[stepSize=7, gamma=0.3], 0.1, EPOCH)");
    assertThat(schedule.withOffset(-5))
        .hasToString("TorchSchedule.lr(StepLR[stepSize=7, gamma=0.3], 0.1, EPOCH).withOffset(-5)");
  }

  @Test
  void isRightFromManyThreads() throws Exception {
    int threads = 8;
    int steps = 20_000;
    Schedule definition = new ExponentialLR(0.99987);
    double[] expected = new double[steps];
    ParamGroup group = ParamGroup.sgd(0.7, 0);
    LRScheduler run = definition.attach(ParamGroups.of(group));
    for (int step = 0; step < steps; step++) {
      expected[step] = group.lr();
      run.step();
    }
    TorchSchedule schedule = TorchSchedule.lr(definition, 0.7, ScheduleType.ITERATION);
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    CountDownLatch start = new CountDownLatch(1);
    List<Future<Integer>> wrong = new ArrayList<>();
    for (int thread = 0; thread < threads; thread++) {
      Random random = new Random(thread);
      wrong.add(
          pool.submit(
              () -> {
                start.await();
                int errors = 0;
                for (int i = 0; i < steps; i++) {
                  int step = random.nextInt(i + 1);
                  errors += schedule.valueAt(step, 0) == expected[step] ? 0 : 1;
                }
                return errors;
              }));
    }
    start.countDown();
    for (Future<Integer> errors : wrong) {
      assertThat(errors.get()).isZero();
    }
    pool.shutdown();
  }

  @Test
  void movesByItsOffset() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(2, 0.5), 0.8, ScheduleType.ITERATION);
    assertThat(schedule.withOffset(4).valueAt(1, 0)).isEqualTo(0.2);
    assertThat(schedule.withOffset(-1000).valueAt(1002, 0)).isEqualTo(0.4);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.withOffset(-1000).valueAt(999, 0))
        .withMessage(
            "iteration must be >= 1000, where the schedule starts, but was 999; if a trainer or a"
                + " copy set the network's count back, use another offset");
  }

  @Test
  void refusesNegativeCounts() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION).withOffset(9).valueAt(-1, 0))
        .withMessage("iteration must be >= 0 but was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.lr(CYCLE, 0.1, ScheduleType.EPOCH).valueAt(0, -2))
        .withMessage("epoch must be >= 0 but was -2");
  }

  @Test
  void refusesAPlateauAndNamesTheListener() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> TorchSchedule.lr(ReduceLROnPlateau.builder().build(), 0.1, ScheduleType.EPOCH))
        .withMessage(
            "definition must depend on the step alone but was a ReduceLROnPlateau, which needs a"
                + " metric: attach it to NetworkParamGroups.of(net) and step it with"
                + " SchedulerListener.everyEpoch(run, metric)");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1e-9, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesABaseValueOutOfRange(double value) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.lr(CYCLE, value, ScheduleType.EPOCH))
        .withMessage("lr must be finite and >= 0 but was " + value);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.momentum(CYCLE, value, ScheduleType.EPOCH))
        .withMessage("momentum must be finite and >= 0 but was " + value);
  }

  @Test
  void refusesListsForSeveralGroups() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                TorchSchedule.lr(
                    OneCycleLR.builder(List.of(0.1, 0.2)).totalSteps(9).build(),
                    0.1,
                    ScheduleType.ITERATION))
        .withMessage("maxLr must have one entry for each of the 1 param groups but has 2");
  }

  @Test
  void refusesAPlainLambda() {
    assertThatThrownBy(
            () -> TorchSchedule.lr(new LambdaLR(epoch -> 1 / (1 + epoch)), 0.1, ScheduleType.EPOCH))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("EpochFunction");
  }

  private record Halve(int at) implements ChainableSchedule {
    @Override
    public void next(Moment moment, double[] lr, double[] base, double[] out) {
      out[0] = moment.epoch() == at ? lr[0] / 2 : lr[0];
    }

    @Override
    public Map<String, Object> toMap() {
      return Map.of("type", "Halve", "at", at);
    }
  }

  @Test
  void refusesADefinitionThatWouldNotBeReadAgain() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.lr(new Halve(3), 0.1, ScheduleType.EPOCH))
        .withMessage(
            "definition must be read from its map, as a saved network does, but was Halve[at=3]:"
                + " unknown type \"Halve\"; did you mean \"Halving\"?; make its class known by a"
                + " ScheduleKind, or attach it to NetworkParamGroups.of(net) and step it with a"
                + " SchedulerListener");
  }

  @Test
  void takesRoundingBelowZeroForZero() {
    Schedule definition = new LinearLR(1.0 / 3, 0, 10);
    double[] rates = loop(definition, 0.1, 0)[0];
    assertThat(rates[10]).isNegative().isGreaterThan(-1e-13);
    TorchSchedule schedule = TorchSchedule.lr(definition, 0.1, ScheduleType.EPOCH);
    assertThat(schedule.valueAt(0, 10)).isEqualTo(0.0);
    assertThat(schedule.valueAt(0, 9)).isEqualTo(rates[9]);
  }

  @Test
  void refusesAValueBelowZero() {
    TorchSchedule schedule =
        TorchSchedule.lr(
            new LambdaLR(EpochFunction.table(1, 0.5, -0.25, 0.125)), 0.1, ScheduleType.EPOCH);
    assertThat(schedule.valueAt(0, 3)).isEqualTo(0.0125);
    assertThatThrownBy(() -> schedule.valueAt(0, 2))
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "LambdaLR[lrLambda=Table[values=[1.0, 0.5, -0.25, 0.125]]] gives a learning rate of"
                + " -0.025 at step 2, and DL4J's updaters take none below 0");
    assertThat(schedule.valueAt(0, 1)).isEqualTo(0.05);
  }

  @Test
  void refusesAValueThatIsNotFiniteAsOftenAsItIsAsked() {
    TorchSchedule schedule =
        TorchSchedule.lr(new ExponentialLR(1e200), 0.1, ScheduleType.ITERATION);
    for (int step : new int[] {2, 9, 2}) {
      assertThatThrownBy(() -> schedule.valueAt(step, 0))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageStartingWith(
              "ExponentialLR gives param group 0 a learning rate of Infinity at epoch 2");
      assertThat(schedule.valueAt(1, 0)).isEqualTo(0.1 * 1e200);
    }
  }

  @Test
  void keepsOneCyclesLastValuesForOneStepAndThenThrows() {
    TorchSchedule lr = TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION);
    TorchSchedule momentum = TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION);
    assertThat(lr.valueAt(STEPS, 0)).isEqualTo(lr.valueAt(STEPS - 1, 0)).isPositive();
    assertThat(momentum.valueAt(STEPS, 0)).isEqualTo(momentum.valueAt(STEPS - 1, 0));
    for (int step : new int[] {STEPS + 1, STEPS + 1000, STEPS + 1}) {
      assertThatThrownBy(() -> lr.valueAt(step, 0))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "OneCycleLR has 60 steps in all and was stepped past them: give as many as the"
                  + " training has batches (or epochs, if stepped once an epoch)");
      assertThat(lr.valueAt(STEPS, 0)).isEqualTo(lr.valueAt(STEPS - 1, 0));
    }
  }

  /** Every kind of schedule, beyond the steps whose values are kept. */
  static Stream<Schedule> lasting() {
    return Stream.of(
        new StepLR(100_000, 0.9),
        new MultiStepLR(List.of(3, 2_150_000), 0.5),
        new ExponentialLR(0.999999),
        new PolynomialLR(2_250_000, 1),
        new LinearLR(0.5, 0, 2_150_000),
        new CosineAnnealingLR(1000, 0.001),
        new CosineAnnealingWarmRestarts(7, 2, 0.001),
        new CosineAnnealingWarmRestarts(11),
        CyclicLR.builder(0.01, 0.1).stepSizeUp(6000).build(),
        CyclicLR.builder(0.01, 0.1).mode(CyclicLR.Mode.EXP_RANGE).gamma(0.9999).build(),
        OneCycleLR.builder(0.2).totalSteps(3_000_000).build(),
        new SWALR(0.02, 2_150_000, AnnealStrategy.COS),
        new LambdaLR(EpochFunction.yolov5Cosine(1000, 0.1)),
        new MultiplicativeLR(EpochFunction.exponential(0.9)),
        WarmupLR.builder(new StepLR(2, 0.99))
            .iterationsPerEpoch(1000)
            .warmupIterations(3000)
            .warmupLr(0.01)
            .build(),
        new SequentialLR(
            List.of(new LinearLR(0.1, 1, 5), new CosineAnnealingLR(1000), new StepLR(9, 0.99)),
            List.of(5, 2_150_000)),
        new ChainedScheduler(List.of(new ConstantLR(0.1, 5), new StepLR(1000, 0.999))));
  }

  @ParameterizedTest
  @MethodSource("lasting")
  void givesWhatALoopSeesFarOutInWhateverOrderItIsAsked(Schedule definition) {
    int last = 2_200_000;
    ParamGroup group = ParamGroup.sgd(0.1, 0.9);
    LRScheduler run = definition.attach(ParamGroups.of(group));
    Random random = new Random(3);
    int[] steps =
        IntStream.concat(
                IntStream.rangeClosed(Replay.KEPT, Replay.KEPT + 3),
                random.ints(8, Replay.KEPT, last + 1))
            .sorted()
            .toArray();
    Map<Integer, double[]> expected = new LinkedHashMap<>();
    int at = 0;
    for (int step : steps) {
      for (; at < step; at++) {
        run.step();
      }
      expected.put(step, new double[] {Math.max(0, group.lr()), group.momentum()});
    }
    List<Integer> order = new ArrayList<>(expected.keySet());
    for (int repetition = 0; repetition < 2; repetition++) {
      Collections.shuffle(order, random);
      TorchSchedule lr = TorchSchedule.lr(definition, 0.1, ScheduleType.ITERATION);
      TorchSchedule momentum = TorchSchedule.momentum(definition, 0.9, ScheduleType.EPOCH);
      for (int step : order) {
        assertThat(lr.valueAt(step, 0)).as("step %s", step).isEqualTo(expected.get(step)[0]);
        assertThat(momentum.valueAt(0, step)).as("step %s", step).isEqualTo(expected.get(step)[1]);
      }
    }
  }

  @Test
  void passesFromKeptValuesToOthersWithoutASeam() {
    TorchSchedule schedule =
        TorchSchedule.lr(new PolynomialLR(2_250_000, 2), 0.1, ScheduleType.ITERATION);
    LRScheduler run = new PolynomialLR(2_250_000, 2).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
    run.skip(Replay.KEPT - 3);
    for (int step = Replay.KEPT - 3; step < Replay.KEPT + 9_000; step++) {
      assertThat(schedule.valueAt(step, 0)).isEqualTo(run.getLastLr()[0]);
      run.step();
    }
  }

  @Test
  void goesToTheLastStepThereIs() {
    TorchSchedule step = TorchSchedule.lr(new StepLR(1 << 30, 0.5), 0.1, ScheduleType.ITERATION);
    assertThat(step.valueAt(Integer.MAX_VALUE, 0)).isEqualTo(0.05);
    assertThat(step.valueAt((1 << 30) - 1, 0)).isEqualTo(0.1);
    assertThat(step.valueAt(1 << 30, 0)).isEqualTo(0.05);
    TorchSchedule cycle =
        TorchSchedule.lr(
            CyclicLR.builder(0.25, 0.5).stepSizeUp(1 << 20).build(), 0.1, ScheduleType.ITERATION);
    assertThat(cycle.valueAt(Integer.MAX_VALUE, 0)).isEqualTo(0.25 + 0.25 / (1 << 20));
    assertThat(cycle.valueAt(1 << 30, 0)).isEqualTo(0.25);
    TorchSchedule restarts =
        TorchSchedule.lr(new CosineAnnealingWarmRestarts(1, 2), 0.1, ScheduleType.ITERATION);
    assertThat(restarts.valueAt(Integer.MAX_VALUE, 0)).isEqualTo(0.1);
    TorchSchedule swa = TorchSchedule.lr(new SWALR(0.02), 0.1, ScheduleType.ITERATION);
    assertThat(swa.valueAt(Integer.MAX_VALUE, 0)).isEqualTo(0.02);
  }

  @Test
  void refusesTheSameStepsFarOutAsOftenAsTheyAreAsked() {
    int total = Replay.KEPT + 1000;
    TorchSchedule cycle =
        TorchSchedule.lr(
            OneCycleLR.builder(0.2).totalSteps(total).build(), 0.1, ScheduleType.ITERATION);
    for (int step : new int[] {total + 1, Integer.MAX_VALUE, total + 1}) {
      assertThatThrownBy(() -> cycle.valueAt(step, 0))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("OneCycleLR has " + total + " steps in all");
      assertThat(cycle.valueAt(total, 0)).isEqualTo(cycle.valueAt(total - 1, 0)).isPositive();
    }
  }

  @Test
  void keepsLittleInMemoryHoweverFarItIsAsked() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    threads.getCurrentThreadAllocatedBytes();
    TorchSchedule schedule =
        TorchSchedule.lr(
            new ChainedScheduler(List.of(new StepLR(1000, 0.9999), new ConstantLR())),
            0.1,
            ScheduleType.ITERATION);
    long before = threads.getCurrentThreadAllocatedBytes();
    double last = schedule.valueAt(20_000_000, 0);
    // Garbage included; one number a step would be 160 MB.
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(10_000_000);
    assertThat(schedule.valueAt(19_999_999, 0)).isEqualTo(last / 0.9999, within(1e-15));
  }

  @Test
  void isRightFromManyThreadsFarOut() throws Exception {
    Schedule definition = new CosineAnnealingLR(1000, 0.001);
    LRScheduler run = definition.attach(ParamGroups.of(ParamGroup.sgd(0.7, 0)));
    run.skip(Replay.KEPT);
    double[] expected = new double[100_000];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = run.getLastLr()[0];
      run.step();
    }
    TorchSchedule schedule = TorchSchedule.lr(definition, 0.7, ScheduleType.ITERATION);
    ExecutorService pool = Executors.newFixedThreadPool(8);
    List<Future<Integer>> wrong = new ArrayList<>();
    for (int thread = 0; thread < 8; thread++) {
      Random random = new Random(thread);
      wrong.add(
          pool.submit(
              () -> {
                int errors = 0;
                for (int i = 0; i < 20; i++) {
                  int far = random.nextInt(expected.length - 10);
                  for (int step = far; step < far + 10; step++) {
                    errors += schedule.valueAt(Replay.KEPT + step, 0) == expected[step] ? 0 : 1;
                  }
                }
                return errors;
              }));
    }
    for (Future<Integer> errors : wrong) {
      assertThat(errors.get()).isZero();
    }
    pool.shutdown();
  }
}
