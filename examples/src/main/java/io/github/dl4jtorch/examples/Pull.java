package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.schedule.ScheduleType;

/** Pull: puts a warm-up and a cosine into a network that exists already, in one line. */
public final class Pull {

  private Pull() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net = SmallNetwork.with(new TorchAdam(0.02));

    Schedule schedule =
        new SequentialLR(List.of(new LinearLR(0.1, 1.0, 4), new CosineAnnealingLR(16)), List.of(4));
    NetworkSchedule.of(schedule, ScheduleType.EPOCH).putInto(net);

    for (int epoch = 0; epoch < 20; epoch++) {
      double lr = net.getLearningRate(0);
      net.fit(training);
      System.out.printf(Locale.ROOT, "epoch %2d  lr %.5f  loss %.4f%n", epoch, lr, net.score());
    }
  }
}
