package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.AveragedScoreCalculator;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * An exponential moving average as torchvision's references for classification keep it: the rate
 * warms up and follows a cosine, and every few batches the weights, and the running statistics of
 * batch normalization with them, are averaged in; until the warm-up ends they are only copied.
 *
 * <p>The decay is chosen so that, as there, the average looks back over about 4 % of the training.
 */
public final class EmaDigits {

  private static final int EPOCHS = 12;
  private static final int WARMUP = 2;
  private static final int BATCH_SIZE = 128;
  private static final int EVERY_BATCHES = 2;

  private EmaDigits() {}

  /**
   * Trains, prints how good the network and its average are, and draws the losses of both into
   * {@code output/ema.png}.
   *
   * @param args not used
   * @throws IOException if the data cannot be read, or the picture not written
   */
  public static void main(String[] args) throws IOException {
    System.setProperty("java.awt.headless", "true");
    Path picture = Path.of("output", "ema.png");
    System.out.printf("%sWrote %s%n", train(picture), picture);
  }

  static String train(Path picture) throws IOException {
    DigitsData digits = DigitsData.load(1);
    DataSetIterator training = DigitsData.batches(digits.train(), BATCH_SIZE);
    DataSetIterator heldOut = DigitsData.batches(digits.test(), digits.test().numExamples());
    MultiLayerNetwork net = DigitsNetwork.with(new TorchSGD(0.1).withMomentum(0.9), 1);

    Schedule warmupThenCosine =
        new SequentialLR(
            List.of(new LinearLR(0.01, 1, WARMUP), new CosineAnnealingLR(EPOCHS - WARMUP)),
            List.of(WARMUP));
    LRScheduler run = warmupThenCosine.attach(NetworkParamGroups.of(net));
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(
            net,
            Averaging.torchvision()
                .decay(0.99)
                .batchSize(BATCH_SIZE)
                .everyBatches(EVERY_BATCHES)
                .epochs(EPOCHS)
                .build());
    AverageRecorder recorder =
        new AverageRecorder(
            net,
            average,
            new AveragedScoreCalculator<>(average, new DataSetLossCalculator(heldOut, true)),
            heldOut);
    net.addListeners(
        SchedulerListener.everyEpoch(run),
        AveragingListener.everyIteration(net, average)
            .withInterval(EVERY_BATCHES)
            .anewInEachEpoch()
            .restartingUntil(WARMUP),
        recorder);
    net.fit(training, EPOCHS);

    recorder.draw("Exponential moving average after the warm-up", picture);
    return recorder.results();
  }
}
