package io.github.dl4jtorch.adapter;

import java.util.List;
import java.util.stream.LongStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.recurrent.TimeDistributed;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Small networks, each with a layer of another kind, and a batch of two examples for each. */
enum LayerKind {
  DENSE(Shape.FLAT) {
    @Override
    Layer layer() {
      return dense();
    }
  },
  CONVOLUTION(Shape.IMAGE) {
    @Override
    Layer layer() {
      return new ConvolutionLayer.Builder(2, 2).nOut(2).activation(Activation.TANH).build();
    }
  },
  BATCH_NORMALIZATION(Shape.IMAGE) {
    @Override
    Layer layer() {
      return new BatchNormalization();
    }
  },
  LSTM(Shape.SEQUENCE) {
    @Override
    Layer layer() {
      return lstm();
    }
  },
  EMBEDDING(Shape.INDEX) {
    @Override
    Layer layer() {
      return new EmbeddingLayer.Builder().nIn(4).nOut(3).hasBias(true).build();
    }
  },
  FROZEN(Shape.FLAT) {
    @Override
    Layer layer() {
      return new FrozenLayer(dense());
    }
  },
  FROZEN_WITH_BACKPROP(Shape.FLAT) {
    @Override
    Layer layer() {
      return new FrozenLayerWithBackprop(dense());
    }
  },
  BIDIRECTIONAL(Shape.SEQUENCE) {
    @Override
    Layer layer() {
      return new Bidirectional(lstm());
    }
  },
  LAST_TIME_STEP(Shape.SEQUENCE_TO_ONE) {
    @Override
    Layer layer() {
      return new LastTimeStep(lstm());
    }
  },
  TIME_DISTRIBUTED(Shape.SEQUENCE) {
    @Override
    Layer layer() {
      return new TimeDistributed(dense());
    }
  },
  MASK_ZERO(Shape.SEQUENCE) {
    @Override
    Layer layer() {
      return new MaskZeroLayer.Builder().underlying(lstm()).maskValue(-1).build();
    }
  },
  SAME_DIFF(Shape.FLAT) {
    @Override
    Layer layer() {
      return new SameDiffDense(3, 3);
    }
  };

  private enum Shape {
    FLAT,
    INDEX,
    IMAGE,
    SEQUENCE,
    SEQUENCE_TO_ONE;

    InputType input() {
      return switch (this) {
        case FLAT, INDEX -> InputType.feedForward(3);
        case IMAGE -> InputType.convolutional(3, 3, 1);
        case SEQUENCE, SEQUENCE_TO_ONE -> InputType.recurrent(3);
      };
    }

    INDArray features() {
      return switch (this) {
        case FLAT -> ramp(0.31, 2, 3);
        case INDEX -> Nd4j.createFromArray(new double[][] {{1}, {3}});
        case IMAGE -> ramp(0.31, 2, 1, 3, 3);
        case SEQUENCE, SEQUENCE_TO_ONE -> ramp(0.31, 2, 3, 4);
      };
    }
  }

  private final Shape shape;

  LayerKind(Shape shape) {
    this.shape = shape;
  }

  abstract Layer layer();

  private static DenseLayer dense() {
    return new DenseLayer.Builder().nOut(3).activation(Activation.TANH).build();
  }

  private static LSTM lstm() {
    return new LSTM.Builder().nOut(3).build();
  }

  private Layer output() {
    if (shape == Shape.SEQUENCE) {
      return new RnnOutputLayer.Builder(LossFunction.MSE)
          .nOut(2)
          .activation(Activation.IDENTITY)
          .build();
    }
    return new OutputLayer.Builder(LossFunction.MSE)
        .nOut(2)
        .activation(Activation.IDENTITY)
        .build();
  }

  MultiLayerConfiguration layersConfiguration(IUpdater updater, IUpdater biasUpdater) {
    NeuralNetConfiguration.ListBuilder builder =
        Nets.settings(updater).biasUpdater(biasUpdater).list();
    if (this == EMBEDDING) {
      return builder
          .layer(layer())
          .layer(new OutputLayer.Builder(LossFunction.MSE).nIn(3).nOut(2).build())
          .build();
    }
    return builder.layer(layer()).layer(output()).setInputType(shape.input()).build();
  }

  ComputationGraphConfiguration graphConfiguration(IUpdater updater, IUpdater biasUpdater) {
    GraphBuilder builder =
        Nets.settings(updater).biasUpdater(biasUpdater).graphBuilder().addInputs("in");
    if (this == EMBEDDING) {
      return builder
          .addLayer("a", layer(), "in")
          .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).nIn(3).nOut(2).build(), "a")
          .setOutputs("out")
          .build();
    }
    return builder
        .addLayer("a", layer(), "in")
        .addLayer("out", output(), "a")
        .setOutputs("out")
        .setInputTypes(shape.input())
        .build();
  }

  /** Returns a network of each of DL4J's two kinds. */
  List<Model> networks(IUpdater updater, IUpdater biasUpdater) {
    ComputationGraph graph = new ComputationGraph(graphConfiguration(updater, biasUpdater));
    graph.init();
    return List.of(Nets.init(layersConfiguration(updater, biasUpdater)), graph);
  }

  DataSet batch() {
    INDArray labels = shape == Shape.SEQUENCE ? ramp(0.17, 2, 2, 4) : ramp(0.17, 2, 2);
    return new DataSet(shape.features(), labels.addi(3));
  }

  private static INDArray ramp(double step, long... shape) {
    long length = LongStream.of(shape).reduce(1, (a, b) -> a * b);
    double[] values =
        LongStream.range(0, length).mapToDouble(i -> Math.sin(1 + i * step)).toArray();
    return Nd4j.createFromArray(values).reshape(shape);
  }
}
