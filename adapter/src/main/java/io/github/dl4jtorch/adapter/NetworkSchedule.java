package io.github.dl4jtorch.adapter;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.ConfiguredUpdaters.Place;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.IdentityHashMap;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Puts a definition into all updaters of a configuration or of a network: one that is new, restored
 * or from a zoo, or that {@code TransferLearning} made. Each updater then follows a {@link
 * TorchSchedule} that starts from the updater's own learning rate, so layers with rates of their
 * own keep the relation between them.
 *
 * <pre>{@code
 * NetworkSchedule.of(new CosineAnnealingLR(90), ScheduleType.EPOCH).putInto(net);
 * }</pre>
 *
 * <p>Bias updaters are included, and the layers inside {@code Bidirectional}, {@code LastTimeStep},
 * {@code TimeDistributed} and {@code MaskZeroLayer}, SameDiff layers and vertices. Frozen layers,
 * and updaters without a learning rate like AdaDelta, are left alone. A definition that cycles the
 * momentum, as OneCycleLR and CyclicLR do unless told otherwise, does so in every Nesterovs, and is
 * refused for the other updaters of DL4J, which cannot read a momentum from a schedule, and for
 * those of {@code adapter.optim}, which take one when they are built.
 *
 * <p>The schedule starts at once: the next iteration or epoch is its step 0, however many the
 * network has behind it. Call it between two calls of {@code fit}; inside a listener the counts are
 * not yet moved on. A schedule that was put in before is replaced, and the new one starts from the
 * rate that the old one was given, not from where it has got to.
 *
 * <p>Updaters are replaced by copies, which the network takes up with their state, so copies that
 * DL4J made of the network in memory, by {@code clone()} or with {@code TransferLearning}, stay as
 * they were, whichever side is given a schedule. A copy made afterwards follows the same schedule.
 * Networks made from one configuration object share even their counts, and this too.
 *
 * @see TorchSchedule what becomes of a rate of 0, and which updaters do more than read a rate
 */
public final class NetworkSchedule {

  private final Schedule definition;
  private final ScheduleType unit;
  private final @Nullable Double lr;
  private final @Nullable Integer offset;

  private NetworkSchedule(
      Schedule definition, ScheduleType unit, @Nullable Double lr, @Nullable Integer offset) {
    // Refuses what no updater could follow.
    TorchSchedule.lr(definition, lr == null ? 1 : lr, unit);
    this.definition = definition;
    this.unit = unit;
    this.lr = lr;
    this.offset = offset;
  }

  /**
   * Takes a definition, to start from each updater's own rate at the present count.
   *
   * @param definition the schedule, any but {@code ReduceLROnPlateau}
   * @param unit what counts as a step
   * @return what can be put into configurations and networks
   * @throws IllegalArgumentException if the definition is a plateau, cannot be read from its map,
   *     or has lists for several param groups
   * @throws UnsupportedOperationException if the definition holds a plain lambda
   */
  public static NetworkSchedule of(Schedule definition, ScheduleType unit) {
    return new NetworkSchedule(definition, unit, null, null);
  }

  /**
   * Returns the same with one rate for all updaters to start from, in place of their own. This is
   * for fine-tuning, and for networks that follow one of DL4J's schedules.
   *
   * @param lr the optimizer's rate, {@code >= 0}
   * @return the changed copy
   * @throws IllegalArgumentException if the rate is out of its range
   */
  @CheckReturnValue
  public NetworkSchedule withLr(double lr) {
    return new NetworkSchedule(definition, unit, lr, offset);
  }

  /**
   * Returns the same with another start: at the network's count {@code c} of iterations or epochs
   * the schedule is at step {@code c + offset}. With 0 it is as if it had been there from the very
   * beginning; trainers that count epochs from 0 again, like those for early stopping, need that.
   *
   * @param offset steps to be added to the network's count
   * @return the changed copy
   */
  @CheckReturnValue
  public NetworkSchedule withOffset(int offset) {
    return new NetworkSchedule(definition, unit, lr, offset);
  }

  /**
   * Puts the schedule into a configuration. To be done before a network is made of it; for a
   * network there is {@link #putInto(NeuralNetwork)}.
   *
   * @param configuration the configuration, which is changed
   * @return the configuration
   * @throws IllegalArgumentException if no updater has a learning rate, or one has none to start
   *     from or cannot cycle a momentum that is to be cycled; nothing is changed
   */
  public MultiLayerConfiguration putInto(MultiLayerConfiguration configuration) {
    ConfiguredUpdaters updaters = new ConfiguredUpdaters(configuration);
    updaters.replace(scheduled(updaters, count(configuration)));
    return configuration;
  }

  /**
   * Puts the schedule into a configuration. To be done before a network is made of it; for a
   * network there is {@link #putInto(NeuralNetwork)}.
   *
   * @param configuration the configuration, which is changed
   * @return the configuration
   * @throws IllegalArgumentException if no updater has a learning rate, or one has none to start
   *     from or cannot cycle a momentum that is to be cycled; nothing is changed
   */
  public ComputationGraphConfiguration putInto(ComputationGraphConfiguration configuration) {
    ConfiguredUpdaters updaters = new ConfiguredUpdaters(configuration);
    updaters.replace(scheduled(updaters, count(configuration)));
    return configuration;
  }

  /**
   * Puts the schedule into a network. Its parameters, its updaters' state and its counts stay.
   *
   * @param net the network
   * @param <N> its type
   * @return the network
   * @throws IllegalArgumentException if no updater has a learning rate, or one has none to start
   *     from or cannot cycle a momentum that is to be cycled, or a layer of an unknown kind keeps
   *     its updater elsewhere than DL4J's layers do; nothing is changed
   * @throws IllegalStateException if updaters were changed by hand in a way that the network does
   *     not follow, or {@code withLr} would join updaters whose state only they know how to join;
   *     nothing is changed
   */
  public <N extends NeuralNetwork> N putInto(N net) {
    LiveNetwork live = new LiveNetwork(LiveNetwork.model(net));
    ConfiguredUpdaters updaters = ConfiguredUpdaters.of(live.model());
    int count = unit == ScheduleType.ITERATION ? live.iterationCount() : live.epochCount();
    IdentityHashMap<IUpdater, IUpdater> scheduled = scheduled(updaters, count);
    if (live.isInitialised()) {
      putInto(live, updaters, scheduled);
    } else {
      updaters.replace(scheduled);
    }
    return net;
  }

  /**
   * Checks that every updater that has a learning rate knows it. DL4J builds configurations in
   * which one does not, see {@link TorchSchedule}, and trains them to NaN without a word.
   *
   * @param configuration the configuration, as it is or of a network
   * @throws IllegalArgumentException naming the first updater whose rate at the present counts is
   *     not finite or below 0
   */
  public static void requireRates(MultiLayerConfiguration configuration) {
    requireRates(
        new ConfiguredUpdaters(configuration),
        configuration.getIterationCount(),
        configuration.getEpochCount());
  }

  /**
   * Checks that every updater that has a learning rate knows it. DL4J builds configurations in
   * which one does not, see {@link TorchSchedule}, and trains them to NaN without a word.
   *
   * @param configuration the configuration, as it is or of a network
   * @throws IllegalArgumentException naming the first updater whose rate at the present counts is
   *     not finite or below 0
   */
  public static void requireRates(ComputationGraphConfiguration configuration) {
    requireRates(
        new ConfiguredUpdaters(configuration),
        configuration.getIterationCount(),
        configuration.getEpochCount());
  }

  private static void requireRates(ConfiguredUpdaters updaters, int iteration, int epoch) {
    for (Place place : updaters.places()) {
      ScheduledUpdaters.requireRate(place, place.updater().getLearningRate(iteration, epoch));
    }
  }

  private static void putInto(
      LiveNetwork net, ConfiguredUpdaters updaters, IdentityHashMap<IUpdater, IUpdater> scheduled) {
    boolean isUntrained = NetworkUpdater.isUntrained(net.model());
    UpdaterBlocks blocks = UpdaterBlocks.seen(net.model());
    for (UpdaterBlocks.Param param : blocks.params()) {
      if (param.hasRate() && !scheduled.containsKey(param.updater())) {
        throw new IllegalArgumentException(
            "the updater of "
                + param
                + " must be kept as DL4J's layers keep it, but is found only in the network: "
                + param.updater()
                + "; put a TorchSchedule into it by hand");
      }
    }
    exchange(net.layers(), updaters, scheduled);
    if (isUntrained) {
      return;
    }
    try {
      blocks.rebuild();
    } catch (IllegalStateException refused) {
      IdentityHashMap<IUpdater, IUpdater> former = new IdentityHashMap<>();
      scheduled.forEach((updater, copy) -> former.put(copy, updater));
      exchange(net.layers(), updaters, former);
      throw refused;
    }
  }

  /** Replaces updaters in the configuration, and leads the network to the layers copied there. */
  private static void exchange(
      org.deeplearning4j.nn.api.Layer[] layers,
      ConfiguredUpdaters updaters,
      IdentityHashMap<IUpdater, IUpdater> replacements) {
    IdentityHashMap<Layer, Layer> copies = updaters.replace(replacements);
    for (org.deeplearning4j.nn.api.Layer layer : layers) {
      Layer copy = copies.get(layer.conf().getLayer());
      if (copy != null) {
        layer.conf().setLayer(copy);
      }
    }
  }

  private int count(MultiLayerConfiguration configuration) {
    return unit == ScheduleType.ITERATION
        ? configuration.getIterationCount()
        : configuration.getEpochCount();
  }

  private int count(ComputationGraphConfiguration configuration) {
    return unit == ScheduleType.ITERATION
        ? configuration.getIterationCount()
        : configuration.getEpochCount();
  }

  private IdentityHashMap<IUpdater, IUpdater> scheduled(ConfiguredUpdaters updaters, int count) {
    int start = offset == null ? -count : offset;
    return new ScheduledUpdaters(definition, unit, lr, start).copies(updaters.places());
  }
}
