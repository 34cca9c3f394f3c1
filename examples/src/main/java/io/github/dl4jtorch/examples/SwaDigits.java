package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.AveragedScoreCalculator;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.io.IOException;
import java.nio.file.Path;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Stochastic weight averaging, by the recipe of PyTorch's documentation with a twentieth of its
 * epochs: a cosine over 15, of which 8 are run, then {@link SWALR} and the mean of the weights after each
 * epoch, and in the end {@code update_bn}.
 */
public final class SwaDigits {

  private static final int EPOCHS = 15;
  private static final int START = 8;
  private static final int BATCH_SIZE = 128;

  private SwaDigits() {}

  /**
   * Trains, prints how good the network and its average are, and draws the losses of both into
   * {@code output/swa.png}.
   *
   * @param args not used
   * @throws IOException if the data cannot be read, or the picture not written
   */
  public static void main(String[] args) throws IOException {
    System.setProperty("java.awt.headless", "true");
    Path picture = Path.of("output", "swa.png");
    System.out.printf("%sWrote %s%n", train(picture), picture);
  }

  static String train(Path picture) throws IOException {
    DigitsData digits = DigitsData.load(1);
    DataSetIterator training = DigitsData.batches(digits.train(), BATCH_SIZE);
    DataSetIterator heldOut = DigitsData.batches(digits.test(), digits.test().numExamples());
    MultiLayerNetwork net = DigitsNetwork.with(new TorchSGD(0.1).withMomentum(0.9), 1);

    LRScheduler cosine = new CosineAnnealingLR(EPOCHS).attach(NetworkParamGroups.of(net));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(START);
    SwalrListener swalr =
        SwalrListener.everyEpoch(
                SchedulerListener.everyEpoch(cosine), new SWALR(0.05, 1, AnnealStrategy.COS))
            .startingAt(START);
    AverageRecorder recorder =
        new AverageRecorder(
            net,
            average,
            new AveragedScoreCalculator<>(average, new DataSetLossCalculator(heldOut, true))
                .updatingBn(training),
            heldOut);
    net.addListeners(swalr, averaging, recorder);
    net.fit(training, EPOCHS);
    averaging.finish(training); // update_bn

    recorder.draw(
        "Stochastic weight averaging after " + START + " of " + EPOCHS + " epochs", picture);
    return recorder.results();
  }
}
