package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * The entry of this library in a checkpoint's file: every key of it, how it is written and how it
 * is read.
 *
 * @param isGraph whether the network is a {@code ComputationGraph}
 * @param counts those that the network's configuration has, too
 * @param batches those done in all, of which an iteration may take several; only written if they
 *     are not as many as the iterations
 * @param batchesIntoEpoch the batches done in the present epoch, {@link EpochStart#UNKNOWN} if
 *     nobody counted them
 * @param score the network's last
 * @param random the state of the random numbers
 * @param groups the sets of groups that were made together
 * @param runs the runs by their names
 * @param parts what else was saved, by its names
 */
record CheckpointFormat(
    boolean isGraph,
    Counts counts,
    int batches,
    int batchesIntoEpoch,
    double score,
    RandomState random,
    List<Groups> groups,
    Map<String, Run> runs,
    Map<String, Part> parts) {

  /** The version of the form of the file; a reader refuses another. */
  static final int VERSION = 1;

  private static final String LAYERS = "MultiLayerNetwork";
  private static final String GRAPH = "ComputationGraph";

  private static final Key<Integer> FORMAT = Key.of("format", JsonNode::asInt);
  private static final Key<Boolean> NETWORK =
      new Key<>("network", graph -> graph ? GRAPH : LAYERS, json -> json.asText().equals(GRAPH));
  private static final Key<Integer> ITERATIONS = Key.of("iterationCount", JsonNode::asInt);
  private static final Key<Integer> EPOCHS = Key.of("epochCount", JsonNode::asInt);
  private static final Key<Integer> BATCHES = Key.of("batches", JsonNode::asInt);
  private static final Key<Integer> BATCHES_INTO_EPOCH =
      Key.of("batchesIntoEpoch", JsonNode::asInt);
  private static final Key<Double> SCORE = Key.of("score", JsonNode::asDouble);
  private static final Key<RandomState> RANDOM =
      new Key<>(
          "random",
          random -> List.of(random.root, random.node),
          json -> new RandomState(json.required(0).asLong(), json.required(1).asLong()));
  private static final Key<List<Groups>> GROUPS = Key.list("groups", Groups::write, Groups::read);
  private static final Key<Map<String, Run>> RUNS = Key.map("runs", Run::write, Run::read);
  private static final Key<Map<String, Part>> PARTS = Key.map("parts", Part::write, Part::read);
  private static final Key<Part> ALONE = new Key<>("part", Part::write, Part::read);

  byte[] write() throws IOException {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    FORMAT.put(VERSION, map);
    NETWORK.put(isGraph, map);
    ITERATIONS.put(counts.iterations, map);
    EPOCHS.put(counts.epochs, map);
    if (batches != counts.iterations) {
      BATCHES.put(batches, map);
    }
    BATCHES_INTO_EPOCH.put(batchesIntoEpoch, map);
    SCORE.put(score, map);
    RANDOM.put(random, map);
    GROUPS.put(groups, map);
    RUNS.put(runs, map);
    PARTS.put(parts, map);
    return CheckpointJson.write(map);
  }

  /** Reads the entry as JSON, if it is of this version. */
  static JsonNode json(String text) throws IOException {
    JsonNode json = CheckpointJson.tree(text);
    int version = FORMAT.in(json);
    if (version != VERSION) {
      throw new IllegalArgumentException(
          "format must be "
              + VERSION
              + " but is "
              + version
              + ", which another version of this library wrote");
    }
    return json;
  }

  static CheckpointFormat read(JsonNode json) {
    Counts counts = new Counts(ITERATIONS.in(json), EPOCHS.in(json));
    return new CheckpointFormat(
        NETWORK.in(json),
        counts,
        BATCHES.isIn(json) ? BATCHES.in(json) : counts.iterations,
        BATCHES_INTO_EPOCH.in(json),
        SCORE.in(json),
        RANDOM.in(json),
        GROUPS.in(json),
        RUNS.in(json),
        PARTS.in(json));
  }

  /** What a network has done. */
  record Counts(int iterations, int epochs) {

    @Override
    public String toString() {
      return iterations + " iterations and " + epochs + " epochs";
    }
  }

  /** The state of {@code Nd4j.getRandom()} in the thread that saved. */
  record RandomState(long root, long node) {}

  /**
   * A set of groups that were made together, and what they had.
   *
   * @param params the names of each group's parameters
   * @param frozen those of no group
   * @param values each group's values
   * @param given the names that groups were given, by their numbers
   */
  record Groups(
      List<List<String>> params,
      List<String> frozen,
      List<Map<String, Object>> values,
      Map<String, String> given) {

    private static final Key<List<List<String>>> PARAMS =
        Key.list("params", names -> names, Groups::names);
    private static final Key<List<String>> FROZEN = Key.of("frozen", Groups::names);
    private static final Key<List<Map<String, Object>>> VALUES =
        Key.list("values", group -> group, CheckpointJson::map);
    private static final Key<Map<String, String>> GIVEN =
        Key.map("names", name -> name, JsonNode::asText);

    private Object write() {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      PARAMS.put(params, map);
      FROZEN.put(frozen, map);
      VALUES.put(values, map);
      if (!given.isEmpty()) {
        GIVEN.put(given, map);
      }
      return map;
    }

    private static Groups read(JsonNode json) {
      // Files of groups without names have no such key.
      Map<String, String> given = json.has(GIVEN.name) ? GIVEN.in(json) : Map.of();
      return new Groups(PARAMS.in(json), FROZEN.in(json), VALUES.in(json), given);
    }

    private static List<String> names(JsonNode json) {
      List<String> names = new ArrayList<>();
      json.forEach(name -> names.add(name.asText()));
      return names;
    }

    /** Gives groups the values. */
    void putInto(ParamGroups groups) {
      groups.loadStateDict(values);
    }
  }

  /**
   * A run and where it was.
   *
   * @param set the number of the set of groups that its own are of
   * @param groups the numbers of its groups in the set
   * @param definition empty if it has no written form
   * @param state its state
   */
  record Run(
      int set, List<Integer> groups, Optional<Schedule> definition, Map<String, Object> state) {

    private static final Key<Integer> SET = Key.of("set", JsonNode::asInt);
    private static final Key<List<Integer>> NUMBERS =
        Key.list("groups", number -> number, JsonNode::asInt);
    private static final Key<Optional<Schedule>> DEFINITION =
        new Key<>("definition", given -> given.map(Schedule::toMap).orElse(null), Run::definition);
    private static final Key<Map<String, Object>> STATE = Key.of("state", CheckpointJson::map);

    private Object write() {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      SET.put(set, map);
      NUMBERS.put(groups, map);
      DEFINITION.put(definition, map);
      STATE.put(state, map);
      return map;
    }

    private static Run read(JsonNode json) {
      return new Run(SET.in(json), NUMBERS.in(json), DEFINITION.in(json), STATE.in(json));
    }

    /** Returns a definition if it has a written form that can be read here. */
    static Optional<Schedule> writable(Schedule definition) {
      try {
        return Optional.of(definition).filter(it -> Schedule.fromMap(it.toMap()).equals(it));
      } catch (UnsupportedOperationException | MalformedDataException none) {
        return Optional.empty();
      }
    }

    private static Optional<Schedule> definition(JsonNode json) {
      return json.isNull()
          ? Optional.empty()
          : Optional.of(Schedule.fromMap(CheckpointJson.map(json)));
    }

    /** Goes on with the run on groups that have their values. */
    LRScheduler attach(Schedule definition, ParamGroups groups, Groups saved) {
      return definition.resume(groups, state, this.groups.stream().map(saved.values::get).toList());
    }
  }

  /**
   * Something else.
   *
   * @param values its plain values
   * @param arrays the entries of its arrays by their names
   */
  record Part(Map<String, Object> values, Map<String, String> arrays) {

    private static final Key<Map<String, Object>> VALUES = Key.of("values", CheckpointJson::map);
    private static final Key<Map<String, String>> ARRAYS =
        Key.map("arrays", entry -> entry, JsonNode::asText);

    /**
     * Takes a part as it is now.
     *
     * @param arrays gets its arrays by their entries
     * @param others how many it has that are of no part
     */
    static Part of(String name, CheckpointPart part, Map<String, INDArray> arrays, int others) {
      Map<String, Object> values = part.values();
      CheckpointJson.requirePlain("part \"" + name + "\"", values);
      Map<String, String> entries = new LinkedHashMap<>();
      part.arrays()
          .forEach(
              (key, array) -> {
                CheckpointArrays.requireReadable(
                    "the array \"" + key + "\" of the part \"" + name + "\"", array);
                String entry = SavedTraining.entry(arrays.size() - others);
                arrays.put(entry, array);
                entries.put(key, entry);
              });
      return new Part(values, entries);
    }

    /** Writes the entry of a file that has this alone. */
    byte[] writeAlone() throws IOException {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      FORMAT.put(VERSION, map);
      ALONE.put(this, map);
      return CheckpointJson.write(map);
    }

    /** Reads the entry of a file that has one alone. */
    static Part readAlone(String text) throws IOException {
      return ALONE.in(json(text));
    }

    private Object write() {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      VALUES.put(values, map);
      ARRAYS.put(arrays, map);
      return map;
    }

    private static Part read(JsonNode json) {
      return new Part(VALUES.in(json), ARRAYS.in(json));
    }
  }

  /** A key of the JSON, with both its sides. */
  private record Key<T>(String name, Written<T> written, Function<JsonNode, T> read) {

    /** What stands in the JSON for a value. */
    private interface Written<T> {
      @Nullable Object of(T value);
    }

    void put(T value, Map<String, @Nullable Object> map) {
      map.put(name, written.of(value));
    }

    boolean isIn(JsonNode json) {
      return json.has(name);
    }

    T in(JsonNode json) {
      return read.apply(json.required(name));
    }

    /** Returns a key whose value is written as it is. */
    static <T> Key<T> of(String name, Function<JsonNode, T> read) {
      return new Key<>(name, value -> value, read);
    }

    static <T> Key<List<T>> list(String name, Written<T> written, Function<JsonNode, T> read) {
      return new Key<>(
          name,
          list -> list.stream().map(written::of).toList(),
          json -> {
            List<T> list = new ArrayList<>();
            json.forEach(element -> list.add(read.apply(element)));
            return list;
          });
    }

    static <T> Key<Map<String, T>> map(
        String name, Written<T> written, Function<JsonNode, T> read) {
      return new Key<>(
          name,
          map -> {
            Map<String, @Nullable Object> values = new LinkedHashMap<>();
            map.forEach((key, value) -> values.put(key, written.of(value)));
            return values;
          },
          json -> {
            Map<String, T> map = new LinkedHashMap<>();
            json.fields()
                .forEachRemaining(field -> map.put(field.getKey(), read.apply(field.getValue())));
            return map;
          });
    }
  }
}
