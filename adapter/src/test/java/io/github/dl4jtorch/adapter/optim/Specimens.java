package io.github.dl4jtorch.adapter.optim;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** One updater of each kind, and small networks for them. */
final class Specimens {

  private Specimens() {}

  static List<TorchUpdater> updaters() {
    return List.of(
        new TorchSGD(0.1),
        new TorchSGD(0.1).withMomentum(0.9),
        new TorchSGD(0.1).withMomentum(0.9, 0.1),
        new TorchSGD(0.1).withNesterovMomentum(0.9),
        new TorchAdam(0.01).withBetas(0.8, 0.99).withEps(1e-7),
        new TorchAdam(0.01).withAmsgrad(),
        new TorchAdamW(0.01),
        new TorchAdamW(0.01).withAmsgrad(),
        new TorchNAdam(0.01).withMomentumDecay(0.01),
        new TorchRAdam(0.01),
        new TorchAdamax(0.01),
        new TorchRMSprop(0.01).withAlpha(0.9),
        new TorchRMSprop(0.01).withMomentum(0.9).withEps(1e-6),
        new TorchRMSprop(0.01).withCentering(),
        new TorchRMSprop(0.01).withCentering().withMomentum(0.9),
        new TorchAdagrad(0.1),
        new TorchAdagrad(0.1).withLrDecay(0.01).withInitialAccumulatorValue(0.1).withEps(1e-8),
        new TorchAdadelta(1).withRho(0.8).withEps(1e-5));
  }

  static NeuralNetConfiguration.Builder settings(IUpdater updater) {
    return new NeuralNetConfiguration.Builder()
        .seed(12345)
        .dataType(DataType.DOUBLE)
        .updater(updater);
  }

  static DenseLayer dense(int in) {
    return new DenseLayer.Builder().nIn(in).nOut(4).activation(Activation.TANH).build();
  }

  static OutputLayer output() {
    return new OutputLayer.Builder(LossFunction.MSE)
        .nIn(4)
        .nOut(2)
        .activation(Activation.IDENTITY)
        .build();
  }

  static MultiLayerConfiguration layersConfiguration(IUpdater updater) {
    return settings(updater).list(dense(3), dense(4), output()).build();
  }

  static ComputationGraphConfiguration graphConfiguration(IUpdater updater) {
    return settings(updater)
        .graphBuilder()
        .addInputs("in")
        .addLayer("a", dense(3), "in")
        .addLayer("b", dense(4), "a")
        .addLayer("out", output(), "b")
        .setOutputs("out")
        .build();
  }

  static MultiLayerNetwork init(MultiLayerConfiguration configuration) {
    MultiLayerNetwork net = new MultiLayerNetwork(configuration);
    net.init();
    return net;
  }

  static MultiLayerNetwork layers(IUpdater updater) {
    return init(layersConfiguration(updater));
  }

  static ComputationGraph graph(IUpdater updater) {
    ComputationGraph net = new ComputationGraph(graphConfiguration(updater));
    net.init();
    return net;
  }

  /** Batches of five. */
  static List<DataSet> data(int batches) {
    Random random = new Random(7);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < batches; i++) {
      data.add(
          new DataSet(
              Nd4j.createFromArray(random.doubles(15, -1, 1).toArray()).reshape(5, 3),
              Nd4j.createFromArray(random.doubles(10, 0, 2).toArray()).reshape(5, 2)));
    }
    return data;
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

  @SuppressWarnings("unchecked")
  static <M extends Model> M restored(M net) throws IOException {
    ByteArrayOutputStream saved = new ByteArrayOutputStream();
    ModelSerializer.writeModel(net, saved, true);
    ByteArrayInputStream stream = new ByteArrayInputStream(saved.toByteArray());
    return (M)
        (net instanceof MultiLayerNetwork
            ? ModelSerializer.restoreMultiLayerNetwork(stream, true)
            : ModelSerializer.restoreComputationGraph(stream, true));
  }

  /** Returns the parameters as numbers, since arrays are equal already within 1e-5. */
  static double[] params(Model net) {
    return net.params().toDoubleVector();
  }
}
