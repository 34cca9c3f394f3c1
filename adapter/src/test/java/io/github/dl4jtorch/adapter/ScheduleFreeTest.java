package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.optim.AdamWScheduleFree;
import io.github.dl4jtorch.adapter.optim.SGDScheduleFree;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

class ScheduleFreeTest {

  private static final TorchOptimizer ADAMW =
      TorchOptimizer.of(new AdamWScheduleFree(0.02).withWarmupSteps(3)).withWeightDecay(0.1);

  private static final String REFUSED =
      "the network must have its training weights but has those for evaluation, within"
          + " ScheduleFree.during(..) or since it was saved there";

  /** With random numbers and running statistics. */
  private static MultiLayerNetwork layers() {
    return Nets.init(
        ADAMW.applyTo(
            Nets.settings(new Sgd())
                .list(
                    Nets.dense(Nets.INPUTS, 4),
                    Nets.norm(4, true),
                    new DropoutLayer(0.5),
                    Nets.output(4))
                .build()));
  }

  private static ComputationGraph graph() {
    ComputationGraph net =
        new ComputationGraph(
            ADAMW.applyTo(
                Nets.settings(new Sgd())
                    .graphBuilder()
                    .addInputs("in")
                    .addLayer("a", Nets.dense(Nets.INPUTS, 4), "in")
                    .addLayer("norm", Nets.norm(4, true), "a")
                    .addLayer("drop", new DropoutLayer(0.5), "norm")
                    .addLayer("out", Nets.output(4), "drop")
                    .setOutputs("out")
                    .build()));
    net.init();
    return net;
  }

  private static double[] state(Model net) {
    return (net instanceof MultiLayerNetwork layers
            ? layers.updaterState()
            : ((ComputationGraph) net).updaterState())
        .toDoubleVector();
  }

  private static double score(Model net, DataSet batch) {
    return net instanceof MultiLayerNetwork layers
        ? layers.score(batch)
        : ((ComputationGraph) net).score(batch);
  }

  /** The weights are those of the formula: x = y + (1 - 1 / beta) (z - y). */
  @Test
  void givesTheEvaluationWeightsAndTheTrainingWeightsBack() {
    for (Model net : List.of(layers(), graph())) {
      Nets.fit(net, Nets.data(6, 5));
      ScheduleFree weights = ScheduleFree.of((NeuralNetwork) net);
      double[] y = Nets.params(net);
      double[] before = state(net);
      double scoreOfY = score(net, Nets.data(1, 5).get(0));

      double scoreOfX = weights.during(() -> score(net, Nets.data(1, 5).get(0)));
      double[] x = weights.during(() -> Nets.params(net));

      assertThat(Nets.params(net)).isEqualTo(y);
      assertThat(state(net)).isEqualTo(before);
      assertThat(scoreOfX).isNotEqualTo(scoreOfY);
      // The first block is the first layer and gamma and beta: 3 * 4 + 4 + 2 * 4 numbers.
      int block = 24;
      for (int i = 0; i < block; i++) {
        assertThat(x[i]).isCloseTo(y[i] + (1 - 1 / 0.9) * before[i], within(1e-15));
        assertThat(x[i]).isNotEqualTo(y[i]);
      }
      // The running statistics.
      assertThat(Arrays.copyOfRange(x, block, block + 8))
          .isEqualTo(Arrays.copyOfRange(y, block, block + 8));
    }
  }

  /** What is done with it disturbs weights, statistics and random numbers, and throws. */
  @Test
  void trainingGoesOnToTheBitWhateverHappensWithin() {
    for (List<? extends Model> pair :
        List.of(List.of(layers(), layers()), List.of(graph(), graph()))) {
      List<DataSet> data = Nets.data(9, 5);
      Nd4j.getRandom().setSeed(5);
      Nets.fit(pair.get(0), data);
      Nd4j.getRandom().setSeed(5);
      Model net = pair.get(1);
      ScheduleFree weights = ScheduleFree.of((NeuralNetwork) net);
      for (DataSet batch : data) {
        assertThatThrownBy(
                () ->
                    weights.during(
                        () -> {
                          Nd4j.rand(7, 7);
                          net.params().assign(3);
                          throw new IOException("full");
                        }))
            .isExactlyInstanceOf(IOException.class)
            .hasMessage("full");
        Nets.fit(net, List.of(batch));
      }
      assertThat(Nets.params(net)).isEqualTo(Nets.params(pair.get(0)));
      assertThat(state(net)).isEqualTo(state(pair.get(0)));
    }
  }

  @Test
  void refusesToBeTrainedOrNestedWithin() {
    MultiLayerNetwork net = layers();
    MultiLayerNetwork twin = layers();
    List<DataSet> data = Nets.data(6, 5);
    Nd4j.getRandom().setSeed(5);
    Nets.fit(twin, data);
    Nd4j.getRandom().setSeed(5);
    ScheduleFree weights = ScheduleFree.of(net);
    // Before the first update, too.
    for (DataSet batch : data) {
      assertThatThrownBy(() -> weights.during(() -> net.fit(batch)))
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage(REFUSED);
      assertThatThrownBy(
              () -> weights.during(() -> ScheduleFree.of(net).during(() -> Nets.params(net))))
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage(REFUSED);
      net.fit(batch);
    }
    assertThat(Nets.params(net)).isEqualTo(Nets.params(twin));
    assertThat(state(net)).isEqualTo(state(twin));
  }

  @Test
  void whatIsSavedWithinPredictsAndIsNotTrainedOn(@TempDir Path folder) throws IOException {
    MultiLayerNetwork net = layers();
    Nets.fit(net, Nets.data(6, 5));
    File file = folder.resolve("evaluation.zip").toFile();
    ScheduleFree weights = ScheduleFree.of(net);
    weights.during(() -> net.save(file, true));
    DataSet batch = Nets.data(1, 5).get(0);
    INDArray predicted = weights.during(() -> net.output(batch.getFeatures()).dup());

    MultiLayerNetwork saved = MultiLayerNetwork.load(file, true);
    assertThat(saved.output(batch.getFeatures()).toDoubleMatrix())
        .isDeepEqualTo(predicted.toDoubleMatrix());
    double[] x = Nets.params(saved);
    assertThatThrownBy(() -> saved.fit(batch))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(REFUSED);
    assertThat(Nets.params(saved)).isEqualTo(x);
    // Without the updaters' state it is a network like any other, to be tuned from x on.
    weights.during(() -> net.save(file, false));
    MultiLayerNetwork tuned = MultiLayerNetwork.load(file, true);
    assertThat(Nets.params(tuned)).isEqualTo(x);
    tuned.fit(batch);
    assertThat(Nets.params(tuned)).isNotEqualTo(x);
  }

  @Test
  void leavesWhatHasAnotherUpdaterAsItIs() {
    MultiLayerNetwork net =
        Nets.init(
            TorchOptimizer.of(new SGDScheduleFree(0.02))
                .withBiases(new TorchAdam(0.02), 0)
                .applyTo(Nets.layersConfiguration(new Sgd())));
    Nets.fit(net, Nets.data(4, 3));
    Map<String, INDArray> trained = net.paramTable();
    double[] y = trained.get("1_W").dup().data().asDouble();
    double[] bias = Nets.param(net, "1_b");
    ScheduleFree weights = ScheduleFree.of(net);
    assertThat(weights.during(() -> Nets.param(net, "1_b"))).isEqualTo(bias);
    assertThat(weights.during(() -> net.getParam("1_W").dup().data().asDouble())).isNotEqualTo(y);
  }

  /** With a rate per group, each has its own largest rate and its own sum of weights. */
  @Test
  void knowsGroups() {
    MultiLayerNetwork net = Nets.layers(new SGDScheduleFree(0.02));
    NetworkParamGroups.builder(net)
        .group(NetworkParam.inLayers("layer2"))
        .lr(0)
        .group(NetworkParam.inLayers("layer2").negate())
        .build();
    double[] start = Nets.params(net);
    Nets.fit(net, Nets.data(4, 3));
    double[] y = Nets.params(net);
    double[] x = ScheduleFree.of(net).during(() -> Nets.params(net));
    int head = start.length - net.getLayer(2).params().columns();
    for (int i = 0; i < start.length; i++) {
      if (i < head) {
        assertThat(x[i]).isNotEqualTo(y[i]);
      } else {
        assertThat(x[i]).isEqualTo(y[i]).isEqualTo(start[i]);
      }
    }
  }

  @Test
  void refusesANetworkWithout() {
    assertThatThrownBy(() -> ScheduleFree.of(Nets.layers(new Sgd(0.1))))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "net must have an SGDScheduleFree or AdamWScheduleFree for evaluation weights but had"
                + " none");
    MultiLayerNetwork untrained = Nets.layers(new SGDScheduleFree(0.1));
    assertThat(ScheduleFree.of(untrained)).isNotNull();
    assertThat(untrained.getUpdater(false)).isNull();
  }
}
