package io.github.dl4jtorch.adapter.internal;

import io.github.dl4jtorch.adapter.optim.TorchAdafactor;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.MomentumKind;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * What DL4J's updaters have in common without a common type for it: schedule, momentum and more.
 */
public final class UpdaterFields {

  private UpdaterFields() {}

  /**
   * Returns the schedule of an updater's rate, null if it has none or is of a kind not known here.
   */
  public static @Nullable ISchedule schedule(IUpdater present) {
    IUpdater updater = FrozenUpdater.unfrozen(present);
    if (updater instanceof Sgd sgd) {
      return sgd.getLearningRateSchedule();
    } else if (updater instanceof Nesterovs nesterovs) {
      return nesterovs.getLearningRateSchedule();
    } else if (updater instanceof Adam adam) {
      return adam.getLearningRateSchedule();
    } else if (updater instanceof AMSGrad amsGrad) {
      return amsGrad.getLearningRateSchedule();
    } else if (updater instanceof Nadam nadam) {
      return nadam.getLearningRateSchedule();
    } else if (updater instanceof AdaMax adaMax) {
      return adaMax.getLearningRateSchedule();
    } else if (updater instanceof RmsProp rmsProp) {
      return rmsProp.getLearningRateSchedule();
    } else if (updater instanceof AdaGrad adaGrad) {
      return adaGrad.getLearningRateSchedule();
    } else if (updater instanceof TorchUpdater torch) {
      return torch.learningRateSchedule();
    }
    return null;
  }

  /** Tells whether an updater is one of DL4J's. */
  public static boolean isOfDl4j(IUpdater updater) {
    return updater.getClass().getPackageName().equals(Sgd.class.getPackageName());
  }

  /** Tells whether an updater's state is known to be arrays as long as the block, then cells. */
  public static boolean hasKnownState(IUpdater present) {
    IUpdater updater = FrozenUpdater.unfrozen(present);
    return isOfDl4j(updater)
        || (updater instanceof TorchUpdater && !(updater instanceof TorchAdafactor))
        || updater.stateSize(1) == 0;
  }

  /** Says which momentum of an updater can be set; one that follows a schedule cannot. */
  public static MomentumKind momentumKind(IUpdater updater) {
    if (updater instanceof TorchUpdater torch) {
      return torch.momentumKind();
    }
    if (updater instanceof Nesterovs nesterovs) {
      return nesterovs.getMomentumISchedule() == null ? MomentumKind.MOMENTUM : MomentumKind.NONE;
    }
    return updater instanceof Adam
            || updater instanceof AMSGrad
            || updater instanceof Nadam
            || updater instanceof AdaMax
        ? MomentumKind.BETA1
        : MomentumKind.NONE;
  }

  /**
   * Says what a momentum or beta1 of an updater must be, null if this one is. DL4J's own take
   * anything, also what makes all parameters NaN.
   */
  public static @Nullable String momentumRange(IUpdater updater, double momentum) {
    return switch (momentumKind(updater)) {
      case MOMENTUM ->
          momentum >= 0 && momentum < Double.POSITIVE_INFINITY
              ? null
              : "momentum must be finite and >= 0";
      case BETA1 -> momentum >= 0 && momentum < 1 ? null : "beta1 must be >= 0 and < 1";
      case NONE -> null;
    };
  }

  /** Tells whether an updater has a momentum that cannot be set, since it follows a schedule. */
  public static boolean hasScheduledMomentum(IUpdater updater) {
    return updater instanceof Nesterovs nesterovs && nesterovs.getMomentumISchedule() != null;
  }

  /** Returns the momentum or beta1, NaN if there is none. */
  public static double momentum(IUpdater updater) {
    if (updater instanceof Nesterovs nesterovs) {
      return nesterovs.getMomentum();
    } else if (updater instanceof Adam adam) {
      return adam.getBeta1();
    } else if (updater instanceof AMSGrad amsGrad) {
      return amsGrad.getBeta1();
    } else if (updater instanceof Nadam nadam) {
      return nadam.getBeta1();
    } else if (updater instanceof AdaMax adaMax) {
      return adaMax.getBeta1();
    } else if (updater instanceof TorchUpdater torch) {
      return torch.momentum();
    }
    return Double.NaN;
  }

  /** Returns the momentum or beta1 that an update at these counts uses, NaN if there is none. */
  public static double momentum(IUpdater updater, int iteration, int epoch) {
    if (updater instanceof Nesterovs nesterovs) {
      return nesterovs.currentMomentum(iteration, epoch);
    }
    return updater instanceof TorchUpdater torch
        ? torch.momentum(iteration, epoch)
        : momentum(updater);
  }

  /** Sets the momentum or beta1, if there is one. */
  public static void setMomentum(IUpdater updater, double momentum) {
    if (updater instanceof Nesterovs nesterovs) {
      nesterovs.setMomentum(momentum);
    } else if (updater instanceof Adam adam) {
      adam.setBeta1(momentum);
    } else if (updater instanceof AMSGrad amsGrad) {
      amsGrad.setBeta1(momentum);
    } else if (updater instanceof Nadam nadam) {
      nadam.setBeta1(momentum);
    } else if (updater instanceof AdaMax adaMax) {
      adaMax.setBeta1(momentum);
    } else if (updater instanceof TorchUpdater torch) {
      torch.setMomentum(momentum);
    }
  }
}
