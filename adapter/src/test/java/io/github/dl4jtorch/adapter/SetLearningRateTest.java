package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Rates that are set by DL4J's own call, beside param groups: it builds the updaters anew, and
 * their state has to move along.
 */
class SetLearningRateTest {

  static final List<IUpdater> UPDATERS =
      List.of(
          new TorchAdam(0.1),
          new TorchNAdam(0.1),
          new TorchAdagrad(0.1).withLrDecay(0.01),
          new Adam(0.1),
          new Nesterovs(0.1, 0.9),
          new Sgd(0.1));

  private static final List<DataSet> DATA = data();

  private static List<DataSet> data() {
    // A batch normalization needs more than one example.
    return List.of(batch(3), batch(4), batch(5));
  }

  private static DataSet batch(int seed) {
    Nd4j.getRandom().setSeed(seed);
    return new DataSet(
        Nd4j.rand(DataType.DOUBLE, 5, Nets.INPUTS), Nd4j.rand(DataType.DOUBLE, 5, Nets.OUTPUTS));
  }

  private static MultiLayerNetwork layers(IUpdater updater) {
    return Nets.init(
        Nets.settings(updater)
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                Nets.output(4))
            .build());
  }

  private static ComputationGraph graph(IUpdater updater) {
    ComputationGraph net =
        new ComputationGraph(
            Nets.settings(updater)
                .graphBuilder()
                .addInputs("in")
                .addLayer("layer0", Nets.dense(Nets.INPUTS, 4), "in")
                .addLayer(
                    "layer1", new BatchNormalization.Builder().nIn(4).nOut(4).build(), "layer0")
                .addLayer("layer2", Nets.output(4), "layer1")
                .setOutputs("layer2")
                .build());
    net.init();
    return net;
  }

  private static NetworkParamGroups perLayer(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.perLayer(layers)
        : NetworkParamGroups.perLayer((ComputationGraph) net);
  }

  private static void setAll(Model net, double lr) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setLearningRate(lr);
    } else {
      ((ComputationGraph) net).setLearningRate(lr);
    }
  }

  private static void setSecond(Model net, double lr) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setLearningRate(1, lr);
    } else {
      ((ComputationGraph) net).setLearningRate("b", lr);
    }
  }

  private static double[] state(Model net) {
    INDArray state =
        net instanceof MultiLayerNetwork layers
            ? layers.getUpdater().getStateViewArray()
            : ((ComputationGraph) net).getUpdater().getStateViewArray();
    return state == null ? new double[0] : state.toDoubleVector();
  }

  private static List<List<Model>> twins(IUpdater updater) {
    return List.of(
        List.of(layers(updater.clone()), layers(updater.clone())),
        List.of(graph(updater.clone()), graph(updater.clone())));
  }

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void movesTheStateOfSeveralGroupsAlong(IUpdater updater) {
    for (List<Model> nets : twins(updater)) {
      Model set = nets.get(0);
      Model live = nets.get(1);
      List<NetworkParamGroups> groups = nets.stream().map(SetLearningRateTest::perLayer).toList();
      for (int round = 0; round < 3; round++) {
        double lr = 0.05 / (round + 1);
        groups.forEach(all -> all.get(1).setLr(0.03));
        nets.forEach(net -> Nets.fit(net, DATA));
        // Twice, so that what DL4J has built is replaced as well.
        setAll(set, 0.7);
        setAll(set, lr);
        groups.get(1).forEach(group -> group.setLr(lr));
        nets.forEach(net -> Nets.fit(net, DATA));
        assertThat(Nets.params(set)).isEqualTo(Nets.params(live));
        assertThat(groups.get(0)).extracting(ParamGroup::lr).containsExactly(lr, lr, lr);
        nets.forEach(net -> Nets.fit(net, DATA));
        assertThat(Nets.params(set)).isEqualTo(Nets.params(live)).doesNotContain(Double.NaN);
        assertThat(state(set)).isEqualTo(state(live));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void movesTheStateOfASingleLayerAlong(IUpdater updater) {
    List<List<Model>> twins =
        List.of(
            List.of(Nets.layers(updater.clone()), Nets.layers(updater.clone())),
            List.of(Nets.graph(updater.clone()), Nets.graph(updater.clone())));
    for (List<Model> nets : twins) {
      Model set = nets.get(0);
      Model live = nets.get(1);
      NetworkParamGroups whole =
          set instanceof MultiLayerNetwork layers
              ? NetworkParamGroups.of(layers)
              : NetworkParamGroups.of((ComputationGraph) set);
      NetworkParamGroups parts = perLayer(live);
      nets.forEach(net -> Nets.fit(net, DATA));
      setSecond(set, 0.02);
      parts.get(1).setLr(0.02);
      nets.forEach(net -> Nets.fit(net, DATA));
      assertThat(Nets.params(set)).isEqualTo(Nets.params(live));
      setAll(set, 0.04);
      parts.forEach(group -> group.setLr(0.04));
      nets.forEach(net -> Nets.fit(net, DATA));
      LRScheduler run = new StepLR(1, 0.5).attach(whole);
      run.step();
      parts.forEach(group -> group.setLr(0.02));
      nets.forEach(net -> Nets.fit(net, DATA));
      assertThat(run.getLastLr()).containsExactly(0.02);
      assertThat(Nets.params(set)).isEqualTo(Nets.params(live)).doesNotContain(Double.NaN);
    }
  }
}
