package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireNonNegative;

import java.util.List;
import java.util.Map;

/**
 * Multiplies the rates of a schedule. Momenta stay as the schedule sets them. {@link
 * Schedule#scaledBy} makes it.
 *
 * <pre>{@code
 * Schedule schedule = new Scaled(new CosineAnnealingLR(100), 0.5);
 * Schedule same = new CosineAnnealingLR(100).scaledBy(0.5);
 * }</pre>
 *
 * @param schedule whose rates; it must not need a metric
 * @param factor what they are multiplied by, finite and {@code >= 0}
 */
public record Scaled(Schedule schedule, double factor) implements DerivedSchedule {

  /**
   * Checks the arguments.
   *
   * @param schedule whose rates; it must not need a metric
   * @param factor what they are multiplied by, finite and {@code >= 0}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public Scaled {
    Require.requireOperand("Scaled", schedule);
    requireNonNegative("factor", factor);
  }

  @Override
  public List<Schedule> operands() {
    return List.of(schedule);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("Scaled")
        .with("schedule", schedule.toMap())
        .with("factor", factor)
        .toMap();
  }

  static Scaled read(Arguments arguments) {
    return new Scaled(arguments.schedule("schedule"), arguments.finite("factor"));
  }

  static Formula formula(Scaled scaled) {
    double factor = scaled.factor;
    return new DerivedFormula(scaled) {
      @Override
      double rate(double lr, long step) {
        return lr * factor;
      }
    };
  }
}
