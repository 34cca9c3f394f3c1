package io.github.dl4jtorch.swa;

import static io.github.dl4jtorch.swa.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.swa.Require.requireGiven;
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
 * <p>All functions but one's own move the average by a share of what is new:
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
          "an averaging with a function of one's own cannot be written; use equal, ema,"
              + " emaWithWarmup or yolov5, or give the function again when its state is restored");
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

  /** Returns the function of one's own, null for all others. */
  @Nullable AveragingFunction function() {
    return rule instanceof Own own ? own.function : null;
  }

  /**
   * Writes this as a plain map, ready for any JSON library.
   *
   * @return the map: {@code type} is {@code equal}, {@code ema}, {@code ema_warmup} or {@code
   *     yolov5}
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
            default ->
                throw new MalformedDataException(
                    "an averaging's \"type\" must be one of \"equal\", \"ema\", \"ema_warmup\","
                        + " \"yolov5\" but was \""
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
}
