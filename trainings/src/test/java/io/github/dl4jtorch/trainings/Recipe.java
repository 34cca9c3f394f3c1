package io.github.dl4jtorch.trainings;

import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import org.nd4j.linalg.schedule.ScheduleType;

/** The optimizer of a recorded training, its schedule and how often that is stepped. */
record Recipe(TorchUpdater updater, double weightDecay, Schedule schedule, ScheduleType unit) {

  static Recipe of(String name) {
    ScheduleType iteration = ScheduleType.ITERATION;
    ScheduleType epoch = ScheduleType.EPOCH;
    return switch (name) {
      case "sgd_steplr" -> new Recipe(new TorchSGD(0.1), 0, new StepLR(10, 0.5), epoch);
      case "sgd_momentum_multistep" ->
          new Recipe(
              new TorchSGD(0.05).withMomentum(0.9), 0, new MultiStepLR(List.of(8, 16), 0.1), epoch);
      case "sgd_nesterov_onecycle" ->
          new Recipe(
              new TorchSGD(0.1).withNesterovMomentum(0.9),
              5e-4,
              OneCycleLR.builder(0.2).totalSteps(100).build(),
              iteration);
      case "sgd_dampening_exponential" ->
          new Recipe(
              new TorchSGD(0.1).withMomentum(0.8, 0.1), 1e-3, new ExponentialLR(0.95), epoch);
      case "sgd_plateau" ->
          new Recipe(
              new TorchSGD(0.5).withMomentum(0.9),
              0,
              ReduceLROnPlateau.builder()
                  .factor(0.3)
                  .patience(2)
                  .threshold(1e-3, ReduceLROnPlateau.ThresholdMode.REL)
                  .cooldown(1)
                  .build(),
              epoch);
      case "adam_warmup_cosine" ->
          new Recipe(
              new TorchAdam(0.02),
              0,
              new SequentialLR(
                  List.of(new LinearLR(0.1, 1.0, 5), new CosineAnnealingLR(25, 0)), List.of(5)),
              epoch);
      case "amsgrad_restarts" ->
          new Recipe(
              new TorchAdam(0.02).withAmsgrad(),
              0,
              new CosineAnnealingWarmRestarts(5, 2, 1e-4),
              epoch);
      case "adamw_onecycle" ->
          new Recipe(
              new TorchAdamW(0.01),
              0.05,
              OneCycleLR.builder(0.05)
                  .epochs(20)
                  .stepsPerEpoch(5)
                  .threePhase(true)
                  .annealStrategy(AnnealStrategy.LINEAR)
                  .build(),
              iteration);
      case "rmsprop_polynomial" ->
          new Recipe(new TorchRMSprop(0.005), 0, new PolynomialLR(20, 0.9), epoch);
      case "rmsprop_centered_momentum_cyclic" ->
          new Recipe(
              new TorchRMSprop(0.002).withMomentum(0.9).withCentering(),
              0,
              CyclicLR.builder(1e-4, 0.004)
                  .stepSizeUp(10)
                  .mode(CyclicLR.Mode.TRIANGULAR2)
                  .baseMomentum(0.8)
                  .maxMomentum(0.9)
                  .build(),
              iteration);
      case "adagrad_constant" ->
          new Recipe(new TorchAdagrad(0.1), 0, new ConstantLR(0.25, 6), epoch);
      case "ema", "ema_buffers" ->
          new Recipe(
              new TorchSGD(0.1).withMomentum(0.9),
              0,
              new LambdaLR(new EpochFunction.Exponential(0.95)),
              epoch);
      case "swa" ->
          new Recipe(new TorchSGD(0.2).withMomentum(0.9), 0, new CosineAnnealingLR(40, 0), epoch);
      default -> throw new IllegalArgumentException(name);
    };
  }
}
