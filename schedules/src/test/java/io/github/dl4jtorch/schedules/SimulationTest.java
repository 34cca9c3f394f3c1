package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is simulated is what a run does, and nothing is touched. */
class SimulationTest {

  private static final int STEPS = 60;

  static Stream<Schedule> schedules() {
    return Stream.concat(Specimens.members().stream(), Specimens.composites().stream());
  }

  private static ParamGroups groups() {
    return ParamGroups.of(ParamGroup.sgd(0.1, 0.9), ParamGroup.adam(0.02, 0.85));
  }

  private static ParamGroups groups(Schedule schedule) {
    // Some specimens have lists for one group or three.
    for (ParamGroups groups :
        List.of(
            groups(),
            ParamGroups.of(ParamGroup.sgd(0.1, 0.9)),
            ParamGroups.of(
                ParamGroup.sgd(0.1, 0.9), ParamGroup.sgd(0.2, 0.9), ParamGroup.sgd(0.3, 0.9)))) {
      try {
        schedule.requireFits(groups);
        return groups;
      } catch (IllegalArgumentException other) {
        // The next.
      }
    }
    throw new AssertionError(schedule);
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void equalsARunFromTheStartAndFromTheMiddle(Schedule schedule) {
    ParamGroups groups = groups(schedule);
    List<Map<String, Object>> before = groups.stateDict();
    Simulation all = schedule.simulate(groups, STEPS);
    assertThat(groups.stateDict()).isEqualTo(before);
    LRScheduler run = schedule.attach(groups);
    Simulation onwards = null;
    for (int step = 0; step < STEPS; step++) {
      if (step == 17) {
        Map<String, Object> state = run.stateDict();
        List<Map<String, Object>> values = groups.stateDict();
        onwards = run.simulate(STEPS - step);
        assertThat(run.stateDict()).isEqualTo(state);
        assertThat(groups.stateDict()).isEqualTo(values);
      }
      for (int group = 0; group < groups.size(); group++) {
        assertThat(all.lr(group, step)).isEqualTo(groups.get(group).lr());
        assertThat(all.momentum(group, step)).isEqualTo(groups.get(group).momentum());
        if (onwards != null && onwards.start() == 17) {
          assertThat(onwards.lr(group, step)).isEqualTo(groups.get(group).lr());
          assertThat(onwards.momentum(group, step)).isEqualTo(groups.get(group).momentum());
        }
      }
      run.step();
    }
    assertThat(onwards).isNotNull();
  }

  @Test
  void givesAPlateauItsMetric() {
    Schedule plateau = ReduceLROnPlateau.builder().factor(0.5).patience(1).build();
    ParamGroups groups = ParamGroups.of(ParamGroup.withoutMomentum(1));
    assertThat(plateau.simulate(groups, 7, step -> 1.0).lrs(0))
        .containsExactly(1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25);
    assertThat(plateau.simulate(groups, 7, step -> -step).lrs(0)).containsOnly(1.0);
    LRScheduler run = plateau.attach(groups);
    run.step(1.0);
    run.step(1.0);
    assertThat(run.simulate(3, step -> 1.0).lrs(0)).containsExactly(1.0, 0.5, 0.5);
    assertThat(run.simulate(3, step -> step == 2 ? 0.0 : 1.0).lrs(0)).containsOnly(1.0);
    assertThatThrownBy(() -> plateau.simulate(groups, 3))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage(
            "ReduceLROnPlateau needs a metric: use simulate(.., steps, metric), with step -> 1.0 for"
                + " one that never improves");
  }

  /** As Deeplearning4j's updaters, which take no rate below 0. */
  @Test
  void keepsTheBoundsOfTheOptimizer() {
    Schedule toZero = new LinearLR(0.3, 0, 3);
    ParamGroups bounded =
        ParamGroups.of(ParamGroup.of(MomentumKind.NONE, 0.1, 0, highest -> -1e-12 * highest));
    double rounding = toZero.simulate(ParamGroups.of(ParamGroup.withoutMomentum(0.1)), 20).lr(0, 3);
    assertThat(rounding).isNegative();
    assertThat(toZero.simulate(bounded, 20).lr(0, 3)).isEqualTo(0.0);
    Schedule below = new LambdaLR(epoch -> 1 - epoch);
    assertThatThrownBy(() -> below.simulate(bounded, 4))
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "LambdaLR gives param group 0 a learning rate of -0.1 at epoch 2.0, and the optimizer"
                + " takes none below 0; nothing was changed");
    assertThat(bounded.get(0).lr()).isEqualTo(0.1);
    assertThat(bounded.get(0).initialLr()).isEmpty();
  }

  @Test
  void refusesWhatCannotBe() {
    ParamGroups groups = groups();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new StepLR(3).simulate(groups, 0))
        .withMessage("steps must be > 0 but was 0");
    assertThatIllegalStateException()
        .isThrownBy(() -> OneCycleLR.builder(1).totalSteps(9).build().simulate(groups, 11))
        .withMessage(
            "OneCycleLR has 9 steps in all and was stepped past them: give as many as the training"
                + " has batches (or epochs, if stepped once an epoch)");
    Simulation simulation = new StepLR(3).simulate(groups, 4);
    assertThatThrownBy(() -> simulation.lr(2, 0))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("group must be >= 0 and < 2 but was 2");
    assertThatThrownBy(() -> simulation.momentum(0, 4))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("step must be >= 0 and < 4 but was 4");
    assertThat(groups.get(0).initialLr()).isEmpty();
  }

  @Test
  void writesCsv() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9), ParamGroup.withoutMomentum(0.2));
    assertThat(new StepLR(2, 0.5).simulate(groups, 3).toCsv())
        .isEqualTo(
            """
            step,param group 0 lr,param group 0 momentum,param group 1 lr
            0,0.1,0.9,0.2
            1,0.1,0.9,0.2
            2,0.05,0.9,0.1
            """);
    LRScheduler run = new StepLR(2, 0.5).attach(groups);
    run.skip(3);
    assertThat(run.simulate(2).toCsv())
        .isEqualTo(
            """
            step,param group 0 lr,param group 0 momentum,param group 1 lr
            3,0.05,0.9,0.1
            4,0.025,0.9,0.05
            """);
    assertThat(run.simulate(2)).hasToString("StepLR[stepSize=2, gamma=0.5], steps 3 to 4");
  }

  @Test
  void writesATable() {
    Schedule schedule =
        new SequentialLR(List.of(new ConstantLR(0.5, 3), new StepLR(40)), List.of(33));
    assertThat(schedule.simulate(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)), 100).toTable())
        .isEqualTo(
            """
                 step            lr
                    0     0.0500000
                    3      0.100000  end of ConstantLR
                    5      0.100000
                   10      0.100000
                   15      0.100000
                   20      0.100000
                   25      0.100000
                   30      0.100000
                   33      0.100000  StepLR
                   35      0.100000
                   40      0.100000
                   45      0.100000
                   50      0.100000
                   55      0.100000
                   60      0.100000
                   65      0.100000
                   70      0.100000
                   73     0.0100000  StepLR
                   75     0.0100000
                   80     0.0100000
                   85     0.0100000
                   90     0.0100000
                   95     0.0100000
                   99     0.0100000
            """);
    assertThat(
            OneCycleLR.builder(List.of(1.0, 2.0))
                .totalSteps(4)
                .build()
                .simulate(groups(), 4)
                .toTable())
        .isEqualTo(
            """
                 step          lr 0    momentum 0          lr 1    momentum 1
                    0     0.0400000      0.950000     0.0800000      0.950000
                    1      0.811746      0.868826       1.62349      0.868826  top of OneCycleLR
                    2      0.283061      0.921694      0.566122      0.921694
                    3   4.00000e-06      0.950000   8.00000e-06      0.950000
            """);
  }

  private static Map<Integer, String> milestones(Schedule schedule, int steps) {
    return schedule.simulate(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)), steps).milestones();
  }

  @Test
  void findsMilestones() {
    assertThat(milestones(new MultiStepLR(List.of(9, 3, 3, 20)), 20))
        .isEqualTo(Map.of(3, "MultiStepLR", 9, "MultiStepLR"));
    assertThat(milestones(new CosineAnnealingWarmRestarts(4, 2), 40))
        .isEqualTo(Map.of(4, "restart", 12, "restart", 28, "restart"));
    assertThat(milestones(new CosineAnnealingWarmRestarts(4), 13))
        .isEqualTo(Map.of(4, "restart", 8, "restart", 12, "restart"));
    assertThat(milestones(CyclicLR.builder(0.1, 1).stepSizeUp(3).stepSizeDown(1).build(), 9))
        .isEqualTo(Map.of(4, "cycle", 8, "cycle"));
    assertThat(
            milestones(
                WarmupLR.builder(new StepLR(2)).iterationsPerEpoch(10).warmupIterations(15).build(),
                45))
        .isEqualTo(Map.of(15, "end of the warm-up", 20, "StepLR", 40, "StepLR"));
    assertThat(milestones(new ExponentialLR(0.9), 45)).isEmpty();
    assertThat(
            milestones(
                new SequentialLR(
                    List.of(
                        new SequentialLR(List.of(new LinearLR(0.1, 5), new StepLR(3)), List.of(5)),
                        new CosineAnnealingLR(5)),
                    List.of(10)),
                30))
        .isEqualTo(
            Map.of(
                5,
                "StepLR",
                8,
                "StepLR",
                10,
                "CosineAnnealingLR",
                15,
                "bottom of CosineAnnealingLR"));
    LRScheduler run = new StepLR(5).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
    run.skip(6);
    assertThat(run.simulate(10).milestones()).isEqualTo(Map.of(10, "StepLR", 15, "StepLR"));
  }
}
