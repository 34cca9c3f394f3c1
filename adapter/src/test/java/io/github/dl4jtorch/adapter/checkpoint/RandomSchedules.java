package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.MultiplicativeLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Trees of definitions, drawn so that all their parts come into play within a dozen steps. */
final class RandomSchedules {

  private static final int STEPS = 30;
  private static final double HIGHEST = 0.05;

  private final Random random;
  private final double[] rates;
  private final boolean hasMomentum;

  /**
   * Draws for some param groups.
   *
   * @param rates the groups' rates
   * @param hasMomentum whether all of them have a momentum or beta1 that may be cycled
   */
  RandomSchedules(Random random, double[] rates, boolean hasMomentum) {
    this.random = random;
    this.rates = rates;
    this.hasMomentum = hasMomentum;
  }

  /** Returns a definition that steps without a metric, and that a network takes. */
  Schedule stepped() {
    while (true) {
      Schedule definition = tree(2);
      if (isTaken(definition)) {
        return definition;
      }
    }
  }

  ReduceLROnPlateau plateau() {
    return ReduceLROnPlateau.builder()
        .mode(random.nextBoolean() ? ReduceLROnPlateau.Mode.MIN : ReduceLROnPlateau.Mode.MAX)
        .factor(0.3 + 0.4 * random.nextDouble())
        .patience(random.nextInt(2))
        .cooldown(random.nextInt(2))
        .minLr(random.nextBoolean() ? 0 : 1e-4)
        .build();
  }

  /** Tries a definition out, since recursions that are joined at random may go below 0 or far. */
  private boolean isTaken(Schedule definition) {
    ParamGroups groups =
        ParamGroups.of(
            Arrays.stream(rates)
                .mapToObj(
                    rate ->
                        hasMomentum ? ParamGroup.sgd(rate, 0.9) : ParamGroup.withoutMomentum(rate))
                .toList());
    try {
      LRScheduler run = definition.attach(groups);
      double[] highest = rates.clone();
      for (int step = 0; step < STEPS; step++) {
        for (int group = 0; group < rates.length; group++) {
          double lr = groups.get(group).lr();
          highest[group] = Math.max(highest[group], lr);
          if (!(lr >= -1e-12 * highest[group] && lr <= HIGHEST)) {
            return false;
          }
        }
        run.step();
      }
      return true;
    } catch (ArithmeticException notFinite) {
      return false;
    }
  }

  private Schedule tree(int depth) {
    int kind = depth == 0 ? 9 : random.nextInt(10);
    return switch (kind) {
      case 0, 1 -> {
        int members = 2 + random.nextInt(2);
        List<Integer> milestones = new ArrayList<>();
        for (int i = 1; i < members; i++) {
          milestones.add((i == 1 ? 0 : milestones.get(i - 2)) + 1 + random.nextInt(3));
        }
        yield new SequentialLR(trees(members, depth), milestones);
      }
      case 2, 3 -> new ChainedScheduler(trees(1 + random.nextInt(3), depth));
      case 4 -> {
        WarmupLR.Builder warmup =
            WarmupLR.builder(tree(depth - 1))
                .iterationsPerEpoch(1 + random.nextInt(3))
                .warmupIterations(1 + random.nextInt(6))
                .warmupLr(random.nextBoolean() ? 0 : rate());
        yield (hasMomentum && random.nextBoolean() ? warmup.warmupMomentum(0.8) : warmup).build();
      }
      default -> leaf();
    };
  }

  private List<Schedule> trees(int members, int depth) {
    List<Schedule> trees = new ArrayList<>();
    for (int i = 0; i < members; i++) {
      trees.add(tree(depth - 1));
    }
    return trees;
  }

  private double rate() {
    return 0.01 * random.nextDouble();
  }

  private int steps() {
    return 1 + random.nextInt(7);
  }

  private double factor() {
    return 0.2 + 0.9 * random.nextDouble();
  }

  private double[] factors() {
    return new double[] {factor(), factor(), factor(), random.nextInt(4) == 0 ? 0 : factor()};
  }

  private AnnealStrategy strategy() {
    return random.nextBoolean() ? AnnealStrategy.COS : AnnealStrategy.LINEAR;
  }

  private List<Double> eachRate() {
    return Arrays.stream(rates).mapToObj(any -> 1e-4 + rate()).toList();
  }

  private Schedule leaf() {
    return switch (random.nextInt(17)) {
      case 0 -> new LambdaLR(EpochFunction.table(factors()));
      // A warm-up from 0.
      case 1 -> new LambdaLR(EpochFunction.table(0, 0, random.nextInt(2), 0.5, 0.1, 1));
      case 2 -> new LambdaLR(EpochFunction.yolov5Cosine(steps() + 4, 0.01));
      case 3 ->
          new LambdaLR(
              EpochFunction.pix2pixLinear().nEpochs(steps()).nEpochsDecay(steps()).build());
      case 4 -> new MultiplicativeLR(EpochFunction.table(1, factor(), 1.1, factor()));
      case 5 -> new StepLR(1 + random.nextInt(3), factor());
      case 6 -> new MultiStepLR(List.of(steps(), steps()), factor());
      case 7 -> new ConstantLR(Math.min(1, factor()), steps());
      // Often ends a rounding below 0.
      case 8 -> new LinearLR(0.1 + 0.9 * random.nextDouble(), random.nextInt(2), steps());
      case 9 -> new ExponentialLR(factor());
      case 10 -> new PolynomialLR(steps() + 2, 1 + random.nextInt(2));
      case 11 -> new CosineAnnealingLR(steps(), random.nextBoolean() ? 0 : 0.1 * rate());
      case 12 -> new CosineAnnealingWarmRestarts(1 + random.nextInt(4), 1 + random.nextInt(2));
      case 13 ->
          CyclicLR.builder(rate(), 0.01 + rate())
              .stepSizeUp(1 + random.nextInt(3))
              .mode(random.nextBoolean() ? CyclicLR.Mode.TRIANGULAR : CyclicLR.Mode.EXP_RANGE)
              .gamma(0.9)
              .cycleMomentum(hasMomentum && random.nextBoolean())
              .build();
      case 14, 15 ->
          (random.nextBoolean()
                  ? OneCycleLR.builder(0.001 + rate())
                  : OneCycleLR.builder(eachRate()))
              .totalSteps(STEPS + 10)
              .pctStart(0.1)
              .annealStrategy(strategy())
              .threePhase(random.nextBoolean())
              .cycleMomentum(hasMomentum && random.nextBoolean())
              .build();
      default -> new SWALR(eachRate(), random.nextInt(5), strategy());
    };
  }
}
