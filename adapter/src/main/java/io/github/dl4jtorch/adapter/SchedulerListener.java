package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.jspecify.annotations.Nullable;

/**
 * Steps a run on a network's param groups while the network is being trained, after each iteration
 * or after each epoch, as PyTorch's loops do. The rate that is set is the one of the very next
 * update.
 *
 * <p>DL4J raises epoch events only from {@code fit} with an iterator; who trains with {@code
 * fit(DataSet)} makes the epochs' steps by hand with {@code run.step()}. With truncated
 * backpropagation through time each segment is an iteration. Pretraining of single layers makes no
 * step. ParallelWrapper and Spark train copies of the network, which pushed rates do not reach: use
 * a {@link TorchSchedule} there.
 *
 * <pre>{@code
 * LRScheduler run = ReduceLROnPlateau.builder().patience(3).build()
 *     .attach(NetworkParamGroups.of(net));
 * net.addListeners(
 *     SchedulerListener.everyEpoch(run, new DataSetLossCalculator(validation, true)));
 * net.fit(training, 100);
 * }</pre>
 */
public final class SchedulerListener extends BaseTrainingListener {

  private enum Moment {
    ITERATION,
    EPOCH
  }

  private final LRScheduler run;
  private final Model net;
  private final Moment moment;
  private final @Nullable ToDoubleFunction<? super Model> metric;

  private SchedulerListener(
      LRScheduler run, Moment moment, @Nullable ToDoubleFunction<? super Model> metric) {
    if (!(run.paramGroups() instanceof NetworkParamGroups groups)) {
      throw new IllegalArgumentException(
          "run must be attached to NetworkParamGroups.of(net) but is attached to plain ParamGroups,"
              + " which no network follows");
    }
    boolean isPlateau = run.schedule() instanceof ReduceLROnPlateau;
    if (isPlateau && metric == null) {
      throw new IllegalArgumentException(
          "metric must be given for ReduceLROnPlateau: use SchedulerListener.everyEpoch(run,"
              + " metric)");
    }
    if (!isPlateau && metric != null) {
      throw new IllegalArgumentException(
          "metric must not be given for "
              + run.schedule().getClass().getSimpleName()
              + ", which steps without: use SchedulerListener.everyEpoch(run)");
    }
    this.run = run;
    this.net = groups.network();
    this.moment = moment;
    this.metric = metric;
  }

  /**
   * Steps after each iteration, that is after each batch. {@code OneCycleLR} needs as many steps as
   * there will be iterations in all.
   *
   * @param run a run on the {@link NetworkParamGroups} of the network
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups, or needs a metric
   */
  public static SchedulerListener everyIteration(LRScheduler run) {
    return new SchedulerListener(run, Moment.ITERATION, null);
  }

  /**
   * Steps after each epoch.
   *
   * @param run a run on the {@link NetworkParamGroups} of the network
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups, or needs a metric
   */
  public static SchedulerListener everyEpoch(LRScheduler run) {
    return new SchedulerListener(run, Moment.EPOCH, null);
  }

  /**
   * Steps a plateau after each epoch with a score of the network.
   *
   * @param run a run of {@link ReduceLROnPlateau} on the {@link NetworkParamGroups} of the network
   * @param metric calculates the score, for a network of this type
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups or is no plateau, or if its mode
   *     is not the direction in which the score is better
   */
  public static SchedulerListener everyEpoch(
      LRScheduler run, ScoreCalculator<? extends Model> metric) {
    if (run.schedule() instanceof ReduceLROnPlateau plateau) {
      boolean minimizes = plateau.mode() == ReduceLROnPlateau.Mode.MIN;
      if (minimizes != metric.minimizeScore()) {
        throw new IllegalArgumentException(
            "mode must be "
                + (minimizes ? "MAX" : "MIN")
                + " for "
                + metric.getClass().getSimpleName()
                + " but was "
                + plateau.mode());
      }
    }
    return new SchedulerListener(run, Moment.EPOCH, score(metric));
  }

  /**
   * Steps a plateau after each epoch with any number that tells how good the network is.
   *
   * @param run a run of {@link ReduceLROnPlateau} on the {@link NetworkParamGroups} of the network
   * @param metric from the network to the number; NaN counts as no improvement
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups or is no plateau
   */
  public static SchedulerListener everyEpoch(
      LRScheduler run, ToDoubleFunction<? super Model> metric) {
    return new SchedulerListener(run, Moment.EPOCH, metric);
  }

  @SuppressWarnings("unchecked") // Which type of network a calculator is for, it does not tell.
  private static <M extends Model> ToDoubleFunction<Model> score(ScoreCalculator<M> metric) {
    return net -> metric.calculateScore((M) net);
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (moment == Moment.ITERATION && isOwn(model)) {
      run.step();
    }
  }

  @Override
  public void onEpochEnd(Model model) {
    if (moment == Moment.EPOCH && isOwn(model)) {
      if (metric == null) {
        run.step();
      } else {
        run.step(metric.applyAsDouble(model));
      }
    }
  }

  private boolean isOwn(Model model) {
    if (model != net && (model instanceof MultiLayerNetwork || model instanceof ComputationGraph)) {
      throw new IllegalStateException(
          "this listener must be added only to the network whose param groups its run is on, but"
              + " was called for a copy or another network; ParallelWrapper needs a TorchSchedule");
    }
    return model == net;
  }
}
