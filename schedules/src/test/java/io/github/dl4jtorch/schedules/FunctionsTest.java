package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Named functions and plain lambdas. */
// Dividing whole epochs is what perEpoch is for.
@SuppressWarnings("NarrowCalculation")
class FunctionsTest {

  private static final String ADVICE =
      " holds a plain lambda, which cannot be written; use an EpochFunction: table, exponential,"
          + " yolov5Linear, yolov5Cosine or pix2pixLinear";

  @Test
  void tableIsFlooredAndHoldsItsLastValue() {
    EpochFunction table = EpochFunction.table(1.0, 0.5, 0.1);
    assertThat(values(table, -1, 0, 0.9, 1, 1.99, 2, 2.5, 3, 1e9))
        .containsExactly(1.0, 1.0, 1.0, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1);
    assertThat(table.toMap()).isEqualTo(Map.of("table", List.of(1.0, 0.5, 0.1)));
  }

  @Test
  void exponentialIsAPower() {
    assertThat(values(EpochFunction.exponential(0.5), 0, 1, 3)).containsExactly(1.0, 0.5, 0.125);
  }

  @Test
  void yolov5FunctionsGiveTheRecipesFactors() {
    // YOLOv5's hyp.scratch-low: 300 epochs, lrf 0.01.
    EpochFunction linear = EpochFunction.yolov5Linear(300, 0.01);
    assertThat(linear.applyAsDouble(0)).isEqualTo(1.0);
    assertThat(linear.applyAsDouble(1)).isCloseTo(0.9967, within(1e-15));
    assertThat(linear.applyAsDouble(150)).isCloseTo(0.505, within(1e-15));
    assertThat(linear.applyAsDouble(299)).isCloseTo(0.0133, within(1e-15));
    EpochFunction cosine = EpochFunction.yolov5Cosine(300, 0.01);
    assertThat(cosine.applyAsDouble(0)).isEqualTo(1.0);
    assertThat(cosine.applyAsDouble(1)).isCloseTo(0.99997286, within(5e-9));
    assertThat(cosine.applyAsDouble(299)).isCloseTo(0.010027141, within(5e-10));
  }

  @Test
  void pix2pixLinearGivesTheRecipesRates() {
    // CycleGAN: 100 epochs at 2e-4, 100 of decay, epochs counted from 1.
    EpochFunction decay = EpochFunction.pix2pixLinear().build();
    assertThat(2e-4 * decay.applyAsDouble(99)).isEqualTo(2e-4);
    assertThat(2e-4 * decay.applyAsDouble(100)).isCloseTo(1.980198e-4, within(5e-11));
    assertThat(2e-4 * decay.applyAsDouble(150)).isCloseTo(9.9009901e-5, within(5e-13));
    assertThat(2e-4 * decay.applyAsDouble(199)).isCloseTo(1.980198e-6, within(5e-13));
    assertThat(decay.applyAsDouble(200)).isEqualTo(0.0);
  }

  @Test
  void mapsAreInTheOrderOfTheArguments() {
    assertThat(Json.write(EpochFunction.pix2pixLinear().nEpochsDecay(50).build().toMap()))
        .isEqualTo(
            "{\"pix2pix_linear\":{\"epoch_count\":1,\"n_epochs\":100,\"n_epochs_decay\":50}}");
    assertThat(Json.write(new LambdaLR(EpochFunction.yolov5Cosine(3, 0.1)).toMap()))
        .isEqualTo(
            "{\"type\":\"LambdaLR\",\"lr_lambda\":{\"yolov5_cosine\":{\"epochs\":3,\"lrf\":0.1}}}");
  }

  static Stream<Arguments> plainLambdas() {
    DoubleUnaryOperator plain = epoch -> 1 / (1 + epoch);
    return Stream.of(
        Arguments.of("LambdaLR", new LambdaLR(plain)),
        Arguments.of("LambdaLR", new LambdaLR(List.of(EpochFunction.exponential(0.9), plain))),
        Arguments.of("MultiplicativeLR", new MultiplicativeLR(plain)),
        Arguments.of(
            "CyclicLR", CyclicLR.builder(0.1, 1).scaleFn(plain, CyclicLR.ScaleMode.CYCLE).build()),
        Arguments.of(
            "LambdaLR",
            new ChainedScheduler(
                List.of(new SequentialLR(List.of(new LambdaLR(plain)), List.of())))));
  }

  @ParameterizedTest
  @MethodSource("plainLambdas")
  void refusesToWriteAPlainLambda(String name, Schedule schedule) throws IOException {
    assertThatThrownBy(schedule::toMap)
        .isExactlyInstanceOf(UnsupportedOperationException.class)
        .hasMessage(name + ADVICE);
    try (ObjectOutputStream out = new ObjectOutputStream(new ByteArrayOutputStream())) {
      assertThatThrownBy(() -> out.writeObject(schedule))
          .isExactlyInstanceOf(NotSerializableException.class)
          .hasMessage(name + ADVICE);
    }
  }

  @Test
  void aPlainLambdaRunsAndIsSavedLikeANamedFunction() {
    ParamGroups named = Specimens.groups(2, false);
    ParamGroups plain = Specimens.groups(2, false);
    LRScheduler namedRun =
        new LambdaLR(List.of(EpochFunction.exponential(0.5), EpochFunction.exponential(0.9)))
            .attach(named);
    List<Double> asked = new ArrayList<>();
    DoubleUnaryOperator first =
        epoch -> {
          asked.add(epoch);
          return Math.pow(0.5, epoch);
        };
    DoubleUnaryOperator second = epoch -> Math.pow(0.9, epoch);
    LRScheduler plainRun = new LambdaLR(List.of(first, second)).attach(plain);
    for (int step = 0; step < 3; step++) {
      namedRun.step();
      plainRun.step();
    }
    plainRun.step(2.5);
    namedRun.step(2.5);
    assertThat(plain.stateDict()).isEqualTo(named.stateDict());
    Map<String, Object> namedState = namedRun.stateDict();
    assertThat(namedRun.loadStateDict(plainRun.stateDict())).isTrue();
    assertThat(namedRun.stateDict()).isEqualTo(namedState);
    namedState.put("lr_lambdas", Arrays.asList(null, null));
    assertThat(plainRun.stateDict()).isEqualTo(namedState);
    assertThat(asked).containsExactly(0.0, 1.0, 2.0, 3.0, 2.5);
  }

  @Test
  void multiplicativeFirstAsksForOne() {
    List<Double> asked = new ArrayList<>();
    LRScheduler run =
        new MultiplicativeLR(
                epoch -> {
                  asked.add(epoch);
                  return 0.5;
                })
            .attach(Specimens.groups(1, false));
    run.step();
    run.step();
    assertThat(asked).containsExactly(1.0, 2.0);
  }

  @Test
  void cyclicGivesItsScaleFunctionTheCycleOrTheStep() {
    List<Double> cycles = new ArrayList<>();
    List<Double> steps = new ArrayList<>();
    CyclicLR.Builder builder = CyclicLR.builder(0, 1).stepSizeUp(2).stepSizeDown(1);
    LRScheduler byCycle =
        builder
            .scaleFn(recorder(cycles), CyclicLR.ScaleMode.CYCLE)
            .build()
            .attach(Specimens.groups(1, false));
    LRScheduler byStep =
        builder
            .scaleFn(recorder(steps), CyclicLR.ScaleMode.ITERATIONS)
            .build()
            .attach(Specimens.groups(1, false));
    for (int step = 0; step < 4; step++) {
      byCycle.step();
      byStep.step();
    }
    assertThat(cycles).containsExactly(1.0, 1.0, 1.0, 2.0, 2.0);
    assertThat(steps).containsExactly(0.0, 1.0, 2.0, 3.0, 4.0);
  }

  private static DoubleUnaryOperator recorder(List<Double> asked) {
    return x -> {
      asked.add(x);
      return 1;
    };
  }

  @Test
  void aFunctionThatThrowsLeavesTheRunAsItWas() {
    ParamGroups groups = Specimens.groups(1, false);
    LRScheduler run =
        new LambdaLR(
                epoch -> {
                  if (epoch == 2) {
                    throw new IllegalStateException("no epoch 2");
                  }
                  return 1;
                })
            .attach(groups);
    run.step();
    Map<String, Object> before = run.stateDict();
    assertThatThrownBy(run::step).hasMessage("no epoch 2");
    assertThat(run.stateDict()).isEqualTo(before);
  }

  private static double[] values(EpochFunction function, double... epochs) {
    return Arrays.stream(epochs).map(function).toArray();
  }

  @Test
  void perEpochDividesWholeNumbersAsPythonsDoubleSlashDoes() {
    LRScheduler run =
        LambdaLR.perEpoch(e -> Math.pow(0.1, e / 30))
            .attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
    run.skip(29);
    assertThat(run.getLastLr()).containsExactly(0.5);
    run.step();
    assertThat(run.getLastLr()).containsExactly(0.5 * Math.pow(0.1, 1));
    run.step(59.9);
    assertThat(run.getLastLr()).containsExactly(0.5 * Math.pow(0.1, 1));
    run.step(60);
    assertThat(run.getLastLr()).containsExactly(0.5 * Math.pow(0.1, 2));

    LRScheduler factors =
        MultiplicativeLR.perEpoch(e -> e / 2).attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
    factors.step(3);
    assertThat(factors.getLastLr()).containsExactly(0.5);
  }

  @Test
  void aTableOfAFunctionHoldsItsValuesAndGoesOnWithTheLast() {
    assertThat(EpochFunction.table(4, e -> Math.pow(0.5, e / 2)))
        .isEqualTo(EpochFunction.table(1, 1, 0.5, 0.5));
    assertThatThrownBy(() -> EpochFunction.table(0, e -> 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epochs must be > 0 but was 0");
    assertThatThrownBy(() -> EpochFunction.table(3, e -> 1.0 / (e - 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("values must be finite but was Infinity");
  }

  @Test
  void longTablesAreWrittenExactlyAndInFewBytes() {
    int epochs = 100_000;
    EpochFunction cosine =
        EpochFunction.table(epochs, e -> (1 + Math.cos(Math.PI * e / epochs)) / 2);
    EpochFunction steps = EpochFunction.table(epochs, e -> Math.pow(0.1, e / 30_000));
    Random random = new Random(7);
    EpochFunction noise = EpochFunction.table(1000, e -> random.nextGaussian());
    EpochFunction corners =
        EpochFunction.table(
            300, e -> List.of(0.0, -0.0, Double.MIN_VALUE, -Double.MAX_VALUE, 1e300).get(e % 5));
    for (EpochFunction table : List.of(cosine, steps, noise, corners)) {
      Schedule schedule = new LambdaLR(table);
      String written = Json.write(schedule.toMap());
      assertThat(Schedule.fromMap(Json.readMap(written)).equals(schedule)).isTrue();
    }
    assertThat(Json.write(cosine.toMap())).hasSizeLessThan(200_000);
    assertThat(Json.write(steps.toMap())).hasSizeLessThan(2_000);
    assertThat(Json.write(noise.toMap())).hasSizeLessThan(12_000);
    assertThat(EpochFunction.table(255, e -> e).toMap().get("table")).isInstanceOf(List.class);
  }

  @Test
  void aStateWithATableWrittenOutAgreesWithAPackedOne() {
    double[] values = IntStream.range(0, 256).mapToDouble(e -> 1.0 / (1 + e)).toArray();
    LRScheduler run =
        new LambdaLR(EpochFunction.table(values)).attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
    Map<String, Object> state = run.stateDict();
    assertThat(run.loadStateDict(Json.readMap(Json.write(state)))).isTrue();

    state.put("lr_lambdas", List.of(Map.of("table", Arrays.stream(values).boxed().toList())));
    assertThat(run.loadStateDict(state)).isTrue();

    values[200] = 1;
    state.put("lr_lambdas", List.of(Map.of("table", Arrays.stream(values).boxed().toList())));
    assertThatThrownBy(() -> run.loadStateDict(state))
        .isInstanceOf(MalformedDataException.class)
        .hasMessageStartingWith("state of LambdaLR: the state was saved with \"lr_lambdas\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          count       | 299        | table: "deflated" must hold 299 numbers but does not
          count       | 301        | table: "deflated" must hold 301 numbers but does not
          count       | 0          | table: "deflated" must hold 0 numbers but does not
          count       | 2147483647 | table: "deflated" must hold 2147483647 numbers but does not
          differences | 4          | table: "differences" must be >= 0 and <= 3 but was 4
          deflated    | !          | table: "deflated" must hold 300 numbers but does not
          deflated    | AAAA       | table: "deflated" must hold 300 numbers but does not
          """)
  void refusesDamagedTables(String key, String value, String message) {
    @SuppressWarnings("unchecked")
    Map<String, Object> packed =
        new LinkedHashMap<>(
            (Map<String, Object>)
                Objects.requireNonNull(EpochFunction.table(300, e -> e).toMap().get("table")));
    packed.put(key, key.equals("deflated") ? value : Integer.valueOf(value));
    assertThatThrownBy(
            () ->
                Schedule.fromMap(Map.of("type", "LambdaLR", "lr_lambda", Map.of("table", packed))))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }
}
