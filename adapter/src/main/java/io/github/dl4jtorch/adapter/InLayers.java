package io.github.dl4jtorch.adapter;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * Selects the parameters of some layers, or all others.
 *
 * @param layers the layers' names
 * @param isNegated true to select all others
 */
record InLayers(Set<String> layers, boolean isNegated) implements Predicate<NetworkParam> {

  @Override
  public boolean test(NetworkParam param) {
    return layers.contains(param.layer()) != isNegated;
  }

  @Override
  public InLayers negate() {
    return new InLayers(layers, !isNegated);
  }

  /**
   * Refuses selections of layers of which a network has none. Some may be missing, so that one
   * selection serves several networks.
   */
  static void requireKnown(Model net, List<? extends Predicate<NetworkParam>> selections) {
    Set<String> known = names(net);
    for (Predicate<NetworkParam> selection : selections) {
      if (selection instanceof InLayers named && Collections.disjoint(named.layers, known)) {
        throw new IllegalArgumentException(
            "layers must be some of "
                + known
                + " but were "
                + named.layers
                + ": name them as in NetworkParam.inLayers(\""
                + known.iterator().next()
                + "\")");
      }
    }
  }

  private static Set<String> names(Model net) {
    if (net instanceof ComputationGraph graph) {
      return graph.getConfiguration().getVertices().keySet();
    }
    Set<String> names = new LinkedHashSet<>();
    Arrays.stream(((MultiLayerNetwork) net).getLayers())
        .forEach(layer -> names.add(layer.conf().getLayer().getLayerName()));
    return names;
  }
}
