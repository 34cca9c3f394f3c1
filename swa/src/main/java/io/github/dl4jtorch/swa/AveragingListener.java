package io.github.dl4jtorch.swa;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.internal.AfterIteration;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.Unit;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * Averages a network while it is being trained: after each epoch or each iteration, from one of
 * them on, or only every so many. Training is the same to the bit as without.
 *
 * <pre>{@code
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * AveragingListener<MultiLayerNetwork> averaging =
 *     AveragingListener.everyEpoch(net, average).startingAt(20);
 * net.addListeners(averaging);
 * net.fit(training, 40);
 * averaging.finish(training); // update_bn
 * average.network().evaluate(validation);
 * }</pre>
 *
 * <p>The rate is not its business: a {@code SchedulerListener} steps that, and for stochastic
 * weight averaging a {@link SwalrListener}. In which order the network has them makes no
 * difference, but what scores the average comes after this.
 *
 * <p>DL4J does not tell a listener that training is over: call {@link #finish(DataSetIterator)}, or
 * say with {@link #finishingAfter(int, DataSetIterator)} after how many epochs that is. The
 * statistics that are then computed last until the next update.
 *
 * <p>Iterations and epochs are those of the network, so that they go on in one that was saved and
 * restored; a count that is set back, as {@code EarlyStoppingTrainer} does with that of epochs, is
 * gone on with here. DL4J raises epoch events only from {@code fit} with an iterator; who trains
 * with {@code fit(DataSet)} calls {@link #stepEpoch()} at the end of each epoch. With truncated
 * backpropagation through time each segment is an iteration.
 *
 * <p>ParallelWrapper trains copies of the network, and the network itself holds their mean only
 * when its {@code fit} returns, so a listener that it calls refuses to average. Call {@code
 * average.updateParameters(net)} between two {@code fit}s, or {@link #stepEpoch()}. With Spark give
 * the listener to the {@code SparkEpochLoop} of {@code dl4j-torch-spark}.
 *
 * <p>The listener can be saved with a training, as part of its checkpoint; see {@link #restore}. A
 * {@code TrainingCheckpointListener} must be added after it.
 *
 * @param <N> the kind of network
 */
public final class AveragingListener<N extends NeuralNetwork> extends BaseTrainingListener
    implements CheckpointPart, PacedListener {

  private static final String LISTENER = "listener";
  private static final String POLICY = "policy";
  private static final String EPOCHS = "epochs";
  private static final String COUNTED_EPOCH = "counted_epoch";
  private static final String IN_EPOCH = "iterations_in_epoch";

  /**
   * When to average: at each interval-th iteration or epoch from number start, from 0, on.
   *
   * @param isAnew whether the interval is counted from the first iteration of each epoch instead
   * @param restarts the first epoch after whose updates the average does not begin anew
   */
  private record Times(Unit unit, int start, int interval, boolean isAnew, int restarts) {

    static Times every(int interval, Unit unit) {
      return new Times(unit, 0, interval, false, 0);
    }

    boolean include(int index, int inEpoch) {
      return index >= start && (isAnew ? inEpoch : index - start) % interval == 0;
    }

    /** Returns the epoch before whose end there cannot be an average. */
    int firstEpoch() {
      return unit == Unit.EPOCH ? Math.max(start, restarts) : restarts;
    }
  }

  /** Where the average is saved, each time it has averaged so many more. */
  private record Saving(EmaSnapshots snapshots, int every) {}

  /** After how many epochs, and over which data, the statistics are computed. */
  private record Ending(int epochs, Batches data) {}

  private final OwnNetwork net;
  private final AfterIteration afterIteration;
  private final AveragedModel<N> average;
  private final Times times;
  private final @Nullable Ending ending;
  private final @Nullable Saving saving;
  private final LongSupplier nanoTime;
  private int countedEpoch;
  private int inEpoch;

  private AveragingListener(
      OwnNetwork net,
      AveragedModel<N> average,
      Times times,
      @Nullable Ending ending,
      @Nullable Saving saving,
      LongSupplier nanoTime) {
    if (ending != null && ending.epochs <= times.firstEpoch()) {
      throw new IllegalArgumentException(
          "epochs must be > "
              + times.firstEpoch()
              + ", the epoch at which the average starts, but was "
              + ending.epochs);
    }
    this.net = net;
    this.afterIteration = new AfterIteration(net.live());
    this.average = average;
    this.times = times;
    this.ending = ending;
    this.saving = saving;
    this.nanoTime = nanoTime;
  }

  private static <N extends NeuralNetwork> AveragingListener<N> of(
      N net, AveragedModel<N> average, Unit unit) {
    Require.requireGiven("average", average);
    LiveNetwork trained = LiveNetwork.of(net, "it is averaged");
    if (net == average.network()) {
      throw new IllegalArgumentException(
          "net must be the network in training but was the averaged one");
    }
    OwnNetwork own =
        new OwnNetwork(
            trained,
            "that it averages",
            "ParallelWrapper trains copies of the network, which holds their mean only when fit"
                + " returns: call the listener's stepEpoch() or average.updateParameters(net) then,"
                + " and add the listener neither to the network nor to the wrapper");
    Times times = Times.every(Math.max(1, average.averaging().interval()), unit);
    return new AveragingListener<>(own, average, times, null, null, System::nanoTime);
  }

  /**
   * Averages after each iteration, that is after each batch.
   *
   * @param net the network to be trained, initialised
   * @param average takes up the averages
   * @param <N> the kind of network
   * @return the listener, to be added to that network
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException if the network is the averaged one
   */
  public static <N extends NeuralNetwork> AveragingListener<N> everyIteration(
      N net, AveragedModel<N> average) {
    return of(net, average, Unit.ITERATION);
  }

  /**
   * Averages after each epoch.
   *
   * @param net the network to be trained, initialised
   * @param average takes up the averages
   * @param <N> the kind of network
   * @return the listener, to be added to that network
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException if the network is the averaged one
   */
  public static <N extends NeuralNetwork> AveragingListener<N> everyEpoch(
      N net, AveragedModel<N> average) {
    return of(net, average, Unit.EPOCH);
  }

  /**
   * Returns a listener that begins to average at a later iteration or epoch.
   *
   * @param start the number of the first that is averaged, counted from the network's first, which
   *     is 0; {@code >= 0}, default 0
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if it is out of its range, or not before {@link
   *     #finishingAfter}
   */
  @CheckReturnValue
  public AveragingListener<N> startingAt(int start) {
    if (start < 0) {
      throw Require.illegal("start", ">= 0", start);
    }
    return with(
        new Times(times.unit, start, times.interval, times.isAnew, times.restarts),
        ending,
        nanoTime);
  }

  /**
   * Returns a listener that averages, from the first on, only one in so many iterations or epochs.
   *
   * @param interval how many, {@code >= 1}; default 1, or what the averaging says, as {@link
   *     Averaging#emaPytorch()} does by its {@code updateEvery}
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if it is out of its range, or not what the averaging says
   */
  @CheckReturnValue
  public AveragingListener<N> withInterval(int interval) {
    Require.requirePositive("interval", interval);
    int given = average.averaging().interval();
    if (given > 0 && interval != given) {
      throw Require.illegal("interval", given + ", the updateEvery of the averaging,", interval);
    }
    return with(
        new Times(times.unit, times.start, interval, times.isAnew, times.restarts),
        ending,
        nanoTime);
  }

  /**
   * Returns a listener that counts the interval anew in each epoch, as torchvision's references do:
   * it averages the first iteration of an epoch and each {@link #withInterval interval}-th from
   * there. Without, the count goes on from one epoch into the next.
   *
   * @return the listener, to be added in place of this one
   * @throws IllegalStateException if this listener averages after epochs, or the averaging itself
   *     counts the steps, as {@link Averaging#emaPytorch()} does
   */
  @CheckReturnValue
  public AveragingListener<N> anewInEachEpoch() {
    if (times.unit != Unit.ITERATION) {
      throw new IllegalStateException(
          "anewInEachEpoch() must be called only on an AveragingListener.everyIteration(..), but"
              + " this one averages after epochs");
    }
    if (average.averaging().interval() > 0) {
      throw new IllegalStateException(
          "anewInEachEpoch() must not be called where the averaging counts the steps on from one epoch"
              + " into the next, as "
              + average.averaging());
    }
    return with(
        new Times(times.unit, times.start, times.interval, true, times.restarts), ending, nanoTime);
  }

  /**
   * Returns a listener that lets the average {@linkplain AveragedModel#restart() begin anew} after
   * each update in an early epoch, as torchvision's references do while the rate warms up: the
   * averaged network then only follows the network in training, and {@link
   * AveragedModel#nAveraged()} is 0, so that nothing counts as averaged yet.
   *
   * @param epoch the number of the first epoch whose updates are averaged, counted from the
   *     network's first, which is 0; {@code >= 0}, default 0; torchvision's {@code
   *     lr_warmup_epochs}
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if it is out of its range, or not before {@link
   *     #finishingAfter}
   */
  @CheckReturnValue
  public AveragingListener<N> restartingUntil(int epoch) {
    if (epoch < 0) {
      throw Require.illegal("epoch", ">= 0", epoch);
    }
    return with(
        new Times(times.unit, times.start, times.interval, times.isAnew, epoch), ending, nanoTime);
  }

  /**
   * Returns a listener that calls {@link #finish(DataSetIterator)} by itself at the end of an
   * epoch.
   *
   * @param epochs after how many epochs of the network, {@code >= 1} and, for a listener by epoch,
   *     beyond the one at which the average starts
   * @param data the data, usually that of the training; the training's own iterator will do
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the number is out of its range
   */
  @CheckReturnValue
  public AveragingListener<N> finishingAfter(int epochs, DataSetIterator data) {
    Require.requireGiven("data", data);
    return finishingAfter(epochs, Batches.of(data));
  }

  /**
   * Returns a listener that calls {@link #finish(MultiDataSetIterator)} by itself at the end of an
   * epoch.
   *
   * @param epochs after how many epochs of the network, {@code >= 1} and, for a listener by epoch,
   *     beyond the one at which the average starts
   * @param data the data, usually that of the training; the training's own iterator will do
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the number is out of its range
   */
  @CheckReturnValue
  public AveragingListener<N> finishingAfter(int epochs, MultiDataSetIterator data) {
    Require.requireGiven("data", data);
    return finishingAfter(epochs, Batches.of(data));
  }

  private AveragingListener<N> finishingAfter(int epochs, Batches data) {
    Require.requirePositive("epochs", epochs);
    return with(times, new Ending(epochs, data), nanoTime);
  }

  /**
   * Returns a listener that saves the average for a reconstruction afterwards.
   *
   * @param snapshots where
   * @param every after how many updates each, {@code >= 1}
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if it is out of its range, or the averaging is not a {@link
   *     Averaging#powerEma}
   */
  @CheckReturnValue
  public AveragingListener<N> savingTo(EmaSnapshots snapshots, int every) {
    Require.requireGiven("snapshots", snapshots);
    Require.requirePositive("every", every);
    EmaSnapshots.requirePower(average);
    return new AveragingListener<>(
        net.fresh(), average, times, ending, new Saving(snapshots, every), nanoTime);
  }

  /** Returns a listener that goes by another clock. */
  AveragingListener<N> withClock(LongSupplier nanoTime) {
    return with(times, ending, nanoTime);
  }

  private AveragingListener<N> with(Times times, @Nullable Ending ending, LongSupplier nanoTime) {
    return new AveragingListener<>(net.fresh(), average, times, ending, saving, nanoTime);
  }

  /**
   * Gives the averaged network the running statistics of batch normalization that belong to its
   * weights, as {@link UpdateBn} does, when training is over or for a look at the average in
   * between. The next update takes up those of the network in training again, unless the average
   * has {@link Averaging#useBuffers}, which would go on from these. The random numbers of the
   * calling thread are then as they were. A pass of more than 10 seconds logs at level INFO how
   * many batches are done.
   *
   * @param data the data, usually that of the training
   * @throws IllegalStateException if nothing has been averaged, or from {@link UpdateBn}
   * @throws IllegalArgumentException from {@link UpdateBn}
   */
  public void finish(DataSetIterator data) {
    Require.requireGiven("data", data);
    finish(Batches.of(data));
  }

  /**
   * Gives the averaged network the running statistics of batch normalization that belong to its
   * weights, as {@link UpdateBn} does, when training is over or for a look at the average in
   * between. The next update takes up those of the network in training again, unless the average
   * has {@link Averaging#useBuffers}, which would go on from these. The random numbers of the
   * calling thread are then as they were. A pass of more than 10 seconds logs at level INFO how
   * many batches are done.
   *
   * @param data the data, usually that of the training
   * @throws IllegalStateException if nothing has been averaged, or from {@link UpdateBn}
   * @throws IllegalArgumentException from {@link UpdateBn}
   */
  public void finish(MultiDataSetIterator data) {
    Require.requireGiven("data", data);
    finish(Batches.of(data));
  }

  private void finish(Batches data) {
    if (average.nAveraged() == 0) {
      boolean isWarmup = times.restarts > 0 && net.epochs() <= times.restarts;
      throw new IllegalStateException(
          "the average must hold a model before it is finished, but it "
              + (isWarmup
                  ? "begins anew until epoch " + times.restarts
                  : "starts at " + times.unit.name().toLowerCase(Locale.ROOT) + " " + times.start)
              + ", and there were only "
              + (times.unit == Unit.EPOCH || isWarmup
                  ? net.epochs()
                  : net.live().iterationCount()));
    }
    StatisticsUpdate.run(average, data, nanoTime);
  }

  /**
   * Tells that an epoch has ended, for a training by {@code fit(DataSet)} or ParallelWrapper, where
   * DL4J does not.
   *
   * @throws IllegalStateException if this listener averages after iterations, and epochs make no
   *     difference to it
   */
  public void stepEpoch() {
    if (times.unit != Unit.EPOCH && !times.isAnew && times.restarts == 0) {
      throw new IllegalStateException(
          "stepEpoch() must be called only on an AveragingListener.everyEpoch(..), but this one"
              + " averages after iterations");
    }
    endEpoch();
  }

  /**
   * Tells whether this listener must hear of iterations, so that it is idle where there are only
   * epochs, as on the driver of a training on Spark.
   *
   * @return true if it averages after iterations, false if after epochs
   */
  @Override
  public boolean needsIterations() {
    return times.unit == Unit.ITERATION;
  }

  @Override
  public void onEpochStart(Model model) {
    requireTrainable(model); // Here, where nothing has moved yet.
  }

  @Override
  public void onGradientCalculation(Model model) {
    requireTrainable(model); // Likewise, where nobody tells of epochs.
  }

  private void requireTrainable(Model model) {
    if (net.is(model)) {
      average.requireTrainable();
    }
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (net.is(model) && times.unit == Unit.ITERATION) {
      if (countedEpoch != net.epoch()) {
        countedEpoch = net.epoch();
        inEpoch = 0;
      }
      if (times.include(iteration, inEpoch)) {
        afterIteration.run(this::update);
      }
      inEpoch++;
    }
  }

  @Override
  public void onEpochEnd(Model model) {
    if (net.is(model)) {
      endEpoch();
    }
  }

  private void endEpoch() {
    if (times.unit == Unit.EPOCH && times.include(net.epoch(), 0)) {
      update();
    }
    net.endEpoch();
    if (ending != null && net.epochs() == ending.epochs) {
      finish(ending.data);
    }
  }

  @SuppressWarnings("unchecked") // It was of this type when it was given.
  private void update() {
    average.updateParameters((N) net.live().network());
    if (saving != null && average.nAveraged() % saving.every == 0) {
      try {
        saving.snapshots.save(average);
      } catch (IOException failed) {
        throw new UncheckedIOException(failed);
      }
    }
    if (net.epoch() < times.restarts) {
      average.restart();
    }
  }

  /**
   * Returns what a checkpoint keeps beside the arrays: how many models the average holds and how it
   * averages, when this averages, the epochs it has seen, and how far it is in the present one.
   *
   * @return plain values
   */
  @Override
  public Map<String, Object> values() {
    Map<String, Object> own = new LinkedHashMap<>();
    own.put(POLICY, policy());
    own.put(EPOCHS, net.epochs());
    if (times.isAnew) {
      own.put(COUNTED_EPOCH, countedEpoch);
      own.put(IN_EPOCH, inEpoch);
    }
    Map<String, Object> values = AverageCheckpoint.values(average);
    values.put(LISTENER, own);
    return values;
  }

  private Map<String, Object> policy() {
    Map<String, Object> policy = new LinkedHashMap<>();
    policy.put("unit", times.unit.name().toLowerCase(Locale.ROOT));
    policy.put("start", times.start);
    policy.put("interval", times.interval);
    if (times.isAnew) {
      policy.put("anew_in_each_epoch", true);
    }
    if (times.restarts > 0) {
      policy.put("restarting_until", times.restarts);
    }
    return policy;
  }

  /**
   * Returns the averaged network's parameters for a checkpoint.
   *
   * @return the live array, not a copy
   */
  @Override
  public Map<String, INDArray> arrays() {
    return AverageCheckpoint.arrays(average);
  }

  /**
   * Takes up, before training goes on, what a checkpoint has of a listener like this.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
   * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(resumed, Averaging.equal());
   * AveragingListener<MultiLayerNetwork> averaging =
   *     AveragingListener.everyEpoch(resumed, average).startingAt(20);
   * averaging.restore(checkpoint.part("averaging"));
   * resumed.addListeners(averaging);
   * }</pre>
   *
   * @param saved what {@code TrainingCheckpoint.part} returned
   * @throws MalformedDataException if it is not of a listener that averages at the same times with
   *     the same averaging, over a network of the same architecture; nothing is changed
   */
  public void restore(CheckpointPart saved) {
    Require.requireGiven("saved", saved);
    Entries entries = new Entries(new Entries(saved.values()).map(LISTENER));
    Map<String, ?> policy = entries.map(POLICY);
    if (!policy.equals(policy())) {
      throw new MalformedDataException(
          "the listener must be as the one that was saved, " + policy + ", but is " + policy());
    }
    int count = (int) entries.count(EPOCHS, Integer.MAX_VALUE);
    int counted = times.isAnew ? (int) entries.count(COUNTED_EPOCH, Integer.MAX_VALUE) : 0;
    int done = times.isAnew ? (int) entries.count(IN_EPOCH, Integer.MAX_VALUE) : 0;
    AverageCheckpoint.restore(saved, average);
    countedEpoch = counted;
    inEpoch = done;
    net.setEpochs(count);
  }
}
