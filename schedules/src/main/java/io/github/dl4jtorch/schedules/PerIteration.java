package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.List;
import java.util.Map;

/**
 * Lets a schedule by epochs be stepped after every iteration: at iteration i it is where it was at
 * epoch {@code floor(i / iterationsPerEpoch)}. So it goes together with what is counted in
 * iterations. {@link Schedule#perIteration} makes it.
 *
 * <pre>{@code
 * Schedule schedule = new PerIteration(new StepLR(30), 500);
 * Schedule same = new StepLR(30).perIteration(500);
 * }</pre>
 *
 * @param schedule a schedule by epochs; it must not need a metric
 * @param iterationsPerEpoch the iterations of an epoch, usually its batches, {@code > 0}
 */
public record PerIteration(Schedule schedule, int iterationsPerEpoch) implements DerivedSchedule {

  /**
   * Checks the arguments.
   *
   * @param schedule a schedule by epochs; it must not need a metric
   * @param iterationsPerEpoch the iterations of an epoch, usually its batches, {@code > 0}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public PerIteration {
    Require.requireOperand("PerIteration", schedule);
    requirePositive("iterationsPerEpoch", iterationsPerEpoch);
  }

  @Override
  public List<Schedule> operands() {
    return List.of(schedule);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("PerIteration")
        .with("schedule", schedule.toMap())
        .with("iterations_per_epoch", iterationsPerEpoch)
        .toMap();
  }

  static PerIteration read(Arguments arguments) {
    return new PerIteration(
        arguments.scheduleByEpochs("schedule"), arguments.integer("iterations_per_epoch"));
  }

  static Formula formula(PerIteration perIteration) {
    int iterationsPerEpoch = perIteration.iterationsPerEpoch;
    return new DerivedFormula(perIteration) {
      @Override
      long clock(long step) {
        return step / iterationsPerEpoch;
      }
    };
  }
}
