package io.github.dl4jtorch.trainings;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdadelta;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * How far DL4J's own updaters leave PyTorch's trainings under the same schedule: the figures of
 * docs/updaters.md.
 */
class StockUpdatersTest {

  /** The updater of DL4J that comes nearest, with the same settings. */
  private static IUpdater nearest(String name) {
    return switch (name) {
      case "sgd_steplr" -> new Sgd(0.1);
      case "sgd_momentum_multistep" -> new Nesterovs(0.05, 0.9);
      case "sgd_nesterov_onecycle" -> new Nesterovs(0.1, 0.9);
      case "sgd_dampening_exponential" -> new Nesterovs(0.1, 0.8);
      case "sgd_plateau" -> new Nesterovs(0.5, 0.9);
      case "adam_warmup_cosine" -> new Adam(0.02, 0.9, 0.999, 1e-8);
      case "amsgrad_restarts" -> new AMSGrad(0.02, 0.9, 0.999, 1e-8);
      case "adamw_onecycle" -> new Adam(0.01, 0.9, 0.999, 1e-8);
      case "rmsprop_polynomial" -> new RmsProp(0.005, 0.99, 1e-8);
      case "rmsprop_centered_momentum_cyclic" -> new RmsProp(0.002, 0.99, 1e-8);
      case "adagrad_constant" -> new AdaGrad(0.1, 1e-10);
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** Trains as recorded, but with this updater, and keeps the loss of every iteration. */
  private static List<Double> losses(
      Trajectory trajectory, IUpdater updater, Recipe recipe, boolean isRescaling) {
    TorchOptimizer plain = TorchOptimizer.of(updater);
    TorchOptimizer optimizer =
        recipe.updater() instanceof TorchAdamW
            ? plain.withDecoupledWeightDecay(recipe.weightDecay())
            : plain.withWeightDecay(recipe.weightDecay());
    trajectory.build(optimizer, optimizer);
    boolean isPlateau = recipe.schedule().needsMetric();
    List<Double> losses = new ArrayList<>();
    LRScheduler run = null;
    if (updater.hasLearningRate()) {
      NetworkParamGroups groups = NetworkParamGroups.of(trajectory.net);
      run = recipe.schedule().attach(groups);
    }
    SchedulerListener listener = null;
    if (run != null && !isPlateau) {
      listener =
          recipe.unit() == ScheduleType.ITERATION
              ? SchedulerListener.everyIteration(run)
              : SchedulerListener.everyEpoch(run);
      if (isRescaling) {
        listener = listener.rescalingVelocity();
      }
      trajectory.net.addListeners(listener);
    }
    for (int epoch = 0; epoch < trajectory.epochs(); epoch++) {
      for (int batch = 0; batch < 5; batch++) {
        double penalty = trajectory.net.calcRegularizationScore(true);
        trajectory.step(epoch, batch, new double[] {Double.NaN}, new double[] {Double.NaN});
        losses.add(trajectory.net.score() - penalty);
      }
      if (run != null && isPlateau) {
        run.step(trajectory.recordedValidationLoss(epoch));
      } else if (listener != null && recipe.unit() == ScheduleType.EPOCH) {
        listener.stepEpoch();
      }
    }
    return losses;
  }

  private static double off(String name, IUpdater updater, boolean isRescaling) {
    Trajectory trajectory = new Trajectory(name, DataType.DOUBLE);
    Recipe recipe = Recipe.of(name);
    if (name.equals("rmsprop_centered_momentum_cyclic")) {
      // DL4J's RmsProp has no momentum that could be cycled.
      Schedule schedule =
          CyclicLR.builder(1e-4, 0.004)
              .stepSizeUp(10)
              .mode(CyclicLR.Mode.TRIANGULAR2)
              .cycleMomentum(false)
              .build();
      recipe = new Recipe(recipe.updater(), recipe.weightDecay(), schedule, recipe.unit());
    }
    losses(trajectory, updater, recipe, isRescaling);
    System.out.printf(
        "stock %-33s %-10s%s loss %.3g%n",
        name,
        updater.getClass().getSimpleName(),
        isRescaling ? ", rescaled" : "",
        trajectory.lossOff);
    return trajectory.lossOff;
  }

  @ParameterizedTest
  @CsvSource({
    "sgd_steplr, 0, 1e-12",
    "sgd_momentum_multistep, 0.1, 0.4",
    "sgd_nesterov_onecycle, 0.5, 2",
    "sgd_dampening_exponential, 0.08, 0.3",
    "sgd_plateau, 1, 4",
    "adam_warmup_cosine, 1e-6, 3e-6",
    "amsgrad_restarts, 3e-6, 1e-5",
    "adamw_onecycle, 1e-6, 4e-6",
    "rmsprop_polynomial, 0.004, 0.016",
    "rmsprop_centered_momentum_cyclic, 2.5, 10",
    "adagrad_constant, 0.003, 0.01"
  })
  void leavePyTorchByThisMuch(String name, double least, double most) {
    assertThat(off(name, nearest(name), false)).isBetween(least, most);
  }

  @Test
  void nesterovsStaysWithARescaledVelocity() {
    assertThat(off("sgd_nesterov_onecycle", nearest("sgd_nesterov_onecycle"), true))
        .isLessThan(1e-12);
  }

  /** No training was recorded with these; the exact updater stands for PyTorch's. */
  @ParameterizedTest
  @CsvSource({"Nadam, 0.5, 2", "AdaMax, 5e-8, 2e-7", "AdaDelta, 0, 1e-12"})
  void leaveTheExactUpdaterByThisMuch(String kind, double least, double most) {
    String name = "adam_warmup_cosine";
    Recipe recipe = Recipe.of(name);
    IUpdater stock =
        switch (kind) {
          case "Nadam" -> new Nadam(0.02, 0.9, 0.999, 1e-8);
          case "AdaMax" -> new AdaMax(0.02, 0.9, 0.999, 1e-8);
          default -> new AdaDelta(0.9, 1e-6);
        };
    TorchUpdater exact =
        switch (kind) {
          case "Nadam" -> new TorchNAdam(0.02);
          case "AdaMax" -> new TorchAdamax(0.02);
          default -> new TorchAdadelta(1.0);
        };
    List<Double> actual = losses(new Trajectory(name, DataType.DOUBLE), stock, recipe, false);
    List<Double> expected;
    if (kind.equals("AdaDelta")) {
      // It has no rate, so PyTorch's stays at 1.
      Recipe constant = new Recipe(exact, 0, new LambdaLR(epoch -> 1.0), ScheduleType.EPOCH);
      expected = losses(new Trajectory(name, DataType.DOUBLE), exact, constant, false);
    } else {
      expected = losses(new Trajectory(name, DataType.DOUBLE), exact, recipe, false);
    }
    double off = 0;
    for (int i = 0; i < actual.size(); i++) {
      off = Math.max(off, Math.abs(actual.get(i) - expected.get(i)) / expected.get(i));
    }
    System.out.printf("stock %-33s %-10s loss %.3g%n", name, kind, off);
    assertThat(off).isBetween(least, most);
  }
}
