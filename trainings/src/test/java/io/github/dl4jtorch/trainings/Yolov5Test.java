package io.github.dl4jtorch.trainings;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.schedule.ScheduleType;

/** YOLOv5's param groups and warm-up against two recorded trainings, in every way to drive them. */
class Yolov5Test {

  private static final double LR = 0.05;
  private static final double MOMENTUM = 0.937;
  private static final int EPOCHS = 30;
  private static final int BATCHES = 5;

  /** The factors as the recording computed them, which rounds otherwise than YOLOv5's source. */
  private static final EpochFunction COSINE =
      EpochFunction.table(
          IntStream.rangeClosed(0, EPOCHS)
              .mapToDouble(epoch -> (1 + Math.cos(epoch * Math.PI / EPOCHS)) / 2 * 0.8 + 0.2)
              .toArray());

  private static WarmupLR warmup(Double... startRates) {
    return WarmupLR.builder(new LambdaLR(COSINE))
        .iterationsPerEpoch(BATCHES)
        .warmupIterations(25)
        .warmupLr(List.of(startRates))
        .warmupMomentum(0.8)
        .build();
  }

  private static final WarmupLR WARMUP = warmup(0.0, 0.0, 0.1);

  private static double[][] recorded(String name, String key) {
    return new Trajectory(name).table(key);
  }

  @ParameterizedTest
  @ValueSource(strings = {"yolov5_three_groups", "yolov5_beta_with_biases"})
  void theWarmUpGivesEveryRecordedNumberByHandAndByPull(String name) {
    double[][] lr = recorded(name, "lr");
    double[][] momentum = recorded(name, "momentum");
    ParamGroups groups =
        ParamGroups.of(
            ParamGroup.sgd(LR, MOMENTUM),
            ParamGroup.sgd(LR, MOMENTUM),
            ParamGroup.sgd(LR, MOMENTUM));
    LRScheduler run = WARMUP.attach(groups);
    List<TorchSchedule> pulled = new ArrayList<>();
    for (double start : new double[] {0, 0, 0.1}) {
      pulled.add(TorchSchedule.lr(warmup(start), LR, ScheduleType.ITERATION));
    }
    TorchSchedule pulledMomentum =
        TorchSchedule.momentum(warmup(0.0), MOMENTUM, ScheduleType.ITERATION);
    assertThat(lr).hasDimensions(EPOCHS * BATCHES, 3);
    for (int i = 0; i < lr.length; i++) {
      for (int group = 0; group < 3; group++) {
        assertThat(groups.get(group).lr()).isEqualTo(lr[i][group]);
        assertThat(groups.get(group).momentum()).isEqualTo(momentum[i][group]);
        assertThat(pulled.get(group).valueAt(i, i / BATCHES)).isEqualTo(lr[i][group]);
        assertThat(pulledMomentum.valueAt(i, i / BATCHES)).isEqualTo(momentum[i][group]);
      }
      run.step();
    }
  }

  /** Notes what the updaters hold when an update is due. */
  private static final class Used extends BaseTrainingListener {
    private final List<List<TorchUpdater>> updaters;
    private final List<double[]> lr = new ArrayList<>();
    private final List<double[]> momentum = new ArrayList<>();

    Used(Trajectory trajectory, boolean isBetaABias) {
      updaters =
          List.of(
              List.of(trajectory.updater(1, "gamma")),
              List.of(trajectory.updater(0, "W"), trajectory.updater(3, "W")),
              List.of(
                  trajectory.updater(0, "b"),
                  trajectory.updater(3, "b"),
                  trajectory.updater(isBetaABias ? 1 : 3, isBetaABias ? "beta" : "b")));
    }

    @Override
    public void onGradientCalculation(Model model) {
      double[] rates = new double[3];
      double[] momenta = new double[3];
      for (int group = 0; group < 3; group++) {
        for (TorchUpdater updater : updaters.get(group)) {
          rates[group] = updater.getLearningRate(lr.size(), 0);
          momenta[group] = updater.momentum();
          TorchUpdater first = updaters.get(group).get(0);
          assertThat(rates[group]).isEqualTo(first.getLearningRate(lr.size(), 0));
          assertThat(momenta[group]).isEqualTo(first.momentum());
        }
      }
      lr.add(rates);
      momentum.add(momenta);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"yolov5_three_groups", "yolov5_beta_with_biases"})
  void aNetworkPushedThroughTheGroupsFollowsPyTorch(String name) {
    boolean isBetaABias = name.equals("yolov5_beta_with_biases");
    TorchSGD sgd = new TorchSGD(1).withNesterovMomentum(0.5);
    TorchOptimizer linear = TorchOptimizer.of(sgd).withWeightDecay(5e-4).withBiases(sgd, 0);
    Trajectory trajectory = new Trajectory(name, DataType.DOUBLE);
    trajectory.build(linear, TorchOptimizer.of(sgd));
    Predicate<NetworkParam> normalization = NetworkParam::isNormalization;
    Predicate<NetworkParam> bias = NetworkParam::isBias;
    NetworkParamGroups groups =
        NetworkParamGroups.builder(trajectory.net)
            .group(isBetaABias ? normalization.and(bias.negate()) : normalization)
            .lr(LR)
            .momentum(MOMENTUM)
            .group(NetworkParam::isWeight)
            .lr(LR)
            .momentum(MOMENTUM)
            .group(isBetaABias ? bias : bias.and(normalization.negate()))
            .lr(LR)
            .momentum(MOMENTUM)
            .build();
    assertThat(groups.params(0))
        .hasToString(isBetaABias ? "[layer1.gamma]" : "[layer1.gamma, layer1.beta]");
    assertThat(groups.params(1)).hasToString("[layer0.W, layer3.W]");
    assertThat(groups.params(2))
        .hasToString(isBetaABias ? "[layer0.b, layer1.beta, layer3.b]" : "[layer0.b, layer3.b]");
    LRScheduler run = WARMUP.attach(groups);
    Used used = new Used(trajectory, isBetaABias);
    trajectory.net.addListeners(SchedulerListener.everyIteration(run), used);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      for (int batch = 0; batch < BATCHES; batch++) {
        double[] lr = groups.stream().mapToDouble(ParamGroup::lr).toArray();
        double[] momentum = groups.stream().mapToDouble(ParamGroup::momentum).toArray();
        trajectory.step(epoch, batch, lr, momentum);
      }
      trajectory.validate(epoch);
    }
    trajectory.check("push", sgd);
    assertThat(used.lr.toArray(double[][]::new)).isDeepEqualTo(recorded(name, "lr"));
    assertThat(used.momentum.toArray(double[][]::new)).isDeepEqualTo(recorded(name, "momentum"));
  }

  @Test
  void aPulledWarmUpSurvivesJson() {
    Schedule definition = warmup(0.1);
    TorchSGD updater =
        new TorchSGD(TorchSchedule.lr(definition, LR, ScheduleType.ITERATION))
            .withNesterovMomentum(
                TorchSchedule.momentum(definition, MOMENTUM, ScheduleType.ITERATION));
    var configuration = Nets.layersConfiguration(updater);
    assertThat(org.deeplearning4j.nn.conf.MultiLayerConfiguration.fromJson(configuration.toJson()))
        .isEqualTo(configuration);
    assertThat(Collections.singleton(configuration.toJson()).toString()).contains("\"WarmupLR\"");
  }
}
