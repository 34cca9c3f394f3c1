package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class FineTuneTest {

  @Test
  void unfreezesLayerByLayer() throws Exception {
    Printed printed = Printed.by(FineTune::main);
    assertThat(printed.numbers("head")).hasSize(18).startsWith(0.02, 0.018, 0.0162);
    List<Double> upper = printed.numbers("upper");
    assertThat(upper).hasSize(18).startsWith(Collections.nCopies(6, 0.0).toArray(Double[]::new));
    assertThat(upper.subList(6, 9)).containsExactly(0.005, 0.0045, 0.00405);
    List<Double> lower = printed.numbers("lower");
    assertThat(lower).hasSize(18).startsWith(Collections.nCopies(12, 0.0).toArray(Double[]::new));
    assertThat(lower.subList(12, 14)).containsExactly(0.001, 0.0009);
    List<Double> loss = printed.numbers("loss");
    assertThat(loss.get(17)).isLessThan(loss.get(0) / 2);
    double tuned = printed.numbers("accuracy").get(0);
    assertThat(tuned).isGreaterThan(0.8).isGreaterThan(printed.numbers("before").get(0));
  }
}
