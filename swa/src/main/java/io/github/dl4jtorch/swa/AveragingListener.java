package io.github.dl4jtorch.swa;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.internal.AfterIteration;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.Unit;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.SWALR;
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
 * <p>For stochastic weight averaging it can also change the learning rate over to {@link SWALR}
 * when the average begins. PyTorch's recipe, a cosine over 40 epochs of which the first 20 are run,
 * then {@code SWALR} and an average of the epochs from number 20 on, counted from 0:
 *
 * <pre>{@code
 * NetworkParamGroups groups = NetworkParamGroups.of(net);
 * LRScheduler cosine = new CosineAnnealingLR(40).attach(groups);
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * AveragingListener<MultiLayerNetwork> averaging =
 *     AveragingListener.everyEpoch(net, average)
 *         .startingAt(20)
 *         .withSwalr(SchedulerListener.everyEpoch(cosine), groups, new SWALR(0.05));
 * net.addListeners(averaging);
 * net.fit(training, 40);
 * averaging.finish(training); // update_bn
 * average.network().evaluate(validation);
 * }</pre>
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
  private static final String SWALR_STATE = "swalr_state";

  /** When to average: at number start of the unit, from 0, and at each interval-th from there. */
  private record Times(Unit unit, int start, int interval) {

    boolean areReached(int index) {
      return index >= start;
    }

    boolean include(int index) {
      return index >= start && (index - start) % interval == 0;
    }
  }

  /** After how many epochs, and over which data, the statistics are computed. */
  private record Ending(int epochs, Batches data) {}

  private final LiveNetwork net;
  private final AfterIteration afterIteration;
  private final AveragedModel<N> average;
  private final Times times;
  private final @Nullable SwalrSwap swalr;
  private final @Nullable Ending ending;
  private final LongSupplier nanoTime;
  private int epochs;
  private boolean isChecked;

  private AveragingListener(
      LiveNetwork net,
      AveragedModel<N> average,
      Times times,
      @Nullable SwalrSwap swalr,
      @Nullable Ending ending,
      LongSupplier nanoTime) {
    if (ending != null && times.unit == Unit.EPOCH && ending.epochs <= times.start) {
      throw new IllegalArgumentException(
          "epochs must be > "
              + times.start
              + ", the epoch at which the average starts, but was "
              + ending.epochs);
    }
    this.net = net;
    this.afterIteration = new AfterIteration(net);
    this.average = average;
    this.times = times;
    this.swalr = swalr;
    this.ending = ending;
    this.nanoTime = nanoTime;
    this.epochs = net.epochCount();
  }

  private static <N extends NeuralNetwork> AveragingListener<N> of(
      N net, AveragedModel<N> average, Unit unit) {
    Require.requireGiven("average", average);
    LiveNetwork trained = LiveNetwork.of(net, "it is averaged");
    if (net == average.network()) {
      throw new IllegalArgumentException(
          "net must be the network in training but was the averaged one");
    }
    return new AveragingListener<>(
        trained, average, new Times(unit, 0, 1), null, null, System::nanoTime);
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
    return with(new Times(times.unit, start, times.interval), swalr, ending, nanoTime);
  }

  /**
   * Returns a listener that averages, from the first on, only one in so many iterations or epochs.
   * {@code SWALR} is stepped at each all the same.
   *
   * @param interval how many, {@code >= 1}; default 1
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if it is out of its range
   */
  @CheckReturnValue
  public AveragingListener<N> withInterval(int interval) {
    Require.requirePositive("interval", interval);
    return with(new Times(times.unit, times.start, interval), swalr, ending, nanoTime);
  }

  /**
   * Returns a listener that lets another step the rate until the average begins, and from then on
   * steps {@link SWALR} in its place, each epoch if this averages by epoch, else each iteration.
   * SWALR starts from the rates that it finds, and makes its first step right then.
   *
   * @param before steps the rate until then, per iteration or epoch; it must not be added to the
   *     network too
   * @param groups the param groups of the network that SWALR is to drive
   * @param swalr the definition, over the listener's own iterations or epochs
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the groups are not a network's, or not as many as SWALR has
   *     rates
   */
  @CheckReturnValue
  public AveragingListener<N> withSwalr(SchedulerListener before, ParamGroups groups, SWALR swalr) {
    Require.requireGiven("before", before);
    return with(times, swap(before, groups, swalr), ending, nanoTime);
  }

  /**
   * Returns a listener that steps {@link SWALR} from when the average begins, for a training whose
   * rate nobody changes before.
   *
   * @param groups the param groups of the network that SWALR is to drive
   * @param swalr the definition, over the listener's own iterations or epochs
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the groups are not as many as SWALR has rates
   */
  @CheckReturnValue
  public AveragingListener<N> withSwalr(ParamGroups groups, SWALR swalr) {
    return with(times, swap(null, groups, swalr), ending, nanoTime);
  }

  private SwalrSwap swap(@Nullable SchedulerListener before, ParamGroups groups, SWALR swalr) {
    Require.requireGiven("groups", groups);
    Require.requireGiven("swalr", swalr);
    return new SwalrSwap(before, groups, swalr, this::stepping);
  }

  private SchedulerListener stepping(LRScheduler run) {
    return times.unit == Unit.EPOCH
        ? SchedulerListener.everyEpoch(run)
        : SchedulerListener.everyIteration(run);
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
    return with(times, swalr, new Ending(epochs, data), nanoTime);
  }

  /** Returns a listener that goes by another clock. */
  AveragingListener<N> withClock(LongSupplier nanoTime) {
    return with(times, swalr, ending, nanoTime);
  }

  private AveragingListener<N> with(
      Times times, @Nullable SwalrSwap swalr, @Nullable Ending ending, LongSupplier nanoTime) {
    return new AveragingListener<>(net, average, times, swalr, ending, nanoTime);
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
      throw new IllegalStateException(
          "the average must hold a model before it is finished, but it starts at "
              + times.unit.name().toLowerCase(Locale.ROOT)
              + " "
              + times.start
              + ", and there were only "
              + (times.unit == Unit.EPOCH ? epochs : net.iterationCount()));
    }
    StatisticsUpdate.run(average, data, nanoTime);
  }

  /**
   * Tells that an epoch has ended, for a training by {@code fit(DataSet)} or ParallelWrapper, where
   * DL4J does not.
   *
   * @throws IllegalStateException if this listener averages after iterations, or the one given to
   *     {@link #withSwalr} steps after iterations
   */
  public void stepEpoch() {
    if (times.unit != Unit.EPOCH) {
      throw new IllegalStateException(
          "stepEpoch() must be called only on an AveragingListener.everyEpoch(..), but this one"
              + " averages after iterations");
    }
    check();
    int epoch = epoch();
    ended(epoch);
    SchedulerListener rate = rate();
    if (rate != null) {
      rate.stepEpoch();
    }
    endedEpoch(epoch);
  }

  /**
   * Tells whether this listener must hear of iterations, so that it is idle where there are only
   * epochs, as on the driver of a training on Spark.
   *
   * @return true if it averages after iterations, or was given a {@code SchedulerListener} that
   *     steps after them; false if it needs epochs alone
   */
  @Override
  public boolean needsIterations() {
    return times.unit == Unit.ITERATION
        || (swalr != null && swalr.before() != null && swalr.before().needsIterations());
  }

  @Override
  public void onEpochStart(Model model) {
    if (isOwn(model)) {
      SchedulerListener rate = rate();
      if (rate != null) {
        rate.onEpochStart(model);
      }
    }
  }

  @Override
  public void onGradientCalculation(Model model) {
    if (isOwn(model)) {
      // The former one goes on as far as it looks after the updaters.
      if (swalr != null && swalr.before() != null) {
        swalr.before().onGradientCalculation(model);
      }
      SchedulerListener rate = rate();
      if (rate != null) {
        rate.onGradientCalculation(model);
      }
    }
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (isOwn(model)) {
      if (times.unit == Unit.ITERATION) {
        ended(iteration);
      }
      SchedulerListener rate = rate();
      if (rate != null) {
        rate.iterationDone(model, iteration, epoch);
      }
    }
  }

  @Override
  public void onEpochEnd(Model model) {
    if (isOwn(model)) {
      int epoch = epoch();
      if (times.unit == Unit.EPOCH) {
        ended(epoch);
      }
      SchedulerListener rate = rate();
      if (rate != null) {
        rate.onEpochEnd(model);
      }
      endedEpoch(epoch);
    }
  }

  /** Returns the number of the present epoch, although early stopping may have set it back. */
  private int epoch() {
    return Math.max(epochs, net.epochCount());
  }

  private @Nullable SchedulerListener rate() {
    return swalr == null ? null : swalr.current();
  }

  /** Does what is due after an iteration or epoch of this number. */
  private void ended(int index) {
    if (times.include(index)) {
      if (times.unit == Unit.ITERATION) {
        afterIteration.run(this::update);
      } else {
        update();
      }
    }
    if (swalr != null && times.areReached(index)) {
      swalr.begin();
    }
  }

  @SuppressWarnings("unchecked") // It was of this type when it was given.
  private void update() {
    average.updateParameters((N) net.network());
  }

  private void endedEpoch(int epoch) {
    epochs = epoch + 1;
    if (ending != null && epochs == ending.epochs) {
      finish(ending.data);
    }
  }

  private boolean isOwn(Model model) {
    if (!LiveNetwork.isKindOf(model)) {
      return false;
    }
    if (WorkerThreads.isInWorker()) {
      throw new IllegalStateException(
          "ParallelWrapper trains copies of the network, which holds their mean only when fit"
              + " returns: call the listener's stepEpoch() or average.updateParameters(net) then,"
              + " and add the listener neither to the network nor to the wrapper");
    }
    if (model != net.model()) {
      throw new IllegalStateException(
          "this listener must be added only to the network that it averages, but was called for a"
              + " copy or another network");
    }
    check();
    return true;
  }

  /** The run of a listener that the network calls too would make two steps at a time. */
  private void check() {
    if (!isChecked) {
      if (swalr != null && swalr.before() != null && net.listeners().contains(swalr.before())) {
        throw new IllegalStateException(
            "the SchedulerListener given to withSwalr must not be added to the network too, since"
                + " the AveragingListener calls it: its run would make two steps at a time");
      }
      isChecked = true;
    }
  }

  /**
   * Returns what a checkpoint keeps beside the arrays: how many models the average holds and how it
   * averages, when this averages, the epochs it has seen, and the state of SWALR's run. That of the
   * run before is to be saved with the checkpoint under its own name.
   *
   * @return plain values
   */
  @Override
  public Map<String, Object> values() {
    Map<String, @Nullable Object> own = new LinkedHashMap<>();
    own.put(POLICY, policy());
    own.put(EPOCHS, epochs);
    own.put(SWALR_STATE, swalr == null ? null : swalr.state());
    Map<String, Object> values = AverageCheckpoint.values(average);
    values.put(LISTENER, own);
    return values;
  }

  private Map<String, Object> policy() {
    Map<String, Object> policy = new LinkedHashMap<>();
    policy.put("unit", times.unit.name().toLowerCase(Locale.ROOT));
    policy.put("start", times.start);
    policy.put("interval", times.interval);
    if (swalr != null) {
      policy.put("swalr", swalr.definition().toMap());
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
   * Takes up, before training goes on, what a checkpoint has of a listener like this: the average,
   * and SWALR's run if it had begun.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
   * LRScheduler cosine = checkpoint.run("cosine");
   * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(resumed, Averaging.equal());
   * AveragingListener<MultiLayerNetwork> averaging =
   *     AveragingListener.everyEpoch(resumed, average)
   *         .startingAt(20)
   *         .withSwalr(
   *             SchedulerListener.everyEpoch(cosine), cosine.paramGroups(), new SWALR(0.05));
   * averaging.restore(checkpoint.part("averaging"));
   * resumed.addListeners(averaging);
   * }</pre>
   *
   * @param saved what {@code TrainingCheckpoint.part} returned
   * @throws MalformedDataException if it is not of a listener that averages at the same times with
   *     the same averaging and SWALR, over a network of the same architecture; nothing is changed
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
    Map<String, ?> state = entries.has(SWALR_STATE) ? entries.map(SWALR_STATE) : null;
    if (swalr == null) {
      AverageCheckpoint.restore(saved, average);
    } else {
      swalr.load(state, () -> AverageCheckpoint.restore(saved, average));
    }
    epochs = count;
  }
}
