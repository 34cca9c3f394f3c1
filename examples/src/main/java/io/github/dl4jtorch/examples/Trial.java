package io.github.dl4jtorch.examples;

import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.deeplearning4j.datasets.iterator.AsyncShieldDataSetIterator;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;

/**
 * One training of a small convolutional network by a method.
 *
 * @param method the method
 * @param lr the rate
 * @param epochs how many epochs it has
 * @param seed initialises the network and shuffles the images
 */
record Trial(Method method, double lr, int epochs, long seed) {

  static final int BATCH_SIZE = 32;

  /** Images from this size on are halved by the first layer. */
  private static final int LARGE = 16;

  /** What a network is worth whose weights became NaN or infinite: nothing. */
  private static final Judged DIVERGED = new Judged(0, Double.POSITIVE_INFINITY);

  /**
   * How good the network became.
   *
   * @param validation by the images to choose by
   * @param test by the images to judge by; NaN if it was not to be judged
   */
  record Outcome(Judged validation, Judged test) {}

  /** Ends a training that is lost. */
  private static final class Divergence extends RuntimeException {

    private static final long serialVersionUID = 1L;
  }

  private static final class DivergenceListener extends BaseTrainingListener {

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      if (!Double.isFinite(model.params().sumNumber().doubleValue())) {
        throw new Divergence();
      }
    }
  }

  /**
   * Trains.
   *
   * @param isJudged whether to look at the test images
   */
  Outcome run(ImageParts images, boolean isJudged) {
    MultiLayerNetwork net = network(images.side());
    // Before the listeners that would refuse what has diverged.
    net.addListeners(new DivergenceListener());
    int batches = images.train().numExamples() / BATCH_SIZE;
    Supplier<MultiLayerNetwork> result =
        method.drive(new Method.Training(net, lr, epochs, batches, images.validation()));
    Random random = new Random(seed);
    Judged unknown = new Judged(Double.NaN, Double.NaN);
    try {
      for (int epoch = 0; epoch < epochs; epoch++) {
        List<DataSet> shuffled = images.trainingBatches(BATCH_SIZE, random);
        net.fit(new AsyncShieldDataSetIterator(new ExistingDataSetIterator(shuffled)));
      }
    } catch (Divergence lost) {
      return new Outcome(DIVERGED, isJudged ? DIVERGED : unknown);
    }
    MultiLayerNetwork trained = result.get();
    return new Outcome(
        Judged.by(trained, images.validation()),
        isJudged ? Judged.by(trained, images.test()) : unknown);
  }

  private MultiLayerNetwork network(int side) {
    int stride = side > LARGE ? 2 : 1;
    MultiLayerConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .seed(seed)
            .weightInit(WeightInit.RELU)
            .list(
                new ConvolutionLayer.Builder(3, 3)
                    .stride(stride, stride)
                    .convolutionMode(ConvolutionMode.Same)
                    .nOut(16)
                    .activation(Activation.RELU)
                    .build(),
                new SubsamplingLayer.Builder(PoolingType.MAX).kernelSize(2, 2).stride(2, 2).build(),
                new DenseLayer.Builder().nOut(64).activation(Activation.RELU).build(),
                new OutputLayer.Builder()
                    .nOut(ImageParts.CLASSES)
                    .activation(Activation.SOFTMAX)
                    .weightInit(WeightInit.XAVIER)
                    .build())
            .setInputType(InputType.convolutionalFlat(side, side, 1))
            .build();
    MultiLayerNetwork net = new MultiLayerNetwork(method.optimizer(lr).applyTo(configuration));
    net.init();
    return net;
  }
}
