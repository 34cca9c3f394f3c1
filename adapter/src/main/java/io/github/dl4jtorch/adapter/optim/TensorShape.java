package io.github.dl4jtorch.adapter.optim;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
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
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * How the tensor that PyTorch has for a parameter lies in the network's flat array, but for the
 * order of its rows: DL4J has an LSTM's gates in another one, and no updater minds.
 *
 * @param memory the sizes of the dimensions in memory, the last of neighbours
 * @param torch for each dimension of PyTorch's tensor its place among those
 */
record TensorShape(List<Long> memory, List<Integer> torch) {

  @JsonCreator
  TensorShape(
      @JsonProperty(value = "memory", required = true) List<Long> memory,
      @JsonProperty(value = "torch", required = true) List<Integer> torch) {
    this.memory = List.copyOf(memory);
    this.torch = List.copyOf(torch);
  }

  /**
   * Finds the shapes of a layer's parameters.
   *
   * @param layer the layer, whose sizes are known
   * @return the shapes by DL4J's names, without those that PyTorch has not
   */
  static Map<String, TensorShape> of(Layer layer) {
    long length = layer.initializer().numParams(layer);
    if (length <= 0) {
      return Map.of();
    }
    NeuralNetConfiguration asked = new NeuralNetConfiguration();
    asked.setLayer(layer);
    INDArray room = Nd4j.createUninitialized(DataType.FLOAT, 1, length);
    Map<String, TensorShape> shapes = new LinkedHashMap<>();
    layer
        .initializer()
        .init(asked, room, false)
        .forEach(
            (name, param) -> {
              TensorShape shape =
                  layer.initializer().isBiasParam(layer, name)
                      ? vector(param.length())
                      : of(layer, name, param);
              if (shape != null) {
                shapes.put(name, shape);
              }
            });
    return shapes;
  }

  private static @Nullable TensorShape of(Layer layer, String name, INDArray param) {
    long[] own = param.shape();
    if (layer instanceof BatchNormalization || layer instanceof PReLULayer || name.equals("g")) {
      return vector(param.length());
    } else if (layer instanceof Deconvolution3D) {
      return of(param, 4, 3, 0, 1, 2);
    } else if (layer instanceof DepthwiseConvolution2D) {
      return new TensorShape(List.of(own[0], own[1], own[2] * own[3], 1L), List.of(2, 3, 0, 1));
    } else if (layer instanceof SeparableConvolution2D && name.equals("W")) {
      return new TensorShape(List.of(own[0] * own[1], 1L, own[2], own[3]), List.of(0, 1, 2, 3));
    } else if (layer instanceof Convolution1DLayer) {
      // The array says [out, in, k, 1], and DL4J takes its elements for [k, in, out].
      return new TensorShape(List.of(own[2], own[1], own[0]), List.of(2, 1, 0));
    } else if (layer instanceof Convolution3D) {
      return of(param, 0, 1, 2, 3, 4);
    } else if (layer instanceof ConvolutionLayer || layer instanceof Deconvolution2D) {
      return of(param, 0, 1, 2, 3);
    } else if (layer instanceof EmbeddingLayer || layer instanceof EmbeddingSequenceLayer) {
      return of(param, 0, 1);
    } else if (layer instanceof DenseLayer
        || layer instanceof BaseOutputLayer
        || layer instanceof LSTM
        || layer instanceof SimpleRnn) {
      return own.length == 2 ? of(param, 1, 0) : null;
    }
    return null;
  }

  /** Returns the shape of a vector. */
  static TensorShape vector(long length) {
    return new TensorShape(List.of(length), List.of(0));
  }

  /** Returns the shape of an array whose dimensions PyTorch has in another order. */
  private static TensorShape of(INDArray param, Integer... order) {
    int rank = param.rank();
    boolean isReversed = param.ordering() == 'f';
    List<Long> memory = new ArrayList<>();
    List<Integer> torch = new ArrayList<>();
    for (int dim = 0; dim < rank; dim++) {
      memory.add(param.size(isReversed ? rank - 1 - dim : dim));
      torch.add(isReversed ? rank - 1 - order[dim] : order[dim]);
    }
    return new TensorShape(memory, torch);
  }

  long length() {
    return memory.stream().reduce(1L, (product, size) -> product * size);
  }

  /** Tells whether PyTorch has two dimensions or more. */
  boolean isMatrix() {
    return torch.size() > 1;
  }

  /** Returns the size of a dimension of PyTorch's tensor, of the last ones if below 0. */
  long size(int dim) {
    return memory.get(place(dim));
  }

  /** Returns where in memory a dimension of PyTorch's tensor is, of the last ones if below 0. */
  int place(int dim) {
    return torch.get(dim < 0 ? torch.size() + dim : dim);
  }

  /** Tells whether the first dimension of PyTorch's tensor is the first in memory, too. */
  boolean isRowByRow() {
    return place(0) == 0;
  }
}
