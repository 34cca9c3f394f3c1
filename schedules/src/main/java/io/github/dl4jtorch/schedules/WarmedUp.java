package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Puts a warm-up before a schedule: for so many steps the rates lead to those that the schedule
 * begins with, and then it begins. Its momenta hold from the first step on. {@link
 * Schedule#warmedUp} makes it.
 *
 * <p>Where the length of the schedule is to contain the warm-up, as with Hugging Face's, let it
 * begin as many steps earlier: {@code schedule.shifted(-100).warmedUp(100, LINEAR, 0)} leads to the
 * rate at step 100. YOLOv5's {@link WarmupLR} leads to the rate of each epoch instead, and can warm
 * the momentum up.
 *
 * <pre>{@code
 * Schedule schedule =
 *     new WarmedUp(new CosineAnnealingLR(900), 100, WarmedUp.Kind.LINEAR, 0.01);
 * Schedule same = new CosineAnnealingLR(900).warmedUp(100, WarmedUp.Kind.LINEAR, 0.01);
 * }</pre>
 *
 * @param schedule what follows; it must not need a metric
 * @param steps how many steps are before it, {@code >= 0}
 * @param kind how the rates rise
 * @param startFactor what the schedule's first rates are multiplied by at step 0, finite, {@code >
 *     0} if exponential
 */
public record WarmedUp(Schedule schedule, int steps, Kind kind, double startFactor)
    implements DerivedSchedule {

  /** How the rates rise from {@code startFactor} times the first rate to that rate. */
  public enum Kind {
    /** By the same amount every step. */
    LINEAR,
    /** By the same factor every step. */
    EXPONENTIAL,
    /** Not at all before the schedule begins. */
    CONSTANT
  }

  /**
   * Checks the arguments.
   *
   * @param schedule what follows; it must not need a metric
   * @param steps how many steps are before it, {@code >= 0}
   * @param kind how the rates rise
   * @param startFactor what the schedule's first rates are multiplied by at step 0, finite, {@code
   *     > 0} if exponential
   * @throws IllegalArgumentException if an argument is out of its range
   */
  public WarmedUp {
    Require.requireOperand("WarmedUp", schedule);
    requireNonNegative("steps", steps);
    requireGiven("kind", kind);
    requireFinite("startFactor", startFactor);
    if (kind == Kind.EXPONENTIAL) {
      requirePositive("startFactor", startFactor);
    }
  }

  @Override
  public List<Schedule> operands() {
    return List.of(schedule);
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("WarmedUp")
        .with("schedule", schedule.toMap())
        .with("steps", steps)
        .with("kind", kind.name().toLowerCase(Locale.ROOT))
        .with("start_factor", startFactor)
        .toMap();
  }

  static WarmedUp read(Arguments arguments) {
    return new WarmedUp(
        arguments.schedule("schedule"),
        arguments.integer("steps"),
        arguments.choice("kind", Kind.LINEAR),
        arguments.finite("start_factor", 0));
  }

  static Formula formula(WarmedUp warmedUp) {
    return new DerivedFormula(warmedUp) {
      @Override
      long clock(long step) {
        return Math.max(0, step - warmedUp.steps);
      }

      @Override
      double rate(double lr, long step) {
        return step < warmedUp.steps ? lr * warmedUp.factor(step) : lr;
      }
    };
  }

  private double factor(long step) {
    double done = (double) step / steps;
    return switch (kind) {
      case LINEAR -> startFactor + (1 - startFactor) * done;
      case EXPONENTIAL -> Math.pow(startFactor, 1 - done);
      case CONSTANT -> startFactor;
    };
  }
}
