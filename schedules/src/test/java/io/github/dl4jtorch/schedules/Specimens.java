package io.github.dl4jtorch.schedules;

import java.util.ArrayList;
import java.util.List;

/** Definitions of every type, each argument once away from its default, for one group or more. */
final class Specimens {

  private Specimens() {}

  /** Single schedules that may be members of a composite. */
  static List<Schedule> members() {
    return List.of(
        new LambdaLR(EpochFunction.table(1.0, 0.7, 0.9, 0.4)),
        new LambdaLR(EpochFunction.exponential(0.93)),
        new LambdaLR(EpochFunction.yolov5Linear(40, 0.01)),
        new LambdaLR(EpochFunction.yolov5Cosine(40, 0.01)),
        new LambdaLR(EpochFunction.pix2pixLinear().nEpochs(10).nEpochsDecay(1_000_000).build()),
        new MultiplicativeLR(EpochFunction.table(0.5, 0.9, 1.1, 0.95, 1.0)),
        new StepLR(4, 0.3),
        new MultiStepLR(List.of(9, 2, 5, 5), 0.5),
        new MultiStepLR(List.of(0, 7), 0.5),
        new ConstantLR(0.25, 6),
        new LinearLR(0.1, 0.8, 7),
        new ExponentialLR(0.97),
        new PolynomialLR(1_000_000, 1.7),
        new CosineAnnealingLR(11, 1e-3),
        new CosineAnnealingWarmRestarts(4, 2, 1e-3),
        new CosineAnnealingWarmRestarts(5),
        CyclicLR.builder(0.01, 0.2).stepSizeUp(5).stepSizeDown(3).build(),
        CyclicLR.builder(0.01, 0.2).stepSizeUp(3).mode(CyclicLR.Mode.TRIANGULAR2).build(),
        CyclicLR.builder(0.01, 0.2)
            .stepSizeUp(4)
            .mode(CyclicLR.Mode.EXP_RANGE)
            .gamma(0.99)
            .cycleMomentum(false)
            .build(),
        CyclicLR.builder(0.01, 0.2)
            .stepSizeUp(4)
            .scaleFn(EpochFunction.exponential(0.9), CyclicLR.ScaleMode.ITERATIONS)
            .baseMomentum(0.7)
            .maxMomentum(0.95)
            .build(),
        OneCycleLR.builder(0.5).totalSteps(1_000_000).pctStart(0.00002).build(),
        OneCycleLR.builder(0.5)
            .epochs(50_000)
            .stepsPerEpoch(20)
            .pctStart(0.00001)
            .annealStrategy(AnnealStrategy.LINEAR)
            .divFactor(10)
            .finalDivFactor(100)
            .baseMomentum(0.8)
            .maxMomentum(0.9)
            .threePhase(true)
            .build(),
        OneCycleLR.builder(0.5).totalSteps(1_000_000).cycleMomentum(false).build(),
        new SWALR(0.05, 6, AnnealStrategy.COS),
        new SWALR(0.05, 6, AnnealStrategy.LINEAR),
        new SWALR(0.05, 0, AnnealStrategy.COS));
  }

  /** Composites, nested too. */
  static List<Schedule> composites() {
    return List.of(
        new SequentialLR(
            List.of(new LinearLR(0.1, 1.0, 4), new CosineAnnealingLR(20), new StepLR(3, 0.5)),
            List.of(4, 15)),
        new SequentialLR(
            List.of(
                new SequentialLR(List.of(new LinearLR(), new ExponentialLR(0.9)), List.of(3)),
                new ChainedScheduler(List.of(new LinearLR(0.5, 1.0, 3), new ExponentialLR(0.95))),
                new CosineAnnealingWarmRestarts(4, 2)),
            List.of(6, 12)),
        new SequentialLR(
            List.of(
                CyclicLR.builder(0.01, 0.1).stepSizeUp(3).build(),
                OneCycleLR.builder(0.3).totalSteps(1_000_000).pctStart(0.00001).build()),
            List.of(8)),
        new SequentialLR(
            List.of(new CosineAnnealingLR(10), new SWALR(0.05, 5, AnnealStrategy.LINEAR)),
            List.of(9)),
        new ChainedScheduler(List.of(new ConstantLR(0.1, 5), new ExponentialLR(0.9))),
        new ChainedScheduler(List.of(new ConstantLR(0.1, 5), new Halving(2, PerGroup.same(0.001)))),
        new ChainedScheduler(
            List.of(new CosineAnnealingWarmRestarts(5), new ExponentialLR(0.98), new StepLR(6))),
        new ChainedScheduler(
            List.of(
                new SequentialLR(
                    List.of(new LinearLR(0.1, 1.0, 4), new CosineAnnealingLR(20)), List.of(4)),
                new MultiStepLR(List.of(3, 9), 0.5))));
  }

  /** Warm-ups that end within an epoch, at its end, and never; over schedules of every kind. */
  static List<Schedule> warmups() {
    return List.of(
        WarmupLR.builder(new LambdaLR(EpochFunction.yolov5Cosine(40, 0.01)))
            .iterationsPerEpoch(5)
            .warmupIterations(12)
            .warmupMomentum(0.8)
            .build(),
        WarmupLR.builder(new StepLR(2, 0.5))
            .iterationsPerEpoch(3)
            .warmupIterations(15)
            .warmupLr(0.01)
            .build(),
        WarmupLR.builder(new MultiplicativeLR(EpochFunction.table(0.5, 0.9, 1.1)))
            .iterationsPerEpoch(4)
            .warmupIterations(9)
            .warmupLr(0.3)
            .build(),
        WarmupLR.builder(new CosineAnnealingWarmRestarts(3, 2, 1e-3))
            .iterationsPerEpoch(1)
            .warmupIterations(17)
            .warmupLr(1e-4)
            .warmupMomentum(0.95)
            .build(),
        WarmupLR.builder(CyclicLR.builder(0.01, 0.2).stepSizeUp(3).build())
            .iterationsPerEpoch(2)
            .warmupIterations(1_000_000)
            .warmupMomentum(0.5)
            .build(),
        WarmupLR.builder(
                new SequentialLR(
                    List.of(new LinearLR(0.1, 1.0, 2), new SWALR(0.05, 3, AnnealStrategy.LINEAR)),
                    List.of(2)))
            .iterationsPerEpoch(4)
            .warmupIterations(10)
            .warmupLr(0.2)
            .build(),
        WarmupLR.builder(
                new ChainedScheduler(
                    List.of(
                        WarmupLR.builder(new ExponentialLR(0.9))
                            .iterationsPerEpoch(2)
                            .warmupIterations(3)
                            .warmupMomentum(0.9)
                            .build(),
                        new StepLR(3, 0.5))))
            .iterationsPerEpoch(2)
            .warmupIterations(11)
            .warmupMomentum(0.7)
            .build());
  }

  /** A schedule as users write them. */
  static List<Schedule> own() {
    return List.of(new Halving(3, PerGroup.same(0.01)));
  }

  /** The types of this library, without those that tests bring or register. */
  static List<String> types() {
    List<String> types = new ArrayList<>(Schedule.types());
    own().forEach(schedule -> types.remove(String.valueOf(schedule.toMap().get("type"))));
    types.removeIf(type -> type.contains("Test."));
    return types;
  }

  static List<Schedule> stepped() {
    List<Schedule> all = new ArrayList<>(members());
    all.addAll(warmups());
    all.addAll(composites());
    all.addAll(own());
    all.addAll(FamilySpecimens.members());
    return all;
  }

  static List<Schedule> plateaus() {
    return List.of(
        ReduceLROnPlateau.builder().patience(2).build(),
        ReduceLROnPlateau.builder()
            .mode(ReduceLROnPlateau.Mode.MAX)
            .factor(0.5)
            .patience(0)
            .threshold(0.01, ReduceLROnPlateau.ThresholdMode.ABS)
            .cooldown(2)
            .minLr(1e-3)
            .eps(1e-6)
            .build());
  }

  static List<Schedule> all() {
    List<Schedule> all = stepped();
    all.addAll(plateaus());
    all.addAll(FamilySpecimens.withMetric());
    return all;
  }

  /** One to three groups of either kind, with different rates. */
  static ParamGroups groups(int count, boolean adam) {
    List<ParamGroup> groups = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      double lr = 0.1 / (i + 1);
      groups.add(adam ? ParamGroup.adam(lr, 0.9) : ParamGroup.sgd(lr, 0.85 + 0.01 * i));
    }
    return ParamGroups.of(groups);
  }

  /** Steps a run, a plateau with a metric that improves now and then. */
  static void step(LRScheduler run) {
    if (run.schedule().needsMetric()) {
      run.step(Math.sin(run.lastEpoch()) + 3);
    } else {
      run.step();
    }
  }
}
