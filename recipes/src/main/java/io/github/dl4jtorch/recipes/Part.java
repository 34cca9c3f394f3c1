package io.github.dl4jtorch.recipes;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A part of a recipe as the reader gives it: with all defaults, and nothing that is not legal. */
record Part(Map<String, Object> map) {

  boolean has(String key) {
    return map.containsKey(key);
  }

  String text(String key) {
    return (String) get(key);
  }

  double number(String key) {
    return (Double) get(key);
  }

  double number(String key, double whenAbsent) {
    return has(key) ? number(key) : whenAbsent;
  }

  int whole(String key) {
    return (Integer) get(key);
  }

  boolean flag(String key) {
    return (Boolean) get(key);
  }

  @SuppressWarnings("unchecked") // As the words have it.
  List<Double> numbers(String key) {
    return (List<Double>) get(key);
  }

  @SuppressWarnings("unchecked") // As the words have it.
  List<String> texts(String key) {
    return has(key) ? (List<String>) get(key) : List.of();
  }

  @SuppressWarnings("unchecked") // As the words have it.
  List<Part> parts(String key) {
    return has(key)
        ? ((List<Map<String, Object>>) get(key)).stream().map(Part::new).toList()
        : List.of();
  }

  @SuppressWarnings("unchecked") // As the words have it.
  @Nullable Part part(String key) {
    return has(key) ? new Part((Map<String, Object>) get(key)) : null;
  }

  Object get(String key) {
    return requireNonNull(map.get(key), key);
  }
}
