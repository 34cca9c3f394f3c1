package io.github.dl4jtorch.recipes;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;

/**
 * A training in PyTorch's words: optimizer and param groups, schedule, clipping, accumulation,
 * label smoothing, averaging and early stopping. It is read from YAML or JSON, and put on a
 * network.
 *
 * <p>A recipe is a value. Files are data alone: they name no class and run nothing. What is wrong
 * in one is told all at once, each problem with its place.
 *
 * <pre>{@code
 * Recipe recipe =
 *     Recipe.fromYaml(
 *         """
 *         optimizer:
 *           type: AdamW
 *           lr: 1e-3
 *           param_groups:
 *           - {name: no decay, kind: [bias, normalization], weight_decay: 0}
 *           - {name: weights}
 *         schedule: {type: CosineAnnealingLR, T_max: 90}
 *         """);
 * RecipeTraining<MultiLayerNetwork> made = recipe.on(configuration);
 * made.network().fit(training, 90);
 * }</pre>
 */
public final class Recipe {

  private final Map<String, Object> map;
  private final Part read;

  private Recipe(Part read) {
    this.read = read;
    this.map = written(read.map());
  }

  /**
   * Reads a file.
   *
   * @param file the file; YAML if its name ends in .yaml or .yml, JSON if it ends in .json
   * @return the recipe
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the name ends in something else
   * @throws RecipeException if the recipe cannot be used, with all that is wrong
   */
  public static Recipe read(Path file) throws IOException {
    boolean isYaml = isYaml(file);
    String text;
    try {
      text = Files.readString(file);
    } catch (CharacterCodingException malformed) {
      throw Tree.unreadable(1, 1, "is not text in UTF-8");
    }
    return isYaml ? fromYaml(text) : fromJson(text);
  }

  private static boolean isYaml(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".yaml") || name.endsWith(".yml")) {
      return true;
    }
    if (name.endsWith(".json")) {
      return false;
    }
    throw new IllegalArgumentException("file must end in .yaml, .yml or .json but was " + file);
  }

  /**
   * Reads a recipe in YAML 1.2, in which {@code 1e-3} is a number. Tags, aliases and further
   * documents are refused.
   *
   * @param yaml the text
   * @return the recipe
   * @throws RecipeException if the recipe cannot be used, with all that is wrong
   */
  public static Recipe fromYaml(String yaml) {
    return of(YamlFile.read(yaml));
  }

  /**
   * Reads a recipe in JSON.
   *
   * @param json the text
   * @return the recipe
   * @throws RecipeException if the recipe cannot be used, with all that is wrong
   */
  public static Recipe fromJson(String json) {
    return of(JsonFile.read(json));
  }

  /**
   * Reads a recipe from plain maps and lists, as {@link #toMap} gives them.
   *
   * @param map the map
   * @return the recipe
   * @throws RecipeException if the recipe cannot be used, with all that is wrong
   */
  public static Recipe fromMap(Map<String, ?> map) {
    return of(Tree.of(map));
  }

  private static Recipe of(Tree tree) {
    Problems problems = new Problems();
    Part read = new RecipeReader(problems).recipe(tree);
    Checks.run(read, tree, problems);
    problems.refuse();
    return new Recipe(read);
  }

  /**
   * Returns the recipe of what a network has: its updaters and weight decays, and what its
   * listeners do, as {@link #on} would put it there. Early stopping is not the network's, so it is
   * not in it.
   *
   * @param net the network, initialised
   * @return the recipe; a group's rate is the one its run started with
   * @throws IllegalStateException if the network is not initialised, or has something that no
   *     recipe can say, as an updater of DL4J or a plain lambda
   */
  public static Recipe of(NeuralNetwork net) {
    return RecipeOfNetwork.read(net);
  }

  /**
   * Returns the JSON Schema of recipes, for editors. It knows the schedules that can be read at
   * present.
   *
   * @return the schema, in draft 2020-12
   */
  public static String schema() {
    return RecipeSchema.write();
  }

  /**
   * Returns the recipe as plain maps and lists, with every default that counts.
   *
   * @return an unmodifiable map
   */
  public Map<String, Object> toMap() {
    return map;
  }

  /**
   * Returns the recipe in YAML.
   *
   * @return the text, from which {@link #fromYaml} gives an equal recipe
   */
  public String toYaml() {
    return YamlFile.write(map);
  }

  /**
   * Returns the recipe in JSON.
   *
   * @return the text, from which {@link #fromJson} gives an equal recipe
   */
  public String toJson() {
    return JsonFile.write(map);
  }

  /**
   * Writes the recipe into a file.
   *
   * @param file the file; YAML if its name ends in .yaml or .yml, JSON if it ends in .json
   * @throws IOException if it cannot be written
   * @throws IllegalArgumentException if the name ends in something else
   */
  public void write(Path file) throws IOException {
    Files.writeString(file, isYaml(file) ? toYaml() : toJson());
  }

  /**
   * Returns the schedule of the learning rate.
   *
   * @return the definition; empty if the rate stays
   */
  public Optional<Schedule> schedule() {
    return read.has("schedule") ? Optional.of((Schedule) read.get("schedule")) : Optional.empty();
  }

  /**
   * Makes a network of a configuration and puts this recipe on it.
   *
   * @param configuration the configuration, which stays as it is
   * @return the network, and what training it needs
   * @throws IllegalArgumentException if the recipe does not fit, as a param group that selects
   *     nothing, or a schedule that needs a metric
   */
  @CheckReturnValue
  public RecipeTraining<MultiLayerNetwork> on(MultiLayerConfiguration configuration) {
    return onNew(configuration, null);
  }

  /**
   * Makes a network of a configuration and puts this recipe on it.
   *
   * @param configuration the configuration, which stays as it is
   * @param metric what a schedule that needs a metric is stepped with
   * @return the network, and what training it needs
   * @throws IllegalArgumentException if the recipe does not fit, as a param group that selects
   *     nothing
   */
  @CheckReturnValue
  public RecipeTraining<MultiLayerNetwork> on(
      MultiLayerConfiguration configuration, ScoreCalculator<? extends Model> metric) {
    return onNew(configuration, requireNonNull(metric));
  }

  /**
   * Makes a network of a configuration and puts this recipe on it.
   *
   * @param configuration the configuration, which stays as it is
   * @return the network, and what training it needs
   * @throws IllegalArgumentException if the recipe does not fit, as a param group that selects
   *     nothing, or a schedule that needs a metric
   */
  @CheckReturnValue
  public RecipeTraining<ComputationGraph> on(ComputationGraphConfiguration configuration) {
    return onNew(configuration, null);
  }

  /**
   * Makes a network of a configuration and puts this recipe on it.
   *
   * @param configuration the configuration, which stays as it is
   * @param metric what a schedule that needs a metric is stepped with
   * @return the network, and what training it needs
   * @throws IllegalArgumentException if the recipe does not fit, as a param group that selects
   *     nothing
   */
  @CheckReturnValue
  public RecipeTraining<ComputationGraph> on(
      ComputationGraphConfiguration configuration, ScoreCalculator<? extends Model> metric) {
    return onNew(configuration, requireNonNull(metric));
  }

  /**
   * Puts this recipe on a network, in the place of the updaters that it has: their state starts
   * afresh, while parameters and counts stay. It is tried on a copy first.
   *
   * @param net the network, initialised, without a listener of a recipe before
   * @param <N> its type
   * @return the same network, and what training it needs
   * @throws IllegalStateException if the network is not initialised, or has a listener that steps
   *     rates, clips, accumulates or averages; nothing is changed
   * @throws IllegalArgumentException if the recipe does not fit, as a param group that selects
   *     nothing, or a schedule that needs a metric; nothing is changed
   */
  @CheckReturnValue
  public <N extends Model & NeuralNetwork> RecipeTraining<N> on(N net) {
    return RecipeOnNetwork.tried(read, net, null);
  }

  /**
   * Puts this recipe on a network, in the place of the updaters that it has: their state starts
   * afresh, while parameters and counts stay. It is tried on a copy first.
   *
   * @param net the network, initialised, without a listener of a recipe before
   * @param metric what a schedule that needs a metric is stepped with
   * @param <N> its type
   * @return the same network, and what training it needs
   * @throws IllegalStateException if the network is not initialised, or has a listener that steps
   *     rates, clips, accumulates or averages; nothing is changed
   * @throws IllegalArgumentException if the recipe does not fit, as a param group that selects
   *     nothing; nothing is changed
   */
  @CheckReturnValue
  public <N extends Model & NeuralNetwork> RecipeTraining<N> on(
      N net, ScoreCalculator<? extends Model> metric) {
    return RecipeOnNetwork.tried(read, net, requireNonNull(metric));
  }

  /**
   * Puts into a configuration what one can hold: the optimizer, a schedule that every updater
   * follows by itself, label smoothing, and groups that only go without weight decay. That is what
   * ParallelWrapper and Spark can train; all else is {@link #on(MultiLayerConfiguration)}'s.
   *
   * @param configuration the configuration of a network that is not built yet
   * @return the same configuration
   * @throws IllegalArgumentException if the recipe says what no configuration can hold, or does not
   *     fit; nothing is changed
   */
  public MultiLayerConfiguration applyTo(MultiLayerConfiguration configuration) {
    RecipeInConfiguration.optimizer(read).applyTo(configuration.clone());
    List<Layer> layers =
        configuration.getConfs().stream().map(NeuralNetConfiguration::getLayer).toList();
    OutputLosses.smooth(layers, read);
    return RecipeInConfiguration.optimizer(read).applyTo(configuration);
  }

  /**
   * Puts into a configuration what one can hold: the optimizer, a schedule that every updater
   * follows by itself, label smoothing, and groups that only go without weight decay. That is what
   * ParallelWrapper and Spark can train; all else is {@link #on(ComputationGraphConfiguration)}'s.
   *
   * @param configuration the configuration of a network that is not built yet
   * @return the same configuration
   * @throws IllegalArgumentException if the recipe says what no configuration can hold, or does not
   *     fit; nothing is changed
   */
  public ComputationGraphConfiguration applyTo(ComputationGraphConfiguration configuration) {
    RecipeInConfiguration.optimizer(read).applyTo(configuration.clone());
    List<Layer> layers =
        configuration.getVertices().values().stream()
            .filter(LayerVertex.class::isInstance)
            .map(vertex -> ((LayerVertex) vertex).getLayerConf().getLayer())
            .toList();
    OutputLosses.smooth(layers, read);
    return RecipeInConfiguration.optimizer(read).applyTo(configuration);
  }

  private RecipeTraining<MultiLayerNetwork> onNew(
      MultiLayerConfiguration configuration, @Nullable ScoreCalculator<? extends Model> metric) {
    MultiLayerNetwork net = new MultiLayerNetwork(configuration.clone());
    net.init();
    return RecipeOnNetwork.put(read, net, metric);
  }

  private RecipeTraining<ComputationGraph> onNew(
      ComputationGraphConfiguration configuration,
      @Nullable ScoreCalculator<? extends Model> metric) {
    ComputationGraph net = new ComputationGraph(configuration.clone());
    net.init();
    return RecipeOnNetwork.put(read, net, metric);
  }

  private static Map<String, Object> written(Map<String, Object> read) {
    Map<String, Object> written = new LinkedHashMap<>();
    read.forEach((key, value) -> written.put(key, written(value)));
    return Collections.unmodifiableMap(written);
  }

  @SuppressWarnings("unchecked") // As the reader makes them.
  private static Object written(Object value) {
    if (value instanceof Schedule schedule) {
      return schedule.toMap();
    }
    if (value instanceof Map<?, ?> map) {
      return written((Map<String, Object>) map);
    }
    if (value instanceof List<?> list) {
      List<Object> written = new ArrayList<>();
      list.forEach(entry -> written.add(written(entry)));
      return List.copyOf(written);
    }
    return value;
  }

  /** Recipes are equal if they say the same. */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Recipe that && map.equals(that.map);
  }

  @Override
  public int hashCode() {
    return map.hashCode();
  }

  /** Returns the recipe as a map. */
  @Override
  public String toString() {
    return map.toString();
  }
}
