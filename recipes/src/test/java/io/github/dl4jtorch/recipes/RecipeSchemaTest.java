package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the schema takes the reader takes, and what the reader refuses the schema refuses. */
class RecipeSchemaTest {

  private static final JsonSchema SCHEMA =
      JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(Recipe.schema());

  private static boolean isTaken(Map<String, Object> recipe) {
    return SCHEMA.validate(JsonFile.write(recipe), InputFormat.JSON).isEmpty();
  }

  private static void assertTaken(Map<String, Object> recipe) {
    assertThat(SCHEMA.validate(JsonFile.write(recipe), InputFormat.JSON)).isEmpty();
    Recipe read = Recipe.fromMap(recipe);
    assertThat(SCHEMA.validate(read.toJson(), InputFormat.JSON)).isEmpty();
    assertThat(Recipe.fromJson(read.toJson())).isEqualTo(read);
  }

  private static void assertRefused(Map<String, Object> recipe) {
    assertThat(isTaken(recipe)).as("%s", recipe).isFalse();
    assertThatThrownBy(() -> Recipe.fromMap(recipe)).isInstanceOf(RecipeException.class);
  }

  /** A place in a recipe: the recipe with some value at it, and what is legal there. */
  private record Place(String name, Words.Type type, UnaryOperator<Object> whole) {
    @SuppressWarnings("unchecked")
    Map<String, Object> with(Object value) {
      return (Map<String, Object>) whole.apply(value);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static List<Place> places() {
    List<Place> places = new ArrayList<>();
    Map<String, Object> base = Map.of("optimizer", Map.of("type", "SGD", "lr", 0.1));
    for (Words.Key key : Words.RECIPE.keys()) {
      add(places, key.name(), key.type(), value -> with(base, key.name(), value));
    }
    return places;
  }

  private static void add(
      List<Place> places, String name, Words.Type type, UnaryOperator<Object> whole) {
    if (type instanceof Words.Section section) {
      inside(places, name, section.keys(), Map.of(), whole);
    } else if (type instanceof Words.Typed typed) {
      typed
          .keys()
          .forEach(
              (kind, keys) -> inside(places, name + ":" + kind, keys, Map.of("type", kind), whole));
    } else if (type instanceof Words.Maps maps) {
      inside(places, name + "[0]", maps.keys(), Map.of(), value -> whole.apply(List.of(value)));
    } else {
      places.add(new Place(name, type, whole));
    }
  }

  private static void inside(
      List<Place> places,
      String name,
      List<Words.Key> keys,
      Map<String, Object> start,
      UnaryOperator<Object> whole) {
    Map<String, Object> least = new LinkedHashMap<>(start);
    for (Words.Key key : keys) {
      if (key.isRequired()) {
        least.put(key.name(), legal(key.type()).get(0));
      }
    }
    for (Words.Key key : keys) {
      add(
          places,
          name + "." + key.name(),
          key.type(),
          value -> whole.apply(with(least, key.name(), value)));
    }
  }

  private static Map<String, Object> with(Map<String, Object> map, String key, Object value) {
    Map<String, Object> with = new LinkedHashMap<>(map);
    with.put(key, value);
    // What some words are legal with.
    if (key.equals("nesterov")) {
      with.put("momentum", 0.5);
    }
    if (key.equals("anew_in_each_epoch")) {
      with.put("step", "iteration");
    }
    if (key.equals("param_groups") && List.of("SGD", "RMSprop").contains(map.get("type"))) {
      with.put("momentum", 0.5);
    }
    if (key.equals("min_decay")) {
      with.put("decay", 1.0);
    }
    if (key.equals("min_value")) {
      with.put("beta", 1.0);
    }
    return with;
  }

  private static List<Object> legal(Words.Type type) {
    if (type instanceof Words.Decimal decimal) {
      double half = Math.min(1, decimal.high()) / 2;
      List<Object> legal = new ArrayList<>(List.of(half, decimal.high() > 1 ? 3 : half / 2));
      if (!decimal.isAboveLow()) {
        legal.add(decimal.low());
      }
      if (!decimal.isBelowHigh()) {
        legal.add(decimal.high());
      }
      return legal;
    }
    if (type instanceof Words.Whole whole) {
      return List.of(whole.low(), 7, 8.0);
    }
    if (type instanceof Words.Flag) {
      return List.of(true, false);
    }
    if (type instanceof Words.Choice choice) {
      return List.copyOf(choice.names());
    }
    if (type instanceof Words.Text) {
      return List.of("a b", "*");
    }
    if (type instanceof Words.OneOrMore several) {
      return List.of(legal(several.type()).get(0), legal(several.type()));
    }
    if (type instanceof Words.Fixed) {
      return List.of(List.of(0.5, 0.25), List.of(0, 0));
    }
    Words.Definition definition = (Words.Definition) type;
    return definition.types().isEmpty()
        ? List.of(
            Map.of("type", "StepLR", "step_size", 3),
            Map.of("type", "ChainedScheduler", "schedulers", List.of(Map.of("type", "LinearLR"))))
        : List.of(Map.of("type", "SWALR", "swa_lr", 0.5));
  }

  private static List<Object> illegal(Words.Type type) {
    List<Object> illegal = new ArrayList<>(List.of(List.of(), "", Map.of("a", 1), List.of(-1, -1)));
    if (type instanceof Words.Decimal decimal) {
      illegal.addAll(List.of(true, decimal.low() - 0.5));
      illegal.add(decimal.isAboveLow() ? decimal.low() : -1);
      if (decimal.high() <= 1) {
        illegal.add(decimal.isBelowHigh() ? decimal.high() : decimal.high() + 0.5);
      }
      illegal.add("half");
    } else if (type instanceof Words.Whole whole) {
      illegal.addAll(List.of(whole.low() - 1, 1.5, "1", true, 1e10));
    } else if (type instanceof Words.Flag) {
      illegal.addAll(List.of("yes", 1));
    } else if (type instanceof Words.Definition definition) {
      illegal.addAll(
          List.of(
              "StepLR",
              Map.of("type", "StepLRR", "step_size", 3),
              Map.of("step_size", 3),
              Map.of("type", "SWALR", "swa_lrr", 3),
              definition.types().isEmpty()
                  ? Map.of("type", "SequentialLR", "schedulers", List.of(), "milestones", List.of())
                  : Map.of("type", "StepLR", "step_size", 3)));
    } else {
      illegal.addAll(List.of(1, true, " ", List.of("nothing of this", 1)));
    }
    return illegal;
  }

  @ParameterizedTest
  @MethodSource("places")
  void takesWhatTheReaderTakes(Place place) {
    for (Object legal : legal(place.type())) {
      // The schema does not know which optimizers have no momentum.
      if (place.name().matches("optimizer:(SGD|RMSprop)\\..*")
          || !place.name().endsWith("].momentum")) {
        assertTaken(place.with(legal));
      }
    }
    for (Object illegal : illegal(place.type())) {
      assertRefused(place.with(illegal));
    }
  }

  @Test
  void everyWordIsTried() {
    assertThat(places()).hasSizeGreaterThan(120);
  }

  @Test
  void refusesUnknownAndMissingKeys() {
    assertRefused(Map.of());
    assertRefused(Map.of("optimizer", Map.of("lr", 1)));
    assertRefused(Map.of("optimizer", Map.of("type", "SGD")));
    assertRefused(Map.of("optimizer", Map.of("type", "SGD", "lr", 1, "betas", List.of(0, 0))));
    assertRefused(Map.of("optimizer", Map.of("type", "SGD", "lr", 1), "schedulers", Map.of()));
    assertRefused(
        Map.of(
            "optimizer",
            Map.of("type", "SGD", "lr", 1, "param_groups", List.of(Map.of("params", "x")))));
  }

  /** Types of this library have their arguments in the schema; those of others only their names. */
  @Test
  void knowsEveryScheduleThatCanBeRead() {
    Map<?, ?> schema = (Map<?, ?>) JsonFile.read(Recipe.schema()).plain();
    Map<?, ?> schedule = (Map<?, ?>) ((Map<?, ?>) schema.get("$defs")).get("schedule");
    assertThat(((Map<?, ?>) ((Map<?, ?>) schedule.get("properties")).get("type")).get("enum"))
        .isEqualTo(Schedule.types());
    List<String> withArguments = new ArrayList<>();
    for (Object entry : (List<?>) schedule.get("allOf")) {
      Map<?, ?> when = (Map<?, ?>) ((Map<?, ?>) entry).get("if");
      withArguments.add(
          (String) ((Map<?, ?>) ((Map<?, ?>) when.get("properties")).get("type")).get("const"));
    }
    assertThat(withArguments)
        .containsExactlyInAnyOrderElementsOf(
            Schedule.types().stream().filter(type -> type.matches("\\w+")).toList());
  }
}
