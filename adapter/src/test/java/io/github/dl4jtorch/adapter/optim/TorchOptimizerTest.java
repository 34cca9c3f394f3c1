package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.internal.OwnOptimizer;
import io.github.dl4jtorch.fixtures.Nets;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.samediff.SDVertexParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

class TorchOptimizerTest {

  private static final List<Regularization> COUPLED = List.of(new L2Regularization(0.1));
  private static final List<Regularization> DECOUPLED = List.of(new WeightDecay(0.1, true));

  /** What acts on a parameter, without what only tells of an optimizer of the layer's own. */
  private static List<Regularization> regularization(Layer layer, String param) {
    return layer.getRegularizationByParam(param).stream()
        .filter(each -> !(each instanceof OwnOptimizer))
        .toList();
  }

  private static void assertSet(
      Layer layer, TorchUpdater updater, List<Regularization> decay, String weight, String bias) {
    assertThat(layer.getUpdaterByParam(weight)).isEqualTo(updater).isNotSameAs(updater);
    assertThat(layer.getUpdaterByParam(bias)).isEqualTo(updater).isNotSameAs(updater);
    assertThat(regularization(layer, weight)).isEqualTo(decay);
    assertThat(layer.getRegularizationByParam(bias)).isEqualTo(decay);
  }

  @Test
  void setsALayer() {
    TorchUpdater adam = new TorchAdam(0.1);
    TorchUpdater adamW = new TorchAdamW(0.1);
    DenseLayer.Builder builder = new DenseLayer.Builder().nIn(3).nOut(4).l2(7);

    TorchOptimizer.of(adam).withWeightDecay(0.1).applyTo(builder);
    assertSet(builder.build(), adam, COUPLED, "W", "b");
    TorchOptimizer.of(adamW).withWeightDecay(0.1).applyTo(builder);
    assertSet(builder.build(), adamW, DECOUPLED, "W", "b");
    TorchOptimizer.of(adam).withDecoupledWeightDecay(0.1).applyTo(builder);
    assertSet(builder.build(), adam, DECOUPLED, "W", "b");
    TorchOptimizer.of(adam).applyTo(builder);
    assertSet(builder.build(), adam, List.of(), "W", "b");
  }

  @Test
  void keepsOtherRegularization() {
    DenseLayer layer =
        TorchOptimizer.of(new TorchAdam(0.1))
            .withWeightDecay(0.1)
            .applyTo(new DenseLayer.Builder().nIn(3).nOut(4).l1(0.3).l2(0.2))
            .build();

    assertThat(regularization(layer, "W"))
        .containsExactly(new L1Regularization(0.3), new L2Regularization(0.1));
  }

  @Test
  void treatsBiasesAsAnotherGroup() {
    TorchUpdater weights = new TorchAdamW(0.1);
    TorchUpdater biases = new TorchSGD(0.2);
    DenseLayer layer =
        TorchOptimizer.of(weights)
            .withWeightDecay(0.1)
            .withBiases(biases, 0)
            .applyTo(new DenseLayer.Builder().nIn(3).nOut(4))
            .build();

    assertThat(layer.getUpdaterByParam("W")).isEqualTo(weights);
    assertThat(regularization(layer, "W")).isEqualTo(DECOUPLED);
    assertThat(layer.getUpdaterByParam("b")).isEqualTo(biases);
    assertThat(layer.getRegularizationByParam("b")).isEmpty();
  }

  @Test
  void setsAllLayersOfANetworkButFrozenOnes() {
    TorchUpdater updater = new TorchAdamW(0.1);
    MultiLayerConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .updater(new Sgd(0.3))
            .list(
                new FrozenLayer(new LSTM.Builder().nIn(3).nOut(4).build()),
                new Bidirectional(new LSTM.Builder().nIn(4).nOut(4).build()),
                new LastTimeStep(new LSTM.Builder().nIn(8).nOut(4).build()),
                new DenseLayer.Builder().nIn(4).nOut(4).build(),
                new RnnOutputLayer.Builder().nIn(4).nOut(4).build())
            .build();
    TorchOptimizer.of(updater).withWeightDecay(0.1).applyTo(configuration);

    FrozenLayer frozen = (FrozenLayer) configuration.getConf(0).getLayer();
    assertThat(frozen.getLayer().getUpdaterByParam("W")).isEqualTo(new Sgd(0.3));
    Bidirectional both = (Bidirectional) configuration.getConf(1).getLayer();
    assertSet(both.getFwd(), updater, DECOUPLED, "W", "b");
    assertSet(both.getBwd(), updater, DECOUPLED, "RW", "b");
    LastTimeStep last = (LastTimeStep) configuration.getConf(2).getLayer();
    assertSet(last.getUnderlying(), updater, DECOUPLED, "W", "b");
    assertSet(configuration.getConf(3).getLayer(), updater, DECOUPLED, "W", "b");
    assertSet(configuration.getConf(4).getLayer(), updater, DECOUPLED, "W", "b");
  }

  @Test
  void setsAGraph() {
    TorchUpdater updater = new TorchAdam(0.1);
    ComputationGraphConfiguration configuration = Nets.graphConfiguration(new Sgd(0.3));
    TorchOptimizer.of(updater).withWeightDecay(0.1).applyTo(configuration);

    configuration
        .getVertices()
        .values()
        .forEach(
            vertex ->
                assertSet(
                    ((LayerVertex) vertex).getLayerConf().getLayer(), updater, COUPLED, "W", "b"));
  }

  /** A rate of 0.5 and a decay of 0.1 take a twentieth off every parameter that has no gradient. */
  @Test
  void decaysOnceAndBiasesToo() {
    MultiLayerConfiguration configuration = Nets.layersConfiguration(new Sgd(0.3));
    TorchOptimizer.of(new TorchAdamW(0.5)).withWeightDecay(0.1).applyTo(configuration);
    MultiLayerNetwork net = Nets.init(configuration);
    net.params().assign(1);
    net.initGradientsView();
    double[] moved = updated(net);

    assertThat(moved).hasSize(46).containsOnly(1 - 0.5 * 0.1);
  }

  private static double[] updated(MultiLayerNetwork net) {
    net.getUpdater()
        .update(
            net,
            new DefaultGradient(net.getFlattenedGradients()),
            0,
            0,
            1,
            LayerWorkspaceMgr.noWorkspacesImmutable());
    return net.params().sub(net.getFlattenedGradients()).toDoubleVector();
  }

  @Test
  void refusesAVertexItCannotSet() {
    ComputationGraphConfiguration configuration =
        Nets.settings(new Sgd(0.3))
            .graphBuilder()
            .addInputs("in")
            .addVertex("scale", new Scale(), "in")
            .addLayer("out", Nets.output(4), "scale")
            .setOutputs("out")
            .build();

    assertThatThrownBy(() -> TorchOptimizer.of(new TorchAdam(0.1)).applyTo(configuration))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "every vertex with parameters must be a layer but scale was a Scale, whose updater is"
                + " set in its constructor alone");
  }

  @Test
  void decaysUnderAdamWByDefault() {
    MultiLayerConfiguration configuration = Nets.layersConfiguration(new Sgd(0.3));
    TorchOptimizer.of(new TorchAdamW(0.5)).applyTo(configuration);
    Layer layer = configuration.getConf(0).getLayer();
    assertThat(layer.getRegularizationByParam("b")).containsExactly(new WeightDecay(0.01, true));
    TorchOptimizer.of(new TorchAdamW(0.5)).withWeightDecay(0).applyTo(configuration);
    assertThat(layer.getRegularizationByParam("b")).isEmpty();
    TorchOptimizer.of(new TorchAdam(0.5)).applyTo(configuration);
    assertThat(layer.getRegularizationByParam("b")).isEmpty();
  }

  /** In one that was written and read again, too. */
  @Test
  void leavesALayerTheOptimizerItWasGiven() {
    TorchUpdater own = new TorchSGD(0.2);
    MultiLayerConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .list(
                TorchOptimizer.of(own)
                    .applyTo(new TorchBatchNormalization.Builder().nIn(4).nOut(4))
                    .build(),
                new DenseLayer.Builder().nIn(4).nOut(4).build())
            .build();
    for (MultiLayerConfiguration each :
        List.of(configuration, MultiLayerConfiguration.fromJson(configuration.toJson()))) {
      TorchOptimizer.of(new TorchAdam(0.1)).withWeightDecay(0.1).applyTo(each);
      Layer layer = each.getConf(0).getLayer();
      assertThat(layer.getUpdaterByParam("gamma")).isEqualTo(own);
      assertThat(layer.getUpdaterByParam("beta")).isEqualTo(own);
      assertThat(regularization(layer, "gamma")).isEmpty();
      assertThat(regularization(layer, "beta")).isEmpty();
      assertSet(each.getConf(1).getLayer(), new TorchAdam(0.1), COUPLED, "W", "b");
    }
  }

  @Test
  void decaysNothingThatIsLeftOut() {
    MultiLayerConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .list(
                new TorchBatchNormalization.Builder().nIn(4).nOut(4).build(),
                new DenseLayer.Builder().nIn(4).nOut(4).hasLayerNorm(true).build(),
                new Bidirectional(new LSTM.Builder().nIn(4).nOut(4).build()))
            .build();
    TorchOptimizer.of(new TorchAdamW(0.1))
        .withWeightDecay(0.1)
        .withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization)
        .applyTo(configuration);
    Layer normalized = configuration.getConf(1).getLayer();
    assertThat(normalized.getRegularizationByParam("W")).isEqualTo(DECOUPLED);
    assertThat(normalized.getRegularizationByParam("g")).isEmpty();
    assertThat(normalized.getRegularizationByParam("b")).isEmpty();
    Bidirectional both = (Bidirectional) configuration.getConf(2).getLayer();
    assertThat(both.getBwd().getRegularizationByParam("RW")).isEqualTo(DECOUPLED);
    assertThat(both.getBwd().getRegularizationByParam("b")).isEmpty();
    Layer batch = configuration.getConf(0).getLayer();
    assertThat(batch.getRegularizationByParam("gamma")).isEmpty();
    assertThat(batch.getUpdaterByParam("gamma")).isEqualTo(new TorchAdamW(0.1));
  }

  @Test
  void refusesToDecayInPartWhatDl4jDecaysTogether() {
    MultiLayerConfiguration configuration = Nets.layersConfiguration(new Sgd(0.3));
    configuration.getConf(1).setLayer(new LSTM.Builder().nIn(4).nOut(4).build());
    TorchOptimizer optimizer =
        TorchOptimizer.of(new TorchAdamW(0.1)).withoutDecayOn(param -> param.name().equals("RW"));
    assertThatThrownBy(() -> optimizer.applyTo(configuration))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "withoutDecayOn must select all or none of the parameters that DL4J decays together,"
                + " but selects [null.RW] of [null.W, null.RW, null.b]");
    assertThat(configuration.getConf(0).getLayer().getUpdaterByParam("W")).isEqualTo(new Sgd(0.3));
    DenseLayer.Builder normalized =
        new DenseLayer.Builder().name("dense").nIn(4).nOut(4).hasLayerNorm(true);
    assertThatThrownBy(
            () ->
                TorchOptimizer.of(new TorchAdamW(0.1))
                    .withoutDecayOn(NetworkParam::isNormalization)
                    .applyTo(normalized))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "withoutDecayOn must select all or none of the parameters that DL4J decays together,"
                + " but selects [dense.g, dense.b] of [dense.W, dense.g, dense.b]; apply the"
                + " optimizer to the configuration of the network, which can part them");
  }

  @Test
  void takesThePlaceOfTheOneANetworkHas() {
    MultiLayerNetwork net = Nets.init(Nets.layersConfiguration(new TorchAdam(0.3)));
    updated(net);
    net.params().assign(1);
    assertThat(
            TorchOptimizer.of(new TorchSGD(0.5).withMomentum(0.9))
                .withWeightDecay(0.1)
                .applyTo(net))
        .isSameAs(net);
    net.initGradientsView();
    assertThat(updated(net)).hasSize(46).containsOnly(1 - 0.5 * 0.1);
    assertThat(net.updaterState().length()).isEqualTo(46);
    assertThat(net.getLayerWiseConfigurations().toJson())
        .contains("TorchSGD")
        .doesNotContain("Adam");
  }

  @Test
  void refusesTheConfigurationOfANetwork() {
    MultiLayerNetwork net = Nets.init(Nets.layersConfiguration(new Sgd(0.3)));
    TorchOptimizer optimizer = TorchOptimizer.of(new TorchAdam(0.1));
    assertThatThrownBy(() -> optimizer.applyTo(net.getLayerWiseConfigurations()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the configuration must not be that of a network, which would not see the change, but"
                + " layer0 has [W, b] already; give the optimizer to the network: applyTo(net)");
    ComputationGraph graph = new ComputationGraph(Nets.graphConfiguration(new Sgd(0.3)));
    graph.init();
    assertThatThrownBy(() -> optimizer.applyTo(graph.getConfiguration()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageEndingWith("give the optimizer to the network: applyTo(net)");
    assertThat(net.getLayer(0).conf().getLayer().getUpdaterByParam("W")).isEqualTo(new Sgd(0.3));
    optimizer.applyTo(graph);
    assertThat(graph.getLayer(0).conf().getLayer().getUpdaterByParam("W"))
        .isEqualTo(new TorchAdam(0.1));
  }

  @Test
  void refusesArgumentsOutOfRange() {
    TorchOptimizer optimizer = TorchOptimizer.of(new TorchAdam(0.1));
    assertThatThrownBy(() -> optimizer.withWeightDecay(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("weightDecay must be finite and >= 0 but was -1.0");
    assertThatThrownBy(() -> optimizer.withBiases(new TorchSGD(0.1), Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("weightDecay must be finite and >= 0 but was NaN");
    assertThatThrownBy(() -> TorchOptimizer.of(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("updater must be given but was null");
  }

  private static final class Scale extends SameDiffVertex {
    @Override
    public SDVariable defineVertex(
        SameDiff graph,
        Map<String, SDVariable> inputs,
        Map<String, SDVariable> parameters,
        Map<String, SDVariable> masks) {
      return inputs.get("in").mul(parameters.get("scale"));
    }

    @Override
    public void defineParametersAndInputs(SDVertexParams parameters) {
      parameters.defineInputs("in");
      parameters.addWeightParam("scale", 4);
    }

    @Override
    public void initializeParameters(Map<String, INDArray> parameters) {
      parameters.get("scale").assign(1);
    }

    @Override
    public GraphVertex clone() {
      return new Scale();
    }
  }
}
