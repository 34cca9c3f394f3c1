package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.ConfiguredUpdaters.Place;
import io.github.dl4jtorch.adapter.internal.Decay;
import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LrCell;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.List;
import java.util.function.Consumer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ISchedule;

/** Looks at the updaters and weight decays of a configuration. */
final class UpdaterCheckup {

  /** Above it, DL4J's place for the epsilon makes a difference that is seen. */
  private static final double SMALL_EPSILON = 1e-6;

  private final int iteration;
  private final int epoch;
  private final @Nullable TrainingLength length;
  private final Consumer<Finding> found;

  UpdaterCheckup(
      int iteration, int epoch, @Nullable TrainingLength length, Consumer<Finding> found) {
    this.iteration = iteration;
    this.epoch = epoch;
    this.length = length;
    this.found = found;
  }

  void examineDecay(Layer layer) {
    if (layer instanceof FrozenLayer) {
      return;
    }
    for (NetworkParam param : NetworkParam.of(layer)) {
      List<Regularization> regularization = layer.getRegularizationByParam(param.name());
      double decay = Decay.of(regularization, iteration, epoch);
      if (decay > 0) {
        examineTwice(param, regularization);
        examineKind(param, decay);
      }
    }
  }

  private void examineTwice(NetworkParam param, List<Regularization> regularization) {
    long decoupled = regularization.stream().filter(WeightDecay.class::isInstance).count();
    long coupled = regularization.stream().filter(L2Regularization.class::isInstance).count();
    if (decoupled > 1 || coupled > 1) {
      found.accept(
          new Finding(
              param.layer(),
              "the weight decay acts "
                  + Math.max(decoupled, coupled)
                  + " times, as DL4J puts that of the builder of the whole network into each layer"
                  + " twice",
              "Give weightDecay(..) to each layer, or use TorchOptimizer.withWeightDecay(..)"));
    } else if (decoupled + coupled > 1) {
      found.accept(
          new Finding(
              param.layer(),
              "an l2 and a weight decay act both",
              "Leave one of the two: l2 is what PyTorch's optimizers call weight_decay, apart from"
                  + " AdamW"));
    }
  }

  private void examineKind(NetworkParam param, double decay) {
    if (param.isNormalization() || param.isBias()) {
      found.accept(
          new Finding(
              param.layer(),
              "a weight decay of "
                  + decay
                  + " acts on "
                  + (param.isNormalization() ? "the normalization" : "the biases"),
              "If that is not meant, leave them out with"
                  + " TorchOptimizer.withoutDecayOn(NetworkParam::isBias,"
                  + " NetworkParam::isNormalization)"));
    }
  }

  void examine(Place place) {
    IUpdater updater = FrozenUpdater.unfrozen(place.updater());
    ISchedule schedule = UpdaterFields.schedule(updater);
    if (schedule instanceof LrCell cell) {
      String complaint = cell.complaint();
      if (complaint != null) {
        add(place, complaint, LrCell.FOR_ORPHANS);
      }
    } else if (schedule instanceof TorchSchedule pulled) {
      examinePulled(place, updater, pulled);
    } else if (schedule == null) {
      examineRate(place, updater);
    }
    examineEpsilon(place, updater);
  }

  private void examineRate(Place place, IUpdater updater) {
    double rate = updater.getLearningRate(iteration, epoch);
    if (updater instanceof AdaGrad && Double.isNaN(rate)) {
      add(
          place,
          "the AdaGrad has no learning rate and trains to NaN: " + ScheduledUpdaters.LOST_SCHEDULE,
          "Instead, " + ScheduledUpdaters.FOR_LOST_SCHEDULE);
    } else if (!(rate >= 0 && rate < Double.POSITIVE_INFINITY)) {
      add(
          place,
          "the " + kind(updater) + " has a learning rate of " + rate,
          "Give it one that is finite and >= 0");
    }
  }

  private void examinePulled(Place place, IUpdater updater, TorchSchedule pulled) {
    Schedule definition = pulled.definition();
    if (definition.drivesMomentum() && !cyclesMomentum(updater, pulled)) {
      add(place, CycledMomentum.complaint(definition), CycledMomentum.advice(definition));
    }
    ScheduleCheckup checkup =
        ScheduleCheckup.of(
            place.layer(), pulled, pulled.goesByEpochs() ? epoch : iteration, length, found);
    checkup.examine();
    if (checkup.reachesZero() && UpdaterFields.isOfDl4j(updater)) {
      examineZero(place, updater);
    }
  }

  private boolean cyclesMomentum(IUpdater updater, TorchSchedule pulled) {
    if (updater instanceof Nesterovs nesterovs) {
      return nesterovs.getMomentumISchedule() instanceof TorchSchedule momentum
          && momentum.runsWith(pulled);
    }
    // One that follows a schedule has a momentum that cannot be set.
    return updater instanceof TorchUpdater torch
        && torch.momentumKind() == MomentumKind.NONE
        && !Double.isNaN(torch.momentum(iteration, epoch));
  }

  private void examineZero(Place place, IUpdater updater) {
    boolean goesByEpsilon = updater instanceof Adam || updater instanceof AMSGrad;
    if (goesByEpsilon || updater instanceof Nesterovs) {
      add(
          place,
          "the schedule comes to a rate of 0, at which DL4J's "
              + kind(updater)
              + (goesByEpsilon
                  ? " takes its epsilon for the rate"
                  : " goes on moving by its velocity"),
          "Take " + torch(updater) + ", which stands still");
    }
  }

  private void examineEpsilon(Place place, IUpdater updater) {
    if (updater instanceof Adam adam && adam.getEpsilon() > SMALL_EPSILON) {
      addUncorrected(place, updater, adam.getEpsilon(), adam.getBeta2());
    } else if (updater instanceof AMSGrad amsGrad && amsGrad.getEpsilon() > SMALL_EPSILON) {
      addUncorrected(place, updater, amsGrad.getEpsilon(), amsGrad.getBeta2());
    } else if (updater instanceof RmsProp rmsProp && rmsProp.getEpsilon() > SMALL_EPSILON) {
      addStart(place, updater, rmsProp.getEpsilon());
    } else if (updater instanceof AdaGrad adaGrad && adaGrad.getEpsilon() > SMALL_EPSILON) {
      addStart(place, updater, adaGrad.getEpsilon());
    } else if (updater instanceof Nadam) {
      add(
          place,
          "DL4J's Nadam does not correct its second moment, so its first updates are many times as"
              + " large as those of PyTorch's NAdam",
          "Take TorchNAdam");
    }
  }

  private void addUncorrected(Place place, IUpdater updater, double epsilon, double beta2) {
    add(
        place,
        "DL4J's "
            + kind(updater)
            + " adds its epsilon of "
            + epsilon
            + " before the bias correction, so that in the first update it weighs "
            + Math.round(1 / Math.sqrt(1 - beta2))
            + " times as much as in PyTorch",
        "Take " + torch(updater) + ", or an epsilon of 1e-8");
  }

  private void addStart(Place place, IUpdater updater, double epsilon) {
    add(
        place,
        "DL4J's "
            + kind(updater)
            + " starts its squared gradients at its epsilon of "
            + epsilon
            + " and not at 0 as PyTorch, so that its first updates are smaller",
        "Take " + torch(updater) + ", or an epsilon of 1e-8");
  }

  private static String kind(IUpdater updater) {
    return updater.getClass().getSimpleName();
  }

  /** Names the updater that computes what PyTorch's does. */
  private static String torch(IUpdater updater) {
    if (updater instanceof Nesterovs) {
      return "TorchSGD";
    } else if (updater instanceof RmsProp) {
      return "TorchRMSprop";
    } else if (updater instanceof AdaGrad) {
      return "TorchAdagrad";
    }
    return updater instanceof AMSGrad ? "TorchAdam with amsgrad" : "TorchAdam";
  }

  private void add(Place place, String what, String advice) {
    found.accept(new Finding(place.layer(), what, advice));
  }
}
