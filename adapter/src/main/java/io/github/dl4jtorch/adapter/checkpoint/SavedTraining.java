package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.internal.ExactLr;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OptimizerValues;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * What a checkpoint's file holds, as it was read.
 *
 * @param json what is of this library
 * @param configuration the network's configuration, as DL4J writes it
 * @param arrays the arrays by the names of their entries
 * @param <A> what was read of an array
 */
record SavedTraining<A>(JsonNode json, String configuration, Map<String, A> arrays) {

  private static final Set<String> TEXTS =
      Set.of(ModelSerializer.CONFIGURATION_JSON, CheckpointFile.ENTRY);

  /** Reads an array that takes the rest of an entry. */
  private interface ArrayReader<A> {
    A read(CheckpointFile.Entries zip) throws IOException;
  }

  /** A set of groups that were made together, and what they had. */
  record Groups(List<List<String>> params, List<String> frozen, List<Map<String, Object>> values) {

    /** Gives groups the values. */
    void putInto(ParamGroups groups) {
      groups.loadStateDict(values);
    }
  }

  /**
   * A run and where it was.
   *
   * @param definition null if it has no written form
   * @param set the number of the set of groups that its own are of
   * @param groups the numbers of its groups in the set
   */
  record Run(
      @Nullable Schedule definition, int set, List<Integer> groups, Map<String, Object> state) {

    /** Goes on with the run on groups that have their values. */
    LRScheduler attach(Schedule definition, ParamGroups groups, Groups saved) {
      return definition.resume(groups, state, this.groups.stream().map(saved.values::get).toList());
    }
  }

  static SavedTraining<INDArray> read(CheckpointFile.Entries zip) throws IOException {
    return read(zip, CheckpointArrays::read);
  }

  /**
   * Reads what has just been written as it will be read, but not the numbers of the arrays, and
   * without a network.
   */
  static SavedTraining<Boolean> check(CheckpointFile.Entries zip) throws IOException {
    SavedTraining<Boolean> saved =
        read(
            zip,
            array -> {
              CheckpointArrays.check(array);
              return true;
            });
    Class<?> kind =
        saved.isGraph() ? ComputationGraphConfiguration.class : MultiLayerConfiguration.class;
    CheckpointConfiguration.readOwn(saved.configuration, kind);
    List<Groups> sets = saved.groups();
    List<ParamGroups> standIns = sets.stream().map(StandIn::of).toList();
    for (Run run : saved.runs().values()) {
      if (run.definition != null) {
        ParamGroups all = standIns.get(run.set);
        ParamGroups own = ParamGroups.of(run.groups.stream().map(all::get).toList());
        run.attach(run.definition, own, sets.get(run.set));
      }
    }
    saved.parts();
    return saved;
  }

  private static <A> SavedTraining<A> read(CheckpointFile.Entries zip, ArrayReader<A> reader)
      throws IOException {
    Map<String, String> texts = new HashMap<>();
    Map<String, A> arrays = new HashMap<>();
    for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
      String name = entry.getName();
      if (name.endsWith(".bin")) {
        arrays.put(name, reader.read(zip));
      } else if (TEXTS.contains(name)) {
        texts.put(name, CheckpointJson.text(zip));
      }
    }
    JsonNode json = CheckpointJson.tree(require(CheckpointFile.ENTRY, texts));
    int format = json.required("format").asInt();
    if (format != CheckpointWriter.FORMAT) {
      throw new IllegalArgumentException(
          "format must be "
              + CheckpointWriter.FORMAT
              + " but is "
              + format
              + ", which another version of this library wrote");
    }
    String configuration = require(ModelSerializer.CONFIGURATION_JSON, texts);
    return new SavedTraining<>(json, configuration, arrays);
  }

  private static <T> T require(String entry, Map<String, T> entries) {
    T found = entries.get(entry);
    if (found == null) {
      throw new IllegalArgumentException("it has no " + entry);
    }
    return found;
  }

  A array(String entry) {
    return require(entry, arrays);
  }

  boolean isGraph() {
    return json.required("network").asText().equals(CheckpointWriter.GRAPH);
  }

  List<Groups> groups() {
    List<Groups> sets = new ArrayList<>();
    for (JsonNode set : json.required("groups")) {
      List<List<String>> params = new ArrayList<>();
      set.required("params").forEach(names -> params.add(texts(names)));
      List<Map<String, Object>> values = new ArrayList<>();
      set.required("values").forEach(group -> values.add(CheckpointJson.map(group)));
      sets.add(new Groups(params, texts(set.required("frozen")), values));
    }
    return sets;
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  Map<String, Run> runs() {
    Map<String, Run> runs = new LinkedHashMap<>();
    json.required("runs").fields().forEachRemaining(run -> runs.put(run.getKey(), run(run)));
    return runs;
  }

  private static Run run(Map.Entry<String, JsonNode> named) {
    JsonNode saved = named.getValue();
    List<Integer> groups = new ArrayList<>();
    saved.required("groups").forEach(number -> groups.add(number.asInt()));
    JsonNode definition = saved.required("definition");
    return new Run(
        definition.isNull() ? null : Schedule.fromMap(CheckpointJson.map(definition)),
        saved.required("set").asInt(),
        groups,
        CheckpointJson.map(saved.required("state")));
  }

  /** Returns the names of each part's arrays, by their own names, in place of the part. */
  Map<String, Part<A>> parts() {
    Map<String, Part<A>> parts = new LinkedHashMap<>();
    json.required("parts")
        .fields()
        .forEachRemaining(part -> parts.put(part.getKey(), part(part.getValue())));
    return parts;
  }

  /** Something else that was saved. */
  record Part<A>(Map<String, Object> values, Map<String, A> arrays) {}

  private Part<A> part(JsonNode saved) {
    Map<String, A> own = new LinkedHashMap<>();
    saved
        .required("arrays")
        .fields()
        .forEachRemaining(entry -> own.put(entry.getKey(), array(entry.getValue().asText())));
    return new Part<>(CheckpointJson.map(saved.required("values")), own);
  }

  /** The values of a group as those of a network's updaters would be, without the network. */
  private static final class StandIn implements OptimizerValues {
    private final MomentumKind momentumKind;
    private double lr;
    private double momentum;

    private StandIn(MomentumKind momentumKind) {
      this.momentumKind = momentumKind;
    }

    static ParamGroups of(Groups saved) {
      List<ParamGroup> groups = new ArrayList<>();
      for (Map<String, Object> values : saved.values) {
        MomentumKind kind =
            values.containsKey("betas")
                ? MomentumKind.BETA1
                : values.containsKey("momentum") ? MomentumKind.MOMENTUM : MomentumKind.NONE;
        groups.add(ParamGroup.over(new StandIn(kind)));
      }
      ParamGroups made = ParamGroups.of(groups);
      saved.putInto(made);
      return made;
    }

    @Override
    public double lr() {
      return lr;
    }

    @Override
    public void setLr(double lr) {
      this.lr = lr;
    }

    @Override
    public MomentumKind momentumKind() {
      return momentumKind;
    }

    @Override
    public double momentum() {
      return momentum;
    }

    @Override
    public void setMomentum(double momentum) {
      this.momentum = momentum;
    }

    @Override
    public double lowestLr(double highestLr) {
      return ExactLr.lowest(highestLr);
    }
  }
}
