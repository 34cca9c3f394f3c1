package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Leads every group from a rate of its own to what an epoch schedule gives, and the momentum to its
 * own value, within the first iterations of a training. To be stepped after every iteration, the
 * epoch schedule included:
 *
 * <pre>
 * epoch    = floor(i / iterationsPerEpoch)
 * lr       = warmupLr + (after(epoch) - warmupLr) i / n             for i &lt;= n
 * lr       = after(epoch)                                           for i &gt; n
 * momentum = warmupMomentum + (momentum - warmupMomentum) i / n     for i &lt; n
 * </pre>
 *
 * <p>with {@code n} for {@code warmupIterations}. PyTorch has no such class. This is the warm-up of
 * YOLOv5's training, which leads biases down from 0.1 while all else comes up from 0, and moves
 * with the epoch schedule while that moves.
 *
 * <p>The epoch schedule works on rates of its own during the warm-up, so one that goes by the
 * present rate, like {@link StepLR}, is not misled by it. Rates set by hand meanwhile last for one
 * iteration; after the warm-up they are taken up as the epoch schedule does it. The momentum that a
 * group has when the first {@code WarmupLR} is attached counts as its own, and is kept there as
 * {@code initial_momentum}.
 *
 * <pre>{@code
 * int batches = 100;
 * Schedule yolov5 =
 *     new WarmupLR(
 *             new LambdaLR(EpochFunction.yolov5Linear(300, 0.01)),
 *             batches,
 *             3 * batches,
 *             List.of(0.0, 0.0, 0.1))
 *         .withMomentum(0.8);
 * }</pre>
 *
 * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
 * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
 * @param warmupIterations iterations of the warm-up, {@code > 0}; YOLOv5 takes 3 epochs, but no
 *     fewer than 100
 * @param warmupLr the rate to start from, finite, or one a group
 * @param warmupMomentum the momentum or beta1 to start from, finite, or null to leave that alone
 */
public record WarmupLR(
    Schedule after,
    int iterationsPerEpoch,
    int warmupIterations,
    PerGroup<Double> warmupLr,
    @Nullable Double warmupMomentum)
    implements Schedule {

  /**
   * Checks the arguments.
   *
   * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
   * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
   * @param warmupIterations iterations of the warm-up, {@code > 0}
   * @param warmupLr the rate to start from, finite, or one a group
   * @param warmupMomentum the momentum or beta1 to start from, finite, or null to leave that alone
   * @throws IllegalArgumentException if one is out of its range, or {@code after} is a plateau
   */
  public WarmupLR {
    requireGiven("after", after);
    if (after instanceof ReduceLROnPlateau) {
      throw new IllegalArgumentException(
          "WarmupLR cannot hold a ReduceLROnPlateau, which needs a metric; attach it to the same"
              + " groups and step it beside this one");
    }
    Require.requireLevels("after", List.of(after));
    requirePositive("iterationsPerEpoch", iterationsPerEpoch);
    requirePositive("warmupIterations", warmupIterations);
    requireFinite("warmupLr", warmupLr);
    if (warmupMomentum != null) {
      requireFinite("warmupMomentum", warmupMomentum.doubleValue());
    }
  }

  /**
   * Takes one rate for all groups and leaves the momentum alone.
   *
   * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
   * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
   * @param warmupIterations iterations of the warm-up, {@code > 0}
   * @param warmupLr the rate to start from, finite
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public WarmupLR(Schedule after, int iterationsPerEpoch, int warmupIterations, double warmupLr) {
    this(after, iterationsPerEpoch, warmupIterations, PerGroup.same(warmupLr), null);
  }

  /**
   * Takes a rate for each group and leaves the momentum alone.
   *
   * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
   * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
   * @param warmupIterations iterations of the warm-up, {@code > 0}
   * @param warmupLr the rates to start from, finite, one a group
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public WarmupLR(
      Schedule after, int iterationsPerEpoch, int warmupIterations, List<Double> warmupLr) {
    this(after, iterationsPerEpoch, warmupIterations, PerGroup.each(warmupLr), null);
  }

  /**
   * Returns the same with a warm-up of the momentum, or of beta1 in groups of Adam's kind.
   *
   * @param warmupMomentum the momentum to start from, finite; YOLOv5 takes 0.8
   * @return the changed copy
   * @throws IllegalArgumentException if the momentum is not finite
   */
  public WarmupLR withMomentum(double warmupMomentum) {
    return new WarmupLR(after, iterationsPerEpoch, warmupIterations, warmupLr, warmupMomentum);
  }

  @Override
  public void requireFits(ParamGroups groups) {
    warmupLr.requireFits("warmupLr", groups);
    after.requireFits(groups);
    if (warmupMomentum != null) {
      groups.requireMomentum(
          "WarmupLR is to warm up the momentum", "build it without warmupMomentum");
    }
  }

  /**
   * Returns the value on the straight line from the start to the target. At its end that is the
   * target but for rounding.
   */
  double between(double start, double target, int iteration) {
    return start + (target - start) * iteration / warmupIterations;
  }

  /** Returns the arguments that a state is checked against; the schedule has a state of its own. */
  Map<String, Object> parameters() {
    return Entries.of("iterations_per_epoch", iterationsPerEpoch)
        .with("warmup_iterations", warmupIterations)
        .with("warmup_lr", warmupLr.toValue())
        .withIfPresent("warmup_momentum", warmupMomentum)
        .toMap();
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = Entries.ofType("WarmupLR").with("after", after.toMap()).toMap();
    map.putAll(parameters());
    return map;
  }

  static WarmupLR read(Arguments arguments) {
    return new WarmupLR(
        ScheduleTypes.readMember(arguments, "after"),
        arguments.integer("iterations_per_epoch"),
        arguments.integer("warmup_iterations"),
        arguments.perGroup("warmup_lr"),
        arguments.has("warmup_momentum") ? (Double) arguments.number("warmup_momentum") : null);
  }
}
