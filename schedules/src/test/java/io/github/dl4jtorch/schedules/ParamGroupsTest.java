package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Groups: what they hold, how they are saved, and what happens when one is added. */
class ParamGroupsTest {

  @Test
  void holdWhatPyTorchsOptimizerHolds() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9), ParamGroup.adam(0.2, 0.8));
    assertThat(groups.stateDict())
        .containsExactly(
            Map.of("lr", 0.1, "momentum", 0.9), Map.of("lr", 0.2, "betas", List.of(0.8, 0.999)));
    OneCycleLR.builder(1).totalSteps(20).build().attach(groups);
    assertThat(groups.stateDict().get(1))
        .isEqualTo(
            Map.of(
                "lr",
                0.040000000000000036,
                "betas",
                List.of(0.95, 0.999),
                "initial_lr",
                0.04,
                "max_lr",
                1.0,
                "min_lr",
                4e-6,
                "max_momentum",
                0.95,
                "base_momentum",
                0.85));
    ParamGroup first = groups.get(0);
    assertThat(first.initialLr()).hasValue(0.04);
    assertThat(first.maxLr()).hasValue(1);
    assertThat(first.minLr()).hasValue(4e-6);
    assertThat(first.maxMomentum()).hasValue(0.95);
    assertThat(first.baseMomentum()).hasValue(0.85);
    assertThat(first.swaLr()).isEmpty();
    new SWALR(0.5).attach(groups);
    assertThat(first.swaLr()).hasValue(0.5);
    assertThat(first.momentumKind()).isEqualTo(MomentumKind.MOMENTUM);
    assertThat(groups.get(1).momentumKind()).isEqualTo(MomentumKind.BETA1);
  }

  @Test
  void passOverWhatNoSchedulerKnowsAndKeepBeta2() {
    ParamGroups groups = ParamGroups.of(ParamGroup.adam(0.2, 0.8));
    groups.loadStateDict(
        Json.readMaps(
            "[{\"lr\":1,\"betas\":[0.7,0.95],\"eps\":1e-8,\"weight_decay\":0,\"amsgrad\":false,"
                + "\"maximize\":false,\"foreach\":null,\"params\":[0,1],\"initial_lr\":3}]"));
    assertThat(groups.stateDict())
        .containsExactly(Map.of("lr", 1.0, "betas", List.of(0.7, 0.95), "initial_lr", 3.0));
  }

  @Test
  void theFirstScheduleDecidesTheInitialRate() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
    new ConstantLR(0.5, 3).attach(groups);
    assertThat(groups.get(0).lr()).isEqualTo(0.05);
    new LambdaLR(epoch -> 2).attach(groups);
    assertThat(groups.get(0).initialLr()).hasValue(0.1);
    assertThat(groups.get(0).lr()).isEqualTo(0.2);
  }

  @Test
  void aPresetInitialRateIsTheBase() {
    ParamGroup group = ParamGroup.sgd(0.1, 0.9);
    group.setInitialLr(1.0);
    new LambdaLR(epoch -> 1).attach(ParamGroups.of(group));
    assertThat(group.lr()).isEqualTo(1.0);
  }

  @Test
  void cyclicAttachedAfterAnotherBeginsAtTheInitialRateAsInPyTorch() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.5, 0.9));
    new StepLR(30).attach(groups);
    LRScheduler run = CyclicLR.builder(0.1, 1.1).stepSizeUp(2).build().attach(groups);
    assertThat(groups.get(0).lr()).isEqualTo(0.5);
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(0.6);
    run.step(4);
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
  }

  @Test
  void refuseAGroupTwice() {
    ParamGroup group = ParamGroup.sgd(0.1, 0.9);
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.2, 0), group);
    assertThatThrownBy(() -> groups.add(group))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("group must not be among the param groups already but is group 1");
    assertThat(groups).hasSize(2);
    assertThatThrownBy(() -> groups.remove(0)).isInstanceOf(UnsupportedOperationException.class);
  }

  static Stream<Schedule> takingAGroupAlong() {
    return Stream.of(
        new StepLR(2, 0.5),
        new MultiStepLR(List.of(4), 0.5),
        new ConstantLR(0.5, 4),
        new LinearLR(0.5, 1, 9),
        new ExponentialLR(0.5),
        new PolynomialLR(9, 2),
        new CosineAnnealingLR(9));
  }

  @ParameterizedTest
  @MethodSource("takingAGroupAlong")
  void aGroupAddedLaterIsTakenAlongFromItsOwnRate(Schedule schedule) {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0));
    LRScheduler run = schedule.attach(groups);
    run.step();
    run.step();
    double lr = groups.get(0).lr();
    groups.add(ParamGroup.sgd(2 * lr, 0));
    assertThat(run.getLastLr()).hasSize(1);
    Map<String, Object> state = Json.readMap(Json.write(run.stateDict()));
    List<Map<String, Object>> groupState = groups.stateDict();

    run.step();
    run.step();

    assertThat(groups.get(0).lr()).isNotEqualTo(lr);
    assertThat(groups.get(1).lr()).isEqualTo(2 * groups.get(0).lr());
    assertThat(groups.get(1).initialLr()).isEmpty();
    assertThat(run.getLastLr()).hasSize(2);
    assertThat(run.stateDict().get("base_lrs")).isEqualTo(List.of(0.1));
    double last = groups.get(1).lr();

    ParamGroups fresh = ParamGroups.of(ParamGroup.sgd(1, 0), ParamGroup.sgd(1, 0));
    LRScheduler resumed = schedule.attach(fresh);
    resumed.loadStateDict(state, groupState);
    assertThat(resumed.loadStateDict(state)).isTrue();
    resumed.step();
    resumed.step();
    assertThat(fresh.get(1).lr()).isEqualTo(last);
  }

  static Stream<Schedule> needingABaseForEveryGroup() {
    return Stream.of(
        new LambdaLR(epoch -> 1),
        new MultiplicativeLR(epoch -> 0.5),
        new CosineAnnealingWarmRestarts(9),
        CyclicLR.builder(0.1, 1).stepSizeUp(9).build(),
        OneCycleLR.builder(1).totalSteps(90).build(),
        new SWALR(0.5));
  }

  @ParameterizedTest
  @MethodSource("needingABaseForEveryGroup")
  void aGroupAddedLaterIsRefusedWhereItsBaseIsNeeded(Schedule schedule) {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
    LRScheduler run = schedule.attach(groups);
    run.step();
    groups.add(ParamGroup.sgd(0.2, 0.9));
    List<Map<String, Object>> before = groups.stateDict();
    double epoch = run.lastEpoch();
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "param group 1 was added after this "
                + schedule.getClass().getSimpleName()
                + " was attached, which has no base rate for it; attach it anew");
    assertThat(groups.stateDict()).isEqualTo(before);
    assertThat(run.lastEpoch()).isEqualTo(epoch);
  }

  @Test
  void theClosedFormAndTheRiseAfterAMinimumNeedABase() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0));
    LRScheduler run = new CosineAnnealingLR(2).attach(groups);
    run.step();
    groups.add(ParamGroup.sgd(0.2, 0));
    run.step();
    assertThatThrownBy(run::step)
        .hasMessage(
            "param group 1 was added after this CosineAnnealingLR was attached, which has no base"
                + " rate for it; attach it anew");
    assertThatThrownBy(() -> run.step(1))
        .hasMessage(
            "param group 1 was added after this CosineAnnealingLR was attached, which has no base"
                + " rate for it; attach it anew");
  }

  @Test
  void plateauSpreadsOneMinimumOverAddedGroupsAndRefusesAListThatIsTooShort() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0));
    LRScheduler one = ReduceLROnPlateau.builder().patience(0).minLr(0.05).build().attach(groups);
    LRScheduler list =
        ReduceLROnPlateau.builder().patience(0).minLr(List.of(0.01)).build().attach(groups);
    groups.add(ParamGroup.sgd(0.2, 0));
    one.step(1);
    one.step(1);
    assertThat(groups.get(0).lr()).isEqualTo(0.05);
    assertThat(groups.get(1).lr()).isEqualTo(0.05);
    list.step(1);
    Map<String, Object> before = list.stateDict();
    assertThatThrownBy(() -> list.step(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("minLr must have one entry for each of the 2 param groups but has 1");
    assertThat(list.stateDict()).isEqualTo(before);
    assertThat(groups.get(0).lr()).isEqualTo(0.05);
  }

  /** An optimizer that takes no rate below 0. */
  private static class Live implements OptimizerValues {
    final double[] values;

    Live(double... values) {
      this.values = values;
    }

    @Override
    public double lr() {
      return values[0];
    }

    @Override
    public void setLr(double lr) {
      values[0] = lr;
    }

    @Override
    public MomentumKind momentumKind() {
      return MomentumKind.MOMENTUM;
    }

    @Override
    public double momentum() {
      return values[1];
    }

    @Override
    public void setMomentum(double momentum) {
      values[1] = momentum;
    }

    @Override
    public double lowestLr(double highestLr) {
      return 0;
    }
  }

  @Test
  void whatAnOptimizerDoesNotTakeLeavesAllGroupsAsTheyWere() {
    double[] live = {0.5, 0.9};
    ParamGroup plain = ParamGroup.sgd(0.5, 0.9);
    ParamGroup below =
        ParamGroup.over(
            new Live(live) {
              @Override
              public @Nullable String momentumRange(double momentum) {
                return momentum < 1 ? null : "momentum must be < 1";
              }
            });
    ParamGroups groups = ParamGroups.of(plain, below);
    List<Map<String, Object>> before = groups.stateDict();
    CyclicLR high = CyclicLR.builder(0.1, 1).baseMomentum(0.5).maxMomentum(1.0).build();
    assertThatThrownBy(() -> high.attach(groups))
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "CyclicLR gives param group 1 a momentum of 1.0 at epoch 0.0, but momentum must be < 1;"
                + " nothing was changed");
    assertThat(groups.stateDict()).isEqualTo(before);

    CyclicLR rising =
        CyclicLR.builder(0.1, 1).stepSizeUp(1).baseMomentum(1.25).maxMomentum(0.5).build();
    LRScheduler run = rising.attach(groups);
    List<Map<String, Object>> attached = groups.stateDict();
    Map<String, Object> state = run.stateDict();
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "CyclicLR gives param group 1 a momentum of 1.25 at epoch 1.0, but momentum must be <"
                + " 1; nothing was changed");
    assertThat(groups.stateDict()).isEqualTo(attached);
    assertThat(run.stateDict()).isEqualTo(state);

    List<Map<String, Object>> wrong = groups.stateDict();
    wrong.get(0).put("lr", 0.7);
    wrong.get(1).put("momentum", 2);
    assertThatThrownBy(() -> run.loadStateDict(state, wrong))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("param group 1: momentum must be < 1 but was 2.0");
    assertThatThrownBy(() -> rising.resume(groups, state, wrong))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("param group 1: momentum must be < 1 but was 2.0");
    assertThatThrownBy(() -> below.setMomentum(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("momentum must be < 1 but was 1.0");
    assertThat(groups.stateDict()).isEqualTo(attached);

    // What somebody else has set, and no run writes, is nobody's to refuse.
    live[1] = 1.5;
    new ExponentialLR(0.5).attach(groups).step();
    assertThat(live).containsExactly(0.05, 1.5);
  }

  @Test
  void resumeRefusesWhatIsOfAnotherDefinitionAndLeavesTheGroupsAsTheyWere() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.5, 0.9), ParamGroup.sgd(0.25, 0.9));
    LRScheduler saved = new ExponentialLR(0.5).attach(groups);
    saved.step();
    List<Map<String, Object>> values = groups.stateDict();
    ParamGroups others = ParamGroups.of(ParamGroup.sgd(0.75, 0.9), ParamGroup.sgd(0.1, 0.9));
    List<Map<String, Object>> before = others.stateDict();
    assertThatThrownBy(
            () -> CyclicLR.builder(0.1, 1).build().resume(others, saved.stateDict(), values))
        .isInstanceOf(MalformedDataException.class);
    assertThatThrownBy(
            () ->
                CyclicLR.builder(List.of(0.1), List.of(0.1))
                    .build()
                    .resume(others, saved.stateDict(), values))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("baseLr must have one entry for each of the 2 param groups but has 1");
    assertThat(others.stateDict()).isEqualTo(before);
    LRScheduler resumed = saved.schedule().resume(others, saved.stateDict(), values);
    assertThat(others.stateDict()).isEqualTo(values);
    assertThat(resumed.stateDict()).isEqualTo(saved.stateDict());
  }

  @Test
  void aLiveOptimizerIsReadAndDrivenAndItsLowestRateRespected() {
    double[] live = {0.5, 0.9};
    OptimizerValues values = new Live(live);
    ParamGroup plain = ParamGroup.sgd(0.5, 0.9);
    ParamGroups groups = ParamGroups.of(plain, ParamGroup.over(values));
    LRScheduler run = new MultiplicativeLR(epoch -> epoch == 3 ? -1 : 0.5).attach(groups);
    run.step();
    assertThat(live).containsExactly(0.25, 0.9);
    live[0] = 0.1;
    run.step();
    assertThat(live[0]).isEqualTo(0.05);
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "MultiplicativeLR gives param group 1 a learning rate of -0.05 at epoch 3.0, and the"
                + " optimizer takes none below 0; nothing was changed");
    assertThat(plain.lr()).isEqualTo(0.125);
    assertThat(run.lastEpoch()).isEqualTo(2);
    assertThatThrownBy(() -> groups.get(1).setLr(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("lr must be >= 0.0 but was -1.0");
    CyclicLR.builder(0.1, 1).build().attach(ParamGroups.of(ParamGroup.over(values)));
    assertThat(live).containsExactly(0.1, 0.9);
  }
}
