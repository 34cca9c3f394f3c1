package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** The networks of the recorded trainings, named as PyTorch's modules. */
final class Networks {

  private static final InputType IMAGE = InputType.convolutional(8, 8, 1);

  /** Gives each layer its optimizer. */
  interface Optimizing {
    <B extends BaseLayer.Builder<?>> B apply(B layer);
  }

  private Networks() {}

  private static NeuralNetConfiguration.Builder configuration() {
    return new NeuralNetConfiguration.Builder()
        .dataType(DataType.DOUBLE)
        .seed(3)
        .activation(Activation.IDENTITY);
  }

  /** One optimizer for all. */
  static Optimizing all(TorchUpdater updater, double weightDecay) {
    TorchOptimizer optimizer = TorchOptimizer.of(updater).withWeightDecay(weightDecay);
    return new Optimizing() {
      @Override
      public <B extends BaseLayer.Builder<?>> B apply(B layer) {
        return optimizer.applyTo(layer);
      }
    };
  }

  /** A decay for what has two or more dimensions alone. */
  static Optimizing matrices(TorchUpdater updater, double weightDecay) {
    TorchOptimizer ofMatrices =
        TorchOptimizer.of(updater).withWeightDecay(weightDecay).withBiases(updater, 0);
    TorchOptimizer ofVectors = TorchOptimizer.of(updater).withWeightDecay(0);
    return new Optimizing() {
      @Override
      public <B extends BaseLayer.Builder<?>> B apply(B layer) {
        return (layer instanceof TorchBatchNormalization.Builder ? ofVectors : ofMatrices)
            .applyTo(layer);
      }
    };
  }

  static MultiLayerNetwork cnn(Optimizing optimizing) {
    return cnn(optimizing, new LossMCXENT(0.0, null), DataType.DOUBLE);
  }

  static MultiLayerNetwork cnn(Optimizing optimizing, ILossFunction loss, DataType type) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            configuration()
                .dataType(type)
                .list(
                    optimizing.apply(conv(1, 3, 1, 8).name("conv1")).build(),
                    optimizing.apply(norm(8).name("bn1")).build(),
                    new ActivationLayer(Activation.RELU),
                    pool(),
                    optimizing.apply(conv(8, 3, 1, 16).name("conv2").hasBias(false)).build(),
                    optimizing.apply(norm(16).name("bn2")).build(),
                    new ActivationLayer(Activation.RELU),
                    pool(),
                    optimizing.apply(output(64, loss)).build())
                .setInputType(IMAGE)
                .build());
    net.init();
    return net;
  }

  private static ConvolutionLayer.Builder conv(int in, int kernel, int stride, int out) {
    return new ConvolutionLayer.Builder(kernel, kernel)
        .stride(stride, stride)
        .padding(kernel / 2, kernel / 2)
        .nIn(in)
        .nOut(out);
  }

  private static TorchBatchNormalization.Builder norm(int channels) {
    return new TorchBatchNormalization.Builder().nIn(channels).nOut(channels);
  }

  private static SubsamplingLayer pool() {
    return new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX)
        .kernelSize(2, 2)
        .stride(2, 2)
        .build();
  }

  private static OutputLayer.Builder output(int in, ILossFunction loss) {
    return new OutputLayer.Builder(loss).name("fc").nIn(in).nOut(10).activation(Activation.SOFTMAX);
  }

  static MultiLayerNetwork lstm(Optimizing optimizing) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            configuration()
                .list(
                    new LastTimeStep(
                        optimizing
                            .apply(
                                new LSTM.Builder()
                                    .name("lstm")
                                    .nIn(8)
                                    .nOut(16)
                                    .activation(Activation.TANH))
                            .build()),
                    optimizing.apply(output(16, new LossMCXENT(0.0, null))).build())
                .setInputType(InputType.recurrent(8, 8))
                .build());
    net.init();
    return net;
  }

  static ComputationGraph resnet(Optimizing optimizing) {
    GraphBuilder graph = configuration().graphBuilder().addInputs("x").setInputTypes(IMAGE);
    String last = normed(graph, optimizing, "conv1", "bn1", "x", 1, 3, 1, 8);
    last = relu(graph, "relu", last);
    last = block(graph, optimizing, "layer1.0", last, 8, 1, 8);
    last = block(graph, optimizing, "layer2.0", last, 8, 2, 16);
    ComputationGraph net =
        new ComputationGraph(
            graph
                .addLayer("mean", new GlobalPoolingLayer(PoolingType.AVG), last)
                .addLayer(
                    "fc", optimizing.apply(output(16, new LossMCXENT(0.0, null))).build(), "mean")
                .setOutputs("fc")
                .build());
    net.init();
    return net;
  }

  private static String block(
      GraphBuilder graph,
      Optimizing optimizing,
      String name,
      String x,
      int in,
      int stride,
      int out) {
    String way = normed(graph, optimizing, name + ".conv1", name + ".bn1", x, in, 3, stride, out);
    way = relu(graph, name + ".relu1", way);
    way = normed(graph, optimizing, name + ".conv2", name + ".bn2", way, out, 3, 1, out);
    String other = x;
    if (in != out) {
      String down = name + ".downsample.";
      other = normed(graph, optimizing, down + "0", down + "1", x, in, 1, stride, out);
    }
    graph.addVertex(name + ".sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), way, other);
    return relu(graph, name + ".relu2", name + ".sum");
  }

  private static String normed(
      GraphBuilder graph,
      Optimizing optimizing,
      String conv,
      String norm,
      String x,
      int in,
      int kernel,
      int stride,
      int out) {
    graph.addLayer(conv, optimizing.apply(conv(in, kernel, stride, out).hasBias(false)).build(), x);
    graph.addLayer(norm, optimizing.apply(norm(out)).build(), conv);
    return norm;
  }

  private static String relu(GraphBuilder graph, String name, String x) {
    graph.addLayer(name, new ActivationLayer(Activation.RELU), x);
    return name;
  }
}
