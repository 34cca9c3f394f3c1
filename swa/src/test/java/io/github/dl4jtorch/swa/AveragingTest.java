package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.schedules.MalformedDataException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.ObjectMapper;

class AveragingTest {

  static final List<Averaging> WRITABLE =
      List.of(
          Averaging.equal(),
          Averaging.equal().useBuffers(true),
          Averaging.ema(0.999),
          Averaging.ema(0),
          Averaging.ema(1).useBuffers(true),
          Averaging.emaWithHalfLife(100),
          Averaging.emaWithWarmup(0.9999),
          Averaging.emaWithWarmup(0.99, 0.1, 10, 0.75).useBuffers(true),
          Averaging.yolov5(0.9999, 2000),
          Averaging.torchvision()
              .decay(0.99998)
              .batchSize(1024)
              .everyBatches(32)
              .epochs(600)
              .build(),
          Averaging.emaPytorch().build(),
          Averaging.emaPytorch()
              .beta(0.99)
              .updateAfterStep(0)
              .updateEvery(1)
              .invGamma(2.5)
              .power(0.75)
              .minValue(0.1)
              .build()
              .useBuffers(false),
          Averaging.powerEma(0.05),
          Averaging.powerEma(0.1).useBuffers(true),
          Averaging.last(6),
          Averaging.last(1).useBuffers(true));

  @Test
  void anEqualAverageGivesEachModelTheSameWeight() {
    assertThat(Averaging.equal().decay(0)).isEqualTo(0);
    assertThat(Averaging.equal().decay(1)).isEqualTo(0.5);
    assertThat(Averaging.equal().decay(3)).isEqualTo(0.75);
  }

  @Test
  void anExponentialOneCopiesTheFirst() {
    assertThat(Averaging.ema(0.99).decay(0)).isEqualTo(0);
    assertThat(Averaging.ema(0.99).decay(1)).isEqualTo(0.99);
    assertThat(Averaging.ema(0.99).decay(1_000_000)).isEqualTo(0.99);
  }

  @Test
  void theWeightIsHalvedAfterAHalfLife() {
    assertThat(Math.pow(Averaging.emaWithHalfLife(250).decay(5), 250))
        .isEqualTo(0.5, within(1e-13));
  }

  @Test
  void theWarmUpIsTimms() {
    Averaging warm = Averaging.emaWithWarmup(0.9999);
    assertThat(warm.decay(0)).isEqualTo(0);
    assertThat(warm.decay(1)).isEqualTo(1 - Math.pow(2, -2.0 / 3));
    assertThat(warm.decay(7)).isEqualTo(0.75, within(1e-15));
    // Its documentation: 0.999 at 31.6 thousand steps, 0.9999 at a million.
    assertThat(warm.decay(31_623)).isEqualTo(0.999, within(1e-6));
    assertThat(warm.decay(2_000_000)).isEqualTo(0.9999);
    Averaging slow = Averaging.emaWithWarmup(0.9, 0.2, 10, 1);
    assertThat(slow.decay(0)).isEqualTo(0);
    assertThat(slow.decay(1)).isEqualTo(0.2);
    assertThat(slow.decay(10)).isEqualTo(0.5);
    assertThat(slow.decay(1000)).isEqualTo(0.9);
  }

  @Test
  void theRampIsYolov5s() {
    Averaging ramp = Averaging.yolov5(0.9999, 2000);
    assertThat(ramp.decay(0)).isEqualTo(0.00049982503, within(1e-11));
    assertThat(ramp.decay(99)).isEqualTo(0.048765698, within(1e-9));
    assertThat(ramp.decay(1999)).isEqualTo(0.63205735, within(1e-8));
  }

  @Test
  void emaPytorchCopiesFirstAndThenCountsInSteps() {
    Averaging averaging =
        Averaging.emaPytorch()
            .beta(0.9)
            .updateAfterStep(20)
            .updateEvery(10)
            .invGamma(4)
            .power(0.5)
            .minValue(0.6)
            .build();
    assertThat(averaging.usesBuffers()).isTrue();
    assertThat(averaging.interval()).isEqualTo(10);
    assertThat(averaging.decay(0)).isEqualTo(0);
    assertThat(averaging.decay(2)).isEqualTo(0);
    assertThat(averaging.decay(3)).isEqualTo(0.6); // 1 - (1 + 10 / 4)^-1/2 is 0.47.
    assertThat(averaging.decay(8)).isEqualTo(0.75);
    assertThat(averaging.decay(1000)).isEqualTo(0.9);
    // With its own defaults, at the step 1100.
    assertThat(Averaging.emaPytorch().build().decay(110))
        .isEqualTo(1 - Math.pow(1001, -2.0 / 3), within(1e-15));
  }

  @Test
  void aPowerFunctionForgetsTheBeginning() {
    Averaging power = Averaging.powerEma(0.1);
    assertThat(power.decay(0)).isEqualTo(0);
    assertThat(power.decay(1)).isEqualTo(Math.pow(0.5, 7.937203937601809), within(1e-14));
    assertThat(Averaging.powerEma(0.2887).decay(3)).isEqualTo(0.75); // That is an equal average.
  }

  @Test
  void torchvisionsDecayDependsOnTheData() {
    Averaging recipe =
        Averaging.torchvision()
            .decay(0.99998)
            .batchSize(128 * 8)
            .everyBatches(32)
            .epochs(600)
            .build();
    assertThat(recipe.decay(1)).isEqualTo(0.99890773, within(1e-8));
    assertThat(recipe.usesBuffers()).isTrue();
    assertThat(
            Averaging.torchvision().decay(0.5).batchSize(1000).everyBatches(100).epochs(10).build())
        .isEqualTo(Averaging.ema(0).useBuffers(true));
  }

  @ParameterizedTest
  @FieldSource("WRITABLE")
  void isReadAsItWasWritten(Averaging averaging) throws Exception {
    ObjectMapper json = new ObjectMapper();
    Map<?, ?> read = json.readValue(json.writeValueAsString(averaging.toMap()), Map.class);
    @SuppressWarnings("unchecked")
    Averaging again = Averaging.fromMap((Map<String, Object>) read);
    assertThat(again).isEqualTo(averaging).hasSameHashCodeAs(averaging);
    assertThat(again).isNotEqualTo(averaging.useBuffers(!averaging.usesBuffers()));
  }

  @Test
  void hasStableNames() {
    assertThat(Averaging.equal().toMap()).hasToString("{type=equal, use_buffers=false}");
    assertThat(Averaging.ema(0.99).useBuffers(true).toMap())
        .hasToString("{type=ema, decay=0.99, use_buffers=true}");
    assertThat(Averaging.emaWithWarmup(0.99, 0.5, 2, 0.75).toMap())
        .hasToString(
            "{type=ema_warmup, decay=0.99, min_decay=0.5, warmup_gamma=2.0, warmup_power=0.75,"
                + " use_buffers=false}");
    assertThat(Averaging.yolov5(0.99, 2000).toMap())
        .hasToString("{type=yolov5, decay=0.99, tau=2000.0, use_buffers=false}");
    assertThat(Averaging.emaPytorch().updateEvery(5).build().toMap())
        .hasToString(
            "{type=ema_pytorch, beta=0.9999, update_after_step=100, update_every=5, inv_gamma=1.0,"
                + " power=0.6666666666666666, min_value=0.0, use_buffers=true}");
    assertThat(Averaging.powerEma(0.05).toMap())
        .hasToString("{type=power_ema, sigma_rel=0.05, use_buffers=false}");
    assertThat(Averaging.last(6).toMap()).hasToString("{type=last, k=6, use_buffers=false}");
    assertThat(Averaging.ema(0.99)).hasToString("Averaging[Ema[decay=0.99], useBuffers=false]");
  }

  @Test
  void aFunctionOfOnesOwnHasNoWrittenForm() {
    Averaging own = Averaging.of((averaged, parameter, n) -> averaged);
    assertThatThrownBy(own::toMap)
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage(
            "an averaging with a function of one's own cannot be written; use equal, ema or another of"
                + " those that are here, or give the function again when its state is restored");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1e-9, 1.0000001, Double.NaN, Double.POSITIVE_INFINITY})
  void aDecayIsFromZeroToOne(double decay) {
    String message = "decay must be >= 0 and <= 1 but was " + decay;
    refused(() -> Averaging.ema(decay), message);
    refused(() -> Averaging.emaWithWarmup(decay), message);
    refused(() -> Averaging.yolov5(decay, 2000), message);
    refused(
        () -> Averaging.torchvision().decay(decay).batchSize(1).everyBatches(1).epochs(1).build(),
        message);
  }

  @Test
  void refusesOtherArgumentsOutOfTheirRange() {
    refused(
        () -> Averaging.emaWithWarmup(0.5, 0.6, 1, 1),
        "minDecay must be >= 0 and <= decay, 0.5, but was 0.6");
    refused(
        () -> Averaging.emaWithWarmup(0.5, Double.NaN, 1, 1),
        "minDecay must be >= 0 and <= decay, 0.5, but was NaN");
    refused(
        () -> Averaging.emaWithWarmup(0.5, 0, 0, 1), "gamma must be finite and > 0 but was 0.0");
    refused(
        () -> Averaging.emaWithWarmup(0.5, 0, 1, -1), "power must be finite and > 0 but was -1.0");
    refused(() -> Averaging.yolov5(0.5, 0), "tau must be finite and > 0 but was 0.0");
    refused(() -> Averaging.emaWithHalfLife(0), "updates must be finite and > 0 but was 0.0");
    refused(
        () -> Averaging.emaWithHalfLife(Double.POSITIVE_INFINITY),
        "updates must be finite and > 0 but was Infinity");
    refused(
        () -> Averaging.torchvision().decay(0.5).batchSize(0).everyBatches(1).epochs(1).build(),
        "batchSize must be > 0 but was 0");
    refused(
        () -> Averaging.torchvision().decay(0.5).batchSize(1).everyBatches(0).epochs(1).build(),
        "everyBatches must be > 0 but was 0");
    refused(
        () -> Averaging.torchvision().decay(0.5).batchSize(1).everyBatches(1).epochs(0).build(),
        "epochs must be > 0 but was 0");
    refused(() -> Averaging.last(0), "k must be > 0 but was 0");
    refused(() -> Averaging.powerEma(0), "sigmaRel must be >= 1e-6 and <= 0.2887 but was 0.0");
    refused(() -> Averaging.powerEma(0.3), "sigmaRel must be >= 1e-6 and <= 0.2887 but was 0.3");
    refused(
        () -> Averaging.powerEma(Double.NaN), "sigmaRel must be >= 1e-6 and <= 0.2887 but was NaN");
    refused(
        () -> Averaging.emaPytorch().beta(1.5).build(), "beta must be >= 0 and <= 1 but was 1.5");
    refused(
        () -> Averaging.emaPytorch().updateAfterStep(-1).build(),
        "updateAfterStep must be >= 0 but was -1");
    refused(
        () -> Averaging.emaPytorch().updateEvery(0).build(), "updateEvery must be > 0 but was 0");
    refused(
        () -> Averaging.emaPytorch().invGamma(0).build(),
        "invGamma must be finite and > 0 but was 0.0");
    refused(
        () -> Averaging.emaPytorch().power(-1).build(),
        "power must be finite and > 0 but was -1.0");
    refused(
        () -> Averaging.emaPytorch().beta(0.5).minValue(0.6).build(),
        "minValue must be >= 0 and <= beta, 0.5, but was 0.6");
    assertThatThrownBy(() -> Averaging.of(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("function must be given but was null");
  }

  @Test
  void refusesMapsItDidNotWrite() {
    malformed(Map.of(), "\"type\" must be a text but was null");
    malformed(
        with("type", "mean"),
        "an averaging's \"type\" must be one of \"equal\", \"ema\", \"ema_warmup\", \"yolov5\","
            + " \"ema_pytorch\", \"power_ema\", \"last\" but was \"mean\"");
    malformed(with("decay", null), "\"decay\" must be a number but was null");
    malformed(with("decay", "0.9"), "\"decay\" must be a number but was 0.9");
    malformed(with("decay", 2), "ema: decay must be >= 0 and <= 1 but was 2.0");
    malformed(with("use_buffers", "yes"), "\"use_buffers\" must be true or false but was yes");
    malformed(with("tau", 5), "unknown key \"tau\"; known are type, decay, use_buffers");
  }

  private static Map<String, Object> with(String key, Object value) {
    Map<String, Object> map = new LinkedHashMap<>(Averaging.ema(0.9).toMap());
    map.put(key, value);
    return map;
  }

  private static void malformed(Map<String, Object> map, String message) {
    assertThatThrownBy(() -> Averaging.fromMap(map))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }

  private static void refused(ThrowingCallable code, String message) {
    assertThatThrownBy(code).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
  }
}
