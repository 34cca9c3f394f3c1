package io.github.dl4jtorch.swa;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Small networks in double precision, and their data. */
final class Nets {

  static final int INPUTS = 3;

  private Nets() {}

  static NeuralNetConfiguration.Builder settings() {
    return new NeuralNetConfiguration.Builder()
        .seed(12345)
        .dataType(DataType.DOUBLE)
        .updater(new Adam(0.05));
  }

  static DenseLayer dense(int in, int out) {
    return new DenseLayer.Builder().nIn(in).nOut(out).activation(Activation.TANH).build();
  }

  static BatchNormalization norm(int channels, boolean logarithm) {
    return new BatchNormalization.Builder()
        .nIn(channels)
        .nOut(channels)
        .useLogStd(logarithm)
        .build();
  }

  static OutputLayer output(int in) {
    return new OutputLayer.Builder(LossFunction.MSE)
        .nIn(in)
        .nOut(2)
        .activation(Activation.IDENTITY)
        .build();
  }

  static MultiLayerNetwork net(Layer... layers) {
    return net(settings(), layers);
  }

  static MultiLayerNetwork net(NeuralNetConfiguration.Builder settings, Layer... layers) {
    MultiLayerNetwork net = new MultiLayerNetwork(settings.list(layers).build());
    net.init();
    return net;
  }

  /** Parameters 0_W, 0_b, 1_gamma, 1_beta, 1_mean, 1_log10stdev or 1_var, 2_W, 2_b. */
  static MultiLayerNetwork layers(boolean logarithm) {
    return net(dense(INPUTS, 4), norm(4, logarithm), output(4));
  }

  /** The same as a graph. */
  static ComputationGraph graph(boolean logarithm) {
    ComputationGraph graph =
        new ComputationGraph(
            settings()
                .graphBuilder()
                .addInputs("in")
                .addLayer("a", dense(INPUTS, 4), "in")
                .addLayer("bn", norm(4, logarithm), "a")
                .addLayer("out", output(4), "bn")
                .setOutputs("out")
                .build());
    graph.init();
    return graph;
  }

  static List<DataSet> data(int batches, int size) {
    Random random = new Random(7);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < batches; i++) {
      data.add(new DataSet(matrix(random, size, INPUTS, 0.5, 1.5), matrix(random, size, 2, 4, 6)));
    }
    return data;
  }

  static INDArray matrix(Random random, int rows, int columns, double from, double to) {
    return Nd4j.createFromArray(random.doubles((long) rows * columns, from, to).toArray())
        .reshape(rows, columns);
  }

  static void fit(Model net, List<DataSet> data) {
    for (DataSet batch : data) {
      if (net instanceof MultiLayerNetwork layers) {
        layers.fit(batch);
      } else {
        ((ComputationGraph) net).fit(batch);
      }
    }
  }

  static double[] params(AveragedModel<?> average) {
    return average.network().params().toDoubleVector();
  }

  /** Returns the parameters as numbers, since arrays are equal already within 1e-5. */
  static double[] params(Model net) {
    return net.params().dup().toDoubleVector();
  }

  /** Returns one parameter as numbers, by its name in the network. */
  static double[] param(Model net, String name) {
    return net.paramTable().get(name).dup('c').ravel().toDoubleVector();
  }
}
