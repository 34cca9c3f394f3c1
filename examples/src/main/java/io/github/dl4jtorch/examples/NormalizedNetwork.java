package io.github.dl4jtorch.examples;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.IUpdater;

/** The network of the examples with averages: for the Iris flowers, with batch normalization. */
final class NormalizedNetwork {

  private static final int HIDDEN = 16;

  private NormalizedNetwork() {}

  static MultiLayerNetwork with(IUpdater updater) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(updater)
                .weightInit(WeightInit.XAVIER)
                .list(
                    new DenseLayer.Builder()
                        .nIn(IrisData.FEATURES)
                        .nOut(HIDDEN)
                        .activation(Activation.IDENTITY)
                        .build(),
                    new BatchNormalization.Builder().nIn(HIDDEN).nOut(HIDDEN).build(),
                    new ActivationLayer(Activation.RELU),
                    new OutputLayer.Builder()
                        .nIn(HIDDEN)
                        .nOut(IrisData.SPECIES)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.init();
    return net;
  }
}
