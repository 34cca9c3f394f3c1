package io.github.dl4jtorch.adapter.step;

import io.github.dl4jtorch.adapter.EvaluationAction;
import io.github.dl4jtorch.adapter.EvaluationWork;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.OtherWeights;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.io.Serial;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Lookahead around whatever updaters a network has: after every {@code k} iterations slow weights
 * {@code s} go a part of the way to the network's weights {@code p}, which go on from there.
 *
 * <pre>
 * s = s + alpha (p - s)
 * p = s
 * </pre>
 *
 * <p>The updaters' own state goes on as it is, which is the authors' default. Running statistics of
 * batch normalizations are no weights and stay those of the training. Listeners that average or
 * save the network must come after this one.
 *
 * <p>See Zhang et al., <a href="https://arxiv.org/abs/1907.08610">Lookahead Optimizer: k steps
 * forward, 1 step back</a>.
 *
 * <pre>{@code
 * Lookahead lookahead = Lookahead.of(net, 5, 0.5);
 * net.addListeners(lookahead);
 * net.fit(training, 3);
 * lookahead.during(() -> net.evaluate(validation)); // with the slow weights
 * CheckpointWriter.of(net).with("lookahead", lookahead).save(Path.of("training.zip"));
 * }</pre>
 */
public final class Lookahead extends BaseTrainingListener
    implements CheckpointPart, PacedListener, Serializable {

  private static final long serialVersionUID = 1L;

  private static final String K = "k";
  private static final String ALPHA = "alpha";
  private static final String STEPS = "steps";
  private static final String SLOW = "slow_weights";

  private final transient LiveNetwork net;
  private final int k;
  private final double alpha;
  private final transient INDArray slow;
  private final transient List<INDArray> slowWeights;
  private final transient List<UpdaterBlocks.Span> spans;
  private final boolean hasConstraints;
  private int steps;
  private boolean isAtEvaluation;

  private Lookahead(LiveNetwork net, int k, double alpha) {
    this.net = net;
    this.k = k;
    this.alpha = alpha;
    this.slow = copy(net.model().params());
    UpdaterBlocks blocks = UpdaterBlocks.seen(net.model());
    this.spans = blocks.spans(param -> !blocks.isStatistic(param));
    this.slowWeights = spans.stream().map(span -> span.of(slow)).toList();
    this.hasConstraints = net.hasConstraints();
  }

  private static INDArray copy(INDArray params) {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return params.dup();
    } finally {
      outside.close();
    }
  }

  /**
   * Takes the network's present weights for the first slow ones.
   *
   * @param net the network to be trained, initialised
   * @param k after how many iterations the slow weights move, {@code >= 1}; the paper has mostly 5
   * @param alpha which part of the way they go, {@code > 0} and {@code <= 1}; the paper has 0.5 and
   *     0.8
   * @return the listener, to be added to that network
   * @throws IllegalArgumentException if a number is out of its range
   * @throws IllegalStateException if the network is not initialised
   */
  public static Lookahead of(NeuralNetwork net, int k, double alpha) {
    if (k < 1) {
      throw new IllegalArgumentException("k must be >= 1 but was " + k);
    }
    if (!(alpha > 0 && alpha <= 1)) {
      throw new IllegalArgumentException("alpha must be > 0 and <= 1 but was " + alpha);
    }
    return new Lookahead(LiveNetwork.of(net, "it looks ahead"), k, alpha);
  }

  /**
   * Does something while the network has the slow weights, with which the authors found an
   * evaluation between two of their moves usually better. Afterwards the network has its own
   * weights again, to the bit and whatever is thrown, and the calling thread's random numbers, so
   * that training goes on as if nothing had been. Training within is refused.
   *
   * @param work what is done with the network
   * @param <T> the kind of result
   * @param <E> what it may throw
   * @return the result
   * @throws E from there
   * @throws IllegalStateException if this is done within itself
   */
  public <T, E extends Exception> T during(EvaluationWork<T, E> work) throws E {
    if (isAtEvaluation) {
      throw new IllegalStateException("the network has the slow weights already");
    }
    return OtherWeights.during(
        net.model(),
        () -> {
          isAtEvaluation = true;
          for (int i = 0; i < spans.size(); i++) {
            fast(i).assign(slowWeights.get(i));
          }
        },
        () -> isAtEvaluation = false,
        work::run);
  }

  /**
   * Does something without a result while the network has the slow weights; the same as {@link
   * #during(EvaluationWork)}.
   *
   * @param action what is done with the network
   * @param <E> what it may throw
   * @throws E from there
   * @throws IllegalStateException if this is done within itself
   */
  public <E extends Exception> void during(EvaluationAction<E> action) throws E {
    this.<Boolean, E>during(
        () -> {
          action.run();
          return true;
        });
  }

  private INDArray fast(int span) {
    return spans.get(span).of(net.model().params());
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
  public void onGradientCalculation(Model model) {
    if (!LiveNetwork.isKindOf(model)) {
      return;
    }
    requireOwn(model);
    if (isAtEvaluation) {
      throw new IllegalStateException(
          "the network must not be trained within lookahead.during(..), where it has the slow"
              + " weights");
    }
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (!LiveNetwork.isKindOf(model)) {
      return;
    }
    requireOwn(model);
    steps++;
    if (steps >= k) {
      steps = 0;
      if (hasConstraints) {
        // DL4J applies them only after its listeners.
        model.applyConstraints(iteration + 1, epoch);
      }
      for (int i = 0; i < spans.size(); i++) {
        move(fast(i), slowWeights.get(i));
      }
    }
  }

  /** Leaves weights that have not moved as they are to the bit. */
  private void move(INDArray fast, INDArray slowOnes) {
    if (alpha == 1) {
      slowOnes.assign(fast);
    } else {
      fast.subi(slowOnes);
      Nd4j.exec(new Axpy(fast, slowOnes, slowOnes, alpha));
      fast.assign(slowOnes);
    }
  }

  private void requireOwn(Model model) {
    if (WorkerThreads.isInWorker()) {
      throw new IllegalStateException(
          "ParallelWrapper trains copies of the network, which have no slow weights: train without"
              + " it, or without Lookahead");
    }
    if (model != net.model()) {
      throw new IllegalStateException(
          "a Lookahead must be a listener only of the network that it was made for, but was called"
              + " for a copy or another network");
    }
  }

  /**
   * Returns what a checkpoint has of this, without the slow weights.
   *
   * @return plain values
   */
  @Override
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(K, k);
    values.put(ALPHA, alpha);
    values.put(STEPS, steps);
    return values;
  }

  /**
   * Returns the slow weights for a checkpoint.
   *
   * @return the live array, not a copy
   */
  @Override
  public Map<String, INDArray> arrays() {
    return Map.of(SLOW, slow);
  }

  /**
   * Takes up, before training goes on, what a checkpoint has.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
   * Lookahead lookahead = Lookahead.of(resumed, 5, 0.5);
   * lookahead.restore(checkpoint.part("lookahead"));
   * resumed.addListeners(lookahead);
   * }</pre>
   *
   * @param saved what {@code TrainingCheckpoint.part} returned
   * @throws MalformedDataException if it is not of a Lookahead with the same {@code k} and {@code
   *     alpha} around such a network; nothing is changed
   */
  public void restore(CheckpointPart saved) {
    Map<String, ?> values = saved.values();
    require(K, k, values);
    require(ALPHA, alpha, values);
    if (!(values.get(STEPS) instanceof Integer savedSteps && savedSteps >= 0 && savedSteps < k)) {
      throw new MalformedDataException(
          STEPS + " must be an integer >= 0 and < " + k + " but was " + values.get(STEPS));
    }
    INDArray savedSlow = saved.arrays().get(SLOW);
    if (savedSlow == null
        || savedSlow.length() != slow.length()
        || savedSlow.dataType() != slow.dataType()) {
      throw new MalformedDataException(
          SLOW
              + " must be "
              + slow.length()
              + " numbers of type "
              + slow.dataType()
              + " but were "
              + (savedSlow == null
                  ? "none"
                  : savedSlow.length() + " of type " + savedSlow.dataType()));
    }
    slow.assign(savedSlow.reshape(slow.shape()));
    steps = savedSteps;
  }

  private static void require(String key, Object own, Map<String, ?> values) {
    if (!own.equals(values.get(key))) {
      throw new MalformedDataException(
          key + " must be " + own + ", that of this Lookahead, but was " + values.get(key));
    }
  }

  /**
   * Says why it is not for Spark.
   *
   * @return the message
   */
  @Override
  public String complaintOfSpark() {
    return "a Lookahead has only the slow weights of a network that trains in this JVM; Spark's"
        + " workers train copies, which have none: train without it";
  }

  /** Is serializable only to say why it is not: Spark would name the class and nothing else. */
  @Serial
  private void writeObject(ObjectOutputStream out) throws NotSerializableException {
    throw new NotSerializableException(complaintOfSpark());
  }
}
