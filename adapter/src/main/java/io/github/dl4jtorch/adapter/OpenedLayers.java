package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.Opened;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.layers.Layer;

/**
 * The layers of a network in whose place others stand, so that gains of layer normalizations can be
 * in other groups than the weights beside them.
 */
record OpenedLayers(Model net, Map<Layer, Layer> layers) {

  /** Puts other layers in the place of those whose gain is to be parted from the weights. */
  static OpenedLayers of(Model net, List<UpdaterBlocks.Param> params, int[] groups) {
    Map<Layer, Layer> layers = new IdentityHashMap<>();
    for (int i = 0; i < groups.length; i++) {
      TrainingConfig config = params.get(i).config();
      if (config instanceof Layer layer
          && Opened.isGain(config, params.get(i).name())
          && isParted(params, groups, i)) {
        Layer other = Opened.of(layer);
        if (other != null) {
          layers.put(layer, other);
        }
      }
    }
    layers.forEach((layer, other) -> Opened.replace(net, layer, other));
    return new OpenedLayers(net, layers);
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private static boolean isParted(List<UpdaterBlocks.Param> params, int[] groups, int gain) {
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param other = params.get(i);
      if (other.config() == params.get(gain).config()
          && groups[i] != groups[gain]
          && UpdaterSlots.named(other.config(), other.name()).isWeight()) {
        return true;
      }
    }
    return false;
  }

  boolean isEmpty() {
    return layers.isEmpty();
  }

  void undo() {
    layers.forEach((layer, other) -> Opened.replace(net, other, layer));
  }
}
