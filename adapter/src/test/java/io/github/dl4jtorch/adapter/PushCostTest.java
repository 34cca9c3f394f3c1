package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/** What is done for every iteration leaves no garbage behind, however many groups there are. */
class PushCostTest {

  private static final int STEPS = 20_000;
  private static final Schedule WARMUP =
      WarmupLR.builder(new CosineAnnealingLR(STEPS))
          .iterationsPerEpoch(1)
          .warmupIterations(STEPS)
          .warmupMomentum(0.5)
          .build();

  static Stream<LRScheduler> runs() {
    Schedule cycle = OneCycleLR.builder(0.1).totalSteps(3 * STEPS).build();
    return Stream.of(
        cycle.attach(groups(new Adam(0.1))),
        WARMUP.attach(groups(new Nesterovs(0.1, 0.9))),
        WARMUP.attach(groups(new TorchSGD(0.1).withNesterovMomentum(0.9))),
        WARMUP.attach(groups(new TorchRMSprop(0.1).withMomentum(0.9))),
        cycle.attach(groups(new TorchAdamW(0.1))),
        WARMUP.attach(groups(new Nesterovs(0.1, 0.9)).only(1, 0)),
        new ExponentialLR(0.9999)
            .attach(groups(new Adam(0.1)).unfreeze(NetworkParam.inLayers("layer2"), 0.1)));
  }

  private static NetworkParamGroups groups(IUpdater updater) {
    MultiLayerNetwork net = Nets.layers(updater);
    Nets.fit(net, Nets.data(1));
    return NetworkParamGroups.builder(net)
        .group(NetworkParam.inLayers("layer0"))
        .group(NetworkParam.inLayers("layer1").and(NetworkParam::isWeight))
        .group(NetworkParam.inLayers("layer1").and(NetworkParam::isBias))
        .frozen(NetworkParam.inLayers("layer2"))
        .build();
  }

  @ParameterizedTest
  @MethodSource("runs")
  void nothingIsAllocatedForAStep(LRScheduler run) {
    NetworkParamGroups groups = (NetworkParamGroups) run.paramGroups();
    SchedulerListener listener = SchedulerListener.everyIteration(run);
    if (groups.hasVelocity()) {
      listener = listener.rescalingVelocity();
    }
    iterate(groups, listener);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    threads.getCurrentThreadAllocatedBytes();
    long before = threads.getCurrentThreadAllocatedBytes();
    iterate(groups, listener);
    // The reading itself may take a few bytes; one object a step would be 320,000.
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(20_000);
    assertThat(List.of(run.lastEpoch())).containsExactly(2.0 * STEPS);
  }

  private static void iterate(NetworkParamGroups groups, SchedulerListener listener) {
    Model net = (Model) groups.network();
    for (int iteration = 0; iteration < STEPS; iteration++) {
      listener.onGradientCalculation(net);
      listener.iterationDone(net, iteration, 0);
    }
  }
}
