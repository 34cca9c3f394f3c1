package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.fixtures.Golden;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** Param groups of several rates and weight decays against PyTorch's, after every step. */
class RecordedGroupsTest {

  private static final Map<String, Object> RECORDED = read();
  private static final int STEPS = 6;

  private static Map<String, Object> read() {
    try (InputStream in =
        RecordedGroupsTest.class.getResourceAsStream("/weight-decay/groups.json")) {
      return new ObjectMapper().readValue(in, new TypeReference<>() {});
    } catch (IOException unreadable) {
      throw new AssertionError(unreadable);
    }
  }

  private static TorchUpdater updater(String name, double lr) {
    return switch (name) {
      case "sgd" -> new TorchSGD(lr);
      case "sgd_momentum" -> new TorchSGD(lr).withMomentum(0.9);
      case "sgd_nesterov" -> new TorchSGD(lr).withNesterovMomentum(0.9);
      case "adam" -> new TorchAdam(lr);
      case "adamw" -> new TorchAdamW(lr);
      case "rmsprop" -> new TorchRMSprop(lr).withMomentum(0.5);
      case "adagrad" -> new TorchAdagrad(lr);
      case "nadam" -> new TorchNAdam(lr);
      case "radam" -> new TorchRAdam(lr);
      case "adamax" -> new TorchAdamax(lr);
      default -> throw new AssertionError(name);
    };
  }

  static Stream<Arguments> cases() {
    return section("live").keySet().stream()
        .flatMap(name -> Stream.of(Arguments.of(name, false), Arguments.of(name, true)));
  }

  @SuppressWarnings("unchecked")
  private static Map<String, List<Map<String, Object>>> section(String name) {
    return (Map<String, List<Map<String, Object>>>) Objects.requireNonNull(RECORDED.get(name));
  }

  private static Layer[] layers(TorchBatchNormalization batchNormalization) {
    return new Layer[] {
      new DenseLayer.Builder().nIn(3).nOut(5).activation(Activation.TANH).build(),
      batchNormalization,
      new DenseLayer.Builder()
          .nIn(5)
          .nOut(4)
          .hasLayerNorm(true)
          .activation(Activation.TANH)
          .build(),
      new OutputLayer.Builder(LossFunction.MCXENT)
          .nIn(4)
          .nOut(3)
          .activation(Activation.SOFTMAX)
          .build()
    };
  }

  private static TorchBatchNormalization.Builder batchNormalization() {
    return new TorchBatchNormalization.Builder().nIn(5).nOut(5);
  }

  private static NeuralNetwork network(
      boolean isGraph, TorchBatchNormalization batchNormalization, TorchOptimizer optimizer) {
    Layer[] layers = layers(batchNormalization);
    NeuralNetwork net;
    if (isGraph) {
      var builder = Nets.settings(new Sgd(1)).graphBuilder().addInputs("in");
      for (int i = 0; i < layers.length; i++) {
        builder.addLayer("layer" + i, layers[i], i == 0 ? "in" : "layer" + (i - 1));
      }
      ComputationGraphConfiguration configuration = builder.setOutputs("layer3").build();
      ComputationGraph graph = new ComputationGraph(optimizer.applyTo(configuration));
      graph.init();
      net = graph;
    } else {
      MultiLayerConfiguration configuration = Nets.settings(new Sgd(1)).list(layers).build();
      net = Nets.init(optimizer.applyTo(configuration));
    }
    Objects.requireNonNull((Map<?, ?>) RECORDED.get("initial"))
        .forEach((name, values) -> assign(net, name.toString(), Golden.numbers(values)));
    return net;
  }

  private static INDArray param(NeuralNetwork net, String name) {
    String[] parts = name.split("\\.");
    return net instanceof MultiLayerNetwork layers
        ? layers.getParam(parts[0].substring(5) + "_" + parts[1])
        : ((ComputationGraph) net).getParam(parts[0] + "_" + parts[1]);
  }

  private static void assign(NeuralNetwork net, String name, double[] values) {
    INDArray param = param(net, name);
    param.assign(Nd4j.createFromArray(values).reshape('c', param.shape()));
  }

  private static List<DataSet> batches() {
    List<DataSet> batches = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      double[] inputs = Golden.numbers(((List<?>) RECORDED.get("inputs")).get(step));
      double[] labels = Golden.numbers(((List<?>) RECORDED.get("labels")).get(step));
      INDArray oneHot = Nd4j.zeros(DataType.DOUBLE, labels.length, 3);
      for (int row = 0; row < labels.length; row++) {
        oneHot.putScalar(row, (long) labels[row], 1);
      }
      batches.add(new DataSet(Nd4j.createFromArray(inputs).reshape('c', labels.length, 3), oneHot));
    }
    return batches;
  }

  /**
   * The absolute part is for numbers that have just changed their sign. RMSprop divides by roots of
   * what is not corrected for its start at 0: its steps are large, and the rounding in them, too.
   */
  private static void assertStep(NeuralNetwork net, String section, String name, int step) {
    Objects.requireNonNull(section(section).get(name))
        .get(step)
        .forEach(
            (param, values) -> {
              double absolute = name.equals("rmsprop") ? 1e-12 : 5e-14;
              double[] expected = Golden.numbers(values);
              double[] actual =
                  param(net, param).dup('c').reshape(expected.length).toDoubleVector();
              for (int i = 0; i < expected.length; i++) {
                assertThat(actual[i])
                    .as("%s %s %s[%d] after step %d", section, name, param, i, step)
                    .isCloseTo(expected[i], within(1e-12 * Math.abs(expected[i]) + absolute));
              }
            });
  }

  private static void fit(NeuralNetwork net, int step) {
    Nets.fit((Model) net, List.of(batches().get(step)));
  }

  private static NetworkParamGroups groups(NeuralNetwork net) {
    Predicate<NetworkParam> norm = NetworkParam::isNormalization;
    Predicate<NetworkParam> bias = NetworkParam::isBias;
    return NetworkParamGroups.builder(net)
        .group("decay", NetworkParam::isWeight)
        .lr(0.05)
        .weightDecay(0.1)
        .group("biases", bias.and(norm.negate()))
        .lr(0.1)
        .weightDecay(0)
        .group("norm", norm)
        .lr(0.02)
        .weightDecay(0.01)
        .build();
  }

  private static void change(NetworkParamGroups groups) {
    double[] decays = {0.03, 0.2, 0};
    for (int group = 0; group < decays.length; group++) {
      groups.get(group).setLr(0.5 * groups.get(group).lr());
      groups.setWeightDecay(group, decays[group]);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void areThoseOfALiveNetwork(String name, boolean isGraph) {
    NeuralNetwork net =
        network(isGraph, batchNormalization().build(), TorchOptimizer.of(updater(name, 1)));
    NetworkParamGroups groups = groups(net);
    for (int step = 0; step < STEPS; step++) {
      if (step == STEPS / 2) {
        change(groups);
      }
      fit(net, step);
      assertStep(net, "live", name, step);
    }
    assertThat(List.of(groups.weightDecay(0), groups.weightDecay(1), groups.weightDecay(2)))
        .containsExactly(0.03, 0.2, 0.0);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void areThoseOfAConfiguration(String name, boolean isGraph) {
    TorchBatchNormalization own =
        TorchOptimizer.of(updater(name, 0.02))
            .withWeightDecay(0.01)
            .applyTo(batchNormalization())
            .build();
    NeuralNetwork net =
        network(
            isGraph,
            own,
            TorchOptimizer.of(updater(name, 0.05))
                .withWeightDecay(0.1)
                .withBiases(updater(name, 0.1), 0.1)
                .withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization));
    for (int step = 0; step < STEPS; step++) {
      fit(net, step);
      assertStep(net, "configured", name, step);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void areAsPyTorchHasThemByDefault(String name, boolean isGraph) {
    NeuralNetwork net =
        network(isGraph, batchNormalization().build(), TorchOptimizer.of(updater(name, 0.05)));
    for (int step = 0; step < STEPS; step++) {
      fit(net, step);
      assertStep(net, "defaults", name, step);
    }
  }

  /** Ways to stop and to go on, by which the weight decay comes along with the network. */
  @ParameterizedTest
  @CsvSource({
    "sgd_momentum, false",
    "sgd_momentum, true",
    "adam, false",
    "adamw, false",
    "adamw, true"
  })
  void goOnToTheBit(String name, boolean isGraph) throws IOException {
    NeuralNetwork whole =
        network(isGraph, batchNormalization().build(), TorchOptimizer.of(updater(name, 1)));
    change(groups(whole));
    fit(whole, 0);
    List<NeuralNetwork> resumed = new ArrayList<>();
    resumed.add((NeuralNetwork) Nets.restored((Model) whole));
    resumed.add(NetworkCopy.of(whole));
    NeuralNetwork again = (NeuralNetwork) Nets.restored((Model) whole);
    NetworkParamGroups.builder(again)
        .group(NetworkParam::isWeight)
        .group(param -> param.isBias() && !param.isNormalization())
        .group(NetworkParam::isNormalization)
        .build();
    resumed.add(again);
    for (int step = 1; step < STEPS; step++) {
      fit(whole, step);
      for (NeuralNetwork net : resumed) {
        fit(net, step);
        assertThat(Nets.params((Model) net)).isEqualTo(Nets.params((Model) whole));
      }
    }
  }
}
