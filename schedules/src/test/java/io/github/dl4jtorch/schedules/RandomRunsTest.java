package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random definitions, saved at random moments and damaged at random. {@code -Drandom.runs=100000}
 * makes a long form of it.
 */
class RandomRunsTest {

  private static final int STEPS = 40;
  private static final List<Schedule> FAMILIES = FamilySpecimens.members();
  private static final List<Schedule> WITH_METRIC = FamilySpecimens.withMetric();

  static LongStream seeds() {
    return LongStream.range(0, Long.getLong("random.runs", 300));
  }

  private static Schedule tree(Random random, int groups, int depth) {
    int kind = random.nextInt(depth > 0 ? 21 : 17);
    int length = 1 + random.nextInt(12);
    return switch (kind) {
      case 0 -> new StepLR(length, factor(random));
      case 1 -> new MultiStepLR(random.ints(3, 0, 25).boxed().toList(), factor(random));
      case 2 -> new ConstantLR(0.1 + random.nextDouble() * 0.9, length - 1);
      case 3 -> new LinearLR(0.1 + random.nextDouble() * 0.9, random.nextInt(2), length);
      case 4 -> new ExponentialLR(factor(random));
      case 5 -> new PolynomialLR(length, random.nextInt(4));
      case 6 -> new CosineAnnealingLR(length, random.nextDouble() * 0.01);
      case 7, 8 -> new CosineAnnealingWarmRestarts(length, 1 + random.nextInt(3), 0.001);
      case 9 ->
          CyclicLR.builder(perGroup(random, groups), perGroup(random, groups))
              .stepSizeUp(length)
              .mode(one(random, CyclicLR.Mode.values()))
              .gamma(factor(random))
              .cycleMomentum(random.nextBoolean())
              .build();
      case 10 ->
          OneCycleLR.builder(perGroup(random, groups))
              .totalSteps(100)
              .threePhase(random.nextBoolean())
              .annealStrategy(one(random, AnnealStrategy.values()))
              .build();
      case 11 ->
          new SWALR(perGroup(random, groups), length - 1, one(random, AnnealStrategy.values()));
      case 12 -> new LambdaLR(table(random));
      case 13 -> new MultiplicativeLR(table(random));
      case 14 -> new LambdaLR(EpochFunction.yolov5Cosine(length, 0.1));
      case 15, 16 -> FAMILIES.get(random.nextInt(FAMILIES.size()));
      case 17 -> new ChainedScheduler(members(random, groups, depth));
      case 18, 19 -> sequence(random, members(random, groups, depth));
      default -> {
        WarmupLR.Builder warmup =
            WarmupLR.builder(tree(random, groups, depth - 1))
                .iterationsPerEpoch(1 + random.nextInt(5))
                .warmupIterations(length)
                .warmupLr(perGroup(random, groups));
        yield (random.nextBoolean() ? warmup : warmup.warmupMomentum(0.5)).build();
      }
    };
  }

  private static Schedule sequence(Random random, List<Schedule> members) {
    List<Integer> milestones = random.ints(members.size() - 1, 0, 25).sorted().boxed().toList();
    return new SequentialLR(members, milestones);
  }

  private static List<Schedule> members(Random random, int groups, int depth) {
    List<Schedule> members = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(3); i++) {
      members.add(tree(random, groups, depth - 1));
    }
    return members;
  }

  @SafeVarargs
  private static <T> T one(Random random, T... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private static double factor(Random random) {
    return 0.5 + random.nextDouble() * 0.6;
  }

  private static List<Double> perGroup(Random random, int groups) {
    return random.doubles(groups, 0, 0.2).boxed().toList();
  }

  private static DoubleUnaryOperator table(Random random) {
    return EpochFunction.table(
        DoubleStream.generate(() -> factor(random)).limit(1 + random.nextInt(9)).toArray());
  }

  /** A run of a random definition on random groups; the same for the same seed. */
  private static LRScheduler start(long seed) {
    Random random = new Random(seed);
    int size = 1 + random.nextInt(3);
    boolean adam = random.nextBoolean();
    Schedule schedule =
        random.nextInt(12) == 0
            ? ReduceLROnPlateau.builder().patience(random.nextInt(4)).cooldown(2).build()
            : random.nextInt(12) == 0
                ? WITH_METRIC.get(random.nextInt(WITH_METRIC.size()))
                : tree(random, size, 3);
    List<ParamGroup> groups = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      double lr = 0.01 + random.nextDouble();
      groups.add(adam ? ParamGroup.adam(lr, 0.9) : ParamGroup.sgd(lr, 0.9));
    }
    return schedule.attach(ParamGroups.of(groups));
  }

  private static void step(LRScheduler run, int step) {
    if (run.schedule().needsMetric()) {
      run.step(new Random(step).nextDouble());
    } else {
      run.step();
    }
  }

  private static String written(LRScheduler run) {
    return Json.write(run.stateDict()) + "\n" + Json.write(run.paramGroups().stateDict());
  }

  private static LRScheduler resumed(long seed, String written) {
    LRScheduler resumed = start(seed);
    String[] parts = written.split("\n", 2);
    resumed.loadStateDict(Json.readMap(parts[0]), Json.readMaps(parts[1]));
    return resumed;
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void resumesAsIfUndisturbed(long seed) {
    List<String> expected = new ArrayList<>();
    LRScheduler run = start(seed);
    for (int step = 0; step < STEPS; step++) {
      expected.add(written(run));
      step(run, step);
    }
    Random random = new Random(seed);
    int at = 0;
    LRScheduler resumed = start(seed);
    while (at < STEPS - 1) {
      // Several times over, so that what a resumed run writes is read too.
      at += 1 + random.nextInt(STEPS / 3);
      resumed = resumed(seed, expected.get(Math.min(at, STEPS - 1)));
      for (int step = at; step < Math.min(at + 12, STEPS); step++) {
        assertThat(written(resumed))
            .as("seed %s, %s, saved at %s", seed, run.schedule(), at)
            .isEqualTo(expected.get(step));
        step(resumed, step);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void skipsToWhereStepsLead(long seed) {
    LRScheduler stepped = start(seed);
    if (stepped.schedule().needsMetric()) {
      return;
    }
    LRScheduler skipped = start(seed);
    Random random = new Random(seed);
    for (int at = 0; at < 100; ) {
      int steps = Math.min(random.nextInt(random.nextBoolean() ? 40 : 4), 100 - at);
      for (int step = 0; step < steps; step++) {
        stepped.step();
      }
      skipped.skip(steps);
      at += steps;
      assertThat(written(skipped))
          .as("seed %s, %s, %s steps to %s", seed, stepped.schedule(), steps, at)
          .isEqualTo(written(stepped));
    }
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void takesADamagedStateOrLeavesAllAsItWas(long seed) {
    Random random = new Random(seed);
    LRScheduler run = start(seed);
    int steps = random.nextInt(STEPS);
    for (int step = 0; step < steps; step++) {
      step(run, step);
    }
    String[] saved = written(run).split("\n", 2);
    for (int damage = 0; damage < 30; damage++) {
      LRScheduler other = start(seed);
      String before = written(other);
      Map<String, Object> state = Json.readMap(saved[0]);
      List<Map<String, Object>> groups = Json.readMaps(saved[1]);
      String what = random.nextInt(3) > 0 ? damaged(random, state) : damagedGroups(random, groups);
      String context = "seed %s, %s, damage %s".formatted(seed, run.schedule(), what);
      try {
        other.loadStateDict(state, groups);
      } catch (MalformedDataException refused) {
        assertThat(written(other)).as(context).isEqualTo(before);
        assertThat(refused).as(context).hasMessageMatching("(?s).*\\w.* \\w.*");
        continue;
      } catch (RuntimeException | StackOverflowError unexpected) {
        fail(context, unexpected);
      }
      // What was taken is what is written again, and can be gone on with.
      String taken = written(other);
      assertThat(written(resumed(seed, taken))).as(context).isEqualTo(taken);
      try {
        step(other, steps);
      } catch (ArithmeticException | IllegalStateException refused) {
        assertThat(written(other)).as(context).isEqualTo(taken);
      }
    }
  }

  private static String damaged(Random random, Map<String, Object> state) {
    if (state.get("_schedulers") instanceof List<?> members && random.nextInt(3) > 0) {
      @SuppressWarnings("unchecked")
      Map<String, Object> member =
          (Map<String, Object>) members.get(random.nextInt(members.size()));
      return "below " + damaged(random, member);
    }
    return damagedEntry(random, state);
  }

  private static String damagedGroups(Random random, List<Map<String, Object>> groups) {
    int group = random.nextInt(groups.size());
    if (random.nextInt(4) > 0) {
      return "group " + damagedEntry(random, groups.get(group));
    }
    Object bad = bad(random, groups.get(group));
    @SuppressWarnings("unchecked")
    List<@Nullable Object> raw = (List<@Nullable Object>) (List<?>) groups;
    raw.set(group, bad);
    return "group " + group + " = " + shown(bad);
  }

  private static String damagedEntry(Random random, Map<String, Object> map) {
    List<String> keys = new ArrayList<>(map.keySet());
    String key = keys.get(random.nextInt(keys.size()));
    if (random.nextInt(5) == 0) {
      map.remove(key);
      return "without " + key;
    }
    Object bad = bad(random, map.get(key));
    @SuppressWarnings({"unchecked", "NullAway"})
    Map<String, @Nullable Object> raw = (Map<String, @Nullable Object>) (Map<String, ?>) map;
    raw.put(key, bad);
    return key + " = " + shown(bad);
  }

  private static String shown(@Nullable Object bad) {
    return Arguments.shown(bad);
  }

  private static @Nullable Object bad(Random random, @Nullable Object good) {
    if (good instanceof List<?> list && random.nextBoolean()) {
      List<@Nullable Object> other = new ArrayList<>(list);
      if (random.nextBoolean() && !other.isEmpty()) {
        int i = random.nextInt(other.size());
        other.set(i, bad(random, other.get(i)));
      } else if (random.nextBoolean() && !other.isEmpty()) {
        other.remove(0);
      } else {
        other.add(other.isEmpty() ? 1 : other.get(0));
      }
      return other;
    }
    return switch (random.nextInt(16)) {
      case 0 -> null;
      case 1 -> "text";
      case 2 -> true;
      case 3 -> List.of();
      case 4 -> Map.of("a", 1);
      case 5 -> Double.NaN;
      case 6 -> Double.NEGATIVE_INFINITY;
      case 7 -> "Infinity";
      case 8 -> -1e9;
      case 9 -> -1e300;
      case 10 -> 1e300;
      case 11 -> -1;
      case 12 -> 0.5;
      case 13 -> Long.MAX_VALUE;
      case 14 -> deep(20_000);
      default -> Map.of(1, 2);
    };
  }

  private static Object deep(int levels) {
    Object value = 1;
    for (int i = 0; i < levels; i++) {
      value = i % 2 == 0 ? List.of(value) : new LinkedHashMap<>(Map.of("a", value));
    }
    return value;
  }
}
