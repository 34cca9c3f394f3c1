package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The edges of the plateau that the golden files do not reach. */
class ReduceLROnPlateauTest {

  private final ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0));

  private List<Double> rates(ReduceLROnPlateau.Builder builder, double... metrics) {
    groups.get(0).setLr(0.1);
    LRScheduler run = builder.factor(0.5).build().attach(groups);
    List<Double> rates = new ArrayList<>();
    for (double metric : metrics) {
      run.step(metric);
      rates.add(groups.get(0).lr());
    }
    return rates;
  }

  @Test
  void nanAndAnInfiniteFirstMetricCountAsBad() {
    double nan = Double.NaN;
    double infinite = Double.POSITIVE_INFINITY;
    assertThat(rates(ReduceLROnPlateau.builder().patience(0), nan, 3, nan, 2, infinite))
        .containsExactly(0.05, 0.05, 0.025, 0.025, 0.0125);
    assertThat(rates(ReduceLROnPlateau.builder().patience(0), infinite)).containsExactly(0.05);
    assertThat(
            rates(
                ReduceLROnPlateau.builder().patience(0).mode(ReduceLROnPlateau.Mode.MAX),
                -1e300,
                1))
        .containsExactly(0.1, 0.1);
  }

  @Test
  void thresholdIsMeasuredAsAShareOrAsAnAmount() {
    assertThat(
            rates(
                ReduceLROnPlateau.builder()
                    .patience(0)
                    .threshold(0.1, ReduceLROnPlateau.ThresholdMode.REL),
                10,
                9,
                8.99))
        .containsExactly(0.1, 0.05, 0.05);
    assertThat(
            rates(
                ReduceLROnPlateau.builder()
                    .patience(0)
                    .threshold(0.1, ReduceLROnPlateau.ThresholdMode.ABS),
                10,
                9.95,
                9.85))
        .containsExactly(0.1, 0.05, 0.05);
    // A negative best makes the share point the wrong way, as in PyTorch.
    assertThat(
            rates(
                ReduceLROnPlateau.builder()
                    .patience(0)
                    .threshold(0.1, ReduceLROnPlateau.ThresholdMode.REL),
                -10,
                -9.5))
        .containsExactly(0.1, 0.1);
  }

  @Test
  void cooldownFollowsEachReduction() {
    assertThat(rates(ReduceLROnPlateau.builder().patience(1).cooldown(2), 1, 1, 1, 1, 1, 1, 1))
        .containsExactly(0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025);
  }

  @Test
  void aReductionByNoMoreThanEpsIsNotMade() {
    assertThat(rates(ReduceLROnPlateau.builder().patience(0).eps(0.05), 1, 1))
        .containsExactly(0.1, 0.1);
    assertThat(rates(ReduceLROnPlateau.builder().patience(0).minLr(0.2), 1, 1))
        .containsExactly(0.1, 0.1);
  }

  @Test
  void stepWithoutAMetricIsRefused() {
    LRScheduler run = ReduceLROnPlateau.builder().build().attach(groups);
    assertThatThrownBy(run::step)
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage(
            "ReduceLROnPlateau needs a metric: call step(metric), for instance with the validation"
                + " loss");
    assertThat(run.lastEpoch()).isEqualTo(0);
    assertThat(groups.get(0).initialLr()).isEmpty();
  }

  /** Where there is a Python. It writes a bare Infinity, as for PyTorch's own state. */
  @Test
  void aStateGoesThroughPython() throws Exception {
    Schedule schedule = ReduceLROnPlateau.builder().patience(0).build();
    LRScheduler run = schedule.attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
    Process python;
    try {
      python =
          new ProcessBuilder(
                  "python3",
                  "-c",
                  "import json, sys; state = json.load(sys.stdin);"
                      + " assert state['best'] == float('inf'); json.dump(state, sys.stdout)")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException absent) {
      assumeTrue(false, "there is no python3");
      return;
    }
    try (OutputStream in = python.getOutputStream()) {
      in.write(new ObjectMapper().writeValueAsBytes(run.stateDict()));
    }
    String json = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(python.waitFor()).isZero();
    assertThat(json).contains("\"best\": Infinity");
    Map<String, Object> read =
        JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build()
            .readValue(json, new TypeReference<Map<String, Object>>() {});
    LRScheduler loaded = schedule.attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
    assertThat(loaded.loadStateDict(read)).isTrue();
    assertThat(loaded.stateDict()).isEqualTo(run.stateDict());
  }

  /** With no settings of its own, which refuse a bare Infinity. */
  @Test
  void aStateGoesThroughPlainJsonBeforeTheFirstMetric() throws Exception {
    for (ReduceLROnPlateau.Mode mode : ReduceLROnPlateau.Mode.values()) {
      Schedule schedule = ReduceLROnPlateau.builder().mode(mode).patience(0).build();
      LRScheduler run = schedule.attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
      String json = new ObjectMapper().writeValueAsString(run.stateDict());
      assertThat(json)
          .contains(mode == ReduceLROnPlateau.Mode.MIN ? "\"best\":1E+999" : "\"best\":-1E+999");
      Map<String, Object> read =
          new ObjectMapper().readValue(json, new TypeReference<Map<String, Object>>() {});
      assertThat(read.get("best"))
          .isEqualTo(
              mode == ReduceLROnPlateau.Mode.MIN
                  ? Double.POSITIVE_INFINITY
                  : Double.NEGATIVE_INFINITY);
      LRScheduler loaded = schedule.attach(ParamGroups.of(ParamGroup.sgd(0.5, 0.9)));
      // Which reads every number as a double.
      Map<String, Object> byGson =
          new Gson()
              .fromJson(
                  new Gson().toJson(run.stateDict()),
                  new TypeToken<Map<String, Object>>() {}.getType());
      assertThat(byGson.get("best")).isEqualTo(read.get("best"));
      for (Map<String, Object> state : List.of(read, byGson, run.stateDict())) {
        assertThat(loaded.loadStateDict(state)).isTrue();
        assertThat(loaded.stateDict()).isEqualTo(run.stateDict());
      }
    }
  }
}
