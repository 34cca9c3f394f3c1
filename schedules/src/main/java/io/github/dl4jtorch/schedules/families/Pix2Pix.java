package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The schedules of pix2pix and CycleGAN ({@code get_scheduler} in {@code models/networks.py}), by
 * their {@code lr_policy}. They are PyTorch's, so this makes PyTorch's of them. The code there
 * makes a step before each epoch, so that its last trains at a rate of 0.
 *
 * <pre>{@code
 * Schedule schedule = Pix2Pix.getScheduler("linear", Map.of("n_epochs", 100, "n_epochs_decay", 100));
 * }</pre>
 */
public final class Pix2Pix {

  static final List<ScheduleKind<?>> KINDS =
      List.of(FamilySchedule.alias("pix2pix.get_scheduler", Pix2Pix::make));

  private Pix2Pix() {}

  /**
   * Answers to {@code get_scheduler(optimizer, opt)}.
   *
   * @param lrPolicy {@code linear}, {@code step}, {@code plateau} or {@code cosine}; or {@code
   *     lambda}, as older code called the first, an epoch ahead and with {@code niter} and {@code
   *     niter_decay}
   * @param opt {@code epoch_count} (1), {@code n_epochs} (100), {@code n_epochs_decay} (100) and
   *     {@code lr_decay_iters} (50)
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Schedule getScheduler(String lrPolicy, Map<String, ?> opt) {
    Map<String, Object> keywords = new LinkedHashMap<>(opt);
    keywords.put("lr_policy", lrPolicy);
    return FamilySchedule.read("pix2pix.get_scheduler", keywords);
  }

  private static Schedule make(Keywords keywords) {
    String policy =
        keywords.oneOf("lr_policy", "linear", "linear", "lambda", "step", "plateau", "cosine");
    int first = keywords.integer("epoch_count", 1);
    if (policy.equals("lambda")) {
      return new LambdaLR(
          new EpochFunction.Pix2pixLinear(
              first + 1,
              keywords.atLeast(0, "niter", 100),
              keywords.atLeast(0, "niter_decay", 100)));
    }
    int epochs = keywords.atLeast(0, "n_epochs", 100);
    int decay = keywords.atLeast(0, "n_epochs_decay", 100);
    int stepSize = keywords.atLeast(1, "lr_decay_iters", 50);
    return switch (policy) {
      case "linear" -> new LambdaLR(new EpochFunction.Pix2pixLinear(first, epochs, decay));
      case "step" -> new StepLR(stepSize, 0.1);
      case "plateau" ->
          ReduceLROnPlateau.builder()
              .factor(0.2)
              .threshold(0.01, ReduceLROnPlateau.ThresholdMode.REL)
              .patience(5)
              .build();
      default -> new CosineAnnealingLR(epochs, 0);
    };
  }
}
