package io.github.dl4jtorch.recipes;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A value of a file, with its place.
 *
 * @param value a String, Integer, Double, Boolean or null, a {@code List<Tree>}, or {@link Fields}
 * @param line the line, from 1; 0 if it is of no file
 * @param column the column, from 1; 0 if it is of no file
 */
record Tree(@Nullable Object value, int line, int column) {

  /** How deep a recipe may be nested: 100 schedules in one another are 200. */
  static final int MAX_LEVELS = 250;

  /** The entries of a map, in their order. */
  record Fields(Map<String, Field> map) {}

  /** An entry, with the place of its key. */
  record Field(int line, int column, Tree tree) {}

  static Tree of(Map<?, ?> map) {
    return of(map, 0);
  }

  private static Tree of(@Nullable Object plain, int level) {
    if (level > MAX_LEVELS) {
      throw tooDeep(0, 0);
    }
    if (plain instanceof Map<?, ?> map) {
      Map<String, Field> fields = new LinkedHashMap<>();
      map.forEach(
          (key, value) -> fields.put(String.valueOf(key), new Field(0, 0, of(value, level + 1))));
      return new Tree(new Fields(fields), 0, 0);
    }
    if (plain instanceof List<?> list) {
      return new Tree(list.stream().map(entry -> of(entry, level + 1)).toList(), 0, 0);
    }
    return new Tree(plain instanceof Number number ? number(number) : plain, 0, 0);
  }

  /** Holds whole numbers as Integer where they fit, and all others as Double. */
  static Number number(Number number) {
    double value = number.doubleValue();
    return !(number instanceof Double) && value == (int) value ? (Number) (int) value : value;
  }

  static RecipeException tooDeep(int line, int column) {
    return unreadable(line, column, "must be nested at most " + MAX_LEVELS + " deep");
  }

  static RecipeException unreadable(int line, int column, String message) {
    return new RecipeException(List.of(new RecipeProblem("", line, column, message)));
  }

  @Nullable Map<String, Field> fields() {
    return value instanceof Fields fields ? fields.map : null;
  }

  @SuppressWarnings("unchecked") // A list in here is one of trees.
  @Nullable List<Tree> list() {
    return value instanceof List<?> list ? (List<Tree>) list : null;
  }

  /** Returns the value as plain lists and maps. */
  @Nullable Object plain() {
    Map<String, Field> fields = fields();
    if (fields != null) {
      Map<String, @Nullable Object> plain = new LinkedHashMap<>();
      fields.forEach((key, field) -> plain.put(key, field.tree.plain()));
      return plain;
    }
    List<Tree> list = list();
    if (list != null) {
      List<@Nullable Object> plain = new ArrayList<>();
      list.forEach(entry -> plain.add(entry.plain()));
      return Collections.unmodifiableList(plain);
    }
    return value;
  }

  /** Returns the value as a message shows it. */
  String shown() {
    if (value instanceof String text) {
      return '"' + text + '"';
    }
    if (value instanceof Fields) {
      return "a map";
    }
    return value instanceof List<?> ? "a list" : String.valueOf(value);
  }
}
