package io.github.dl4jtorch.adapter.samediff;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.ListenerResponse;
import org.nd4j.autodiff.listeners.Loss;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.listeners.records.LossCurve;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Steps a run on the param group of a SameDiff graph while the graph is being trained, after each
 * iteration or after each epoch, as PyTorch's loops do. The rate that is set is the one of the very
 * next update. Add it to the graph, or hand it to {@code fit}; several runs may take turns.
 *
 * <p>SameDiff raises epoch events only from {@code fit} with an iterator; who trains with {@code
 * fit(DataSet)} calls {@link #stepEpoch()} at the end of each epoch. A plateau's metric is
 * calculated by a function that is given here: SameDiff 1.0.0-M2.1 gives its listeners a training
 * loss of 0, and validates only after the epoch is over.
 *
 * <pre>{@code
 * var sd = org.nd4j.autodiff.samediff.SameDiff.load(new File("model.fb"), true);
 * LRScheduler run = ReduceLROnPlateau.builder().patience(3).build()
 *     .attach(SameDiffParamGroups.of(sd));
 * sd.addListeners(SameDiffSchedulerListener.everyEpoch(run, SameDiffLoss.on(validation)));
 * sd.fit(training, 100);
 * }</pre>
 */
public final class SameDiffSchedulerListener extends BaseListener {

  private static final Logger LOG = LoggerFactory.getLogger(SameDiffSchedulerListener.class);

  /** So many iterations outside an epoch are taken for epochs that go unnoticed. */
  private static final int SUSPICIOUS = 1000;

  private final LRScheduler run;
  private final SameDiffParamGroups groups;
  private final boolean isByEpoch;
  private final @Nullable ToDoubleFunction<? super SameDiff> metric;
  private boolean isToldOfEpochs;
  private int iterations;

  private SameDiffSchedulerListener(
      LRScheduler run, boolean isByEpoch, @Nullable ToDoubleFunction<? super SameDiff> metric) {
    if (!(run.paramGroups() instanceof SameDiffParamGroups graphsGroups)) {
      throw new IllegalArgumentException(
          "run must be attached to SameDiffParamGroups.of(sd) but is attached to other param"
              + " groups, which no SameDiff follows");
    }
    boolean needsMetric = run.schedule().needsMetric();
    if (needsMetric && metric == null) {
      throw new IllegalArgumentException(
          "metric must be given for ReduceLROnPlateau: use"
              + " SameDiffSchedulerListener.everyEpoch(run, metric)");
    }
    if (!needsMetric && metric != null) {
      throw new IllegalArgumentException(
          "metric must not be given for "
              + run.schedule().name()
              + ", which steps without: use SameDiffSchedulerListener.everyEpoch(run)");
    }
    this.run = run;
    this.groups = graphsGroups;
    this.isByEpoch = isByEpoch;
    this.metric = metric;
  }

  /**
   * Steps after each iteration, that is after each batch. {@code OneCycleLR} needs as many steps as
   * there will be iterations in all.
   *
   * @param run a run on the {@link SameDiffParamGroups} of the graph
   * @return the listener, for that graph
   * @throws IllegalArgumentException if the run is on other groups, or needs a metric
   */
  public static SameDiffSchedulerListener everyIteration(LRScheduler run) {
    return new SameDiffSchedulerListener(run, false, null);
  }

  /**
   * Steps after each epoch.
   *
   * @param run a run on the {@link SameDiffParamGroups} of the graph
   * @return the listener, for that graph
   * @throws IllegalArgumentException if the run is on other groups, or needs a metric
   */
  public static SameDiffSchedulerListener everyEpoch(LRScheduler run) {
    return new SameDiffSchedulerListener(run, true, null);
  }

  /**
   * Steps a plateau after each epoch with any number that tells how good the graph is, like a
   * {@link SameDiffLoss}. The function may evaluate the graph, on another iterator than the one it
   * is trained with.
   *
   * @param run a run of {@link ReduceLROnPlateau} on the {@link SameDiffParamGroups} of the graph
   * @param metric from the graph to the number; NaN counts as no improvement
   * @return the listener, for that graph
   * @throws IllegalArgumentException if the run is on other groups or is no plateau
   */
  public static SameDiffSchedulerListener everyEpoch(
      LRScheduler run, ToDoubleFunction<? super SameDiff> metric) {
    return new SameDiffSchedulerListener(run, true, metric);
  }

  /**
   * Tells that an epoch has ended, for a training by {@code fit(DataSet)}, where SameDiff does not.
   *
   * @throws IllegalStateException if this listener steps after iterations
   */
  public void stepEpoch() {
    if (!isByEpoch) {
      throw new IllegalStateException(
          "stepEpoch() must be called only on a SameDiffSchedulerListener.everyEpoch(..), but this"
              + " one steps after iterations");
    }
    isToldOfEpochs = true;
    step();
  }

  private void step() {
    if (metric == null) {
      run.step();
    } else {
      run.step(metric.applyAsDouble(groups.graph()));
    }
    iterations = 0;
  }

  @Override
  public boolean isActive(Operation operation) {
    return operation == Operation.TRAINING;
  }

  @Override
  public void epochStart(SameDiff sd, At at) {
    requireOwn(sd);
    isToldOfEpochs = true;
    iterations = 0;
  }

  @Override
  public void iterationStart(SameDiff sd, At at, MultiDataSet data, long etlTimeMs) {
    requireOwn(sd);
  }

  @Override
  public void iterationDone(SameDiff sd, At at, MultiDataSet dataSet, Loss loss) {
    requireOwn(sd);
    if (!isByEpoch) {
      run.step();
      return;
    }
    iterations++;
    if (!isToldOfEpochs && iterations == SUSPICIOUS) {
      LOG.warn(
          "{} iterations without an epoch: fit(DataSet) raises no epoch events, so {} makes no"
              + " step. Call stepEpoch() on this listener at the end of each epoch, or train with"
              + " fit(iterator, epochs).",
          SUSPICIOUS,
          run.schedule().name());
    }
  }

  @Override
  public ListenerResponse epochEnd(SameDiff sd, At at, LossCurve lossCurve, long epochTimeMillis) {
    requireOwn(sd);
    // SameDiff tells a listener twice of the end if it is the graph's own and was given to fit too.
    if (isByEpoch && iterations > 0) {
      step();
    }
    return ListenerResponse.CONTINUE;
  }

  private void requireOwn(SameDiff sd) {
    if (!groups.areOf(sd)) {
      throw new IllegalStateException(
          "this listener must be added only to the SameDiff whose param groups its run is on, but"
              + " was called for a copy or another one");
    }
  }
}
