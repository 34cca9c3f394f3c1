package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleUnaryOperator;

/**
 * The schedules of {@code optax}, by their functions' names and keywords. They hold the rate
 * themselves and give it to all groups. Step them after every update. optax computes them in single
 * precision, this in double.
 *
 * <p>{@code boundaries_and_scales} is a map from step to scale. {@code join_schedules} takes
 * definitions, like {@code {type: optax.constant_schedule, value: 0.1}}.
 *
 * <pre>{@code
 * Schedule schedule =
 *     Optax.schedule(
 *         "warmup_cosine_decay_schedule",
 *         Map.of("init_value", 0.0, "peak_value", 0.1, "warmup_steps", 50, "decay_steps", 1000));
 * }</pre>
 */
public final class Optax {

  private static final String COSINE_WITH_WARMUP = "optax.warmup_cosine_decay_schedule";

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.rate(
              "optax.constant_schedule",
              keywords -> {
                double value = keywords.number("value");
                return step -> value;
              }),
          FamilySchedule.rate(
              "optax.polynomial_schedule",
              keywords ->
                  polynomial(
                      keywords.number("init_value"),
                      keywords.number("end_value"),
                      keywords.number("power"),
                      keywords.integer("transition_steps"),
                      keywords.integer("transition_begin", 0))),
          FamilySchedule.rate(
              "optax.linear_schedule",
              keywords ->
                  polynomial(
                      keywords.number("init_value"),
                      keywords.number("end_value"),
                      1,
                      keywords.integer("transition_steps"),
                      keywords.integer("transition_begin", 0))),
          FamilySchedule.rate(
              "optax.piecewise_constant_schedule",
              keywords -> {
                double init = keywords.number("init_value");
                SortedMap<Integer, Double> scales = scales(keywords);
                int[] boundaries = boundaries(scales);
                double[] values = products(init, scales);
                return step -> values[reached(boundaries, step)];
              }),
          FamilySchedule.rate(
              "optax.exponential_decay",
              keywords -> exponential(keywords, keywords.number("init_value"))),
          FamilySchedule.rate(
              "optax.cosine_decay_schedule",
              keywords ->
                  cosine(
                      keywords.number("init_value"),
                      keywords.atLeast(1, "decay_steps"),
                      keywords.number("alpha", 0),
                      keywords.number("exponent", 1))),
          FamilySchedule.rate(
              "optax.piecewise_interpolate_schedule",
              keywords ->
                  interpolated(
                      keywords.oneOf("interpolate_type", null, "linear", "cosine").equals("cosine"),
                      keywords.number("init_value"),
                      scales(keywords))),
          FamilySchedule.rate(
              "optax.linear_onecycle_schedule",
              keywords -> {
                int steps = keywords.atLeast(1, "transition_steps");
                double peak = keywords.number("peak_value");
                double start = keywords.number("pct_start", 0.3);
                double last = keywords.number("pct_final", 0.85);
                double div = keywords.positiveOr(25, "div_factor");
                double finalDiv = keywords.positiveOr(1e4, "final_div_factor");
                TreeMap<Integer, Double> scales = new TreeMap<>();
                scales.put((int) (start * steps), div);
                scales.put((int) (last * steps), 1 / div);
                scales.put(steps, 1 / finalDiv);
                return interpolated(false, peak / div, scales);
              }),
          FamilySchedule.rate(
              "optax.cosine_onecycle_schedule",
              keywords -> {
                int steps = keywords.atLeast(1, "transition_steps");
                double peak = keywords.number("peak_value");
                double start = keywords.number("pct_start", 0.3);
                double div = keywords.positiveOr(25, "div_factor");
                double finalDiv = keywords.positiveOr(1e4, "final_div_factor");
                TreeMap<Integer, Double> scales = new TreeMap<>();
                scales.put((int) (start * steps), div);
                scales.put(steps, 1 / (div * finalDiv));
                return interpolated(true, peak / div, scales);
              }),
          FamilySchedule.rate(
              "optax.warmup_constant_schedule",
              keywords ->
                  polynomial(
                      keywords.number("init_value"),
                      keywords.number("peak_value"),
                      1,
                      keywords.integer("warmup_steps"),
                      0)),
          FamilySchedule.rate(
              COSINE_WITH_WARMUP,
              keywords -> {
                double init = keywords.number("init_value");
                double peak = keywords.number("peak_value");
                int warmup = keywords.integer("warmup_steps");
                int steps = keywords.integer("decay_steps");
                double end = keywords.number("end_value", 0);
                double exponent = keywords.number("exponent", 1);
                if (steps <= warmup) {
                  throw Keywords.illegal(
                      "decay_steps", "> warmup_steps, which is " + warmup + ",", steps);
                }
                return joined(
                    List.of(
                        polynomial(init, peak, 1, warmup, 0),
                        cosine(peak, steps - warmup, peak == 0 ? 0 : end / peak, exponent)),
                    List.of(warmup));
              }),
          FamilySchedule.rate(
              "optax.warmup_exponential_decay_schedule",
              keywords -> {
                double init = keywords.number("init_value");
                double peak = keywords.number("peak_value");
                int warmup = keywords.integer("warmup_steps");
                return joined(
                    List.of(polynomial(init, peak, 1, warmup, 0), exponential(keywords, peak)),
                    List.of(warmup));
              }),
          FamilySchedule.rate(
              "optax.sgdr_schedule",
              keywords -> {
                List<DoubleUnaryOperator> cycles = new ArrayList<>();
                List<Integer> boundaries = new ArrayList<>();
                int end = 0;
                for (Schedule cycle : keywords.schedules("cosine_kwargs", COSINE_WITH_WARMUP)) {
                  if (!cycles.isEmpty()) {
                    boundaries.add(end);
                  }
                  cycles.add(function(cycle));
                  end += (Integer) Objects.requireNonNull(cycle.toMap().get("decay_steps"));
                }
                return joined(cycles, boundaries);
              }),
          FamilySchedule.rate(
              "optax.join_schedules",
              keywords -> {
                List<DoubleUnaryOperator> parts = new ArrayList<>();
                keywords.schedules("schedules").forEach(part -> parts.add(function(part)));
                return joined(parts, keywords.integers("boundaries"));
              }));

  private Optax() {}

  /**
   * Makes a schedule by the name of its function.
   *
   * @param name for example {@code warmup_cosine_decay_schedule}; docs/families.md lists all
   * @param keywords the function's keywords
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule schedule(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("optax." + name, keywords);
  }

  /**
   * Answers to {@code join_schedules}: one schedule after another, each with a clock of its own.
   *
   * @param schedules schedules of optax, one or more
   * @param boundaries the steps at which all but the first begin
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a schedule is not of optax, or
   *     their number is not one more than that of the boundaries
   */
  public static Schedule joinSchedules(List<Schedule> schedules, List<Integer> boundaries) {
    return schedule(
        "join_schedules",
        Map.of(
            "schedules",
            schedules.stream().map(Schedule::toMap).toList(),
            "boundaries",
            boundaries));
  }

  private static DoubleUnaryOperator function(Schedule schedule) {
    if (!(schedule instanceof FamilySchedule family) || !family.name().startsWith("optax.")) {
      throw Keywords.illegal("schedules", "of optax", schedule.name());
    }
    Rates rates = family.rates();
    return step -> rates.at(step, Double.NaN, 0);
  }

  private static DoubleUnaryOperator polynomial(
      double init, double end, double power, int steps, int begin) {
    if (steps <= 0) {
      return step -> init;
    }
    int from = Math.max(0, begin);
    return step -> {
      double left = 1 - Math.min(Math.max(step - from, 0), steps) / steps;
      return (init - end) * Math.pow(left, power) + end;
    };
  }

  private static DoubleUnaryOperator cosine(double init, int steps, double alpha, double exponent) {
    return step -> {
      double cosine = 0.5 * (1 + Math.cos(Math.PI * Math.min(step, steps) / steps));
      return init * ((1 - alpha) * Math.pow(cosine, exponent) + alpha);
    };
  }

  private static DoubleUnaryOperator exponential(Keywords keywords, double init) {
    int steps = keywords.integer("transition_steps");
    double rate = keywords.number("decay_rate");
    int begin = Math.max(0, keywords.integer("transition_begin", 0));
    boolean staircase = keywords.bool("staircase", false);
    boolean hasEnd = keywords.has("end_value");
    double end = hasEnd ? keywords.number("end_value") : Double.NaN;
    if (steps <= 0 || rate == 0) {
      return step -> init;
    }
    return step -> {
      double periods = (step - begin) / steps;
      double decayed =
          step <= begin ? init : init * Math.pow(rate, staircase ? Math.floor(periods) : periods);
      if (!hasEnd) {
        return decayed;
      }
      return rate < 1 ? Math.max(decayed, end) : Math.min(decayed, end);
    };
  }

  private static DoubleUnaryOperator joined(
      List<DoubleUnaryOperator> parts, List<Integer> boundaries) {
    if (parts.size() != boundaries.size() + 1) {
      throw Keywords.illegal(
          "boundaries", "one fewer than schedules, which are " + parts.size() + ",", boundaries);
    }
    return step -> {
      int part = boundaries.size();
      while (part > 0 && step < boundaries.get(part - 1)) {
        part--;
      }
      return parts.get(part).applyAsDouble(part == 0 ? step : step - boundaries.get(part - 1));
    };
  }

  private static SortedMap<Integer, Double> scales(Keywords keywords) {
    SortedMap<Integer, Double> scales = keywords.steps("boundaries_and_scales");
    for (double scale : scales.values()) {
      if (scale < 0) {
        throw Keywords.illegal("boundaries_and_scales", ">= 0", scale);
      }
    }
    return scales;
  }

  private static int[] boundaries(SortedMap<Integer, Double> scales) {
    return scales.keySet().stream().mapToInt(Integer::intValue).toArray();
  }

  /** The value before the first boundary and from each on. */
  private static double[] products(double init, SortedMap<Integer, Double> scales) {
    double[] products = new double[scales.size() + 1];
    products[0] = init;
    int i = 0;
    for (double scale : scales.values()) {
      products[i + 1] = products[i] * scale;
      i++;
    }
    return products;
  }

  private static int reached(int[] boundaries, double step) {
    int reached = 0;
    while (reached < boundaries.length && step >= boundaries[reached]) {
      reached++;
    }
    return reached;
  }

  /** Goes from product to product instead of jumping at the boundaries. */
  private static DoubleUnaryOperator interpolated(
      boolean isCosine, double init, SortedMap<Integer, Double> scales) {
    int[] boundaries = boundaries(scales);
    double[] values = products(init, scales);
    return step -> {
      int part = reached(boundaries, step);
      if (part == boundaries.length) {
        return values[part];
      }
      int from = part == 0 ? 0 : boundaries[part - 1];
      double done = (step - from) / Math.max(boundaries[part] - from, 1);
      double start = values[part];
      double end = values[part + 1];
      return isCosine
          ? end + (start - end) / 2 * (Math.cos(Math.PI * done) + 1)
          : (end - start) * done + start;
    };
  }
}
