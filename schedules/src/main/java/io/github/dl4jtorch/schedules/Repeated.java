package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.List;
import java.util.Map;

/**
 * Begins a schedule anew every so many steps. The last time it goes on beyond them. {@link
 * Schedule#repeat} makes it.
 *
 * <pre>{@code
 * Schedule schedule = new Repeated(new CosineAnnealingLR(20), 5, 20);
 * Schedule same = new CosineAnnealingLR(20).repeat(5, 20);
 * }</pre>
 *
 * @param schedule what is repeated; it must not need a metric
 * @param times how often it runs, {@code > 0}
 * @param steps how long it runs each time, in steps, {@code > 0}
 */
public record Repeated(Schedule schedule, int times, int steps) implements DerivedSchedule {

  /**
   * Checks the arguments.
   *
   * @param schedule what is repeated; it must not need a metric
   * @param times how often it runs, {@code > 0}
   * @param steps how long it runs each time, in steps, {@code > 0}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public Repeated {
    Require.requireOperand("Repeated", schedule);
    requirePositive("times", times);
    requirePositive("steps", steps);
  }

  @Override
  public List<Schedule> operands() {
    return List.of(schedule);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("Repeated")
        .with("schedule", schedule.toMap())
        .with("times", times)
        .with("steps", steps)
        .toMap();
  }

  static Repeated read(Arguments arguments) {
    return new Repeated(
        arguments.schedule("schedule"), arguments.integer("times"), arguments.integer("steps"));
  }

  static Formula formula(Repeated repeated) {
    int steps = repeated.steps;
    int times = repeated.times;
    return new DerivedFormula(repeated) {
      @Override
      long clock(long step) {
        return step - Math.min(step / steps, times - 1) * steps;
      }
    };
  }
}
