package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.samediff.AbstractSameDiffLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * An updater together with its weight decay, for a layer or a whole network, as an optimizer of
 * PyTorch has both.
 *
 * <pre>
 * g = g + weight_decay p         coupled: before the updater sees the gradient
 * p = p - lr weight_decay p      decoupled: beside the updater, as in AdamW
 * </pre>
 *
 * <p>As in PyTorch the decay acts on weights and biases, unless biases are given settings of their
 * own, and on gamma and beta of {@link TorchBatchNormalization}; DL4J's own {@code
 * BatchNormalization} is never decayed. Do not set a weight decay in {@code
 * NeuralNetConfiguration.Builder} as well: DL4J applies that one twice.
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
  private record Group(IUpdater updater, double weightDecay, boolean isDecoupled) {

    static Group of(IUpdater updater, double weightDecay) {
      return new Group(
          requireGiven("updater", updater),
          requireNonNegative("weightDecay", weightDecay),
          updater instanceof TorchAdamW);
    }

    /** Returns what a layer had, with this decay in the place of any other. */
    List<Regularization> regularization(@Nullable List<Regularization> present) {
      List<Regularization> regularization = new ArrayList<>();
      if (present != null) {
        for (Regularization other : present) {
          if (!(other instanceof L2Regularization || other instanceof WeightDecay)) {
            regularization.add(other);
          }
        }
      }
      if (weightDecay > 0) {
        regularization.add(
            isDecoupled ? new WeightDecay(weightDecay, true) : new L2Regularization(weightDecay));
      }
      return regularization;
    }
  }

  private final Group weights;
  private final @Nullable Group biases;

  private TorchOptimizer(Group weights, @Nullable Group biases) {
    this.weights = weights;
    this.biases = biases;
  }

  /**
   * Takes an updater without weight decay.
   *
   * @param updater the updater, any of this package or of DL4J
   * @return the optimizer
   */
  public static TorchOptimizer of(IUpdater updater) {
    return new TorchOptimizer(Group.of(updater, 0), null);
  }

  /**
   * Returns an optimizer with a weight decay: decoupled for {@link TorchAdamW}, coupled for all
   * others.
   *
   * @param weightDecay the decay, finite and {@code >= 0}, by default 0
   * @return the optimizer
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withWeightDecay(double weightDecay) {
    return new TorchOptimizer(Group.of(weights.updater, weightDecay), biases);
  }

  /**
   * Returns an optimizer with a decoupled weight decay for any updater, as PyTorch's RAdam and
   * NAdam have it with {@code decoupled_weight_decay}.
   *
   * @param weightDecay the decay, finite and {@code >= 0}, by default 0
   * @return the optimizer
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withDecoupledWeightDecay(double weightDecay) {
    Group checked = Group.of(weights.updater, weightDecay);
    return new TorchOptimizer(new Group(checked.updater, weightDecay, true), biases);
  }

  /**
   * Returns an optimizer that treats biases, and the beta of {@link TorchBatchNormalization}, as
   * another param group. The updaters must differ in something for the biases' rate to be set
   * separately in training.
   *
   * @param updater the updater of the biases
   * @param weightDecay the decay of the biases, finite and {@code >= 0}, decoupled for {@link
   *     TorchAdamW}
   * @return the optimizer
   * @throws IllegalArgumentException if the decay is out of its range
   */
  @CheckReturnValue
  public TorchOptimizer withBiases(IUpdater updater, double weightDecay) {
    return new TorchOptimizer(weights, Group.of(updater, weightDecay));
  }

  /**
   * Sets updater and decay in the builder of a layer. L1 regularization and the like stay.
   *
   * @param layer the builder
   * @param <B> the builder's class
   * @return the same builder
   */
  public <B extends BaseLayer.Builder<?>> B applyTo(B layer) {
    layer.setIupdater(weights.updater.clone());
    layer.setBiasUpdater(biasUpdater());
    layer.setRegularization(weights.regularization(layer.getRegularization()));
    layer.setRegularizationBias(ofBiases().regularization(layer.getRegularizationBias()));
    return layer;
  }

  /**
   * Sets updater and decay in every layer that is not frozen.
   *
   * @param configuration the configuration of a network that is not built yet
   * @return the same configuration
   */
  public MultiLayerConfiguration applyTo(MultiLayerConfiguration configuration) {
    for (NeuralNetConfiguration layer : configuration.getConfs()) {
      set(layer.getLayer());
    }
    return configuration;
  }

  /**
   * Sets updater and decay in every layer that is not frozen.
   *
   * @param configuration the configuration of a network that is not built yet
   * @return the same configuration
   * @throws IllegalArgumentException if there is a vertex with parameters that is not a layer;
   *     nothing is changed
   */
  public ComputationGraphConfiguration applyTo(ComputationGraphConfiguration configuration) {
    configuration.getVertices().forEach(TorchOptimizer::requireLayer);
    for (GraphVertex vertex : configuration.getVertices().values()) {
      if (vertex instanceof LayerVertex layer) {
        set(layer.getLayerConf().getLayer());
      }
    }
    return configuration;
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

  private void set(Layer layer) {
    if (layer instanceof BaseLayer base) {
      base.setIUpdater(weights.updater.clone());
      base.setBiasUpdater(biasUpdater());
      base.setRegularization(weights.regularization(base.getRegularization()));
      base.setRegularizationBias(ofBiases().regularization(base.getRegularizationBias()));
    } else if (layer instanceof AbstractSameDiffLayer sameDiff) {
      sameDiff.setUpdater(weights.updater.clone());
      sameDiff.setBiasUpdater(biasUpdater());
      sameDiff.setRegularization(weights.regularization(sameDiff.getRegularization()));
      sameDiff.setRegularizationBias(ofBiases().regularization(sameDiff.getRegularizationBias()));
    } else if (layer instanceof Bidirectional both) {
      set(both.getFwd());
      set(both.getBwd());
    } else if (layer instanceof BaseWrapperLayer wrapper
        && !(layer instanceof FrozenLayerWithBackprop)) {
      set(wrapper.getUnderlying());
    }
    // What is left has no parameters, or is frozen.
  }

  private Group ofBiases() {
    return biases == null ? weights : biases;
  }

  private @Nullable IUpdater biasUpdater() {
    return biases == null ? null : biases.updater.clone();
  }
}
