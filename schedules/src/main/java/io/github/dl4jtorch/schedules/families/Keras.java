package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.List;
import java.util.Map;

/**
 * The schedules of Keras ({@code keras.optimizers.schedules}), by their classes' names and
 * keywords. They hold the rate themselves and give it to all groups. Step them after every update.
 * Keras computes them in single precision, this in double.
 *
 * <pre>{@code
 * Schedule schedule =
 *     Keras.schedule(
 *         "CosineDecay",
 *         Map.of(
 *             "initial_learning_rate", 0.0,
 *             "decay_steps", 1000,
 *             "warmup_target", 0.1,
 *             "warmup_steps", 100));
 * }</pre>
 */
public final class Keras {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.rate(
              "keras.ExponentialDecay",
              keywords -> {
                double initial = keywords.number("initial_learning_rate");
                double steps = keywords.positive("decay_steps");
                double rate = keywords.number("decay_rate");
                boolean staircase = keywords.bool("staircase", false);
                return step -> initial * Math.pow(rate, periods(step, steps, staircase));
              }),
          FamilySchedule.rate(
              "keras.PiecewiseConstantDecay",
              keywords -> {
                List<Double> boundaries = keywords.numbers("boundaries");
                List<Double> values = keywords.numbers("values");
                if (values.size() != boundaries.size() + 1) {
                  throw Keywords.illegal(
                      "values", "one more than boundaries, " + boundaries.size() + ",", values);
                }
                return step -> {
                  for (int i = 0; i < boundaries.size(); i++) {
                    if (step <= boundaries.get(i)) {
                      return values.get(i);
                    }
                  }
                  return values.get(boundaries.size());
                };
              }),
          FamilySchedule.rate(
              "keras.PolynomialDecay",
              keywords -> {
                double initial = keywords.number("initial_learning_rate");
                double steps = keywords.positive("decay_steps");
                double end = keywords.number("end_learning_rate", 1e-4);
                double power = keywords.number("power", 1);
                boolean cycle = keywords.bool("cycle", false);
                return step -> {
                  double length = cycle && step != 0 ? steps * Math.ceil(step / steps) : steps;
                  double done = Math.min(step, length) / length;
                  return (initial - end) * Math.pow(1 - done, power) + end;
                };
              }),
          FamilySchedule.rate(
              "keras.InverseTimeDecay",
              keywords -> {
                double initial = keywords.number("initial_learning_rate");
                double steps = keywords.positive("decay_steps");
                double rate = keywords.number("decay_rate");
                boolean staircase = keywords.bool("staircase", false);
                return step -> initial / (1 + rate * periods(step, steps, staircase));
              }),
          FamilySchedule.rate(
              "keras.CosineDecay",
              keywords -> {
                double initial = keywords.number("initial_learning_rate");
                double steps = keywords.positive("decay_steps");
                double alpha = keywords.number("alpha", 0);
                int given = keywords.atLeast(0, "warmup_steps", 0);
                boolean warms = keywords.has("warmup_target");
                double target = warms ? keywords.number("warmup_target") : initial;
                int warmup = warms ? given : 0;
                return step -> {
                  if (step < warmup) {
                    return (target - initial) * (step / warmup) + initial;
                  }
                  double done = Math.min(step - warmup, steps) / steps;
                  double cosine = 0.5 * (1 + Math.cos(Math.PI * done));
                  return target * ((1 - alpha) * cosine + alpha);
                };
              }),
          FamilySchedule.rate(
              "keras.CosineDecayRestarts",
              keywords -> {
                double initial = keywords.number("initial_learning_rate");
                double steps = keywords.positive("first_decay_steps");
                double tMul = keywords.positiveOr(2, "t_mul");
                double mMul = keywords.number("m_mul", 1);
                double alpha = keywords.number("alpha", 0);
                return step -> {
                  double done = step / steps;
                  double restarts;
                  if (tMul == 1) {
                    restarts = Math.floor(done);
                    done -= restarts;
                  } else {
                    restarts = Math.floor(Math.log(1 - done * (1 - tMul)) / Math.log(tMul));
                    double sum = (1 - Math.pow(tMul, restarts)) / (1 - tMul);
                    done = (done - sum) / Math.pow(tMul, restarts);
                  }
                  double cosine = 0.5 * Math.pow(mMul, restarts) * (1 + Math.cos(Math.PI * done));
                  return initial * ((1 - alpha) * cosine + alpha);
                };
              }));

  private Keras() {}

  /**
   * Makes a schedule by the name of its class.
   *
   * @param name {@code ExponentialDecay}, {@code PiecewiseConstantDecay}, {@code PolynomialDecay},
   *     {@code InverseTimeDecay}, {@code CosineDecay} or {@code CosineDecayRestarts}
   * @param keywords the keywords of its constructor, {@code name} apart
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule schedule(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("keras." + name, keywords);
  }

  private static double periods(double step, double steps, boolean whole) {
    return whole ? Math.floor(step / steps) : step / steps;
  }
}
