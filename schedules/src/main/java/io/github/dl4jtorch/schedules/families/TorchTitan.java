package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The schedule of {@code torchtitan}: a linear warm-up, a stable part, and a decay over the last
 * share of the training. Step it after every update. It goes on past its end, where the rate falls
 * below {@code min_lr_factor}, as it does there.
 *
 * <pre>{@code
 * Schedule schedule =
 *     TorchTitan.lrScheduler(10_000, Map.of("warmup_steps", 200, "decay_ratio", 0.2));
 * }</pre>
 */
public final class TorchTitan {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.factor(
              "torchtitan.lr_scheduler",
              keywords -> {
                int steps = keywords.atLeast(0, "training_steps");
                int total = keywords.atLeast(0, "total_steps", steps);
                int warmup = Math.min(keywords.atLeast(0, "warmup_steps", 200), total);
                // Python rounds a half to the even neighbour.
                int wanted =
                    keywords.has("decay_ratio")
                        ? (int) Math.rint(total * keywords.notNegative("decay_ratio"))
                        : total - warmup;
                int decay = Math.min(wanted, total - warmup);
                String type = keywords.oneOf("decay_type", "linear", "linear", "sqrt", "cosine");
                double least = keywords.number("min_lr_factor", 0);
                int decayStart = total + 1 - decay;
                return step -> {
                  if (step < warmup) {
                    return (step + 1) / warmup;
                  }
                  if (step < decayStart) {
                    return 1;
                  }
                  double done = (step + 1 - decayStart) / decay;
                  double factor =
                      switch (type) {
                        case "linear" -> 1 - done;
                        case "sqrt" -> 1 - Math.sqrt(done);
                        default -> 0.5 * (1 + Math.cos(Math.PI * done));
                      };
                  return least + (1 - least) * factor;
                };
              }));

  private TorchTitan() {}

  /**
   * Makes the schedule of a training.
   *
   * @param trainingSteps updates in all, {@code >= 0}
   * @param keywords {@code warmup_steps} (200), {@code total_steps} in the place of {@code
   *     trainingSteps}, {@code decay_ratio} (all after the warm-up), {@code decay_type} ({@code
   *     linear}; {@code sqrt}, {@code cosine}) and {@code min_lr_factor} (0)
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Schedule lrScheduler(int trainingSteps, Map<String, ?> keywords) {
    Map<String, Object> all = new LinkedHashMap<>(keywords);
    all.put("training_steps", trainingSteps);
    return FamilySchedule.read("torchtitan.lr_scheduler", all);
  }
}
