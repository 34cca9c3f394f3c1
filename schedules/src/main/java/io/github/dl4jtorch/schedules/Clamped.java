package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;

import java.util.List;
import java.util.Map;

/**
 * Keeps the rates of a schedule between two bounds, which are rates and the same for all groups.
 * Momenta stay as the schedule sets them. {@link Schedule#clampedTo} makes it.
 *
 * <pre>{@code
 * Schedule schedule = new Clamped(new ExponentialLR(0.9), 1e-4, 0.05);
 * Schedule same = new ExponentialLR(0.9).clampedTo(1e-4, 0.05);
 * }</pre>
 *
 * @param schedule whose rates; it must not need a metric
 * @param min the lowest rate, finite
 * @param max the highest rate, finite and {@code >= min}
 */
public record Clamped(Schedule schedule, double min, double max) implements DerivedSchedule {

  /**
   * Checks the arguments.
   *
   * @param schedule whose rates; it must not need a metric
   * @param min the lowest rate, finite
   * @param max the highest rate, finite and {@code >= min}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public Clamped {
    Require.requireOperand("Clamped", schedule);
    requireFinite("min", min);
    requireFinite("max", max);
    if (max < min) {
      throw Require.illegal("max", ">= min, which is " + min + ",", max);
    }
  }

  @Override
  public List<Schedule> operands() {
    return List.of(schedule);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("Clamped")
        .with("schedule", schedule.toMap())
        .with("min", min)
        .with("max", max)
        .toMap();
  }

  static Clamped read(Arguments arguments) {
    return new Clamped(
        arguments.schedule("schedule"), arguments.finite("min"), arguments.finite("max"));
  }

  static Formula formula(Clamped clamped) {
    double min = clamped.min;
    double max = clamped.max;
    return new DerivedFormula(clamped) {
      @Override
      double rate(double lr, long step) {
        return Math.min(Math.max(lr, min), max);
      }
    };
  }
}
