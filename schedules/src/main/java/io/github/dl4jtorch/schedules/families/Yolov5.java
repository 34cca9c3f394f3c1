package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.PerGroup;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.List;
import java.util.Map;

/**
 * The schedule of YOLOv5's training, by the names of its hyperparameters: a decay by epochs, and a
 * warm-up by batches that leads the biases down and all else up. Made of this library's {@link
 * LambdaLR} and {@link WarmupLR}. The groups' own rate is {@code lr0}, their own momentum {@code
 * momentum}.
 *
 * <pre>{@code
 * Schedule schedule = Yolov5.train(Map.of("epochs", 300, "batches_per_epoch", 100));
 * Schedule byEpoch = Yolov5.lf(Map.of("epochs", 300, "cos_lr", true));
 * }</pre>
 */
public final class Yolov5 {

  private static final int LEAST_WARMUP = 100;

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.alias("yolov5.lf", Yolov5::decay),
          FamilySchedule.alias("yolov5.train", Yolov5::withWarmup));

  private Yolov5() {}

  /**
   * Makes the decay alone. Step it after every epoch.
   *
   * @param keywords {@code epochs}, {@code lrf} (0.01) and {@code cos_lr} (false)
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Schedule lf(Map<String, ?> keywords) {
    return FamilySchedule.read("yolov5.lf", keywords);
  }

  /**
   * Makes the schedule with its warm-up, for three groups: biases, weights and the weights of
   * normalization. Step it after every batch.
   *
   * @param keywords those of {@link #lf}, {@code batches_per_epoch}, {@code warmup_epochs} (3.0;
   *     but no fewer than 100 batches), {@code warmup_bias_lr} (0.1) and {@code warmup_momentum}
   *     (0.8)
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if a keyword is unknown or out of
   *     its range
   */
  public static Schedule train(Map<String, ?> keywords) {
    return FamilySchedule.read("yolov5.train", keywords);
  }

  private static Schedule decay(Keywords keywords) {
    int epochs = keywords.atLeast(1, "epochs");
    double lrf = keywords.number("lrf", 0.01);
    return new LambdaLR(
        keywords.bool("cos_lr", false)
            ? EpochFunction.yolov5Cosine(epochs, lrf)
            : EpochFunction.yolov5Linear(epochs, lrf));
  }

  private static Schedule withWarmup(Keywords keywords) {
    int batches = keywords.atLeast(1, "batches_per_epoch");
    double epochs = keywords.notNegativeOr(3, "warmup_epochs");
    int iterations = Math.max((int) Math.rint(epochs * batches), LEAST_WARMUP);
    double biasLr = keywords.number("warmup_bias_lr", 0.1);
    return new WarmupLR(
        decay(keywords),
        batches,
        iterations,
        PerGroup.each(List.of(biasLr, 0.0, 0.0)),
        keywords.number("warmup_momentum", 0.8));
  }
}
