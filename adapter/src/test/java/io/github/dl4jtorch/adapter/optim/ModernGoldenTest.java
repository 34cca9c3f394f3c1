package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.ScheduleFree;
import io.github.dl4jtorch.adapter.step.Lookahead;
import io.github.dl4jtorch.fixtures.Golden;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Lion, LAMB, Schedule-Free and Lookahead in a network of several arrays of parameters, against the
 * papers' formulas as {@code modern.py} has them, after every step.
 */
class ModernGoldenTest {

  private static final double RELATIVE = 1e-12;
  private static final double ABSOLUTE = 1e-14;

  @ParameterizedTest
  @ValueSource(strings = {"Lion", "Lamb", "SGDScheduleFree", "AdamWScheduleFree", "Lookahead"})
  void followsTheFormulas(String name) {
    double largest = 0;
    int count = 0;
    for (Map<String, Object> golden : Golden.cases("updaters/" + name + ".json")) {
      Arrayed training = Arrayed.of(golden);
      // All arrays are updated as one, whatever their decays.
      assertThat(training.net().getUpdater().getUpdaterBlocks()).hasSize(1);
      Map<String, Object> arguments = arguments(golden);
      Lookahead lookahead = null;
      if (name.equals("Lookahead")) {
        int k = (Integer) arguments.get("k");
        lookahead = Lookahead.of(training.net(), k, number(arguments.get("alpha")));
        training.net().setListeners(lookahead);
      }
      for (Object entry : (List<?>) golden.get("steps")) {
        Map<?, ?> step = (Map<?, ?>) entry;
        double[] before = training.parameters();
        training.step(step);
        String what = golden.get("id") + " step " + count;
        largest = Math.max(largest, compare(what, training.parameters(), step.get("parameters")));
        if (number(step.get("lr")) == 0 && lookahead == null) {
          assertThat(training.parameters()).isEqualTo(before);
        }
        if (step.get("evaluation") != null) {
          double[] trained = training.parameters();
          double[] evaluation =
              lookahead == null
                  ? ScheduleFree.of(training.net()).during(training::parameters)
                  : lookahead.during(training::parameters);
          largest = Math.max(largest, compare(what, evaluation, step.get("evaluation")));
          assertThat(training.parameters()).isEqualTo(trained);
        }
        count++;
      }
    }
    System.out.printf("%-18s largest relative deviation %.1e in %d steps%n", name, largest, count);
  }

  private static double compare(String what, double[] actual, Object recorded) {
    double[] expected = numbers(recorded);
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 0;
    for (int i = 0; i < expected.length; i++) {
      double off = Math.abs(actual[i] - expected[i]);
      assertThat(off)
          .as("%s: %s instead of %s", what, Arrays.toString(actual), Arrays.toString(expected))
          .isLessThanOrEqualTo(Math.max(ABSOLUTE, RELATIVE * Math.abs(expected[i])));
      largest = off == 0 ? largest : Math.max(largest, off / Math.abs(expected[i]));
    }
    return largest;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> arguments(Map<String, Object> golden) {
    return (Map<String, Object>) golden.get("optimizer");
  }
}
