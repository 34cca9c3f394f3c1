package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every case of golden/schedulers: every step, every group, the momentum, every saved state. */
class GoldenTest {

  /** The classes whose arithmetic holds no function that C and Java may round differently. */
  private static final Set<String> EXACT =
      Set.of(
          "StepLR",
          "ConstantLR",
          "LinearLR",
          "ExponentialLR",
          "MultiplicativeLR",
          "LambdaLR",
          "ReduceLROnPlateau");

  private static final Map<String, int[]> COUNTS = new TreeMap<>();

  static Stream<GoldenCase> cases() {
    return GoldenCase.families().stream()
        .filter(GoldenCase::isRecorded)
        .flatMap(family -> GoldenCase.read(family).stream());
  }

  static Stream<GoldenCase> casesWithState() {
    return cases().filter(golden -> golden.state() != null);
  }

  @Test
  void hasARecordingOfEveryType() {
    assertThat(GoldenCase.families())
        .allSatisfy(
            family ->
                assertThat(GoldenCase.isRecorded(family))
                    .as(
                        "golden/schedulers/%s.json among the test resources, a trace of PyTorch's"
                            + " %<s; a type that is not PyTorch's goes into"
                            + " GoldenCase.NOT_PYTORCHS and has a test of its own",
                        family)
                    .isTrue());
  }

  @AfterAll
  static void printCounts() {
    System.out.printf("%nAgainst PyTorch's traces     bit-identical  within tolerance  beyond%n");
    int[] sum = new int[3];
    COUNTS.forEach(
        (family, counts) -> {
          print(family, counts);
          for (int i = 0; i < 3; i++) {
            sum[i] += counts[i];
          }
        });
    print("all", sum);
  }

  private static void print(String name, int[] counts) {
    System.out.printf("%-28s %13d  %16d  %6d%n", name, counts[0], counts[1], counts[2]);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void followsPyTorchStepByStep(GoldenCase golden) {
    ParamGroups groups = golden.freshGroups();
    List<LRScheduler> runs = golden.attach(groups);
    compare(golden, groups, 0);
    for (int call = 0; call < golden.calls().size(); call++) {
      golden.step(runs, groups, call);
      compare(golden, groups, call + 1);
    }
  }

  @ParameterizedTest
  @MethodSource("casesWithState")
  void takesUpPyTorchsSavedState(GoldenCase golden) {
    GoldenCase.State state = Objects.requireNonNull(golden.state());
    ParamGroups groups = golden.freshGroups();
    List<LRScheduler> runs = golden.attach(groups);
    for (int i = 0; i < runs.size(); i++) {
      runs.get(i).loadStateDict(state.schedulers().get(i), state.groups());
    }
    compare(golden, groups, state.after());
    for (int call = state.after(); call < golden.calls().size(); call++) {
      golden.step(runs, groups, call);
      compare(golden, groups, call + 1);
    }
  }

  @ParameterizedTest
  @MethodSource("casesWithState")
  void savesTheStateThatPyTorchSaves(GoldenCase golden) {
    GoldenCase.State state = Objects.requireNonNull(golden.state());
    ParamGroups groups = golden.freshGroups();
    List<LRScheduler> runs = golden.attach(groups);
    for (int call = 0; call < state.after(); call++) {
      golden.step(runs, groups, call);
    }
    for (int i = 0; i < runs.size(); i++) {
      assertClose(runs.get(i).stateDict(), state.schedulers().get(i), golden.id());
    }
    for (int i = 0; i < groups.size(); i++) {
      assertClose(groups.get(i).stateDict(), state.groups().get(i), golden.id());
    }
  }

  private static void compare(GoldenCase golden, ParamGroups groups, int row) {
    double largest = 1;
    for (List<Double> rates : golden.lr()) {
      for (double rate : rates) {
        largest = Math.max(largest, rate);
      }
    }
    for (int group = 0; group < groups.size(); group++) {
      compare(golden, row, group, groups.get(group).lr(), golden.lr().get(row).get(group), largest);
      if (golden.momentum() != null) {
        double momentum = groups.get(group).momentum();
        compare(golden, row, group, momentum, golden.momentum().get(row).get(group), 1);
      }
    }
  }

  private static void compare(
      GoldenCase golden, int row, int group, double own, double expected, double largest) {
    String family = golden.id().substring(0, golden.id().lastIndexOf('-'));
    int[] counts = COUNTS.computeIfAbsent(family, key -> new int[3]);
    boolean identical = Double.doubleToLongBits(own) == Double.doubleToLongBits(expected);
    boolean close = Math.abs(own - expected) <= 1e-12 * Math.abs(expected) + 1e-15 * largest;
    counts[identical ? 0 : close ? 1 : 2]++;
    if (EXACT.contains(family) ? !identical : !identical && !close) {
      fail("%s, row %s, group %s: %s instead of %s", golden.id(), row, group, own, expected);
    }
  }

  /** Compares two states: the same keys, the same structure, numbers within tolerance. */
  private static void assertClose(Object own, Object expected, String where) {
    if (expected instanceof Map<?, ?> expectedMap) {
      Map<?, ?> ownMap = (Map<?, ?>) own;
      assertThat(ownMap.keySet().stream().map(String::valueOf).toList())
          .as(where)
          .containsExactlyInAnyOrderElementsOf(
              expectedMap.keySet().stream()
                  .map(String::valueOf)
                  .filter(key -> !key.equals("_scale_fn_custom"))
                  .toList());
      ownMap.forEach((key, value) -> assertClose(value, expectedMap.get(key), where + "." + key));
    } else if (expected instanceof List<?> expectedList) {
      List<?> ownList = (List<?>) own;
      assertThat(ownList).as(where).hasSameSizeAs(expectedList);
      for (int i = 0; i < expectedList.size(); i++) {
        assertClose(ownList.get(i), expectedList.get(i), where + "[" + i + "]");
      }
    } else if (expected instanceof Double infinite && infinite.isInfinite()) {
      assertThat(((Number) own).doubleValue()).as(where).isEqualTo(infinite);
    } else if (expected instanceof Number number && !number.equals(own)) {
      double value = number.doubleValue();
      assertThat(((Number) own).doubleValue())
          .as(where)
          .isCloseTo(value, Offset.offset(1e-12 * Math.abs(value) + 1e-15));
      // PyTorch's T_cur is a fraction for ever once step(epoch) was called, whole or not.
      if (!where.endsWith("T_cur")) {
        assertThat(own instanceof Integer).as(where).isEqualTo(expected instanceof Integer);
      }
    } else if (expected == null && where.contains("lr_lambdas")) {
      // PyTorch leaves functions out; those that can be written are here.
      assertThat(EpochFunctions.isWritten(own)).as(where).isTrue();
    } else {
      assertThat(own).as(where).isEqualTo(expected);
    }
  }
}
