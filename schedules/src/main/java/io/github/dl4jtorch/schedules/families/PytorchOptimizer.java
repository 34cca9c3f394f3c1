package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;

/**
 * The schedules of {@code pytorch_optimizer}, by their names and keywords. REX and those with a
 * linear warm-up hold the rate themselves, give it to all groups, and start with {@code min_lr}
 * before their first step. The Chebyshev schedule is stepped after every epoch, the others after
 * every update.
 *
 * <pre>{@code
 * Schedule rex =
 *     PytorchOptimizer.scheduler("REXScheduler", Map.of("total_steps", 1000, "max_lr", 0.1));
 * }</pre>
 */
public final class PytorchOptimizer {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.rate(
              "pytorch_optimizer.REXScheduler",
              keywords -> {
                int total = keywords.atLeast(1, "total_steps");
                double max = keywords.number("max_lr", 1);
                double min = keywords.number("min_lr", 0);
                return step -> {
                  if (step == 0 || step >= total) {
                    return min;
                  }
                  double done = step / total;
                  return min + (max - min) * ((1 - done) / (1 - done / 2));
                };
              }),
          FamilySchedule.partials(
              "pytorch_optimizer.get_wsd_schedule",
              FamilySchedule.timesBase(PytorchOptimizer::wsd)),
          warmedUp(
              "LinearScheduler",
              keywords ->
                  (rates, step) ->
                      rates.max
                          + (rates.min - rates.max)
                              * (step - rates.warmup)
                              / (rates.total - rates.warmup)),
          warmedUp(
              "CosineScheduler",
              keywords ->
                  (rates, step) -> {
                    double phase = (step - rates.warmup) / (rates.total - rates.warmup) * Math.PI;
                    return rates.min + (rates.max - rates.min) * (Math.cos(phase) + 1) / 2;
                  }),
          warmedUp(
              "PolyScheduler",
              keywords -> {
                double order = keywords.positiveOr(0.5, "poly_order");
                return (rates, step) ->
                    rates.min + (rates.max - rates.min) * Math.pow(step - rates.warmup, order);
              }),
          warmedUp(
              "ExponentialScheduler",
              keywords -> {
                double gamma = keywords.positiveOr(0.99, "gamma");
                if (gamma > 1) {
                  throw Keywords.illegal("gamma", "> 0 and <= 1", gamma);
                }
                return (rates, step) ->
                    Math.max(rates.max * Math.pow(gamma, step - rates.warmup), rates.min);
              }),
          FamilySchedule.partials(
              "pytorch_optimizer.get_chebyshev_schedule",
              FamilySchedule.timesBase(PytorchOptimizer::chebyshev)));

  private PytorchOptimizer() {}

  /**
   * Makes a schedule by its name there.
   *
   * @param name {@code REXScheduler}, {@code LinearScheduler}, {@code CosineScheduler}, {@code
   *     PolyScheduler}, {@code ExponentialScheduler}, {@code get_wsd_schedule} or {@code
   *     get_chebyshev_schedule}
   * @param keywords its keywords, as docs/families.md lists them
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule scheduler(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("pytorch_optimizer." + name, keywords);
  }

  /** What follows the warm-up. */
  @FunctionalInterface
  private interface Decay {
    double at(Warmup rates, double step);
  }

  /** The keywords that those with a linear warm-up share. */
  private record Warmup(double total, double max, double min, double init, double warmup) {
    Warmup(Keywords keywords) {
      this(
          keywords.atLeast(0, "t_max"),
          keywords.notNegative("max_lr"),
          keywords.notNegativeOr(0, "min_lr"),
          keywords.notNegativeOr(0, "init_lr"),
          keywords.atLeast(0, "warmup_steps", 0));
    }
  }

  private static ScheduleKind<FamilySchedule> warmedUp(
      String name, Function<Keywords, Decay> decay) {
    return FamilySchedule.rate(
        "pytorch_optimizer." + name,
        keywords -> {
          Warmup rates = new Warmup(keywords);
          Decay after = decay.apply(keywords);
          return steps -> {
            // The first step sets what others set when they are constructed.
            double step = steps - 1;
            if (step < 0) {
              return rates.min;
            }
            if (step < rates.warmup) {
              return rates.init + (rates.max - rates.init) * step / rates.warmup;
            }
            return step == rates.warmup ? rates.max : after.at(rates, step);
          };
        });
  }

  private static DoubleUnaryOperator wsd(Keywords keywords) {
    int warmup = keywords.atLeast(0, "num_warmup_steps");
    int stable = keywords.atLeast(0, "num_stable_steps");
    int decay = keywords.atLeast(0, "num_decay_steps");
    double least = keywords.number("min_lr_ratio", 0);
    double cycles = keywords.number("num_cycles", 0.5);
    String type =
        keywords.oneOf("cooldown_type", "1-sqrt", "cosine", "1-sqrt", "linear", "1-square");
    return step -> {
      if (step < warmup) {
        return step / warmup;
      }
      if (step < warmup + stable) {
        return 1;
      }
      if (step >= warmup + stable + decay) {
        return least;
      }
      double done = (step - warmup - stable) / decay;
      return switch (type) {
        case "cosine" ->
            (1 - least) * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * done))) + least;
        case "1-sqrt" -> 1 - Math.sqrt(done);
        case "linear" -> 1 - done;
        default -> 1 - done * done;
      };
    };
  }

  /** Reciprocal Chebyshev nodes in fractal order, as many as the next power of 2. */
  private static DoubleUnaryOperator chebyshev(Keywords keywords) {
    int epochs = keywords.atLeast(2, "num_epochs");
    if (keywords.bool("is_warmup", false)) {
      return epoch -> 1;
    }
    int size = Integer.highestOneBit(epochs - 1) * 2;
    int[] order = {0};
    while (order.length < size - 2) {
      int[] doubled = new int[order.length * 2];
      for (int i = 0; i < order.length; i++) {
        doubled[2 * i] = order[i];
        doubled[2 * i + 1] = 2 * order.length - 1 - order[i];
      }
      order = doubled;
    }
    double[] factors = new double[order.length];
    for (int i = 0; i < order.length; i++) {
      double theta = (order[i] + 0.5) * Math.PI / size;
      factors[i] = 1 / ((1 + 0.05) / 2 - (1 - 0.05) / 2 * Math.cos(theta));
    }
    return epoch -> factors[(int) Math.min(Math.max(0, epoch - 2), factors.length - 1)];
  }
}
