package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a warm-up does to the epoch schedule, and what it leaves alone. */
class WarmupLRTest {

  /** YOLOv5's training of 300 epochs, with 100 batches in each. */
  private static final Schedule YOLOV5 =
      WarmupLR.builder(new LambdaLR(EpochFunction.yolov5Linear(300, 0.01)))
          .iterationsPerEpoch(100)
          .warmupIterations(300)
          .warmupLr(List.of(0.0, 0.1))
          .warmupMomentum(0.8)
          .build();

  private static ParamGroups yolov5Groups() {
    return ParamGroups.of(ParamGroup.sgd(0.01, 0.937), ParamGroup.sgd(0.01, 0.937));
  }

  private static void step(LRScheduler run, int times) {
    for (int i = 0; i < times; i++) {
      run.step();
    }
  }

  private static List<Double> rates(ParamGroups groups) {
    return groups.stream().map(ParamGroup::lr).toList();
  }

  private static void assertThatGroupsAre(
      ParamGroups groups, double other, double bias, double momentum) {
    assertThat(groups.get(0).lr()).isCloseTo(other, within(1e-10));
    assertThat(groups.get(1).lr()).isCloseTo(bias, within(1e-10));
    assertThat(groups.get(0).momentum()).isCloseTo(momentum, within(1e-8));
    assertThat(groups.get(1).momentum()).isEqualTo(groups.get(0).momentum());
  }

  @Test
  void givesTheNumbersOfYolov5() {
    ParamGroups groups = yolov5Groups();
    LRScheduler run = YOLOV5.attach(groups);
    assertThat(rates(groups)).containsExactly(0.0, 0.1);
    assertThat(groups).extracting(ParamGroup::momentum).containsExactly(0.8, 0.8);
    step(run, 50);
    assertThatGroupsAre(groups, 0.0016666667, 0.085, 0.82283333);
    step(run, 100);
    assertThatGroupsAre(groups, 0.0049835, 0.0549835, 0.8685);
    step(run, 100);
    assertThatGroupsAre(groups, 0.0082783333, 0.024945, 0.91416667);
    step(run, 50);
    assertThatGroupsAre(groups, 0.009901, 0.009901, 0.937);
    assertThat(groups).extracting(ParamGroup::momentum).containsOnly(0.937);
    assertThat(groups.get(0).initialMomentum()).hasValue(0.937);
    step(run, 99);
    assertThatGroupsAre(groups, 0.009901, 0.009901, 0.937);
    step(run, 1);
    assertThat(rates(groups)).containsOnly(0.01 * ((1 - 4.0 / 300) * (1 - 0.01) + 0.01));
    assertThat(run.lastEpoch()).isEqualTo(400);
  }

  static List<Schedule> epochSchedules() {
    List<Schedule> all = new ArrayList<>(Specimens.members());
    all.addAll(Specimens.composites());
    return all;
  }

  /** The line towards the epoch schedule as it runs by itself, and that schedule afterwards. */
  @ParameterizedTest
  @MethodSource("epochSchedules")
  void leadsToWhatTheEpochScheduleGivesByItself(Schedule after) {
    int warmup = 22;
    ParamGroups groups = Specimens.groups(2, false);
    ParamGroups alone = Specimens.groups(2, false);
    LRScheduler run =
        WarmupLR.builder(after)
            .iterationsPerEpoch(3)
            .warmupIterations(warmup)
            .warmupLr(0.05)
            .warmupMomentum(0.6)
            .build()
            .attach(groups);
    LRScheduler epochs = after.attach(alone);
    for (int iteration = 0; iteration < 60; iteration++) {
      for (int group = 0; group < 2; group++) {
        double lr = alone.get(group).lr();
        double momentum = alone.get(group).momentum();
        boolean warm = iteration < warmup;
        // Until the epoch schedule sets another rate, the end of the line stays, as it is rounded.
        boolean isLine = iteration / 3 <= warmup / 3;
        assertThat(groups.get(group).lr())
            .isEqualTo(isLine ? 0.05 + (lr - 0.05) * Math.min(iteration, warmup) / warmup : lr);
        assertThat(groups.get(group).momentum())
            .isEqualTo(warm ? 0.6 + (momentum - 0.6) * iteration / warmup : momentum);
      }
      run.step();
      if (iteration % 3 == 2) {
        epochs.step();
      }
    }
  }

  @Test
  void takesUpRatesSetByHandOnlyAfterwards() {
    ParamGroups groups = ParamGroups.of(ParamGroup.withoutMomentum(0.8));
    LRScheduler run =
        WarmupLR.builder(new StepLR(1, 0.5))
            .iterationsPerEpoch(2)
            .warmupIterations(4)
            .build()
            .attach(groups);
    run.step();
    groups.get(0).setLr(7);
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(0.2); // Half of the way to 0.4.
    step(run, 2);
    assertThat(groups.get(0).lr()).isEqualTo(0.2); // The whole way.
    groups.get(0).setLr(7);
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(7);
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(3.5);
  }

  @Test
  void leavesTheMomentumAloneUnlessToldOtherwise() {
    ParamGroups groups = ParamGroups.of(ParamGroup.adam(0.8, 0.9));
    LRScheduler run =
        WarmupLR.builder(new StepLR(1, 0.5))
            .iterationsPerEpoch(2)
            .warmupIterations(4)
            .build()
            .attach(groups);
    groups.get(0).setMomentum(0.7);
    step(run, 3);
    assertThat(groups.get(0).momentum()).isEqualTo(0.7);
    assertThat(groups.get(0).initialMomentum()).isEmpty();
  }

  @Test
  void endsAtTheMomentumItselfWhereTheLineIsRounded() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.8, 0.9));
    assertThat(0.3 + (0.9 - 0.3) * 3 / 3).isNotEqualTo(0.9);
    step(
        WarmupLR.builder(new StepLR(9))
            .iterationsPerEpoch(9)
            .warmupIterations(3)
            .warmupMomentum(0.3)
            .build()
            .attach(groups),
        3);
    assertThat(groups.get(0).momentum()).isEqualTo(0.9);
  }

  @Test
  void knowsTheMomentumOfAGroupWhenAttachedAnewInTheMiddle() {
    ParamGroups groups = yolov5Groups();
    step(YOLOV5.attach(groups), 120);
    LRScheduler anew = YOLOV5.attach(groups);
    assertThat(groups.get(0).momentum()).isEqualTo(0.8);
    step(anew, 300);
    assertThat(groups.get(0).momentum()).isEqualTo(0.937);
  }

  @Test
  void canBeFollowedInASequence() {
    ParamGroups groups = ParamGroups.of(ParamGroup.withoutMomentum(0.8));
    Schedule warmup =
        WarmupLR.builder(new StepLR(1, 0.5)).iterationsPerEpoch(2).warmupIterations(4).build();
    LRScheduler run =
        new SequentialLR(List.of(new ConstantLR(0.5, 3), warmup), List.of(3)).attach(groups);
    List<Double> seen = new ArrayList<>(rates(groups));
    for (int i = 0; i < 9; i++) {
      run.step();
      seen.addAll(rates(groups));
    }
    // At step 3 the warm-up begins with its own epoch 0, whose rate is the group's first.
    assertThat(seen).containsExactly(0.4, 0.4, 0.4, 0.0, 0.2, 0.2, 0.1 * 3, 0.2, 0.2, 0.1);
  }

  @Test
  void stayAsTheyWereWhereAStepIsRefused() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.8, 0.9));
    Schedule after = new LambdaLR(epoch -> epoch < 2 ? 1 : Double.NaN);
    LRScheduler run =
        WarmupLR.builder(after)
            .iterationsPerEpoch(2)
            .warmupIterations(6)
            .warmupMomentum(0.5)
            .build()
            .attach(groups);
    step(run, 3);
    Map<String, Object> before = run.stateDict();
    List<Map<String, Object>> groupsBefore = groups.stateDict();
    for (int attempt = 0; attempt < 2; attempt++) {
      assertThatThrownBy(run::step)
          .isInstanceOf(ArithmeticException.class)
          .hasMessage(
              "LambdaLR gives param group 0 a learning rate of NaN at epoch 2.0; nothing was"
                  + " changed");
      assertThat(run.stateDict()).isEqualTo(before);
      assertThat(groups.stateDict()).isEqualTo(groupsBefore);
    }
  }

  @Test
  void refusesAGroupThatWasAddedDuringTheWarmUp() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.8, 0.9));
    LRScheduler run =
        WarmupLR.builder(new StepLR(1, 0.5))
            .iterationsPerEpoch(2)
            .warmupIterations(3)
            .warmupMomentum(0.5)
            .build()
            .attach(groups);
    groups.add(ParamGroup.sgd(0.4, 0.9));
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "param group 1 was added after this WarmupLR was attached, which has no base rate for"
                + " it; attach it anew");
  }

  @Test
  void takesAlongAGroupThatWasAddedAfterwardsAsTheEpochScheduleDoes() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.8, 0.9));
    LRScheduler run =
        WarmupLR.builder(new StepLR(1, 0.5))
            .iterationsPerEpoch(2)
            .warmupIterations(3)
            .warmupMomentum(0.5)
            .build()
            .attach(groups);
    step(run, 4);
    groups.add(ParamGroup.sgd(0.4, 0.9));
    step(run, 2);
    assertThat(rates(groups)).containsExactly(0.1, 0.2);
  }

  @Test
  void refusesArgumentsOutOfTheirRange() {
    Schedule after = new StepLR(1);
    assertRefused(
        () -> WarmupLR.builder(after).iterationsPerEpoch(0).warmupIterations(5).build(),
        "iterationsPerEpoch must be > 0 but was 0");
    assertRefused(
        () -> WarmupLR.builder(after).iterationsPerEpoch(5).warmupIterations(-1).build(),
        "warmupIterations must be > 0 but was -1");
    assertRefused(
        () ->
            WarmupLR.builder(after)
                .iterationsPerEpoch(5)
                .warmupIterations(5)
                .warmupLr(Double.NaN)
                .build(),
        "warmupLr must be finite but was NaN");
    assertRefused(
        () ->
            WarmupLR.builder(after)
                .iterationsPerEpoch(5)
                .warmupIterations(5)
                .warmupMomentum(Double.POSITIVE_INFINITY)
                .build(),
        "warmupMomentum must be finite but was Infinity");
    assertRefused(
        () ->
            WarmupLR.builder(ReduceLROnPlateau.builder().build())
                .iterationsPerEpoch(5)
                .warmupIterations(5)
                .build(),
        "WarmupLR cannot hold a ReduceLROnPlateau, which needs a metric; attach it to the same"
            + " groups and step it beside this one");
    assertRefused(
        () ->
            WarmupLR.builder(after)
                .iterationsPerEpoch(5)
                .warmupIterations(5)
                .warmupLr(List.of(0.0, 0.1))
                .build()
                .attach(Specimens.groups(3, false)),
        "warmupLr must have one entry for each of the 3 param groups but has 2");
    assertRefused(
        () -> YOLOV5.attach(ParamGroups.of(ParamGroup.sgd(1, 0.9), ParamGroup.withoutMomentum(1))),
        "WarmupLR is to warm up the momentum, but param group 1 has neither momentum nor beta1;"
            + " build it without warmupMomentum");
    assertRefused(
        () ->
            WarmupLR.builder(new SWALR(List.of(0.1), 5, AnnealStrategy.COS))
                .iterationsPerEpoch(5)
                .warmupIterations(5)
                .build()
                .attach(Specimens.groups(2, false)),
        "swaLr must have one entry for each of the 2 param groups but has 1");
    assertRefused(
        () ->
            Schedule.fromMap(
                Map.of(
                    "type",
                    "WarmupLR",
                    "after",
                    Map.of("type", "ReduceLROnPlateau"),
                    "iterations_per_epoch",
                    5,
                    "warmup_iterations",
                    5,
                    "warmup_lr",
                    0)),
        "WarmupLR: WarmupLR cannot hold a ReduceLROnPlateau, which needs a metric; attach it to the"
            + " same groups and step it beside this one");
  }

  private static void assertRefused(ThrowingCallable call, String message) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
  }

  @Test
  void isWrittenUnderPlainNames() {
    assertThat(Json.write(YOLOV5.toMap()))
        .isEqualTo(
            "{\"type\":\"WarmupLR\",\"after\":{\"type\":\"LambdaLR\",\"lr_lambda\":"
                + "{\"yolov5_linear\":{\"epochs\":300,\"lrf\":0.01}}},"
                + "\"iterations_per_epoch\":100,\"warmup_iterations\":300,"
                + "\"warmup_lr\":[0.0,0.1],\"warmup_momentum\":0.8}");
  }
}
