package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.IUpdater;

/** The network for the digits: three convolutions with batch normalization. */
final class DigitsNetwork {

  private DigitsNetwork() {}

  /**
   * Makes a network.
   *
   * @param updater trains it
   * @param seed initialises it
   */
  static MultiLayerNetwork with(IUpdater updater, long seed) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(seed)
                .updater(updater)
                .activation(Activation.IDENTITY)
                .weightInit(WeightInit.RELU)
                .list(
                    convolution("conv1", 16),
                    new TorchBatchNormalization.Builder().name("bn1").build(),
                    new ActivationLayer(Activation.RELU),
                    convolution("conv2", 32),
                    new TorchBatchNormalization.Builder().name("bn2").build(),
                    new ActivationLayer(Activation.RELU),
                    pooling(),
                    convolution("conv3", 64),
                    new TorchBatchNormalization.Builder().name("bn3").build(),
                    new ActivationLayer(Activation.RELU),
                    pooling(),
                    new OutputLayer.Builder()
                        .name("fc")
                        .nOut(DigitsData.DIGITS)
                        .activation(Activation.SOFTMAX)
                        .weightInit(WeightInit.XAVIER)
                        .build())
                .setInputType(DigitsData.inputType())
                .build());
    net.init();
    return net;
  }

  /** Makes a convolution of 3 by 3; the batch normalization behind it has the bias. */
  private static ConvolutionLayer convolution(String name, int out) {
    return new ConvolutionLayer.Builder(3, 3)
        .name(name)
        .padding(1, 1)
        .nOut(out)
        .hasBias(false)
        .build();
  }

  private static SubsamplingLayer pooling() {
    return new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX)
        .kernelSize(2, 2)
        .stride(2, 2)
        .build();
  }
}
