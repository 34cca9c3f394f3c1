package io.github.dl4jtorch.swa;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.Unit;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.SWALR;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Changes the learning rate over to {@link SWALR} in the middle of a training: until then another
 * listener steps the rate, from then on this one steps {@code SWALR}, which starts from the rates
 * that it finds and makes its first step right then, as in PyTorch's recipe for stochastic weight
 * averaging. An {@link AveragingListener} beside it averages; which of the two the network has
 * first makes no difference.
 *
 * <p>A cosine over 40 epochs of which the first 20 are run, then {@code SWALR} and an average of
 * the epochs from number 20 on, counted from 0:
 *
 * <pre>{@code
 * LRScheduler cosine = new CosineAnnealingLR(40).attach(NetworkParamGroups.of(net));
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * net.addListeners(
 *     SwalrListener.everyEpoch(SchedulerListener.everyEpoch(cosine), new SWALR(0.05)).startingAt(20),
 *     AveragingListener.everyEpoch(net, average).startingAt(20));
 * net.fit(training, 40);
 * }</pre>
 *
 * <p>The listener that steps the rate until then is given to this one and not added to the network:
 * two on the same param groups would fight, so a network that has one is refused, wherever in its
 * list that is.
 *
 * <p>Epochs are counted, and told with {@link #stepEpoch()} where DL4J does not tell of them, as by
 * the {@link AveragingListener}. In ParallelWrapper and on Spark it works after epochs, in an
 * {@code EpochLoop} or a {@code SparkEpochLoop}.
 *
 * <p>The listener can be saved with a training, as part of its checkpoint; see {@link #restore}. A
 * {@code TrainingCheckpointListener} must be added after it.
 */
public final class SwalrListener extends BaseTrainingListener
    implements CheckpointPart, PacedListener {

  private static final String UNIT = "unit";
  private static final String START = "start";
  private static final String DEFINITION = "swalr";
  private static final String POLICY = "policy";
  private static final String EPOCHS = "epochs";
  private static final String STATE = "state";
  private static final String GROUPS = "groups";

  private final OwnNetwork net;
  private final NetworkParamGroups groups;
  private final @Nullable SchedulerListener before;
  private final SWALR swalr;
  private final Unit unit;
  private final int start;
  private @Nullable SchedulerListener after;
  private boolean isChecked;

  private SwalrListener(
      OwnNetwork net,
      NetworkParamGroups groups,
      @Nullable SchedulerListener before,
      SWALR swalr,
      Unit unit,
      int start) {
    this.net = net;
    this.groups = groups;
    this.before = before;
    this.swalr = swalr;
    this.unit = unit;
    this.start = start;
  }

  private static SwalrListener of(
      NetworkParamGroups groups, @Nullable SchedulerListener before, SWALR swalr, Unit unit) {
    Require.requireGiven(DEFINITION, swalr);
    swalr.requireFits(groups);
    OwnNetwork net =
        new OwnNetwork(
            LiveNetwork.of(groups.network(), "its rate is changed over"),
            "whose rate it changes over",
            "ParallelWrapper tells of no epochs, and its copies get only rates that are set between"
                + " two of its fits: give a SwalrListener.everyEpoch(..) to an EpochLoop, and not"
                + " to the network or the wrapper");
    return new SwalrListener(net, groups, before, swalr, unit, 0);
  }

  private static SwalrListener of(SchedulerListener before, SWALR swalr, Unit unit) {
    Require.requireGiven("before", before);
    return of((NetworkParamGroups) before.run().paramGroups(), before, swalr, unit);
  }

  /**
   * Steps {@link SWALR} after each epoch from its start on, in place of another listener.
   *
   * @param before steps the rate until then, after iterations or epochs; not to be added to the
   *     network
   * @param swalr the definition, over epochs, for the param groups of that listener's run
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the groups are not as many as SWALR has rates
   */
  public static SwalrListener everyEpoch(SchedulerListener before, SWALR swalr) {
    return of(before, swalr, Unit.EPOCH);
  }

  /**
   * Steps {@link SWALR} after each epoch from its start on, in a training whose rate nobody changes
   * before.
   *
   * @param groups the param groups of the network that SWALR is to drive
   * @param swalr the definition, over epochs
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the groups are not as many as SWALR has rates
   */
  public static SwalrListener everyEpoch(NetworkParamGroups groups, SWALR swalr) {
    Require.requireGiven(GROUPS, groups);
    return of(groups, null, swalr, Unit.EPOCH);
  }

  /**
   * Steps {@link SWALR} after each iteration from its start on, in place of another listener.
   *
   * @param before steps the rate until then, after iterations or epochs; not to be added to the
   *     network
   * @param swalr the definition, over iterations, for the param groups of that listener's run
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the groups are not as many as SWALR has rates
   */
  public static SwalrListener everyIteration(SchedulerListener before, SWALR swalr) {
    return of(before, swalr, Unit.ITERATION);
  }

  /**
   * Steps {@link SWALR} after each iteration from its start on, in a training whose rate nobody
   * changes before.
   *
   * @param groups the param groups of the network that SWALR is to drive
   * @param swalr the definition, over iterations
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if the groups are not as many as SWALR has rates
   */
  public static SwalrListener everyIteration(NetworkParamGroups groups, SWALR swalr) {
    Require.requireGiven(GROUPS, groups);
    return of(groups, null, swalr, Unit.ITERATION);
  }

  /**
   * Returns a listener that changes over at the end of a later iteration or epoch; usually that
   * from which on an {@link AveragingListener} averages.
   *
   * @param start the number of the first after which SWALR makes a step, counted from the network's
   *     first, which is 0; {@code >= 0}, default 0
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if it is out of its range
   */
  @CheckReturnValue
  public SwalrListener startingAt(int start) {
    if (start < 0) {
      throw Require.illegal(START, ">= 0", start);
    }
    return new SwalrListener(net.fresh(), groups, before, swalr, unit, start);
  }

  /**
   * Tells that an epoch has ended, for a training by {@code fit(DataSet)} or ParallelWrapper, where
   * DL4J does not.
   *
   * @throws IllegalStateException if this listener or the one before steps after iterations
   */
  public void stepEpoch() {
    if (unit != Unit.EPOCH) {
      throw new IllegalStateException(
          "stepEpoch() must be called only on a SwalrListener.everyEpoch(..), but this one steps"
              + " after iterations");
    }
    requireAlone();
    reach(net.epoch());
    SchedulerListener rate = rate();
    if (rate != null) {
      rate.stepEpoch();
    }
    net.endEpoch();
  }

  /**
   * Tells whether this listener must hear of iterations, so that it is idle where there are only
   * epochs, as on the driver of a training on Spark.
   *
   * @return true if it or the one before steps after iterations; false if it needs epochs alone
   */
  @Override
  public boolean needsIterations() {
    return unit == Unit.ITERATION || (before != null && before.needsIterations());
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
      if (before != null) {
        before.onGradientCalculation(model);
      }
      if (after != null) {
        after.onGradientCalculation(model);
      }
    }
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (isOwn(model)) {
      if (unit == Unit.ITERATION) {
        reach(iteration);
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
      if (unit == Unit.EPOCH) {
        reach(net.epoch());
      }
      SchedulerListener rate = rate();
      if (rate != null) {
        rate.onEpochEnd(model);
      }
      net.endEpoch();
    }
  }

  /**
   * Returns what steps the rate until the start.
   *
   * @return the listener; empty if the rate is constant until then
   */
  public Optional<SchedulerListener> before() {
    return Optional.ofNullable(before);
  }

  /** Returns whose turn it is, null if nobody steps the rate before the start. */
  private @Nullable SchedulerListener rate() {
    return after == null ? before : after;
  }

  /** Changes over, from the rates as they are, if that is due after an iteration or epoch. */
  private void reach(int index) {
    if (after == null && index >= start) {
      after = stepping(swalr.attach(groups));
    }
  }

  private SchedulerListener stepping(LRScheduler run) {
    return unit == Unit.EPOCH
        ? SchedulerListener.everyEpoch(run)
        : SchedulerListener.everyIteration(run);
  }

  private boolean isOwn(Model model) {
    if (!net.is(model)) {
      return false;
    }
    requireAlone();
    return true;
  }

  /** Another run on the same groups would go on beside SWALR, or step twice before. */
  private void requireAlone() {
    if (isChecked) {
      return;
    }
    Set<NetworkParam> own = params(groups);
    for (TrainingListener listener : net.live().listeners()) {
      if (listener instanceof SchedulerListener other
          && !Collections.disjoint(own, params((NetworkParamGroups) other.run().paramGroups()))) {
        throw new IllegalStateException(
            "a SchedulerListener on the same param groups must not be added to the network beside a"
                + " SwalrListener, since both would set the rate, but there is one of "
                + other.run().schedule()
                + ": take it away and give it to SwalrListener.everyEpoch(listener, swalr) or"
                + " everyIteration(listener, swalr)");
      }
    }
    isChecked = true;
  }

  private static Set<NetworkParam> params(NetworkParamGroups groups) {
    Set<NetworkParam> params = new HashSet<>();
    for (int group = 0; group < groups.size(); group++) {
      params.addAll(groups.params(group));
    }
    return params;
  }

  /**
   * Returns what a checkpoint keeps: when this changes over and to which SWALR, the epochs it has
   * seen, and the state of SWALR's run and its groups if it has begun. The run before is to be
   * saved with the checkpoint under its own name.
   *
   * @return plain values
   */
  @Override
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(POLICY, policy());
    values.put(EPOCHS, net.epochs());
    if (after != null) {
      values.put(STATE, after.run().stateDict());
      values.put(GROUPS, groups.stateDict());
    }
    return values;
  }

  private Map<String, Object> policy() {
    Map<String, Object> policy = new LinkedHashMap<>();
    policy.put(UNIT, unit.name().toLowerCase(Locale.ROOT));
    policy.put(START, start);
    policy.put(DEFINITION, swalr.toMap());
    return policy;
  }

  /**
   * Returns no arrays.
   *
   * @return an empty map
   */
  @Override
  public Map<String, INDArray> arrays() {
    return Map.of();
  }

  /**
   * Takes up, before training goes on, what a checkpoint has of a listener like this: SWALR's run
   * and the values of its groups, if it had begun.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
   * LRScheduler cosine = checkpoint.run("cosine");
   * SwalrListener swalr =
   *     SwalrListener.everyEpoch(SchedulerListener.everyEpoch(cosine), new SWALR(0.05))
   *         .startingAt(20);
   * swalr.restore(checkpoint.part("swalr"));
   * resumed.addListeners(swalr);
   * }</pre>
   *
   * @param saved what {@code TrainingCheckpoint.part} returned
   * @throws MalformedDataException if it is not of a listener that changes over to the same SWALR
   *     at the same time, over as many groups; nothing is changed
   */
  public void restore(CheckpointPart saved) {
    Require.requireGiven("saved", saved);
    Entries entries = new Entries(saved.values());
    Map<String, ?> policy = entries.map(POLICY);
    if (!policy.equals(policy())) {
      throw new MalformedDataException(
          "the listener must be as the one that was saved, " + policy + ", but is " + policy());
    }
    int epochs = (int) entries.count(EPOCHS, Integer.MAX_VALUE);
    after =
        entries.has(STATE)
            ? stepping(swalr.resume(groups, entries.map(STATE), entries.maps(GROUPS)))
            : null;
    net.setEpochs(epochs);
  }
}
