package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LayerSlots;
import io.github.dl4jtorch.adapter.internal.Opened;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;

/** Says what parameters are, and gives groups updaters of their own. */
final class UpdaterSlots {

  private UpdaterSlots() {}

  /** Says what each parameter of a network is. */
  static List<NetworkParam> named(UpdaterBlocks blocks) {
    return blocks.params().stream().map(param -> named(param.config(), param.name())).toList();
  }

  /** Says what a parameter is. */
  static NetworkParam named(TrainingConfig config, String name) {
    TrainingConfig inner = unwrapped(config);
    boolean isNormalization = inner instanceof BatchNormalization;
    boolean isWeight = true;
    boolean isBias = false;
    if (inner instanceof Bidirectional both) {
      // Whose own answer is true for weights as well.
      NetworkParam forward = named(both.getFwd(), name.substring(1));
      isWeight = forward.isWeight();
      isBias = forward.isBias();
      isNormalization = forward.isNormalization();
    } else if (inner instanceof BatchNormalization) {
      // DL4J itself counts neither gamma nor beta as anything.
      isWeight = false;
      isBias = name.equals(BatchNormalizationParamInitializer.BETA);
    } else if (config instanceof Layer layer) {
      boolean isGain = Opened.isGain(inner, name);
      isWeight = layer.initializer().isWeightParam(layer, name) && !isGain;
      isBias = layer.initializer().isBiasParam(layer, name);
      isNormalization = isGain || (isBias && Opened.isNormalized(inner));
    } else if (config instanceof SameDiffVertex vertex) {
      isWeight = vertex.getVertexParams().isWeightParam(name);
      isBias = vertex.getVertexParams().isBiasParam(name);
    }
    return new NetworkParam(config.getLayerName(), name, isWeight, isBias, isNormalization);
  }

  /** Finds a constraint that DL4J applies to a parameter after every update, null if none. */
  static @Nullable LayerConstraint constraint(TrainingConfig config, String name) {
    if (config instanceof FrozenLayerWithBackprop || !(config instanceof Layer layer)) {
      return null; // Which DL4J constrains never.
    } else if (layer instanceof Bidirectional both) {
      return constraint(both.getFwd(), name.substring(1));
    } else if (layer instanceof BaseWrapperLayer wrapper) {
      return constraint(wrapper.getUnderlying(), name);
    } else if (layer.getConstraints() == null) {
      return null;
    }
    return layer.getConstraints().stream()
        .filter(constraint -> constraint.getParams().contains(name))
        .findFirst()
        .orElse(null);
  }

  private static TrainingConfig unwrapped(TrainingConfig config) {
    return config instanceof BaseWrapperLayer wrapper ? unwrapped(wrapper.getUnderlying()) : config;
  }

  /**
   * Gives the parameters of each group updater objects of their own.
   *
   * @param params all parameters
   * @param groups their groups, or {@link GroupChoice#NO_GROUP}
   * @param names what the groups are called
   * @throws IllegalArgumentException if that cannot be done; nothing is changed
   */
  static void part(List<UpdaterBlocks.Param> params, int[] groups, GroupNames names) {
    IdentityHashMap<TrainingConfig, List<Integer>> layers = new IdentityHashMap<>();
    List<List<Integer>> inOrder = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] != GroupChoice.NO_GROUP && params.get(i).hasRate()) {
        List<Integer> known = layers.get(params.get(i).config());
        if (known == null) {
          known = new ArrayList<>();
          layers.put(params.get(i).config(), known);
          inOrder.add(known);
        }
        known.add(i);
      }
    }
    IdentityHashMap<IUpdater, Map<Integer, IUpdater>> copies = new IdentityHashMap<>();
    List<Runnable> changes = new ArrayList<>();
    for (List<Integer> layer : inOrder) {
      LayerSlots slots = LayerSlots.of(params.get(layer.get(0)).config());
      if (slots == null) {
        layer.forEach(member -> requireUnshared(params, groups, names, member));
        layer.forEach(member -> requireNotFrozen(params.get(member), groups[member]));
      } else {
        changes.add(planned(slots, params, groups, names, layer, copies));
      }
    }
    changes.forEach(Runnable::run);
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private static void requireUnshared(
      List<UpdaterBlocks.Param> params, int[] groups, GroupNames names, int member) {
    UpdaterBlocks.Param param = params.get(member);
    for (int other = 0; other < groups.length; other++) {
      if (params.get(other).updater() == param.updater() && groups[other] != groups[member]) {
        throw new IllegalArgumentException(
            names.pair(
                    Math.min(groups[member], groups[other]),
                    Math.max(groups[member], groups[other]))
                + " part "
                + params.get(Math.min(member, other))
                + " from "
                + params.get(Math.max(member, other))
                + ", but they share one updater object, and DL4J cannot give another to "
                + param.config().getClass().getSimpleName());
      }
    }
  }

  private static void requireNotFrozen(UpdaterBlocks.Param param, int group) {
    if (group == GroupChoice.FROZEN) {
      throw new IllegalArgumentException(
          "frozen must not select "
              + param
              + ", since DL4J cannot give another updater to "
              + param.config().getClass().getSimpleName());
    }
  }

  /** Makes the updaters for the slots of one layer, and returns what puts them there. */
  private static Runnable planned(
      LayerSlots layer,
      List<UpdaterBlocks.Param> params,
      int[] groups,
      GroupNames names,
      List<Integer> members,
      IdentityHashMap<IUpdater, Map<Integer, IUpdater>> copies) {
    List<LayerSlots.Slot> slots = layer.slots();
    int[] firsts = new int[slots.size()];
    Arrays.fill(firsts, -1);
    for (int member : members) {
      int slot = layer.updaterSlot(params.get(member).name());
      int before = firsts[slot];
      if (before >= 0 && groups[before] != groups[member]) {
        throw new IllegalArgumentException(
            names.pair(groups[before], groups[member])
                + " part "
                + params.get(before)
                + " from "
                + params.get(member)
                + ", but DL4J has one updater for both: "
                + border(layer, params, members));
      }
      firsts[slot] = before >= 0 ? before : member;
    }
    for (int slot = 1; slot < firsts.length; slot++) {
      if (slots.get(slot).updater().get() == null
          && firsts[slot] >= 0
          && (firsts[0] < 0 || groups[firsts[0]] == groups[firsts[slot]])) {
        firsts[0] = firsts[slot];
        firsts[slot] = -1;
      }
    }
    List<@Nullable IUpdater> updaters = new ArrayList<>();
    for (int slot = 0; slot < firsts.length; slot++) {
      int first = firsts[slot];
      updaters.add(
          first < 0
              ? slots.get(slot).updater().get()
              : copy(params.get(first), groups[first], copies));
    }
    return () -> {
      for (int slot = 0; slot < updaters.size(); slot++) {
        slots.get(slot).setUpdater().accept(updaters.get(slot));
      }
    };
  }

  /** Says which parameters of a layer can be parted from which. */
  private static String border(
      LayerSlots layer, List<UpdaterBlocks.Param> params, List<Integer> members) {
    Map<Boolean, List<UpdaterBlocks.Param>> sides =
        members.stream()
            .map(params::get)
            .collect(Collectors.partitioningBy(param -> layer.updaterSlot(param.name()) > 0));
    List<UpdaterBlocks.Param> ofMain = sides.getOrDefault(false, List.of());
    List<UpdaterBlocks.Param> others = sides.getOrDefault(true, List.of());
    return ofMain.isEmpty() || others.isEmpty()
        ? "it can part none of " + members.stream().map(params::get).toList()
        : "it can part only " + others + " from " + ofMain;
  }

  /** One copy for each group that shares an updater; the original stays with copies of the net. */
  private static IUpdater copy(
      UpdaterBlocks.Param param,
      int group,
      IdentityHashMap<IUpdater, Map<Integer, IUpdater>> copies) {
    return copies
        .computeIfAbsent(param.updater(), updater -> new HashMap<>())
        .computeIfAbsent(
            group,
            number -> {
              IUpdater updater = FrozenUpdater.unfrozen(param.updater());
              IUpdater copy = updater.clone();
              // AdaGrad's own copy loses its schedule, which the group replaces anyway.
              if (!UpdaterFields.isOfDl4j(updater) && !copy.equals(updater)) {
                throw new IllegalArgumentException(
                    "the updater of " + param + " must have a clone() that equals it: " + updater);
              }
              return number == GroupChoice.FROZEN ? new FrozenUpdater(copy) : copy;
            });
  }
}
