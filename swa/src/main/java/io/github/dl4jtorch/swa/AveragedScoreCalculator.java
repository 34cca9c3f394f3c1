package io.github.dl4jtorch.swa;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.internal.RandomNumbers;
import io.github.dl4jtorch.adapter.internal.WaitingScore;
import java.io.IOException;
import org.deeplearning4j.earlystopping.EarlyStoppingModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.earlystopping.termination.EpochTerminationCondition;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * Scores the average in place of the network in training, for early stopping or for a plateau,
 * while training goes on with the raw weights and does not notice, random numbers included.
 *
 * <p>As long as nothing has been averaged there is nothing to score, and the score is the worst
 * possible one, {@code Double.MAX_VALUE} or its negative, with which DL4J's early stopping begins
 * too, so no such epoch becomes its best. {@link #whenAveraged} lets a patience wait for the
 * average; a plateau that is stepped with this score waits by itself.
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
 *     .epochTerminationConditions(
 *         new MaxEpochsTerminationCondition(20),
 *         score.whenAveraged(new ScoreImprovementEpochTerminationCondition(3)))
 *     .build();
 * MultiLayerNetwork best = new EarlyStoppingTrainer(stopping, net, training).fit().getBestModel();
 * }</pre>
 *
 * @param <M> the kind of network
 */
@SuppressWarnings("serial") // DL4J's interface is serializable; a live average is not.
public final class AveragedScoreCalculator<M extends Model & NeuralNetwork>
    implements ScoreCalculator<M>, WaitingScore {

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
   * Calculates the score of the average.
   *
   * @param network the network in training, which is not changed
   * @return the score; the worst possible while nothing has been averaged, {@code Double.MAX_VALUE}
   *     or, if a higher score is better, its negative
   */
  @Override
  public double calculateScore(M network) {
    if (isWaiting()) {
      return minimizeScore() ? Double.MAX_VALUE : -Double.MAX_VALUE;
    }
    return RandomNumbers.undisturbed(
        () -> {
          if (data != null) {
            StatisticsUpdate.run(average, data, System::nanoTime);
          }
          return score.calculateScore(average.network());
        });
  }

  /**
   * Tells whether there is nothing to score yet.
   *
   * @return true while nothing has been averaged
   */
  @Override
  public boolean isWaiting() {
    return average.nAveraged() == 0;
  }

  @Override
  public boolean minimizeScore() {
    return score.minimizeScore();
  }

  /**
   * Returns a condition for early stopping that is not asked before there is an average, so that a
   * patience, like that of {@code ScoreImprovementEpochTerminationCondition}, begins with its first
   * score. Conditions that are not about the score, like {@code MaxEpochsTerminationCondition}, are
   * given to early stopping as they are.
   *
   * @param condition the condition, about this score
   * @return the condition, to be given to early stopping in place of that
   */
  public EpochTerminationCondition whenAveraged(EpochTerminationCondition condition) {
    Require.requireGiven("condition", condition);
    return new WhenAveraged(this, condition);
  }

  @SuppressWarnings("serial") // As with the calculator.
  private record WhenAveraged(
      AveragedScoreCalculator<?> calculator, EpochTerminationCondition condition)
      implements EpochTerminationCondition {

    @Override
    public void initialize() {
      condition.initialize();
    }

    @Override
    public boolean terminate(int epochNum, double score, boolean minimize) {
      return !calculator.isWaiting() && condition.terminate(epochNum, score, minimize);
    }

    /** DL4J gives this as the reason. */
    @Override
    public String toString() {
      return condition.toString();
    }
  }

  /**
   * Returns a saver for early stopping whose best model is a copy of what this has scored: the
   * average with its running statistics. The latest model is the network in training. If training
   * ends before anything was averaged, there is no best model, and asking for it is an {@code
   * IllegalStateException}.
   *
   * @param saver where the models are kept
   * @return the saver, to be given to early stopping in place of that
   */
  public EarlyStoppingModelSaver<M> saver(EarlyStoppingModelSaver<M> saver) {
    Require.requireGiven("saver", saver);
    return new Saver<>(this, saver);
  }

  private void requireAveraged() {
    if (isWaiting()) {
      throw new IllegalStateException(
          "there is no best model, since training ended before anything was averaged: let it train"
              + " for longer, or let the average start earlier");
    }
  }

  private record Saver<M extends Model & NeuralNetwork>(
      AveragedScoreCalculator<M> calculator, EarlyStoppingModelSaver<M> saver)
      implements EarlyStoppingModelSaver<M> {

    @Override
    public void saveBestModel(M network, double score) throws IOException {
      calculator.requireAveraged();
      // A copy of the average, so that its own updaters are never made.
      saver.saveBestModel(NetworkCopy.withoutUpdaterState(calculator.average.network()), score);
    }

    @Override
    public void saveLatestModel(M network, double score) throws IOException {
      saver.saveLatestModel(network, score);
    }

    @Override
    public M getBestModel() throws IOException {
      calculator.requireAveraged();
      return saver.getBestModel();
    }

    @Override
    public M getLatestModel() throws IOException {
      return saver.getLatestModel();
    }
  }
}
