package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The short examples, run as a user runs them; what they print is what the schedules say. */
class ShortExamplesTest {

  private interface Main {
    void run(String[] args) throws Exception;
  }

  /** Runs an example and returns the numbers behind a word, one a line. */
  private static List<Double> printed(Main main, String word) throws Exception {
    PrintStream terminal = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
      main.run(new String[0]);
    } finally {
      System.setOut(terminal);
    }
    Matcher matcher =
        Pattern.compile(" " + word + " ([0-9.]+)").matcher(bytes.toString(StandardCharsets.UTF_8));
    return matcher.results().map(result -> Double.valueOf(result.group(1))).toList();
  }

  @Test
  void pullWarmsUpAndAnneals() throws Exception {
    List<Double> lr = printed(Pull::main, "lr");
    assertThat(lr).hasSize(20).startsWith(0.002, 0.0065, 0.011, 0.0155, 0.02);
    assertThat(lr.get(12)).isEqualTo(0.01);
    assertThat(lr.get(19)).isCloseTo(0.02 * (1 + Math.cos(Math.PI * 15 / 16)) / 2, within(5e-6));
  }

  @Test
  void pushCyclesTheRateAndBeta1() throws Exception {
    List<Double> lr = printed(Push::main, "lr");
    List<Double> beta1 = printed(Push::main, "beta1");
    assertThat(lr).hasSize(20).startsWith(0.002);
    assertThat(lr.get(6)).isGreaterThan(0.0499);
    assertThat(beta1).startsWith(0.95);
    assertThat(beta1.get(6)).isCloseTo(0.85, within(1e-3));
  }

  @Test
  void plateauHalvesTheRate() throws Exception {
    assertThat(printed(Plateau::main, "lr").stream().distinct().toList())
        .startsWith(0.2, 0.1)
        .hasSizeGreaterThan(2);
  }

  @Test
  void groupsKeepTheirRelation() throws Exception {
    List<Double> hidden = printed(Groups::main, "lr hidden");
    List<Double> output = printed(Groups::main, "output");
    assertThat(hidden).hasSize(20).startsWith(0.002, 0.0018, 0.00162);
    assertThat(output).hasSize(20).startsWith(0.02, 0.018, 0.0162);
    List<Double> loss = printed(Groups::main, "loss");
    assertThat(loss.get(19)).isLessThan(loss.get(0) / 2);
  }
}
