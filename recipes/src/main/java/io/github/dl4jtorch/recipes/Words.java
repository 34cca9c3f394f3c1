package io.github.dl4jtorch.recipes;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The words of recipes: the keys of each of its maps, with what is legal under them. The reader and
 * the JSON Schema both go by these.
 */
final class Words {

  /** What stands under a key. */
  sealed interface Type {

    /** What is legal, as a message says it after "must be". */
    String legal();
  }

  /** A number from a range; {@code .inf} is one where the range has it. */
  record Decimal(double low, boolean isAboveLow, double high, boolean isBelowHigh) implements Type {
    static final Decimal NON_NEGATIVE = new Decimal(0, false, Double.POSITIVE_INFINITY, true);
    static final Decimal POSITIVE = new Decimal(0, true, Double.POSITIVE_INFINITY, true);
    static final Decimal POSITIVE_OR_INFINITE =
        new Decimal(0, true, Double.POSITIVE_INFINITY, false);
    static final Decimal BELOW_ONE = new Decimal(0, false, 1, true);
    static final Decimal UP_TO_ONE = new Decimal(0, false, 1, false);

    boolean has(double number) {
      return (isAboveLow ? number > low : number >= low)
          && (isBelowHigh ? number < high : number <= high);
    }

    @Override
    public String legal() {
      String from = (isAboveLow ? "> " : ">= ") + shown(low);
      if (high == Double.POSITIVE_INFINITY) {
        return (isBelowHigh ? "a finite number " : "a number ") + from;
      }
      return "a number " + from + " and " + (isBelowHigh ? "< " : "<= ") + shown(high);
    }

    private static String shown(double bound) {
      return bound == (int) bound ? String.valueOf((int) bound) : String.valueOf(bound);
    }
  }

  /** A whole number of at least so much. */
  record Whole(int low) implements Type {
    @Override
    public String legal() {
      return "a whole number >= " + low;
    }
  }

  /** True or false. */
  record Flag() implements Type {
    @Override
    public String legal() {
      return "true or false";
    }
  }

  /** One of some texts. */
  record Choice(List<String> names) implements Type {
    @Override
    public String legal() {
      return "one of \"" + String.join("\", \"", names) + '"';
    }
  }

  /** A text that is not blank. */
  record Text() implements Type {
    @Override
    public String legal() {
      return "text that is not blank";
    }
  }

  /** One or more of what another type has; in a file, one may stand without a list. */
  record OneOrMore(Type type) implements Type {
    @Override
    public String legal() {
      return type.legal() + ", or a list of such";
    }
  }

  /** A list of so many. */
  record Fixed(Type type, int size) implements Type {
    @Override
    public String legal() {
      return "a list of " + size + " entries";
    }
  }

  /** A list of maps, one or more. */
  record Maps(List<Key> keys) implements Type {
    @Override
    public String legal() {
      return "a list of maps, one or more";
    }
  }

  /** A map. */
  record Section(List<Key> keys) implements Type {
    @Override
    public String legal() {
      return "a map";
    }
  }

  /** A map whose {@code type} says which keys it has. */
  record Typed(Map<String, List<Key>> keys) implements Type {
    @Override
    public String legal() {
      return "a map";
    }
  }

  /** A schedule. */
  record Definition(List<String> types) implements Type {
    /** Any type that is known. */
    static final Definition ANY = new Definition(List.of());

    @Override
    public String legal() {
      return "a map with the schedule's \"type\" and arguments";
    }
  }

  /**
   * A key.
   *
   * @param name the word
   * @param type what stands under it
   * @param isRequired whether it must be there
   * @param whenAbsent what counts if it is not there, null for nothing
   * @param about what it is, for the schema
   */
  record Key(
      String name, Type type, boolean isRequired, @Nullable Object whenAbsent, String about) {}

  private static Key required(String name, Type type, String about) {
    return new Key(name, type, true, null, about);
  }

  private static Key optional(String name, Type type, String about) {
    return new Key(name, type, false, null, about);
  }

  private static Key withDefault(String name, Type type, Object whenAbsent, String about) {
    return new Key(name, type, false, whenAbsent, about);
  }

  private static final Key LR = required("lr", Decimal.NON_NEGATIVE, "the learning rate");
  private static final Key WEIGHT_DECAY = weightDecay(0);
  private static final Key DECOUPLED =
      withDefault(
          "decoupled_weight_decay",
          new Flag(),
          false,
          "whether the weight decay is that of AdamW, beside the gradient");
  private static final Key BETAS =
      withDefault(
          "betas",
          new Fixed(Decimal.BELOW_ONE, 2),
          List.of(0.9, 0.999),
          "how much the averages of gradient and square keep");
  private static final Key AMSGRAD =
      withDefault("amsgrad", new Flag(), false, "whether the greatest square counts");
  private static final Key MOMENTUM =
      withDefault("momentum", Decimal.NON_NEGATIVE, 0.0, "how much the velocity keeps");

  private static Key weightDecay(double whenAbsent) {
    return withDefault(
        "weight_decay", Decimal.NON_NEGATIVE, whenAbsent, "how much the parameters decay");
  }

  private static Key eps(double whenAbsent) {
    return withDefault("eps", Decimal.NON_NEGATIVE, whenAbsent, "what is added to a divisor");
  }

  private static final Key PARAM_GROUPS =
      optional(
          "param_groups",
          new Maps(
              List.of(
                  optional("name", new Text(), "what the group is called"),
                  optional(
                      "pattern",
                      new OneOrMore(new Text()),
                      "which layers the group has: their names, where * is any text and ? any"
                          + " letter; by default all"),
                  optional(
                      "kind",
                      new OneOrMore(new Choice(List.of("weight", "bias", "normalization"))),
                      "which parameters of these layers; by default all"),
                  optional("lr", Decimal.NON_NEGATIVE, "the group's learning rate"),
                  optional("momentum", Decimal.NON_NEGATIVE, "the group's momentum"),
                  optional("weight_decay", Decimal.NON_NEGATIVE, "the group's weight decay"))),
          "the param groups; a parameter is in the first that selects it, and what an optimizer's"
              + " group does not say is as in the optimizer");

  static final Typed OPTIMIZER =
      new Typed(
          ordered(
              Map.entry(
                  "SGD",
                  List.of(
                      LR,
                      MOMENTUM,
                      withDefault(
                          "dampening",
                          Decimal.BELOW_ONE,
                          0.0,
                          "how much of a gradient is left out of the velocity"),
                      withDefault(
                          "nesterov", new Flag(), false, "whether it is Nesterov's momentum"),
                      WEIGHT_DECAY,
                      PARAM_GROUPS)),
              Map.entry("Adam", List.of(LR, BETAS, eps(1e-8), WEIGHT_DECAY, AMSGRAD, PARAM_GROUPS)),
              Map.entry(
                  "AdamW", List.of(LR, BETAS, eps(1e-8), weightDecay(0.01), AMSGRAD, PARAM_GROUPS)),
              Map.entry(
                  "NAdam",
                  List.of(
                      LR,
                      BETAS,
                      eps(1e-8),
                      WEIGHT_DECAY,
                      withDefault(
                          "momentum_decay",
                          Decimal.NON_NEGATIVE,
                          4e-3,
                          "how fast the momentum grows"),
                      DECOUPLED,
                      PARAM_GROUPS)),
              Map.entry(
                  "RAdam", List.of(LR, BETAS, eps(1e-8), WEIGHT_DECAY, DECOUPLED, PARAM_GROUPS)),
              Map.entry("Adamax", List.of(LR, BETAS, eps(1e-8), WEIGHT_DECAY, PARAM_GROUPS)),
              Map.entry(
                  "RMSprop",
                  List.of(
                      LR,
                      withDefault(
                          "alpha",
                          Decimal.UP_TO_ONE,
                          0.99,
                          "how much the average of squares keeps"),
                      eps(1e-8),
                      WEIGHT_DECAY,
                      MOMENTUM,
                      withDefault(
                          "centered",
                          new Flag(),
                          false,
                          "whether the squares are taken about the mean"),
                      PARAM_GROUPS)),
              Map.entry(
                  "Adagrad",
                  List.of(
                      LR,
                      withDefault("lr_decay", Decimal.NON_NEGATIVE, 0.0, "how fast the rate falls"),
                      WEIGHT_DECAY,
                      withDefault(
                          "initial_accumulator_value",
                          Decimal.NON_NEGATIVE,
                          0.0,
                          "what the sums of squares start with"),
                      eps(1e-10),
                      PARAM_GROUPS)),
              Map.entry(
                  "Adadelta",
                  List.of(
                      LR,
                      withDefault(
                          "rho", Decimal.UP_TO_ONE, 0.9, "how much the averages of squares keep"),
                      eps(1e-6),
                      WEIGHT_DECAY,
                      PARAM_GROUPS))));

  private static final Key USE_BUFFERS =
      withDefault(
          "use_buffers",
          new Flag(),
          false,
          "whether running statistics are averaged as the weights are");
  private static final Key AVERAGING_STEP =
      withDefault(
          "step",
          new Choice(List.of("epoch", "iteration")),
          "epoch",
          "after what an average is updated");
  private static final Key START =
      withDefault("start", new Whole(0), 0, "the first epoch or iteration that is averaged");
  private static final Key INTERVAL =
      withDefault("interval", new Whole(1), 1, "each how-many-th is averaged");
  private static final Key ANEW =
      withDefault(
          "anew_in_each_epoch",
          new Flag(),
          false,
          "whether the interval is counted anew in each epoch, as torchvision does");
  private static final Key RESTARTING =
      withDefault(
          "restarting_until",
          new Whole(0),
          0,
          "the first epoch after whose updates the average does not begin anew");
  private static final Key SWALR =
      optional(
          "swalr",
          new Definition(List.of("SWALR")),
          "the schedule that takes over when the averaging starts");

  private static List<Key> averaging(Key... keys) {
    List<Key> all = new ArrayList<>(List.of(keys));
    all.addAll(List.of(USE_BUFFERS, AVERAGING_STEP, START, INTERVAL, ANEW, RESTARTING, SWALR));
    return List.copyOf(all);
  }

  private static Key decay(String about) {
    return required("decay", Decimal.UP_TO_ONE, about);
  }

  static final Typed AVERAGING =
      new Typed(
          ordered(
              Map.entry("equal", averaging()),
              Map.entry("ema", averaging(decay("the share that the average keeps"))),
              Map.entry(
                  "ema_warmup",
                  averaging(
                      decay("the share that the average keeps in the end"),
                      withDefault("min_decay", Decimal.UP_TO_ONE, 0.0, "the least share"),
                      withDefault(
                          "warmup_gamma", Decimal.POSITIVE, 1.0, "how fast the share grows"),
                      withDefault(
                          "warmup_power", Decimal.POSITIVE, 2.0 / 3, "in what power it grows"))),
              Map.entry(
                  "yolov5",
                  averaging(
                      decay("the share that the average keeps in the end"),
                      withDefault(
                          "tau", Decimal.POSITIVE, 2000.0, "in how many updates it grows"))),
              Map.entry(
                  "ema_pytorch",
                  List.of(
                      withDefault(
                          "beta",
                          Decimal.UP_TO_ONE,
                          0.9999,
                          "the share that the average keeps in the end"),
                      withDefault(
                          "update_after_step",
                          new Whole(0),
                          100,
                          "the step up to which the average is a copy"),
                      withDefault(
                          "update_every", new Whole(1), 10, "each how-many-th step is averaged"),
                      withDefault("inv_gamma", Decimal.POSITIVE, 1.0, "how slowly the share grows"),
                      withDefault(
                          "power", Decimal.POSITIVE, 2.0 / 3, "in what power the share grows"),
                      withDefault(
                          "min_value",
                          Decimal.UP_TO_ONE,
                          0.0,
                          "the least share behind update_after_step"),
                      withDefault("use_buffers", new Flag(), true, USE_BUFFERS.about()),
                      AVERAGING_STEP,
                      START,
                      RESTARTING,
                      SWALR)),
              Map.entry(
                  "power_ema",
                  averaging(
                      required(
                          "sigma_rel",
                          new Decimal(1e-6, false, 0.2887, false),
                          "the width relative to the training's length"))),
              Map.entry(
                  "last",
                  averaging(required("k", new Whole(1), "how many models the average is of")))));

  static final Section RECIPE =
      new Section(
          List.of(
              required("optimizer", OPTIMIZER, "the optimizer, as torch.optim has it"),
              optional("schedule", Definition.ANY, "the schedule of the learning rate"),
              withDefault(
                  "step",
                  new Choice(List.of("epoch", "iteration")),
                  "epoch",
                  "after what the schedule is stepped"),
              optional(
                  "clip_grad_norm",
                  new Section(
                      List.of(
                          required("max_norm", Decimal.POSITIVE_OR_INFINITE, "the greatest norm"),
                          withDefault(
                              "norm_type",
                              Decimal.POSITIVE_OR_INFINITE,
                              2.0,
                              "the power of the norm"),
                          withDefault(
                              "error_if_nonfinite",
                              new Flag(),
                              false,
                              "whether an infinite norm is an error"))),
                  "how the norm of all gradients is clipped"),
              optional(
                  "clip_grad_value",
                  new Section(
                      List.of(
                          required("clip_value", Decimal.POSITIVE, "the greatest absolute value"))),
                  "how each element of the gradients is clipped"),
              optional(
                  "accumulation",
                  new Section(
                      List.of(
                          required("batches", new Whole(1), "how many batches are a step"),
                          withDefault(
                              "remainder",
                              new Choice(List.of("step", "drop", "carry")),
                              "step",
                              "what becomes of the last batches of an epoch"),
                          withDefault(
                              "summed",
                              new Flag(),
                              false,
                              "whether gradients are added up without a division"))),
                  "how many batches are one step of the optimizer"),
              optional(
                  "label_smoothing",
                  Decimal.UP_TO_ONE,
                  "the share of the labels that is spread over all classes"),
              optional("averaging", AVERAGING, "the average of the weights"),
              optional(
                  "early_stopping",
                  new Section(
                      List.of(
                          required(
                              "patience",
                              new Whole(1),
                              "how many epochs without an improvement end the training"),
                          withDefault(
                              "min_delta",
                              Decimal.NON_NEGATIVE,
                              0.0,
                              "what counts as an improvement"),
                          optional("max_epochs", new Whole(1), "the greatest number of epochs"))),
                  "when the training ends")));

  private Words() {}

  @SafeVarargs
  private static Map<String, List<Key>> ordered(Map.Entry<String, List<Key>>... entries) {
    Map<String, List<Key>> map = new LinkedHashMap<>();
    for (Map.Entry<String, List<Key>> entry : entries) {
      map.put(entry.getKey(), entry.getValue());
    }
    return Collections.unmodifiableMap(map);
  }
}
