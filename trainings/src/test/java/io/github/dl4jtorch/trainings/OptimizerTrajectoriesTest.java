package io.github.dl4jtorch.trainings;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.SWALR;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.schedule.ScheduleType;

/** Whole trainings of PyTorch, reproduced from their initial weights. */
class OptimizerTrajectoriesTest {

  static final List<String> ONE_GROUP =
      List.of(
          "sgd_steplr",
          "sgd_momentum_multistep",
          "sgd_nesterov_onecycle",
          "sgd_dampening_exponential",
          "sgd_plateau",
          "adam_warmup_cosine",
          "amsgrad_restarts",
          "adamw_onecycle",
          "rmsprop_polynomial",
          "rmsprop_centered_momentum_cyclic",
          "adagrad_constant",
          "ema",
          "ema_buffers",
          "swa");

  @ParameterizedTest
  @FieldSource("ONE_GROUP")
  void followsPyTorchByHand(String name) {
    Trajectory trajectory = new Trajectory(name, DataType.DOUBLE);
    train(trajectory);
    trajectory.check("hand", Recipe.of(name).updater());
  }

  @ParameterizedTest
  @FieldSource("ONE_GROUP")
  void followsPyTorchInSinglePrecision(String name) {
    Trajectory trajectory = new Trajectory(name, DataType.FLOAT);
    train(trajectory);
    trajectory.checkSinglePrecision();
  }

  private static void train(Trajectory trajectory) {
    String name = trajectory.name;
    Recipe recipe = Recipe.of(name);
    TorchOptimizer optimizer =
        TorchOptimizer.of(recipe.updater()).withWeightDecay(recipe.weightDecay());
    trajectory.build(optimizer, optimizer);
    TorchUpdater live = trajectory.updater(0, "W");
    ParamGroup group =
        switch (recipe.updater().momentumKind()) {
          case MOMENTUM -> ParamGroup.sgd(live.getLearningRate(0, 0), live.momentum());
          case BETA1 -> ParamGroup.adam(live.getLearningRate(0, 0), live.momentum());
          case NONE -> ParamGroup.withoutMomentum(live.getLearningRate(0, 0));
        };
    ParamGroups groups = ParamGroups.of(group);
    LRScheduler run = recipe.schedule().attach(groups);
    boolean hasMomentum = !Double.isNaN(live.momentum());
    for (int epoch = 0; epoch < trajectory.epochs(); epoch++) {
      for (int batch = 0; batch < 5; batch++) {
        for (TorchUpdater updater : trajectory.updaters()) {
          updater.setLrAndSchedule(Math.max(0, group.lr()), null);
          if (hasMomentum) {
            updater.setMomentum(group.momentum());
          }
        }
        double[] lr = {live.getLearningRate(0, 0)};
        trajectory.step(epoch, batch, lr, new double[] {live.momentum()});
        if (recipe.unit() == ScheduleType.ITERATION) {
          run.step();
        }
      }
      trajectory.validate(epoch);
      if (name.equals("swa") && epoch == 20) {
        run = new SWALR(0.05, 5, AnnealStrategy.COS).attach(groups);
      }
      if (name.equals("sgd_plateau")) {
        run.step(trajectory.recordedValidationLoss(epoch));
      } else if (recipe.unit() == ScheduleType.EPOCH) {
        run.step();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sgd_nesterov_onecycle",
        "adam_warmup_cosine",
        "adamw_onecycle",
        "rmsprop_centered_momentum_cyclic",
        "adagrad_constant"
      })
  void followsPyTorchByPull(String name) {
    Trajectory trajectory = new Trajectory(name, DataType.DOUBLE);
    Recipe recipe = Recipe.of(name);
    TorchSchedule lr =
        TorchSchedule.lr(recipe.schedule(), recipe.updater().getLearningRate(0, 0), recipe.unit());
    TorchSchedule momentum = TorchSchedule.momentum(recipe.schedule(), 0.9, recipe.unit());
    TorchUpdater pulled = recipe.updater().clone();
    if (recipe.unit() == ScheduleType.ITERATION) {
      pulled =
          switch (name) {
            case "sgd_nesterov_onecycle" -> new TorchSGD(lr).withNesterovMomentum(momentum);
            case "adamw_onecycle" -> new TorchAdamW(lr).withBeta1(momentum);
            default -> new TorchRMSprop(lr).withMomentum(momentum).withCentering();
          };
    }
    pulled.setLrAndSchedule(Double.NaN, lr);
    TorchOptimizer optimizer = TorchOptimizer.of(pulled).withWeightDecay(recipe.weightDecay());
    trajectory.build(optimizer, optimizer);
    TorchUpdater live = trajectory.updater(0, "W");
    for (int epoch = 0; epoch < trajectory.epochs(); epoch++) {
      trajectory.net.setEpochCount(epoch);
      for (int batch = 0; batch < 5; batch++) {
        int iteration = trajectory.net.getIterationCount();
        double[] momenta = {
          recipe.unit() == ScheduleType.ITERATION
              ? momentum.valueAt(iteration, epoch)
              : live.momentum()
        };
        double[] lrs = {live.getLearningRate(iteration, epoch)};
        trajectory.step(epoch, batch, lrs, momenta);
      }
      trajectory.validate(epoch);
    }
    trajectory.check("pull", pulled);
  }

  @ParameterizedTest
  @ValueSource(strings = {"yolov5_three_groups", "yolov5_beta_with_biases"})
  void followsYolov5sGroups(String name) {
    Trajectory trajectory = new Trajectory(name, DataType.DOUBLE);
    trainYolov5(trajectory);
    trajectory.check("hand", sgd(1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"yolov5_three_groups", "yolov5_beta_with_biases"})
  void followsYolov5sGroupsInSinglePrecision(String name) {
    Trajectory trajectory = new Trajectory(name, DataType.FLOAT);
    trainYolov5(trajectory);
    trajectory.checkSinglePrecision();
  }

  private static void trainYolov5(Trajectory trajectory) {
    boolean isBetaABias = trajectory.name.equals("yolov5_beta_with_biases");
    // Rates that differ, so that the groups are not joined; training sets them anew.
    TorchSGD[] groups = {sgd(1), sgd(2), sgd(3)};
    TorchOptimizer linear =
        TorchOptimizer.of(groups[1]).withWeightDecay(5e-4).withBiases(groups[2], 0);
    TorchOptimizer normalization = TorchOptimizer.of(groups[0]);
    trajectory.build(linear, isBetaABias ? normalization.withBiases(groups[2], 0) : normalization);
    List<List<TorchUpdater>> live =
        List.of(
            List.of(trajectory.updater(1, "gamma")),
            List.of(trajectory.updater(0, "W"), trajectory.updater(3, "W")),
            isBetaABias
                ? List.of(
                    trajectory.updater(0, "b"),
                    trajectory.updater(1, "beta"),
                    trajectory.updater(3, "b"))
                : List.of(trajectory.updater(0, "b"), trajectory.updater(3, "b")));
    for (int epoch = 0; epoch < trajectory.epochs(); epoch++) {
      double factor = (1 + Math.cos(epoch * Math.PI / 30)) / 2 * 0.8 + 0.2;
      for (int batch = 0; batch < 5; batch++) {
        double warmup = Math.min(1, (epoch * 5 + batch) / 25.0);
        double[] lr = new double[3];
        double momentum = 0.8 + (0.937 - 0.8) * warmup;
        for (int group = 0; group < 3; group++) {
          double start = group == 2 ? 0.1 : 0;
          lr[group] = start + (0.05 * factor - start) * warmup;
          for (TorchUpdater updater : live.get(group)) {
            updater.setLrAndSchedule(lr[group], null);
            updater.setMomentum(momentum);
          }
        }
        trajectory.step(epoch, batch, lr, new double[] {momentum, momentum, momentum});
      }
      trajectory.validate(epoch);
    }
  }

  private static TorchSGD sgd(double lr) {
    return new TorchSGD(lr).withNesterovMomentum(0.937);
  }
}
