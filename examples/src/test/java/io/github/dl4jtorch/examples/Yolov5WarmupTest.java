package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class Yolov5WarmupTest {

  @Test
  void leadsTheGroupsTogether() throws Exception {
    Printed printed = Printed.by(Yolov5Warmup::main);
    List<Double> weights = printed.numbers("weights");
    List<Double> biases = printed.numbers("biases");
    assertThat(weights).hasSize(10).startsWith(0.0);
    assertThat(biases).hasSize(10).startsWith(0.1);
    assertThat(weights.get(1)).isEqualTo(0.01626); // A third of the way to the cosine's.
    assertThat(biases.get(1)).isEqualTo(0.08293);
    assertThat(weights.subList(3, 10)).isEqualTo(biases.subList(3, 10)).startsWith(0.0398);
    assertThat(printed.numbers("momentum")).startsWith(0.8, 0.8457, 0.8913, 0.937).endsWith(0.937);
    assertThat(printed.numbers("right").get(9)).isGreaterThan(94);
  }
}
