package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireList;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Lets one schedule follow another, each as if it ran alone: {@code schedules[i]} is at work from
 * {@code boundaries[i - 1]} on, with a clock that is 0 there and the groups' {@code initial_lr} as
 * the rate it begins with. {@link Schedule#then} makes it; optax's {@code join_schedules} is the
 * same.
 *
 * <p>PyTorch's {@link SequentialLR} differs where a member goes on from the rate that it finds,
 * like {@link MultiplicativeLR} and {@link SWALR}, and where one leaves its bounds in the groups,
 * like {@link OneCycleLR}: two of those can be joined.
 *
 * <pre>{@code
 * Schedule schedule =
 *     new Joined(List.of(new ConstantLR(0.1, 9), new StepLR(30)), List.of(5));
 * Schedule same = new ConstantLR(0.1, 9).then(5, new StepLR(30));
 * }</pre>
 *
 * @param schedules one or more, none of which needs a metric
 * @param boundaries the steps at which the next one takes over, one fewer than schedules, {@code >=
 *     0} and in ascending order; a schedule between two equal ones never runs
 */
public record Joined(List<Schedule> schedules, List<Integer> boundaries)
    implements DerivedSchedule {

  /**
   * Checks the arguments and copies the lists.
   *
   * @param schedules one or more, none of which needs a metric
   * @param boundaries the steps at which the next one takes over, one fewer than schedules, {@code
   *     >= 0} and in ascending order; a schedule between two equal ones never runs
   * @throws IllegalArgumentException if there is no schedule, one needs a metric, or the boundaries
   *     are not one fewer, not in ascending order or below 0
   */
  public Joined {
    schedules = Require.requireOperands("Joined", "schedules", schedules);
    boundaries = requireList("boundaries", boundaries);
    if (boundaries.size() != schedules.size() - 1) {
      throw Require.illegal(
          "boundaries",
          "one fewer than schedules, which are " + schedules.size() + ",",
          boundaries);
    }
    int before = 0;
    for (int boundary : boundaries) {
      if (boundary < before) {
        throw Require.illegal("boundaries", ">= 0 and in ascending order", boundaries);
      }
      before = boundary;
    }
  }

  /** Joins flat: what a join holds is joined itself. */
  static Joined of(Schedule first, int step, Schedule next) {
    Require.requireGiven("next", next);
    requireNonNegative("step", step);
    List<Schedule> schedules = new ArrayList<>();
    List<Integer> boundaries = new ArrayList<>();
    if (first instanceof Joined joined) {
      for (int i = 0; i < joined.schedules.size(); i++) {
        int start = i == 0 ? 0 : joined.boundaries.get(i - 1);
        if (start < step || i == 0) {
          schedules.add(joined.schedules.get(i));
          boundaries.add(start);
        }
      }
    } else {
      schedules.add(first);
      boundaries.add(0);
    }
    if (next instanceof Joined joined) {
      for (int i = 0; i < joined.schedules.size(); i++) {
        schedules.add(joined.schedules.get(i));
        boundaries.add(later(step, i == 0 ? 0 : joined.boundaries.get(i - 1)));
      }
    } else {
      schedules.add(next);
      boundaries.add(step);
    }
    return new Joined(schedules, boundaries.subList(1, boundaries.size()));
  }

  private static int later(int step, int steps) {
    long later = (long) step + steps;
    if (later > Integer.MAX_VALUE) {
      throw Require.illegal(
          "step",
          "<= " + (Integer.MAX_VALUE - steps) + ", as next has a boundary at " + steps + ",",
          step);
    }
    return (int) later;
  }

  @Override
  public List<Schedule> operands() {
    return schedules;
  }

  @Override
  public Map<String, Object> toMap() {
    return Entries.ofType("Joined")
        .with("schedules", schedules.stream().map(Schedule::toMap).toList())
        .with("boundaries", boundaries)
        .toMap();
  }

  static Joined read(Arguments arguments) {
    return new Joined(arguments.schedules("schedules"), arguments.integers("boundaries"));
  }

  static Formula formula(Joined joined) {
    int[] boundaries = joined.boundaries.stream().mapToInt(Integer::intValue).toArray();
    return new DerivedFormula(joined) {
      @Override
      int active(long step) {
        int active = boundaries.length;
        while (active > 0 && step < boundaries[active - 1]) {
          active--;
        }
        return active;
      }

      @Override
      long clock(long step) {
        int active = active(step);
        return active == 0 ? step : step - boundaries[active - 1];
      }
    };
  }
}
