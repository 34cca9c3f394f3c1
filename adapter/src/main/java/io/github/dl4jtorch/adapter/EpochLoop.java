package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.AccumulatingOptimizer;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes epochs of a training in which DL4J counts none: ParallelWrapper, and loops over {@code
 * fit(DataSet)}. Schedules by epoch and per-epoch listeners then work as under {@code fit} with an
 * iterator.
 *
 * <p>For each epoch it calls {@code onEpochStart} of the listeners it was given, trains, calls
 * their {@code onEpochEnd}, and moves the network's count of epochs on by one. A training that
 * moves the count on itself, once an epoch, is left to do so.
 *
 * <pre>{@code
 * LRScheduler run = ReduceLROnPlateau.builder().patience(3).build()
 *     .attach(NetworkParamGroups.of(net));
 * EpochLoop.of(net, SchedulerListener.everyEpoch(run, new DataSetLossCalculator(validation, true)))
 *     .fit(100, () -> {
 *       training.reset();
 *       training.forEachRemaining(net::fit); // or wrapper.fit(training), where no reset is needed
 *     });
 * }</pre>
 *
 * <p>Make the loop before the ParallelWrapper, and call {@code wrapper.fit(iterator)} once an
 * epoch. The loop then mends three things of it. The wrapper forgets the updaters' state of a
 * {@code MultiLayerNetwork} after each of its {@code fit}s, so that Adam and momentum would start
 * afresh while the count of iterations goes on; with {@code SHARED_GRADIENTS} it may then block for
 * ever. The loop keeps the state. And the wrapper may start a copy one iteration ahead; for that
 * the loop adds a listener to the network, which the wrapper takes over and which sets the copies'
 * count. With {@code SHARED_GRADIENTS}, workers wait for ever for one that failed alone; the same
 * listener lets them know, so that {@code fit} ends with what it threw.
 *
 * <p>Give per-epoch listeners to the loop, not to the network, whose listeners the wrapper calls
 * from all its threads, for its copies as well. {@link SchedulerListener#rescalingVelocity} acts on
 * the network alone, so it is of no use with the wrapper.
 */
public final class EpochLoop {

  private static final Logger LOG = LoggerFactory.getLogger(EpochLoop.class);

  private final Model net;
  private final List<TrainingListener> listeners;
  private final WorkerCounts workers;

  private EpochLoop(Model net, TrainingListener... listeners) {
    this.net = net;
    this.listeners = List.of(listeners);
    requireEpochs(listeners);
    requireSavingLast(listeners);
    SchedulerListener.requireOneEach(this.listeners);
    for (TrainingListener listener : listeners) {
      if (listener instanceof SchedulerListener scheduler) {
        scheduler.requireEpochsOf(net);
      }
    }
    this.workers = WorkerCounts.on(net);
  }

  private static void requireEpochs(TrainingListener... listeners) {
    for (TrainingListener listener : listeners) {
      if (listener instanceof PacedListener paced && paced.needsIterations()) {
        throw new IllegalArgumentException(
            "listeners must work after epochs, but this "
                + listener.getClass().getSimpleName()
                + " works after iterations, of which an EpochLoop does not tell: add it to the"
                + " network");
      }
    }
  }

  /** What is moved on after the save would be saved one step behind. */
  private static void requireSavingLast(TrainingListener... listeners) {
    String saving = null;
    for (TrainingListener listener : listeners) {
      if (listener instanceof PacedListener paced) {
        if (paced.savesOthers()) {
          saving = listener.getClass().getSimpleName();
        } else if (saving != null) {
          throw new IllegalArgumentException(
              "listeners must have a "
                  + saving
                  + " last, but after it comes a "
                  + listener.getClass().getSimpleName()
                  + ", which would be saved a step behind its network");
        }
      }
    }
  }

  /**
   * Makes a loop for a network, to which it adds a listener of its own unless it has one already.
   *
   * @param net the network
   * @param listeners whom to tell when an epoch starts and ends, in this order; {@link
   *     SchedulerListener#everyEpoch} for instance
   * @return the loop
   * @throws IllegalArgumentException if a listener of this library works after iterations, or comes
   *     after a {@code TrainingCheckpointListener} that is to save it, or a {@link
   *     SchedulerListener} is for another network
   */
  public static EpochLoop of(NeuralNetwork net, TrainingListener... listeners) {
    net.init(); // As its fit does, if that has not been done.
    return new EpochLoop(LiveNetwork.model(net), listeners);
  }

  /**
   * Trains for some epochs.
   *
   * @param epochs how many, {@code >= 1}
   * @param training trains the network for one epoch, resetting its iterator where it must be
   * @throws IllegalArgumentException if the number of epochs is out of its range
   * @throws IllegalStateException if the training makes no iteration, as with an iterator that was
   *     not reset, counts more than one epoch, or tells a listener of the loop of its epochs
   *     itself; the loop's listeners are not told of the end of that epoch
   */
  public void fit(int epochs, Runnable training) {
    if (epochs < 1) {
      throw new IllegalArgumentException("epochs must be >= 1 but was " + epochs);
    }
    LiveNetwork live = new LiveNetwork(net);
    for (int i = 0; i < epochs; i++) {
      int iteration = live.iterationCount();
      fit(training);
      if (i == 0) {
        warnOfLength(epochs, live.iterationCount() - iteration);
      }
    }
  }

  /** Warns of cycles whose steps are epochs here but were counted in iterations. */
  private void warnOfLength(int epochs, int iterations) {
    Set<String> complaints = new LinkedHashSet<>();
    for (TrainingListener listener : listeners) {
      if (listener instanceof SchedulerListener scheduler) {
        complaints.add(
            CycleLength.complaint(
                scheduler.run().schedule(),
                epochs,
                iterations,
                "SchedulerListener.everyIteration(run)"));
      }
    }
    for (UpdaterBlocks.Param param : UpdaterBlocks.seen(net).params()) {
      if (UpdaterFields.schedule(param.updater()) instanceof TorchSchedule pulled
          && pulled.goesByEpochs()) {
        complaints.add(
            CycleLength.complaint(
                pulled.definition(), epochs, iterations, "ScheduleType.ITERATION"));
      }
    }
    complaints.stream().filter(Objects::nonNull).forEach(LOG::warn);
  }

  private void fit(Runnable training) {
    LiveNetwork live = new LiveNetwork(net);
    int epoch = live.epochCount();
    int batches = AccumulatingOptimizer.batches(live);
    listeners.forEach(listener -> listener.onEpochStart(net));
    Updater updater = net instanceof MultiLayerNetwork layers ? layers.getUpdater() : null;
    workers.begin();
    try {
      training.run();
    } finally {
      workers.end();
      restore(updater);
    }
    if (AccumulatingOptimizer.batches(live) == batches) {
      throw new IllegalStateException(
          "training must make an iteration in each epoch but made none in epoch "
              + epoch
              + ": reset its iterator");
    }
    int counted = live.epochCount() - epoch;
    if (counted < 0 || counted > 1) {
      throw new IllegalStateException(
          "training must be one epoch long but counted " + counted + " in epoch " + epoch);
    }
    if (counted == 1 && !Collections.disjoint(live.listeners(), listeners)) {
      throw new IllegalStateException(
          "listeners must be on the network or in the EpochLoop and not in both, since training"
              + " tells of its epochs itself");
    }
    live.setEpochCount(epoch);
    AccumulatingOptimizer.endEpoch(net);
    listeners.forEach(listener -> listener.onEpochEnd(net));
    live.setEpochCount(epoch + 1);
  }

  /** Gives the updater back to a network that was made to forget it, by {@code clear()}. */
  private void restore(@Nullable Updater updater) {
    if (net instanceof MultiLayerNetwork layers && layers.getUpdater(false) == null) {
      layers.setUpdater(updater);
    }
  }
}
