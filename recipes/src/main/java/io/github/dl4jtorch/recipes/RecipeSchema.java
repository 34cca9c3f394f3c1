package io.github.dl4jtorch.recipes;

import static java.util.Objects.requireNonNull;

import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.MultiplicativeLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.PerGroup;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmedUp;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the JSON Schema of the {@link Words}. */
final class RecipeSchema {

  /** A definition of each type with every argument that it can have. */
  private static final List<Schedule> SAMPLES =
      List.of(
          new LambdaLR(EpochFunction.table(1)),
          new MultiplicativeLR(EpochFunction.table(1)),
          new StepLR(1),
          new MultiStepLR(List.of(1)),
          new ConstantLR(),
          new LinearLR(),
          new ExponentialLR(1),
          new PolynomialLR(),
          new CosineAnnealingLR(1),
          new CosineAnnealingWarmRestarts(1),
          CyclicLR.builder(1, 1)
              .stepSizeDown(1)
              .scaleFn(EpochFunction.table(1), CyclicLR.ScaleMode.CYCLE)
              .build(),
          OneCycleLR.builder(1).totalSteps(10).epochs(2).stepsPerEpoch(5).build(),
          ReduceLROnPlateau.builder().build(),
          new SWALR(1),
          new SequentialLR(List.of(new ConstantLR()), List.of()),
          new ChainedScheduler(List.of(new ConstantLR())),
          new WarmupLR(new ConstantLR(), 1, 1, PerGroup.same(0.0), 0.5),
          new ConstantLR().then(1, new ConstantLR()),
          new ConstantLR().repeat(1, 1),
          new ConstantLR().scaledBy(1),
          new ConstantLR().clampedTo(0, 1),
          new ConstantLR().shifted(1),
          new ConstantLR().warmedUp(1, WarmedUp.Kind.LINEAR, 0),
          new ConstantLR().perIteration(1));

  private RecipeSchema() {}

  static String write() {
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.put("title", "dl4j-torch recipe");
    schema.putAll(section(Words.RECIPE.keys(), Map.of()));
    schema.put("$defs", Map.of("schedule", schedule()));
    return JsonFile.write(schema);
  }

  /**
   * Any schedule that can be read has its type here, PyTorch's and the algebra's have their
   * arguments, too.
   */
  private static Map<String, Object> schedule() {
    Map<String, Object> properties = new LinkedHashMap<>();
    properties.put("type", map("enum", Schedule.types()));
    for (Schedule sample : SAMPLES) {
      sample.toMap().keySet().forEach(key -> properties.putIfAbsent(key, argument(key)));
    }
    List<Object> own = new ArrayList<>();
    for (Schedule sample : SAMPLES) {
      List<String> keys = new ArrayList<>(sample.toMap().keySet());
      own.add(
          map(
              "if",
              map(
                  "properties",
                  map("type", map("const", type(sample))),
                  "required",
                  List.of("type")),
              "then",
              map("propertyNames", map("enum", keys))));
    }
    return map(
        "type", "object", "required", List.of("type"), "properties", properties, "allOf", own);
  }

  private static Object type(Schedule sample) {
    return requireNonNull(sample.toMap().get("type"));
  }

  private static Map<String, Object> argument(String key) {
    Map<String, Object> reference = map("$ref", "#/$defs/schedule");
    return switch (key) {
      case "schedulers", "schedules" -> map("type", "array", "minItems", 1, "items", reference);
      case "after", "schedule" -> reference;
      case "milestones", "boundaries" -> map("type", "array", "items", map("type", "integer"));
      default -> Map.of();
    };
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
            List.of(reference, map("properties", map("type", map("enum", definition.types())))));
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
