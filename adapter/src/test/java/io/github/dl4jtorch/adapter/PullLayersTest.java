package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.LayerKind;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.TreeMap;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** The rate that reaches the parameters of each kind of layer, in both kinds of network. */
class PullLayersTest {

  private static final double LR = 0.01;
  private static final double BIAS_LR = 0.003;
  private static final StepLR HALVES = new StepLR(1, 0.5);

  private static Sgd scheduled(double lr) {
    return new Sgd(TorchSchedule.lr(HALVES, lr, ScheduleType.ITERATION));
  }

  @ParameterizedTest
  @EnumSource
  void reachesEveryKindOfLayerFromItsConfiguration(LayerKind kind) throws Exception {
    for (Model net : kind.networks(scheduled(LR), scheduled(BIAS_LR))) {
      assertThatRatesAre(kind, train(kind, net, 3), 1, 0.5, 0.25);
      Model restored = Nets.restored(net);
      assertThat(Nets.blocks(restored)).isEqualTo(Nets.blocks(net));
      assertThatRatesAre(kind, train(kind, restored, 1), 0.125);
      assertThatRatesAre(kind, train(kind, net, 1), 0.125);
      assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
    }
  }

  @ParameterizedTest
  @EnumSource
  void isPutIntoEveryKindOfLayerOfATrainedNetwork(LayerKind kind) throws Exception {
    for (Model net : kind.networks(new Sgd(LR), new Sgd(BIAS_LR))) {
      assertThatRatesAre(kind, train(kind, net, 2), 1, 1);
      int blocks = Nets.blocks(net);
      putInto(net);
      assertThat(Nets.blocks(net)).isEqualTo(blocks);
      assertThatRatesAre(kind, train(kind, net, 2), 1, 0.5);
      Model restored = Nets.restored(net);
      assertThat(Nets.blocks(restored)).isEqualTo(blocks);
      assertThatRatesAre(kind, train(kind, restored, 1), 0.25);
      assertThatRatesAre(kind, train(kind, net, 1), 0.25);
    }
  }

  /** A frozen layer keeps what it has, which nobody reads. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FROZEN")
  void isPutIntoEveryKindOfLayerOfAConfiguration(LayerKind kind) {
    NetworkSchedule schedule = NetworkSchedule.of(HALVES, ScheduleType.ITERATION);
    IUpdater updater = new Sgd(LR);
    IUpdater biasUpdater = new Sgd(BIAS_LR);
    MultiLayerConfiguration layers = kind.layersConfiguration(updater, biasUpdater);
    ComputationGraphConfiguration graph = kind.graphConfiguration(updater, biasUpdater);
    assertThat(schedule.putInto(layers)).isSameAs(layers);
    assertThat(schedule.putInto(graph)).isSameAs(graph);
    assertThat(layers.toJson())
        .isEqualTo(kind.layersConfiguration(scheduled(LR), scheduled(BIAS_LR)).toJson());
    assertThat(graph.toJson())
        .isEqualTo(kind.graphConfiguration(scheduled(LR), scheduled(BIAS_LR)).toJson());
    assertThat(updater).isEqualTo(new Sgd(LR));
    assertThat(biasUpdater).isEqualTo(new Sgd(BIAS_LR));
  }

  @ParameterizedTest
  @EnumSource
  void leavesCopiesOfTheNetworkAlone(LayerKind kind) throws Exception {
    for (Model net : kind.networks(new Sgd(LR), new Sgd(BIAS_LR))) {
      train(kind, net, 2);
      Model copy = copy(net);
      int blocks = Nets.blocks(copy);
      String configuration = configuration(copy);
      putInto(net);
      assertThat(configuration(copy)).isEqualTo(configuration);
      assertThat(configuration(net)).isNotEqualTo(configuration);
      train(kind, net, 2);
      assertThatRatesAre(kind, train(kind, copy, 2), 1, 1);
      assertThat(Nets.blocks(copy)).isEqualTo(blocks);
      assertThatRatesAre(kind, train(kind, Nets.restored(copy), 1), 1);
      assertThatRatesAre(kind, train(kind, net, 1), 0.25);
      putInto(copy);
      assertThatRatesAre(kind, train(kind, copy, 2), 1, 0.5);
      assertThatRatesAre(kind, train(kind, net, 1), 0.125);
    }
  }

  private static void putInto(Model net) {
    NetworkSchedule schedule = NetworkSchedule.of(HALVES, ScheduleType.ITERATION);
    if (net instanceof MultiLayerNetwork layers) {
      assertThat(schedule.putInto(layers)).isSameAs(net);
    } else {
      assertThat(schedule.putInto((ComputationGraph) net)).isSameAs(net);
    }
  }

  private static Model copy(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.clone()
        : ((ComputationGraph) net).clone();
  }

  private static String configuration(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getLayerWiseConfigurations().toJson()
        : ((ComputationGraph) net).getConfiguration().toJson();
  }

  private static ParameterRates train(LayerKind kind, Model net, int iterations) {
    ParameterRates rates = new ParameterRates(2);
    if (net instanceof MultiLayerNetwork layers) {
      layers.setListeners(rates);
    } else {
      ((ComputationGraph) net).setListeners(rates);
    }
    for (int iteration = 0; iteration < iterations; iteration++) {
      Nets.fit(net, List.of(kind.batch()));
    }
    return rates;
  }

  /** Checks the rate of each parameter, which is its base rate times a factor an iteration. */
  private static void assertThatRatesAre(LayerKind kind, ParameterRates rates, double... factors) {
    TreeMap<String, Double> bases = new TreeMap<>();
    rates.params().forEach(param -> bases.put(param, base(kind, param)));
    bases.values().removeIf(base -> Double.isNaN(base));
    assertThat(bases.values()).contains(LR, BIAS_LR);
    bases.forEach(
        (param, base) -> {
          assertThat(rates.of(param)).as(param).hasSize(factors.length);
          for (int iteration = 0; iteration < factors.length; iteration++) {
            assertThat(rates.of(param).get(iteration))
                .as(param)
                .isCloseTo(base * factors[iteration], within(1e-10));
          }
        });
  }

  private static double base(LayerKind kind, String param) {
    boolean isFirst = param.startsWith("0_") || param.startsWith("a_");
    String name = param.substring(param.indexOf('_') + 1);
    if (isFirst && (kind == LayerKind.FROZEN || kind == LayerKind.FROZEN_WITH_BACKPROP)) {
      return 0;
    }
    return switch (name) {
      case "mean", "var", "log10stdev" -> Double.NaN; // Statistics, set and not learned.
      case "b", "fb", "bb" -> BIAS_LR;
      default -> LR;
    };
  }
}
