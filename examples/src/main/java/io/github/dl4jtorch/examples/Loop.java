package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Loop: batches fitted one by one, where DL4J counts no epochs, under a schedule by epoch. */
public final class Loop {

  private Loop() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net = SmallNetwork.with(new TorchAdam(0.02));

    LRScheduler run = new StepLR(3, 0.5).attach(NetworkParamGroups.of(net));
    EpochLoop loop = EpochLoop.of(net, SchedulerListener.everyEpoch(run));

    for (int epoch = 0; epoch < 12; epoch++) {
      double lr = net.getLearningRate(0);
      loop.fit(
          1,
          () -> {
            training.reset();
            training.forEachRemaining(net::fit);
          });
      System.out.printf(Locale.ROOT, "epoch %2d  lr %.5f  loss %.4f%n", epoch, lr, net.score());
    }
  }
}
