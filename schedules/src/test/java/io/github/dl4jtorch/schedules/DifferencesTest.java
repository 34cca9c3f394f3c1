package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Each row of the table in docs/differences.md. */
class DifferencesTest {

  private final ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));

  private double lr() {
    return groups.get(0).lr();
  }

  @Test
  void sequentialInsideSequentialIsNotOneStepAhead() {
    LRScheduler run =
        new SequentialLR(
                List.of(
                    new SequentialLR(
                        List.of(new ConstantLR(0.5, 100), new ConstantLR(0.2, 100)), List.of(2)),
                    new ExponentialLR(0.5)),
                List.of(3))
            .attach(groups);
    assertThat(lr()).isEqualTo(0.05);
    run.step();
    assertThat(lr()).isEqualTo(0.05); // PyTorch: 0.02
    run.step();
    assertThat(lr()).isEqualTo(0.1 * 0.2);
    run.step();
    assertThat(lr()).isEqualTo(0.1);
  }

  @Test
  void chainedFirstInsideSequentialIsNotOneStepAhead() {
    new SequentialLR(List.of(new ChainedScheduler(List.of(new ExponentialLR(0.9)))), List.of())
        .attach(groups);
    assertThat(lr()).isEqualTo(0.1); // PyTorch: 0.09
  }

  @Test
  void compositesMayBeLaterMembersOfSequential() {
    LRScheduler run =
        new SequentialLR(
                List.of(
                    new ExponentialLR(0.5),
                    new ChainedScheduler(List.of(new ConstantLR(0.5, 2), new ExponentialLR(0.5))),
                    new SequentialLR(List.of(new ExponentialLR(0.1)), List.of())),
                List.of(1, 3))
            .attach(groups);
    run.step(); // PyTorch: NotImplementedError
    assertThat(lr()).isEqualTo(0.05);
    run.step();
    assertThat(lr()).isEqualTo(0.025);
    run.step();
    assertThat(lr()).isEqualTo(0.1);
    run.step();
    assertThat(lr()).isEqualTo(0.1 * 0.1);
  }

  @Test
  void sequentialAttachedInTheMiddleGoesOnAndKeepsTheRate() {
    Schedule schedule =
        new SequentialLR(List.of(new LinearLR(0.1, 1.0, 4), new ExponentialLR(0.5)), List.of(4));
    LRScheduler run = schedule.attach(groups);
    for (int step = 0; step < 6; step++) {
      run.step();
    }
    assertThat(lr()).isEqualTo(0.1 * 0.5 * 0.5);
    ParamGroups resumed = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
    resumed.loadStateDict(groups.stateDict());

    LRScheduler resumedRun = schedule.attach(resumed, 5); // PyTorch: starts from the beginning

    assertThat(resumed.get(0).lr()).isEqualTo(0.025);
    assertThat(resumedRun.stateDict().get("last_epoch")).isEqualTo(6);
    resumedRun.step();
    assertThat(resumed.get(0).lr()).isEqualTo(0.0125);
  }

  @Test
  void attachingInTheMiddleAppliesNoFactorASecondTime() {
    groups.get(0).setInitialLr(0.1);
    new StepLR(3, 0.5).attach(groups, 2);
    new MultiStepLR(List.of(3), 0.5).attach(groups, 2);
    new ConstantLR(0.5, 3).attach(groups, 2);
    assertThat(lr()).isEqualTo(0.1); // PyTorch: 0.05, 0.05, 0.2
  }

  @Test
  void warmRestartsAttachedInTheMiddleFindTheirCycle() {
    groups.get(0).setInitialLr(0.1);
    LRScheduler run = new CosineAnnealingWarmRestarts(2, 2).attach(groups, 9);
    assertThat(run.stateDict()).containsEntry("T_cur", 4).containsEntry("T_i", 8);
    assertThat(lr()).isEqualTo(0.05); // PyTorch guesses a cycle of 4
  }

  @Test
  void warmRestartsGoToAnExactRestart() {
    LRScheduler run = new CosineAnnealingWarmRestarts(1, 3).attach(groups);
    run.step(121); // PyTorch: log(243) / log(3) is just below 5, so the rate is eta_min
    assertThat(lr()).isEqualTo(0.1);
    assertThat(run.stateDict()).containsEntry("T_cur", 0).containsEntry("T_i", 243);
  }

  @Test
  void swalrAttachedInTheMiddleGoesOnAnnealing() {
    Schedule schedule = new SWALR(0.0, 4, AnnealStrategy.LINEAR);
    LRScheduler run = schedule.attach(groups);
    run.step();
    run.step();
    assertThat(lr()).isCloseTo(0.05, Offset.offset(1e-16));
    LRScheduler resumed = schedule.attach(groups, 1); // PyTorch: anneals over 4 more steps
    resumed.step();
    resumed.step();
    assertThat(lr()).isEqualTo(0.0);
  }

  @Test
  void chainedHandsTheLastEpochOn() {
    Schedule schedule =
        new ChainedScheduler(List.of(new CosineAnnealingWarmRestarts(10), new ExponentialLR(0.5)));
    LRScheduler run = schedule.attach(groups);
    run.step();
    run.step();
    List<Map<String, Object>> before = groups.stateDict();
    LRScheduler resumed = schedule.attach(groups, 1); // PyTorch has no last_epoch here
    assertThat(groups.stateDict()).isEqualTo(before);
    assertThat(resumed.lastEpoch()).isEqualTo(2);
    resumed.step();
    double resumedLr = lr();
    groups.loadStateDict(before);
    run.step();
    assertThat(resumedLr).isEqualTo(lr());
  }

  @Test
  void argumentsThatMustFailLaterAreRefusedAtOnce() {
    assertRefused(() -> new StepLR(0, 0.1), "stepSize must be > 0 but was 0");
    assertRefused(() -> new LinearLR(0.1, 1.0, 0), "totalIters must be > 0 but was 0");
    assertRefused(() -> new PolynomialLR(0, 1.0), "totalIters must be > 0 but was 0");
    assertRefused(() -> new CosineAnnealingLR(0), "tMax must be > 0 but was 0");
    assertRefused(() -> new ConstantLR(0, 5), "factor must be > 0 and <= 1 but was 0.0");
    assertRefused(
        () -> CyclicLR.builder(0.1, 1).stepSizeUp(0).build(), "stepSizeUp must be > 0 but was 0");
    assertRefused(
        () -> OneCycleLR.builder(1).totalSteps(10).pctStart(0.1).build(),
        "pctStart must give each phase a length but was 0.1, with which phase 1 of 10 steps begins"
            + " and ends at step 0.0");
    assertRefused(
        () -> new SequentialLR(List.of(new StepLR(1), new StepLR(2), new StepLR(3)), List.of(8, 4)),
        "milestones must be in ascending order but was [8, 4]");
  }

  private static void assertRefused(ThrowingCallable construction, String message) {
    assertThatThrownBy(construction)
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void oneCycleKeepsItsLastRateAfterTheLastBatchAndThenRefuses() {
    LRScheduler run =
        OneCycleLR.builder(1)
            .totalSteps(10)
            .annealStrategy(AnnealStrategy.LINEAR)
            .build()
            .attach(groups);
    for (int step = 0; step < 9; step++) {
      run.step();
    }
    double last = lr();
    assertThat(last).isCloseTo(1 / 25.0 / 1e4, Offset.offset(1e-16));
    run.step(); // PyTorch: -0.142853, with a momentum of 0.964
    assertThat(lr()).isEqualTo(last);
    assertThat(groups.get(0).momentum()).isEqualTo(0.95);
    assertThat(run.lastEpoch()).isEqualTo(10);
    Map<String, Object> before = run.stateDict();
    assertThatThrownBy(run::step)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "OneCycleLR has 10 steps in all and was stepped past them: give as many as the"
                + " training has batches (or epochs, if stepped once an epoch)");
    assertThat(run.stateDict()).isEqualTo(before);
    assertThat(lr()).isEqualTo(last);
  }

  @Test
  void milestonesMayBeTextInASavedState() {
    LRScheduler run = new MultiStepLR(List.of(2), 0.5).attach(groups);
    Map<String, Object> state = Json.readMap(Json.write(run.stateDict()));
    assertThat(state.get("milestones")).isEqualTo(Map.of("2", 1));
    run.loadStateDict(state);
    run.step();
    run.step();
    assertThat(lr()).isEqualTo(0.05); // PyTorch: no milestone fires after JSON
    state.put("milestones", Map.of("2", 1, "3", 1));
    assertThatThrownBy(() -> run.loadStateDict(state))
        .hasMessageMatching(
            "state of MultiStepLR: the state was saved with \"milestones\" \\{.*} and this one has"
                + " \\{2=1}");
  }

  @Test
  void aStateLoadedWithoutItsGroupsSaysThatTheRatesDisagree() {
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    run.step();
    ParamGroups fresh = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
    LRScheduler resumed = new ExponentialLR(0.5).attach(fresh);
    assertThat(resumed.loadStateDict(run.stateDict())).isFalse(); // PyTorch: says nothing
    fresh.loadStateDict(groups.stateDict());
    assertThat(resumed.loadStateDict(run.stateDict())).isTrue();
  }

  @Test
  void aStateLoadedWithoutItsGroupsIsWarnedOf() {
    List<String> warnings = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord entry) {
            warnings.add(entry.getLevel() + " " + new SimpleFormatter().formatMessage(entry));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger(LRScheduler.class.getName());
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      LRScheduler run = new ExponentialLR(0.5).attach(groups);
      run.step();
      ParamGroups fresh = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
      LRScheduler resumed = new ExponentialLR(0.5).attach(fresh);
      resumed.loadStateDict(run.stateDict(), groups.stateDict());
      resumed.loadStateDict(run.stateDict());
      assertThat(warnings).isEmpty();
      fresh.get(0).setLr(0.1);
      resumed.loadStateDict(run.stateDict());
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
    assertThat(warnings)
        .containsExactly(
            "WARNING the state of ExponentialLR was saved with the learning rates [0.05], but the"
                + " param groups have [0.1], with which the training would go on: load the groups"
                + " first, or both with loadStateDict(state, groups)");
  }

  @Test
  void aStateOfOtherParametersIsRefused() {
    Map<String, Object> state = new StepLR(30, 0.5).attach(groups).stateDict();
    LRScheduler run = new StepLR(10, 0.5).attach(groups);
    assertThatThrownBy(() -> run.loadStateDict(state)) // PyTorch: goes on with 30
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "state of StepLR: the state was saved with \"step_size\" 30 and this one has 10");
  }

  @Test
  void aRefusedStepChangesNothing() {
    LRScheduler run =
        new ChainedScheduler(
                List.of(new ExponentialLR(0.5), OneCycleLR.builder(1).totalSteps(3).build()))
            .attach(groups);
    run.step();
    run.step();
    run.step();
    Map<String, Object> before = run.stateDict();
    List<Map<String, Object>> groupsBefore = groups.stateDict();
    assertThatThrownBy(run::step).isInstanceOf(IllegalStateException.class);
    assertThat(run.stateDict()).isEqualTo(before); // PyTorch: the first member has moved on
    assertThat(groups.stateDict()).isEqualTo(groupsBefore);
  }

  @Test
  void aRateThatIsNotFiniteIsRefused() {
    LRScheduler run = new MultiplicativeLR(epoch -> epoch < 2 ? 2 : 1e308).attach(groups);
    run.step();
    run.step();
    double lr = lr();
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "MultiplicativeLR gives param group 0 a learning rate of Infinity at epoch 3.0;"
                + " nothing was changed");
    assertThat(lr()).isEqualTo(lr);
    assertThat(run.lastEpoch()).isEqualTo(2);
    assertThatThrownBy(() -> new LambdaLR(epoch -> Double.NaN).attach(groups))
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "LambdaLR gives param group 0 a learning rate of NaN at epoch 0.0; nothing was"
                + " changed");
    assertThat(lr()).isEqualTo(lr);
  }

  @Test
  void aMomentumThatIsNotFiniteIsRefused() {
    LRScheduler run =
        CyclicLR.builder(0.1, 0.1)
            .stepSizeUp(2)
            .scaleFn(epoch -> epoch == 1 ? 1e308 : 1, CyclicLR.ScaleMode.ITERATIONS)
            .baseMomentum(-1e3)
            .build()
            .attach(groups);
    List<Map<String, Object>> before = groups.stateDict();
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "CyclicLR gives param group 0 a momentum of -Infinity at epoch 1.0; nothing was"
                + " changed");
    assertThat(groups.stateDict()).isEqualTo(before);

    LRScheduler oneCycle = OneCycleLR.builder(1).totalSteps(9).build().attach(groups);
    groups.loadStateDict(
        Json.readMaps(
            "[{\"lr\":0.1,\"momentum\":0.9,\"initial_lr\":0.1,\"max_lr\":1,\"min_lr\":0}]"));
    assertThatThrownBy(oneCycle::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "OneCycleLR gives param group 0 a momentum of NaN at epoch 1.0; nothing was changed");
  }
}
