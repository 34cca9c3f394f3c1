package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.schedule.ScheduleType;
import picocli.CommandLine.TypeConversionException;

/**
 * Well-known ways to drive the learning rate, scaled down to the digits, each wired to the network in the
 * way that fits it: those that need no more than the time as a schedule in the updater (pull), the
 * others as a listener (push).
 */
enum Recipe {

  /** Super-convergence: one rise and fall over the whole training, the momentum against it. */
  ONECYCLE {
    @Override
    Schedule schedule(int epochs, int batches) {
      return OneCycleLR.builder(LR).epochs(epochs).stepsPerEpoch(batches).build();
    }

    @Override
    TorchSGD updater(Schedule schedule) {
      return new TorchSGD(TorchSchedule.lr(schedule, LR, ScheduleType.ITERATION))
          .withNesterovMomentum(TorchSchedule.momentum(schedule, MOMENTUM, ScheduleType.ITERATION));
    }
  },

  /** Torchvision's newer recipe: a linear warm-up, then half a cosine. */
  WARMUP_COSINE {
    @Override
    Schedule schedule(int epochs, int batches) {
      int warmup = Math.max(1, epochs / 10);
      return new SequentialLR(
          List.of(
              new LinearLR(0.01, 1.0, warmup), new CosineAnnealingLR(Math.max(1, epochs - warmup))),
          List.of(warmup));
    }

    @Override
    TorchSGD updater(Schedule schedule) {
      return new TorchSGD(TorchSchedule.lr(schedule, LR, ScheduleType.EPOCH))
          .withNesterovMomentum(MOMENTUM);
    }
  },

  /** The old recipe for ResNets: a tenth of the rate after each third. */
  STEP {
    @Override
    Schedule schedule(int epochs, int batches) {
      return new StepLR(Math.max(1, epochs / 3), 0.1);
    }

    @Override
    TorchSGD updater(Schedule schedule) {
      return new TorchSGD(TorchSchedule.lr(schedule, LR, ScheduleType.EPOCH))
          .withNesterovMomentum(MOMENTUM);
    }
  },

  /** SGDR: three cosines, each twice as long as the one before. */
  RESTARTS {
    @Override
    Schedule schedule(int epochs, int batches) {
      int first = Math.max(1, (int) Math.ceil(epochs * batches / 7.0));
      return new CosineAnnealingWarmRestarts(first, 2);
    }

    @Override
    TorchSGD updater(Schedule schedule) {
      return new TorchSGD(TorchSchedule.lr(schedule, LR, ScheduleType.ITERATION))
          .withNesterovMomentum(MOMENTUM);
    }
  },

  /** Cyclical rates: up and down in straight lines, each cycle half as high as the last. */
  CYCLIC {
    @Override
    Schedule schedule(int epochs, int batches) {
      return CyclicLR.builder(0.005, 0.2)
          .stepSizeUp(Math.max(1, epochs * batches / 8))
          .mode(CyclicLR.Mode.TRIANGULAR2)
          .build();
    }

    @Override
    void drive(MultiLayerNetwork net, Schedule schedule, DataSetIterator validation) {
      net.addListeners(
          SchedulerListener.everyIteration(schedule.attach(NetworkParamGroups.of(net))));
    }
  },

  /** Half the rate whenever the loss on the validation images has stopped falling. */
  PLATEAU {
    @Override
    Schedule schedule(int epochs, int batches) {
      return ReduceLROnPlateau.builder().factor(0.5).patience(1).build();
    }

    @Override
    void drive(MultiLayerNetwork net, Schedule schedule, DataSetIterator validation) {
      net.addListeners(
          SchedulerListener.everyEpoch(
              schedule.attach(NetworkParamGroups.of(net)),
              new DataSetLossCalculator(validation, true)));
    }
  };

  /** The rate to start from, for recipes that do not bring their own. */
  static final double LR = 0.1;

  static final double MOMENTUM = 0.9;

  /** Returns the recipe's schedule, for a training of a given length. */
  abstract Schedule schedule(int epochs, int batches);

  /** Returns the updater to build the network with. */
  TorchSGD updater(Schedule schedule) {
    return new TorchSGD(LR).withNesterovMomentum(MOMENTUM);
  }

  /** Lets the schedule drive a network that was built, where the updater does not already. */
  void drive(MultiLayerNetwork net, Schedule schedule, DataSetIterator validation) {}

  /** Finds a recipe by its name on the command line. */
  static Recipe of(String name) {
    for (Recipe recipe : values()) {
      if (recipe.toString().equalsIgnoreCase(name)) {
        return recipe;
      }
    }
    throw new TypeConversionException(
        "must be one of "
            + Arrays.stream(values()).map(Recipe::toString).collect(Collectors.joining(", "))
            + " but was '"
            + name
            + "'");
  }

  /** Returns the name as it is given on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
