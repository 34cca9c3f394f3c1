package io.github.dl4jtorch.schedules;

import java.util.LinkedHashMap;
import java.util.Map;

/** Collects a definition's arguments for {@link Schedule#toMap()}. */
final class Definition {

  private final Map<String, Object> map = new LinkedHashMap<>();

  private Definition(String type) {
    map.put("type", type);
  }

  static Definition of(String type) {
    return new Definition(type);
  }

  Definition with(String key, Object value) {
    map.put(key, value);
    return this;
  }

  Map<String, Object> toMap() {
    return map;
  }
}
