package io.github.dl4jtorch.schedules;

import java.util.List;
import java.util.Map;

/**
 * Moves a schedule to a later step, before which its first rates hold, or to an earlier one, so
 * that it begins in its midst. {@link Schedule#shifted} makes it.
 *
 * <pre>{@code
 * Schedule schedule = new Shifted(new CosineAnnealingLR(100), 10);
 * Schedule same = new CosineAnnealingLR(100).shifted(10);
 * }</pre>
 *
 * @param schedule what is moved; it must not need a metric
 * @param steps by how many steps it is later, earlier if below 0
 */
public record Shifted(Schedule schedule, int steps) implements DerivedSchedule {

  /**
   * Checks the arguments.
   *
   * @param schedule what is moved; it must not need a metric
   * @param steps by how many steps it is later, earlier if below 0
   * @throws IllegalArgumentException if the schedule needs a metric
   */
  public Shifted {
    Require.requireOperand("Shifted", schedule);
  }

  @Override
  public List<Schedule> operands() {
    return List.of(schedule);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("Shifted")
        .with("schedule", schedule.toMap())
        .with("steps", steps)
        .toMap();
  }

  static Shifted read(Arguments arguments) {
    return new Shifted(arguments.schedule("schedule"), arguments.integer("steps"));
  }

  static Formula formula(Shifted shifted) {
    int steps = shifted.steps;
    return new DerivedFormula(shifted) {
      @Override
      long clock(long step) {
        return Math.max(0, step - steps);
      }
    };
  }
}
