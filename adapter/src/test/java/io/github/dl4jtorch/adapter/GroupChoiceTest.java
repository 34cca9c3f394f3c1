package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.SameDiffDense;
import io.github.dl4jtorch.schedules.ParamGroup;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** Which parameters come into which group, and the choices that are refused. */
class GroupChoiceTest {

  private static final Predicate<NetworkParam> FIRST = NetworkParam.inLayers("layer0");

  private static List<String> names(NetworkParamGroups groups) {
    return IntStream.range(0, groups.size())
        .mapToObj(group -> groups.params(group).toString())
        .toList();
  }

  private static MultiLayerNetwork mixed() {
    return Nets.init(
        Nets.settings(new Adam(0.1))
            .list(
                new FrozenLayer(Nets.dense(Nets.INPUTS, 4)),
                new BatchNormalization.Builder().nIn(4).nOut(4).name("norm").build(),
                Nets.dense(4, 4, new AdaDelta()),
                Nets.output(4))
            .build());
  }

  @Test
  void isEverythingUnlessSomethingIsChosen() {
    assertThat(names(NetworkParamGroups.of(Nets.layers(new Sgd(0.1)))))
        .containsExactly("[layer0.W, layer0.b, layer1.W, layer1.b, layer2.W, layer2.b]");
    assertThat(names(NetworkParamGroups.of(mixed())))
        .containsExactly("[norm.gamma, norm.beta, layer3.W, layer3.b]");
  }

  @Test
  void canBeByLayer() {
    assertThat(names(NetworkParamGroups.perLayer(mixed())))
        .containsExactly("[norm.gamma, norm.beta]", "[layer3.W, layer3.b]");
    assertThat(names(NetworkParamGroups.perLayer(Nets.graph(new Sgd(0.1)))))
        .containsExactly("[a.W, a.b]", "[b.W, b.b]", "[out.W, out.b]");
  }

  @Test
  void canBeWeightsAndBiases() {
    assertThat(names(NetworkParamGroups.weightsAndBiases(mixed())))
        .containsExactly("[layer3.W]", "[norm.gamma, norm.beta, layer3.b]");
    assertThat(names(NetworkParamGroups.weightsAndBiases(Nets.graph(new Sgd(0.1)))))
        .containsExactly("[a.W, b.W, out.W]", "[a.b, b.b, out.b]");
  }

  @Test
  void canBeAnyPredicateInAnyOrder() {
    ComputationGraph graph = Nets.graph(new Sgd(0.1));
    Predicate<NetworkParam> head = NetworkParam.inLayers("out", "out");
    assertThat(
            names(
                NetworkParamGroups.of(
                    graph,
                    head,
                    param -> param.layer().equals("b") && param.name().equals("b"),
                    head.negate().and(param -> !param.layer().equals("b") || param.isWeight()))))
        .containsExactly("[out.W, out.b]", "[b.b]", "[a.W, a.b, b.W]");
    NetworkParamGroups groups = NetworkParamGroups.of(graph, head.negate(), head);
    groups.get(0).setLr(0.01);
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.01, 0.1);
    assertThat(graph.getLearningRate("b")).isEqualTo(0.01);
    assertThat(graph.getLearningRate("out")).isEqualTo(0.1);
  }

  @Test
  void refusesAParameterInNoGroup() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkParamGroups.of(net, FIRST, param -> param.toString().equals("layer1.W")))
        .withMessage(
            "every parameter with a learning rate must be in a param group, but in none is"
                + " [layer1.b, layer2.W, layer2.b]");
    assertThatUntouched(net);
  }

  @Test
  void refusesAParameterInTwoGroups() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net, FIRST.negate(), NetworkParam::isWeight))
        .withMessage("layer1.W must be in one param group but is in 0 and 1");
    assertThatUntouched(net);
  }

  private static void assertThatUntouched(MultiLayerNetwork net) {
    assertThat(Nets.blocks(net)).isEqualTo(1);
    for (int layer = 0; layer < net.getnLayers(); layer++) {
      BaseLayer configuration = (BaseLayer) net.getLayer(layer).conf().getLayer();
      assertThat(configuration.getIUpdater()).isEqualTo(new Adam(0.1));
      assertThat(configuration.getBiasUpdater()).isNull();
    }
  }

  @Test
  void refusesAGroupOfNothing() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net, param -> true, param -> false))
        .withMessage(
            "param group 1 must have a parameter but selects none of [layer0.W, layer0.b,"
                + " layer1.W, layer1.b, layer2.W, layer2.b]");
    assertThatUntouched(net);
    MultiLayerNetwork unbiased =
        Nets.init(
            Nets.settings(new Adam(0.1))
                .list(
                    new DenseLayer.Builder().nIn(Nets.INPUTS).nOut(4).hasBias(false).build(),
                    Nets.output(4, new AdaDelta()))
                .build());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.weightsAndBiases(unbiased))
        .withMessage(
            "param group 1 must have a parameter with a learning rate but has only updaters"
                + " without: [AdaDelta]");
  }

  @Test
  void refusesAGroupWithoutALearningRate() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(mixed(), FIRST, FIRST.negate()))
        .withMessage(
            "param group 0 must have a parameter with a learning rate but has only updaters"
                + " without: [NoOp]");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                NetworkParamGroups.of(
                    mixed(),
                    NetworkParam.inLayers("layer2").negate(),
                    NetworkParam.inLayers("layer2")))
        .withMessage(
            "param group 1 must have a parameter with a learning rate but has only updaters"
                + " without: [AdaDelta]");
  }

  @Test
  void refusesDifferentRatesInOneGroup() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Adam(0.1))
                .biasUpdater(new Adam(0.2))
                .list(Nets.dense(Nets.INPUTS, 4), Nets.output(4))
                .build());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.perLayer(net))
        .withMessage(
            "param group 0 must have one learning rate but has 0.1 in layer0.W and 0.2 in"
                + " layer0.b");
    assertThat(NetworkParamGroups.weightsAndBiases(net))
        .extracting(ParamGroup::lr)
        .containsExactly(0.1, 0.2);
  }

  @Test
  void refusesNetworksThatAreNotInitialised() {
    String message =
        "the network must be initialised before its param groups are made: call net.init()";
    MultiLayerNetwork layers = new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.1)));
    ComputationGraph graph = new ComputationGraph(Nets.graphConfiguration(new Sgd(0.1)));
    assertThatIllegalStateException()
        .isThrownBy(() -> NetworkParamGroups.perLayer(layers))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> NetworkParamGroups.perLayer(graph))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> NetworkParamGroups.weightsAndBiases(layers))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> NetworkParamGroups.of(graph, FIRST))
        .withMessage(message);
  }

  @Test
  void refusesToListAGroupThatIsNotThere() {
    NetworkParamGroups groups = NetworkParamGroups.of(Nets.layers(new Sgd(0.1)));
    assertThatThrownBy(() -> groups.params(1))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("group must be >= 0 and < 1 but was 1");
  }

  @Test
  void noticesParametersThatCameLater() {
    MultiLayerNetwork net = mixed();
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    ((BaseLayer) net.getLayer(2).conf().getLayer()).setIUpdater(new Adam(0.1));
    net.setUpdater(null);
    assertThatIllegalStateException()
        .isThrownBy(() -> groups.get(0).lr())
        .withMessage(
            "layer2.W has a learning rate now but is in no param group: make the groups anew");
    MultiLayerNetwork other = Nets.layers(new Adam(0.1));
    NetworkParamGroups stale = NetworkParamGroups.of(other);
    other.setLayers(new Layer[] {other.getLayer(0)});
    other.setUpdater(null);
    assertThatIllegalStateException()
        .isThrownBy(() -> stale.get(0).lr())
        .withMessage(
            "the network has other parameters than when its param groups were made: make them"
                + " anew");
  }

  @Test
  void knowsWeightsOfAnyLayer() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new ConvolutionLayer.Builder(2, 2).nIn(1).nOut(2).name("conv").build(),
                    new SameDiffDense(8, 4),
                    Nets.output(4))
                .setInputType(InputType.convolutional(3, 3, 1))
                .build());
    assertThat(names(NetworkParamGroups.weightsAndBiases(net)))
        .containsExactly("[conv.W, layer1.W, layer2.W]", "[conv.b, layer1.b, layer2.b]");
  }
}
