package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Compares a schedule with the length of the training that is to come. */
final class ScheduleCheckup {

  /** How many rates are looked at, at most. */
  private static final int SAMPLES = 10_000;

  /** A rate below so much of the highest one trains nothing. */
  private static final double NOTHING = 1e-6;

  /** A schedule may be cut off by so little. */
  private static final double NEARLY_ALL = 0.9;

  private final String where;
  private final Schedule definition;
  private final long start;
  private final boolean byEpochs;
  private final int interval;
  private final @Nullable TrainingLength length;
  // Makes a run at the start, on groups of its own.
  private final Function<ScheduleCheckup, LRScheduler> run;
  private final Consumer<Finding> found;
  private boolean reachesZero;

  private ScheduleCheckup(
      String where,
      Schedule definition,
      long start,
      boolean byEpochs,
      int interval,
      @Nullable TrainingLength length,
      Function<ScheduleCheckup, LRScheduler> run,
      Consumer<Finding> found) {
    this.where = where;
    this.definition = definition;
    this.start = start;
    this.byEpochs = byEpochs;
    this.interval = interval;
    this.length = length;
    this.run = run;
    this.found = found;
  }

  /**
   * Takes a schedule of an updater.
   *
   * @param count the network's count of iterations or epochs
   */
  static ScheduleCheckup of(
      String layer,
      TorchSchedule pulled,
      int count,
      @Nullable TrainingLength length,
      Consumer<Finding> found) {
    return new ScheduleCheckup(
        layer,
        pulled.definition(),
        pulled.step(count),
        pulled.goesByEpochs(),
        1,
        length,
        checkup -> {
          LRScheduler fresh =
              pulled.definition().attach(ParamGroups.of(ParamGroup.sgd(pulled.initial(), 0.9)));
          fresh.skip(checkup.start);
          return fresh;
        },
        found);
  }

  /** Takes the run of a listener. */
  static ScheduleCheckup of(
      SchedulerListener listener, @Nullable TrainingLength length, Consumer<Finding> found) {
    LRScheduler run = listener.run();
    return new ScheduleCheckup(
        "the run of " + run.schedule().name(),
        run.schedule(),
        (long) run.lastEpoch(),
        !listener.needsIterations(),
        listener.interval(),
        length,
        checkup ->
            run.schedule()
                .resume(plain(run.paramGroups()), run.stateDict(), run.paramGroups().stateDict()),
        found);
  }

  private static ParamGroups plain(ParamGroups groups) {
    return ParamGroups.of(
        groups.stream()
            .map(
                group ->
                    switch (group.momentumKind()) {
                      case MOMENTUM -> ParamGroup.sgd(group.lr(), group.momentum());
                      case BETA1 -> ParamGroup.adam(group.lr(), group.momentum());
                      case NONE -> ParamGroup.withoutMomentum(group.lr());
                    })
            .toList());
  }

  void examine() {
    if (length == null || start < 0) {
      return;
    }
    long steps = length.steps(byEpochs) / interval;
    if (definition instanceof ReduceLROnPlateau plateau) {
      examinePatience(plateau, length);
    } else if (steps > 0 && !definition.needsMetric()) {
      boolean fits = examineLength(definition, 0, start + steps, length);
      examineRates(steps, fits, length);
    }
  }

  /** Tells whether one of the rates to come is 0, as far as was seen. */
  boolean reachesZero() {
    return reachesZero;
  }

  private void examinePatience(ReduceLROnPlateau plateau, TrainingLength length) {
    if (!byEpochs && plateau.patience() * (long) interval < length.iterations()) {
      add(
          "ReduceLROnPlateau is stepped after iterations with a patience of "
              + plateau.patience()
              + ", less than the "
              + length.iterations()
              + " iterations of an epoch",
          "Use SchedulerListener.everyEpoch(run, metric), or a patience counted in iterations");
    }
  }

  /**
   * Compares what definitions say of their length.
   *
   * @param from the step at which a member begins
   * @param end the step after the last one of the training
   * @return whether nothing was found
   */
  private boolean examineLength(Schedule schedule, long from, long end, TrainingLength length) {
    if (schedule instanceof SequentialLR sequential) {
      int last = sequential.milestones().size() - 1;
      for (int i = 0; i <= last; i++) {
        long milestone = from + sequential.milestones().get(i);
        if (milestone >= end) {
          add(
              "SequentialLR comes to its "
                  + sequential.schedulers().get(i + 1).name()
                  + " at step "
                  + milestone
                  + ", but "
                  + ends(end, length),
              "Choose a milestone within the training" + otherUnit(milestone, length));
          return false;
        }
      }
      long milestone = last < 0 ? 0 : sequential.milestones().get(last);
      return examineLength(sequential.schedulers().get(last + 1), from + milestone, end, length);
    } else if (schedule instanceof WarmupLR warmup) {
      if (warmup.iterationsPerEpoch() != length.iterations() && length.iterations() > 0) {
        add(
            "WarmupLR was made for "
                + warmup.iterationsPerEpoch()
                + " iterations an epoch, but there are "
                + length.iterations(),
            "Give it iterationsPerEpoch(" + length.iterations() + ")");
        return false;
      }
      return true;
    } else if (schedule instanceof OneCycleLR cycle) {
      return examineCycle(cycle, from, end, length);
    } else if (schedule instanceof CosineAnnealingLR cosine) {
      if (end > from + cosine.tMax() + 1) {
        add(
            "CosineAnnealingLR is at its lowest rate at step "
                + (from + cosine.tMax())
                + " and rises again, as "
                + ends(end, length),
            "Give it a T_max of " + (end - from));
        return false;
      }
      return examineCut("CosineAnnealingLR", "a T_max", from, cosine.tMax(), end, length);
    } else if (schedule instanceof PolynomialLR polynomial) {
      return examineCut("PolynomialLR", "total_iters", from, polynomial.totalIters(), end, length);
    }
    return true;
  }

  private boolean examineCycle(OneCycleLR cycle, long from, long end, TrainingLength length) {
    long total = from + cycle.total();
    if (end > total) {
      add(
          "OneCycleLR has "
              + cycle.total()
              + " steps in all, but "
              + ends(end, length)
              + ": it is refused when it is stepped past them",
          "Give it totalSteps(" + (end - from) + ")");
      return false;
    }
    String complaint =
        byEpochs && interval == 1 && start == 0
            ? CycleLength.complaint(cycle, length.epochs(), length.iterations())
            : null;
    if (complaint != null) {
      add(complaint, "Step it after iterations");
      return false;
    }
    if (end - from <= CycleLength.peak(cycle)) {
      add(
          "OneCycleLR has its highest rate at step "
              + (from + CycleLength.peak(cycle))
              + ", but "
              + ends(end, length),
          "Give it totalSteps(" + (end - from) + ")");
      return false;
    }
    return examineCut("OneCycleLR", "totalSteps", from, cycle.total(), end, length);
  }

  private boolean examineCut(
      String name, String argument, long from, int total, long end, TrainingLength length) {
    if (end - from >= NEARLY_ALL * total) {
      return true;
    }
    add(
        name + " comes down until step " + (from + total) + ", but " + ends(end, length),
        "Give it " + argument + " of " + (end - from) + otherUnit(from + total, length));
    return false;
  }

  private String ends(long end, TrainingLength length) {
    return (start == 0 ? "the training has " : "the training goes on from step " + start + " for ")
        + length.steps(byEpochs, (end - start) * interval)
        + (interval == 1 ? "" : ", a step after every " + interval);
  }

  /** Asks whether a number was counted in the other unit. */
  private String otherUnit(long steps, TrainingLength length) {
    return byEpochs && length.iterations() > 1 && steps == length.steps(false)
        ? ", or step it after iterations"
        : "";
  }

  private void examineRates(long steps, boolean fits, TrainingLength length) {
    LRScheduler simulated = run.apply(this);
    ParamGroups groups = simulated.paramGroups();
    long stride = (steps + SAMPLES - 1) / SAMPLES;
    double[] first = rates(groups);
    double[] highest = first.clone();
    boolean changes = false;
    // The last step at which a group had more than next to nothing.
    long trains = 0;
    long at = 0;
    while (true) {
      double[] rates = rates(groups);
      for (int i = 0; i < rates.length; i++) {
        changes |= rates[i] != first[i];
        highest[i] = Math.max(highest[i], rates[i]);
        reachesZero |= rates[i] <= NOTHING * NOTHING * highest[i] && highest[i] > 0;
        if (rates[i] > NOTHING * highest[i]) {
          trains = at;
        }
      }
      long next = Math.min(at + stride, steps - 1);
      if (next == at) {
        break;
      }
      try {
        simulated.skip(next - at);
      } catch (IllegalStateException | ArithmeticException over) {
        // What is wrong with the length is said already; a rate that is none is refused by name.
        if (fits) {
          add(String.valueOf(over.getMessage()), "Change the definition");
        }
        return;
      }
      at = next;
    }
    if (!fits) {
      return;
    }
    if (!changes && steps > 1 && start == 0) {
      add(
          definition.name() + " never changes the rate, as " + ends(start + steps, length),
          "Count its arguments in " + (byEpochs ? "epochs" : "iterations"));
    } else if (trains < (steps - 1) / 2) {
      add(
          definition.name()
              + " brings the rate below a millionth of its highest value by step "
              + (start + trains + stride)
              + ", but "
              + ends(start + steps, length),
          byEpochs
              ? "Make it slower"
              : "Make it slower, or step it after epochs if that is how it was counted");
    } else {
      examineEnd(groups, first);
    }
  }

  private void examineEnd(ParamGroups groups, double[] first) {
    if (definition instanceof CyclicLR) {
      return;
    }
    for (int i = 0; i < first.length; i++) {
      double last = groups.get(i).lr();
      double base = Math.max(first[i], groups.get(i).initialLr().orElse(first[i]));
      if (last > base * (1 + NOTHING)) {
        add(
            definition.name()
                + " ends at a rate of "
                + last
                + (first.length == 1 ? "" : " in param group " + i)
                + ", above the "
                + base
                + " that it starts from",
            "If it is to fall, look at its factors and its lowest rate");
        return;
      }
    }
  }

  private static double[] rates(ParamGroups groups) {
    return groups.stream().mapToDouble(ParamGroup::lr).toArray();
  }

  private void add(String what, String advice) {
    found.accept(new Finding(where, what, advice));
  }
}
