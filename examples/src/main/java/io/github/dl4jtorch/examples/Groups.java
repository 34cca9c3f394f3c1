package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import java.io.IOException;
import java.util.Locale;
import java.util.function.Predicate;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Groups: the hidden layer at a tenth of the output layer's rate, both falling together. */
public final class Groups {

  private Groups() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net = SmallNetwork.with(new TorchAdam(0.02));

    Predicate<NetworkParam> head = NetworkParam.inLayers("output");
    NetworkParamGroups groups = NetworkParamGroups.of(net, head.negate(), head);
    groups.get(0).setLr(0.002);
    LRScheduler run = new ExponentialLR(0.9).attach(groups);
    net.addListeners(SchedulerListener.everyEpoch(run));

    for (int epoch = 0; epoch < 20; epoch++) {
      double hidden = net.getLearningRate(0);
      double output = net.getLearningRate(1);
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "epoch %2d  lr hidden %.5f  output %.5f  loss %.4f%n",
          epoch,
          hidden,
          output,
          net.score());
    }
  }
}
