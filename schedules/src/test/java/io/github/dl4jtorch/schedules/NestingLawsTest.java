package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A composite inside a composite of its own kind is the same as one flat one, to the bit: over
 * random trees, each built flat and nested at random.
 */
class NestingLawsTest {

  private static final int TREES = 1500;
  private static final int STEPS = 60;
  private static final List<Schedule> FAMILIES = FamilySpecimens.members();

  /** A schedule in which no composite holds one of its own kind. */
  private sealed interface Tree {}

  private record Leaf(Schedule schedule) implements Tree {}

  private record Sequence(List<Tree> members, List<Integer> milestones) implements Tree {}

  private record Chain(List<Tree> members) implements Tree {}

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {20261120L, 4242L, 1L, 777_777L})
  void nestedEqualsFlat(long seed) {
    System.out.printf("NestingLawsTest: %s random trees from seed %s%n", TREES, seed);
    Random random = new Random(seed);
    int composites = 0;
    for (int tree = 0; tree < TREES; tree++) {
      Tree shape = randomTree(random, 3, null);
      Schedule flat = flat(shape);
      Schedule nested = nested(shape, random, false);
      composites += flat.equals(nested) ? 0 : 1;
      int groups = 1 + random.nextInt(2);
      boolean adam = random.nextBoolean();
      assertThat(trace(nested, groups, adam))
          .as("seed %s, tree %s:%n%s%nflat:%n%s", seed, tree, nested, flat)
          .isEqualTo(trace(flat, groups, adam));
    }
    assertThat(composites).as("trees that were really nested").isGreaterThan(TREES / 2);
  }

  /** All rates and momenta, and the refusal that ended them, if any. */
  private static List<Object> trace(Schedule schedule, int count, boolean adam) {
    ParamGroups groups = Specimens.groups(count, adam);
    LRScheduler run = schedule.attach(groups);
    List<Object> trace = new ArrayList<>();
    trace.add(ratesAndMomenta(groups));
    try {
      for (int step = 0; step < STEPS; step++) {
        run.step();
        trace.add(ratesAndMomenta(groups));
      }
    } catch (ArithmeticException refused) {
      trace.add(String.valueOf(refused.getMessage()).replaceAll(".* gives", "gives"));
    }
    return trace;
  }

  private static List<Map<String, Object>> ratesAndMomenta(ParamGroups groups) {
    return groups.stateDict();
  }

  private static Tree randomTree(Random random, int depth, Class<?> parent) {
    int kind = depth == 0 ? 0 : random.nextInt(3);
    if (kind == 1 && parent != Sequence.class) {
      int size = 1 + random.nextInt(4);
      List<Tree> members = new ArrayList<>();
      List<Integer> milestones = new ArrayList<>();
      int milestone = 0;
      for (int i = 0; i < size; i++) {
        members.add(randomTree(random, depth - 1, Sequence.class));
        if (i > 0) {
          milestone += random.nextInt(12);
          milestones.add(milestone);
        }
      }
      return new Sequence(members, milestones);
    }
    if (kind == 2 && parent != Chain.class) {
      List<Tree> members = new ArrayList<>();
      for (int i = 0; i < 1 + random.nextInt(3); i++) {
        members.add(randomTree(random, depth - 1, Chain.class));
      }
      return new Chain(members);
    }
    List<Schedule> leaves = new ArrayList<>(Specimens.members());
    leaves.addAll(Specimens.warmups());
    leaves.addAll(FAMILIES);
    return new Leaf(leaves.get(random.nextInt(leaves.size())));
  }

  private static Schedule flat(Tree tree) {
    if (tree instanceof Leaf leaf) {
      return leaf.schedule();
    }
    if (tree instanceof Chain chain) {
      return new ChainedScheduler(chain.members().stream().map(NestingLawsTest::flat).toList());
    }
    Sequence sequence = (Sequence) tree;
    return new SequentialLR(
        sequence.members().stream().map(NestingLawsTest::flat).toList(), sequence.milestones());
  }

  private static Schedule nested(Tree tree, Random random, boolean insideSequence) {
    if (tree instanceof Leaf leaf) {
      return wrapped(leaf.schedule(), random, insideSequence);
    }
    if (tree instanceof Chain chain) {
      List<Schedule> members = new ArrayList<>();
      for (Tree member : chain.members()) {
        members.add(nested(member, random, insideSequence));
      }
      return wrapped(nestChain(members, random), random, insideSequence);
    }
    Sequence sequence = (Sequence) tree;
    List<Schedule> members = new ArrayList<>();
    for (Tree member : sequence.members()) {
      members.add(nested(member, random, true));
    }
    return wrapped(nestSequence(members, sequence.milestones(), random), random, insideSequence);
  }

  /** Puts a schedule alone into a composite, now and then. */
  private static Schedule wrapped(Schedule schedule, Random random, boolean insideSequence) {
    Schedule wrapped = schedule;
    if (random.nextInt(4) == 0) {
      wrapped = new ChainedScheduler(List.of(wrapped));
    }
    // On its own a SequentialLR resets the rate when it starts; inside another it does not.
    if (insideSequence && random.nextInt(4) == 0) {
      wrapped = new SequentialLR(List.of(wrapped), List.of());
    }
    return wrapped;
  }

  private static Schedule nestChain(List<Schedule> members, Random random) {
    if (members.size() > 1 && random.nextBoolean()) {
      int from = random.nextInt(members.size());
      int to = from + 1 + random.nextInt(members.size() - from);
      List<Schedule> grouped = new ArrayList<>(members.subList(0, from));
      grouped.add(nestChain(new ArrayList<>(members.subList(from, to)), random));
      grouped.addAll(members.subList(to, members.size()));
      if (grouped.size() < members.size() || grouped.size() == 1) {
        return new ChainedScheduler(grouped);
      }
    }
    return new ChainedScheduler(members);
  }

  private static Schedule nestSequence(
      List<Schedule> members, List<Integer> milestones, Random random) {
    if (members.size() > 1 && random.nextInt(3) > 0) {
      int from = random.nextInt(members.size() - 1);
      int to = from + 2 + random.nextInt(members.size() - from - 1);
      int start = from == 0 ? 0 : milestones.get(from - 1);
      List<Integer> inner =
          milestones.subList(from, to - 1).stream().map(each -> each - start).toList();
      List<Schedule> grouped = new ArrayList<>(members.subList(0, from));
      grouped.add(nestSequence(new ArrayList<>(members.subList(from, to)), inner, random));
      grouped.addAll(members.subList(to, members.size()));
      List<Integer> outer = new ArrayList<>(milestones.subList(0, from));
      outer.addAll(milestones.subList(to - 1, milestones.size()));
      return new SequentialLR(grouped, outer);
    }
    return new SequentialLR(members, milestones);
  }
}
