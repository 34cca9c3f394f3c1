package io.github.dl4jtorch.schedules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Collects the entries of a map that is to be written out, in order. */
final class Entries {

  private final Map<String, Object> map = new LinkedHashMap<>();

  private Entries() {}

  /** Begins the map of a definition. */
  static Entries ofType(String type) {
    return of("type", type);
  }

  static Entries of(String key, Object value) {
    return new Entries().with(key, value);
  }

  /** Adds an entry. */
  Entries with(String key, Object value) {
    map.put(key, value);
    return this;
  }

  /** Adds an entry unless the value is absent. */
  Entries withIfPresent(String key, @Nullable Object value) {
    return value == null ? this : with(key, value);
  }

  Map<String, Object> toMap() {
    return map;
  }
}
