package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Arguments;
import io.github.dl4jtorch.schedules.PerGroup;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads the keywords of a definition, checks their ranges, and notes them with their defaults, so
 * that they are written again.
 */
final class Keywords {

  private final Arguments arguments;
  private final Map<String, Object> noted = new LinkedHashMap<>();

  Keywords(Arguments arguments) {
    this.arguments = arguments;
  }

  /** Returns what was read, by key. */
  Map<String, Object> noted() {
    return Collections.unmodifiableMap(noted);
  }

  private <T> T note(String key, T value) {
    noted.put(key, value);
    return value;
  }

  boolean has(String key) {
    return arguments.has(key);
  }

  /** Takes a keyword that changes nothing. */
  void ignore(String key) {
    arguments.bool(key, false);
  }

  int integer(String key) {
    return note(key, arguments.integer(key));
  }

  int integer(String key, int whenAbsent) {
    return note(key, arguments.integer(key, whenAbsent));
  }

  int atLeast(int lowest, String key) {
    int value = integer(key);
    if (value < lowest) {
      throw illegal(key, ">= " + lowest, value);
    }
    return value;
  }

  int atLeast(int lowest, String key, int whenAbsent) {
    return has(key) ? atLeast(lowest, key) : integer(key, whenAbsent);
  }

  double number(String key) {
    return finite(key, arguments.number(key));
  }

  double number(String key, double whenAbsent) {
    return finite(key, arguments.number(key, whenAbsent));
  }

  private double finite(String key, double value) {
    if (!Double.isFinite(value)) {
      throw illegal(key, "finite", value);
    }
    return note(key, value);
  }

  double positive(String key) {
    return positive(key, number(key));
  }

  private static double positive(String key, double value) {
    if (!(value > 0)) {
      throw illegal(key, "> 0", value);
    }
    return value;
  }

  double positiveOr(double whenAbsent, String key) {
    return positive(key, number(key, whenAbsent));
  }

  double notNegative(String key) {
    return notNegative(key, number(key));
  }

  double notNegativeOr(double whenAbsent, String key) {
    return notNegative(key, number(key, whenAbsent));
  }

  private static double notNegative(String key, double value) {
    if (!(value >= 0)) {
      throw illegal(key, ">= 0", value);
    }
    return value;
  }

  boolean bool(String key, boolean whenAbsent) {
    return note(key, arguments.bool(key, whenAbsent));
  }

  String text(String key) {
    return note(key, arguments.text(key));
  }

  String text(String key, String whenAbsent) {
    return note(key, arguments.text(key, whenAbsent));
  }

  List<String> texts(String key) {
    return note(key, arguments.texts(key));
  }

  /** Reads one of the given texts. */
  String oneOf(String key, @Nullable String whenAbsent, String... choices) {
    String value = whenAbsent == null ? text(key) : text(key, whenAbsent);
    for (String choice : choices) {
      if (choice.equals(value)) {
        return value;
      }
    }
    throw illegal(key, "one of \"" + String.join("\", \"", choices) + '"', '"' + value + '"');
  }

  <E extends Enum<E>> E choice(String key, E whenAbsent) {
    E value = arguments.choice(key, whenAbsent);
    noted.put(key, value.name().toLowerCase(Locale.ROOT));
    return value;
  }

  List<Integer> integers(String key) {
    return note(key, arguments.integers(key));
  }

  List<Double> numbers(String key) {
    return note(key, arguments.finiteNumbers(key));
  }

  List<Double> numbers(String key, List<Double> whenAbsent) {
    return has(key) ? numbers(key) : note(key, whenAbsent);
  }

  PerGroup<Double> perGroup(String key, double whenAbsent) {
    return perGroup(key, arguments.perGroup(key, whenAbsent));
  }

  PerGroup<Double> perGroup(String key) {
    return perGroup(key, arguments.perGroup(key));
  }

  private PerGroup<Double> perGroup(String key, PerGroup<Double> value) {
    noted.put(key, value.toValue());
    return value;
  }

  /** Reads a map from whole numbers to numbers; JSON has texts for the former. */
  SortedMap<Integer, Double> steps(String key) {
    TreeMap<Integer, Double> steps = new TreeMap<>();
    if (has(key)) {
      for (Map.Entry<String, ?> entry : arguments.map(key).entrySet()) {
        if (!entry.getKey().matches("-?[0-9]{1,9}")) {
          throw illegal(key, "from whole numbers to numbers", entry);
        }
        if (!(entry.getValue() instanceof Number number)
            || !Double.isFinite(number.doubleValue())) {
          throw illegal(key, "from whole numbers to finite numbers", entry);
        }
        steps.put(Integer.valueOf(entry.getKey()), number.doubleValue());
      }
      Map<String, Object> written = new LinkedHashMap<>();
      steps.forEach((step, value) -> written.put(String.valueOf(step), value));
      noted.put(key, written);
    }
    return steps;
  }

  List<Schedule> schedules(String key) {
    List<Schedule> schedules = arguments.schedules(key);
    noted.put(key, schedules.stream().map(Schedule::toMap).toList());
    return schedules;
  }

  /** Reads a list of the keywords of other definitions, all of one type. */
  List<Schedule> schedules(String key, String type) {
    List<Schedule> schedules = new ArrayList<>();
    List<Map<String, Object>> written = new ArrayList<>();
    for (Map<String, ?> keywords : arguments.maps(key)) {
      Schedule schedule = FamilySchedule.read(type, keywords);
      schedules.add(schedule);
      Map<String, Object> map = new LinkedHashMap<>(schedule.toMap());
      map.remove("type");
      written.add(map);
    }
    noted.put(key, written);
    return schedules;
  }

  static IllegalArgumentException illegal(String key, String range, Object value) {
    return new IllegalArgumentException(key + " must be " + range + " but was " + value);
  }
}
