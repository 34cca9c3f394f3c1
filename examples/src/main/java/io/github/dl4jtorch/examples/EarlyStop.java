package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkCopySaver;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.PlateauOnScore;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.termination.ScoreImprovementEpochTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * EarlyStop: the loss on the validation images halves the rate when it has stopped falling, ends the
 * training when that does not help, and chooses the network to keep.
 */
public final class EarlyStop {

  private EarlyStop() {}

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
    EarlyStoppingConfiguration<MultiLayerNetwork> stopping =
        new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
            .scoreCalculator(new DataSetLossCalculator(validation, true))
            .epochTerminationConditions(
                new MaxEpochsTerminationCondition(40),
                new ScoreImprovementEpochTerminationCondition(4))
            .modelSaver(new NetworkCopySaver<>())
            .build();
    EarlyStoppingResult<MultiLayerNetwork> result =
        new EarlyStoppingTrainer(stopping, net, training, new PlateauOnScore<>(run)).fit();

    result
        .getScoreVsEpoch()
        .forEach(
            (epoch, loss) -> System.out.printf(Locale.ROOT, "epoch %2d  loss %.4f%n", epoch, loss));
    System.out.printf(
        Locale.ROOT,
        "%s after %d epochs%nlast  lr %.5f%nbest  lr %.5f  loss %.4f  of epoch %d%n"
            + "%.1f %% of the test images right%n",
        result.getTerminationReason(),
        result.getTotalEpochs(),
        net.getLearningRate(0),
        result.getBestModel().getLearningRate(0),
        result.getBestModelScore(),
        result.getBestModelEpoch(),
        100 * result.getBestModel().evaluate(DigitsData.batches(digits.test(), 320)).accuracy());
  }
}
