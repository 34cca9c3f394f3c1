package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Runs the example as a user runs it. */
class EarlyStopTest {

  @Test
  void endsWithTheBestNetworkAtItsOwnRate() throws Exception {
    String output = Printed.by(EarlyStop::main).text();
    List<Double> losses =
        Pattern.compile("epoch +\\d+  loss ([0-9.]+)")
            .matcher(output)
            .results()
            .map(result -> Double.valueOf(result.group(1)))
            .toList();
    Matcher end =
        Pattern.compile(
                "EpochTerminationCondition after (\\d+) epochs\\R"
                    + "last  lr ([0-9.]+)\\Rbest  lr ([0-9.]+)  loss ([0-9.]+)  of epoch (\\d+)\\R")
            .matcher(output);
    assertThat(end.find()).isTrue();
    assertThat(losses).hasSize(Integer.parseInt(end.group(1))).hasSizeLessThan(40);
    double best = losses.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    assertThat(Double.parseDouble(end.group(4))).isEqualTo(best);
    assertThat(losses.get(Integer.parseInt(end.group(5)))).isEqualTo(best);
    assertThat(Double.parseDouble(end.group(3))).isGreaterThan(Double.parseDouble(end.group(2)));
  }
}
