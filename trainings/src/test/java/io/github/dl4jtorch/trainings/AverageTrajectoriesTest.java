package io.github.dl4jtorch.trainings;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.UpdateBn;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/** Whole trainings of PyTorch with their averages, reproduced from the initial weights. */
class AverageTrajectoriesTest {

  private static final double TOLERANCE = 1e-12;

  @Test
  void stochasticWeightAveragingFollowsPyTorch() {
    Trajectory trajectory = new Trajectory("swa");
    MultiLayerNetwork net = trajectory.build(new TorchSGD(0.2).withMomentum(0.9));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new CosineAnnealingLR(40).attach(groups);
    double lr = 0;
    for (int epoch = 0; epoch < trajectory.epochs(); epoch++) {
      for (int batch = 0; batch < 5; batch++) {
        double expected = numbers(trajectory.value("lr", epoch * 5 + batch))[0];
        lr = Math.max(lr, Math.abs(groups.get(0).lr() / expected - 1));
        net.fit(trajectory.batches.get(batch));
      }
      if (epoch == 20) {
        run = new SWALR(0.05, 5, AnnealStrategy.COS).attach(groups);
      }
      if (epoch >= 20) {
        average.updateParameters(net);
      }
      run.step();
    }
    assertThat(lr).isLessThanOrEqualTo(1e-14);
    check(trajectory, net, average);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ema", "ema_buffers"})
  void exponentialMovingAverageFollowsPyTorch(String name) {
    Trajectory trajectory = new Trajectory(name);
    MultiLayerNetwork net = trajectory.build(new TorchSGD(0.1).withMomentum(0.9));
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(net, Averaging.ema(0.98).useBuffers(name.equals("ema_buffers")));
    LRScheduler run =
        new LambdaLR(new EpochFunction.Exponential(0.95)).attach(NetworkParamGroups.of(net));
    for (int epoch = 0; epoch < trajectory.epochs(); epoch++) {
      for (DataSet batch : trajectory.batches) {
        net.fit(batch);
        average.updateParameters(net);
      }
      run.step();
    }
    check(trajectory, net, average);
  }

  private static void check(
      Trajectory trajectory, MultiLayerNetwork net, AveragedModel<MultiLayerNetwork> average) {
    assertThat(average.nAveraged())
        .isEqualTo(((Number) trajectory.value("n_averaged")).longValue());
    double trained = trajectory.deviation(net, "final");
    MultiLayerNetwork averaged = average.network();
    double before = trajectory.deviation(averaged, "averaged_before_update_bn");
    DataSetIterator batches = new ExistingDataSetIterator(trajectory.batches);
    new UpdateBn().run(averaged, batches);
    double after = trajectory.deviation(averaged, "averaged_after_update_bn");
    double loss = number(trajectory.value("averaged_validation_loss"));
    double lossOff = Math.abs(averaged.score(trajectory.validation, false) / loss - 1);
    double probabilities =
        Trajectory.deviation(
            averaged.output(trajectory.validation.getFeatures()),
            Nd4j.createFromArray(trajectory.table("averaged_validation_probabilities")));
    System.out.printf(
        "%-12s trained %.1e, averaged %.1e, after update_bn %.1e, loss %.1e, probabilities %.1e%n",
        trajectory.value("name"), trained, before, after, lossOff, probabilities);
    assertThat(trained).isLessThanOrEqualTo(TOLERANCE);
    assertThat(before).isLessThanOrEqualTo(TOLERANCE);
    assertThat(after).isLessThanOrEqualTo(TOLERANCE);
    assertThat(lossOff).isLessThanOrEqualTo(TOLERANCE);
    assertThat(probabilities).isLessThanOrEqualTo(TOLERANCE);
  }
}
