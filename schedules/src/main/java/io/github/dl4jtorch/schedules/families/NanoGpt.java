package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.List;
import java.util.Map;

/**
 * The schedule of {@code nanoGPT}'s {@code train.py}: a linear warm-up and a cosine, the same rate
 * for all groups. Step it after every update.
 *
 * <pre>{@code
 * Schedule shakespeareChar =
 *     NanoGpt.getLr(
 *         Map.of(
 *             "learning_rate", 1e-3, "warmup_iters", 100, "lr_decay_iters", 5000, "min_lr", 1e-4));
 * }</pre>
 */
public final class NanoGpt {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.rate(
              "nanogpt.get_lr",
              keywords -> {
                double lr = keywords.number("learning_rate", 6e-4);
                int warmup = keywords.atLeast(0, "warmup_iters", 2000);
                int decayEnd = keywords.atLeast(0, "lr_decay_iters", 600_000);
                double least = keywords.number("min_lr", 6e-5);
                boolean decays = keywords.bool("decay_lr", true);
                return step -> {
                  if (!decays) {
                    return lr;
                  }
                  if (step < warmup) {
                    return lr * (step + 1) / (warmup + 1);
                  }
                  if (step > decayEnd) {
                    return least;
                  }
                  double done = (step - warmup) / (decayEnd - warmup);
                  return least + 0.5 * (1 + Math.cos(Math.PI * done)) * (lr - least);
                };
              }));

  private NanoGpt() {}

  /**
   * Answers to {@code get_lr(it)}.
   *
   * @param keywords {@code learning_rate} (6e-4), {@code warmup_iters} (2000), {@code
   *     lr_decay_iters} (600000), {@code min_lr} (6e-5) and {@code decay_lr} (true)
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Schedule getLr(Map<String, ?> keywords) {
    return FamilySchedule.read("nanogpt.get_lr", keywords);
  }
}
