package io.github.dl4jtorch.adapter;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.samediff.AbstractSameDiffLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The updaters with a learning rate that a configuration holds, wherever it holds them. Frozen
 * layers and vertices are left out, since nothing reads their updaters.
 */
final class ConfiguredUpdaters {

  /**
   * One field that holds an updater.
   *
   * @param layer the name of the layer or vertex, empty if the updater is in none yet
   * @param updater what the field holds, maybe shared with other fields
   * @param setter writes the field
   */
  record Place(String layer, IUpdater updater, Consumer<IUpdater> setter) {
    @Override
    public String toString() {
      String kind = "the " + updater.getClass().getSimpleName();
      return layer.isEmpty() ? kind : kind + " of " + layer;
    }
  }

  private final List<Layer> layers = new ArrayList<>();
  private final Map<String, SameDiffVertex> vertices = new LinkedHashMap<>();

  ConfiguredUpdaters(MultiLayerConfiguration configuration) {
    for (NeuralNetConfiguration layer : configuration.getConfs()) {
      layers.add(layer.getLayer());
    }
  }

  ConfiguredUpdaters(ComputationGraphConfiguration configuration) {
    configuration
        .getVertices()
        .forEach(
            (name, vertex) -> {
              if (vertex instanceof LayerVertex layer) {
                layers.add(layer.getLayerConf().getLayer());
              } else if (vertex instanceof SameDiffVertex sameDiff) {
                vertices.put(name, sameDiff);
              }
            });
  }

  /** Finds the fields of a network's configuration. */
  static ConfiguredUpdaters of(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? new ConfiguredUpdaters(layers.getLayerWiseConfigurations())
        : new ConfiguredUpdaters(((ComputationGraph) net).getConfiguration());
  }

  /** Returns the layers, wrappers as they are. */
  List<Layer> layers() {
    return layers;
  }

  /** Returns the fields as they are now. */
  List<Place> places() {
    return places(UnaryOperator.identity());
  }

  /**
   * Gives every field another updater. DL4J's copies of a configuration share the layers inside
   * wrappers, so these are copied first.
   *
   * @param updaters from each present updater object to the one to take its place
   * @return from each layer that was copied to its copy
   */
  IdentityHashMap<Layer, Layer> replace(IdentityHashMap<IUpdater, IUpdater> updaters) {
    IdentityHashMap<Layer, Layer> copies = new IdentityHashMap<>();
    List<Place> places = places(layer -> copies.computeIfAbsent(layer, Layer::clone));
    for (Place place : places) {
      IUpdater updater = updaters.get(place.updater);
      if (updater != null) {
        place.setter.accept(updater);
      }
    }
    return copies;
  }

  private List<Place> places(UnaryOperator<Layer> wrapped) {
    List<Place> places = new ArrayList<>();
    for (Layer layer : layers) {
      add(layer, wrapped, places);
    }
    vertices.forEach(
        (name, vertex) -> {
          add(name, vertex.getUpdater(), vertex::setUpdater, places);
          add(name, vertex.getBiasUpdater(), vertex::setBiasUpdater, places);
        });
    return places;
  }

  private static void add(Layer layer, UnaryOperator<Layer> wrapped, List<Place> places) {
    String name = layer.getLayerName();
    if (layer instanceof BaseLayer base) {
      add(name, base.getIUpdater(), base::setIUpdater, places);
      add(name, base.getBiasUpdater(), base::setBiasUpdater, places);
    } else if (layer instanceof AbstractSameDiffLayer sameDiff) {
      add(name, sameDiff.getUpdater(), sameDiff::setUpdater, places);
      add(name, sameDiff.getBiasUpdater(), sameDiff::setBiasUpdater, places);
    } else if (layer instanceof Bidirectional both) {
      both.setFwd(wrapped.apply(both.getFwd()));
      both.setBwd(wrapped.apply(both.getBwd()));
      add(both.getFwd(), wrapped, places);
      add(both.getBwd(), wrapped, places);
    } else if (layer instanceof BaseWrapperLayer wrapper) {
      // FrozenLayerWithBackprop among them: unlike a FrozenLayer's, DL4J reads its updater.
      wrapper.setUnderlying(wrapped.apply(wrapper.getUnderlying()));
      add(wrapper.getUnderlying(), wrapped, places);
    }
  }

  private static void add(
      String layer, @Nullable IUpdater updater, Consumer<IUpdater> setter, List<Place> places) {
    if (updater != null && updater.hasLearningRate()) {
      places.add(new Place(layer, updater, setter));
    }
  }
}
