package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.Halving;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** A schedule of a user's own, pulled, saved and resumed like this library's. */
class OwnScheduleTest {

  private static final Schedule OWN =
      new SequentialLR(List.of(new StepLR(1, 0.5), new Halving(2)), List.of(3));

  @TempDir private Path folder;

  @Test
  void isPulledAlsoByANetworkThatWasSaved() throws IOException {
    MultiLayerNetwork net =
        Nets.layers(new Sgd(TorchSchedule.lr(OWN, 0.1, ScheduleType.ITERATION)));
    MultiLayerConfiguration read =
        MultiLayerConfiguration.fromJson(net.getLayerWiseConfigurations().toJson());
    assertThat(read).isEqualTo(net.getLayerWiseConfigurations());

    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(movement(net)).isEqualTo(movement(restored)).hasSize(8);
  }

  private static List<Double> movement(MultiLayerNetwork net) {
    Nets.Movement movement = new Nets.Movement();
    net.setListeners(movement);
    Nets.fit(net, Nets.data(8));
    double[] rates = {0.1, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.00625};
    for (int i = 0; i < rates.length; i++) {
      assertThat(movement.rates.get(i)).isCloseTo(rates[i], within(1e-12));
    }
    return movement.rates;
  }

  @Test
  void goesOnFromACheckpointWithoutBeingGivenAgain() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run = OWN.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    Nets.fit(net, Nets.data(8).subList(0, 5));
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("own", run).save(file);

    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    LRScheduler resumed = checkpoint.run("own");
    MultiLayerNetwork again = checkpoint.network(MultiLayerNetwork.class);
    again.addListeners(SchedulerListener.everyIteration(resumed));
    Nets.fit(net, Nets.data(8).subList(5, 8));
    Nets.fit(again, Nets.data(8).subList(5, 8));

    assertThat(resumed.schedule()).isEqualTo(OWN);
    assertThat(resumed.stateDict()).isEqualTo(run.stateDict());
    assertThat(Nets.params(again)).isEqualTo(Nets.params(net));
  }
}
