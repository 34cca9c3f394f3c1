package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The schedulers of MosaicML's Composer, by their classes' names and keywords. Step them after
 * every batch.
 *
 * <p>Times are texts with a unit: {@code "10ep"}, {@code "500ba"}, {@code "0.1dur"}, {@code
 * "4096sp"}, {@code "1000000tok"}. What Composer's {@code Trainer} knows besides is said by
 * keywords here: {@code max_duration}, {@code dataloader_len} (batches an epoch), {@code
 * samples_per_batch}, {@code tokens_per_batch} and {@code scale_schedule_ratio}; a {@code
 * max_duration} is the one that is already scaled. The {@code Trainer} steps schedulers before its
 * clock goes on, so that the first two batches train at the rate of clock 0: {@code trainer_order}
 * says so.
 *
 * <pre>{@code
 * Schedule schedule =
 *     Composer.scheduler(
 *         "CosineAnnealingWithWarmupScheduler",
 *         Map.of(
 *             "t_warmup", "100ba", "alpha_f", 0.1, "max_duration", "10ep", "dataloader_len", 500));
 * }</pre>
 */
public final class Composer {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          kind(
              "StepScheduler",
              keywords -> {
                Time size =
                    new Clock(keywords).time("step_size", true).requirePositive("step_size");
                double gamma = keywords.number("gamma", 0.1);
                return batch -> Math.pow(gamma, Math.floor(size.share(batch)));
              }),
          kind("MultiStepScheduler", keywords -> milestones(new Clock(keywords), keywords)),
          kind(
              "ConstantScheduler",
              keywords -> {
                double alpha = keywords.number("alpha", 1);
                Time max = new Clock(keywords).time("t_max", "1dur", true);
                return batch -> max.isAfter(batch) ? alpha : 1;
              }),
          kind(
              "LinearScheduler",
              keywords -> {
                Time max = new Clock(keywords).time("t_max", "1dur", true).requirePositive("t_max");
                double first = keywords.number("alpha_i", 1);
                double last = keywords.number("alpha_f", 0);
                return batch -> first + Math.min(1, max.share(batch)) * (last - first);
              }),
          kind(
              "ExponentialScheduler",
              keywords -> {
                double gamma = keywords.number("gamma");
                Time period =
                    new Clock(keywords)
                        .time("decay_period", "1ep", true)
                        .requirePositive("decay_period");
                return batch -> Math.pow(gamma, period.share(batch));
              }),
          kind(
              "CosineAnnealingScheduler",
              keywords -> {
                Time max = new Clock(keywords).time("t_max", "1dur", true).requirePositive("t_max");
                double last = keywords.number("alpha_f", 0);
                return batch -> cosine(max.share(batch), last);
              }),
          kind(
              "CosineAnnealingWarmRestartsScheduler",
              keywords -> {
                Time first = new Clock(keywords).time("t_0", true).requirePositive("t_0");
                double mult = keywords.positiveOr(1, "t_mult");
                double last = keywords.number("alpha_f", 0);
                return batch -> {
                  double now = batch * first.perBatch;
                  double length = first.value;
                  double end = length;
                  while (end <= now && length > 0) {
                    length = Math.floor(mult * length);
                    end += length;
                  }
                  // A cycle that has shrunk to nothing has no rate.
                  return length == 0 ? Double.NaN : cosine((now - (end - length)) / length, last);
                };
              }),
          kind(
              "PolynomialScheduler",
              keywords -> {
                double power = keywords.number("power");
                Time max = new Clock(keywords).time("t_max", "1dur", true).requirePositive("t_max");
                double last = keywords.number("alpha_f", 0);
                return batch ->
                    last + Math.pow(1 - Math.min(1, max.share(batch)), power) * (1 - last);
              }),
          kind(
              "MultiStepWithWarmupScheduler",
              keywords -> {
                Clock clock = new Clock(keywords);
                Warmup warmup = new Warmup(clock, keywords, 1);
                DoubleUnaryOperator steps = milestones(clock, keywords);
                return batch ->
                    warmup.isOn(batch) ? warmup.factor(batch) : steps.applyAsDouble(batch);
              }),
          kind(
              "ConstantWithWarmupScheduler",
              keywords -> {
                double alpha = keywords.number("alpha", 1);
                return new Warmup(new Clock(keywords), keywords, alpha).before(done -> alpha);
              }),
          kind(
              "LinearWithWarmupScheduler",
              keywords -> {
                double first = keywords.number("alpha_i", 1);
                double last = keywords.number("alpha_f", 0);
                return new Warmup(new Clock(keywords), keywords, first)
                    .before(done -> first + done * (last - first));
              }),
          kind(
              "CosineAnnealingWithWarmupScheduler",
              keywords -> {
                double last = keywords.number("alpha_f", 0);
                return new Warmup(new Clock(keywords), keywords, 1)
                    .before(done -> cosine(done, last));
              }),
          kind(
              "PolynomialWithWarmupScheduler",
              keywords -> {
                double power = keywords.number("power", 2);
                double last = keywords.number("alpha_f", 0);
                return new Warmup(new Clock(keywords), keywords, 1)
                    .before(done -> last + Math.pow(1 - done, power) * (1 - last));
              }));

  private Composer() {}

  /**
   * Makes a scheduler by the name of its class.
   *
   * @param name for example {@code CosineAnnealingWithWarmupScheduler}; docs/families.md lists all
   * @param keywords the keywords of its constructor, and those above
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a time or number is out of its range
   */
  public static Schedule scheduler(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("composer." + name, keywords);
  }

  /** Describes a scheduler by its factor at a batch of the clock. */
  private static ScheduleKind<FamilySchedule> kind(
      String name, Function<Keywords, DoubleUnaryOperator> factor) {
    return FamilySchedule.factor(
        "composer." + name,
        keywords -> {
          DoubleUnaryOperator made = factor.apply(keywords);
          return keywords.bool("trainer_order", false)
              ? step -> made.applyAsDouble(Math.max(0, step - 1))
              : made;
        });
  }

  private static double cosine(double done, double last) {
    double clipped = Math.min(Math.max(done, 0), 1);
    return last + (1 - last) * (1 + Math.cos(clipped * Math.PI)) / 2;
  }

  private static DoubleUnaryOperator milestones(Clock clock, Keywords keywords) {
    List<Time> milestones =
        keywords.texts("milestones").stream()
            .map(text -> clock.read("milestones", text, true))
            .toList();
    double gamma = keywords.number("gamma", 0.1);
    return batch -> {
      double factor = 1;
      for (int i = 0; i < milestones.size(); i++) {
        factor *= milestones.get(i).isAfter(batch) ? 1 : gamma;
      }
      return factor;
    };
  }

  /** A time in a unit of which every batch has so many. */
  private record Time(double value, String unit, double perBatch) {

    double share(double batch) {
      return batch * perBatch / value;
    }

    boolean isAfter(double batch) {
      return batch * perBatch < value;
    }

    @Override
    public String toString() {
      return Math.round(value) + unit;
    }

    Time requirePositive(String key) {
      if (!(value > 0)) {
        throw Keywords.illegal(key, "> 0" + unit, this);
      }
      return this;
    }
  }

  /** Reads times, knowing what a training is long and an epoch has. */
  private static final class Clock {

    private static final Pattern TIME =
        Pattern.compile("([0-9]+(?:\\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\\s*(ep|ba|sp|tok|dur)");

    private final Keywords keywords;
    private final double ratio;

    Clock(Keywords keywords) {
      this.keywords = keywords;
      this.ratio = keywords.positiveOr(1, "scale_schedule_ratio");
      max();
      for (String key : List.of("dataloader_len", "samples_per_batch", "tokens_per_batch")) {
        if (keywords.has(key)) {
          keywords.atLeast(1, key);
        }
      }
    }

    Time time(String key, boolean scales) {
      return read(key, keywords.text(key), scales);
    }

    Time time(String key, String whenAbsent, boolean scales) {
      return read(key, keywords.text(key, whenAbsent), scales);
    }

    /** Turns epochs into batches and shares into what the training is measured in. */
    Time read(String key, String text, boolean scales) {
      Matcher time = matched(key, text);
      double value = Double.parseDouble(time.group(1));
      String unit = time.group(2);
      if (unit.equals("dur")) {
        Matcher max = max();
        double length = Double.parseDouble(max.group(1));
        boolean inEpochs = max.group(2).equals("ep");
        return inEpochs ? of("ba", value * perEpoch() * length) : of(max.group(2), value * length);
      }
      double scaled = scales ? ratio : 1;
      return unit.equals("ep") ? of("ba", value * perEpoch() * scaled) : of(unit, value * scaled);
    }

    /** Returns the length of the training, an epoch being as many batches. */
    Time length() {
      Matcher max = max();
      double length = Double.parseDouble(max.group(1));
      return max.group(2).equals("ep") ? of("ba", length * perEpoch()) : of(max.group(2), length);
    }

    private Matcher max() {
      Matcher max = matched("max_duration", keywords.text("max_duration"));
      if (max.group(2).equals("dur")) {
        throw Keywords.illegal("max_duration", "in ep, ba, sp or tok", max.group());
      }
      return max;
    }

    private static Matcher matched(String key, String text) {
      Matcher time = TIME.matcher(text);
      if (!time.matches()) {
        throw Keywords.illegal(
            key, "a number and ep, ba, sp, tok or dur, like \"0.1dur\",", '"' + text + '"');
      }
      return time;
    }

    private Time of(String unit, double value) {
      double perBatch =
          switch (unit) {
            case "sp" -> keywords.atLeast(1, "samples_per_batch");
            case "tok" -> keywords.atLeast(1, "tokens_per_batch");
            default -> 1;
          };
      return new Time(Math.floor(value), unit, perBatch);
    }

    private int perEpoch() {
      return keywords.atLeast(1, "dataloader_len");
    }
  }

  /** The linear warm-up, which alone is scaled where that is wanted. */
  private static final class Warmup {

    private final Clock clock;
    private final Time end;
    private final Time slope;
    private final double top;

    Warmup(Clock clock, Keywords keywords, double top) {
      this.clock = clock;
      this.end = clock.time("t_warmup", false);
      this.slope = clock.time("t_warmup", keywords.bool("scale_warmup", false));
      this.top = top;
    }

    boolean isOn(double batch) {
      return end.isAfter(batch);
    }

    double factor(double batch) {
      return Math.min(1, slope.share(batch)) * top;
    }

    /** Returns the warm-up and a decay by the share of the time after it. */
    DoubleUnaryOperator before(DoubleUnaryOperator decay) {
      Time max = clock.time("t_max", "1dur", true);
      if (!max.unit.equals(end.unit)) {
        throw new IllegalArgumentException(
            "t_warmup and t_max must be in the same unit but were in "
                + end.unit
                + " and "
                + max.unit);
      }
      Time length = clock.length();
      if (length.unit.equals(max.unit) && max.value < length.value) {
        throw Keywords.illegal("t_max", ">= max_duration, which is " + length + ",", max);
      }
      double after = max.value - end.value;
      return batch -> {
        if (isOn(batch)) {
          return factor(batch);
        }
        double done = after > 0 ? (batch * end.perBatch - end.value) / after : 0;
        return decay.applyAsDouble(Math.min(1, done));
      };
    }
  }
}
