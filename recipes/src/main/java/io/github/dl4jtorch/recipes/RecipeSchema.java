package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the JSON Schema of the {@link Words}. */
final class RecipeSchema {

  private RecipeSchema() {}

  static String write() {
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.put("title", "dl4j-torch recipe");
    schema.putAll(section(Words.RECIPE.keys(), Map.of()));
    schema.put("$defs", Map.of("schedule", schedule()));
    return JsonFile.write(schema);
  }

  private static Map<String, Object> schedule() {
    Map<String, Object> reference = Map.of("$ref", "#/$defs/schedule");
    Map<String, Object> properties = new LinkedHashMap<>();
    properties.put("type", map("enum", Schedule.types()));
    properties.put("schedulers", map("type", "array", "minItems", 1, "items", reference));
    properties.put("after", reference);
    properties.put("milestones", map("type", "array", "items", map("type", "integer")));
    return map(
        "type", "object", "required", List.of("type"), "properties", properties);
  }

  private static Map<String, Object> section(List<Words.Key> keys, Map<String, Object> more) {
    Map<String, Object> properties = new LinkedHashMap<>(more);
    List<String> required = new ArrayList<>(more.keySet());
    for (Words.Key key : keys) {
      Map<String, Object> property = new LinkedHashMap<>();
      property.put("description", key.about());
      if (key.whenAbsent() != null) {
        property.put("default", key.whenAbsent());
      }
      property.putAll(type(key.type()));
      properties.put(key.name(), property);
      if (key.isRequired()) {
        required.add(key.name());
      }
    }
    return map(
        "type",
        "object",
        "properties",
        properties,
        "required",
        required,
        "additionalProperties",
        false);
  }

  private static Map<String, Object> type(Words.Type type) {
    if (type instanceof Words.Decimal decimal) {
      return decimal(decimal);
    }
    if (type instanceof Words.Whole whole) {
      return map("type", "integer", "minimum", whole.low(), "maximum", Integer.MAX_VALUE);
    }
    if (type instanceof Words.Flag) {
      return map("type", "boolean");
    }
    if (type instanceof Words.Choice choice) {
      return map("enum", choice.names());
    }
    if (type instanceof Words.Text) {
      return map("type", "string", "pattern", "\\S");
    }
    if (type instanceof Words.OneOrMore several) {
      Map<String, Object> each = type(several.type());
      return map("anyOf", List.of(each, map("type", "array", "minItems", 1, "items", each)));
    }
    if (type instanceof Words.Fixed fixed) {
      return map(
          "type",
          "array",
          "minItems",
          fixed.size(),
          "maxItems",
          fixed.size(),
          "items",
          type(fixed.type()));
    }
    if (type instanceof Words.Maps maps) {
      return map("type", "array", "minItems", 1, "items", section(maps.keys(), Map.of()));
    }
    if (type instanceof Words.Section section) {
      return section(section.keys(), Map.of());
    }
    if (type instanceof Words.Typed typed) {
      List<Object> kinds = new ArrayList<>();
      typed
          .keys()
          .forEach((name, keys) -> kinds.add(section(keys, map("type", map("const", name)))));
      return map("oneOf", kinds);
    }
    Words.Definition definition = (Words.Definition) type;
    Map<String, Object> reference = map("$ref", "#/$defs/schedule");
    return definition.types().isEmpty()
        ? reference
        : map(
            "allOf",
            List.of(
                reference, map("properties", map("type", map("enum", definition.types())))));
  }

  private static Map<String, Object> decimal(Words.Decimal decimal) {
    Map<String, Object> range = map("type", "number");
    range.put(decimal.isAboveLow() ? "exclusiveMinimum" : "minimum", decimal.low());
    if (decimal.high() != Double.POSITIVE_INFINITY) {
      range.put(decimal.isBelowHigh() ? "exclusiveMaximum" : "maximum", decimal.high());
    } else if (!decimal.isBelowHigh()) {
      return map("anyOf", List.of(range, map("const", "Infinity")));
    }
    return range;
  }

  private static Map<String, Object> map(Object... keysAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      map.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return map;
  }
}
