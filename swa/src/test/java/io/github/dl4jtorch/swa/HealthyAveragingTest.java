package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.fixtures.LogLines;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Sgd;

/** Whoever averages without a mistake reads no line of this project. */
class HealthyAveragingTest {

  private final LogLines log = new LogLines();
  private final MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
  private final LRScheduler cosine = new CosineAnnealingLR(6).attach(NetworkParamGroups.of(net));

  @TempDir private Path folder;

  @AfterEach
  void isSilent() {
    List<String> lines = log.all();
    log.close();
    assertThat(lines).isEmpty();
  }

  private static DataSetIterator epoch() {
    return new ExistingDataSetIterator(Nets.data(4, 3));
  }

  @Test
  void stochasticWeightAveraging() throws Exception {
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(2);
    net.addListeners(
        SwalrListener.everyEpoch(SchedulerListener.everyEpoch(cosine), new SWALR(0.01))
            .startingAt(2),
        averaging);
    net.fit(epoch(), 3);
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("cosine", cosine).with("average", averaging).save(file);
    TrainingCheckpoint.load(file)
        .network(MultiLayerNetwork.class)
        .output(Nets.data(1).get(0).getFeatures());
    net.fit(epoch(), 2);
    averaging.finish(epoch());
    average.network().evaluateRegression(epoch());
  }

  @Test
  void aMovingAverageOfStepsThatAreClippedAndOfSeveralBatches() {
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    GradientAccumulation.over(3).attach(net);
    net.addListeners(
        GradientClipping.norm(1),
        SwalrListener.everyIteration(SchedulerListener.everyIteration(cosine), new SWALR(0.01))
            .startingAt(2),
        AveragingListener.everyIteration(net, average));
    net.fit(epoch(), 2);
    EpochLoop.of(net).fit(1, () -> Nets.fit(net, Nets.data(4, 3)));
    assertThat(average.nAveraged()).isEqualTo(6);
  }
}
