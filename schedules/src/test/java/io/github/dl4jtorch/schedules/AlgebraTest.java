package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The laws of schedules made of others, over random trees, and what they refuse. */
class AlgebraTest {

  private static final int TREES = 150;
  private static final int STEPS = 40;

  /** Rate and momentum of every group at every step. */
  private static List<List<Double>> trace(Schedule schedule, boolean adam, int steps) {
    ParamGroups groups = Specimens.groups(2, adam);
    LRScheduler run = schedule.attach(groups);
    List<List<Double>> trace = new ArrayList<>();
    for (int step = 0; step <= steps; step++) {
      trace.add(values(groups));
      run.step();
    }
    return trace;
  }

  private static List<List<Double>> trace(Schedule schedule) {
    return trace(schedule, false, STEPS);
  }

  private static List<Double> values(ParamGroups groups) {
    List<Double> values = new ArrayList<>();
    groups.forEach(group -> values.add(group.lr()));
    groups.forEach(group -> values.add(group.momentum()));
    return values;
  }

  private static List<Double> rates(Schedule schedule, int steps) {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0.9));
    LRScheduler run = schedule.attach(groups);
    List<Double> rates = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      rates.add(groups.get(0).lr());
      run.step();
    }
    return rates;
  }

  private static Schedule random(Random random, int depth) {
    Schedule schedule =
        depth == 0 || random.nextInt(4) == 0 ? leaf(random) : random(random, depth - 1);
    int steps = random.nextInt(12);
    return switch (random.nextInt(8)) {
      case 0 -> schedule.then(steps, random(random, Math.max(0, depth - 1)));
      case 1 -> schedule.repeat(1 + random.nextInt(4), 1 + steps);
      case 2 -> schedule.scaledBy(random.nextDouble() * 2);
      case 3 -> schedule.clampedTo(0.01 * random.nextDouble(), 0.01 + 0.1 * random.nextDouble());
      case 4 -> schedule.shifted(steps - 6);
      case 5 ->
          schedule.warmedUp(
              steps,
              List.of(WarmedUp.Kind.values()).get(random.nextInt(3)),
              0.01 + 0.5 * random.nextDouble());
      case 6 -> schedule.perIteration(1 + random.nextInt(5));
      default -> schedule;
    };
  }

  private static Schedule leaf(Random random) {
    List<Schedule> leaves = new ArrayList<>(Specimens.members());
    leaves.addAll(Specimens.warmups());
    leaves.addAll(Specimens.composites());
    leaves.addAll(FamilySpecimens.members());
    return leaves.get(random.nextInt(leaves.size()));
  }

  /** What a step must give, computed from scratch: slow, and by the words of the definitions. */
  private static List<Double> reference(Schedule schedule, int step, boolean adam) {
    if (schedule instanceof Joined joined) {
      int part = 0;
      for (int i = 0; i < joined.boundaries().size(); i++) {
        part = joined.boundaries().get(i) <= step ? i + 1 : part;
      }
      int start = part == 0 ? 0 : joined.boundaries().get(part - 1);
      return reference(joined.schedules().get(part), step - start, adam);
    }
    if (schedule instanceof Repeated repeated) {
      int at = step;
      for (int i = 1; i < repeated.times() && at >= repeated.steps(); i++) {
        at -= repeated.steps();
      }
      return reference(repeated.schedule(), at, adam);
    }
    if (schedule instanceof Scaled scaled) {
      return mapped(reference(scaled.schedule(), step, adam), scaled.factor());
    }
    if (schedule instanceof Clamped clamped) {
      List<Double> values = reference(clamped.schedule(), step, adam);
      for (int i = 0; i < 2; i++) {
        double lr = values.get(i);
        values.set(i, lr < clamped.min() ? clamped.min() : lr > clamped.max() ? clamped.max() : lr);
      }
      return values;
    }
    if (schedule instanceof Shifted shifted) {
      int at = step - shifted.steps();
      return reference(shifted.schedule(), at < 0 ? 0 : at, adam);
    }
    if (schedule instanceof WarmedUp warmedUp) {
      if (step >= warmedUp.steps()) {
        return reference(warmedUp.schedule(), step - warmedUp.steps(), adam);
      }
      double start = warmedUp.startFactor();
      double done = (double) step / warmedUp.steps();
      double factor =
          switch (warmedUp.kind()) {
            case LINEAR -> start + (1 - start) * done;
            case EXPONENTIAL -> Math.pow(start, 1 - done);
            case CONSTANT -> start;
          };
      return mapped(reference(warmedUp.schedule(), 0, adam), factor);
    }
    if (schedule instanceof PerIteration perIteration) {
      return reference(perIteration.schedule(), step / perIteration.iterationsPerEpoch(), adam);
    }
    ParamGroups groups = Specimens.groups(2, adam);
    LRScheduler run = schedule.attach(groups);
    for (int i = 0; i < step; i++) {
      run.step();
    }
    return values(groups);
  }

  private static List<Double> mapped(List<Double> values, double factor) {
    for (int i = 0; i < 2; i++) {
      values.set(i, values.get(i) * factor);
    }
    return values;
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {20261121L, 7L})
  void givesWhatItsWordsSay(long seed) {
    System.out.printf("AlgebraTest: %s random trees from seed %s%n", TREES, seed);
    Random random = new Random(seed);
    for (int tree = 0; tree < TREES; tree++) {
      Schedule schedule = random(random, 3);
      boolean adam = random.nextBoolean();
      List<List<Double>> trace = trace(schedule, adam, STEPS);
      for (int step = 0; step <= STEPS; step++) {
        assertThat(trace.get(step))
            .as("seed %s, tree %s, step %s of %s", seed, tree, step, schedule)
            .isEqualTo(reference(schedule, step, adam));
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {20261121L, 7L})
  void keepsItsLaws(long seed) {
    System.out.printf("AlgebraTest: laws over %s random trees from seed %s%n", TREES, seed);
    Random random = new Random(seed);
    for (int tree = 0; tree < TREES; tree++) {
      Schedule a = random(random, 2);
      Schedule b = random(random, 2);
      Schedule c = random(random, 2);
      int n = random.nextInt(15);
      int k = random.nextInt(15);
      List<List<Double>> alone = trace(a);

      // One after another, each by its own clock.
      List<List<Double>> then = trace(a.then(n, b));
      assertThat(then.subList(0, n)).isEqualTo(alone.subList(0, n));
      assertThat(then.subList(n, STEPS)).isEqualTo(trace(b).subList(0, STEPS - n));
      Schedule left = a.then(n, b).then(n + k, c);
      Schedule right = a.then(n, b.then(k, c));
      if (k > 0) {
        assertThat(left).isEqualTo(right);
      }
      List<List<Double>> nested =
          trace(new Joined(List.of(a, new Joined(List.of(b, c), List.of(k))), List.of(n)));
      assertThat(trace(left)).isEqualTo(trace(right)).isEqualTo(nested);
      assertThat(trace(new Joined(List.of(a), List.of()))).isEqualTo(alone);

      // What changes nothing.
      assertThat(trace(a.scaledBy(1))).isEqualTo(alone);
      assertThat(trace(a.shifted(0))).isEqualTo(alone);
      assertThat(trace(a.repeat(1, n + 1))).isEqualTo(alone);
      assertThat(trace(a.perIteration(1))).isEqualTo(alone);
      assertThat(trace(a.clampedTo(-1e300, 1e300))).isEqualTo(alone);
      for (WarmedUp.Kind kind : WarmedUp.Kind.values()) {
        assertThat(trace(a.warmedUp(0, kind, 0.1))).isEqualTo(alone);
        assertThat(trace(a.warmedUp(n, kind, 1))).isEqualTo(trace(a.shifted(n)));
        assertThat(trace(a.warmedUp(n, kind, 0.1)).subList(n, STEPS))
            .isEqualTo(alone.subList(0, STEPS - n));
      }

      // What makes one of two.
      Schedule clamped = a.clampedTo(0.01, 0.05);
      assertThat(trace(clamped.clampedTo(0.01, 0.05))).isEqualTo(trace(clamped));
      assertThat(trace(a.shifted(n).shifted(k))).isEqualTo(trace(a.shifted(n + k)));
      assertThat(trace(a.shifted(-n).shifted(-k))).isEqualTo(trace(a.shifted(-n - k)));
      assertThat(trace(a.perIteration(1 + n % 3).perIteration(1 + k % 3)))
          .isEqualTo(trace(a.perIteration((1 + n % 3) * (1 + k % 3))));
      assertThat(trace(a.repeat(3, n + 1))).isEqualTo(trace(a.then(n + 1, a).then(2 * n + 2, a)));
      assertThat(trace(a.then(n, b).scaledBy(0.3)))
          .isEqualTo(trace(a.scaledBy(0.3).then(n, b.scaledBy(0.3))));
      List<List<Double>> twice = trace(a.scaledBy(0.3).scaledBy(1.7));
      List<List<Double>> once = trace(a.scaledBy(0.3 * 1.7));
      for (int step = 0; step <= STEPS; step++) {
        for (int i = 0; i < 4; i++) {
          double expected = once.get(step).get(i);
          assertThat(twice.get(step).get(i))
              .isCloseTo(expected, within(Math.abs(expected) * 5e-16));
        }
      }
    }
  }

  @Test
  void givesTheNumbersOfItsDocumentation() {
    Schedule cosine = new CosineAnnealingLR(4);
    assertThat(rates(cosine.warmedUp(4, WarmedUp.Kind.LINEAR, 0), 6))
        .containsExactly(0.0, 0.25, 0.5, 0.75, 1.0, 0.8535533905932737);
    assertThat(rates(cosine.warmedUp(2, WarmedUp.Kind.EXPONENTIAL, 0.01), 3))
        .containsExactly(0.01, 0.1, 1.0);
    assertThat(rates(cosine.warmedUp(2, WarmedUp.Kind.CONSTANT, 0.01), 3))
        .containsExactly(0.01, 0.01, 1.0);
    assertThat(rates(new StepLR(1, 0.5).repeat(2, 3), 8))
        .containsExactly(1.0, 0.5, 0.25, 1.0, 0.5, 0.25, 0.125, 0.0625);
    assertThat(rates(new StepLR(1, 0.5).clampedTo(0.2, 0.6), 4))
        .containsExactly(0.6, 0.5, 0.25, 0.2);
    assertThat(rates(new StepLR(1, 0.5).shifted(2), 5)).containsExactly(1.0, 1.0, 1.0, 0.5, 0.25);
    assertThat(rates(new StepLR(1, 0.5).shifted(-2), 3)).containsExactly(0.25, 0.125, 0.0625);
    assertThat(rates(new StepLR(1, 0.5).perIteration(2), 5))
        .containsExactly(1.0, 1.0, 0.5, 0.5, 0.25);
    assertThat(rates(new StepLR(1, 0.5).then(2, new StepLR(2, 0.1).scaledBy(3)), 5))
        .containsExactly(1.0, 0.5, 3.0, 3.0, 3 * 0.1);
  }

  /** What a multiplicative schedule and SWALR begin with is the base rate, and not the last. */
  @Test
  void beginsEachWithTheBaseRate() {
    Schedule halving = new MultiplicativeLR(EpochFunction.table(0.5));
    assertThat(rates(new StepLR(1, 0.1).then(2, halving), 4)).containsExactly(1.0, 0.1, 1.0, 0.5);
    assertThat(rates(new SequentialLR(List.of(new StepLR(1, 0.1), halving), 2), 4))
        .containsExactly(1.0, 0.1, 0.05, 0.025);
  }

  @Test
  void joinsTwoCyclesEachWithItsOwnBounds() {
    Schedule high = OneCycleLR.builder(0.5).totalSteps(20).build();
    Schedule low = OneCycleLR.builder(0.1).totalSteps(30).baseMomentum(0.5).build();
    List<List<Double>> joined = trace(high.then(20, low), false, 48);
    assertThat(joined.subList(0, 20)).isEqualTo(trace(high, false, 19));
    assertThat(joined.subList(20, 49)).isEqualTo(trace(low, false, 28));
  }

  @Test
  void givesTheMomentumBackToWhereItBegan() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
    Schedule cycle = CyclicLR.builder(0.1, 0.5).stepSizeUp(2).build();
    LRScheduler run = cycle.scaledBy(0.5).then(3, new ConstantLR(0.5, 9)).attach(groups);
    List<Double> momenta = new ArrayList<>();
    for (int step = 0; step < 5; step++) {
      momenta.add(groups.get(0).momentum());
      run.step();
    }
    assertThat(momenta).containsExactly(0.9, 0.8500000000000001, 0.8, 0.9, 0.9);
    assertThat(groups.get(0).initialMomentum()).hasValue(0.9);
    assertThat(groups.get(0).maxLr()).isEmpty();
  }

  @Test
  void leavesTheMomentumAloneWhereNoneIsDriven() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9), ParamGroup.withoutMomentum(1));
    LRScheduler run = new StepLR(1, 0.5).scaledBy(0.5).attach(groups);
    groups.get(0).setMomentum(0.3);
    run.step();
    assertThat(groups.get(0).momentum()).isEqualTo(0.3);
    assertThat(run.getLastLr()).containsExactly(0.025, 0.25);
    assertThat(groups.get(0).stateDict()).containsOnlyKeys("lr", "momentum", "initial_lr");
  }

  @Test
  void refusesGroupsWithoutTheMomentumThatAnOperandDrives() {
    Schedule cycle = CyclicLR.builder(0.1, 0.5).stepSizeUp(2).build();
    ParamGroups groups = ParamGroups.of(ParamGroup.withoutMomentum(0.1));
    String alone = messageOf(() -> cycle.attach(groups));
    assertThat(messageOf(() -> new StepLR(3).then(2, cycle.shifted(3)).attach(groups)))
        .isEqualTo(alone)
        .contains("momentum");
    assertThat(groups.get(0).initialLr()).isEmpty();
  }

  private static String messageOf(Supplier<?> refused) {
    Object made;
    try {
      made = refused.get();
    } catch (IllegalArgumentException expected) {
      return String.valueOf(expected.getMessage());
    }
    throw new AssertionError("was not refused: " + made);
  }

  @Test
  void overwritesWhatOthersDoToTheRate() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0));
    LRScheduler run = new ExponentialLR(0.5).scaledBy(1).attach(groups);
    groups.get(0).setLr(7);
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(0.5);
  }

  @Test
  void staysWhereItWasWhenAnOperandRefuses() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0.9));
    Schedule cycle = OneCycleLR.builder(0.5).totalSteps(10).build();
    LRScheduler run = cycle.shifted(2).attach(groups);
    double[] first = run.getLastLr();
    for (int step = 0; step < 12; step++) {
      run.step();
    }
    Map<String, Object> before = run.stateDict();
    List<Map<String, Object>> groupsBefore = groups.stateDict();
    for (int time = 0; time < 2; time++) {
      assertThatThrownBy(run::step).hasMessageContaining("OneCycleLR").hasMessageContaining("10");
      assertThat(run.stateDict()).isEqualTo(before);
      assertThat(groups.stateDict()).isEqualTo(groupsBefore);
    }
    run.step(2.0);
    assertThat(run.getLastLr()).isEqualTo(first);
  }

  @Test
  void goesToWholeStepsOnly() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0.9));
    LRScheduler run = new StepLR(1, 0.5).scaledBy(1).attach(groups);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> run.step(2.5))
        .withMessage("epoch must be a whole number <= 2147483647 for Scaled but was 2.5");
    assertThat(run.lastEpoch()).isZero();
    Map<String, Object> state = run.stateDict();
    state.put("last_epoch", 2.5);
    assertThatThrownBy(() -> run.loadStateDict(state))
        .isInstanceOf(MalformedDataException.class)
        .hasMessageContaining("last_epoch");
  }

  @Test
  void savesWhatHoldsALambda() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0.9));
    Schedule schedule = new LambdaLR(epoch -> 1 / (1 + epoch)).scaledBy(0.5);
    LRScheduler run = schedule.attach(groups);
    run.step();
    LRScheduler resumed =
        schedule.resume(
            ParamGroups.of(ParamGroup.sgd(1.0, 0.9)), run.stateDict(), groups.stateDict());
    resumed.step();
    assertThat(resumed.getLastLr()).containsExactly(0.5 / 3);
    assertThatThrownBy(schedule::toMap).isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void refusesTheStepAfterAGroupWasAdded() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0.9));
    LRScheduler run = new StepLR(1, 0.5).scaledBy(1).attach(groups);
    groups.add(ParamGroup.sgd(0.5, 0.9));
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "param group 1 was added after this Scaled was attached, which has no base rate for"
                + " it; attach it anew");
    assertThat(groups.get(0).lr()).isEqualTo(1.0);
  }

  @Test
  void refusesWhatItCannotBeMadeOf() {
    Schedule plateau = ReduceLROnPlateau.builder().build();
    Schedule step = new StepLR(3);
    for (Supplier<?> made :
        List.<Supplier<?>>of(
            () -> step.then(3, plateau),
            () -> plateau.then(3, step),
            () -> plateau.repeat(2, 3),
            () -> plateau.scaledBy(0.5),
            () -> plateau.clampedTo(0, 1),
            () -> plateau.shifted(1),
            () -> plateau.warmedUp(3, WarmedUp.Kind.LINEAR, 0),
            () -> plateau.perIteration(3))) {
      assertThat(messageOf(made))
          .matches(
              "[A-Z][A-Za-z]+ cannot be made of a ReduceLROnPlateau, whose rates follow from"
                  + " metrics and not from the step");
    }
    assertThat(messageOf(() -> step.then(-1, step))).isEqualTo("step must be >= 0 but was -1");
    assertThat(messageOf(() -> step.then(Integer.MAX_VALUE - 1, step.then(2, step))))
        .isEqualTo("step must be <= 2147483645, as next has a boundary at 2, but was 2147483646");
    assertThat(messageOf(() -> step.repeat(0, 3))).isEqualTo("times must be > 0 but was 0");
    assertThat(messageOf(() -> step.repeat(3, 0))).isEqualTo("steps must be > 0 but was 0");
    assertThat(messageOf(() -> step.scaledBy(-0.5)))
        .isEqualTo("factor must be finite and >= 0 but was -0.5");
    assertThat(messageOf(() -> step.scaledBy(Double.NaN)))
        .isEqualTo("factor must be finite and >= 0 but was NaN");
    assertThat(messageOf(() -> step.clampedTo(Double.NEGATIVE_INFINITY, 1)))
        .isEqualTo("min must be finite but was -Infinity");
    assertThat(messageOf(() -> step.clampedTo(0, Double.NaN)))
        .isEqualTo("max must be finite but was NaN");
    assertThat(messageOf(() -> step.clampedTo(0.5, 0.1)))
        .isEqualTo("max must be >= min, which is 0.5, but was 0.1");
    assertThat(messageOf(() -> step.warmedUp(-1, WarmedUp.Kind.LINEAR, 0)))
        .isEqualTo("steps must be >= 0 but was -1");
    assertThat(messageOf(() -> step.warmedUp(1, WarmedUp.Kind.LINEAR, Double.NaN)))
        .isEqualTo("startFactor must be finite but was NaN");
    assertThat(messageOf(() -> step.warmedUp(1, WarmedUp.Kind.EXPONENTIAL, 0)))
        .isEqualTo("startFactor must be finite and > 0 but was 0.0");
    assertThat(messageOf(() -> step.perIteration(0)))
        .isEqualTo("iterationsPerEpoch must be > 0 but was 0");
    assertThat(messageOf(() -> new Joined(List.of(), List.of())))
        .isEqualTo("schedules must be one schedule or more but was []");
    assertThat(messageOf(() -> new Joined(List.of(step), List.of(3))))
        .isEqualTo("boundaries must be one fewer than schedules, which are 1, but was [3]");
    assertThat(messageOf(() -> new Joined(List.of(step, step, step), List.of(3, 2))))
        .isEqualTo("boundaries must be >= 0 and in ascending order but was [3, 2]");
    assertThat(messageOf(() -> new Joined(List.of(step, step), List.of(-3))))
        .isEqualTo("boundaries must be >= 0 and in ascending order but was [-3]");
  }

  @Test
  void nestsAHundredDeepAndNoDeeper() {
    Schedule deep = new StepLR(1, 0.5);
    for (int level = 1; level < 100; level++) {
      deep = deep.scaledBy(1);
    }
    Schedule deepest = deep;
    assertThat(rates(deep, 3)).containsExactly(1.0, 0.5, 0.25);
    assertThat(messageOf(() -> deepest.shifted(1)))
        .isEqualTo("schedule must be nested at most 100 deep but were 101");
  }

  @Test
  void readsItsMapsUnderTheseKeys() {
    Schedule step = new StepLR(3);
    Map<String, Object> map = step.toMap();
    assertThat(step.then(5, step).toMap())
        .isEqualTo(
            Map.of("type", "Joined", "schedules", List.of(map, map), "boundaries", List.of(5)));
    assertThat(step.repeat(2, 5).toMap())
        .isEqualTo(Map.of("type", "Repeated", "schedule", map, "times", 2, "steps", 5));
    assertThat(step.scaledBy(2).toMap())
        .isEqualTo(Map.of("type", "Scaled", "schedule", map, "factor", 2.0));
    assertThat(step.clampedTo(0, 1).toMap())
        .isEqualTo(Map.of("type", "Clamped", "schedule", map, "min", 0.0, "max", 1.0));
    assertThat(step.shifted(2).toMap())
        .isEqualTo(Map.of("type", "Shifted", "schedule", map, "steps", 2));
    assertThat(step.warmedUp(2, WarmedUp.Kind.EXPONENTIAL, 0.1).toMap())
        .isEqualTo(
            Map.of(
                "type",
                "WarmedUp",
                "schedule",
                map,
                "steps",
                2,
                "kind",
                "exponential",
                "start_factor",
                0.1));
    assertThat(step.perIteration(2).toMap())
        .isEqualTo(Map.of("type", "PerIteration", "schedule", map, "iterations_per_epoch", 2));
    assertThatThrownBy(
            () -> Schedule.fromMap(Map.of("type", "Scaled", "schedule", map, "faktor", 2)))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("Scaled: unknown key \"faktor\"; did you mean \"factor\"?");
  }
}
