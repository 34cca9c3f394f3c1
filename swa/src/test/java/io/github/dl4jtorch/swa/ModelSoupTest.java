package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointException;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Soups of models whose one weight is a number, and of trained ones. */
class ModelSoupTest {

  @TempDir private Path folder;

  /** A model all of whose weights are a number, in a checkpoint or in a file of DL4J's by turns. */
  private Path model(double weight) throws IOException {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 4), Nets.output(4));
    net.params().assign(weight);
    Path file = folder.resolve(weight + ".zip");
    if (weight == Math.rint(weight)) {
      CheckpointWriter.of(net).save(file);
    } else {
      ModelSerializer.writeModel(net, file.toFile(), true);
    }
    return file;
  }

  private static double weight(MultiLayerNetwork net) {
    double[] params = Nets.params(net);
    assertThat(params).containsOnly(params[0]);
    return params[0];
  }

  /** The nearer to 10, the better. */
  private static double nearTen(MultiLayerNetwork net) {
    return -Math.abs(weight(net) - 10);
  }

  @Test
  void addsGreedilyWhatMakesItNoWorse() throws IOException {
    List<Path> files = List.of(model(13), model(9), model(7.5), model(9.25), model(11.5));
    ModelSoup<MultiLayerNetwork> soup =
        ModelSoup.greedy(MultiLayerNetwork.class, files, ModelSoupTest::nearTen);
    assertThat(soup.ingredients())
        .containsExactly(
            new ModelSoup.Ingredient(files.get(3), -0.75, true),
            // (9.25 + 9) / 2 is 9.125, which is worse.
            new ModelSoup.Ingredient(files.get(1), -1, false),
            // (9.25 + 11.5) / 2 is 10.375.
            new ModelSoup.Ingredient(files.get(4), -1.5, true),
            // (9.25 + 11.5 + 7.5) / 3 is 9.417, worse.
            new ModelSoup.Ingredient(files.get(2), -2.5, false),
            new ModelSoup.Ingredient(files.get(0), -3, false));
    assertThat(soup.score()).isCloseTo(-0.375, within(1e-14));
    assertThat(weight(soup.network())).isCloseTo(10.375, within(1e-14));
  }

  /** A mean of three, and an equal score is good enough. */
  @Test
  void aScoreThatIsNoWorseIsEnough() throws IOException {
    List<Path> files = List.of(model(1), model(2.5), model(4));
    ModelSoup<MultiLayerNetwork> soup = ModelSoup.greedy(MultiLayerNetwork.class, files, net -> 7);
    assertThat(soup.ingredients()).extracting(ModelSoup.Ingredient::file).isEqualTo(files);
    assertThat(soup.ingredients()).allMatch(ModelSoup.Ingredient::isAdded);
    assertThat(weight(soup.network())).isCloseTo(2.5, within(1e-15));
    assertThat(soup.score()).isEqualTo(7);
  }

  @Test
  void aUniformSoupIsTheMeanOfAll() throws IOException {
    assertThat(
            weight(
                ModelSoup.uniform(
                    MultiLayerNetwork.class, List.of(model(13), model(9), model(7.5), model(0.5)))))
        .isCloseTo(7.5, within(1e-14));
  }

  /** Trained graphs with normalization, against a slow greedy choice by hand. */
  @Test
  void isTheSameAsByHand() throws IOException {
    ToDoubleFunction<ComputationGraph> score =
        net -> -net.evaluateRegression(batches()).averageMeanSquaredError();
    List<Path> files = new ArrayList<>();
    List<ComputationGraph> nets = new ArrayList<>();
    for (int run = 0; run < 5; run++) {
      ComputationGraph net = Nets.graph(true);
      for (int epoch = 0; epoch <= 2 * run; epoch++) {
        Nets.fit(net, Nets.data(4, 6).subList(run % 2, 4));
      }
      files.add(folder.resolve(run + ".zip"));
      CheckpointWriter.of(net).save(files.get(run));
      nets.add(net);
    }
    ModelSoup<ComputationGraph> soup = ModelSoup.greedy(ComputationGraph.class, files, score);

    List<ComputationGraph> sorted = new ArrayList<>(nets);
    sorted.sort(
        (one, other) -> Double.compare(score.applyAsDouble(other), score.applyAsDouble(one)));
    List<ComputationGraph> chosen = new ArrayList<>(sorted.subList(0, 1));
    for (ComputationGraph next : sorted.subList(1, 5)) {
      List<ComputationGraph> with = new ArrayList<>(chosen);
      with.add(next);
      if (score.applyAsDouble(mean(with)) >= score.applyAsDouble(mean(chosen))) {
        chosen = with;
      }
    }
    assertThat(soup.ingredients().stream().filter(ModelSoup.Ingredient::isAdded))
        .hasSameSizeAs(chosen)
        .extracting(ModelSoup.Ingredient::file)
        .containsExactlyElementsOf(
            chosen.stream().map(net -> files.get(nets.indexOf(net))).toList());
    assertThat(Nets.params(soup.network()))
        .containsExactly(Nets.params(mean(chosen)), within(1e-12));
    assertThat(soup.score()).isGreaterThanOrEqualTo(score.applyAsDouble(sorted.get(0)));
  }

  private static ExistingDataSetIterator batches() {
    return new ExistingDataSetIterator(Nets.data(3, 6));
  }

  private static ComputationGraph mean(List<ComputationGraph> nets) {
    ComputationGraph mean = Nets.graph(true);
    for (Map.Entry<String, INDArray> param : mean.paramTable().entrySet()) {
      boolean isLog = param.getKey().endsWith("log10stdev");
      double[] sum = new double[(int) param.getValue().length()];
      for (ComputationGraph net : nets) {
        double[] values = Nets.param(net, param.getKey());
        for (int i = 0; i < sum.length; i++) {
          sum[i] += (isLog ? Math.pow(100, values[i]) : values[i]) / nets.size();
        }
      }
      for (int i = 0; i < sum.length; i++) {
        sum[i] = isLog ? Math.log10(sum[i]) / 2 : sum[i];
      }
      param.getValue().assign(Nd4j.createFromArray(sum).reshape('c', param.getValue().shape()));
    }
    return mean;
  }

  /** What the score does to the statistics stays, even in a soup of one. */
  @Test
  void keepsTheStatisticsThatTheScoreComputed() throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    Nets.fit(net, Nets.data(4, 6));
    Path file = folder.resolve("net.zip");
    CheckpointWriter.of(net).save(file);
    ModelSoup<MultiLayerNetwork> soup =
        ModelSoup.greedy(
            MultiLayerNetwork.class,
            List.of(file),
            model -> {
              new UpdateBn().run(model, batches());
              return 1;
            });
    new UpdateBn().run(net, batches());
    assertThat(Nets.params(soup.network())).isEqualTo(Nets.params(net));
  }

  @Test
  void namesTheFileThatIsWrong() throws IOException {
    Path good = model(1);
    assertThatThrownBy(() -> ModelSoup.uniform(MultiLayerNetwork.class, List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("files must have at least 1 but were none");
    assertThatThrownBy(() -> ModelSoup.uniform(ComputationGraph.class, List.of(good)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "%s must hold a ComputationGraph: kind must be MultiLayerNetwork.class, of which the"
                + " network is that was saved, but was ComputationGraph.class",
            good);
    Path plain = model(1.5);
    assertThatThrownBy(() -> ModelSoup.uniform(ComputationGraph.class, List.of(plain)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(plain + " must hold a ComputationGraph: ");
    Path other = folder.resolve("other.zip");
    CheckpointWriter.of(Nets.layers(true)).save(other);
    assertThatThrownBy(() -> ModelSoup.uniform(MultiLayerNetwork.class, List.of(good, other)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "%s: the network must have the architecture of the average, but where that has 1_W of"
                + " shape [4, 2], it has 1_gamma of shape [4]",
            other);
    assertThatThrownBy(
            () ->
                ModelSoup.greedy(MultiLayerNetwork.class, List.of(plain, good), net -> Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the score of %s must be a number but was NaN", plain);
    Path half = folder.resolve("half.zip");
    byte[] bytes = Files.readAllBytes(good);
    Files.write(half, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> ModelSoup.uniform(MultiLayerNetwork.class, List.of(good, half)))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "%s cannot be loaded: it is no checkpoint, or it is damaged or its end is missing",
            half);
  }
}
