package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each argument that is refused, with the whole message. */
class ArgumentsTest {

  private static final double NAN = Double.NaN;
  private static final double INFINITE = Double.POSITIVE_INFINITY;

  private static Arguments refused(ThrowingCallable construction, String message) {
    return Arguments.of(message, construction);
  }

  static Stream<Arguments> illegalArguments() {
    return Stream.of(
        refused(() -> new StepLR(0), "stepSize must be > 0 but was 0"),
        refused(() -> new StepLR(-1, 0.1), "stepSize must be > 0 but was -1"),
        refused(() -> new StepLR(1, NAN), "gamma must be finite but was NaN"),
        refused(
            () -> new MultiStepLR(List.of(1), INFINITE), "gamma must be finite but was Infinity"),
        refused(() -> new ConstantLR(0, 5), "factor must be > 0 and <= 1 but was 0.0"),
        refused(() -> new ConstantLR(1.5, 5), "factor must be > 0 and <= 1 but was 1.5"),
        refused(() -> new ConstantLR(NAN, 5), "factor must be > 0 and <= 1 but was NaN"),
        refused(() -> new ConstantLR(0.5, -1), "totalIters must be >= 0 but was -1"),
        refused(() -> new LinearLR(0, 1, 5), "startFactor must be > 0 and <= 1 but was 0.0"),
        refused(() -> new LinearLR(1.1, 1, 5), "startFactor must be > 0 and <= 1 but was 1.1"),
        refused(() -> new LinearLR(0.1, -0.1, 5), "endFactor must be >= 0 and <= 1 but was -0.1"),
        refused(() -> new LinearLR(0.1, NAN, 5), "endFactor must be >= 0 and <= 1 but was NaN"),
        refused(() -> new LinearLR(0.1, 1, 0), "totalIters must be > 0 but was 0"),
        refused(() -> new ExponentialLR(NAN), "gamma must be finite but was NaN"),
        refused(() -> new PolynomialLR(0, 1), "totalIters must be > 0 but was 0"),
        refused(() -> new PolynomialLR(5, -1), "power must be finite and >= 0 but was -1.0"),
        refused(
            () -> new PolynomialLR(5, INFINITE), "power must be finite and >= 0 but was Infinity"),
        refused(() -> new CosineAnnealingLR(0), "tMax must be > 0 but was 0"),
        refused(() -> new CosineAnnealingLR(5, NAN), "etaMin must be finite but was NaN"),
        refused(() -> new CosineAnnealingWarmRestarts(0), "t0 must be > 0 but was 0"),
        refused(() -> new CosineAnnealingWarmRestarts(5, 0), "tMult must be >= 1 but was 0"),
        refused(
            () -> new CosineAnnealingWarmRestarts(5, 1, INFINITE),
            "etaMin must be finite but was Infinity"),
        refused(() -> CyclicLR.builder(NAN, 1).build(), "baseLr must be finite but was NaN"),
        refused(() -> CyclicLR.builder(0.1, NAN).build(), "maxLr must be finite but was NaN"),
        refused(
            () -> CyclicLR.builder(0.1, 1).stepSizeUp(0).build(),
            "stepSizeUp must be > 0 but was 0"),
        refused(
            () -> CyclicLR.builder(0.1, 1).stepSizeDown(-1).build(),
            "stepSizeDown must be >= 0 but was -1"),
        refused(
            () -> CyclicLR.builder(0.1, 1).gamma(NAN).build(), "gamma must be finite but was NaN"),
        refused(
            () -> CyclicLR.builder(0.1, 1).baseMomentum(NAN).build(),
            "baseMomentum must be finite but was NaN"),
        refused(
            () -> CyclicLR.builder(0.1, 1).maxMomentum(List.of(0.9, NAN)).build(),
            "maxMomentum must be finite but was NaN"),
        refused(
            () -> OneCycleLR.builder(1).build(),
            "totalSteps must be given, or both epochs and stepsPerEpoch, but they were null, null"
                + " and null"),
        refused(
            () -> OneCycleLR.builder(1).epochs(3).build(),
            "totalSteps must be given, or both epochs and stepsPerEpoch, but they were null, 3 and"
                + " null"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(0).build(), "totalSteps must be > 0 but was 0"),
        refused(
            () -> OneCycleLR.builder(1).epochs(0).stepsPerEpoch(1).build(),
            "epochs must be > 0 but was 0"),
        refused(
            () -> OneCycleLR.builder(1).epochs(1).stepsPerEpoch(-3).build(),
            "stepsPerEpoch must be > 0 but was -3"),
        refused(
            () -> OneCycleLR.builder(1).epochs(100_000).stepsPerEpoch(100_000).build(),
            "epochs times stepsPerEpoch must be <= 2147483647 but was 10000000000"),
        refused(
            () -> OneCycleLR.builder(NAN).totalSteps(9).build(),
            "maxLr must be finite but was NaN"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(9).pctStart(1.5).build(),
            "pctStart must be >= 0 and <= 1 but was 1.5"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(9).divFactor(0).build(),
            "divFactor must be finite and > 0 but was 0.0"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(9).finalDivFactor(-1).build(),
            "finalDivFactor must be finite and > 0 but was -1.0"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(10).pctStart(1).build(),
            "pctStart must give each phase a length but was 1.0, with which phase 2 of 10 steps"
                + " begins and ends at step 9.0"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(10).pctStart(0.1).threePhase(true).build(),
            "pctStart must give each phase a length but was 0.1, with which phase 1 of 10 steps"
                + " begins and ends at step 0.0"),
        refused(
            () -> ReduceLROnPlateau.builder().factor(1).build(),
            "factor must be >= 0 and < 1 but was 1.0"),
        refused(
            () -> ReduceLROnPlateau.builder().factor(NAN).build(),
            "factor must be >= 0 and < 1 but was NaN"),
        refused(
            () -> ReduceLROnPlateau.builder().patience(-1).build(),
            "patience must be >= 0 but was -1"),
        refused(
            () -> ReduceLROnPlateau.builder().cooldown(-1).build(),
            "cooldown must be >= 0 but was -1"),
        refused(
            () ->
                ReduceLROnPlateau.builder()
                    .threshold(NAN, ReduceLROnPlateau.ThresholdMode.REL)
                    .build(),
            "threshold must be finite but was NaN"),
        refused(
            () -> ReduceLROnPlateau.builder().minLr(NAN).build(),
            "minLr must be finite but was NaN"),
        refused(
            () -> ReduceLROnPlateau.builder().eps(NAN).build(), "eps must be finite but was NaN"),
        refused(() -> new SWALR(NAN), "swaLr must be finite but was NaN"),
        refused(
            () -> new SWALR(0.1, -1, AnnealStrategy.COS), "annealEpochs must be >= 0 but was -1"),
        refused(
            () -> new SequentialLR(List.of(), List.of()),
            "schedulers must hold at least one schedule but was []"),
        refused(
            () -> new SequentialLR(List.of(new StepLR(1)), List.of(3)),
            "milestones must have 0 entries for 1 schedulers but was [3]"),
        refused(
            () -> new SequentialLR(List.of(new StepLR(1), new StepLR(1)), List.of()),
            "milestones must have 1 entries for 2 schedulers but was []"),
        refused(
            () -> new ChainedScheduler(List.of()),
            "schedulers must hold at least one schedule but was []"),
        refused(
            () -> new ChainedScheduler(List.of(ReduceLROnPlateau.builder().build())),
            "ChainedScheduler cannot hold a ReduceLROnPlateau, which needs a metric; attach it to"
                + " the same groups and step it beside this one"),
        refused(
            () ->
                new SequentialLR(
                    List.of(new StepLR(1), ReduceLROnPlateau.builder().build()), List.of(3)),
            "SequentialLR cannot hold a ReduceLROnPlateau, which needs a metric; attach it to the"
                + " same groups and step it beside this one"),
        refused(
            () -> new LambdaLR(List.<DoubleUnaryOperator>of()),
            "a list must have one entry for each param group but was []"),
        refused(
            () -> new PerGroup<>(List.of(1.0, 2.0), true),
            "a scalar must be one value but was [1.0, 2.0]"),
        refused(() -> EpochFunction.table(), "values must hold at least one number but was []"),
        refused(() -> EpochFunction.table(1, NAN), "values must be finite but was NaN"),
        refused(() -> EpochFunction.exponential(INFINITE), "gamma must be finite but was Infinity"),
        refused(() -> EpochFunction.yolov5Linear(0, 0.1), "epochs must be > 0 but was 0"),
        refused(() -> EpochFunction.yolov5Linear(1, 2), "lrf must be >= 0 and <= 1 but was 2.0"),
        refused(() -> EpochFunction.yolov5Cosine(-1, 0.1), "epochs must be > 0 but was -1"),
        refused(
            () -> EpochFunction.yolov5Cosine(1, -0.1), "lrf must be >= 0 and <= 1 but was -0.1"),
        refused(
            () -> EpochFunction.pix2pixLinear().nEpochs(-1).build(),
            "nEpochs must be >= 0 but was -1"),
        refused(
            () -> EpochFunction.pix2pixLinear().nEpochsDecay(-2).build(),
            "nEpochsDecay must be >= 0 but was -2"),
        refused(() -> ParamGroup.sgd(NAN, 0.9), "lr must be finite but was NaN"),
        refused(() -> ParamGroup.sgd(0.1, NAN), "momentum must be finite but was NaN"),
        refused(() -> ParamGroup.adam(0.1, INFINITE), "beta1 must be finite but was Infinity"),
        refused(() -> ParamGroup.sgd(0.1, 0).setLr(NAN), "lr must be finite but was NaN"),
        refused(
            () -> ParamGroup.sgd(0.1, 0).setMomentum(INFINITE),
            "momentum must be finite but was Infinity"),
        refused(
            () -> ParamGroup.sgd(0.1, 0).setInitialLr(NAN), "initialLr must be finite but was NaN"),
        refused(() -> ParamGroups.of(), "groups must hold at least one param group but was []"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("illegalArguments")
  void refusesIllegalArguments(String message, ThrowingCallable construction) {
    assertThatThrownBy(construction)
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  static Stream<Arguments> nulls() {
    return Stream.of(
        refused(() -> new MultiStepLR(null), "milestones must be given but was null"),
        refused(
            () -> new MultiStepLR(java.util.Arrays.asList(1, null)),
            "every entry of milestones must be given but was null"),
        refused(
            () -> new LambdaLR((PerGroup<DoubleUnaryOperator>) null),
            "lrLambda must be given but was null"),
        refused(
            () -> new MultiplicativeLR((PerGroup<DoubleUnaryOperator>) null),
            "lrLambda must be given but was null"),
        refused(
            () -> CyclicLR.builder(0.1, 1).mode(null).build(), "mode must be given but was null"),
        refused(
            () -> OneCycleLR.builder(1).totalSteps(9).annealStrategy(null).build(),
            "annealStrategy must be given but was null"),
        refused(
            () -> ReduceLROnPlateau.builder().mode(null).build(),
            "mode must be given but was null"),
        refused(
            () -> ReduceLROnPlateau.builder().threshold(0, null).build(),
            "thresholdMode must be given but was null"),
        refused(() -> new SWALR(0.1, 1, null), "annealStrategy must be given but was null"),
        refused(
            () -> new ChainedScheduler((List<Schedule>) null),
            "schedulers must be given but was null"),
        refused(
            () -> new SequentialLR(List.of(new StepLR(1)), (List<Integer>) null),
            "milestones must be given but was null"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("nulls")
  void refusesNull(String message, ThrowingCallable construction) {
    assertThatThrownBy(construction)
        .isExactlyInstanceOf(NullPointerException.class)
        .hasMessage(message);
  }

  static Stream<Arguments> misfits() {
    List<Double> two = List.of(0.1, 0.2);
    List<Double> three = List.of(0.1, 0.2, 0.3);
    List<DoubleUnaryOperator> twoFunctions = List.of(epoch -> 1, epoch -> 1);
    String entries = " must have one entry for each of the 3 param groups but has 2";
    return Stream.of(
        Arguments.of(new LambdaLR(twoFunctions), "lrLambda" + entries),
        Arguments.of(new MultiplicativeLR(twoFunctions), "lrLambda" + entries),
        Arguments.of(CyclicLR.builder(two, three).build(), "baseLr" + entries),
        Arguments.of(CyclicLR.builder(three, two).build(), "maxLr" + entries),
        Arguments.of(CyclicLR.builder(0.1, 1).baseMomentum(two).build(), "baseMomentum" + entries),
        Arguments.of(CyclicLR.builder(0.1, 1).maxMomentum(two).build(), "maxMomentum" + entries),
        Arguments.of(OneCycleLR.builder(two).totalSteps(9).build(), "maxLr" + entries),
        Arguments.of(
            OneCycleLR.builder(1).totalSteps(9).baseMomentum(two).build(),
            "baseMomentum" + entries),
        Arguments.of(
            OneCycleLR.builder(1).totalSteps(9).maxMomentum(two).build(), "maxMomentum" + entries),
        Arguments.of(ReduceLROnPlateau.builder().minLr(two).build(), "minLr" + entries),
        Arguments.of(new SWALR(two, 5, AnnealStrategy.COS), "swaLr" + entries),
        Arguments.of(
            new SequentialLR(
                List.of(
                    new StepLR(1),
                    new ChainedScheduler(List.of(new SWALR(two, 5, AnnealStrategy.COS)))),
                List.of(4)),
            "swaLr" + entries));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("misfits")
  void refusesListsThatDoNotFitTheGroups(Schedule schedule, String message) {
    ParamGroups groups = Specimens.groups(3, false);
    List<Map<String, Object>> before = groups.stateDict();
    assertThatThrownBy(() -> schedule.attach(groups))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    assertThat(groups.stateDict()).isEqualTo(before);
  }

  static Stream<Arguments> cyclesOfMomentum() {
    return Stream.of(
        Arguments.of("CyclicLR", CyclicLR.builder(0.1, 1).build()),
        Arguments.of("OneCycleLR", OneCycleLR.builder(1).totalSteps(9).build()),
        Arguments.of(
            "OneCycleLR",
            new SequentialLR(
                List.of(
                    CyclicLR.builder(0.1, 1).cycleMomentum(false).build(),
                    OneCycleLR.builder(1).totalSteps(9).build()),
                List.of(5))));
  }

  @ParameterizedTest
  @MethodSource("cyclesOfMomentum")
  void refusesToCycleAMomentumThatIsNotThere(String name, Schedule schedule) {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9), ParamGroup.withoutMomentum(0.1));
    List<Map<String, Object>> before = groups.stateDict();
    assertThatThrownBy(() -> schedule.attach(groups))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            name
                + " is to cycle the momentum, but param group 1 has neither momentum nor beta1;"
                + " build it with cycleMomentum(false)");
    assertThat(groups.stateDict()).isEqualTo(before);
  }

  @Test
  void shorterConstructorsTakePyTorchsDefaults() {
    assertThat(new LinearLR(0.1, 7)).isEqualTo(new LinearLR(0.1, 1.0, 7));
    assertThat(new MultiStepLR(30, 80)).isEqualTo(new MultiStepLR(List.of(30, 80), 0.1));
    assertThat(new SWALR(0.05, 6)).isEqualTo(new SWALR(0.05, 6, AnnealStrategy.COS));
    assertThat(ReduceLROnPlateau.builder().threshold(0.01).build())
        .isEqualTo(
            ReduceLROnPlateau.builder()
                .threshold(0.01, ReduceLROnPlateau.ThresholdMode.REL)
                .build());
    List<StepLR> steps = List.of(new StepLR(3), new StepLR(5));
    assertThat(new ChainedScheduler(steps))
        .isEqualTo(new ChainedScheduler(new StepLR(3), new StepLR(5)));
    assertThat(new SequentialLR(steps, 4)).isEqualTo(new SequentialLR(steps, List.of(4)));
    assertThat(new SequentialLR(steps, 4).schedulers()).isEqualTo(steps);
  }
}
