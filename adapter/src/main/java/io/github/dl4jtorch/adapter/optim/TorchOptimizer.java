package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;
import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.internal.Decay;
import io.github.dl4jtorch.adapter.internal.LayerSlots;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.internal.Opened;
import io.github.dl4jtorch.adapter.internal.OwnOptimizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * An updater together with its weight decay, for a layer or a whole network, as an optimizer of
 * PyTorch has both.
 *
 * <pre>
 * g = g + weight_decay p         coupled: before the updater sees the gradient
 * p = p - lr weight_decay p      decoupled: beside the updater, as in AdamW
 * </pre>
 *
 * <p>As in PyTorch {@link TorchAdamW} decays by 0.01 unless told otherwise, and the decay acts on
 * weights and biases, unless biases are given settings of their own, and on gamma and beta of
 * {@link TorchBatchNormalization}; DL4J's own {@code BatchNormalization} is never decayed. Do not
 * set a weight decay in {@code NeuralNetConfiguration.Builder} as well: DL4J applies that one
 * twice.
 *
 * <pre>{@code
 * MultiLayerConfiguration configuration =
 *     TorchOptimizer.of(new TorchAdamW(1e-3))
 *         .withWeightDecay(0.05)
 *         .applyTo(
 *             new NeuralNetConfiguration.Builder()
 *                 .list(
 *                     new DenseLayer.Builder().nIn(4).nOut(16).build(),
 *                     new OutputLayer.Builder().nIn(16).nOut(3).build())
 *                 .build());
 * }</pre>
 */
public final class TorchOptimizer {

  /** An updater and the decay beside it. */
  private record Group(IUpdater updater, Decay decay) {

    static Group of(IUpdater updater, double weightDecay) {
      return new Group(
          decided(requireGiven("updater", updater)),
          Decay.of(updater, requireNonNegative("weightDecay", weightDecay)));
    }

    private static IUpdater decided(IUpdater updater) {
      IUpdater copy = updater.clone();
      if (copy instanceof TorchUpdater torch) {
        torch.decayIsSet();
      }
      return copy;
    }

    Decay without() {
      return Decay.of(updater, 0);
    }
  }

  private final Group weights;
  private final @Nullable Group biases;
  private final List<Predicate<NetworkParam>> withoutDecay;

  private TorchOptimizer(
      Group weights, @Nullable Group biases, List<Predicate<NetworkParam>> withoutDecay) {
    this.weights = weights;
    this.biases = biases;
    this.withoutDecay = withoutDecay;
  }

  /**
   * Takes an updater with the usual default for its weight decay: 0.01 for {@link TorchAdamW} and
   * {@link Lamb}, none for all others.
   *
   * @param updater the updater, any of this package or of DL4J
   * @return the optimizer
   */
  public static TorchOptimizer of(IUpdater updater) {
    double weightDecay = updater instanceof TorchUpdater torch ? torch.defaultWeightDecay() : 0;
    return new TorchOptimizer(Group.of(updater, weightDecay), null, List.of());
  }

  /**
   * Returns an optimizer with a weight decay: decoupled for {@link TorchAdamW} and {@link Lion}, as
   * their classes say for {@link Lamb} and {@link AdamWScheduleFree}, coupled for all others.
   *
   * @param weightDecay the decay, finite and {@code >= 0}, by default 0.01 for {@code TorchAdamW}
   *     and {@code Lamb} and 0 for all others
   * @return the optimizer
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withWeightDecay(double weightDecay) {
    return new TorchOptimizer(Group.of(weights.updater, weightDecay), biases, withoutDecay);
  }

  /**
   * Returns an optimizer with a decoupled weight decay for any updater, as PyTorch's RAdam and
   * NAdam have it with {@code decoupled_weight_decay}.
   *
   * @param weightDecay the decay, finite and {@code >= 0}, by default 0
   * @return the optimizer
   * @throws IllegalArgumentException if the argument is out of its range, or the updater is {@link
   *     Lamb} or a {@link ScheduleFreeUpdater}, which have a decay of another form
   */
  @CheckReturnValue
  public TorchOptimizer withDecoupledWeightDecay(double weightDecay) {
    if (weights.updater instanceof Lamb || weights.updater instanceof ScheduleFreeUpdater) {
      throw new IllegalArgumentException(
          "updater must be one that has no weight decay of another form but was "
              + weights.updater
              + ", whose own is set by withWeightDecay");
    }
    Decay decay = Decay.decoupled(requireNonNegative("weightDecay", weightDecay));
    return new TorchOptimizer(new Group(weights.updater, decay), biases, withoutDecay);
  }

  /**
   * Returns an optimizer that treats biases, and the beta of {@link TorchBatchNormalization}, as
   * another param group. The updaters must differ in something for the biases' rate to be set
   * separately in training.
   *
   * @param updater the updater of the biases
   * @param weightDecay the decay of the biases, finite and {@code >= 0}, of the form that {@link
   *     #withWeightDecay} gives it
   * @return the optimizer
   * @throws IllegalArgumentException if the decay is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withBiases(IUpdater updater, double weightDecay) {
    return new TorchOptimizer(weights, Group.of(updater, weightDecay), withoutDecay);
  }

  /**
   * Returns an optimizer that decays nothing of some kinds, as a param group with a {@code
   * weight_decay} of 0 does. The updater stays that of the others.
   *
   * <pre>{@code
   * TorchOptimizer optimizer =
   *     TorchOptimizer.of(new TorchAdamW(1e-3))
   *         .withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization);
   * }</pre>
   *
   * @param selections which parameters are not decayed: all that one of these selects, besides
   *     those that are not decayed already
   * @return the optimizer
   */
  @CheckReturnValue
  @SafeVarargs
  @SuppressWarnings("varargs") // The array is only read.
  public final TorchOptimizer withoutDecayOn(Predicate<NetworkParam>... selections) {
    List<Predicate<NetworkParam>> all = new ArrayList<>(withoutDecay);
    all.addAll(List.of(selections));
    return new TorchOptimizer(weights, biases, all);
  }

  /**
   * Sets updater and decay in the builder of a layer. L1 regularization and the like stay. The
   * layer keeps both when an optimizer is applied to the configuration it is part of.
   *
   * @param layer the builder, as it is to be built
   * @param <B> the builder's class
   * @return the same builder
   * @throws IllegalArgumentException if parameters that DL4J decays together are to be decayed in
   *     part, as gain and weights of a layer normalization; the builder is left as it was
   */
  public <B extends BaseLayer.Builder<?>> B applyTo(B layer) {
    Decay decay = weights.decay;
    Decay decayOfBiases = ofBiases().decay;
    if (!withoutDecay.isEmpty()) {
      Layer built = layer.build();
      Map<String, NetworkParam> params = params(built);
      LayerSlots slots = requireNonNull(LayerSlots.of(built));
      List<Decay> decays = decays(slots, params, "");
      if (decays == null) {
        throw new IllegalArgumentException(
            "withoutDecayOn must select all or none of the parameters that DL4J decays together, but"
                + " selects "
                + params.values().stream().filter(this::isWithoutDecay).toList()
                + " of "
                + params.values()
                + "; apply the optimizer to the configuration of the network, which can part them");
      }
      decay = decays.get(0);
      decayOfBiases = decays.get(1);
    }
    layer.setIupdater(weights.updater.clone());
    layer.setBiasUpdater(biasUpdater());
    List<Regularization> regularization = decay.in(layer.getRegularization());
    if (!isOwn(regularization)) {
      regularization.add(new OwnOptimizer());
    }
    layer.setRegularization(regularization);
    layer.setRegularizationBias(decayOfBiases.in(layer.getRegularizationBias()));
    return layer;
  }

  /**
   * Sets updater and decay in every layer that is not frozen and was not given an optimizer of its
   * own.
   *
   * @param configuration the configuration of a network that is not built yet
   * @return the same configuration
   * @throws IllegalArgumentException if a network works with the configuration, or did so before it
   *     was written and read again: it would not see the change, {@link #applyTo(NeuralNetwork)}
   *     does; or if parameters that DL4J decays together are to be decayed in part; nothing is
   *     changed
   */
  public MultiLayerConfiguration applyTo(MultiLayerConfiguration configuration) {
    configuration.getConfs().forEach(TorchOptimizer::requireUnused);
    change(configuration, null);
    return configuration;
  }

  /**
   * Sets updater and decay in every layer that is not frozen and was not given an optimizer of its
   * own.
   *
   * @param configuration the configuration of a network that is not built yet
   * @return the same configuration
   * @throws IllegalArgumentException if there is a vertex with parameters that is not a layer; a
   *     network works with the configuration, or did so before it was written and read again: it
   *     would not see the change, {@link #applyTo(NeuralNetwork)} does; or if parameters that DL4J
   *     decays together are to be decayed in part; nothing is changed
   */
  public ComputationGraphConfiguration applyTo(ComputationGraphConfiguration configuration) {
    layers(configuration).forEach(TorchOptimizer::requireUnused);
    change(configuration, null);
    return configuration;
  }

  /**
   * Puts another optimizer in the place of a network's own, as for training a network on that was
   * loaded. Parameters and counts stay, and the updaters start afresh. All layers get it, those
   * with an optimizer of their own too, but not DL4J's frozen layers. Param groups are to be made
   * after it, and decide anew what is frozen.
   *
   * <pre>{@code
   * TorchOptimizer.of(new TorchSGD(1e-3).withMomentum(0.9)).withWeightDecay(1e-4).applyTo(net);
   * }</pre>
   *
   * @param net the network, initialised
   * @param <N> its type
   * @return the same network
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException if there is a vertex with parameters that is not a layer, or
   *     parameters that DL4J decays together are to be decayed in part; nothing is changed
   */
  public <N extends NeuralNetwork> N applyTo(N net) {
    Model model = LiveNetwork.of(net, "it is given an optimizer").model();
    if (model instanceof MultiLayerNetwork layers) {
      change(layers.getLayerWiseConfigurations(), model);
    } else {
      change(((ComputationGraph) model).getConfiguration(), model);
    }
    NetworkUpdater.discard(model);
    return net;
  }

  private void change(MultiLayerConfiguration configuration, @Nullable Model net) {
    change(configuration.getConfs(), net);
  }

  private void change(ComputationGraphConfiguration configuration, @Nullable Model net) {
    configuration.getVertices().forEach(TorchOptimizer::requireLayer);
    change(layers(configuration), net);
  }

  private void change(List<NeuralNetConfiguration> layers, @Nullable Model net) {
    List<Runnable> changes = new ArrayList<>();
    for (NeuralNetConfiguration conf : layers) {
      Layer layer = conf.getLayer();
      Map<String, NetworkParam> params = withoutDecay.isEmpty() ? Map.of() : params(layer);
      plan(layer, conf::setLayer, params, "", net, changes);
    }
    changes.forEach(Runnable::run);
  }

  private static List<NeuralNetConfiguration> layers(ComputationGraphConfiguration configuration) {
    return configuration.getVertices().values().stream()
        .filter(LayerVertex.class::isInstance)
        .map(vertex -> ((LayerVertex) vertex).getLayerConf())
        .toList();
  }

  /** Refuses a layer of whose updater a network would not take up another one. */
  private static void requireUnused(NeuralNetConfiguration layer) {
    if (!layer.variables(false).isEmpty()) {
      throw new IllegalArgumentException(
          "the configuration must not be that of a network, which would not see the change, but "
              + layer.getLayer().getLayerName()
              + " has "
              + layer.variables(false)
              + " already; give the optimizer to the network: applyTo(net)");
    }
  }

  private static void requireLayer(String name, GraphVertex vertex) {
    if (vertex instanceof SameDiffVertex) {
      throw new IllegalArgumentException(
          "every vertex with parameters must be a layer but "
              + name
              + " was a "
              + vertex.getClass().getSimpleName()
              + ", whose updater is set in its constructor alone");
    }
  }

  private static Map<String, NetworkParam> params(Layer layer) {
    return NetworkParam.of(layer).stream()
        .collect(
            Collectors.toMap(
                NetworkParam::name, param -> param, (one, other) -> one, LinkedHashMap::new));
  }

  /** Finds out what is to be done to a layer, or those it wraps, and leaves frozen ones alone. */
  private void plan(
      Layer layer,
      Consumer<Layer> replacing,
      Map<String, NetworkParam> params,
      String prefix,
      @Nullable Model net,
      List<Runnable> changes) {
    if (layer instanceof Bidirectional both) {
      plan(both.getFwd(), both::setFwd, params, "f", net, changes);
      plan(both.getBwd(), both::setBwd, params, "b", net, changes);
    } else if (layer instanceof FrozenLayerWithBackprop) {
      return;
    } else if (layer instanceof BaseWrapperLayer wrapper) {
      plan(wrapper.getUnderlying(), wrapper::setUnderlying, params, prefix, net, changes);
    } else {
      LayerSlots slots = LayerSlots.of(layer);
      // Without slots it has no parameters, or is frozen.
      if (slots != null && (net != null || !isOwn(slots.slots().get(0).regularization().get()))) {
        Consumer<Layer> everywhere =
            net == null ? replacing : other -> Opened.replace(net, layer, other);
        plan(slots, everywhere, params, prefix, changes);
      }
    }
  }

  private void plan(
      LayerSlots layer,
      Consumer<Layer> replacing,
      Map<String, NetworkParam> params,
      String prefix,
      List<Runnable> changes) {
    LayerSlots slots = layer;
    List<Decay> decays = decays(slots, params, prefix);
    Layer opened = decays == null ? Opened.of(layer.config()) : null;
    if (opened != null) {
      slots = requireNonNull(LayerSlots.of(opened));
      decays = decays(slots, params, prefix);
      changes.add(() -> replacing.accept(opened));
    }
    if (decays == null) {
      throw new IllegalArgumentException(
          "withoutDecayOn must select all or none of the parameters that DL4J decays together, but"
              + " selects "
              + params.values().stream().filter(this::isWithoutDecay).toList()
              + " of "
              + params.values());
    }
    List<Decay> found = decays;
    List<LayerSlots.Slot> places = slots.slots();
    changes.add(
        () -> {
          places.get(0).setUpdater().accept(weights.updater.clone());
          places.get(1).setUpdater().accept(biasUpdater());
          for (int slot = 0; slot < places.size(); slot++) {
            LayerSlots.Slot place = places.get(slot);
            List<Regularization> regularization = found.get(slot).in(place.regularization().get());
            regularization.removeIf(OwnOptimizer.class::isInstance);
            place.setRegularization().accept(regularization);
            if (slot > 1) {
              place.setUpdater().accept(null);
            }
          }
        });
  }

  /** Returns the decay in each slot of a layer, null if it would have to be two in one. */
  private @Nullable List<Decay> decays(
      LayerSlots layer, Map<String, NetworkParam> params, String prefix) {
    List<Decay> decays = new ArrayList<>();
    for (int slot = 0; slot < layer.slots().size(); slot++) {
      Group group = slot == 1 ? ofBiases() : weights;
      List<Boolean> without = new ArrayList<>();
      for (NetworkParam param : params.values()) {
        if (param.name().startsWith(prefix)
            && layer.regularizationSlot(param.name().substring(prefix.length())) == slot) {
          without.add(isWithoutDecay(param));
        }
      }
      if (without.contains(true) && without.contains(false) && group.decay.coefficient() > 0) {
        return null;
      }
      decays.add(without.contains(true) ? group.without() : group.decay);
    }
    return decays;
  }

  private boolean isWithoutDecay(NetworkParam param) {
    return withoutDecay.stream().anyMatch(selection -> selection.test(param));
  }

  private static boolean isOwn(@Nullable List<Regularization> regularization) {
    return Decay.has(regularization, OwnOptimizer.class);
  }

  private Group ofBiases() {
    return biases == null ? weights : biases;
  }

  private @Nullable IUpdater biasUpdater() {
    return biases == null ? null : biases.updater.clone();
  }
}
