package io.github.dl4jtorch.recipes;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads values by the {@link Words}, and goes on after what is wrong. What it gives is plain: maps
 * with every key that has a default, and a {@code Schedule} for each definition.
 */
final class RecipeReader {

  private final Problems problems;
  private final ScheduleReader schedules;

  RecipeReader(Problems problems) {
    this.problems = problems;
    this.schedules = new ScheduleReader(problems);
  }

  /** Returns what a value stands for, null if it is wrong. */
  @Nullable Object read(Words.Type type, Tree tree, String path) {
    if (type instanceof Words.Section section) {
      return section(section.keys(), tree, path, section);
    }
    if (type instanceof Words.Typed typed) {
      return typed(typed, tree, path);
    }
    if (type instanceof Words.Definition definition) {
      return schedules.read(definition, tree, path);
    }
    if (type instanceof Words.Maps maps) {
      return entries(new Words.Section(maps.keys()), tree, path, type, 1);
    }
    if (type instanceof Words.Fixed fixed) {
      List<Tree> list = tree.list();
      return list == null || list.size() != fixed.size()
          ? wrong(type, tree, path)
          : entries(fixed.type(), tree, path, type, 1);
    }
    if (type instanceof Words.OneOrMore several) {
      return tree.list() == null
          ? single(several, tree, path)
          : entries(several.type(), tree, path, type, 1);
    }
    Object value = simple(type, tree.value());
    return value == null ? wrong(type, tree, path) : value;
  }

  private @Nullable Object single(Words.OneOrMore several, Tree tree, String path) {
    Object value = simple(several.type(), tree.value());
    return value == null ? wrong(several, tree, path) : List.of(value);
  }

  private static @Nullable Object simple(Words.Type type, @Nullable Object value) {
    if (type instanceof Words.Decimal decimal) {
      Double number = number(value);
      return number != null && decimal.has(number) ? number : null;
    }
    if (type instanceof Words.Whole whole) {
      Double number = number(value);
      return number != null && number == number.intValue() && number >= whole.low()
          ? (Integer) number.intValue()
          : null;
    }
    if (type instanceof Words.Flag) {
      return value instanceof Boolean ? value : null;
    }
    if (type instanceof Words.Choice choice) {
      return value instanceof String && choice.names().contains(value) ? value : null;
    }
    return value instanceof String text && !text.isBlank() ? value : null;
  }

  /** Reads a number; JSON, which has no infinity, has it as text. */
  private static @Nullable Double number(@Nullable Object value) {
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    return "Infinity".equals(value) || "-Infinity".equals(value)
        ? Double.valueOf((String) value)
        : null;
  }

  private @Nullable Object wrong(Words.Type type, Tree tree, String path) {
    String message = "must be " + type.legal() + " but was " + tree.shown();
    if (type instanceof Words.Choice choice && tree.value() instanceof String text) {
      message += Names.didYouMean(text, choice.names());
    }
    problems.add(path, tree, message);
    return null;
  }

  private @Nullable Object entries(
      Words.Type each, Tree tree, String path, Words.Type type, int least) {
    List<Tree> list = tree.list();
    if (list == null || list.size() < least) {
      return wrong(type, tree, path);
    }
    List<Object> read = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      Object entry = read(each, list.get(i), path + "[" + i + "]");
      if (entry != null) {
        read.add(entry);
      }
    }
    return read.size() == list.size() ? List.copyOf(read) : null;
  }

  private @Nullable Object typed(Words.Typed typed, Tree tree, String path) {
    Map<String, Tree.Field> fields = tree.fields();
    if (fields == null) {
      return wrong(typed, tree, path);
    }
    Words.Choice types = new Words.Choice(List.copyOf(typed.keys().keySet()));
    Tree.Field type = fields.get("type");
    if (type == null) {
      problems.add(join(path, "type"), tree, "is missing; it must be " + types.legal());
      return null;
    }
    Object name = read(types, type.tree(), join(path, "type"));
    if (name == null) {
      return null;
    }
    List<Words.Key> keys = new ArrayList<>();
    keys.add(new Words.Key("type", types, true, null, ""));
    keys.addAll(typed.keys().getOrDefault(name, List.of()));
    return section(keys, tree, path, typed);
  }

  private @Nullable Object section(List<Words.Key> keys, Tree tree, String path, Words.Type type) {
    Map<String, Tree.Field> fields = tree.fields();
    if (fields == null) {
      return wrong(type, tree, path);
    }
    int before = problems.count();
    Map<String, Object> read = entries(keys, tree, fields, path);
    return problems.count() == before ? read : null;
  }

  /** Returns what is right of the recipe itself. */
  Part recipe(Tree tree) {
    Map<String, Tree.Field> fields = tree.fields();
    if (fields == null) {
      wrong(Words.RECIPE, tree, "");
      return new Part(Map.of());
    }
    return new Part(entries(Words.RECIPE.keys(), tree, fields, ""));
  }

  private Map<String, Object> entries(
      List<Words.Key> keys, Tree tree, Map<String, Tree.Field> fields, String path) {
    List<String> names = keys.stream().map(Words.Key::name).toList();
    List<String> unknown = new ArrayList<>();
    fields.forEach(
        (key, field) -> {
          if (!names.contains(key)) {
            unknown.add(key);
            problems.add(
                join(path, key),
                field,
                "is unknown, not one of "
                    + String.join(", ", names)
                    + Names.didYouMean(key, names));
          }
        });
    Map<String, Object> read = new LinkedHashMap<>();
    for (Words.Key key : keys) {
      Tree.Field field = fields.get(key.name());
      Object value = key.whenAbsent();
      if (field != null && field.tree().value() != null) {
        value = read(key.type(), field.tree(), join(path, key.name()));
      } else if (key.isRequired()
          && unknown.stream().noneMatch(word -> Names.isMisspelt(word, key.name()))) {
        problems.add(join(path, key.name()), tree, "is missing; it must be " + key.type().legal());
      }
      if (value != null) {
        read.put(key.name(), value);
      }
    }
    return read;
  }

  static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
