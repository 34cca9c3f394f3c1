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
import java.util.Objects;
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
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
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
      IUpdater copy = updater instanceof TorchUpdater torch ? torch.accompanied() : updater.clone();
      if (copy instanceof TorchUpdater torch) {
        torch.decayIsSet();
      }
      return copy;
    }

    Decay without() {
      return Decay.of(updater, 0);
    }
  }

  /** What goes into one place of a layer; an updater that is null is that of the first place. */
  private record Content(
      @Nullable IUpdater updater, Decay decay, List<? extends Regularization> beside) {

    List<Regularization> in(@Nullable List<Regularization> present) {
      List<Regularization> regularization = decay.in(present);
      regularization.removeIf(BesideUpdater.class::isInstance);
      // Before a decay, which changes what they work on.
      regularization.addAll(0, beside);
      return regularization;
    }
  }

  private final Group weights;
  private final @Nullable Group biases;
  private final @Nullable Group rest;
  private final Predicate<NetworkParam> ofRest;
  private final List<Predicate<NetworkParam>> withoutDecay;

  private TorchOptimizer(
      Group weights,
      @Nullable Group biases,
      @Nullable Group rest,
      Predicate<NetworkParam> ofRest,
      List<Predicate<NetworkParam>> withoutDecay) {
    this.weights = weights;
    this.biases = biases;
    this.rest = rest;
    this.ofRest = ofRest;
    this.withoutDecay = withoutDecay;
  }

  private TorchOptimizer with(Group changed) {
    return new TorchOptimizer(changed, biases, rest, ofRest, withoutDecay);
  }

  /**
   * Takes an updater with the usual default for its weight decay: 0.01 for {@link TorchAdamW} and
   * {@link Lamb}, 0.1 for {@link TorchMuon}, none for all others.
   *
   * @param updater the updater, any of this package or of DL4J
   * @return the optimizer
   */
  public static TorchOptimizer of(IUpdater updater) {
    double weightDecay = updater instanceof TorchUpdater torch ? torch.defaultWeightDecay() : 0;
    return new TorchOptimizer(
        Group.of(updater, weightDecay), null, null, param -> false, List.of());
  }

  /**
   * Returns an optimizer with a weight decay: decoupled for {@link TorchAdamW}, {@link TorchMuon},
   * {@link TorchAdafactor} and {@link Lion}, as their classes say for {@link Lamb} and {@link
   * AdamWScheduleFree}, coupled for all others.
   *
   * @param weightDecay the decay, finite and {@code >= 0}, by default 0.01 for {@code TorchAdamW}
   *     and {@code Lamb}, 0.1 for {@code TorchMuon} and 0 for all others
   * @return the optimizer
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withWeightDecay(double weightDecay) {
    return with(Group.of(weights.updater, weightDecay));
  }

  /**
   * Returns an optimizer with a decoupled weight decay for any updater, as PyTorch's Adam, RAdam
   * and NAdam have it with {@code decoupled_weight_decay}.
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
    return with(new Group(weights.updater, decay));
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
    return new TorchOptimizer(weights, Group.of(updater, weightDecay), rest, ofRest, withoutDecay);
  }

  /**
   * Returns an optimizer that leaves all but the hidden matrices to another updater, as is usual
   * with {@link TorchMuon}: to it go biases, normalizations, embeddings, output layers, and what
   * has less than two dimensions in PyTorch.
   *
   * <pre>{@code
   * TorchOptimizer optimizer =
   *     TorchOptimizer.of(new TorchMuon(0.02)).withRest(new TorchAdamW(3e-4), 0.01);
   * }</pre>
   *
   * @param updater the updater of the rest
   * @param weightDecay the decay of the rest, finite and {@code >= 0}, decoupled for {@link
   *     TorchAdamW}
   * @return the optimizer
   * @throws IllegalArgumentException if the decay is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withRest(IUpdater updater, double weightDecay) {
    return withRest(updater, weightDecay, param -> false);
  }

  /**
   * Returns an optimizer that leaves all but some hidden matrices to another updater.
   *
   * @param updater the updater of the rest
   * @param weightDecay the decay of the rest, finite and {@code >= 0}, decoupled for {@link
   *     TorchAdamW}
   * @param also which hidden matrices are of the rest, too
   * @return the optimizer
   * @throws IllegalArgumentException if the decay is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withRest(
      IUpdater updater, double weightDecay, Predicate<NetworkParam> also) {
    return new TorchOptimizer(
        weights, biases, Group.of(updater, weightDecay), requireGiven("also", also), withoutDecay);
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
    return new TorchOptimizer(weights, biases, rest, ofRest, all);
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
    Layer built = layer.build();
    LayerSlots slots = requireNonNull(LayerSlots.of(built));
    List<Content> contents = contents(slots, built, params(built), "");
    if (contents == null) {
      throw mixed(
          params(built),
          "; apply the optimizer to the configuration of the network, which can part them");
    }
    layer.setIupdater(contents.get(0).updater());
    layer.setBiasUpdater(contents.get(1).updater());
    List<Regularization> regularization = contents.get(0).in(layer.getRegularization());
    if (!isOwn(regularization)) {
      regularization.add(new OwnOptimizer());
    }
    layer.setRegularization(regularization);
    layer.setRegularizationBias(contents.get(1).in(layer.getRegularizationBias()));
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
      Map<String, NetworkParam> params = needsParams() ? params(layer) : Map.of();
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
    List<Content> contents = contents(slots, (Layer) slots.config(), params, prefix);
    Layer opened = contents == null ? Opened.of(layer.config()) : null;
    if (opened != null) {
      slots = requireNonNull(LayerSlots.of(opened));
      contents = contents(slots, opened, params, prefix);
      changes.add(() -> replacing.accept(opened));
    }
    if (contents == null) {
      throw mixed(params, "");
    }
    List<Content> found = contents;
    List<LayerSlots.Slot> places = slots.slots();
    changes.add(
        () -> {
          for (int slot = 0; slot < places.size(); slot++) {
            LayerSlots.Slot place = places.get(slot);
            place.setUpdater().accept(found.get(slot).updater());
            List<Regularization> regularization = found.get(slot).in(place.regularization().get());
            regularization.removeIf(OwnOptimizer.class::isInstance);
            place.setRegularization().accept(regularization);
          }
        });
  }

  private IllegalArgumentException mixed(Map<String, NetworkParam> params, String advice) {
    List<NetworkParam> chosen = params.values().stream().filter(this::isWithoutDecay).toList();
    return new IllegalArgumentException(
        (chosen.isEmpty()
                ? "one updater must do for the parameters that DL4J updates together, but "
                    + params.values()
                    + " are matrices in part"
                : "withoutDecayOn must select all or none of the parameters that DL4J decays"
                    + " together, but selects "
                    + chosen
                    + " of "
                    + params.values())
            + advice);
  }

  private boolean needsParams() {
    return !withoutDecay.isEmpty()
        || rest != null
        || needsParams(weights.updater)
        || needsParams(ofBiases().updater);
  }

  private static boolean needsParams(IUpdater updater) {
    return updater instanceof TorchUpdater torch
        && (torch.needsShapes() || !torch.beside().isEmpty());
  }

  /** Returns what goes into each slot of a layer, null if it would have to be two in one. */
  private @Nullable List<Content> contents(
      LayerSlots slots, Layer layer, Map<String, NetworkParam> params, String prefix) {
    Map<String, TensorShape> shapes = needsShapes() ? TensorShape.of(layer) : Map.of();
    Map<String, Group> groups = new LinkedHashMap<>();
    params.forEach(
        (name, param) -> {
          String own = name.startsWith(prefix) ? name.substring(prefix.length()) : null;
          if (own != null && slots.isUpdated(own)) {
            boolean isBias = slots.updaterSlot(own) == 1;
            groups.put(own, group(isBias, layer, param, shapes.get(own)));
          }
        });
    List<Content> contents = new ArrayList<>();
    for (int slot = 0; slot < slots.slots().size(); slot++) {
      int present = slot;
      List<String> updated =
          groups.keySet().stream().filter(name -> slots.updaterSlot(name) == present).toList();
      List<String> regularized = new ArrayList<>();
      List<Boolean> without = new ArrayList<>();
      params.forEach(
          (name, param) -> {
            String own = name.startsWith(prefix) ? name.substring(prefix.length()) : null;
            if (own != null && slots.regularizationSlot(own) == present) {
              without.add(isWithoutDecay(param));
              regularized.add(own);
            }
          });
      Group usual = slot == 1 ? ofBiases() : weights;
      Group group = common(updated, groups, usual);
      Group decaying = common(regularized, groups, usual);
      if (group == null
          || decaying == null
          || (decaying.decay.coefficient() > 0
              && without.contains(true)
              && without.contains(false))) {
        return null;
      }
      contents.add(
          new Content(
              updater(slot, group, updated, shapes, layer),
              without.contains(true) ? decaying.without() : decaying.decay,
              beside(decaying)));
    }
    groups.forEach(
        (name, group) -> {
          if (!beside(group).isEmpty() && slots.regularizationSlot(name) < 0) {
            throw new IllegalArgumentException(
                group.updater.getClass().getSimpleName()
                    + " must see all parameters, but DL4J does not show it "
                    + name
                    + " of "
                    + layer.getLayerName()
                    + ", a "
                    + layer.getClass().getSimpleName()
                    + "; take TorchBatchNormalization for a BatchNormalization");
          }
        });
    return contents;
  }

  /** Returns the group that parameters have in common, null if there are two. */
  private static @Nullable Group common(
      List<String> names, Map<String, Group> groups, Group ofNone) {
    List<Group> found =
        names.stream().map(groups::get).filter(Objects::nonNull).distinct().toList();
    return found.size() > 1 ? null : found.isEmpty() ? ofNone : found.get(0);
  }

  private Group group(
      boolean isBias, Layer layer, NetworkParam param, @Nullable TensorShape shape) {
    if (isBias && biases != null) {
      return biases;
    }
    Group others = rest;
    if (others == null) {
      return weights;
    }
    boolean isHidden =
        !isBias
            && param.isWeight()
            && shape != null
            && shape.isMatrix()
            && !(layer instanceof BaseOutputLayer
                || layer instanceof EmbeddingLayer
                || layer instanceof EmbeddingSequenceLayer);
    return isHidden && !ofRest.test(param) ? weights : others;
  }

  private boolean needsShapes() {
    return rest != null || isShaped(weights) || isShaped(ofBiases());
  }

  private static boolean isShaped(Group group) {
    return group.updater instanceof TorchUpdater torch && torch.needsShapes();
  }

  private static List<? extends Regularization> beside(Group group) {
    return group.updater instanceof TorchUpdater torch ? torch.beside() : List.of();
  }

  private @Nullable IUpdater updater(
      int slot, Group group, List<String> names, Map<String, TensorShape> shapes, Layer layer) {
    if (isShaped(group)) {
      List<TensorShape> own = new ArrayList<>();
      for (String name : names) {
        TensorShape shape = shapes.get(name);
        if (shape == null) {
          throw new IllegalArgumentException(
              group.updater.getClass().getSimpleName()
                  + " must know the shape that PyTorch has for every parameter, which is not known"
                  + " here of "
                  + name
                  + " of "
                  + layer.getLayerName()
                  + ", a "
                  + layer.getClass().getSimpleName());
        }
        own.add(shape);
      }
      return ((TorchUpdater) group.updater).shaped(own);
    }
    boolean hasOwn = rest != null || isShaped(weights) || (slot == 1 && biases != null);
    return slot == 0 || hasOwn ? group.updater.clone() : null;
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
}
