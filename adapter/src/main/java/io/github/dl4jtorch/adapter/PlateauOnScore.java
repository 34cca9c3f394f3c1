package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.WaitingScore;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.listener.EarlyStoppingListener;
import org.deeplearning4j.nn.api.Model;

/**
 * Steps a plateau with the score that DL4J's early stopping calculates anyway. It steps once for
 * each score: after every epoch, or with {@code evaluateEveryNEpochs(n)} after the epochs that are
 * evaluated, so the plateau's patience then counts those.
 *
 * <p>The trainer saves its best and its latest model before it calls this, so they have the rate
 * that they were trained with.
 *
 * <pre>{@code
 * LRScheduler run = ReduceLROnPlateau.builder().patience(3).build()
 *     .attach(NetworkParamGroups.of(net));
 * var plateau = new PlateauOnScore<MultiLayerNetwork>(run);
 * // new EarlyStoppingTrainer(stopping, net, training, plateau).fit();
 * }</pre>
 *
 * @param <T> the type of network
 */
public final class PlateauOnScore<T extends Model> implements EarlyStoppingListener<T> {

  private final LRScheduler run;
  private final NetworkParamGroups groups;

  /**
   * Takes the run that is to be stepped.
   *
   * @param run a run of {@link ReduceLROnPlateau} on the {@link NetworkParamGroups} of the network
   * @throws IllegalArgumentException if the run is on other groups or is no plateau
   */
  public PlateauOnScore(LRScheduler run) {
    this.run = run;
    this.groups = SchedulerListener.groups(run);
    if (!run.schedule().needsMetric()) {
      throw new IllegalArgumentException(
          "run must be of ReduceLROnPlateau but is of "
              + run.schedule().name()
              + ", which steps without a score: use SchedulerListener.everyEpoch(run)");
    }
  }

  /**
   * Checks that the score fits the run.
   *
   * @throws IllegalArgumentException if the network is not the one whose groups the run is on,
   *     there is no calculator of the score, or the run's mode is not the direction in which its
   *     score is better
   */
  @Override
  public void onStart(EarlyStoppingConfiguration<T> configuration, T net) {
    if (net != LiveNetwork.model(groups.network())) {
      throw new IllegalArgumentException(
          "net must be the network whose param groups the run is on, but the trainer has another");
    }
    if (configuration.getScoreCalculator() == null) {
      throw new IllegalArgumentException(
          "scoreCalculator must be set in the configuration, since the run steps with its score");
    }
    SchedulerListener.requireMode(run, configuration.getScoreCalculator());
  }

  @Override
  public void onEpoch(int epoch, double score, EarlyStoppingConfiguration<T> configuration, T net) {
    if (!WaitingScore.isWaiting(configuration.getScoreCalculator())) {
      run.step(score);
    }
  }

  @Override
  public void onCompletion(EarlyStoppingResult<T> result) {}
}
