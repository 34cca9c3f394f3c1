package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.ExponentialLR;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Fine-tuning: a new head on a network that was trained before, whose layers are unfrozen one by
 * one, each at a smaller rate and with a schedule of its own.
 */
public final class FineTune {

  private FineTune() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    IrisData iris = IrisData.load(1);
    DataSetIterator training = IrisData.batches(iris.train(), 12);
    MultiLayerNetwork net = withNewHead(trained(training));

    var head = NetworkParam.inLayers("head");
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(head).lr(0.02).frozen(head.negate()).build();
    follow(net, groups);
    train(net, training, "head");

    groups = groups.unfreeze(NetworkParam.inLayers("upper"), 0.005);
    follow(net, groups.only(1));
    train(net, training, "upper");

    groups = groups.unfreeze(NetworkParam.inLayers("lower"), 0.001);
    follow(net, groups.only(2));
    train(net, training, "lower");
    System.out.printf(
        Locale.ROOT,
        "accuracy %.3f%n",
        net.evaluate(IrisData.batches(iris.heldOut(), 30)).accuracy());
  }

  private static void follow(MultiLayerNetwork net, NetworkParamGroups groups) {
    net.addListeners(SchedulerListener.everyEpoch(new ExponentialLR(0.9).attach(groups)));
  }

  private static void train(MultiLayerNetwork net, DataSetIterator training, String unfrozen) {
    for (int epoch = 0; epoch < 6; epoch++) {
      double lower = net.getLearningRate(0);
      double upper = net.getLearningRate(1);
      double head = net.getLearningRate(2);
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "%-5s lr lower %.5f  upper %.5f  head %.5f  loss %.4f%n",
          unfrozen,
          lower,
          upper,
          head,
          net.score());
    }
  }

  private static MultiLayerNetwork trained(DataSetIterator training) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(new TorchAdam(0.02))
                .list(
                    new DenseLayer.Builder()
                        .name("lower")
                        .nIn(IrisData.FEATURES)
                        .nOut(16)
                        .activation(Activation.TANH)
                        .build(),
                    new DenseLayer.Builder()
                        .name("upper")
                        .nIn(16)
                        .nOut(16)
                        .activation(Activation.TANH)
                        .build(),
                    head())
                .build());
    net.init();
    net.fit(training, 5);
    return net;
  }

  private static MultiLayerNetwork withNewHead(MultiLayerNetwork net) {
    return new TransferLearning.Builder(net)
        .fineTuneConfiguration(
            new FineTuneConfiguration.Builder().seed(2).updater(new TorchAdam(0.02)).build())
        .removeOutputLayer()
        .addLayer(head())
        .build();
  }

  private static OutputLayer head() {
    return new OutputLayer.Builder()
        .name("head")
        .nIn(16)
        .nOut(IrisData.SPECIES)
        .activation(Activation.SOFTMAX)
        .build();
  }
}
