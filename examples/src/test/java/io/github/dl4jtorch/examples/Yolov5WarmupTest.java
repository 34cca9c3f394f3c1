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
    assertThat(weights).hasSize(20).startsWith(0.0);
    assertThat(biases).hasSize(20).startsWith(0.1);
    assertThat(weights.get(1)).isEqualTo(0.01657); // A third of the way to the cosine's.
    assertThat(biases.get(1)).isEqualTo(0.08323);
    assertThat(weights.subList(3, 20)).isEqualTo(biases.subList(3, 20)).startsWith(0.0473);
    assertThat(printed.numbers("momentum")).startsWith(0.8, 0.8457, 0.8913, 0.937).endsWith(0.937);
    List<Double> loss = printed.numbers("loss held out");
    assertThat(loss.get(19)).isLessThan(loss.get(0) / 2);
  }
}
