package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.schedules.MalformedDataException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads typed values from a map that came from outside. */
final class Entries {

  private final Map<String, ?> map;
  private final Set<String> known = new LinkedHashSet<>();

  Entries(Map<String, ?> map) {
    this.map = map;
  }

  String text(String key) {
    if (value(key) instanceof String text) {
      return text;
    }
    throw malformed(key, "a text");
  }

  double number(String key) {
    if (value(key) instanceof Number number) {
      return number.doubleValue();
    }
    throw malformed(key, "a number");
  }

  boolean bool(String key) {
    if (value(key) instanceof Boolean bool) {
      return bool;
    }
    throw malformed(key, "true or false");
  }

  /** Reads a whole number that is not negative. */
  long count(String key, long most) {
    if (value(key) instanceof Number number
        && number.longValue() == number.doubleValue()
        && number.longValue() >= 0
        && number.longValue() <= most) {
      return number.longValue();
    }
    throw malformed(key, "a whole number >= 0 and <= " + most);
  }

  Map<String, ?> map(String key) {
    if (value(key) instanceof Map<?, ?> found) {
      return named(found);
    }
    throw malformed(key, "a map");
  }

  private static Map<String, ?> named(Map<?, ?> map) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    map.forEach((name, entry) -> copy.put(String.valueOf(name), entry));
    return copy;
  }

  List<Map<String, ?>> maps(String key) {
    if (value(key) instanceof List<?> found) {
      List<Map<String, ?>> maps = new ArrayList<>();
      for (Object entry : found) {
        if (!(entry instanceof Map<?, ?> map)) {
          throw malformed(key, "a list of maps");
        }
        maps.add(named(map));
      }
      return maps;
    }
    throw malformed(key, "a list of maps");
  }

  boolean has(String key) {
    return value(key) != null;
  }

  private @Nullable Object value(String key) {
    known.add(key);
    return map.get(key);
  }

  private MalformedDataException malformed(String key, String expected) {
    return new MalformedDataException(
        "\"" + key + "\" must be " + expected + " but was " + map.get(key));
  }

  /** Refuses keys that nobody asked for. */
  void refuseUnknown() {
    for (String key : map.keySet()) {
      if (!known.contains(key)) {
        throw new MalformedDataException(
            "unknown key \"" + key + "\"; known are " + String.join(", ", known));
      }
    }
  }
}
