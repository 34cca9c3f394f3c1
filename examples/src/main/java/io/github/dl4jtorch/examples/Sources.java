package io.github.dl4jtorch.examples;

import static java.util.Objects.requireNonNull;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.recipes.Recipe;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Finds schedules in what is named on a command line: a definition as in Python, a definition in
 * JSON, a recipe, a checkpoint, or a file of PyTorch's.
 *
 * @param lr the rates that a definition starts from, one a param group
 * @param momentum the momentum that it starts from
 * @param definition what the scheduler in a file of PyTorch's is, null if the file is to tell
 */
record Sources(List<Double> lr, double momentum, @Nullable Schedule definition) {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** Stands before a definition that is stepped once an epoch. */
  private static final String BY_EPOCH = "epoch:";

  /** Reads one argument. */
  List<Source> read(String argument) throws IOException {
    if (argument.startsWith(BY_EPOCH)) {
      return read(argument.substring(BY_EPOCH.length())).stream()
          .map(source -> source.stepped(true))
          .toList();
    }
    if (DefinitionText.isOne(argument)) {
      return List.of(afresh(argument, DefinitionText.read(argument)));
    }
    Path file = Path.of(argument);
    String name = argument.toLowerCase(Locale.ROOT);
    if (name.endsWith(".yaml") || name.endsWith(".yml")) {
      return List.of(recipe(file));
    } else if (name.endsWith(".zip")) {
      return checkpoint(file);
    } else if (name.endsWith(".pt") || name.endsWith(".pth")) {
      return List.of(TorchStates.read(file, definition));
    }
    return List.of(json(file));
  }

  private Source afresh(String name, Schedule schedule) {
    List<ParamGroup> groups = new ArrayList<>();
    lr.forEach(
        rate -> groups.add(NetworkParamGroups.planned(MomentumKind.MOMENTUM, rate, momentum)));
    return Source.of(name, schedule, ParamGroups.of(groups), null, false);
  }

  private Source json(Path file) throws IOException {
    try {
      JsonNode tree = MAPPER.readTree(Files.readString(file));
      if (!tree.isObject()) {
        throw new MalformedDataException("a schedule must be a JSON object but was " + tree);
      }
      if (tree.has("optimizer")) {
        return recipe(file);
      }
      return afresh(
          file.getFileName().toString(),
          Schedule.fromMap(MAPPER.convertValue(tree, new TypeReference<>() {})));
    } catch (JsonProcessingException malformed) {
      throw new MalformedDataException(
          "line " + malformed.getLocation().getLineNr() + ": " + malformed.getOriginalMessage(),
          malformed);
    }
  }

  private static List<Source> checkpoint(Path file) throws IOException {
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    List<Source> sources = new ArrayList<>();
    for (String name : checkpoint.runNames()) {
      LRScheduler run = checkpoint.run(name);
      NetworkParamGroups groups = checkpoint.groups(name);
      sources.add(
          Source.of(name, run, IntStream.range(0, groups.size()).mapToObj(groups::name).toList()));
    }
    if (sources.isEmpty()) {
      throw new MalformedDataException("the checkpoint has no run");
    }
    return sources;
  }

  private static Source recipe(Path file) throws IOException {
    Recipe recipe = Recipe.read(file);
    Schedule schedule =
        recipe
            .schedule()
            .orElseThrow(() -> new MalformedDataException("the recipe has no schedule"));
    Map<?, ?> map = recipe.toMap();
    if (map.get("averaging") instanceof Map<?, ?> averaging && averaging.containsKey("swalr")) {
      throw new MalformedDataException(
          "averaging.swalr takes over in the training, which is not drawn: leave it out");
    }
    Map<?, ?> optimizer = requireNonNull((Map<?, ?>) map.get("optimizer"));
    List<ParamGroup> groups = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<?> parts =
        optimizer.get("param_groups") instanceof List<?> given ? given : List.of(Map.of());
    for (Object part : parts) {
      Map<?, ?> group = (Map<?, ?>) part;
      names.add(
          group.containsKey("name") ? (String) group.get("name") : "param group " + names.size());
      groups.add(group(group, optimizer));
    }
    return Source.of(
        file.getFileName().toString(),
        schedule,
        ParamGroups.of(groups),
        names,
        "epoch".equals(map.get("step")));
  }

  private static ParamGroup group(Map<?, ?> group, Map<?, ?> optimizer) {
    double lr = number(group.containsKey("lr") ? group : optimizer, "lr");
    if (optimizer.get("betas") instanceof List<?> betas) {
      double beta1 =
          group.containsKey("momentum")
              ? number(group, "momentum")
              : ((Number) betas.get(0)).doubleValue();
      return NetworkParamGroups.planned(MomentumKind.BETA1, lr, beta1);
    }
    double momentum = number(group.containsKey("momentum") ? group : optimizer, "momentum");
    // Without one, an optimizer keeps no velocity that a schedule could change.
    return NetworkParamGroups.planned(
        number(optimizer, "momentum") > 0 ? MomentumKind.MOMENTUM : MomentumKind.NONE,
        lr,
        momentum);
  }

  private static double number(Map<?, ?> map, String key) {
    return map.get(key) instanceof Number number ? number.doubleValue() : 0;
  }
}
