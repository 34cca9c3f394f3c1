package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Copies: what DL4J's {@code clone()} shares with its source, and a copy that shares nothing, while
 * the source trains on under a falling rate.
 */
public final class Copies {

  private Copies() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net = SmallNetwork.with(new TorchAdam(0.02));
    LRScheduler run = new ExponentialLR(0.8).attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyEpoch(run));
    net.fit(training, 2);

    MultiLayerNetwork clone = net.clone();
    MultiLayerNetwork copy = NetworkCopy.of(net);
    for (int epoch = 2; epoch < 6; epoch++) {
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "epoch %d  lr of the network %.5f  clone %.5f  copy %.5f%n",
          epoch,
          net.getLearningRate(0),
          clone.getLearningRate(0),
          copy.getLearningRate(0));
    }
  }
}
