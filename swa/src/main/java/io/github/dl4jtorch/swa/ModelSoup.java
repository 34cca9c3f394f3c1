package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointException;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;

/**
 * The mean of models that were fine-tuned from the same weights, or saved along one training, each
 * in a file: a checkpoint of this library or a model file of DL4J's.
 *
 * <p>See Wortsman et al., <a href="https://arxiv.org/abs/2203.05482">Model soups: averaging weights
 * of multiple fine-tuned models improves accuracy without increasing inference time</a>.
 *
 * <pre>{@code
 * List<Path> files = List.of(Path.of("run1.zip"), Path.of("run2.zip"), Path.of("run3.zip"));
 * ModelSoup<MultiLayerNetwork> soup =
 *     ModelSoup.greedy(
 *         MultiLayerNetwork.class, files, model -> model.evaluate(validation).accuracy());
 * soup.network().save(new File("soup.zip"), false);
 * }</pre>
 *
 * <p>Running statistics of batch normalization are averaged as well, the variance as a variance.
 * Better ones come from the training's data: let the score begin with {@code new
 * UpdateBn().run(model, training)}, and those of the soup stay in it.
 *
 * @param network the soup
 * @param score what it scored
 * @param ingredients all models, from the best one on
 * @param <N> the kind of network
 */
public record ModelSoup<N extends NeuralNetwork>(
    N network, double score, List<Ingredient> ingredients) {

  /**
   * A model.
   *
   * @param file its file
   * @param score what it scored by itself
   * @param isAdded whether it went into the soup
   */
  public record Ingredient(Path file, double score, boolean isAdded) {}

  private record Scored(Path file, double score) {}

  /**
   * Copies the list.
   *
   * @param network the soup
   * @param score what it scored
   * @param ingredients all models, from the best one on
   */
  public ModelSoup {
    ingredients = List.copyOf(ingredients);
  }

  /**
   * Makes a greedy soup: the best model, and then of the others, from the better to the worse, each
   * one with which the mean scores no worse than without it. Each file is read twice, and there are
   * three networks in memory.
   *
   * @param kind {@code MultiLayerNetwork.class} or {@code ComputationGraph.class}
   * @param files the models, at least one
   * @param score scores a model, on data that neither trained it nor will test it; higher is
   *     better, so a loss is negated
   * @param classes classes of one's own that the configurations in checkpoints name, as for {@link
   *     TrainingCheckpoint#load}
   * @param <N> the kind of network
   * @return the soup
   * @throws IllegalArgumentException if there is no file, one is of the other kind or of another
   *     architecture, or a model's own score is NaN; the message names the file
   * @throws CheckpointException if a file is neither a whole checkpoint nor a model
   * @throws IOException if a file cannot be read
   */
  public static <N extends NeuralNetwork> ModelSoup<N> greedy(
      Class<N> kind, List<Path> files, ToDoubleFunction<? super N> score, Class<?>... classes)
      throws IOException {
    Require.requireGiven("score", score);
    requireSome(files);
    List<Scored> sorted = new ArrayList<>();
    for (Path file : files) {
      double own = score.applyAsDouble(load(kind, file, classes));
      if (Double.isNaN(own)) {
        throw new IllegalArgumentException(
            "the score of " + file + " must be a number but was NaN");
      }
      sorted.add(new Scored(file, own));
    }
    sorted.sort(Comparator.comparingDouble(Scored::score).reversed());

    Scored first = sorted.get(0);
    N model = load(kind, first.file, classes);
    AveragedModel<N> soup = mean(model);
    AveragedModel<N> tried = mean(model);
    soup.updateParameters(model);
    // Once more, for what the score may have done to the statistics.
    double best = score.applyAsDouble(soup.network());
    List<Ingredient> ingredients = new ArrayList<>();
    ingredients.add(new Ingredient(first.file, first.score, true));
    for (Scored next : sorted.subList(1, sorted.size())) {
      tried.loadStateDict(soup.stateDict(), soup.network().params());
      add(tried, next.file, load(kind, next.file, classes));
      double with = score.applyAsDouble(tried.network());
      boolean isAdded = with >= best;
      if (isAdded) {
        best = with;
        AveragedModel<N> former = soup;
        soup = tried;
        tried = former;
      }
      ingredients.add(new Ingredient(next.file, next.score, isAdded));
    }
    return new ModelSoup<>(soup.network(), best, ingredients);
  }

  /**
   * Makes a uniform soup: the mean of all models.
   *
   * @param kind {@code MultiLayerNetwork.class} or {@code ComputationGraph.class}
   * @param files the models, at least one
   * @param classes classes of one's own that the configurations in checkpoints name, as for {@link
   *     TrainingCheckpoint#load}
   * @param <N> the kind of network
   * @return the mean
   * @throws IllegalArgumentException if there is no file, or one is of the other kind or of another
   *     architecture; the message names the file
   * @throws CheckpointException if a file is neither a whole checkpoint nor a model
   * @throws IOException if a file cannot be read
   */
  public static <N extends NeuralNetwork> N uniform(
      Class<N> kind, List<Path> files, Class<?>... classes) throws IOException {
    requireSome(files);
    AveragedModel<N> soup = mean(load(kind, files.get(0), classes));
    for (Path file : files) {
      add(soup, file, load(kind, file, classes));
    }
    return soup.network();
  }

  private static void requireSome(List<Path> files) {
    if (files.isEmpty()) {
      throw new IllegalArgumentException("files must have at least 1 but were none");
    }
  }

  private static <N extends NeuralNetwork> AveragedModel<N> mean(N model) {
    return AveragedModel.of(model, Averaging.equal().useBuffers(true));
  }

  private static <N extends NeuralNetwork> void add(AveragedModel<N> soup, Path file, N model) {
    try {
      soup.updateParameters(model);
    } catch (IllegalArgumentException refused) {
      throw new IllegalArgumentException(file + ": " + refused.getMessage(), refused);
    }
  }

  private static <N extends NeuralNetwork> N load(Class<N> kind, Path file, Class<?>... classes)
      throws IOException {
    try {
      if (!TrainingCheckpoint.isPlainModel(file)) {
        return TrainingCheckpoint.load(file, classes).network(kind);
      }
      File model = file.toFile();
      return kind.cast(
          kind == ComputationGraph.class
              ? ModelSerializer.restoreComputationGraph(model, false)
              : ModelSerializer.restoreMultiLayerNetwork(model, false));
    } catch (RuntimeException refused) {
      throw new IllegalArgumentException(
          file + " must hold a " + kind.getSimpleName() + ": " + refused.getMessage(), refused);
    }
  }
}
