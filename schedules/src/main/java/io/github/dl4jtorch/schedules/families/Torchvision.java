package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.Map;

/**
 * The schedules of torchvision's {@code references/classification/train.py}, by its command line's
 * options. They are PyTorch's, so this makes PyTorch's of them. Step them after every epoch.
 *
 * <pre>{@code
 * Schedule resNet50V2 =
 *     Torchvision.lrScheduler(
 *         Map.of(
 *             "lr_scheduler", "cosineannealinglr",
 *             "epochs", 600,
 *             "lr_warmup_epochs", 5,
 *             "lr_warmup_method", "linear",
 *             "lr_warmup_decay", 0.01));
 * }</pre>
 */
public final class Torchvision {

  static final List<ScheduleKind<?>> KINDS =
      List.of(FamilySchedule.alias("torchvision.lr_scheduler", Torchvision::make));

  private Torchvision() {}

  /**
   * Makes the schedule of a training.
   *
   * @param keywords {@code lr_scheduler} ({@code steplr}; {@code cosineannealinglr}, {@code
   *     exponentiallr}), {@code epochs} (90), {@code lr_warmup_epochs} (0), {@code
   *     lr_warmup_method} ({@code constant}; {@code linear}), {@code lr_warmup_decay} (0.01),
   *     {@code lr_step_size} (30), {@code lr_gamma} (0.1) and {@code lr_min} (0)
   * @return a {@link StepLR}, a {@link CosineAnnealingLR} or an {@link ExponentialLR}, with a
   *     warm-up in a {@link SequentialLR}
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Schedule lrScheduler(Map<String, ?> keywords) {
    return FamilySchedule.read("torchvision.lr_scheduler", keywords);
  }

  private static Schedule make(Keywords keywords) {
    String name =
        keywords.oneOf("lr_scheduler", "steplr", "steplr", "cosineannealinglr", "exponentiallr");
    int epochs = keywords.atLeast(1, "epochs", 90);
    int warmupEpochs = keywords.atLeast(0, "lr_warmup_epochs", 0);
    boolean isLinear =
        keywords.oneOf("lr_warmup_method", "constant", "constant", "linear").equals("linear");
    double decay = keywords.number("lr_warmup_decay", 0.01);
    int stepSize = keywords.integer("lr_step_size", 30);
    double gamma = keywords.number("lr_gamma", 0.1);
    double least = keywords.number("lr_min", 0);
    if (name.equals("cosineannealinglr") && warmupEpochs >= epochs) {
      throw Keywords.illegal(
          "lr_warmup_epochs", "< epochs, which is " + epochs + ",", warmupEpochs);
    }
    Schedule main =
        switch (name) {
          case "steplr" -> new StepLR(stepSize, gamma);
          case "cosineannealinglr" -> new CosineAnnealingLR(epochs - warmupEpochs, least);
          default -> new ExponentialLR(gamma);
        };
    if (warmupEpochs == 0) {
      return main;
    }
    Schedule warmup =
        isLinear ? new LinearLR(decay, 1.0, warmupEpochs) : new ConstantLR(decay, warmupEpochs);
    return new SequentialLR(List.of(warmup, main), List.of(warmupEpochs));
  }
}
