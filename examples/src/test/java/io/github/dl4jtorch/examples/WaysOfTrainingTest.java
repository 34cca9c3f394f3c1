package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The examples of recurrent networks and of graphs with several inputs. */
class WaysOfTrainingTest {

  @Test
  void segmentsAreIterationsOfOneCycle() throws Exception {
    Printed printed = Printed.by(Segments::main);
    List<Double> lr = printed.numbers("epoch", "lr");
    LRScheduler run =
        OneCycleLR.builder(0.02)
            .totalSteps(180)
            .cycleMomentum(false)
            .build()
            .attach(ParamGroups.of(ParamGroup.withoutMomentum(0.02)));
    assertThat(lr).hasSize(15);
    for (double rate : lr) {
      assertThat(rate).isCloseTo(run.getLastLr()[0], within(5.1e-6));
      for (int iteration = 0; iteration < 12; iteration++) {
        run.step();
      }
    }
    assertThat(printed.numbers("epoch", "iterations").get(14)).isEqualTo(180);
    List<Double> loss = printed.numbers("epoch", "loss");
    assertThat(loss.get(14)).isLessThan(loss.get(0) / 5);
  }

  @Test
  void aPlateauHalvesTheRateOfAGraphWithSeveralInputs() throws Exception {
    Printed printed = Printed.by(SeveralInputs::main);
    assertThat(printed.numbers("epoch", "lr").stream().distinct().toList())
        .startsWith(0.05, 0.025)
        .hasSizeGreaterThan(2);
    List<Double> loss = printed.numbers("epoch", "loss held out");
    assertThat(loss).hasSize(30);
    assertThat(loss.get(29)).isLessThan(loss.get(0) / 2);
  }
}
