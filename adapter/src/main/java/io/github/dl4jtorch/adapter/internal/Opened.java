package io.github.dl4jtorch.adapter.internal;

import java.util.function.Consumer;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.jspecify.annotations.Nullable;

/**
 * Layers with a layer normalization whose gain can be treated apart from the weights. DL4J's own
 * have one updater and one weight decay for both; one that stands in its place computes the same
 * and has another place for the gain.
 */
public final class Opened {

  private Opened() {}

  /** Tells whether a parameter of a layer is the gain of a layer normalization. */
  public static boolean isGain(TrainingConfig inner, String name) {
    return name.equals(DefaultParamInitializer.GAIN_KEY) && isNormalized(inner);
  }

  /** Tells whether a layer has a layer normalization. */
  public static boolean isNormalized(TrainingConfig inner) {
    return (inner instanceof DenseLayer dense && dense.hasLayerNorm())
        || (inner instanceof SimpleRnn rnn && rnn.hasLayerNorm());
  }

  /** Returns what is to take a layer's place, null if nothing can. */
  public static org.deeplearning4j.nn.conf.layers.@Nullable Layer of(TrainingConfig layer) {
    // DL4J cannot train a SimpleRnn with a layer normalization in any case.
    return isNormalized(layer) && layer.getClass() == DenseLayer.class
        ? new OpenedDense((DenseLayer) layer)
        : null;
  }

  static @Nullable GainSlot gain(TrainingConfig layer) {
    return layer instanceof OpenedDense dense ? dense.gain() : null;
  }

  /** Puts one layer of a network's configuration in the place of another. */
  public static void replace(
      Model net, TrainingConfig present, org.deeplearning4j.nn.conf.layers.Layer other) {
    for (Layer layer : new LiveNetwork(net).layers()) {
      replace(layer.conf(), present, other);
    }
    if (net instanceof MultiLayerNetwork layers) {
      for (NeuralNetConfiguration conf : layers.getLayerWiseConfigurations().getConfs()) {
        replace(conf, present, other);
      }
    } else {
      ((ComputationGraph) net)
          .getConfiguration()
          .getVertices()
          .values()
          .forEach(
              vertex -> {
                if (vertex instanceof LayerVertex layer) {
                  replace(layer.getLayerConf(), present, other);
                }
              });
    }
  }

  private static void replace(
      NeuralNetConfiguration conf,
      TrainingConfig present,
      org.deeplearning4j.nn.conf.layers.Layer other) {
    replace(conf.getLayer(), conf::setLayer, present, other);
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private static void replace(
      org.deeplearning4j.nn.conf.layers.Layer layer,
      Consumer<org.deeplearning4j.nn.conf.layers.Layer> setter,
      TrainingConfig present,
      org.deeplearning4j.nn.conf.layers.Layer other) {
    if (layer == present) {
      setter.accept(other);
    } else if (layer instanceof Bidirectional both) {
      replace(both.getFwd(), both::setFwd, present, other);
      replace(both.getBwd(), both::setBwd, present, other);
    } else if (layer instanceof BaseWrapperLayer wrapper) {
      replace(wrapper.getUnderlying(), wrapper::setUnderlying, present, other);
    }
  }

  /** Copies what all layers with weights have. */
  static void copy(FeedForwardLayer from, FeedForwardLayer to) {
    to.setLayerName(from.getLayerName());
    to.setIDropout(from.getIDropout());
    to.setConstraints(from.getConstraints());
    to.setActivationFn(from.getActivationFn());
    to.setWeightInitFn(from.getWeightInitFn());
    to.setBiasInit(from.getBiasInit());
    to.setGainInit(from.getGainInit());
    to.setRegularization(from.getRegularization());
    to.setRegularizationBias(from.getRegularizationBias());
    to.setIUpdater(from.getIUpdater());
    to.setBiasUpdater(from.getBiasUpdater());
    to.setWeightNoise(from.getWeightNoise());
    to.setGradientNormalization(from.getGradientNormalization());
    to.setGradientNormalizationThreshold(from.getGradientNormalizationThreshold());
    to.setNIn(from.getNIn());
    to.setNOut(from.getNOut());
    to.setTimeDistributedFormat(from.getTimeDistributedFormat());
  }
}
