package io.github.dl4jtorch.swa;

import static io.github.dl4jtorch.swa.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.swa.Require.requireGiven;
import static io.github.dl4jtorch.swa.Require.requireNotNegative;
import static io.github.dl4jtorch.swa.Require.requirePositive;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How an {@link AveragedModel} averages: the function, and whether it averages the running
 * statistics of batch normalization too. A value that never changes.
 *
 * <p>All but one's own functions and {@link #last} move the average by a share of what is new:
 *
 * <pre>
 * averaged = decay(n) averaged + (1 - decay(n)) parameter
 * </pre>
 *
 * <p>with {@code n} the number of models averaged before this one. The first model is copied,
 * whatever the function; only {@link #yolov5} averages it with the weights at the start.
 *
 * <p>Answers to {@code avg_fn}, {@code multi_avg_fn} and {@code use_buffers} of {@code
 * torch.optim.swa_utils.AveragedModel}.
 *
 * <pre>{@code
 * Averaging averaging = Averaging.ema(0.999).useBuffers(true);
 * Averaging same = Averaging.fromMap(averaging.toMap());
 * }</pre>
 */
public final class Averaging {

  /** What becomes of an average. */
  private sealed interface Rule {

    /** Returns the share that the average keeps when a model joins the n before it. */
    double decay(long n);

    /** Returns how many steps there are from one update to the next, 0 if that may be any. */
    default int interval() {
      return 0;
    }

    Map<String, Object> toMap();
  }

  private record Equal() implements Rule {
    @Override
    public double decay(long n) {
      return (double) n / (n + 1);
    }

    @Override
    public Map<String, Object> toMap() {
      return entries("equal");
    }
  }

  private record Ema(double decay) implements Rule {
    private Ema {
      requireFromZeroToOne("decay", decay);
    }

    @Override
    public double decay(long n) {
      return n == 0 ? 0 : decay;
    }

    @Override
    public Map<String, Object> toMap() {
      return entries("ema", "decay", decay);
    }
  }

  private record Warmup(double decay, double minDecay, double gamma, double power) implements Rule {
    private Warmup {
      requireFromZeroToOne("decay", decay);
      if (!(minDecay >= 0 && minDecay <= decay)) {
        throw Require.illegal("minDecay", ">= 0 and <= decay, " + decay + ",", minDecay);
      }
      requirePositive("gamma", gamma);
      requirePositive("power", power);
    }

    @Override
    public double decay(long n) {
      if (n == 0) {
        return 0;
      }
      double warm = 1 - Math.pow(1 + n / gamma, -power);
      return Math.max(Math.min(warm, decay), minDecay);
    }

    @Override
    public Map<String, Object> toMap() {
      return entries(
          "ema_warmup",
          "decay",
          decay,
          "min_decay",
          minDecay,
          "warmup_gamma",
          gamma,
          "warmup_power",
          power);
    }
  }

  private record Yolov5(double decay, double tau) implements Rule {
    private Yolov5 {
      requireFromZeroToOne("decay", decay);
      requirePositive("tau", tau);
    }

    @Override
    public double decay(long n) {
      return decay * (1 - Math.exp(-(n + 1) / tau));
    }

    @Override
    public Map<String, Object> toMap() {
      return entries("yolov5", "decay", decay, "tau", tau);
    }
  }

  private record EmaPytorch(
      double beta,
      int updateAfterStep,
      int updateEvery,
      double invGamma,
      double power,
      double minValue)
      implements Rule {
    private EmaPytorch {
      requireFromZeroToOne("beta", beta);
      requireNotNegative("updateAfterStep", updateAfterStep);
      requirePositive("updateEvery", updateEvery);
      requirePositive("invGamma", invGamma);
      requirePositive("power", power);
      if (!(minValue >= 0 && minValue <= beta)) {
        throw Require.illegal("minValue", ">= 0 and <= beta, " + beta + ",", minValue);
      }
    }

    @Override
    public double decay(long n) {
      double beyond = (double) n * updateEvery - updateAfterStep;
      if (n == 0 || beyond <= 0) {
        return 0;
      }
      double warm = 1 - Math.pow(1 + beyond / invGamma, -power);
      return Math.min(Math.max(warm, minValue), beta);
    }

    @Override
    public int interval() {
      return updateEvery;
    }

    @Override
    public Map<String, Object> toMap() {
      return entries(
          "ema_pytorch",
          "beta",
          beta,
          "update_after_step",
          updateAfterStep,
          "update_every",
          updateEvery,
          "inv_gamma",
          invGamma,
          "power",
          power,
          "min_value",
          minValue);
    }
  }

  private record Power(double sigmaRel, PowerProfile profile) implements Rule {
    private Power(double sigmaRel) {
      this(sigmaRel, PowerProfile.ofSigmaRel(sigmaRel));
    }

    @Override
    public double decay(long n) {
      return profile.decay(n);
    }

    @Override
    public Map<String, Object> toMap() {
      return entries("power_ema", "sigma_rel", sigmaRel);
    }
  }

  private record Last(int k) implements Rule {
    private Last {
      requirePositive("k", k);
    }

    @Override
    public double decay(long n) {
      throw new IllegalStateException("a mean of the last models has no decay");
    }

    @Override
    public Map<String, Object> toMap() {
      return entries("last", "k", k);
    }
  }

  private record Own(AveragingFunction function) implements Rule {
    private Own {
      requireGiven("function", function);
    }

    @Override
    public double decay(long n) {
      if (n == 0) {
        return 0;
      }
      throw new IllegalStateException("a function of one's own has no decay");
    }

    @Override
    public Map<String, Object> toMap() {
      throw new UnsupportedOperationException(
          "an averaging with a function of one's own cannot be written; use equal, ema or another"
              + " of those that are here, or give the function again when its state is restored");
    }
  }

  private final Rule rule;
  private final boolean useBuffers;

  private Averaging(Rule rule, boolean useBuffers) {
    this.rule = rule;
    this.useBuffers = useBuffers;
  }

  private Averaging(Rule rule) {
    this(rule, false);
  }

  /**
   * Returns the mean of all models, PyTorch's default, for stochastic weight averaging: {@code
   * decay(n) = n / (n + 1)}.
   *
   * @return the averaging
   */
  public static Averaging equal() {
    return new Averaging(new Equal());
  }

  /**
   * Returns an exponential moving average, as PyTorch's {@code get_ema_avg_fn}.
   *
   * @param decay the share that the average keeps in each update, {@code >= 0} and {@code <= 1};
   *     PyTorch's default is 0.999
   * @return the averaging
   * @throws IllegalArgumentException if the argument is out of its range
   */
  public static Averaging ema(double decay) {
    return new Averaging(new Ema(decay));
  }

  /**
   * Returns an exponential moving average in which the weight of a model is halved by a number of
   * further updates: {@code decay = 0.5^(1 / updates)}.
   *
   * @param updates the half-life in updates, finite and {@code > 0}
   * @return the averaging
   * @throws IllegalArgumentException if the argument is out of its range
   */
  public static Averaging emaWithHalfLife(double updates) {
    return ema(Math.pow(0.5, 1 / requirePositive("updates", updates)));
  }

  /**
   * Returns an exponential moving average that follows fast at first, with timm's defaults for all
   * but the decay: {@code decay(n) = min(1 - (1 + n)^(-2/3), decay)}.
   *
   * @param decay the highest decay, {@code >= 0} and {@code <= 1}; timm's default is 0.9999
   * @return the averaging
   * @throws IllegalArgumentException if the argument is out of its range
   */
  public static Averaging emaWithWarmup(double decay) {
    return emaWithWarmup(decay, 0, 1, 2.0 / 3);
  }

  /**
   * Returns an exponential moving average that follows fast at first, as timm's {@code ModelEmaV3}
   * with {@code use_warmup}:
   *
   * <pre>
   * decay(n) = max(min(1 - (1 + n / gamma)^-power, decay), minDecay)
   * </pre>
   *
   * @param decay the highest decay, {@code >= 0} and {@code <= 1}; timm's default is 0.9999
   * @param minDecay the lowest, {@code >= 0} and {@code <= decay}; timm's default is 0
   * @param gamma the slowness of the warm-up in updates, finite and {@code > 0}; timm's default is
   *     1
   * @param power the exponent, finite and {@code > 0}; timm's default is 2/3
   * @return the averaging
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public static Averaging emaWithWarmup(double decay, double minDecay, double gamma, double power) {
    return new Averaging(new Warmup(decay, minDecay, gamma, power));
  }

  /**
   * Returns YOLOv5's exponential moving average: {@code decay(n) = decay (1 - exp(-(n + 1) /
   * tau))}. Like there the first model is not copied but averaged with the weights that the network
   * had when the {@link AveragedModel} was made. YOLOv5 averages the running statistics too: add
   * {@code useBuffers(true)}.
   *
   * @param decay the highest decay, {@code >= 0} and {@code <= 1}; YOLOv5's default is 0.9999
   * @param tau the length of the ramp in updates, finite and {@code > 0}; YOLOv5's default is 2000
   * @return the averaging
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public static Averaging yolov5(double decay, double tau) {
    return new Averaging(new Yolov5(decay, tau));
  }

  /**
   * Begins the exponential moving average of torchvision's references for classification, whose
   * decay depends on how much data passes between two updates, and which averages the running
   * statistics too:
   *
   * <pre>
   * 1 - min(1, (1 - decay) batchSize everyBatches / epochs)
   * </pre>
   *
   * <pre>{@code
   * Averaging averaging = Averaging.torchvision().batchSize(1024).epochs(600).build();
   * }</pre>
   *
   * @return the builder
   */
  public static TorchvisionBuilder torchvision() {
    return new TorchvisionBuilder();
  }

  /**
   * Begins the exponential moving average of ema-pytorch's {@code EMA}, which first copies the
   * network, then follows fast, and averages the running statistics too. With {@code step} counted
   * from 0 in the calls of its {@code update()}, of which each {@code updateEvery}-th updates:
   *
   * <pre>
   * step &lt;= updateAfterStep   copies
   * otherwise   decay = min(max(1 - (1 + (step - updateAfterStep) / invGamma)^-power, minValue), beta)
   * </pre>
   *
   * <p>An {@link AveragingListener} has {@code updateEvery} for its interval; who updates an
   * average by hand does so once in so many steps, from the first on.
   *
   * <pre>{@code
   * Averaging averaging = Averaging.emaPytorch().beta(0.9995).updateEvery(1).build();
   * }</pre>
   *
   * @return the builder
   */
  public static EmaPytorchBuilder emaPytorch() {
    return new EmaPytorchBuilder();
  }

  /**
   * Returns the moving average with a power function for its profile, whose width grows along with
   * the training, of Karras et al. 2024: {@code decay(n) = (1 - 1 / (n + 1))^(gamma + 1)}. From two
   * of them that leave {@link EmaSnapshots} any other width can be reconstructed when the training
   * is over.
   *
   * @param sigmaRel the width relative to the training's length, {@code >= 1e-6} and {@code <=
   *     0.2887}, which is an equal average; the paper tracks 0.05 and 0.10
   * @return the averaging
   * @throws IllegalArgumentException if the argument is out of its range
   */
  public static Averaging powerEma(double sigmaRel) {
    return new Averaging(new Power(sigmaRel));
  }

  /**
   * Returns the mean of the last models (LAWA, Kaddour 2022), or of as many as there are until
   * then. Each update computes it anew from {@code k} copies of the parameters that are kept in
   * memory, so nothing drifts. The usual model is the one at the end of an epoch, and {@code k} is
   * 6.
   *
   * <p>See Kaddour, <a href="https://arxiv.org/abs/2209.14981">Stop Wasting My Time! Saving Days of
   * ImageNet and BERT Training with Latest Weight Averaging</a>.
   *
   * @param k how many, {@code > 0}
   * @return the averaging
   * @throws IllegalArgumentException if the argument is out of its range
   */
  public static Averaging last(int k) {
    return new Averaging(new Last(k));
  }

  /**
   * Returns an averaging with a function of one's own. It has no written form.
   *
   * @param function the function, called for each parameter
   * @return the averaging
   */
  public static Averaging of(AveragingFunction function) {
    return new Averaging(new Own(function));
  }

  /**
   * Returns the same averaging with or without the running statistics of batch normalization, which
   * are PyTorch's buffers. Without, the default, each update copies them from the network.
   *
   * @param use whether to average them like parameters, the variance as a variance
   * @return the averaging
   */
  @CheckReturnValue
  public Averaging useBuffers(boolean use) {
    return new Averaging(rule, use);
  }

  boolean usesBuffers() {
    return useBuffers;
  }

  /** Returns the share that the average keeps when a model joins the n before it. */
  double decay(long n) {
    return rule.decay(n);
  }

  /** Returns how many steps there are from one update to the next, 0 if that may be any. */
  int interval() {
    return rule.interval();
  }

  /** Returns how many models are kept for their mean, 0 if none is. */
  int last() {
    return rule instanceof Last last ? last.k : 0;
  }

  /** Returns the profile of a power function, null for all others. */
  @Nullable PowerProfile profile() {
    return rule instanceof Power power ? power.profile : null;
  }

  /** Returns the function of one's own, null for all others. */
  @Nullable AveragingFunction function() {
    return rule instanceof Own own ? own.function : null;
  }

  /**
   * Writes this as a plain map, ready for any JSON library.
   *
   * @return the map: {@code type} is {@code equal}, {@code ema}, {@code ema_warmup}, {@code
   *     yolov5}, {@code ema_pytorch}, {@code power_ema} or {@code last}
   * @throws UnsupportedOperationException if the function is one's own
   */
  public Map<String, Object> toMap() {
    Map<String, Object> map = rule.toMap();
    map.put("use_buffers", useBuffers);
    return map;
  }

  /**
   * Reads what {@link #toMap} wrote.
   *
   * @param map the map, as it is or from JSON
   * @return the averaging
   * @throws MalformedDataException if an entry is missing, unknown, of the wrong type or out of its
   *     range
   */
  public static Averaging fromMap(Map<String, ?> map) {
    Entries entries = new Entries(map);
    Averaging averaging;
    try {
      averaging =
          switch (entries.text("type")) {
            case "equal" -> equal();
            case "ema" -> ema(entries.number("decay"));
            case "ema_warmup" ->
                emaWithWarmup(
                    entries.number("decay"),
                    entries.number("min_decay"),
                    entries.number("warmup_gamma"),
                    entries.number("warmup_power"));
            case "yolov5" -> yolov5(entries.number("decay"), entries.number("tau"));
            case "ema_pytorch" ->
                emaPytorch()
                    .beta(entries.number("beta"))
                    .updateAfterStep((int) entries.count("update_after_step", Integer.MAX_VALUE))
                    .updateEvery((int) entries.count("update_every", Integer.MAX_VALUE))
                    .invGamma(entries.number("inv_gamma"))
                    .power(entries.number("power"))
                    .minValue(entries.number("min_value"))
                    .build();
            case "power_ema" -> powerEma(entries.number("sigma_rel"));
            case "last" -> last((int) entries.count("k", Integer.MAX_VALUE));
            default ->
                throw new MalformedDataException(
                    "an averaging's \"type\" must be one of \"equal\", \"ema\", \"ema_warmup\","
                        + " \"yolov5\", \"ema_pytorch\", \"power_ema\", \"last\" but was \""
                        + map.get("type")
                        + "\"");
          };
    } catch (MalformedDataException alreadyClear) {
      throw alreadyClear;
    } catch (IllegalArgumentException refused) {
      throw new MalformedDataException(map.get("type") + ": " + refused.getMessage(), refused);
    }
    boolean use = entries.bool("use_buffers");
    entries.refuseUnknown();
    return averaging.useBuffers(use);
  }

  private static Map<String, Object> entries(String type, Object... keysAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", type);
    for (int i = 0; i < keysAndValues.length; i += 2) {
      map.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return map;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Averaging averaging
        && averaging.rule.equals(rule)
        && averaging.useBuffers == useBuffers;
  }

  @Override
  public int hashCode() {
    return 31 * rule.hashCode() + Boolean.hashCode(useBuffers);
  }

  @Override
  public String toString() {
    return "Averaging[" + rule + ", useBuffers=" + useBuffers + "]";
  }

  /** Builds the average of torchvision's references. See {@link #torchvision()}. */
  public static final class TorchvisionBuilder {

    private double decay = 0.99998;
    private int batchSize;
    private int everyBatches = 32;
    private int epochs;

    private TorchvisionBuilder() {}

    /**
     * Sets the {@code model-ema-decay}.
     *
     * @param decay {@code >= 0} and {@code <= 1}; 0.99998 unless set
     * @return this builder
     */
    public TorchvisionBuilder decay(double decay) {
      this.decay = decay;
      return this;
    }

    /**
     * Sets the examples in a batch of all devices together, which has no default.
     *
     * @param batchSize {@code > 0}
     * @return this builder
     */
    public TorchvisionBuilder batchSize(int batchSize) {
      this.batchSize = batchSize;
      return this;
    }

    /**
     * Sets the {@code model-ema-steps}: the batches from one update to the next.
     *
     * @param everyBatches {@code > 0}; 32 unless set
     * @return this builder
     */
    public TorchvisionBuilder everyBatches(int everyBatches) {
      this.everyBatches = everyBatches;
      return this;
    }

    /**
     * Sets the epochs of the training, which have no default.
     *
     * @param epochs {@code > 0}
     * @return this builder
     */
    public TorchvisionBuilder epochs(int epochs) {
      this.epochs = epochs;
      return this;
    }

    /**
     * Makes the averaging.
     *
     * @return the averaging
     * @throws IllegalArgumentException if an argument is out of its range, or one without a default
     *     was not set
     */
    @CheckReturnValue
    public Averaging build() {
      requireFromZeroToOne("decay", decay);
      requirePositive("batchSize", batchSize);
      requirePositive("everyBatches", everyBatches);
      requirePositive("epochs", epochs);
      double share = (1 - decay) * ((double) batchSize * everyBatches / epochs);
      return ema(1 - Math.min(1, share)).useBuffers(true);
    }
  }

  /** Builds the average of ema-pytorch. See {@link #emaPytorch()}. */
  public static final class EmaPytorchBuilder {

    private double beta = 0.9999;
    private int updateAfterStep = 100;
    private int updateEvery = 10;
    private double invGamma = 1;
    private double power = 2.0 / 3;
    private double minValue;

    private EmaPytorchBuilder() {}

    /**
     * Sets the highest decay.
     *
     * @param beta {@code >= 0} and {@code <= 1}; 0.9999 unless set
     * @return this builder
     */
    public EmaPytorchBuilder beta(double beta) {
      this.beta = beta;
      return this;
    }

    /**
     * Sets the step up to which an update copies.
     *
     * @param updateAfterStep {@code >= 0}; 100 unless set
     * @return this builder
     */
    public EmaPytorchBuilder updateAfterStep(int updateAfterStep) {
      this.updateAfterStep = updateAfterStep;
      return this;
    }

    /**
     * Sets the steps from one update to the next.
     *
     * @param updateEvery {@code > 0}; 10 unless set
     * @return this builder
     */
    public EmaPytorchBuilder updateEvery(int updateEvery) {
      this.updateEvery = updateEvery;
      return this;
    }

    /**
     * Sets the slowness of the warm-up in steps.
     *
     * @param invGamma finite and {@code > 0}; 1 unless set
     * @return this builder
     */
    public EmaPytorchBuilder invGamma(double invGamma) {
      this.invGamma = invGamma;
      return this;
    }

    /**
     * Sets the exponent of the warm-up.
     *
     * @param power finite and {@code > 0}; 2/3 unless set
     * @return this builder
     */
    public EmaPytorchBuilder power(double power) {
      this.power = power;
      return this;
    }

    /**
     * Sets the lowest decay behind {@code updateAfterStep}.
     *
     * @param minValue {@code >= 0} and {@code <= beta}; 0 unless set
     * @return this builder
     */
    public EmaPytorchBuilder minValue(double minValue) {
      this.minValue = minValue;
      return this;
    }

    /**
     * Makes the averaging.
     *
     * @return the averaging
     * @throws IllegalArgumentException if an argument is out of its range
     */
    @CheckReturnValue
    public Averaging build() {
      return new Averaging(
          new EmaPytorch(beta, updateAfterStep, updateEvery, invGamma, power, minValue), true);
    }
  }
}
