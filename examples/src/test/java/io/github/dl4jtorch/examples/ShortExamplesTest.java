package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The short examples, run as a user runs them; what they print is what the schedules say. */
class ShortExamplesTest {

  private static List<Double> printed(Printed.Main main, String word) throws Exception {
    return Printed.by(main).numbers("epoch", word);
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
    Printed printed = Printed.by(Plateau::main);
    assertThat(printed.numbers("epoch", "lr").stream().distinct().toList())
        .startsWith(0.1, 0.05)
        .hasSizeGreaterThan(1);
    assertThat(printed.numbers("epoch", "right").get(11)).isGreaterThan(94);
  }

  @Test
  void groupsKeepTheirRelation() throws Exception {
    List<Double> hidden = printed(Groups::main, "hidden");
    List<Double> output = printed(Groups::main, "output");
    assertThat(hidden).hasSize(20).startsWith(0.002, 0.0018, 0.00162);
    assertThat(output).hasSize(20).startsWith(0.02, 0.018, 0.0162);
    List<Double> loss = printed(Groups::main, "loss");
    assertThat(loss.get(19)).isLessThan(loss.get(0) / 2);
  }

  @Test
  void aLoopStepsByEpoch() throws Exception {
    assertThat(printed(Loop::main, "lr"))
        .containsExactly(
            0.02, 0.02, 0.02, 0.01, 0.01, 0.01, 0.005, 0.005, 0.005, 0.0025, 0.0025, 0.0025);
  }

  @Test
  void aCopySharesNothing() throws Exception {
    Printed printed = Printed.by(Copies::main);
    List<Double> net = printed.numbers("epoch", "network");
    assertThat(net).containsExactly(0.01024, 0.00819, 0.00655, 0.00524);
    assertThat(printed.numbers("epoch", "clone")).isEqualTo(net);
    assertThat(printed.numbers("epoch", "copy")).containsExactly(0.0128, 0.0128, 0.0128, 0.0128);
  }

  @Test
  void pretrainingIsSteppedByHand() throws Exception {
    Printed printed = Printed.by(Pretrain::main);
    assertThat(printed.numbers("pretraining", "lr")).containsExactly(0.02, 0.014, 0.0098, 0.00686);
    assertThat(printed.numbers("epoch", "lr")).hasSize(10).startsWith(0.02, 0.018, 0.0162);
    List<Double> loss = printed.numbers("epoch", "loss");
    assertThat(loss.get(9)).isLessThan(loss.get(0));
  }
}
