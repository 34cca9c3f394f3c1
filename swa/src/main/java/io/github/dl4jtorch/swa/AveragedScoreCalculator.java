package io.github.dl4jtorch.swa;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.internal.RandomNumbers;
import java.io.IOException;
import org.deeplearning4j.earlystopping.EarlyStoppingModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * Scores the average in place of the network in training, for early stopping or for a plateau,
 * while training goes on with the raw weights and does not notice, random numbers included. As long
 * as nothing has been averaged it scores the network itself.
 *
 * <p>Early stopping by itself would save the raw network as the best one, although the score was
 * the average's. {@link #saver} saves what was scored. The score in DL4J's result is that of the
 * model's last training, 0 for an average: the true ones are in {@code getScoreVsEpoch()}.
 *
 * <pre>{@code
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * net.addListeners(AveragingListener.everyEpoch(net, average).startingAt(5));
 * AveragedScoreCalculator<MultiLayerNetwork> score =
 *     new AveragedScoreCalculator<>(average, new DataSetLossCalculator(validation, true))
 *         .updatingBn(training);
 * var stopping = new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
 *     .scoreCalculator(score)
 *     .modelSaver(score.saver(new InMemoryModelSaver<>()))
 *     .epochTerminationConditions(new MaxEpochsTerminationCondition(20))
 *     .build();
 * MultiLayerNetwork best = new EarlyStoppingTrainer(stopping, net, training).fit().getBestModel();
 * }</pre>
 *
 * @param <M> the kind of network
 */
@SuppressWarnings("serial") // DL4J's interface is serializable; a live average is not.
public final class AveragedScoreCalculator<M extends Model & NeuralNetwork>
    implements ScoreCalculator<M> {

  private final AveragedModel<M> average;
  private final ScoreCalculator<? super M> score;
  private final @Nullable Batches data;

  /**
   * Scores the average as it is.
   *
   * @param average the average, which an {@link AveragingListener} or somebody else keeps up
   * @param score calculates the score of one network
   */
  public AveragedScoreCalculator(AveragedModel<M> average, ScoreCalculator<? super M> score) {
    this(average, score, null);
    Require.requireGiven("average", average);
    Require.requireGiven("score", score);
  }

  private AveragedScoreCalculator(
      AveragedModel<M> average, ScoreCalculator<? super M> score, @Nullable Batches data) {
    this.average = average;
    this.score = score;
    this.data = data;
  }

  /**
   * Returns a calculator that gives the average, before each score, the running statistics of batch
   * normalization that belong to its weights, as {@link UpdateBn} does. That is a pass over the
   * data each time.
   *
   * @param training the data, usually that of the training; at the end of an epoch the training's
   *     own iterator will do
   * @return the calculator, to be used in place of this one
   * @throws IllegalArgumentException if the average has {@link Averaging#useBuffers}
   */
  @CheckReturnValue
  public AveragedScoreCalculator<M> updatingBn(DataSetIterator training) {
    Require.requireGiven("training", training);
    return updatingBn(Batches.of(training));
  }

  /**
   * Returns a calculator that gives the average, before each score, the running statistics of batch
   * normalization that belong to its weights, as {@link UpdateBn} does. That is a pass over the
   * data each time.
   *
   * @param training the data, usually that of the training; at the end of an epoch the training's
   *     own iterator will do
   * @return the calculator, to be used in place of this one
   * @throws IllegalArgumentException if the average has {@link Averaging#useBuffers}
   */
  @CheckReturnValue
  public AveragedScoreCalculator<M> updatingBn(MultiDataSetIterator training) {
    Require.requireGiven("training", training);
    return updatingBn(Batches.of(training));
  }

  private AveragedScoreCalculator<M> updatingBn(Batches training) {
    if (average.averaging().usesBuffers()) {
      throw new IllegalArgumentException(
          "the average must not average the running statistics, which update_bn would overwrite"
              + " before each score, but its averaging is "
              + average.averaging());
    }
    return new AveragedScoreCalculator<>(average, score, training);
  }

  /**
   * Calculates the score of the average, or of the network if nothing has been averaged.
   *
   * @param network the network in training, which is not changed
   * @return the score
   */
  @Override
  public double calculateScore(M network) {
    return RandomNumbers.undisturbed(
        () -> {
          M scored = scored(network);
          if (data != null && scored != network) {
            StatisticsUpdate.run(average, data, System::nanoTime);
          }
          return score.calculateScore(scored);
        });
  }

  @Override
  public boolean minimizeScore() {
    return score.minimizeScore();
  }

  private M scored(M network) {
    return average.nAveraged() == 0 ? network : average.network();
  }

  /**
   * Returns a saver for early stopping whose best model is a copy of what this has scored: the
   * average with its running statistics, or the network while nothing was averaged. The latest
   * model is the network in training.
   *
   * @param saver where the models are kept
   * @return the saver, to be given to early stopping in place of that
   */
  public EarlyStoppingModelSaver<M> saver(EarlyStoppingModelSaver<M> saver) {
    Require.requireGiven("saver", saver);
    return new Saver<>(this, saver);
  }

  private record Saver<M extends Model & NeuralNetwork>(
      AveragedScoreCalculator<M> calculator, EarlyStoppingModelSaver<M> saver)
      implements EarlyStoppingModelSaver<M> {

    @Override
    public void saveBestModel(M network, double score) throws IOException {
      M scored = calculator.scored(network);
      // A copy of the average, so that its own updaters are never made.
      saver.saveBestModel(
          scored == network ? network : NetworkCopy.withoutUpdaterState(scored), score);
    }

    @Override
    public void saveLatestModel(M network, double score) throws IOException {
      saver.saveLatestModel(network, score);
    }

    @Override
    public M getBestModel() throws IOException {
      return saver.getBestModel();
    }

    @Override
    public M getLatestModel() throws IOException {
      return saver.getLatestModel();
    }
  }
}
