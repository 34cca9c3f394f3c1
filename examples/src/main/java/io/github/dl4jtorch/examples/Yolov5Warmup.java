package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
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
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * YOLOv5's recipe on a small convolutional network: weight decay for weights alone, three param groups, a warm-up
 * that leads the biases down and all else up, and a cosine from epoch to epoch.
 */
public final class Yolov5Warmup {

  private static final int EPOCHS = 10;
  private static final int BATCHES = 10;

  private Yolov5Warmup() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DigitsData digits = DigitsData.load(1);
    DataSetIterator training = DigitsData.batches(digits.train(), 128);
    DataSetIterator validation = DigitsData.batches(digits.validation(), 197);
    TorchSGD sgd = new TorchSGD(0.05).withNesterovMomentum(0.937);
    MultiLayerNetwork net =
        TorchOptimizer.of(sgd)
            .withWeightDecay(5e-4)
            .withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization)
            .applyTo(DigitsNetwork.with(sgd, 1));

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
          "epoch %2d  lr weights %.5f  biases %.5f  momentum %.4f  right %.1f %%%n",
          epoch,
          weights,
          biases,
          momentum,
          100 * net.evaluate(validation).accuracy());
    }
  }
}
