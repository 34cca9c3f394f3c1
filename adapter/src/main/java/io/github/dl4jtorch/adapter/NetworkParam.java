package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.layers.Layer;

/**
 * A parameter array of a network, by which param groups are chosen.
 *
 * <pre>{@code
 * var head = NetworkParam.inLayers("dense", "output");
 * ParamGroups groups = NetworkParamGroups.of(net, head.negate(), head);
 * }</pre>
 *
 * @param layer the name of its layer or vertex; DL4J calls the first layer "layer0" if it has no
 *     name, and so on
 * @param name its name in the layer, as in DL4J's {@code paramTable()}, like {@code W}, {@code b}
 *     or {@code gamma}
 * @param isWeight true for what DL4J counts as a weight, less the gain of a layer normalization;
 *     false for biases, and for gamma and beta of a batch normalization
 * @param isBias true for what PyTorch calls a bias: those of layers, and beta of a batch
 *     normalization
 * @param isNormalization true for gamma and beta of a batch normalization, and for gain and bias of
 *     a layer with a layer normalization
 */
public record NetworkParam(
    String layer, String name, boolean isWeight, boolean isBias, boolean isNormalization) {

  /**
   * Returns all parameters of a network, those without a learning rate too.
   *
   * @param net the network, initialised
   * @return its parameters, in its order
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   */
  public static List<NetworkParam> of(NeuralNetwork net) {
    LiveNetwork live = LiveNetwork.of(net, "its parameters are named");
    return UpdaterSlots.named(UpdaterBlocks.seen(live.model()));
  }

  /**
   * Returns the parameters that a layer will have in a network.
   *
   * @param layer the layer
   * @return its parameters, in its order
   */
  public static List<NetworkParam> of(Layer layer) {
    return layer.initializer().paramKeys(layer).stream()
        .map(name -> UpdaterSlots.named(layer, name))
        .toList();
  }

  /**
   * Selects all parameters of some layers. Groups refuse this if their network has none of them.
   *
   * @param layers names of layers or vertices
   * @return true for a parameter of one of these
   */
  public static Predicate<NetworkParam> inLayers(String... layers) {
    return new InLayers(new LinkedHashSet<>(Arrays.asList(layers)), false);
  }

  /** Returns the layer and the name, like {@code layer0.W}. */
  @Override
  public String toString() {
    return layer + "." + name;
  }
}
