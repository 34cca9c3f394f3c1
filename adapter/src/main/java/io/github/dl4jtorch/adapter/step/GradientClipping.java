package io.github.dl4jtorch.adapter.step;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.internal.AccumulatingOptimizer;
import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import io.github.dl4jtorch.adapter.optim.Norms;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.io.Serial;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.clip.ClipByValue;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Clips gradients before each update, as PyTorch's {@code clip_grad_norm_} and {@code
 * clip_grad_value_} do between {@code loss.backward()} and {@code optimizer.step()}.
 *
 * <pre>
 * norm:   total = (sum of |g|^p over all parameters)^(1/p);  g = g min(1, max_norm / (total + 1e-6))
 * value:  g = min(max(g, -clip_value), clip_value)
 * </pre>
 *
 * <p>A gradient here is PyTorch's: the mean over the examples of the batch, and with {@link
 * GradientAccumulation} what the whole step has, whatever DL4J keeps in its arrays at that moment.
 * Running statistics of batch normalizations, and parameters in frozen layers or frozen by {@code
 * NetworkParamGroups}, have none. Weight decay comes later, in the updater. DL4J's own {@code
 * gradientNormalization}, if a layer has one, comes after this.
 *
 * <p>A clipping belongs to the network in whose updates it is first used. A network may have
 * several, for some parameters each; they act in the order of its listeners. With truncated
 * backpropagation through time each segment is clipped, as each has its update. Pretraining of
 * single layers is not clipped. Workers of ParallelWrapper, and of Spark, would clip the gradients
 * of their own batches and not those of the step, so there it is refused.
 *
 * <pre>{@code
 * GradientClipping clipping = GradientClipping.norm(1.0);
 * net.addListeners(clipping);
 * net.fit(training, 10);
 * double norm = clipping.lastNorm();
 * }</pre>
 */
public final class GradientClipping extends BaseTrainingListener
    implements PacedListener, Serializable {

  private static final long serialVersionUID = 1L;

  private static final Logger LOG = LoggerFactory.getLogger(GradientClipping.class);

  /** What PyTorch adds to the norm before it divides by it. */
  private static final double EPS = 1e-6;

  private static final Predicate<NetworkParam> ALL = NetworkParam.class::isInstance;

  private enum Kind {
    NORM,
    VALUE
  }

  /** The gradients of one network that are clipped. */
  private static final class Target {
    private final Model net;
    private final INDArray all;
    private final UpdaterBlocks blocks;
    private final List<INDArray> gradients;

    Target(Model net, Predicate<? super NetworkParam> isClipped) {
      this.net = net;
      this.all = net.getGradientsViewArray();
      this.blocks = new UpdaterBlocks(net);
      List<NetworkParam> params = NetworkParam.of(new LiveNetwork(net).network());
      List<UpdaterBlocks.Span> spans =
          blocks.spans(
              param ->
                  hasGradient(blocks.params().get(param).updater())
                      && !blocks.isStatistic(param)
                      && isClipped.test(params.get(param)));
      if (spans.isEmpty()) {
        throw new IllegalStateException(
            "the predicate must take a parameter that is trained, but takes none of " + params);
      }
      this.gradients = spans.stream().map(span -> span.of(all)).toList();
    }

    private static boolean hasGradient(IUpdater updater) {
      return !(updater instanceof NoOp || updater instanceof FrozenUpdater);
    }

    @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
    boolean isCurrent() {
      return net.getGradientsViewArray() == all && blocks.areCurrent();
    }
  }

  private final Kind kind;
  private final double limit;
  private final double normType;
  private final transient Predicate<? super NetworkParam> isClipped;
  private final boolean isStrict;
  private transient @Nullable Target target;
  // For powers that ND4J has no reduction for, of the size of the greatest part.
  private transient @Nullable INDArray powers;
  private double lastNorm = Double.NaN;
  private boolean hasWarned;

  private GradientClipping(
      Kind kind,
      double limit,
      double normType,
      Predicate<? super NetworkParam> isClipped,
      boolean isStrict) {
    this.kind = kind;
    this.limit = limit;
    this.normType = normType;
    this.isClipped = isClipped;
    this.isStrict = isStrict;
  }

  /**
   * Clips the norm of all gradients together, {@code clip_grad_norm_(parameters, max_norm)}.
   *
   * @param maxNorm the greatest norm, {@code > 0}; infinity clips nothing and only tells the norm
   * @return the listener, to be added to the network
   * @throws IllegalArgumentException if the norm is out of its range
   */
  public static GradientClipping norm(double maxNorm) {
    return new GradientClipping(Kind.NORM, requirePositive("maxNorm", maxNorm), 2, ALL, false);
  }

  /**
   * Clips each element of the gradients, {@code clip_grad_value_(parameters, clip_value)}.
   *
   * @param clipValue the greatest absolute value, finite and {@code > 0}
   * @return the listener, to be added to the network
   * @throws IllegalArgumentException if the value is out of its range
   */
  public static GradientClipping value(double clipValue) {
    if (!(clipValue > 0 && clipValue < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("clipValue must be finite and > 0 but was " + clipValue);
    }
    return new GradientClipping(Kind.VALUE, clipValue, Double.NaN, ALL, false);
  }

  private static double requirePositive(String name, double value) {
    if (!(value > 0)) {
      throw new IllegalArgumentException(name + " must be > 0 but was " + value);
    }
    return value;
  }

  /**
   * Returns a clipping of some parameters only, as PyTorch's functions have it with the parameters
   * that they are given. For a param group that is {@code on(groups.params(0)::contains)}.
   *
   * @param params tells whether a parameter is clipped; default all
   * @return the listener, to be added in place of this one
   */
  @CheckReturnValue
  public GradientClipping on(Predicate<? super NetworkParam> params) {
    return new GradientClipping(kind, limit, normType, params, isStrict);
  }

  /**
   * Returns a clipping by another norm.
   *
   * @param normType the exponent {@code p}, {@code > 0}; infinity is the greatest absolute value;
   *     default 2
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the type is out of its range
   * @throws IllegalStateException if this clips by value
   */
  @CheckReturnValue
  public GradientClipping withNormType(double normType) {
    requireNorm("withNormType");
    return new GradientClipping(
        kind, limit, requirePositive("normType", normType), isClipped, isStrict);
  }

  /**
   * Returns a clipping that refuses a norm that is infinite or not a number, before the update, as
   * {@code error_if_nonfinite} does. By default PyTorch goes on with gradients that are NaN, and so
   * does this, with a warning the first time.
   *
   * @return the listener, to be added in place of this one; it throws an {@link
   *     ArithmeticException} out of {@code fit}
   * @throws IllegalStateException if this clips by value
   */
  @CheckReturnValue
  public GradientClipping errorIfNonfinite() {
    requireNorm("errorIfNonfinite");
    return new GradientClipping(kind, limit, normType, isClipped, true);
  }

  /**
   * Returns how this clips, under PyTorch's names: {@code max_norm}, {@code norm_type} and {@code
   * error_if_nonfinite}, or {@code clip_value}.
   *
   * @return plain values
   * @throws UnsupportedOperationException if it clips {@linkplain #on some} parameters only
   */
  @SuppressWarnings("ReferenceEquality") // Whether it is the default is the question.
  public Map<String, Object> settings() {
    if (isClipped != ALL) {
      throw new UnsupportedOperationException(
          "a clipping on some parameters only cannot be written");
    }
    Map<String, Object> settings = new LinkedHashMap<>();
    if (kind == Kind.VALUE) {
      settings.put("clip_value", limit);
      return settings;
    }
    settings.put("max_norm", limit);
    settings.put("norm_type", normType);
    settings.put("error_if_nonfinite", isStrict);
    return settings;
  }

  private void requireNorm(String method) {
    if (kind != Kind.NORM) {
      throw new IllegalStateException(
          method + "() is of GradientClipping.norm(..), but this clips by value, without a norm");
    }
  }

  /**
   * Returns what {@code clip_grad_norm_} returns: the total norm of the last update's gradients
   * before they were clipped. {@code LearningRateMonitor.withColumn("grad_norm",
   * clipping::lastNorm)} notes it.
   *
   * @return the norm, NaN before the first update
   * @throws IllegalStateException if this clips by value; {@code norm(Double.POSITIVE_INFINITY)}
   *     beside it tells the norm
   */
  public double lastNorm() {
    requireNorm("lastNorm");
    return lastNorm;
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

  /**
   * Clips the gradients of the update that follows.
   *
   * @param model the network
   * @throws IllegalStateException if this is another network than before, or a worker's copy, or no
   *     parameter is clipped
   * @throws ArithmeticException if the norm is not finite and that is refused
   */
  @Override
  public void onGradientCalculation(Model model) {
    if (!LiveNetwork.isKindOf(model)) {
      return;
    }
    Target present = target(model);
    double divisor = AccumulatingOptimizer.divisor(model);
    if (kind == Kind.VALUE) {
      clipValues(present.gradients, limit * divisor);
    } else {
      clipNorm(present.gradients, divisor);
    }
  }

  private Target target(Model model) {
    if (WorkerThreads.isInWorker()) {
      throw new IllegalStateException(
          "ParallelWrapper trains copies of the network, each with a part of the gradients, whose"
              + " norm says nothing of the whole: clip without it, or set gradientNormalization in"
              + " the configuration, by which DL4J clips layer by layer in each copy");
    }
    Target known = target;
    if (known != null && known.net != model) {
      throw new IllegalStateException(
          "a GradientClipping must be added only to one network, but was called for a copy or"
              + " another; make one for each");
    }
    if (known == null || !known.isCurrent()) {
      known = new Target(model, isClipped);
      target = known;
    }
    return known;
  }

  private static void clipValues(List<INDArray> gradients, double limit) {
    for (INDArray part : gradients) {
      ClipByValue clip = new ClipByValue(part, -limit, limit);
      clip.addOutputArgument(part);
      Nd4j.exec(clip);
    }
  }

  private void clipNorm(List<INDArray> gradients, double divisor) {
    double norm = total(gradients) / divisor;
    if (!Double.isFinite(norm)) {
      warnOrRefuse(norm);
    }
    lastNorm = norm;
    double coefficient = limit / (norm + EPS);
    if (Double.isNaN(coefficient)) {
      gradients.forEach(part -> part.assign(Double.NaN)); // ND4J multiplies by 1e-5 for it.
    } else if (coefficient < 1) {
      gradients.forEach(part -> part.muli(coefficient));
    }
  }

  private void warnOrRefuse(double norm) {
    if (isStrict) {
      throw new ArithmeticException(
          "the total norm of the gradients must be finite to be clipped but was " + norm);
    }
    if (!hasWarned) {
      hasWarned = true;
      LOG.warn(
          "the total norm of the gradients is {}, so that clipping leaves NaN in them, as PyTorch's"
              + " does; errorIfNonfinite() refuses that",
          norm);
    }
  }

  private double total(List<INDArray> gradients) {
    double[] norms = new double[gradients.size()];
    double greatest = 0;
    for (int i = 0; i < norms.length; i++) {
      norms[i] = norm(gradients.get(i));
      greatest = Math.max(greatest, norms[i]);
    }
    if (norms.length == 1 || normType == Double.POSITIVE_INFINITY) {
      return greatest;
    }
    double sum = 0;
    for (double norm : norms) {
      sum += Math.pow(norm, normType);
    }
    return Math.pow(sum, 1 / normType);
  }

  private double norm(INDArray part) {
    if (normType == 2) {
      return Norms.euclidean(part);
    } else if (normType == 1) {
      return Norms.magnitudes(part);
    } else if (normType == Double.POSITIVE_INFINITY) {
      return part.normmaxNumber().doubleValue();
    }
    INDArray scratch = powers(part);
    Transforms.pow(Transforms.abs(scratch.assign(part), false), normType, false);
    return Math.pow(Norms.magnitudes(scratch), 1 / normType);
  }

  private INDArray powers(INDArray part) {
    INDArray known = powers;
    if (known == null || known.length() < part.length() || known.dataType() != part.dataType()) {
      known = Nd4j.createUninitialized(part.dataType(), part.length());
      powers = known;
    }
    return new UpdaterBlocks.Span(0, part.length()).of(known);
  }

  /**
   * Says why it is not for Spark.
   *
   * @return the message
   */
  @Override
  public String complaintOfSpark() {
    return "a GradientClipping clips only the gradients of a network that trains in this JVM; each"
        + " of Spark's workers has a part of them, whose norm says nothing of the whole: set"
        + " gradientNormalization in the configuration, by which DL4J clips layer by layer";
  }

  /** Is serializable only to say why it is not: Spark would name the class and nothing else. */
  @Serial
  private void writeObject(ObjectOutputStream out) throws NotSerializableException {
    throw new NotSerializableException(complaintOfSpark());
  }
}
