package io.github.dl4jtorch.schedules;

import java.util.SortedMap;
import java.util.TreeMap;

/** Where definitions say that something begins or ends. */
final class Milestones {

  private final int from;
  private final int until;
  private final SortedMap<Integer, String> found = new TreeMap<>();

  private Milestones(int from, int until) {
    this.from = from;
    this.until = until;
  }

  /** Finds those of a definition from one step to another, without the first one and the last. */
  static SortedMap<Integer, String> of(Schedule schedule, int from, int until) {
    Milestones milestones = new Milestones(from, until);
    milestones.add(schedule, 0, until, 1);
    return milestones.found;
  }

  /**
   * Adds those of a member.
   *
   * @param start the step at which it begins
   * @param end the step at which another takes over
   * @param unit how many steps of the whole are one of its own
   */
  private void add(Schedule schedule, long start, long end, long unit) {
    if (schedule instanceof SequentialLR sequential) {
      addMembers(sequential, start, end, unit);
    } else if (schedule instanceof ChainedScheduler chained) {
      chained.schedulers().forEach(member -> add(member, start, end, unit));
    } else if (schedule instanceof WarmupLR warmup) {
      mark(start + warmup.warmupIterations(), end, "end of the warm-up");
      add(warmup.after(), start, end, unit * warmup.iterationsPerEpoch());
    } else if (schedule instanceof MultiStepLR multiStep) {
      multiStep.milestones().forEach(step -> mark(start + step * unit, end, "MultiStepLR"));
    } else if (schedule instanceof StepLR step) {
      repeat(start, end, step.stepSize() * unit, "StepLR");
    } else if (schedule instanceof ConstantLR constant) {
      mark(start + constant.totalIters() * unit, end, "end of ConstantLR");
    } else if (schedule instanceof LinearLR linear) {
      mark(start + linear.totalIters() * unit, end, "end of LinearLR");
    } else if (schedule instanceof PolynomialLR polynomial) {
      mark(start + polynomial.totalIters() * unit, end, "end of PolynomialLR");
    } else if (schedule instanceof CosineAnnealingLR cosine) {
      mark(start + cosine.tMax() * unit, end, "bottom of CosineAnnealingLR");
    } else if (schedule instanceof SWALR swalr) {
      mark(start + swalr.annealEpochs() * unit, end, "end of SWALR's annealing");
    } else if (schedule instanceof CyclicLR cyclic) {
      Integer down = cyclic.stepSizeDown();
      repeat(
          start,
          end,
          (cyclic.stepSizeUp() + (long) (down == null ? cyclic.stepSizeUp() : down)) * unit,
          "cycle");
    } else if (schedule instanceof OneCycleLR cycle) {
      mark(start + (long) Math.ceil(cycle.peak()) * unit, end, "top of OneCycleLR");
    } else if (schedule instanceof CosineAnnealingWarmRestarts restarts) {
      long length = restarts.t0();
      for (long step = length; start + step * unit < end; step += length) {
        mark(start + step * unit, end, "restart");
        length *= restarts.tMult();
      }
    }
  }

  private void addMembers(SequentialLR sequential, long start, long end, long unit) {
    for (int i = 0; i < sequential.schedulers().size(); i++) {
      Schedule member = sequential.schedulers().get(i);
      long first = i == 0 ? 0 : sequential.milestones().get(i - 1);
      boolean isLast = i == sequential.milestones().size();
      long last =
          isLast ? end : Math.min(end, start + (long) sequential.milestones().get(i) * unit);
      mark(start + first * unit, end, member.name());
      add(member, start + first * unit, last, unit);
    }
  }

  private void repeat(long start, long end, long length, String what) {
    for (long step = start + length; step < end; step += length) {
      mark(step, end, what);
    }
  }

  private void mark(long step, long end, String what) {
    if (step > from && step > 0 && step < end && step < until) {
      found.merge(
          (int) step, what, (before, more) -> before.equals(more) ? more : before + ", " + more);
    }
  }
}
