package io.github.dl4jtorch.adapter;

import static io.github.dl4jtorch.fixtures.ParameterRates.assertThatRatesAre;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.layers.samediff.SDVertexParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** A {@link NetworkSchedule} in networks that DL4J makes of other networks, and in vertices. */
class NetworkScheduleCopiesTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);
  private static final NetworkSchedule BY_ITERATION =
      NetworkSchedule.of(HALVES, ScheduleType.ITERATION);

  @Test
  void leavesTheSourceOfATransferAlone() {
    MultiLayerNetwork source =
        Nets.init(
            Nets.settings(new Sgd(0.02))
                .list(
                    Nets.dense(Nets.INPUTS, 4), Nets.dense(4, 4), Nets.dense(4, 4), Nets.output(4))
                .build());
    Nets.fit(source, Nets.data(3));
    MultiLayerNetwork net =
        new TransferLearning.Builder(source)
            .fineTuneConfiguration(new FineTuneConfiguration.Builder().seed(1).build())
            .setFeatureExtractor(0)
            .removeOutputLayer()
            .addLayer(Nets.output(4, new Sgd(0.04)))
            .build();
    BY_ITERATION.putInto(net);
    ParameterRates rates = new ParameterRates(1);
    net.setListeners(rates);
    Nets.fit(net, Nets.data(2));
    assertThat(rates.of("0_W")).containsExactly(0.0, 0.0);
    assertThat(rates.of("1_W").get(1)).isCloseTo(0.01, within(1e-12));
    assertThat(rates.of("3_b").get(1)).isCloseTo(0.02, within(1e-12));
    assertThatRatesAre(source, 0.02, 0.02);
    BY_ITERATION.putInto(source);
    assertThatRatesAre(source, 0.02, 0.01);
    Nets.fit(net, Nets.data(1));
    assertThat(rates.of("1_W").get(2)).isCloseTo(0.005, within(1e-12));
  }

  /** DL4J's copies of a graph count from 0 again. */
  @Test
  void isFoundInCopiesMadeAfterwards() {
    MultiLayerNetwork layers = Nets.layers(new Sgd(0.04));
    Nets.fit(layers, Nets.data(2));
    BY_ITERATION.putInto(layers);
    Nets.fit(layers, Nets.data(1));
    MultiLayerNetwork copy = layers.clone();
    assertThatRatesAre(copy, 0.02, 0.01);
    assertThatRatesAre(layers, 0.02, 0.01);
    ComputationGraph graph = Nets.graph(new Sgd(0.04));
    Nets.fit(graph, Nets.data(2));
    BY_ITERATION.putInto(graph);
    ComputationGraph fromZero = graph.clone();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Nets.fit(fromZero, Nets.data(1)))
        .withMessage(
            "iteration must be >= 2, where the schedule starts, but was 0; if a trainer or a copy"
                + " set the network's count back, use another offset");
    BY_ITERATION.putInto(fromZero);
    assertThatRatesAre(fromZero, 0.04, 0.02);
    assertThatRatesAre(graph, 0.04, 0.02);
  }

  /** A vertex of a user's own making. */
  static final class Scale extends SameDiffVertex {

    @Override
    public SDVariable defineVertex(
        SameDiff sameDiff,
        Map<String, SDVariable> layerInput,
        Map<String, SDVariable> paramTable,
        Map<String, SDVariable> maskVars) {
      return layerInput.get("x").mul(paramTable.get("W")).add(paramTable.get("b"));
    }

    @Override
    public void defineParametersAndInputs(SDVertexParams params) {
      params.defineInputs("x");
      params.addWeightParam("W", 1, Nets.INPUTS);
      params.addBiasParam("b", 1, Nets.INPUTS);
    }

    @Override
    public void initializeParameters(Map<String, INDArray> params) {
      params.get("W").assign(1);
      params.get("b").assign(0);
    }

    @Override
    public GraphVertex clone() {
      Scale clone = new Scale();
      clone.setUpdater(getUpdater());
      clone.setBiasUpdater(getBiasUpdater());
      return clone;
    }

    @Override
    public boolean equals(Object other) {
      return other == this;
    }

    @Override
    public int hashCode() {
      return 1;
    }
  }

  @Test
  void reachesSameDiffVerticesAndLeavesFrozenOnesAlone() throws Exception {
    ComputationGraph net =
        new ComputationGraph(
            Nets.settings(new Sgd(0.01))
                .biasUpdater(new Sgd(0.004))
                .graphBuilder()
                .addInputs("in")
                .addVertex("frozen", new FrozenVertex(new Scale()), "in")
                .addVertex("scale", new Scale(), "frozen")
                .addLayer("a", Nets.dense(Nets.INPUTS, 4), "scale")
                .addLayer("out", Nets.output(4), "a")
                .setOutputs("out")
                .build());
    net.init();
    Nets.fit(net, Nets.data(2));
    BY_ITERATION.putInto(net);
    ComputationGraph copy = net.clone();
    copy.getConfiguration().setIterationCount(2);
    BY_ITERATION.withLr(0.002).putInto(copy);
    int blocks = Nets.blocks(net);
    ComputationGraph restored = Nets.restored(net);
    assertThat(Nets.blocks(restored)).isEqualTo(blocks);
    for (ComputationGraph each : List.of(net, restored)) {
      ParameterRates rates = new ParameterRates(1);
      each.setListeners(rates);
      Nets.fit(each, Nets.data(2));
      assertThat(rates.of("scale_W").get(0)).isCloseTo(0.01, within(1e-12));
      assertThat(rates.of("scale_W").get(1)).isCloseTo(0.005, within(1e-12));
      assertThat(rates.of("scale_b").get(1)).isCloseTo(0.002, within(1e-12));
      assertThat(rates.of("a_b").get(1)).isCloseTo(0.002, within(1e-12));
    }
  }
}
