package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.layers.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.normalization.BatchNormalization;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * A layer of batch normalization at work, and its running statistics, which DL4J keeps among the
 * parameters: the variance as it is, or the logarithm of the standard deviation.
 */
final class BatchNorm {

  /** Below this, what normalization adds to a variance hides it, and a logarithm goes to -Inf. */
  private static final double SMALLEST = 1e-37;

  private static final double LN_100 = Math.log(100);

  private final BatchNormalization layer;
  private final @Nullable BaseWrapperLayer wrapper;
  private final boolean isFrozen;
  private final INDArray mean;
  private final INDArray spread;
  private final boolean isLog;

  private BatchNorm(
      BatchNormalization layer, @Nullable BaseWrapperLayer wrapper, boolean isFrozen) {
    this.layer = layer;
    this.wrapper = wrapper;
    this.isFrozen = isFrozen;
    this.isLog = layer.layerConf().isUseLogStd();
    this.mean = layer.getParam(BatchNormalizationParamInitializer.GLOBAL_MEAN);
    this.spread =
        layer.getParam(
            isLog
                ? BatchNormalizationParamInitializer.GLOBAL_LOG_STD
                : BatchNormalizationParamInitializer.GLOBAL_VAR);
  }

  /** Finds all of a network, those inside wrappers included. */
  static List<BatchNorm> allOf(LiveNetwork net) {
    List<BatchNorm> found = new ArrayList<>();
    for (Layer layer : net.layers()) {
      Layer inner = layer;
      BaseWrapperLayer wrapper = null;
      boolean isFrozen = false;
      while (inner instanceof BaseWrapperLayer outer) {
        wrapper = outer;
        isFrozen |= outer instanceof FrozenLayer || outer instanceof FrozenLayerWithBackprop;
        inner = outer.getUnderlying();
      }
      if (inner instanceof BatchNormalization normalization) {
        found.add(new BatchNorm(normalization, wrapper, isFrozen));
      }
    }
    return found;
  }

  /** Whether a parameter is one of the running statistics. */
  boolean owns(INDArray parameter) {
    return parameter == mean || parameter == spread;
  }

  /** Whether the layer is frozen, so that it normalizes by its statistics in training too. */
  boolean isFrozen() {
    return isFrozen;
  }

  /** Returns what the layer is wrapped in, null if it is not. */
  @Nullable BaseWrapperLayer wrapper() {
    return wrapper;
  }

  String name() {
    String given = layer.layerConf().getLayerName();
    return given == null ? "layer " + layer.getIndex() : given;
  }

  /** Returns what went into the layer in the last forward pass. */
  INDArray input() {
    return layer.input();
  }

  boolean hasChannelsLast() {
    return layer.layerConf().getCnn2DFormat() == CNN2DFormat.NHWC;
  }

  long channels() {
    return mean.length();
  }

  INDArray mean() {
    return mean;
  }

  /** Returns what the layer stores of the running variance. */
  INDArray spread() {
    return spread;
  }

  /** Whether the statistics are more than numbers to be averaged as they are. */
  boolean hasLogarithm() {
    return isLog;
  }

  /** Returns a copy of the running variance, in double precision. */
  INDArray variance() {
    return variance(spread);
  }

  /** Returns the running variance of which this is what the layer would store. */
  INDArray variance(INDArray stored) {
    INDArray copy = stored.castTo(DataType.DOUBLE);
    if (copy == stored) { // castTo gives back the same array if it is of that type.
      copy = stored.dup();
    }
    return isLog ? Transforms.exp(copy.muli(LN_100), false) : copy;
  }

  void setMean(INDArray value) {
    mean.assign(value.reshape(mean.shape()));
  }

  /** Sets the running variance; the argument may be overwritten. */
  void setVariance(INDArray value) {
    INDArray stored = value.reshape(spread.shape());
    spread.assign(
        isLog
            ? Transforms.log(Transforms.max(stored, SMALLEST, false), false).divi(LN_100)
            : stored);
  }

  /** Takes over the statistics among the parameters of a network of the same architecture. */
  void copyFrom(INDArray params, Weights of) {
    for (INDArray own : List.of(mean, spread)) {
      long start = of.start(own);
      INDArray theirs = params.get(NDArrayIndex.interval(start, start + own.length()));
      own.assign(theirs.reshape(own.shape()));
    }
  }

  /** Takes over the statistics of the same layer in a network of the same architecture. */
  void copyFrom(BatchNorm other) {
    mean.assign(other.mean);
    spread.assign(other.spread);
  }
}
