package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.PerGroup;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.List;
import java.util.Map;

/**
 * The schedules of the code of <a href="https://arxiv.org/abs/2405.18392">Scaling Laws and
 * Compute-Optimal Training Beyond Fixed Training Durations</a> (epfml/schedules-and-scaling). Step
 * them after every update.
 *
 * <pre>{@code
 * Schedule schedule =
 *     SchedulesAndScaling.schedule(
 *         "wsd_schedule", Map.of("n_iterations", 10_000, "n_warmup", 300, "decay_type", "sqrt"));
 * }</pre>
 */
public final class SchedulesAndScaling {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.factor(
              "epfl.cos_inf_schedule",
              keywords -> {
                int iterations = keywords.atLeast(0, "n_iterations");
                int warmup = keywords.atLeast(0, "n_warmup");
                double div = keywords.positive("div_factor");
                double last = 1 / div / keywords.positive("final_div_factor");
                int annealing = iterations - keywords.atLeast(0, "n_inf");
                return step -> {
                  if (step < warmup) {
                    return step / warmup + (1 - step / warmup) / div;
                  }
                  if (step < annealing) {
                    double done = (step - warmup) / (annealing - warmup);
                    return last + 0.5 * (1 - last) * (1 + Math.cos(Math.PI * done));
                  }
                  return last;
                };
              }),
          FamilySchedule.factor(
              "epfl.wsd_schedule",
              keywords -> {
                int iterations = keywords.atLeast(0, "n_iterations");
                double last = keywords.number("final_lr_factor", 0);
                int warmup = keywords.atLeast(0, "n_warmup", 1000);
                double div = keywords.positiveOr(100, "init_div_factor");
                int decay = (int) (keywords.notNegativeOr(0.1, "fract_decay") * iterations);
                int hold = iterations - decay;
                String type =
                    keywords.oneOf(
                        "decay_type",
                        "linear",
                        "linear",
                        "exp",
                        "cosine",
                        "miror_cosine",
                        "square",
                        "sqrt");
                return step -> {
                  if (step < warmup) {
                    return step / warmup + (1 - step / warmup) / div;
                  }
                  if (step < hold) {
                    return 1;
                  }
                  if (step >= iterations) {
                    return last;
                  }
                  double done = (step - hold) / decay;
                  double linear = last + (1 - last) * (1 - done);
                  double cosine = last + (1 - last) * (1 + Math.cos(Math.PI * done)) * 0.5;
                  return switch (type) {
                    case "linear" -> linear;
                    case "exp" -> Math.pow(last, done);
                    case "cosine" -> cosine;
                    case "miror_cosine" -> linear * 2 - cosine;
                    case "square" -> last + (1 - last) * (1 - done * done);
                    default -> last + (1 - last) * (1 - Math.sqrt(done));
                  };
                };
              }),
          FamilySchedule.alias(
              "epfl.one_cycle",
              keywords -> {
                PerGroup<Double> lr = keywords.perGroup("lr");
                int iterations = keywords.atLeast(1, "iterations");
                double pctStart = keywords.notNegative("warmup_steps") / iterations;
                boolean cos = keywords.oneOf("scheduler", "cos", "cos", "linear").equals("cos");
                OneCycleLR.Builder builder =
                    lr.isScalar() ? OneCycleLR.builder(lr.get(0)) : OneCycleLR.builder(lr.values());
                return builder
                    .totalSteps(iterations)
                    .pctStart(pctStart)
                    .annealStrategy(cos ? AnnealStrategy.COS : AnnealStrategy.LINEAR)
                    .cycleMomentum(false)
                    .divFactor(100)
                    .finalDivFactor(0.1)
                    .build();
              }));

  private SchedulesAndScaling() {}

  /**
   * Makes a schedule by its name there.
   *
   * @param name {@code wsd_schedule}, {@code cos_inf_schedule} or {@code one_cycle}, which is
   *     PyTorch's as the code's {@code main.py} makes it of {@code lr}, {@code iterations}, {@code
   *     warmup_steps} and {@code scheduler}
   * @param keywords the function's keywords
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule schedule(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("epfl." + name, keywords);
  }
}
