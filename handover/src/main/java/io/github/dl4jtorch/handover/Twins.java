package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.conf.preprocessor.CnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Finds what PyTorch has in the place of each parameter of a network. */
final class Twins {

  /** A layer with parameters, and their twins; none if PyTorch has no such layer. */
  record OfLayer(String name, String kind, List<Twin> twins) {

    /** Returns how many of PyTorch's modules the layer stands for. */
    int parts() {
      return twins.stream().mapToInt(Twin::part).max().orElse(0) + 1;
    }
  }

  private static final String WEIGHT = "weight";
  private static final String BIAS = "bias";

  private final long start;
  private final String layer;
  private final Map<String, INDArray> params;
  private final List<Twin> twins = new ArrayList<>();

  private Twins(long start, String layer, Map<String, INDArray> params) {
    this.start = start;
    this.layer = layer;
    this.params = params;
  }

  /** Returns the layers of a network that have parameters, in the order of its configuration. */
  static List<OfLayer> of(NeuralNetwork net) {
    LiveNetwork.of(net, "weights are handed over");
    List<OfLayer> layers = new ArrayList<>();
    INDArray all = net.params();
    if (net instanceof MultiLayerNetwork multi) {
      for (int i = 0; i < multi.getnLayers(); i++) {
        Layer layer = multi.getLayer(i);
        String name = layer.conf().getLayer().getLayerName();
        add(
            layers,
            all,
            name == null ? "layer" + i : name,
            layer,
            multi.getLayerWiseConfigurations().getInputPreProcess(i));
      }
    } else {
      ComputationGraph graph = (ComputationGraph) net;
      for (Map.Entry<String, GraphVertex> vertex :
          graph.getConfiguration().getVertices().entrySet()) {
        String name = vertex.getKey();
        if (vertex.getValue() instanceof LayerVertex of) {
          add(layers, all, name, graph.getLayer(name), of.getPreProcessor());
        } else if (vertex.getValue().numParams(false) > 0) {
          layers.add(new OfLayer(name, vertex.getValue().getClass().getSimpleName(), List.of()));
        }
      }
    }
    return layers;
  }

  private static void add(
      List<OfLayer> layers,
      INDArray all,
      String name,
      Layer layer,
      @Nullable InputPreProcessor before) {
    Layer inner = layer;
    while (inner instanceof BaseWrapperLayer wrapper) {
      inner = wrapper.getUnderlying();
    }
    Map<String, INDArray> params = inner.paramTable();
    if (params == null || params.isEmpty()) {
      return;
    }
    org.deeplearning4j.nn.conf.layers.Layer conf = inner.conf().getLayer();
    Twins found = new Twins(all.offset(), name, new LinkedHashMap<>(params));
    found.find(conf, before);
    // What is not known in part is not known.
    boolean isWhole = found.params.isEmpty();
    layers.add(
        new OfLayer(name, conf.getClass().getSimpleName(), isWhole ? found.twins : List.of()));
  }

  private void find(
      org.deeplearning4j.nn.conf.layers.Layer conf, @Nullable InputPreProcessor before) {
    if (conf instanceof Deconvolution3D) {
      addDeconvolution3D();
      addSame("b", BIAS);
    } else if (conf instanceof DepthwiseConvolution2D) {
      addDepthwise();
      addSame("b", BIAS);
    } else if (conf instanceof SeparableConvolution2D) {
      addSeparable();
    } else if (conf instanceof Convolution1DLayer) {
      INDArray weight = params.get("W");
      if (weight != null) {
        long[] torch = {weight.size(0), weight.size(1), weight.size(2)};
        // The array says [out, in, k, 1], and DL4J takes its elements for [k, in, out].
        add("W", 0, torch, Layout.permuted(torch, 2, 1, 0), Twin.Kind.TRAINED, WEIGHT);
      }
      addSame("b", BIAS);
    } else if (conf instanceof ConvolutionLayer
        || conf instanceof Convolution3D
        || conf instanceof Deconvolution2D
        || conf instanceof EmbeddingLayer
        || conf instanceof EmbeddingSequenceLayer) {
      INDArray weight = params.get("W");
      if (weight != null) {
        add("W", 0, weight.shape(), Layout.same(weight.shape()), Twin.Kind.TRAINED, WEIGHT);
      }
      addSame("b", BIAS);
    } else if (conf instanceof BatchNormalization) {
      addSame("gamma", WEIGHT);
      addSame("beta", BIAS);
      addStatistic("mean", "running_mean", Twin.Kind.BUFFER);
      addStatistic("var", "running_var", Twin.Kind.BUFFER);
      addStatistic("log10stdev", "running_var", Twin.Kind.LOG_STD);
    } else if (conf instanceof PReLULayer) {
      addSame("W", WEIGHT);
    } else if (conf instanceof Bidirectional both) {
      addRecurrent(both.getFwd(), "f", "");
      addRecurrent(both.getBwd(), "b", "_reverse");
    } else if (conf instanceof LSTM || conf instanceof SimpleRnn) {
      addRecurrent(conf, "", "");
    } else if (conf instanceof DenseLayer || conf instanceof BaseOutputLayer) {
      addDense(before);
    }
  }

  private void addDense(@Nullable InputPreProcessor before) {
    INDArray weight = params.get("W");
    if (weight == null) {
      return;
    }
    long in = weight.size(0);
    long out = weight.size(1);
    Layout layout = Layout.transposed(out, in);
    if (before instanceof CnnToFeedForwardPreProcessor flat
        && flat.getFormat() == CNN2DFormat.NHWC
        && flat.getNumChannels() * flat.getInputHeight() * flat.getInputWidth() == in) {
      // PyTorch flattens channel by channel, a network with channels last pixel by pixel.
      layout =
          Layout.permuted(
              new long[] {out, flat.getNumChannels(), flat.getInputHeight(), flat.getInputWidth()},
              2,
              3,
              1,
              0);
    }
    add("W", 0, new long[] {out, in}, layout, Twin.Kind.TRAINED, WEIGHT);
    if (params.containsKey("g")) {
      // The bias is behind the layer normalization, so it is that module's.
      addFlat("g", 1, WEIGHT);
      addFlat("b", 1, BIAS);
    } else {
      addSame("b", BIAS);
    }
  }

  private void addDeconvolution3D() {
    INDArray weight = params.get("W");
    if (weight == null) {
      return;
    }
    long[] own = weight.shape();
    long[] shape = {own[4], own[3], own[0], own[1], own[2]};
    add("W", 0, shape, Layout.permuted(shape, 2, 3, 4, 1, 0), Twin.Kind.TRAINED, WEIGHT);
  }

  private void addDepthwise() {
    INDArray weight = params.get("W");
    if (weight == null) {
      return;
    }
    long height = weight.size(0);
    long width = weight.size(1);
    long in = weight.size(2);
    long multiplier = weight.size(3);
    add(
        "W",
        0,
        new long[] {in * multiplier, 1, height, width},
        Layout.permuted(new long[] {in, multiplier, height, width}, 2, 3, 0, 1),
        Twin.Kind.TRAINED,
        WEIGHT);
  }

  private void addSeparable() {
    INDArray depth = params.get("W");
    INDArray point = params.get("pW");
    if (depth == null || point == null) {
      return;
    }
    long multiplier = depth.size(0);
    long in = depth.size(1);
    add(
        "W",
        0,
        new long[] {in * multiplier, 1, depth.size(2), depth.size(3)},
        Layout.permuted(new long[] {in, multiplier, depth.size(2), depth.size(3)}, 1, 0, 2, 3),
        Twin.Kind.TRAINED,
        WEIGHT);
    add("pW", 1, point.shape(), Layout.same(point.shape()), Twin.Kind.TRAINED, WEIGHT);
    addFlat("b", 1, BIAS);
  }

  private void addRecurrent(
      org.deeplearning4j.nn.conf.layers.Layer conf, String prefix, String suffix) {
    boolean isLstm = conf instanceof LSTM;
    if (!isLstm && !(conf instanceof SimpleRnn)) {
      return;
    }
    for (String name : List.of("W", "RW")) {
      INDArray weight = params.get(prefix + name);
      if (weight != null) {
        long[] shape = {weight.size(1), weight.size(0)};
        Layout layout = Layout.transposed(shape[0], shape[1]);
        add(
            prefix + name,
            0,
            shape,
            isLstm ? layout.withLstmGates() : layout,
            Twin.Kind.TRAINED,
            (name.equals("W") ? "weight_ih_l0" : "weight_hh_l0") + suffix);
      }
    }
    INDArray bias = params.get(prefix + "b");
    if (bias != null) {
      Layout layout = Layout.same(bias.length());
      add(
          prefix + "b",
          0,
          new long[] {bias.length()},
          isLstm ? layout.withLstmGates() : layout,
          Twin.Kind.TRAINED,
          "bias_ih_l0" + suffix,
          "bias_hh_l0" + suffix);
    }
  }

  private void addSame(String param, String leaf) {
    addFlat(param, 0, leaf);
  }

  private void addFlat(String param, int part, String leaf) {
    INDArray own = params.get(param);
    if (own != null) {
      long[] shape = {own.length()};
      add(param, part, shape, Layout.same(shape), Twin.Kind.TRAINED, leaf);
    }
  }

  private void addStatistic(String param, String leaf, Twin.Kind kind) {
    INDArray own = params.get(param);
    if (own != null) {
      long[] shape = {own.length()};
      add(param, 0, shape, Layout.same(shape), kind, leaf);
    }
  }

  private void add(
      String param, int part, long[] shape, Layout layout, Twin.Kind kind, String... leaves) {
    INDArray own = Objects.requireNonNull(params.remove(param));
    twins.add(
        new Twin(
            layer, param, own, own.offset() - start, part, List.of(leaves), shape, layout, kind));
  }
}
