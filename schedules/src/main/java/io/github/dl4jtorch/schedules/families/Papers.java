package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/**
 * Schedules of papers, as the code published with them has them: Noam's of <a
 * href="https://arxiv.org/abs/1706.03762">Attention Is All You Need</a>, those of <a
 * href="https://arxiv.org/abs/1608.03983">SGDR</a>, of <a
 * href="https://arxiv.org/abs/1803.05407">stochastic weight averaging</a> and of <a
 * href="https://arxiv.org/abs/1708.07120">super-convergence</a>, and EDM2's of <a
 * href="https://arxiv.org/abs/2312.02696">Analyzing and Improving the Training Dynamics of
 * Diffusion Models</a>. All but that of super-convergence give the same rate to all groups.
 *
 * <pre>{@code
 * Schedule noam = Papers.schedule("noam", Map.of("d_model", 512, "warmup_steps", 4000));
 * }</pre>
 */
public final class Papers {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.rate(
              "papers.noam",
              keywords -> {
                double scale =
                    keywords.number("factor", 1) / Math.sqrt(keywords.atLeast(1, "d_model"));
                int warmup = keywords.atLeast(1, "warmup_steps", 4000);
                return steps -> {
                  double step = steps + 1; // The paper counts from 1.
                  return scale * Math.min(Math.pow(step, -0.5), step * Math.pow(warmup, -1.5));
                };
              }),
          FamilySchedule.rate("papers.sgdr", Papers::sgdr),
          FamilySchedule.rate(
              "papers.swa",
              keywords -> {
                boolean swa = keywords.bool("swa", false);
                double init = keywords.positiveOr(0.1, "lr_init");
                double length = keywords.atLeast(1, "epochs", 200);
                double start = keywords.positiveOr(161, "swa_start");
                double swaLr = keywords.number("swa_lr", 0.05);
                double end = swa ? start : length;
                double ratio = swa ? swaLr / init : 0.01;
                return epoch -> {
                  double t = epoch / end;
                  double factor =
                      t <= 0.5 ? 1 : t <= 0.9 ? 1 - (1 - ratio) * (t - 0.5) / 0.4 : ratio;
                  return init * factor;
                };
              }),
          FamilySchedule.rate(
              "papers.edm2",
              keywords -> {
                double batch = keywords.atLeast(1, "batch_size", 2048);
                double lr = keywords.number("ref_lr", 100e-4);
                double refBatches = keywords.notNegativeOr(70e3, "ref_batches");
                double rampup = keywords.notNegativeOr(10, "rampup_Mimg") * 1e6;
                return step -> {
                  double images = step * batch;
                  double rate = lr;
                  if (refBatches > 0) {
                    rate /= Math.sqrt(Math.max(images / (refBatches * batch), 1));
                  }
                  return rampup > 0 ? rate * Math.min(images / rampup, 1) : rate;
                };
              }),
          FamilySchedule.alias(
              "papers.super_convergence",
              keywords ->
                  CyclicLR.builder(keywords.number("base_lr", 0.1), keywords.number("max_lr", 3))
                      .stepSizeUp(keywords.atLeast(1, "stepsize", 5000))
                      .cycleMomentum(false)
                      .build()));

  private Papers() {}

  /**
   * Makes a schedule by its name.
   *
   * @param name {@code noam}, stepped after every update, with {@code d_model}, {@code
   *     warmup_steps} (4000) and {@code factor} (1); {@code sgdr}, after every update, with {@code
   *     lr} (0.05), {@code Te} (50), {@code multFactor} (1) and {@code batches_per_epoch}; {@code
   *     swa}, after every epoch, with {@code epochs} (200), {@code swa} (false), {@code swa_start}
   *     (161), {@code swa_lr} (0.05) and {@code lr_init} (0.1); {@code edm2}, after every update,
   *     with {@code batch_size} (2048), {@code ref_lr} (0.01), {@code ref_batches} (70000) and
   *     {@code rampup_Mimg} (10); {@code super_convergence}, which is a {@link CyclicLR} of {@code
   *     base_lr} (0.1), {@code max_lr} (3) and {@code stepsize} (5000)
   * @param keywords its keywords
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule schedule(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("papers." + name, keywords);
  }

  /**
   * The published code sums the phase up batch by batch, so that rounding decides whether the last
   * batch of a cycle leaves the rate at 0 or at the start of the next; it is summed up here too.
   */
  private static DoubleUnaryOperator sgdr(Keywords keywords) {
    double lr = keywords.number("lr", 0.05);
    int first = keywords.atLeast(1, "Te", 50);
    int mult = keywords.atLeast(1, "multFactor", 1);
    int batches = keywords.atLeast(1, "batches_per_epoch");
    return step -> {
      double done = step;
      double epochs = first;
      if (mult == 1) {
        done -= Math.floor(Math.max(0, step - 1) / (epochs * batches)) * epochs * batches;
      }
      while (mult > 1 && done > epochs * batches) {
        done -= epochs * batches;
        epochs *= mult;
      }
      double each = 2 * Math.PI / (2 * epochs) / batches;
      double phase = 0;
      for (int batch = 0; batch < done; batch++) {
        phase += each;
        phase -= phase >= Math.PI ? Math.PI : 0;
      }
      return lr * (1 + Math.sin(Math.PI / 2 + phase)) / 2;
    };
  }
}
