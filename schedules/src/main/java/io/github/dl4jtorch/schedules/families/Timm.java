package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Arguments;
import io.github.dl4jtorch.schedules.MetricSchedule;
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
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The schedulers of {@code timm}, by their classes' names and keywords, and its {@code
 * create_scheduler_v2}. What is {@code scheduler.step(epoch)} or {@code step_update(num_updates)}
 * there is a step of the run here, or {@code run.step(epoch)}; {@code t_in_epochs} says which of
 * the two it stands for and changes no rate. The plateau takes the metric: {@code
 * run.step(metric)}, or {@code run.step()} where there is none.
 *
 * <p>A group's {@code lr_scale}, which timm keeps in the optimizer, is a keyword here: one number
 * or a list with one a group. The noise is that of PyTorch's generator on the CPU.
 *
 * <pre>{@code
 * Schedule cosine =
 *     Timm.scheduler(
 *         "CosineLRScheduler", Map.of("t_initial", 300, "warmup_t", 5, "warmup_lr_init", 1e-5));
 * Timm.Created created =
 *     Timm.createScheduler(Map.of("sched", "cosine", "num_epochs", 300, "cooldown_epochs", 10));
 * int epochs = created.numEpochs(); // 310
 * }</pre>
 */
public final class Timm {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          kind("CosineLRScheduler", Cosine::new, false),
          kind("TanhLRScheduler", Tanh::new, false),
          kind("PolyLRScheduler", Poly::new, false),
          kind("StepLRScheduler", Step::new, true),
          kind("MultiStepLRScheduler", MultiStep::new, true),
          ScheduleKind.of(
              "timm.PlateauLRScheduler",
              Plateau.class,
              arguments -> Plateau.read(new Keywords(arguments))),
          FamilySchedule.alias(
              "timm.create_scheduler_v2", keywords -> create(keywords).scheduler()));

  private Timm() {}

  /**
   * Makes a scheduler by the name of its class.
   *
   * @param name {@code CosineLRScheduler}, {@code TanhLRScheduler}, {@code PolyLRScheduler}, {@code
   *     StepLRScheduler}, {@code MultiStepLRScheduler} or {@code PlateauLRScheduler}
   * @param keywords the keywords of its constructor, as docs/families.md lists them
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule scheduler(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("timm." + name, keywords);
  }

  /**
   * What {@code create_scheduler_v2} returns.
   *
   * @param scheduler the schedule
   * @param numEpochs how many epochs are to be trained, with cycles, cooldown and warm-up prefix
   */
  public record Created(Schedule scheduler, int numEpochs) {}

  /**
   * Answers to {@code create_scheduler_v2}, whose defaults differ from the classes'.
   *
   * @param keywords its keywords, like {@code sched}, {@code num_epochs} and {@code warmup_epochs}
   * @return the schedule and the number of epochs
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Created createScheduler(Map<String, ?> keywords) {
    return Arguments.read(
        "timm.create_scheduler_v2", keywords, arguments -> create(new Keywords(arguments)));
  }

  private static Created create(Keywords keywords) {
    String sched =
        keywords.oneOf("sched", "cosine", "cosine", "tanh", "step", "multistep", "plateau", "poly");
    int numEpochs = keywords.atLeast(1, "num_epochs", 300);
    double decayEpochs = keywords.number("decay_epochs", 90);
    List<Integer> milestones =
        keywords.has("decay_milestones")
            ? keywords.integers("decay_milestones")
            : List.of(90, 180, 270);
    int cooldownEpochs = keywords.atLeast(0, "cooldown_epochs", 0);
    int patienceEpochs = keywords.atLeast(0, "patience_epochs", 10);
    double decayRate = keywords.number("decay_rate", 0.1);
    double minLr = keywords.number("min_lr", 0);
    int warmupEpochs = keywords.atLeast(0, "warmup_epochs", 0);
    double warmupLr = keywords.number("warmup_lr", 1e-5);
    boolean warmupPrefix = keywords.bool("warmup_prefix", false);
    double cycleMul = keywords.number("cycle_mul", 1);
    double cycleDecay = keywords.number("cycle_decay", 0.1);
    int cycleLimit = keywords.integer("cycle_limit", 1);
    double kDecay = keywords.number("k_decay", 1);
    Mode plateauMode = keywords.choice("plateau_mode", Mode.MAX);
    boolean stepOnEpochs = keywords.bool("step_on_epochs", true);
    int updates = keywords.integer("updates_per_epoch", 0);
    if (!stepOnEpochs && updates <= 0) {
      throw Keywords.illegal("updates_per_epoch", "> 0 unless step_on_epochs", updates);
    }
    int unit = stepOnEpochs ? 1 : updates;

    Map<String, Object> own = new LinkedHashMap<>();
    own.put("warmup_t", warmupEpochs * unit);
    own.put("warmup_lr_init", warmupLr);
    if (keywords.has("noise")) {
      List<Double> noise = keywords.perGroup("noise").values();
      List<Double> range = noise.stream().map(share -> share * numEpochs * unit).toList();
      own.put("noise_range_t", range.size() == 1 ? range.get(0) : range);
    }
    own.put("noise_pct", keywords.number("noise_pct", 0.67));
    own.put("noise_std", keywords.number("noise_std", 1));
    own.put("noise_seed", keywords.integer("noise_seed", 42));
    own.put("lr_scale", keywords.perGroup("lr_scale", 1).toValue());
    if (sched.equals("plateau")) {
      if (!stepOnEpochs) {
        throw Keywords.illegal("step_on_epochs", "true for the plateau", false);
      }
      own.put("decay_rate", decayRate);
      own.put("patience_t", patienceEpochs);
      own.put("lr_min", minLr);
      own.put("mode", plateauMode.name().toLowerCase(Locale.ROOT));
      return new Created(
          scheduler("PlateauLRScheduler", own), numEpochs + (warmupPrefix ? warmupEpochs : 0));
    }
    own.put("warmup_prefix", warmupPrefix);
    own.put("t_in_epochs", stepOnEpochs);
    if (sched.equals("step") || sched.equals("multistep")) {
      boolean single = sched.equals("step");
      own.put("decay_rate", decayRate);
      own.put(
          "decay_t",
          single ? decayEpochs * unit : milestones.stream().map(epoch -> epoch * unit).toList());
      return new Created(
          scheduler(single ? "StepLRScheduler" : "MultiStepLRScheduler", own),
          numEpochs + (warmupPrefix ? warmupEpochs : 0));
    }
    own.put("t_initial", numEpochs * unit);
    own.put("lr_min", minLr);
    own.put("cycle_mul", cycleMul);
    own.put("cycle_decay", cycleDecay);
    own.put("cycle_limit", cycleLimit);
    if (sched.equals("poly")) {
      own.put("power", decayRate); // It has no keyword of its own there.
    }
    if (!sched.equals("tanh")) {
      own.put("k_decay", kDecay);
    }
    String name =
        switch (sched) {
          case "cosine" -> "CosineLRScheduler";
          case "tanh" -> "TanhLRScheduler";
          default -> "PolyLRScheduler";
        };
    Cycles cycles = new Cycles(numEpochs * unit, minLr, cycleMul, cycleDecay, cycleLimit);
    int length = cycles.total() + (warmupPrefix ? warmupEpochs * unit : 0);
    return new Created(scheduler(name, own), (length + cooldownEpochs * unit) / unit);
  }

  private static ScheduleKind<FamilySchedule> kind(
      String name, Function<Keywords, Curve> curve, boolean prefix) {
    return FamilySchedule.rates(
        "timm." + name, keywords -> new Timed(curve.apply(keywords), keywords, prefix));
  }

  /** A curve after the warm-up. */
  private interface Curve {
    double at(double t, double base);

    /** The rate that a warm-up within the curve leads to. */
    default double afterWarmup(int warmup, double base) {
      return base;
    }
  }

  /** What all have in common: warm-up, noise and the groups' scale. */
  private record Timed(
      Curve curve,
      int warmup,
      double warmupLrInit,
      boolean warmupPrefix,
      Noise noise,
      PerGroup<Double> lrScale)
      implements Rates {

    Timed(Curve curve, Keywords keywords, boolean prefix) {
      this(
          curve,
          keywords.atLeast(0, "warmup_t", 0),
          keywords.notNegativeOr(0, "warmup_lr_init"),
          keywords.bool("warmup_prefix", prefix),
          Noise.read(keywords, false, 42),
          keywords.perGroup("lr_scale", 1));
      keywords.bool("t_in_epochs", true);
    }

    @Override
    public double first(double base, int group) {
      return (warmup > 0 ? warmupLrInit : base) * Rates.of(lrScale, group);
    }

    @Override
    public double at(double t, double base, int group) {
      double rate;
      if (t < warmup) {
        double end = warmupPrefix ? base : curve.afterWarmup(warmup, base);
        rate = warmupLrInit + t * ((end - warmupLrInit) / warmup);
      } else {
        rate = curve.at(warmupPrefix ? t - warmup : t, base);
      }
      return noise.on(rate, t) * Rates.of(lrScale, group);
    }

    @Override
    public void requireFits(ParamGroups groups) {
      lrScale.requireFits("lr_scale", groups);
    }
  }

  /** The random share by which a rate is changed in a range of steps. */
  private record Noise(double from, double to, boolean isNormal, double limit, long seed) {

    static Noise read(Keywords keywords, boolean hasType, int seed) {
      double from = Double.POSITIVE_INFINITY;
      double to = Double.POSITIVE_INFINITY;
      if (keywords.has("noise_range_t")) {
        PerGroup<Double> range = keywords.perGroup("noise_range_t");
        if (!range.isScalar() && range.values().size() != 2) {
          throw Keywords.illegal("noise_range_t", "a number or two", range);
        }
        from = range.get(0);
        to = range.isScalar() ? to : range.get(1);
      }
      boolean isNormal =
          !hasType || keywords.oneOf("noise_type", "normal", "normal", "uniform").equals("normal");
      double limit = keywords.positiveOr(0.67, "noise_pct");
      keywords.number("noise_std", 1); // Read there, but of no effect.
      return new Noise(from, to, isNormal, limit, keywords.integer("noise_seed", seed));
    }

    boolean isOn(double t) {
      return t >= from && t < to;
    }

    double on(double rate, double t) {
      return isOn(t) ? rate + rate * draw(t) : rate;
    }

    private double draw(double t) {
      TorchRandom random = TorchRandom.seeded(seed + (long) t);
      if (!isNormal) {
        return 2 * (random.rand() - 0.5) * limit;
      }
      double noise = random.randn();
      while (Math.abs(noise) >= limit) {
        noise = random.randn();
      }
      return noise;
    }
  }

  /** Cycles of growing length, each from a lower rate. */
  private record Cycles(int tInitial, double lrMin, double mul, double decay, int limit) {

    Cycles(Keywords keywords) {
      this(
          keywords.atLeast(1, "t_initial"),
          keywords.notNegativeOr(0, "lr_min"),
          keywords.positiveOr(1, "cycle_mul"),
          keywords.number("cycle_decay", 1),
          keywords.atLeast(0, "cycle_limit", 1));
    }

    /** The number of the cycle that a step is in; NaN beyond the end of ever shorter ones. */
    double cycle(double t) {
      return mul == 1
          ? Math.floor(t / tInitial)
          : Math.floor(Math.log(1 - t / tInitial * (1 - mul)) / Math.log(mul));
    }

    double length(double cycle) {
      return mul == 1 ? tInitial : Math.pow(mul, cycle) * tInitial;
    }

    double within(double t, double cycle) {
      return mul == 1
          ? t - tInitial * cycle
          : t - (1 - Math.pow(mul, cycle)) / (1 - mul) * tInitial;
    }

    /** The rate where a share of the cycle's height is left at the bottom. */
    double rate(double cycle, double base, double share) {
      return lrMin + (base * Math.pow(decay, cycle) - lrMin) * share;
    }

    /** The length of all cycles. */
    int total() {
      int cycles = Math.max(1, limit);
      return mul == 1
          ? tInitial * cycles
          : (int) Math.floor(-tInitial * (Math.pow(mul, cycles) - 1) / (1 - mul));
    }
  }

  private record Cosine(Cycles cycles, double k) implements Curve {
    Cosine(Keywords keywords) {
      this(new Cycles(keywords), keywords.number("k_decay", 1));
    }

    @Override
    public double at(double t, double base) {
      double cycle = cycles.cycle(t);
      if (cycle >= cycles.limit) {
        return cycles.lrMin;
      }
      double done = Math.PI * Math.pow(cycles.within(t, cycle), k);
      return cycles.rate(
          cycle, base, 0.5 * (1 + Math.cos(done / Math.pow(cycles.length(cycle), k))));
    }
  }

  private record Tanh(Cycles cycles, double lb, double ub) implements Curve {
    Tanh(Keywords keywords) {
      this(new Cycles(keywords), keywords.number("lb", -7), keywords.number("ub", 3));
      if (!(lb < ub)) {
        throw Keywords.illegal("lb", "< ub, which is " + ub + ",", lb);
      }
    }

    @Override
    public double at(double t, double base) {
      double cycle = cycles.cycle(t);
      if (cycle >= cycles.limit) {
        return cycles.lrMin;
      }
      double done = cycles.within(t, cycle) / cycles.length(cycle);
      return cycles.rate(cycle, base, 0.5 * (1 - Math.tanh(lb * (1 - done) + ub * done)));
    }

    @Override
    public double afterWarmup(int warmup, double base) {
      return at(warmup, base);
    }
  }

  private record Poly(Cycles cycles, double power, double k) implements Curve {
    Poly(Keywords keywords) {
      this(new Cycles(keywords), keywords.number("power", 0.5), keywords.number("k_decay", 1));
    }

    @Override
    public double at(double t, double base) {
      double cycle = cycles.cycle(t);
      if (cycle >= cycles.limit) {
        return cycles.lrMin;
      }
      double done = Math.pow(cycles.within(t, cycle), k) / Math.pow(cycles.length(cycle), k);
      return cycles.rate(cycle, base, Math.pow(1 - done, power));
    }
  }

  private record Step(double decayT, double decayRate) implements Curve {
    Step(Keywords keywords) {
      this(keywords.positive("decay_t"), keywords.number("decay_rate", 1));
    }

    @Override
    public double at(double t, double base) {
      // Python's floor division of floats: the remainder first.
      return base * Math.pow(decayRate, Math.rint((t - t % decayT) / decayT));
    }
  }

  private record MultiStep(List<Integer> decayT, double decayRate) implements Curve {
    MultiStep(Keywords keywords) {
      this(keywords.integers("decay_t"), keywords.number("decay_rate", 1));
      for (int i = 1; i < decayT.size(); i++) {
        if (decayT.get(i) < decayT.get(i - 1)) {
          throw Keywords.illegal("decay_t", "ascending", decayT);
        }
      }
    }

    @Override
    public double at(double t, double base) {
      int reached = 0;
      while (reached < decayT.size() && decayT.get(reached) <= t + 1) {
        reached++;
      }
      return base * Math.pow(decayRate, reached);
    }
  }

  /**
   * PyTorch's plateau after a warm-up, with noise. Remembered are the best metric, the counts of
   * bad steps and of the cooldown, and each group's rate without the last step's noise.
   */
  private record Plateau(
      ReduceLROnPlateau plateau,
      int warmup,
      double warmupLrInit,
      Noise noise,
      PerGroup<Double> lrScale,
      Map<String, Object> keywords)
      implements MetricSchedule {

    private static final int BEST = 0;
    private static final int BAD = 1;
    private static final int COOLDOWN = 2;
    private static final int RESTORE = 3;

    static Plateau read(Keywords keywords) {
      ReduceLROnPlateau plateau =
          new ReduceLROnPlateau(
              keywords.choice("mode", Mode.MAX),
              keywords.number("decay_rate", 0.1),
              keywords.atLeast(0, "patience_t", 10),
              keywords.number("threshold", 1e-4),
              ThresholdMode.REL,
              keywords.atLeast(0, "cooldown_t", 0),
              PerGroup.same(keywords.number("lr_min", 0)),
              1e-8);
      int warmup = keywords.atLeast(0, "warmup_t", 0);
      double warmupLrInit = keywords.notNegativeOr(0, "warmup_lr_init");
      Noise noise = Noise.read(keywords, true, 42);
      PerGroup<Double> lrScale = keywords.perGroup("lr_scale", 1);
      keywords.ignore("verbose");
      return new Plateau(
          plateau, warmup, warmupLrInit, noise, lrScale, new LinkedHashMap<>(keywords.noted()));
    }

    @Override
    public String name() {
      return "timm.PlateauLRScheduler";
    }

    @Override
    public Optional<Mode> metricMode() {
      return plateau.metricMode();
    }

    @Override
    public void requireFits(ParamGroups groups) {
      lrScale.requireFits("lr_scale", groups);
    }

    @Override
    public double[] memory(double[] lr) {
      double[] memory = new double[RESTORE + lr.length];
      memory[BEST] = plateau.worst();
      Arrays.fill(memory, RESTORE, memory.length, Double.NaN);
      return memory;
    }

    @Override
    public void requireMemory(double[] memory) {
      if (Double.isNaN(memory[BEST])) {
        throw Keywords.illegal("the best metric", "a number", memory[BEST]);
      }
      for (int i = BAD; i <= COOLDOWN; i++) {
        int highest = i == BAD ? plateau.patience() : plateau.cooldown();
        if (!(memory[i] >= 0 && memory[i] <= highest && memory[i] == Math.rint(memory[i]))) {
          throw Keywords.illegal("a count", "from 0 to " + highest, memory[i]);
        }
      }
      for (int i = RESTORE; i < memory.length; i++) {
        if (Double.isInfinite(memory[i])) {
          throw Keywords.illegal("the rates without noise", "finite", memory[i]);
        }
      }
    }

    @Override
    public void first(double[] lr, double[] base, double[] out) {
      for (int group = 0; group < lr.length; group++) {
        out[group] = (warmup > 0 ? warmupLrInit : base[group]) * Rates.of(lrScale, group);
      }
    }

    @Override
    public void next(
        double epoch, double metric, double[] lr, double[] base, double[] memory, double[] out) {
      boolean warmsUp = epoch <= warmup;
      next(epoch, !warmsUp && reduces(metric, memory), lr, base, memory, out);
    }

    /** Goes on with the warm-up and the noise alone. */
    @Override
    public void next(double epoch, double[] lr, double[] base, double[] memory, double[] out) {
      next(epoch, false, lr, base, memory, out);
    }

    /** Counts a metric, and tells whether the rates are to be reduced. */
    private boolean reduces(double metric, double[] memory) {
      if (plateau.isBetter(metric, memory[BEST])) {
        memory[BEST] = metric;
        memory[BAD] = 0;
      } else {
        memory[BAD]++;
      }
      if (memory[COOLDOWN] > 0) {
        memory[COOLDOWN]--;
        memory[BAD] = 0;
      }
      if (memory[BAD] <= plateau.patience()) {
        return false;
      }
      memory[COOLDOWN] = plateau.cooldown();
      memory[BAD] = 0;
      return true;
    }

    private void next(
        double epoch, boolean reduces, double[] lr, double[] base, double[] memory, double[] out) {
      if (epoch <= warmup) {
        for (int group = 0; group < lr.length; group++) {
          double rate = warmupLrInit + epoch * ((base[group] - warmupLrInit) / warmup);
          out[group] = rate * Rates.of(lrScale, group);
        }
        return;
      }
      for (int group = 0; group < lr.length; group++) {
        double restored = memory[RESTORE + group];
        out[group] = Double.isNaN(restored) ? lr[group] : restored;
        memory[RESTORE + group] = Double.NaN;
      }
      if (reduces) {
        plateau.reduce(out, out);
      }
      if (noise.isOn(epoch)) {
        System.arraycopy(out, 0, memory, RESTORE, out.length);
        for (int group = 0; group < lr.length; group++) {
          out[group] = noise.on(out[group], epoch);
        }
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
