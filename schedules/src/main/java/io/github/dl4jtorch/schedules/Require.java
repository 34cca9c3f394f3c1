package io.github.dl4jtorch.schedules;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The checks of arguments, each with the argument's name, its legal range and the value given. */
final class Require {

  /** How deep schedules may hold one another; recipes need two or three levels. */
  static final int MAX_LEVELS = 100;

  private Require() {}

  static void requirePositive(String name, int value) {
    if (value <= 0) {
      throw illegal(name, "> 0", value);
    }
  }

  static void requirePositive(String name, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw illegal(name, "finite and > 0", value);
    }
  }

  static void requireNonNegative(String name, int value) {
    if (value < 0) {
      throw illegal(name, ">= 0", value);
    }
  }

  static void requireNonNegative(String name, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      throw illegal(name, "finite and >= 0", value);
    }
  }

  static void requireFinite(String name, double value) {
    if (!Double.isFinite(value)) {
      throw illegal(name, "finite", value);
    }
  }

  static void requireFinite(String name, PerGroup<Double> values) {
    requireGiven(name, values);
    for (double value : values.values()) {
      requireFinite(name, value);
    }
  }

  static void requireFromZeroToOne(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw illegal(name, ">= 0 and <= 1", value);
    }
  }

  static void requireAboveZeroToOne(String name, double value) {
    if (!(value > 0 && value <= 1)) {
      throw illegal(name, "> 0 and <= 1", value);
    }
  }

  /** Refuses a member that cannot be stepped with the others. */
  static void requireNoMetric(String owner, Schedule member) {
    if (member.needsMetric()) {
      throw new IllegalArgumentException(
          owner
              + " cannot hold a "
              + member.name()
              + ", which needs a metric; attach it to the same groups and step it beside this one");
    }
  }

  /** Refuses members that would make a schedule so deep that walking through it could fail. */
  static void requireLevels(String name, List<? extends Schedule> members) {
    int levels = 1 + members.stream().mapToInt(Require::levels).max().orElse(0);
    if (levels > MAX_LEVELS) {
      throw new IllegalArgumentException(
          name + " must be nested at most " + MAX_LEVELS + " deep but were " + levels);
    }
  }

  private static int levels(Schedule schedule) {
    int levels = 0;
    if (schedule instanceof SequentialLR sequential) {
      levels = sequential.schedulers().stream().mapToInt(Require::levels).max().orElse(0);
    } else if (schedule instanceof ChainedScheduler chained) {
      levels = chained.schedulers().stream().mapToInt(Require::levels).max().orElse(0);
    } else if (schedule instanceof WarmupLR warmup) {
      levels = levels(warmup.after());
    }
    return levels + 1;
  }

  static void requireGiven(String name, @Nullable Object value) {
    if (value == null) {
      throw new NullPointerException(name + " must be given but was null");
    }
  }

  /** Copies a list, naming it where it or an entry is null. */
  static <T> List<T> requireList(String name, List<? extends T> list) {
    requireGiven(name, list);
    for (T entry : list) {
      requireGiven("every entry of " + name, entry);
    }
    return List.copyOf(list);
  }

  static IllegalArgumentException illegal(String name, String range, Object value) {
    return new IllegalArgumentException(name + " must be " + range + " but was " + value);
  }
}
