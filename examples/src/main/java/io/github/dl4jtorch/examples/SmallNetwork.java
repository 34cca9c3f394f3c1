package io.github.dl4jtorch.examples;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.IUpdater;

/** The network of the short examples: one hidden layer for the Iris flowers. */
final class SmallNetwork {

  private SmallNetwork() {}

  static MultiLayerNetwork with(IUpdater updater) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(updater)
                .weightInit(WeightInit.XAVIER)
                .list(
                    new DenseLayer.Builder()
                        .name("hidden")
                        .nIn(IrisData.FEATURES)
                        .nOut(16)
                        .activation(Activation.RELU)
                        .build(),
                    new OutputLayer.Builder()
                        .name("output")
                        .nIn(16)
                        .nOut(IrisData.SPECIES)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.init();
    return net;
  }
}
