package io.github.dl4jtorch.adapter;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.Unit;
import io.github.dl4jtorch.adapter.internal.WaitingScore;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.io.Serial;
import java.io.Serializable;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Steps a run on a network's param groups while the network is being trained, after each iteration
 * or after each epoch, as PyTorch's loops do. The rate that is set is the one of the very next
 * update. A network may have several, for runs on the same groups or on others.
 *
 * <p>DL4J raises epoch events only from {@code fit} with an iterator and from early stopping; who
 * trains with {@code fit(DataSet)} lets an {@link EpochLoop} train, or calls {@link #stepEpoch()}
 * at the end of each epoch. With truncated backpropagation through time each segment is an
 * iteration. Pretraining of single layers makes no step: call {@code run.step()} between two calls
 * of {@code pretrain}; a rate of 0 does not stop a layer there.
 *
 * <p>ParallelWrapper trains copies of the network, made anew for each of its {@code fit}s, so they
 * get rates that are pushed between these: give a per-epoch listener to an {@link EpochLoop}. What
 * is pushed after an iteration does not reach them, and is refused: use a {@link TorchSchedule}.
 *
 * <pre>{@code
 * LRScheduler run = ReduceLROnPlateau.builder().patience(3).build()
 *     .attach(NetworkParamGroups.of(net));
 * net.addListeners(
 *     SchedulerListener.everyEpoch(run, new DataSetLossCalculator(validation, true)).verbose());
 * net.fit(training, 100);
 * }</pre>
 */
public final class SchedulerListener extends BaseTrainingListener
    implements PacedListener, Serializable {

  private static final long serialVersionUID = 1L;

  private static final Logger LOG = LoggerFactory.getLogger(SchedulerListener.class);

  /** Stands for a count that is not known. */
  private static final int NEVER = -1;

  private final LRScheduler run;
  private final NetworkParamGroups groups;
  private final Model net;
  private final Unit unit;
  private final @Nullable ToDoubleFunction<? super Model> metric;
  private final int interval;
  private final boolean isVerbose;
  private final boolean isRescaling;
  private final LiveNetwork live;
  private int epochsByHand;
  private boolean isInEpoch;
  private int iterationsInEpoch;
  // What has been looked at, so that it is complained of once.
  private int knownListeners = NEVER;
  private boolean hasWarnedOfEpochs;
  private boolean hasWarnedOfSteps;
  private boolean hasSeenLength;
  // The count of this listener's last step, and where that left the run.
  private int steppedAt = NEVER;
  private double steppedTo;

  private SchedulerListener(
      LRScheduler run,
      Unit unit,
      @Nullable ToDoubleFunction<? super Model> metric,
      int interval,
      boolean isVerbose,
      boolean isRescaling) {
    this.run = run;
    this.groups = groups(run);
    this.net = LiveNetwork.model(groups.network());
    this.live = new LiveNetwork(net);
    this.unit = unit;
    this.metric = metric;
    this.interval = interval;
    this.isVerbose = isVerbose;
    this.isRescaling = isRescaling;
  }

  private static SchedulerListener of(
      LRScheduler run, Unit unit, @Nullable ToDoubleFunction<? super Model> metric) {
    String factory = unit == Unit.EPOCH ? "everyEpoch" : "everyIteration";
    boolean needsMetric = run.schedule().needsMetric();
    SchedulerListener listener = new SchedulerListener(run, unit, metric, 1, false, false);
    if (needsMetric && metric == null) {
      throw new IllegalArgumentException(
          "metric must be given for ReduceLROnPlateau: use SchedulerListener."
              + factory
              + "(run, metric)");
    }
    if (!needsMetric && metric != null) {
      throw new IllegalArgumentException(
          "metric must not be given for "
              + run.schedule().name()
              + ", which steps without: use SchedulerListener."
              + factory
              + "(run)");
    }
    if (unit == Unit.EPOCH) {
      CycleLength.requireEpochs(run.schedule(), "SchedulerListener.everyIteration(run)");
    }
    return listener;
  }

  /** Returns the groups of a run, which must be those of a network. */
  static NetworkParamGroups groups(LRScheduler run) {
    if (run.paramGroups() instanceof NetworkParamGroups groups) {
      return groups;
    }
    throw new IllegalArgumentException(
        "run must be attached to NetworkParamGroups.of(net) but is attached to plain ParamGroups,"
            + " which no network follows");
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
    return of(run, Unit.ITERATION, null);
  }

  /**
   * Steps a plateau after each iteration, or with {@link #withInterval} after each so many, with a
   * score of the network. The calculator must not use the iterator that the network is trained
   * with.
   *
   * @param run a run of {@link ReduceLROnPlateau} on the {@link NetworkParamGroups} of the network
   * @param metric calculates the score, for a network of this type
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups or is no plateau, if its mode is
   *     not the direction in which the score is better, or if the network is trained by truncated
   *     backpropagation through time, whose state an evaluation between two segments would clear
   */
  public static SchedulerListener everyIteration(
      LRScheduler run, ScoreCalculator<? extends Model> metric) {
    SchedulerListener listener = of(run, Unit.ITERATION, checkedScore(run, metric));
    if (new LiveNetwork(listener.net).isTruncated()) {
      throw new IllegalArgumentException(
          "metric must not be calculated after iterations of a network with truncated"
              + " backpropagation through time, since that clears the state between segments: use"
              + " SchedulerListener.everyEpoch(run, metric)");
    }
    return listener;
  }

  /**
   * Steps a plateau after each iteration, or with {@link #withInterval} after each so many, with
   * any number that tells how good the network is, like {@code Model::score}.
   *
   * @param run a run of {@link ReduceLROnPlateau} on the {@link NetworkParamGroups} of the network
   * @param metric from the network to the number; NaN counts as no improvement
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups or is no plateau
   */
  public static SchedulerListener everyIteration(
      LRScheduler run, ToDoubleFunction<? super Model> metric) {
    return of(run, Unit.ITERATION, metric);
  }

  /**
   * Steps after each epoch.
   *
   * @param run a run on the {@link NetworkParamGroups} of the network
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the run is on other groups, or needs a metric
   */
  public static SchedulerListener everyEpoch(LRScheduler run) {
    return of(run, Unit.EPOCH, null);
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
    return of(run, Unit.EPOCH, checkedScore(run, metric));
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
    return of(run, Unit.EPOCH, metric);
  }

  private static ToDoubleFunction<Model> checkedScore(
      LRScheduler run, ScoreCalculator<? extends Model> metric) {
    requireMode(run, metric);
    return score(metric);
  }

  /** Refuses a plateau whose mode is not the direction in which a score is better. */
  static void requireMode(LRScheduler run, ScoreCalculator<? extends Model> metric) {
    ReduceLROnPlateau.Mode better =
        metric.minimizeScore() ? ReduceLROnPlateau.Mode.MIN : ReduceLROnPlateau.Mode.MAX;
    ReduceLROnPlateau.Mode mode = run.schedule().metricMode().orElse(better);
    if (mode != better) {
      throw new IllegalArgumentException(
          "mode must be "
              + better
              + " for "
              + metric.getClass().getSimpleName()
              + " but was "
              + mode);
    }
  }

  @SuppressWarnings("unchecked") // Which type of network a calculator is for, it does not tell.
  private static <M extends Model> ToDoubleFunction<Model> score(ScoreCalculator<M> metric) {
    return new Score(metric, net -> metric.calculateScore((M) net));
  }

  private record Score(ScoreCalculator<?> metric, ToDoubleFunction<Model> value)
      implements ToDoubleFunction<Model> {

    @Override
    public double applyAsDouble(Model net) {
      return value.applyAsDouble(net);
    }
  }

  /**
   * Returns a listener that makes a step only after so many iterations or epochs, counted from the
   * network's first.
   *
   * @param interval how many, {@code >= 1}; default 1
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the interval is out of its range
   */
  @CheckReturnValue
  public SchedulerListener withInterval(int interval) {
    if (interval < 1) {
      throw new IllegalArgumentException("interval must be >= 1 but was " + interval);
    }
    return new SchedulerListener(run, unit, metric, interval, isVerbose, isRescaling);
  }

  /**
   * Returns a listener that logs every change of a rate at level INFO.
   *
   * @return the listener, to be added in place of this one
   */
  @CheckReturnValue
  public SchedulerListener verbose() {
    return new SchedulerListener(run, unit, metric, interval, true, isRescaling);
  }

  /**
   * Returns a listener under which DL4J's own {@code Nesterovs} follows PyTorch's {@code
   * SGD(nesterov=True)} while the rate changes. PyTorch applies the rate to the whole step; DL4J
   * applies it to each gradient, so that its velocity keeps the rates of the past. Here the
   * velocity is brought to the rate of an update right before it:
   *
   * <pre>
   * v = v lr_new / lr_old
   * v' = momentum v - lr_new g
   * p = p - momentum v + (1 + momentum) v'
   * </pre>
   *
   * <p>with {@code v = -lr b} that is PyTorch's {@code b' = momentum b + g} and {@code p = p - lr
   * (g + momentum b')}. A rate of 0 stops the parameters, as always; the velocity then stays at the
   * last rate above 0, takes up the gradients at that rate, and goes on from there.
   *
   * <p>It acts in all groups of the run, on updaters that are {@code Nesterovs}, from this
   * listener's first iteration on and also if the listener is then removed. The velocity's rate is
   * saved with the network. For a network without such a record it is taken to be the rate at which
   * its groups are made. Call this on the listener of a restored network again.
   *
   * @return the listener, to be added in place of this one
   * @throws IllegalStateException if no group has a {@code Nesterovs}
   */
  @CheckReturnValue
  public SchedulerListener rescalingVelocity() {
    if (!groups.hasVelocity()) {
      throw new IllegalStateException(
          "rescalingVelocity() needs a param group with DL4J's Nesterovs, but there is none");
    }
    return new SchedulerListener(run, unit, metric, interval, isVerbose, true);
  }

  /**
   * Tells that an epoch has ended, for a training by {@code fit(DataSet)}, where DL4J does not. The
   * network's own count of epochs stays as it is; an {@link EpochLoop} moves that on, too. Who
   * calls this need not add the listener to the network, where it warns at the first iteration that
   * nobody tells of an epoch.
   *
   * @throws IllegalStateException if this listener steps after iterations
   */
  public void stepEpoch() {
    if (unit != Unit.EPOCH) {
      throw new IllegalStateException(
          "stepEpoch() must be called only on a SchedulerListener.everyEpoch(..), but this one"
              + " steps after iterations");
    }
    epochsByHand++;
    groups.watch().rest();
    ended(epochCount());
  }

  /**
   * Returns the run that is stepped.
   *
   * @return the run, on the {@link NetworkParamGroups} of the network
   */
  public LRScheduler run() {
    return run;
  }

  /**
   * Returns how many iterations or epochs there are to a step.
   *
   * @return the {@linkplain #withInterval interval}
   */
  public int interval() {
    return interval;
  }

  /**
   * Tells whether this listener must hear of iterations, so that it is idle where there are only
   * epochs, as on the driver of a training on Spark.
   *
   * @return true if it steps after iterations, false if after epochs
   */
  @Override
  public boolean needsIterations() {
    return unit == Unit.ITERATION;
  }

  /** Refuses to be told of epochs of another network. */
  void requireEpochsOf(Model trained) {
    if (trained != net) {
      throw new IllegalArgumentException(
          "listeners must be for the network of the EpochLoop, but the run of this"
              + " SchedulerListener is on the param groups of another");
    }
  }

  /** Refuses two listeners on one run, of which each would make every step. */
  static void requireOneEach(Iterable<? extends TrainingListener> listeners) {
    Set<LRScheduler> runs = Collections.newSetFromMap(new IdentityHashMap<>());
    for (TrainingListener listener : listeners) {
      if (listener instanceof SchedulerListener scheduler && !runs.add(scheduler.run)) {
        throw new IllegalArgumentException(twice(scheduler.run));
      }
    }
  }

  private static String twice(LRScheduler run) {
    return "a run must have one SchedulerListener, which makes all its steps, but the run of "
        + run.schedule().name()
        + " has two, or one that was added twice: leave one with net.setListeners(..)";
  }

  @Override
  public void onEpochStart(Model model) {
    // Refuses a copy here, where nothing has moved yet.
    if (isOwn(model)) {
      isInEpoch = true;
      iterationsInEpoch = 0;
      // Whoever tells this need not tell of updates.
      groups.watch().rest();
      prepare();
    }
  }

  @Override
  public void onGradientCalculation(Model model) {
    if (isOwn(model)) {
      prepare();
      groups.watch().expect(live.iterationCount());
    }
  }

  /** Makes the next update be as the groups say. */
  private void prepare() {
    requireAlone();
    groups.refresh();
    if (isRescaling) {
      groups.rescaleVelocity();
    }
  }

  /** Looks at the network's listeners where there are more or fewer than before. */
  private void requireAlone() {
    Collection<TrainingListener> listeners = live.listeners();
    if (listeners.size() == knownListeners) {
      return;
    }
    boolean isAmongThem = false;
    int onRun = 0;
    for (TrainingListener listener : listeners) {
      if (listener instanceof SchedulerListener scheduler && scheduler.run == run) {
        onRun++;
        isAmongThem |= scheduler == this;
      }
    }
    if (onRun > (isAmongThem ? 1 : 0)) {
      throw new IllegalStateException(twice(run));
    }
    knownListeners = listeners.size();
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (isOwn(model)) {
      iterationsInEpoch++;
      if (unit == Unit.ITERATION) {
        ended(iteration + 1);
      } else if (!isInEpoch) {
        warnOfEpochs();
      }
    }
  }

  @Override
  public void onEpochEnd(Model model) {
    if (isOwn(model)) {
      isInEpoch = false;
      if (unit == Unit.EPOCH) {
        ended(epochCount() + 1);
      } else if (!hasSeenLength) {
        hasSeenLength = true;
        warnOfLength();
      }
    }
  }

  private int epochCount() {
    return epochsByHand + live.epochCount();
  }

  private void ended(int count) {
    if (count % interval != 0
        || (metric instanceof Score score && WaitingScore.isWaiting(score.metric))) {
      return;
    }
    warnOfSteps(count);
    double[] before = isVerbose ? rates() : null;
    if (metric == null) {
      run.step();
    } else {
      run.step(metric.applyAsDouble(net));
    }
    groups.drive();
    steppedAt = count;
    steppedTo = run.lastEpoch();
    if (before != null) {
      log(before, rates(), count);
    }
  }

  private double[] rates() {
    double[] rates = new double[groups.size()];
    for (int group = 0; group < rates.length; group++) {
      rates[group] = groups.get(group).lr();
    }
    return rates;
  }

  private void log(double[] before, double[] after, int count) {
    for (int group = 0; group < after.length; group++) {
      if (after[group] != before[group]) {
        LOG.info(
            "{} {} done: {} changed the learning rate of {} from {} to {}",
            unit.name().toLowerCase(Locale.ROOT),
            count,
            run.schedule().name(),
            groups.name(group),
            before[group],
            after[group]);
      }
    }
  }

  /** Warns once of an iteration in no epoch, since after such nobody may tell that one ends. */
  private void warnOfEpochs() {
    if (epochsByHand == 0 && !hasWarnedOfEpochs) {
      hasWarnedOfEpochs = true;
      LOG.warn(
          "an iteration outside of an epoch: fit(DataSet) raises no epoch events, so {} makes no"
              + " step. Give this listener to an EpochLoop that trains, or train with fit(iterator);"
              + " if you call its stepEpoch() at the end of each epoch, do not add it to the"
              + " network.",
          run.schedule().name());
    }
  }

  /** Warns once if others have stepped the run from one step of this listener to the next. */
  private void warnOfSteps(int count) {
    if (steppedAt != NEVER
        && count - steppedAt <= interval
        && run.lastEpoch() > steppedTo
        && !hasWarnedOfSteps) {
      hasWarnedOfSteps = true;
      LOG.warn(
          "{} {} done: the run of {} was left at step {} by this listener and is at {} now, so that"
              + " it makes more steps than the network makes {}s. Let the listener alone step it:"
              + " leave out run.step(), and any other listener on this run.",
          unit.name().toLowerCase(Locale.ROOT),
          count,
          run.schedule().name(),
          steppedTo,
          run.lastEpoch(),
          unit.name().toLowerCase(Locale.ROOT));
    }
  }

  /** Warns if the first epoch had by far more or fewer iterations than a cycle was made for. */
  private void warnOfLength() {
    int steps = iterationsInEpoch / interval;
    // One that began before was taken up in the middle of an epoch, or has seen others.
    String complaint =
        run.lastEpoch() == steps ? CycleLength.complaint(run.schedule(), steps) : null;
    if (complaint != null) {
      LOG.warn(complaint);
    }
  }

  private boolean isOwn(Model model) {
    if (!LiveNetwork.isKindOf(model)) {
      return false;
    }
    if (WorkerThreads.isInWorker()) {
      throw new IllegalStateException(
          unit == Unit.ITERATION
              ? "ParallelWrapper trains copies of the network, which a step after an iteration does"
                  + " not reach: use a TorchSchedule, or SchedulerListener.everyEpoch(..) in an"
                  + " EpochLoop"
              : "ParallelWrapper tells of no epochs: give this listener to an EpochLoop, and not to"
                  + " the network or the wrapper");
    }
    if (model != net) {
      throw new IllegalStateException(
          "this listener must be added only to the network whose param groups its run is on, but"
              + " was called for a copy or another network");
    }
    return true;
  }

  /** Is serializable only to say why it is not: Spark would name the class and nothing else. */
  @Serial
  private void writeObject(ObjectOutputStream out) throws NotSerializableException {
    throw new NotSerializableException(
        "a SchedulerListener steps only in the JVM of the network whose param groups its run is on;"
            + " on Spark use a TorchSchedule, or step the run on the driver between fits");
  }
}
