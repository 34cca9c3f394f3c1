package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.MetricSchedule;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PerGroup;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau.Mode;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau.ThresholdMode;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;

/**
 * The schedules of Hugging Face's {@code transformers}, by the names that its {@code get_scheduler}
 * and its {@code TrainingArguments} take. Step them after every update.
 *
 * <p>{@code polynomial}, {@code cosine_with_min_lr} and {@code cosine_warmup_with_min_lr} divide by
 * the optimizer's default rate there. Here that is the base rate of each group; where groups differ
 * from the optimizer's default, give that as {@code default_lr}.
 *
 * <p>A run takes up the state that {@code transformers} saved ({@code scheduler.pt}), which is that
 * of a LambdaLR, {@code constant}'s apart.
 *
 * <pre>{@code
 * Schedule cosine = HuggingFace.getScheduler("cosine", 100, 1000);
 * Schedule wsd =
 *     HuggingFace.getScheduler(
 *         "warmup_stable_decay", 100, 1000, Map.of("num_decay_steps", 200));
 * }</pre>
 */
public final class HuggingFace {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          factor("constant", keywords -> step -> 1),
          factor(
              "constant_with_warmup",
              keywords -> {
                int warmup = warmup(keywords);
                return step -> step < warmup ? step / warmup : 1;
              }),
          factor(
              "linear",
              keywords -> {
                int warmup = warmup(keywords);
                int total = total(keywords);
                double decay = Math.max(1, total - warmup);
                return step -> step < warmup ? step / warmup : Math.max(0, (total - step) / decay);
              }),
          factor("cosine", keywords -> cosine(keywords, keywords.number("num_cycles", 0.5))),
          factor(
              "cosine_with_restarts",
              keywords -> {
                int warmup = warmup(keywords);
                double decay = Math.max(1, total(keywords) - warmup);
                int cycles = keywords.integer("num_cycles", 1);
                return step -> {
                  double progress = (step - warmup) / decay;
                  return step < warmup
                      ? step / warmup
                      : progress >= 1
                          ? 0
                          : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (cycles * progress % 1))));
                };
              }),
          FamilySchedule.partials("huggingface.polynomial", Polynomial::new),
          factor(
              "inverse_sqrt",
              keywords -> {
                int warmup = warmup(keywords);
                int scale = keywords.atLeast(1, "timescale", warmup == 0 ? 10_000 : warmup);
                return step ->
                    step < warmup
                        ? step / warmup
                        : 1 / Math.sqrt((step + (scale - warmup)) / scale);
              }),
          FamilySchedule.partials("huggingface.cosine_with_min_lr", CosineWithMinLr::new),
          FamilySchedule.partials(
              "huggingface.cosine_warmup_with_min_lr", CosineWarmupWithMinLr::new),
          factor("warmup_stable_decay", HuggingFace::warmupStableDecay),
          FamilySchedule.alias("huggingface.reduce_lr_on_plateau", HuggingFace::plateau),
          ScheduleKind.of(
              "huggingface.greedy",
              Greedy.class,
              arguments -> Greedy.read(new Keywords(arguments))));

  private HuggingFace() {}

  /**
   * Answers to {@code get_scheduler(name, optimizer, num_warmup_steps, num_training_steps)}.
   *
   * @param name {@code linear}, {@code cosine}, {@code cosine_with_restarts}, {@code polynomial},
   *     {@code constant}, {@code constant_with_warmup} or {@code inverse_sqrt}; the others need
   *     keywords of their own
   * @param numWarmupSteps updates of the warm-up, {@code >= 0}
   * @param numTrainingSteps updates in all, the warm-up among them, {@code >= 0}
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name is unknown, or a
   *     number is out of its range
   */
  public static Schedule getScheduler(String name, int numWarmupSteps, int numTrainingSteps) {
    return getScheduler(name, numWarmupSteps, numTrainingSteps, Map.of());
  }

  /**
   * Answers to {@code get_scheduler} with {@code scheduler_specific_kwargs}.
   *
   * @param name the name of the schedule, like {@code warmup_stable_decay}
   * @param numWarmupSteps updates of the warm-up, {@code >= 0}; of no meaning to {@code constant},
   *     {@code reduce_lr_on_plateau} and {@code greedy}
   * @param numTrainingSteps updates in all, the warm-up among them, {@code >= 0}; of no meaning to
   *     these, {@code constant_with_warmup} and {@code inverse_sqrt}
   * @param schedulerSpecificKwargs the schedule's own keywords, as docs/families.md lists them
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule getScheduler(
      String name,
      int numWarmupSteps,
      int numTrainingSteps,
      Map<String, ?> schedulerSpecificKwargs) {
    Map<String, Object> keywords = new LinkedHashMap<>();
    boolean hasWarmup = !List.of("constant", "reduce_lr_on_plateau", "greedy").contains(name);
    if (hasWarmup) {
      keywords.put("num_warmup_steps", numWarmupSteps);
      if (!List.of("constant_with_warmup", "inverse_sqrt").contains(name)) {
        keywords.put("num_training_steps", numTrainingSteps);
      }
    }
    keywords.putAll(schedulerSpecificKwargs);
    return FamilySchedule.read("huggingface." + name, keywords);
  }

  private static ScheduleKind<?> factor(
      String name, Function<Keywords, DoubleUnaryOperator> factor) {
    return FamilySchedule.partials("huggingface." + name, FamilySchedule.timesBase(factor));
  }

  private static int warmup(Keywords keywords) {
    return keywords.atLeast(0, "num_warmup_steps");
  }

  private static int total(Keywords keywords) {
    return keywords.atLeast(0, "num_training_steps");
  }

  private static DoubleUnaryOperator cosine(Keywords keywords, double cycles) {
    int warmup = warmup(keywords);
    double decay = Math.max(1, total(keywords) - warmup);
    return step ->
        step < warmup
            ? step / warmup
            : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * ((step - warmup) / decay))));
  }

  private static DoubleUnaryOperator warmupStableDecay(Keywords keywords) {
    int warmup = warmup(keywords);
    int decay = keywords.atLeast(0, "num_decay_steps");
    if (!keywords.has("num_training_steps") && !keywords.has("num_stable_steps")) {
      throw new IllegalArgumentException(
          "num_training_steps or num_stable_steps must be given but both were absent");
    }
    int total = keywords.has("num_training_steps") ? total(keywords) : 0;
    int stable =
        keywords.has("num_stable_steps")
            ? keywords.atLeast(0, "num_stable_steps")
            : total - warmup - decay;
    String warmupType = keywords.oneOf("warmup_type", "linear", "linear", "cosine", "1-sqrt");
    String decayType = keywords.oneOf("decay_type", "cosine", "linear", "cosine", "1-sqrt");
    double least = keywords.number("min_lr_ratio", 0);
    double cycles = keywords.number("num_cycles", 0.5);
    return step -> {
      if (step < warmup) {
        double done = step / warmup;
        double factor =
            switch (warmupType) {
              case "linear" -> done;
              case "cosine" -> 0.5 * (1 - Math.cos(Math.PI * done));
              default -> 1 - Math.sqrt(1 - done);
            };
        return Math.max(0, factor * (1 - least) + least);
      }
      if (step < warmup + stable) {
        return 1;
      }
      if (step < warmup + stable + decay) {
        double done = (step - warmup - stable) / decay;
        double factor =
            switch (decayType) {
              case "linear" -> 1 - done;
              case "cosine" -> 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * done));
              default -> 1 - Math.sqrt(done);
            };
        return Math.max(0, factor * (1 - least) + least);
      }
      return least;
    };
  }

  private static Schedule plateau(Keywords keywords) {
    ThresholdMode thresholdMode = keywords.choice("threshold_mode", ThresholdMode.REL);
    return new ReduceLROnPlateau(
        keywords.choice("mode", Mode.MIN),
        keywords.number("factor", 0.1),
        keywords.integer("patience", 10),
        keywords.number("threshold", 1e-4),
        thresholdMode,
        keywords.integer("cooldown", 0),
        keywords.perGroup("min_lr", 0),
        keywords.number("eps", 1e-8));
  }

  /** The rate that the optimizer was made with: each group's base unless it is given. */
  private record DefaultLr(double given) {
    DefaultLr(Keywords keywords) {
      this(keywords.has("default_lr") ? keywords.positive("default_lr") : Double.NaN);
    }

    double or(double base) {
      return Double.isNaN(given) ? base : given;
    }
  }

  /** The polynomial, whose end is a rate. */
  private record Polynomial(int warmup, int total, double lrEnd, double power, DefaultLr defaultLr)
      implements Rates {

    Polynomial(Keywords keywords) {
      this(
          HuggingFace.warmup(keywords),
          HuggingFace.total(keywords),
          keywords.number("lr_end", 1e-7),
          keywords.number("power", 1),
          new DefaultLr(keywords));
    }

    @Override
    public double at(double step, double base, int group) {
      double init = defaultLr.or(base);
      if (step < warmup) {
        return base * (step / warmup);
      }
      if (step > total) {
        return base * (lrEnd / init);
      }
      double left = 1 - (step - warmup) / (total - warmup);
      return base * (((init - lrEnd) * Math.pow(left, power) + lrEnd) / init);
    }

    @Override
    public void requireFits(ParamGroups groups) {
      for (ParamGroup group : groups) {
        double init = defaultLr.or(group.initialLr().orElse(group.lr()));
        if (!(init > lrEnd)) {
          throw Keywords.illegal("lr_end", "< the initial lr of " + init, lrEnd);
        }
      }
    }
  }

  /** The lowest rate, as a rate or as a share. */
  private record MinLr(double lr, double share, DefaultLr defaultLr) {
    MinLr(Keywords keywords) {
      this(
          keywords.has("min_lr") ? keywords.number("min_lr") : Double.NaN,
          keywords.has("min_lr_rate") ? keywords.number("min_lr_rate") : Double.NaN,
          new DefaultLr(keywords));
      if (Double.isNaN(lr) == Double.isNaN(share)) {
        throw new IllegalArgumentException(
            "one of min_lr and min_lr_rate must be given but "
                + (Double.isNaN(lr) ? "both were absent" : "both were"));
      }
    }

    /** Bends a factor from 0 to 1 into one that ends at the lowest rate. */
    double bend(double factor, double base) {
      double least = Double.isNaN(lr) ? share : lr / defaultLr.or(base);
      return Math.max(0, factor * (1 - least) + least);
    }
  }

  /** The cosine that ends at a lowest rate. */
  private record CosineWithMinLr(int warmup, double decay, double cycles, MinLr min)
      implements Rates {

    CosineWithMinLr(Keywords keywords) {
      this(
          HuggingFace.warmup(keywords),
          Math.max(1, HuggingFace.total(keywords) - keywords.integer("num_warmup_steps")),
          keywords.number("num_cycles", 0.5),
          new MinLr(keywords));
    }

    @Override
    public double at(double step, double base, int group) {
      if (step < warmup) {
        return base * (step / warmup);
      }
      double progress = (step - warmup) / decay;
      return base * min.bend(0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress)), base);
    }
  }

  /** The same one step on, with a start of the warm-up. */
  private record CosineWarmupWithMinLr(
      int warmup, double decay, double cycles, MinLr min, double warmupLrRate) implements Rates {

    CosineWarmupWithMinLr(Keywords keywords) {
      this(
          HuggingFace.warmup(keywords),
          Math.max(1, HuggingFace.total(keywords) - keywords.integer("num_warmup_steps")),
          keywords.number("num_cycles", 0.5),
          new MinLr(keywords),
          keywords.has("warmup_lr_rate") ? keywords.number("warmup_lr_rate") : Double.NaN);
    }

    @Override
    public double at(double step, double base, int group) {
      if (step < warmup) {
        return base
            * (Double.isNaN(warmupLrRate)
                ? (step + 1) / warmup
                : warmupLrRate + (1 - warmupLrRate) * step / Math.max(1, warmup - 1));
      }
      double progress = (step - warmup + 1) / decay;
      return base * min.bend(0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress)), base);
    }
  }

  /**
   * Raises the rate while a metric improves and lowers it while it does not. Remembered are the
   * best metric, the counts of bad and good steps, of cooldown and warm-up, the steps left at the
   * lowest rates, the metrics of the window with their sum, and each group's first rate.
   */
  private record Greedy(
      ReduceLROnPlateau plateau,
      int warmup,
      PerGroup<Double> maxLr,
      boolean smooth,
      int windowSize,
      int resetStart,
      Map<String, Object> keywords)
      implements MetricSchedule {

    private static final int BEST = 0;
    private static final int BAD = 1;
    private static final int GOOD = 2;
    private static final int COOLDOWN = 3;
    private static final int WARMUP = 4;
    private static final int RESET = 5;
    private static final int SUM = 6;
    private static final int SEEN = 7;
    private static final int WINDOW = 8;

    static Greedy read(Keywords keywords) {
      double factor = keywords.number("factor", 0.95);
      if (!(factor > 0 && factor < 1)) {
        throw Keywords.illegal("factor", "> 0 and < 1", factor);
      }
      ReduceLROnPlateau plateau =
          new ReduceLROnPlateau(
              keywords.choice("mode", Mode.MIN),
              factor,
              keywords.atLeast(0, "patience", 10),
              keywords.number("threshold", 1e-6),
              keywords.choice("threshold_mode", ThresholdMode.ABS),
              keywords.atLeast(0, "cooldown", 0),
              keywords.perGroup("min_lr", 1e-3),
              keywords.number("eps", 1e-8));
      int warmup = keywords.atLeast(0, "warmup", 0);
      PerGroup<Double> maxLr = keywords.perGroup("max_lr", 1);
      boolean smooth = keywords.bool("smooth", false);
      int windowSize = keywords.atLeast(1, "window_size", 50);
      int resetStart = keywords.integer("reset_start", 500);
      keywords.ignore("verbose");
      return new Greedy(
          plateau,
          warmup,
          maxLr,
          smooth,
          windowSize,
          resetStart,
          new LinkedHashMap<>(keywords.noted()));
    }

    @Override
    public String name() {
      return "huggingface.greedy";
    }

    @Override
    public Optional<Mode> metricMode() {
      return plateau.metricMode();
    }

    @Override
    public void requireFits(ParamGroups groups) {
      plateau.minLr().requireFits("min_lr", groups);
      maxLr.requireFits("max_lr", groups);
    }

    private int perGroup() {
      return smooth ? WINDOW + windowSize : WINDOW;
    }

    @Override
    public double[] memory(double[] lr) {
      double[] memory = new double[perGroup() + lr.length];
      forget(memory);
      System.arraycopy(lr, 0, memory, perGroup(), lr.length);
      return memory;
    }

    private void forget(double[] memory) {
      Arrays.fill(memory, 0, perGroup(), 0);
      memory[BEST] = plateau.worst();
      memory[RESET] = resetStart;
    }

    @Override
    public void requireMemory(double[] memory) {
      if (Double.isNaN(memory[BEST])) {
        throw Keywords.illegal("the best metric", "a number", memory[BEST]);
      }
      requireCount("bad steps", memory[BAD], plateau.patience());
      requireCount("good steps", memory[GOOD], plateau.patience());
      requireCount("steps of the cooldown", memory[COOLDOWN], plateau.cooldown());
      requireCount("steps of the warm-up", memory[WARMUP], warmup);
      requireCount("metrics seen", memory[SEEN], smooth ? 1e15 : 0);
      if (memory[RESET] != Math.rint(memory[RESET]) || memory[RESET] > resetStart) {
        throw Keywords.illegal("steps to a reset", "whole and <= " + resetStart, memory[RESET]);
      }
      for (int i = perGroup(); i < memory.length; i++) {
        if (!Double.isFinite(memory[i])) {
          throw Keywords.illegal("the first rates", "finite", memory[i]);
        }
      }
    }

    private static void requireCount(String what, double count, double highest) {
      if (!(count >= 0 && count <= highest && count == Math.rint(count))) {
        throw Keywords.illegal("the count of " + what, "from 0 to " + highest, count);
      }
    }

    @Override
    public void next(
        double epoch, double metric, double[] lr, double[] base, double[] memory, double[] out) {
      System.arraycopy(lr, 0, out, 0, lr.length);
      double current = smooth ? average(metric, memory) : metric;
      if (memory[COOLDOWN] > 0 || memory[WARMUP] > 0) {
        memory[memory[COOLDOWN] > 0 ? COOLDOWN : WARMUP]--;
        memory[BAD] = 0;
        memory[GOOD] = 0;
        return;
      }
      if (plateau.isBetter(current, memory[BEST])) {
        memory[BEST] = current;
        memory[BAD] = 0;
        memory[GOOD]++;
      } else {
        memory[BAD]++;
        memory[GOOD] = 0;
      }
      if (memory[GOOD] > plateau.patience()) {
        raise(lr, out);
        memory[RESET] = resetStart;
        memory[WARMUP] = warmup;
        memory[GOOD] = 0;
      } else if (memory[BAD] > plateau.patience()) {
        reduce(lr, memory, out);
        memory[COOLDOWN] = plateau.cooldown();
        memory[BAD] = 0;
      }
    }

    /** Takes a metric into the window and returns the mean of the last ones. */
    private double average(double metric, double[] memory) {
      int place = WINDOW + (int) (memory[SEEN] % windowSize);
      memory[SUM] += metric;
      if (memory[SEEN] >= windowSize) {
        memory[SUM] -= memory[place];
      }
      memory[place] = metric;
      memory[SEEN]++;
      return memory[SUM] / Math.min(memory[SEEN], windowSize);
    }

    private void raise(double[] lr, double[] out) {
      for (int group = 0; group < lr.length; group++) {
        double raised = Math.min(lr[group] / plateau.factor(), Rates.of(maxLr, group));
        out[group] = raised - lr[group] > plateau.eps() ? raised : lr[group];
      }
    }

    private void reduce(double[] lr, double[] memory, double[] out) {
      boolean allAtLeast = true;
      for (int group = 0; group < lr.length; group++) {
        double least = Rates.of(plateau.minLr(), group);
        double reduced = Math.max(lr[group] * plateau.factor(), least);
        out[group] = lr[group] - reduced > plateau.eps() ? reduced : lr[group];
        allAtLeast &= !(out[group] > least);
      }
      if (allAtLeast && --memory[RESET] <= 0) {
        System.arraycopy(memory, perGroup(), out, 0, out.length);
        forget(memory);
      }
    }

    @Override
    public Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("type", name());
      map.putAll(keywords);
      return map;
    }

    /** Holds the type too. */
    @Override
    public Map<String, Object> stateParameters() {
      return toMap();
    }

    private Object writeReplace() {
      return new Written(new LinkedHashMap<>(toMap()));
    }
  }
}
