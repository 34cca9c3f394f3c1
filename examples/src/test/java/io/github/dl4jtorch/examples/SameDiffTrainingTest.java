package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.List;
import org.junit.jupiter.api.Test;

class SameDiffTrainingTest {

  @Test
  void trainsUnderOneCycleAndUnderAPlateau() throws Exception {
    Printed printed = Printed.by(SameDiffTraining::main);
    List<Double> cycle = printed.numbers("one cycle", "lr");
    LRScheduler run =
        OneCycleLR.builder(0.2)
            .totalSteps(160)
            .build()
            .attach(ParamGroups.of(ParamGroup.sgd(0.2, 0.9)));
    assertThat(cycle).hasSize(20);
    for (double lr : cycle) {
      assertThat(lr).isCloseTo(run.getLastLr()[0], within(5.1e-6));
      for (int batch = 0; batch < 8; batch++) {
        run.step();
      }
    }
    assertThat(printed.numbers("plateau", "lr").stream().distinct().toList())
        .startsWith(0.2, 0.1)
        .hasSizeGreaterThan(2);
    for (String name : List.of("one cycle", "plateau")) {
      List<Double> loss = printed.numbers(name, "loss held out");
      assertThat(loss).hasSize(20);
      assertThat(loss.get(19)).isLessThan(loss.get(0) / 2).isLessThan(0.25);
    }
  }
}
