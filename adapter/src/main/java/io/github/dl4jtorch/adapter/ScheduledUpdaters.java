package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.ConfiguredUpdaters.Place;
import io.github.dl4jtorch.adapter.internal.LrCell;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Makes copies of updaters that follow a definition, each from its own base rate.
 *
 * @param definition the schedule
 * @param unit what counts as a step
 * @param lr the base rate of all, null if each keeps its own
 * @param offset steps to be added to the network's count
 */
record ScheduledUpdaters(Schedule definition, ScheduleType unit, @Nullable Double lr, int offset) {

  /** What may have come about if an AdaGrad has no rate. */
  static final String LOST_SCHEDULE =
      "DL4J loses the schedule of an AdaGrad that is given to the builder of the whole network";

  /** What to do about it. */
  static final String FOR_LOST_SCHEDULE =
      "give that a new AdaGrad(lr) and use NetworkSchedule.of(definition,"
          + " unit).putInto(configuration)";

  /**
   * Finds for each updater the one to take its place, changing nothing.
   *
   * @throws IllegalArgumentException if there is none, or one cannot follow the definition
   */
  IdentityHashMap<IUpdater, IUpdater> copies(List<Place> places) {
    if (places.isEmpty()) {
      throw new IllegalArgumentException(
          "the network must have an updater with a learning rate but has none");
    }
    IdentityHashMap<IUpdater, IUpdater> copies = new IdentityHashMap<>();
    for (Place place : places) {
      copies.computeIfAbsent(place.updater(), updater -> copy(place));
    }
    return copies;
  }

  /** Makes a copy of an updater of no network yet. */
  static IUpdater copy(IUpdater updater, Schedule definition, ScheduleType unit) {
    Place place = new Place("", updater, replaced -> {});
    if (!updater.hasLearningRate() || UpdaterFields.schedule(updater) != null) {
      throw new IllegalArgumentException(
          place + " must have a fixed learning rate to start from but is " + updater);
    }
    if (!(updater instanceof TorchUpdater torch && definition.drivesMomentum())) {
      return new ScheduledUpdaters(definition, unit, null, 0).copy(place);
    }
    if (torch.momentumKind() == MomentumKind.NONE) {
      throw new IllegalArgumentException(
          definition.name()
              + " is to cycle the momentum, but "
              + place
              + " has none that is fixed and can be cycled: "
              + updater
              + "; give it one, or build the definition "
              + withoutMomentum(definition));
    }
    TorchUpdater copy =
        torch.withMomentumSchedule(TorchSchedule.momentum(definition, torch.momentum(), unit));
    copy.setLrAndSchedule(
        Double.NaN, TorchSchedule.lr(definition, torch.getLearningRate(0, 0), unit));
    return copy;
  }

  private IUpdater copy(Place place) {
    double base = lr == null ? baseLr(place) : lr;
    IUpdater copy = place.updater().clone();
    // The rate itself is left out, so that updaters with the same schedule are equal.
    copy.setLrAndSchedule(Double.NaN, TorchSchedule.lr(definition, base, unit).withOffset(offset));
    if (copy instanceof Nesterovs nesterovs) {
      if (definition.drivesMomentum()) {
        TorchSchedule schedule =
            TorchSchedule.momentum(definition, baseMomentum(place, nesterovs), unit);
        nesterovs.setMomentum(Double.NaN);
        nesterovs.setMomentumISchedule(schedule.withOffset(offset));
      } else if (isCycledWithItsRate(place.updater())
          && nesterovs.getMomentumISchedule() instanceof TorchSchedule former) {
        nesterovs.setMomentum(former.initial());
        nesterovs.setMomentumISchedule(null);
      }
    } else if (definition.drivesMomentum()) {
      throw new IllegalArgumentException(cannotCycle(place));
    }
    return copy;
  }

  private double baseLr(Place place) {
    ISchedule schedule = UpdaterFields.schedule(place.updater());
    if (schedule instanceof TorchSchedule former) {
      return former.initial();
    }
    if (schedule != null) {
      throw new IllegalArgumentException(
          place
              + " must have a learning rate to start from but follows "
              + (schedule instanceof LrCell ? "NetworkParamGroups" : schedule)
              + "; give one to all updaters with withLr(lr)");
    }
    double rate = place.updater().getLearningRate(0, 0);
    requireRate(place, rate);
    return rate;
  }

  /** Refuses a rate that is missing, and says how that may have come about. */
  static void requireRate(Place place, double rate) {
    if (!(rate >= 0 && rate < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          place
              + " must have a learning rate that is finite and >= 0 but has "
              + rate
              + (place.updater() instanceof AdaGrad
                  ? "; " + LOST_SCHEDULE + ": " + FOR_LOST_SCHEDULE
                  : ""));
    }
  }

  private double baseMomentum(Place place, Nesterovs nesterovs) {
    ISchedule schedule = nesterovs.getMomentumISchedule();
    if (schedule instanceof TorchSchedule former) {
      return former.initial();
    }
    if (schedule != null) {
      throw new IllegalArgumentException(
          place
              + " must have a fixed momentum to be cycled but follows "
              + schedule
              + "; build the definition "
              + withoutMomentum(definition));
    }
    return nesterovs.getMomentum();
  }

  /** Tells whether a momentum schedule belongs to the definition that the rate follows, too. */
  private static boolean isCycledWithItsRate(IUpdater updater) {
    return updater instanceof Nesterovs nesterovs
        && nesterovs.getLearningRateSchedule() instanceof TorchSchedule rate
        && nesterovs.getMomentumISchedule() instanceof TorchSchedule momentum
        && momentum.runsWith(rate);
  }

  /** Says how a definition is built that leaves the momentum alone. */
  static String withoutMomentum(Schedule definition) {
    return definition instanceof WarmupLR ? "without warmupMomentum" : "with cycleMomentum(false)";
  }

  private String cannotCycle(Place place) {
    if (place.updater() instanceof TorchUpdater) {
      return definition.name()
          + " is to cycle the momentum, but "
          + place
          + " takes the schedule of one when it is built; do that, or build the definition "
          + withoutMomentum(definition)
          + ", or attach it to NetworkParamGroups.of(net) and step it with a"
          + " SchedulerListener";
    }
    return definition.name()
        + " is to cycle the momentum, but "
        + place
        + " cannot read one from a schedule; build it "
        + withoutMomentum(definition)
        + (UpdaterFields.momentumKind(place.updater()) == MomentumKind.BETA1
            ? ", or cycle beta1 by attaching it to NetworkParamGroups.of(net) and stepping it with a"
                + " SchedulerListener"
            : "");
  }
}
