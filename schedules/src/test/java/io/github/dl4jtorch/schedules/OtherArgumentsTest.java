package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A state of a definition with other arguments is refused, wherever they are kept. */
class OtherArgumentsTest {

  private static final String SAVED = "the state was saved with ";

  private static OneCycleLR.Builder oneCycle() {
    return OneCycleLR.builder(0.5).totalSteps(50);
  }

  private static CyclicLR.Builder scaled(double gamma) {
    return CyclicLR.builder(0.01, 0.1)
        .stepSizeUp(4)
        .scaleFn(EpochFunction.exponential(gamma), CyclicLR.ScaleMode.CYCLE);
  }

  static Stream<Arguments> others() {
    Schedule oneCycle = oneCycle().build();
    String group = "param group 0: " + SAVED;
    return Stream.of(
        Arguments.of(
            CyclicLR.builder(0.01, 0.1).stepSizeUp(4).build(),
            CyclicLR.builder(0.02, 0.1).stepSizeUp(4).build(),
            "state of CyclicLR: "
                + SAVED
                + "\"base_lrs\" [0.01, 0.01] and this one has [0.02, 0.02]"),
        Arguments.of(
            oneCycle,
            OneCycleLR.builder(0.25).totalSteps(50).divFactor(12.5).build(),
            group + "\"max_lr\" 0.5 and this one has 0.25"),
        Arguments.of(
            oneCycle,
            oneCycle().divFactor(10).build(),
            group + "\"initial_lr\" 0.02 and this one has 0.05"),
        Arguments.of(
            oneCycle,
            oneCycle().finalDivFactor(100).build(),
            group + "\"min_lr\" 2.0E-6 and this one has 2.0E-4"),
        Arguments.of(
            oneCycle,
            oneCycle().baseMomentum(0.8).build(),
            group + "\"base_momentum\" 0.85 and this one has 0.8"),
        Arguments.of(
            oneCycle,
            oneCycle().maxMomentum(0.9).build(),
            group + "\"max_momentum\" 0.95 and this one has 0.9"),
        Arguments.of(
            new SequentialLR(List.of(new StepLR(3), new SWALR(0.05)), List.of(2)),
            new SequentialLR(List.of(new StepLR(3), new SWALR(0.04)), List.of(2)),
            group + "\"swa_lr\" 0.05 and this one has 0.04"),
        Arguments.of(
            new LambdaLR(EpochFunction.exponential(0.9)),
            new LambdaLR(EpochFunction.exponential(0.8)),
            "state of LambdaLR: "
                + SAVED
                + "\"lr_lambdas\" [{exponential={gamma=0.9}}, {exponential={gamma=0.9}}] and this one"
                + " has [{exponential={gamma=0.8}}, {exponential={gamma=0.8}}]"),
        Arguments.of(
            new MultiplicativeLR(EpochFunction.table(0.9)),
            new MultiplicativeLR(EpochFunction.table(0.8)),
            "state of MultiplicativeLR: "
                + SAVED
                + "\"lr_lambdas\" [{table=[0.9]}, {table=[0.9]}] and this one has [{table=[0.8]},"
                + " {table=[0.8]}]"),
        Arguments.of(
            scaled(0.9).build(),
            scaled(0.8).build(),
            "state of CyclicLR: "
                + SAVED
                + "\"_scale_fn_custom\" {exponential={gamma=0.9}} and this one has"
                + " {exponential={gamma=0.8}}"),
        Arguments.of(
            scaled(0.9).build(),
            CyclicLR.builder(0.01, 0.1).stepSizeUp(4).build(),
            "state of CyclicLR: "
                + SAVED
                + "\"_scale_fn_custom\" {exponential={gamma=0.9}} and this one has none"));
  }

  @ParameterizedTest(name = "{2}")
  @MethodSource("others")
  void isRefusedAndChangesNothing(Schedule saved, Schedule other, String message) {
    LRScheduler run = saved.attach(Specimens.groups(2, false));
    run.step();
    List<Map<String, Object>> savedGroups = run.paramGroups().stateDict();
    ParamGroups groups = Specimens.groups(2, false);
    List<Map<String, Object>> before = groups.stateDict();
    assertThatThrownBy(() -> other.resume(groups, run.stateDict(), savedGroups))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
    assertThat(groups.stateDict()).isEqualTo(before);

    LRScheduler present = other.attach(groups);
    Map<String, Object> state = present.stateDict();
    List<Map<String, Object>> attached = groups.stateDict();
    assertThatThrownBy(() -> present.loadStateDict(run.stateDict(), savedGroups))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
    assertThat(present.stateDict()).isEqualTo(state);
    assertThat(groups.stateDict()).isEqualTo(attached);
  }

  /** A lambda's state is null there, and an object's is its fields. */
  @Test
  void takesWhatPyTorchSavesForFunctions() {
    Schedule schedule = new LambdaLR(EpochFunction.exponential(0.9));
    LRScheduler run = schedule.attach(Specimens.groups(2, false));
    Map<String, Object> state = new LinkedHashMap<>(run.stateDict());
    state.put("lr_lambdas", java.util.Arrays.asList(null, Map.of("warm", 3)));
    assertThat(run.loadStateDict(state)).isTrue();
  }

  static Stream<Arguments> illegal() {
    return Stream.of(
        Arguments.of(
            Map.of("type", "SWALR", "swa_lr", 0.1, "anneal_epochs", -1),
            "SWALR: anneal_epochs must be >= 0 but was -1"),
        Arguments.of(
            Map.of("type", "CosineAnnealingLR", "T_max", 0),
            "CosineAnnealingLR: T_max must be > 0 but was 0"),
        Arguments.of(
            Map.of("type", "CosineAnnealingWarmRestarts", "T_0", 0),
            "CosineAnnealingWarmRestarts: T_0 must be > 0 but was 0"),
        Arguments.of(
            Map.of("type", "OneCycleLR", "max_lr", 0.1, "epochs", 3),
            "OneCycleLR: total_steps must be given, or both epochs and steps_per_epoch, but they were"
                + " null, 3 and null"),
        Arguments.of(
            Map.of(
                "type",
                "LambdaLR",
                "lr_lambda",
                Map.of("pix2pix_linear", Map.of("n_epochs", -1, "n_epochs_decay", 2))),
            "pix2pix_linear: n_epochs must be >= 0 but was -1"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("illegal")
  void fromMapNamesTheKeyThatWasRead(Map<String, Object> map, String message) {
    assertThatThrownBy(() -> Schedule.fromMap(map))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }
}
