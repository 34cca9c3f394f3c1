package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * YOLOv5's recipe on a small network: weight decay for weights alone, three param groups, a warm-up
 * that leads the biases down and all else up, and a cosine from epoch to epoch.
 */
public final class Yolov5Warmup {

  private static final int EPOCHS = 20;
  private static final int BATCHES = 10;

  private Yolov5Warmup() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    IrisData iris = IrisData.load(1);
    DataSetIterator training = IrisData.batches(iris.train(), 12);
    MultiLayerNetwork net = new MultiLayerNetwork(configuration());
    net.init();

    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group(param -> param.isNormalization() && !param.isBias())
            .group(NetworkParam::isWeight)
            .group(NetworkParam::isBias)
            .build();
    Schedule cosine = new LambdaLR(EpochFunction.yolov5Cosine(EPOCHS, 0.01));
    Schedule warmup =
        WarmupLR.builder(cosine)
            .iterationsPerEpoch(BATCHES)
            .warmupIterations(3 * BATCHES)
            .warmupLr(List.of(0.0, 0.0, 0.1))
            .warmupMomentum(0.8)
            .build();
    LRScheduler run = warmup.attach(groups);
    net.addListeners(SchedulerListener.everyIteration(run));

    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      double weights = groups.get(1).lr();
      double biases = groups.get(2).lr();
      double momentum = groups.get(1).momentum();
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "epoch %2d  lr weights %.5f  biases %.5f  momentum %.4f  loss held out %.4f%n",
          epoch,
          weights,
          biases,
          momentum,
          net.score(iris.heldOut()));
    }
  }

  private static MultiLayerConfiguration configuration() {
    TorchSGD sgd = new TorchSGD(0.05).withNesterovMomentum(0.937);
    TorchOptimizer optimizer = TorchOptimizer.of(sgd).withWeightDecay(5e-4).withBiases(sgd, 0);
    return new NeuralNetConfiguration.Builder()
        .seed(1)
        .list(
            optimizer
                .applyTo(
                    new DenseLayer.Builder()
                        .nIn(IrisData.FEATURES)
                        .nOut(16)
                        .activation(Activation.IDENTITY))
                .build(),
            TorchOptimizer.of(sgd)
                .applyTo(new TorchBatchNormalization.Builder().nIn(16).nOut(16))
                .build(),
            new ActivationLayer(Activation.RELU),
            optimizer
                .applyTo(
                    new OutputLayer.Builder()
                        .nIn(16)
                        .nOut(IrisData.SPECIES)
                        .activation(Activation.SOFTMAX))
                .build())
        .build();
  }
}
