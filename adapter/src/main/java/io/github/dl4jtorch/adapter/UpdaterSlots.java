package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.samediff.AbstractSameDiffLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;

/** The two places for updaters in a layer's configuration: one for all, and one for biases. */
final class UpdaterSlots {

  private final TrainingConfig config;
  private final Supplier<@Nullable IUpdater> main;
  private final Consumer<@Nullable IUpdater> setMain;
  private final Supplier<@Nullable IUpdater> bias;
  private final Consumer<@Nullable IUpdater> setBias;

  private UpdaterSlots(
      TrainingConfig config,
      Supplier<@Nullable IUpdater> main,
      Consumer<@Nullable IUpdater> setMain,
      Supplier<@Nullable IUpdater> bias,
      Consumer<@Nullable IUpdater> setBias) {
    this.config = config;
    this.main = main;
    this.setMain = setMain;
    this.bias = bias;
    this.setBias = setBias;
  }

  /** Finds the slots of a layer or vertex, null if it is of a kind that DL4J does not have. */
  static @Nullable UpdaterSlots of(TrainingConfig config) {
    return find(config, config);
  }

  private static @Nullable UpdaterSlots find(TrainingConfig config, TrainingConfig inner) {
    if (inner instanceof BaseLayer layer) {
      return new UpdaterSlots(
          config,
          layer::getIUpdater,
          layer::setIUpdater,
          layer::getBiasUpdater,
          layer::setBiasUpdater);
    } else if (inner instanceof AbstractSameDiffLayer layer) {
      return new UpdaterSlots(
          config,
          layer::getUpdater,
          layer::setUpdater,
          layer::getBiasUpdater,
          layer::setBiasUpdater);
    } else if (inner instanceof SameDiffVertex vertex) {
      return new UpdaterSlots(
          config,
          vertex::getUpdater,
          vertex::setUpdater,
          vertex::getBiasUpdater,
          vertex::setBiasUpdater);
    } else if (inner instanceof Bidirectional both) {
      return find(config, both.getFwd()); // Which speaks for both directions.
    } else if (inner instanceof BaseWrapperLayer wrapper) {
      return find(config, wrapper.getUnderlying());
    }
    return null;
  }

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
    if (config instanceof Layer layer) {
      isWeight = layer.initializer().isWeightParam(layer, name);
      if (isNormalization) {
        // DL4J itself counts neither gamma nor beta as anything.
        isBias = name.equals(BatchNormalizationParamInitializer.BETA);
      } else if (inner instanceof Bidirectional both) {
        // Whose own answer is true for weights as well.
        isBias = both.getFwd().initializer().isBiasParam(both.getFwd(), name.substring(1));
      } else {
        isBias = layer.initializer().isBiasParam(layer, name);
      }
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

  /** Asks the layer itself which slot it uses for a parameter, as layers differ in that. */
  private boolean usesBiasSlot(String name) {
    IUpdater presentMain = main.get();
    IUpdater presentBias = bias.get();
    IUpdater probe = new NoOp();
    try {
      setMain.accept(new NoOp());
      setBias.accept(probe);
      return config.getUpdaterByParam(name) == probe;
    } finally {
      setMain.accept(presentMain);
      setBias.accept(presentBias);
    }
  }

  /**
   * Gives the parameters of each group updater objects of their own.
   *
   * @param params all parameters
   * @param groups their groups, or {@link GroupChoice#NO_GROUP}
   * @throws IllegalArgumentException if that cannot be done; nothing is changed
   */
  static void part(List<UpdaterBlocks.Param> params, int[] groups) {
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
      UpdaterSlots slots = of(params.get(layer.get(0)).config());
      if (slots == null) {
        layer.forEach(member -> requireUnshared(params, groups, member));
        layer.forEach(member -> requireNotFrozen(params.get(member), groups[member]));
      } else {
        changes.add(slots.planned(params, groups, layer, copies));
      }
    }
    changes.forEach(Runnable::run);
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private static void requireUnshared(List<UpdaterBlocks.Param> params, int[] groups, int member) {
    UpdaterBlocks.Param param = params.get(member);
    for (int other = 0; other < groups.length; other++) {
      if (params.get(other).updater() == param.updater() && groups[other] != groups[member]) {
        throw new IllegalArgumentException(
            GroupChoice.pair(
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
  private Runnable planned(
      List<UpdaterBlocks.Param> params,
      int[] groups,
      List<Integer> members,
      IdentityHashMap<IUpdater, Map<Integer, IUpdater>> copies) {
    int ofMain = -1;
    int ofBias = -1;
    for (int member : members) {
      boolean isBias = usesBiasSlot(params.get(member).name());
      int before = isBias ? ofBias : ofMain;
      if (before >= 0 && groups[before] != groups[member]) {
        throw new IllegalArgumentException(
            GroupChoice.pair(groups[before], groups[member])
                + " part "
                + params.get(before)
                + " from "
                + params.get(member)
                + ", but DL4J has one updater for both: "
                + border(params, members));
      }
      if (isBias) {
        ofBias = before >= 0 ? before : member;
      } else {
        ofMain = before >= 0 ? before : member;
      }
    }
    if (bias.get() == null && ofBias >= 0 && (ofMain < 0 || groups[ofMain] == groups[ofBias])) {
      ofMain = ofBias;
      ofBias = -1;
    }
    IUpdater newMain = ofMain < 0 ? main.get() : copy(params.get(ofMain), groups[ofMain], copies);
    IUpdater newBias = ofBias < 0 ? bias.get() : copy(params.get(ofBias), groups[ofBias], copies);
    return () -> {
      setMain.accept(newMain);
      setBias.accept(newBias);
    };
  }

  /** Says which parameters of a layer can be parted from which. */
  private String border(List<UpdaterBlocks.Param> params, List<Integer> members) {
    Map<Boolean, List<UpdaterBlocks.Param>> sides =
        members.stream()
            .map(params::get)
            .collect(Collectors.partitioningBy(param -> usesBiasSlot(param.name())));
    List<UpdaterBlocks.Param> ofMain = sides.getOrDefault(false, List.of());
    List<UpdaterBlocks.Param> ofBias = sides.getOrDefault(true, List.of());
    return ofMain.isEmpty() || ofBias.isEmpty()
        ? "it can part none of " + members.stream().map(params::get).toList()
        : "it can part only " + ofBias + " from " + ofMain;
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
