package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Plateau: halves the rate whenever the loss on the validation images has stopped falling. */
public final class Plateau {

  private Plateau() {}

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
    MultiLayerNetwork net =
        DigitsNetwork.with(new TorchSGD(0.1).withNesterovMomentum(0.9), 1);

    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(1)
            .build()
            .attach(NetworkParamGroups.of(net));
    net.addListeners(
        SchedulerListener.everyEpoch(run, new DataSetLossCalculator(validation, true)));

    for (int epoch = 0; epoch < 12; epoch++) {
      double lr = net.getLearningRate(0);
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "epoch %2d  lr %.5f  loss %.4f  right %.1f %%%n",
          epoch,
          lr,
          net.score(),
          100 * net.evaluate(validation).accuracy());
    }
  }
}
