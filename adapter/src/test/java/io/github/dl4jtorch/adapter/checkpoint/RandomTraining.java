package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.NetworkSchedule;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * A training by a seed: a network, its param groups and the runs on them, or a pulled schedule in
 * the place of both. It can be begun, and taken up, again and again.
 */
final class RandomTraining {

  /**
   * A run on some of the groups.
   *
   * @param groups the numbers of the groups
   * @param isByEpoch whether it is stepped after epochs
   * @param rescales whether velocities follow the rate
   */
  record Plan(
      Schedule definition,
      List<Integer> groups,
      boolean isByEpoch,
      int interval,
      boolean rescales) {

    LRScheduler attach(NetworkParamGroups all) {
      return definition.attach(
          groups.size() == all.size()
              ? all
              : all.only(groups.stream().mapToInt(Integer::intValue).toArray()));
    }

    SchedulerListener listener(LRScheduler run) {
      boolean isPlateau = definition.needsMetric();
      SchedulerListener listener;
      if (isByEpoch) {
        listener =
            isPlateau
                ? SchedulerListener.everyEpoch(run, RandomTraining::firstWeight)
                : SchedulerListener.everyEpoch(run);
      } else {
        listener =
            isPlateau
                ? SchedulerListener.everyIteration(run, RandomTraining::firstWeight)
                : SchedulerListener.everyIteration(run);
      }
      listener = interval == 1 ? listener : listener.withInterval(interval);
      return rescales ? listener.rescalingVelocity() : listener;
    }
  }

  /**
   * Frozen parameters that come into a group of their own.
   *
   * @param epoch the epoch before which that is done
   */
  record Later(int epoch, Set<String> params, double lr, Plan plan) {}

  static final String LATER = "later";

  private final long seed;
  private final RandomNetwork network;
  private final int epochs;
  private final int batches;
  private @Nullable Schedule pulled;
  private ScheduleType unit = ScheduleType.ITERATION;
  private boolean isPulledByConfiguration;
  // Which way the groups are chosen; by the builder if there are names.
  private boolean isPerLayer;
  private boolean isByWeight;
  private final List<Set<String>> names = new ArrayList<>();
  private final Set<String> frozen = new LinkedHashSet<>();
  private double[] rates = {};
  private double momentum = Double.NaN;
  private final Map<String, Plan> plans = new LinkedHashMap<>();
  private @Nullable Later later;

  RandomTraining(long seed) {
    this.seed = seed;
    Random random = new Random(seed);
    epochs = 2 + random.nextInt(2);
    batches = 2 + random.nextInt(2);
    double lr = 0.001 * (1 + random.nextInt(8));
    network = new RandomNetwork(random.nextLong(), lr);
    if (random.nextInt(6) == 0) {
      pulled = new RandomSchedules(random, new double[] {lr}, false).stepped();
      unit = random.nextBoolean() ? ScheduleType.ITERATION : ScheduleType.EPOCH;
      isPulledByConfiguration = random.nextBoolean();
    } else {
      drawGroups(random, lr);
      drawRuns(random);
    }
  }

  private void drawGroups(Random random, double lr) {
    Model probe = network.make();
    NetworkParamGroups layers = perLayer(probe);
    int count = 1;
    switch (random.nextInt(6)) {
      case 0 -> {}
      case 1 -> {
        isPerLayer = true;
        count = layers.size();
      }
      case 2 -> {
        isByWeight = true;
        count = 2;
      }
      default -> count = drawNames(random, layers);
    }
    rates = IntStream.range(0, count).mapToDouble(group -> rate(random, lr)).toArray();
    if (!names.isEmpty() && random.nextInt(3) == 0) {
      NetworkParamGroups groups = groups(probe, false);
      if (groups.stream().allMatch(group -> group.momentumKind() != MomentumKind.NONE)) {
        momentum = 0.7;
      }
    }
  }

  private static double rate(Random random, double lr) {
    return switch (random.nextInt(12)) {
      case 0 -> 0;
      case 1, 2, 3 -> lr * 2 * random.nextDouble();
      default -> lr;
    };
  }

  /** Draws a group, or none, for the weights of each layer, its biases and its normalization. */
  private int drawNames(Random random, NetworkParamGroups layers) {
    Map<String, Set<String>> units = new LinkedHashMap<>();
    for (int layer = 0; layer < layers.size(); layer++) {
      boolean isWhole = random.nextBoolean();
      for (NetworkParam param : layers.params(layer)) {
        // DL4J has one updater for gamma and beta.
        String kind = param.isNormalization() ? "n" : param.isWeight() ? "w" : "b";
        units
            .computeIfAbsent(layer + (isWhole ? "" : kind), unit -> new LinkedHashSet<>())
            .add(param.toString());
      }
    }
    Map<Integer, Set<String>> drawn = new LinkedHashMap<>();
    units
        .values()
        .forEach(
            unit ->
                drawn
                    .computeIfAbsent(random.nextInt(4), group -> new LinkedHashSet<>())
                    .addAll(unit));
    names.addAll(drawn.values());
    if (names.size() > 1 && random.nextBoolean()) {
      frozen.addAll(names.remove(0));
    }
    return names.size();
  }

  private void drawRuns(Random random) {
    int count = rates.length;
    NetworkParamGroups groups = groups(network.make(), false);
    List<Integer> all = IntStream.range(0, count).boxed().toList();
    switch (random.nextInt(4)) {
      case 0 -> {
        List<Integer> first = all.subList(0, (count + 1) / 2);
        List<Integer> rest = all.subList(first.size(), count);
        plans.put("first", plan(random, groups, first, false));
        if (!rest.isEmpty()) {
          plans.put("rest", plan(random, groups, rest, random.nextInt(3) == 0));
        }
      }
      case 1 -> {
        // One after the other on the same groups.
        plans.put("run", plan(random, groups, all, false));
        plans.put("plateau", plan(random, groups, all, true));
      }
      default -> plans.put("run", plan(random, groups, all, random.nextInt(6) == 0));
    }
    if (!frozen.isEmpty() && random.nextBoolean()) {
      drawLater(random);
    }
  }

  private void drawLater(Random random) {
    // All of a layer's, since some of it cannot always be parted from the rest.
    String any = frozen.iterator().next();
    String layer = any.substring(0, any.indexOf('.') + 1);
    Set<String> params = new LinkedHashSet<>(frozen);
    params.removeIf(name -> !name.startsWith(layer));
    double lr = 0.002;
    Schedule definition = new RandomSchedules(random, new double[] {lr}, false).stepped();
    int added = rates.length;
    later =
        new Later(
            1 + random.nextInt(epochs - 1),
            params,
            lr,
            new Plan(definition, List.of(added), random.nextBoolean(), 1, false));
  }

  private Plan plan(
      Random random, NetworkParamGroups groups, List<Integer> numbers, boolean isPlateau) {
    boolean hasMomentum =
        numbers.stream().allMatch(number -> groups.get(number).momentumKind() != MomentumKind.NONE);
    NetworkParamGroups own = groups.only(numbers.stream().mapToInt(Integer::intValue).toArray());
    RandomSchedules schedules =
        new RandomSchedules(
            random, numbers.stream().mapToDouble(number -> rates[number]).toArray(), hasMomentum);
    return new Plan(
        isPlateau ? schedules.plateau() : schedules.stepped(),
        numbers,
        random.nextInt(3) == 0,
        random.nextInt(4) == 0 ? 2 : 1,
        own.hasVelocity() && random.nextInt(2) == 0);
  }

  private static double firstWeight(Model net) {
    return Math.abs(net.params().getDouble(0));
  }

  private static NetworkParamGroups perLayer(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.perLayer(layers)
        : NetworkParamGroups.perLayer((ComputationGraph) net);
  }

  private static NetworkParamGroups.Builder builder(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.builder(layers)
        : NetworkParamGroups.builder((ComputationGraph) net);
  }

  private static Predicate<NetworkParam> named(Set<String> names) {
    return param -> names.contains(param.toString());
  }

  int epochs() {
    return epochs;
  }

  List<DataSet> batches() {
    return network.batches(batches);
  }

  @Nullable Later later() {
    return later;
  }

  /** Returns the runs from the start, by name. */
  Map<String, Plan> plans() {
    return plans;
  }

  Plan plan(String name) {
    return name.equals(LATER) ? later.plan : plans.get(name);
  }

  /** Makes the network, which follows its schedule already if that is pulled. */
  Model net() {
    Model net = network.make();
    if (pulled == null) {
      return net;
    }
    NetworkSchedule schedule = NetworkSchedule.of(pulled, unit);
    if (net instanceof MultiLayerNetwork layers) {
      return isPulledByConfiguration
          ? Nets.init(schedule.putInto(layers.getLayerWiseConfigurations().clone()))
          : schedule.putInto(layers);
    }
    return schedule.putInto((ComputationGraph) net);
  }

  boolean isPulled() {
    return pulled != null;
  }

  /** Tells whether a velocity is to follow a rate. */
  boolean rescales() {
    return plans.values().stream().anyMatch(Plan::rescales);
  }

  /**
   * Makes the groups, those of a restored network too.
   *
   * @param hasLater whether what comes into a group later is in one
   */
  NetworkParamGroups groups(Model net, boolean hasLater) {
    if (names.isEmpty()) {
      NetworkParamGroups groups = unnamed(net);
      for (int group = 0; group < rates.length; group++) {
        groups.get(group).setLr(rates[group]);
      }
      return groups;
    }
    NetworkParamGroups.Builder builder = builder(net);
    for (int group = 0; group < names.size(); group++) {
      builder.group(named(names.get(group))).lr(rates[group]);
      if (!Double.isNaN(momentum)) {
        builder.momentum(momentum);
      }
    }
    Set<String> kept = new LinkedHashSet<>(frozen);
    if (hasLater) {
      builder.group(named(later.params)).lr(later.lr);
      kept.removeAll(later.params);
    }
    if (!kept.isEmpty()) {
      builder.frozen(named(kept));
    }
    return builder.build();
  }

  private NetworkParamGroups unnamed(Model net) {
    if (isPerLayer) {
      return perLayer(net);
    }
    if (isByWeight) {
      return net instanceof MultiLayerNetwork layers
          ? NetworkParamGroups.weightsAndBiases(layers)
          : NetworkParamGroups.weightsAndBiases((ComputationGraph) net);
    }
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  /** Says all that it takes to write the training down as a test of its own. */
  @Override
  public String toString() {
    String way = isPerLayer ? "perLayer" : isByWeight ? "weightsAndBiases" : "" + names;
    StringBuilder text = new StringBuilder("training of seed ").append(seed);
    text.append("\n  ").append(epochs).append(" epochs of ").append(batches).append(" batches");
    text.append("\n  network: ").append(network);
    if (pulled != null) {
      return text.append("\n  pulled: ").append(pulled).append(" by ").append(unit).toString();
    }
    text.append("\n  groups: ").append(way).append(" at ").append(Arrays.toString(rates));
    text.append(Double.isNaN(momentum) ? "" : ", momentum " + momentum);
    text.append(frozen.isEmpty() ? "" : ", frozen " + frozen);
    plans.forEach((name, plan) -> text.append("\n  ").append(name).append(": ").append(plan));
    return text.append(later == null ? "" : "\n  later: " + later).toString();
  }
}
