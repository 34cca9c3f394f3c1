package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Push: one cycle of the rate and of Adam's beta1, which only pushing can drive. */
public final class Push {

  private static final int EPOCHS = 20;
  private static final int BATCHES = 10;

  private Push() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net = SmallNetwork.with(new TorchAdam(0.001));

    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run =
        OneCycleLR.builder(0.05).epochs(EPOCHS).stepsPerEpoch(BATCHES).build().attach(groups);
    net.addListeners(SchedulerListener.everyIteration(run));

    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      double lr = groups.get(0).lr();
      double beta1 = groups.get(0).momentum();
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "epoch %2d  lr %.5f  beta1 %.4f  loss %.4f%n",
          epoch,
          lr,
          beta1,
          net.score());
    }
  }
}
