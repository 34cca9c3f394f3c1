package io.github.dl4jtorch.adapter.step;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.internal.AccumulatingOptimizer;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.io.Serial;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The gradients of a network that wait for their step. {@link GradientAccumulation#attach} makes
 * them and adds them to the network's listeners, whose first they must stay.
 *
 * <p>They are a part of checkpoints: without them, batches that are in no step yet are lost.
 *
 * <pre>{@code
 * AccumulatedGradients gradients = GradientAccumulation.over(4).attach(net);
 * net.fit(training, 3);
 * CheckpointWriter.of(net).with("gradients", gradients).save(Path.of("training.zip"));
 * }</pre>
 */
public final class AccumulatedGradients extends BaseTrainingListener
    implements CheckpointPart, PacedListener, Serializable {

  private static final long serialVersionUID = 1L;

  private static final String SEEN = "batches";
  private static final String PENDING = "pending_batches";
  private static final String UNIT = "examples";
  private static final String SCORES = "scores";
  private static final String GRADIENTS = "gradients";

  private final transient LiveNetwork net;
  private final transient AccumulatingOptimizer optimizer;
  private final GradientAccumulation.Remainder remainder;
  private final transient GradientAccumulation accumulation;

  AccumulatedGradients(LiveNetwork net, GradientAccumulation accumulation) {
    this.net = net;
    this.accumulation = accumulation;
    this.remainder = accumulation.remainder();
    this.optimizer =
        AccumulatingOptimizer.put(net, this, accumulation.batches()::at, accumulation.isMean());
    List<TrainingListener> listeners = new ArrayList<>(net.listeners());
    listeners.add(0, this);
    net.setListeners(listeners);
  }

  /**
   * Returns how gradients are accumulated: {@code batches}, {@code remainder} and {@code summed}.
   *
   * @return plain values
   * @throws UnsupportedOperationException if a function says how many batches make a step
   */
  public Map<String, Object> settings() {
    return accumulation.settings();
  }

  /**
   * Returns how many batches are in no step yet.
   *
   * @return the number, {@code >= 0}
   */
  public int pendingBatches() {
    return optimizer.state().pending();
  }

  /**
   * Tells that an epoch has ended, for a training by {@code fit(DataSet)}, where DL4J does not. An
   * {@link io.github.dl4jtorch.adapter.EpochLoop} tells it itself.
   */
  public void endEpoch() {
    switch (remainder) {
      case STEP -> optimizer.stepPending();
      case DROP -> optimizer.drop();
      case CARRY -> {}
    }
  }

  /**
   * Tells that this listener must hear of iterations.
   *
   * @return true
   */
  @Override
  public boolean needsIterations() {
    return true;
  }

  @Override
  public void onEpochEnd(Model model) {
    if (isOwn(model)) {
      endEpoch();
    }
  }

  @Override
  public void onGradientCalculation(Model model) {
    if (isOwn(model) && !optimizer.isAtWork()) {
      throw new IllegalStateException(
          "the network has got another optimizer, as clear() gives it one, so that gradients are no"
              + " longer accumulated: take this listener away and attach the GradientAccumulation"
              + " again");
    }
  }

  private boolean isOwn(Model model) {
    if (!LiveNetwork.isKindOf(model)) {
      return false;
    }
    if (WorkerThreads.isInWorker()) {
      throw new IllegalStateException(AccumulatingOptimizer.NOT_IN_WORKERS);
    }
    if (model != net.model()) {
      throw new IllegalStateException(
          "AccumulatedGradients must be a listener only of the network that they are attached to,"
              + " but were called for a copy or another network");
    }
    return true;
  }

  /**
   * Returns what a checkpoint has of this, without the gradients.
   *
   * @return plain values
   */
  @Override
  public Map<String, Object> values() {
    AccumulatingOptimizer.State state = optimizer.state();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(SEEN, state.seen());
    values.put(PENDING, state.pending());
    values.put(UNIT, state.unit());
    values.put(SCORES, state.scores());
    return values;
  }

  /**
   * Returns the sum of the pending gradients for a checkpoint.
   *
   * @return the live array, not a copy; none if nothing is pending
   */
  @Override
  public Map<String, INDArray> arrays() {
    return pendingBatches() == 0 ? Map.of() : Map.of(GRADIENTS, optimizer.sum());
  }

  /**
   * Takes up, before training goes on, what a checkpoint has.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
   * AccumulatedGradients gradients = GradientAccumulation.over(4).attach(resumed);
   * gradients.restore(checkpoint.part("gradients"));
   * }</pre>
   *
   * @param saved what {@code TrainingCheckpoint.part} returned
   * @throws MalformedDataException if it is not of accumulated gradients of such a network; nothing
   *     is changed
   */
  public void restore(CheckpointPart saved) {
    Map<String, ?> values = saved.values();
    int seen = count(values, SEEN, 0);
    int pending = count(values, PENDING, 0);
    int unit = count(values, UNIT, 1);
    if (!(values.get(SCORES) instanceof Double scores)) {
      throw new MalformedDataException(SCORES + " must be a number but was " + values.get(SCORES));
    }
    if (pending > seen) {
      throw new MalformedDataException(
          PENDING + " must be <= " + SEEN + ", " + seen + ", but was " + pending);
    }
    INDArray sum = saved.arrays().get(GRADIENTS);
    if (sum == null && pending > 0) {
      throw new MalformedDataException(
          GRADIENTS
              + " must be there if "
              + PENDING
              + " is not 0 but were not as it is "
              + pending);
    }
    requireFitting(sum);
    optimizer.restore(new AccumulatingOptimizer.State(seen, pending, unit, scores), sum);
  }

  private void requireFitting(@Nullable INDArray sum) {
    INDArray own = optimizer.sum();
    if (sum != null && (sum.length() != own.length() || sum.dataType() != own.dataType())) {
      throw new MalformedDataException(
          GRADIENTS
              + " must have "
              + own.length()
              + " numbers of type "
              + own.dataType()
              + " but have "
              + sum.length()
              + " of type "
              + sum.dataType());
    }
  }

  private static int count(Map<String, ?> values, String key, int least) {
    if (values.get(key) instanceof Integer count && count >= least) {
      return count;
    }
    throw new MalformedDataException(
        key + " must be an integer >= " + least + " but was " + values.get(key));
  }

  /** Is serializable only to say why it is not: Spark would name the class and nothing else. */
  @Serial
  private void writeObject(ObjectOutputStream out) throws NotSerializableException {
    throw new NotSerializableException(
        "AccumulatedGradients are only those of a network that trains in this JVM; Spark's workers"
            + " train copies, which do not accumulate: give them greater batches");
  }
}
