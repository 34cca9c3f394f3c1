package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.NetworkSchedule;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.SplitTestAndTrain;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Parallel: two workers of a ParallelWrapper, first under a schedule by epoch, then under a
 * plateau.
 */
public final class Parallel {

  private Parallel() {}

  /**
   * Trains two networks, one after the other.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSet rows = IrisData.load(1).train();
    SplitTestAndTrain split = rows.splitTestAndTrain(96);
    DataSetIterator training = IrisData.batches(split.getTrain(), 12);
    DataSetIterator validation = IrisData.batches(split.getTest(), 12);

    System.out.println("Pulled, by epoch: a linear decay");
    MultiLayerNetwork net = SmallNetwork.with(new TorchAdam(0.02));
    NetworkSchedule.of(new LinearLR(1.0, 0.1, 10), ScheduleType.EPOCH).putInto(net);
    train(net, training, 15);

    System.out.println("Pushed, by epoch: a plateau of the loss on rows set apart");
    net = SmallNetwork.with(new TorchSGD(0.4).withNesterovMomentum(0.9));
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(1)
            .build()
            .attach(NetworkParamGroups.of(net));
    train(
        net,
        training,
        20,
        SchedulerListener.everyEpoch(run, new DataSetLossCalculator(validation, true)));
  }

  private static void train(
      MultiLayerNetwork net, DataSetIterator training, int epochs, TrainingListener... listeners) {
    EpochLoop loop = EpochLoop.of(net, listeners);
    ParallelWrapper wrapper = new ParallelWrapper.Builder<>(net).workers(2).build();
    for (int epoch = 0; epoch < epochs; epoch++) {
      double lr = net.getLearningRate(0);
      loop.fit(1, () -> wrapper.fit(training));
      System.out.printf(Locale.ROOT, "epoch %2d  lr %.5f  loss %.4f%n", epoch, lr, net.score());
    }
    wrapper.shutdown();
  }
}
