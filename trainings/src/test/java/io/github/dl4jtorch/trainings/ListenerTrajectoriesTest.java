package io.github.dl4jtorch.trainings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ScheduleType;

/** Whole trainings of PyTorch with their averages, by a listener under {@code fit} alone. */
class ListenerTrajectoriesTest {

  private static final double TOLERANCE = 1e-12;

  /** Notes the rate that each iteration uses. */
  private static final class Rates extends BaseTrainingListener {
    private final NetworkParamGroups groups;
    private final List<Double> rates = new ArrayList<>();

    Rates(NetworkParamGroups groups) {
      this.groups = groups;
    }

    @Override
    public void onForwardPass(Model model, List<INDArray> activations) {
      rates.add(groups.get(0).lr());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stochasticWeightAveragingFollowsPyTorch(boolean isAveragingFirst) {
    Trajectory trajectory = new Trajectory("swa");
    MultiLayerNetwork net = trajectory.build(new TorchSGD(0.2).withMomentum(0.9));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler cosine = new CosineAnnealingLR(40).attach(groups);
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(20);
    SwalrListener swalr =
        SwalrListener.everyEpoch(
                SchedulerListener.everyEpoch(cosine), new SWALR(0.05, 5, AnnealStrategy.COS))
            .startingAt(20);
    Rates used = new Rates(groups);
    if (isAveragingFirst) {
      net.addListeners(averaging, swalr, used);
    } else {
      net.addListeners(swalr, averaging, used);
    }
    DataSetIterator batches = new ExistingDataSetIterator(trajectory.batches);
    net.fit(batches, trajectory.epochs());
    List<?> rows = (List<?>) trajectory.value("lr");
    assertThat(used.rates).hasSize(rows.size());
    double lr = 0;
    for (int i = 0; i < rows.size(); i++) {
      double expected = ((Number) ((List<?>) rows.get(i)).get(0)).doubleValue();
      lr = Math.max(lr, Math.abs(used.rates.get(i) / expected - 1));
    }
    System.out.printf("%d rates %.1e%n", rows.size(), lr);
    assertThat(lr).isLessThanOrEqualTo(1e-14);
    double before = trajectory.deviation(average.network(), "averaged_before_update_bn");
    assertThat(before).isLessThanOrEqualTo(TOLERANCE);
    averaging.finish(batches);
    check(trajectory, net, average);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ema", "ema_buffers"})
  void exponentialMovingAverageFollowsPyTorch(String name) {
    Trajectory trajectory = new Trajectory(name);
    boolean useBuffers = name.equals("ema_buffers");
    MultiLayerNetwork net = trajectory.build(new TorchSGD(0.1).withMomentum(0.9));
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(net, Averaging.ema(0.98).useBuffers(useBuffers));
    LRScheduler run =
        new LambdaLR(new EpochFunction.Exponential(0.95)).attach(NetworkParamGroups.of(net));
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyIteration(net, average);
    net.addListeners(SchedulerListener.everyEpoch(run), averaging);
    DataSetIterator batches = new ExistingDataSetIterator(trajectory.batches);
    net.fit(batches, trajectory.epochs());
    assertThat(trajectory.deviation(average.network(), "averaged_before_update_bn"))
        .isLessThanOrEqualTo(TOLERANCE);
    averaging.finish(batches);
    check(trajectory, net, average);
  }

  private static void check(
      Trajectory trajectory, MultiLayerNetwork net, AveragedModel<MultiLayerNetwork> average) {
    assertThat(average.nAveraged())
        .isEqualTo(((Number) trajectory.value("n_averaged")).longValue());
    MultiLayerNetwork averaged = average.network();
    double trained = trajectory.deviation(net, "final");
    double after = trajectory.deviation(averaged, "averaged_after_update_bn");
    double loss = ((Number) trajectory.value("averaged_validation_loss")).doubleValue();
    double lossOff = Math.abs(averaged.score(trajectory.validation, false) / loss - 1);
    double probabilities =
        Trajectory.deviation(
            averaged.output(trajectory.validation.getFeatures()),
            Nd4j.createFromArray(trajectory.table("averaged_validation_probabilities")));
    System.out.printf(
        "%-12s trained %.1e, averaged %.1e, loss %.1e, probabilities %.1e%n",
        trajectory.value("name"), trained, after, lossOff, probabilities);
    assertThat(trained).isLessThanOrEqualTo(TOLERANCE);
    assertThat(after).isLessThanOrEqualTo(TOLERANCE);
    assertThat(lossOff).isLessThanOrEqualTo(TOLERANCE);
    assertThat(probabilities).isLessThanOrEqualTo(TOLERANCE);
  }

  /** A pulled rate needs nobody to step it; SWALR is a member of a sequence and starts there. */
  @Test
  void aPulledSequenceAnnealsToTheRateOfTheAverage() {
    Schedule sequence =
        new SequentialLR(
            List.of(new CosineAnnealingLR(8), new SWALR(0.05, 2, AnnealStrategy.LINEAR)),
            List.of(4));
    MultiLayerNetwork net =
        new Trajectory("swa")
            .build(new TorchSGD(TorchSchedule.lr(sequence, 0.2, ScheduleType.EPOCH)));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    List<Double> rates = new ArrayList<>();
    net.addListeners(
        AveragingListener.everyEpoch(net, average).startingAt(4),
        new BaseTrainingListener() {
          @Override
          public void onEpochStart(Model model) {
            rates.add(net.getLearningRate(0));
          }
        });
    net.fit(new ExistingDataSetIterator(new Trajectory("swa").batches), 8);
    double last = 0.1 * (1 + Math.cos(Math.PI * 3 / 8));
    assertThat(rates.get(3)).isCloseTo(last, within(1e-15));
    // The sequence enters SWALR with a step that keeps the rate.
    assertThat(rates.get(4)).isEqualTo(rates.get(3));
    assertThat(rates.get(5)).isCloseTo((last + 0.05) / 2, within(1e-15));
    assertThat(rates.subList(6, 8)).containsExactly(0.05, 0.05);
    assertThat(average.nAveraged()).isEqualTo(4);
  }
}
