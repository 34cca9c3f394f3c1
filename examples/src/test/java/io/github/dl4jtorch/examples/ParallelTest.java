package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Runs the example as a user runs it. */
class ParallelTest {

  private static List<String> numbers(String output, String word) {
    return Pattern.compile(" " + word + " ([0-9.]+)")
        .matcher(output)
        .results()
        .map(result -> result.group(1))
        .toList();
  }

  @Test
  void trainsTwoWorkersByEpoch() throws Exception {
    String output = Printed.by(Parallel::main).text();
    List<String> rates = numbers(output, "lr");
    List<Double> losses = numbers(output, "loss").stream().map(Double::valueOf).toList();
    assertThat(rates).hasSize(35);
    assertThat(rates.subList(0, 15))
        .isEqualTo(
            IntStream.range(0, 15)
                .mapToObj(
                    epoch ->
                        String.format(Locale.ROOT, "%.5f", 0.02 * (1 - 0.09 * Math.min(epoch, 10))))
                .toList());
    assertThat(rates.subList(15, 35).stream().distinct().toList())
        .startsWith("0.40000", "0.20000")
        .hasSizeGreaterThan(2);
    assertThat(losses.get(14)).isLessThan(losses.get(0) / 2);
    assertThat(losses.get(34)).isLessThan(losses.get(15) / 2);
  }
}
