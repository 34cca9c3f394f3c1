package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.LayerKind;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Groups that are given rates and momenta of their own, and what the network makes of them. */
class GroupBuilderTest {

  private static List<String> names(NetworkParamGroups groups) {
    return IntStream.range(0, groups.size())
        .mapToObj(group -> groups.params(group).toString())
        .toList();
  }

  private static NetworkParamGroups.Builder builder(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.builder(layers)
        : NetworkParamGroups.builder((ComputationGraph) net);
  }

  /** Trains one batch and returns how far each parameter moved along its gradient. */
  private static Map<String, Double> movement(Model net) {
    ParameterRates rates = new ParameterRates(1);
    Nets.addListeners(net, rates);
    Nets.fit(net, Nets.data(1));
    Map<String, Double> movement = new TreeMap<>();
    rates.params().forEach(param -> movement.put(param, rates.of(param).get(0)));
    return movement;
  }

  private static void assertThatItMovesBy(Model net, Map<String, Double> expected) {
    Map<String, Double> movement = movement(net);
    assertThat(movement.keySet()).isEqualTo(expected.keySet());
    expected.forEach(
        (param, rate) -> assertThat(movement.get(param)).as(param).isCloseTo(rate, within(1e-12)));
  }

  static Stream<Model> networks() {
    return Stream.of(Nets.layers(new Sgd(0.1)), Nets.graph(new Sgd(0.1)));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void giveEachGroupTheRateItIsGiven(Model net) {
    boolean isGraph = net instanceof ComputationGraph;
    NetworkParamGroups groups =
        builder(net)
            .group(NetworkParam.inLayers("layer0", "a"))
            .lr(0.01)
            .group(NetworkParam.inLayers("layer1", "b").and(NetworkParam::isWeight))
            .group(NetworkParam.inLayers("layer1", "b").and(NetworkParam::isBias))
            .lr(0.03)
            .group(NetworkParam.inLayers("layer2", "out"))
            .lr(0)
            .build();
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.01, 0.1, 0.03, 0.0);
    assertThatItMovesBy(
        net,
        isGraph
            ? Map.of("a_W", 0.01, "a_b", 0.01, "b_W", 0.1, "b_b", 0.03, "out_W", 0.0, "out_b", 0.0)
            : Map.of("0_W", 0.01, "0_b", 0.01, "1_W", 0.1, "1_b", 0.03, "2_W", 0.0, "2_b", 0.0));
  }

  @Test
  void giveEachGroupTheMomentumItIsGiven() {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.1, 0.5));
    Predicate<NetworkParam> head = NetworkParam.inLayers("layer2");
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group(head.negate())
            .momentum(0.25)
            .group(head)
            .lr(0.2)
            .momentum(0.75)
            .build();
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.1, 0.2);
    assertThat(groups).extracting(ParamGroup::momentum).containsExactly(0.25, 0.75);
    // The first step of a Nesterovs is (1 + momentum) lr.
    assertThatItMovesBy(
        net,
        Map.of("0_W", 0.125, "0_b", 0.125, "1_W", 0.125, "1_b", 0.125, "2_W", 0.35, "2_b", 0.35));
  }

  @Test
  void mayGiveOneMomentumToUpdatersThatDiffered() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(1))
                .list(
                    Nets.dense(Nets.INPUTS, 4, new Adam(0.1)),
                    Nets.output(4, new Adam(0.3, 0.5, 0.999, 1e-8)))
                .build());
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(param -> true).lr(0.2).momentum(0.8).build();
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.2);
    assertThat(groups).extracting(ParamGroup::momentum).containsExactly(0.8);
    for (int layer = 0; layer < 2; layer++) {
      Adam adam = (Adam) ((BaseLayer) net.getLayer(layer).conf().getLayer()).getIUpdater();
      assertThat(adam.getBeta1()).isEqualTo(0.8);
      assertThat(net.getLearningRate(layer)).isEqualTo(0.2);
    }
  }

  private static MultiLayerNetwork normalised(BatchNormalization normalization) {
    return Nets.init(
        Nets.settings(new TorchSGD(0.1))
            .list(Nets.dense(Nets.INPUTS, 4), normalization, Nets.output(4))
            .build());
  }

  @Test
  void sayYolov5sGroups() {
    Predicate<NetworkParam> normalization = NetworkParam::isNormalization;
    Predicate<NetworkParam> bias = NetworkParam::isBias;
    MultiLayerNetwork stock = normalised(new BatchNormalization.Builder().nIn(4).nOut(4).build());
    assertThat(
            names(
                NetworkParamGroups.builder(stock)
                    .group(normalization)
                    .group(NetworkParam::isWeight)
                    .group(bias.and(normalization.negate()))
                    .build()))
        .containsExactly(
            "[layer1.gamma, layer1.beta]", "[layer0.W, layer2.W]", "[layer0.b, layer2.b]");
    MultiLayerNetwork torch =
        normalised(new TorchBatchNormalization.Builder().nIn(4).nOut(4).build());
    assertThat(
            names(
                NetworkParamGroups.builder(torch)
                    .group(normalization.and(bias.negate()))
                    .group(NetworkParam::isWeight)
                    .group(bias)
                    .build()))
        .containsExactly(
            "[layer1.gamma]", "[layer0.W, layer2.W]", "[layer0.b, layer1.beta, layer2.b]");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                NetworkParamGroups.builder(stock)
                    .group(normalization.and(bias.negate()))
                    .group(NetworkParam::isWeight)
                    .group(bias)
                    .build())
        .withMessage(
            "param groups 0 and 2 part layer1.gamma from layer1.beta, but DL4J has one updater for"
                + " both: it can part none of [layer1.gamma, layer1.beta]");
  }

  private static MultiLayerNetwork normalized(IUpdater updater) {
    return Nets.init(
        Nets.settings(updater)
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                new DenseLayer.Builder()
                    .nIn(4)
                    .nOut(4)
                    .hasLayerNorm(true)
                    .activation(Activation.TANH)
                    .build(),
                Nets.output(4))
            .build());
  }

  /** DL4J itself parts a layer between its biases and all else, and a gain is no bias. */
  @Test
  void partAGainOfLayerNormalizationFromTheWeightsBesideIt() throws IOException {
    MultiLayerNetwork net = normalized(new Sgd(0.1));
    Nets.fit(net, Nets.data(1));
    NetworkParamGroups groups =
        builder(net)
            .group(NetworkParam::isNormalization)
            .lr(0)
            .group(NetworkParam::isWeight)
            .group(param -> param.isBias() && !param.isNormalization())
            .build();
    assertThat(names(groups))
        .containsExactly(
            "[layer1.gamma, layer1.beta, layer2.b, layer2.g]",
            "[layer0.W, layer2.W, layer3.W]",
            "[layer0.b, layer3.b]");
    Predicate<NetworkParam> gain = param -> param.name().equals("g");
    for (MultiLayerNetwork each : List.of(net, Nets.restored(net), NetworkCopy.of(net))) {
      NetworkParamGroups again = builder(each).group(gain).group(gain.negate()).lr(0.1).build();
      assertThat(again.get(0).lr()).isZero();
      double[] before = each.getParam("2_g").toDoubleVector();
      double[] head = each.getParam("3_b").toDoubleVector();
      Nets.fit(each, Nets.data(2));
      assertThat(each.getParam("2_g").toDoubleVector()).isEqualTo(before);
      assertThat(each.getParam("3_b").toDoubleVector()).isNotEqualTo(head);
    }
  }

  @Test
  void leaveLayersAsTheyWereIfRefused() {
    MultiLayerNetwork net = normalized(new Sgd(0.1));
    Predicate<NetworkParam> gamma = param -> param.name().equals("gamma");
    Predicate<NetworkParam> scales = gamma.or(param -> param.name().equals("g"));
    assertRefused(
        builder(net).group("scales", scales).group("rest", scales.negate()),
        "param groups \"scales\" and \"rest\" part layer1.gamma from layer1.beta, but DL4J has one"
            + " updater for both: it can part none of [layer1.gamma, layer1.beta]");
    assertThat(net.getLayer(2).conf().getLayer().getClass()).isEqualTo(DenseLayer.class);
  }

  @Test
  void knowBiasesOfAnyLayer() {
    for (LayerKind kind : LayerKind.values()) {
      for (Model net : kind.networks(new Sgd(0.1), new Sgd(0.1))) {
        Predicate<NetworkParam> neither = param -> !param.isWeight() && !param.isBias();
        NetworkParamGroups.Builder builder =
            builder(net).group(NetworkParam::isWeight).group(NetworkParam::isBias);
        if (kind == LayerKind.BATCH_NORMALIZATION) {
          // Its stock layer has one updater for gamma and beta.
          builder =
              builder(net)
                  .group(NetworkParam::isWeight)
                  .group(param -> !param.isWeight() && !param.isNormalization())
                  .group(NetworkParam::isNormalization);
        }
        NetworkParamGroups groups = builder.build();
        assertThat(groups.params(0)).noneMatch(NetworkParam::isBias).noneMatch(neither);
        assertThat(groups.params(1)).isNotEmpty().allMatch(NetworkParam::isBias);
        if (groups.size() == 3) {
          assertThat(groups.params(2).stream().map(NetworkParam::name))
              .containsExactly("gamma", "beta");
          assertThat(groups.params(2).stream().map(NetworkParam::isBias))
              .containsExactly(false, true);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void letTheRatesFallFromLayerToLayer(Model net) {
    NetworkParamGroups groups =
        net instanceof MultiLayerNetwork layers
            ? NetworkParamGroups.layerWiseDecay(layers, 0.5)
            : NetworkParamGroups.layerWiseDecay((ComputationGraph) net, 0.5);
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.025, 0.05, 0.1);
    assertThatItMovesBy(
        net,
        net instanceof ComputationGraph
            ? Map.of(
                "a_W", 0.025, "a_b", 0.025, "b_W", 0.05, "b_b", 0.05, "out_W", 0.1, "out_b", 0.1)
            : Map.of("0_W", 0.025, "0_b", 0.025, "1_W", 0.05, "1_b", 0.05, "2_W", 0.1, "2_b", 0.1));
  }

  @Test
  void letTheRatesFallOverTheLayersThatHaveOne() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new FrozenLayer(Nets.dense(Nets.INPUTS, 4)),
                    Nets.dense(4, 4),
                    new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                    Nets.output(4, new Sgd(0.4)))
                .build());
    assertThat(NetworkParamGroups.layerWiseDecay(net, 0.1))
        .extracting(ParamGroup::lr)
        .containsExactly(0.1 * Math.pow(0.1, 2), 0.1 * 0.1, 0.4);
    for (double decay : new double[] {0, -1, 1.1, Double.NaN}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> NetworkParamGroups.layerWiseDecay(net, decay))
          .withMessage("decay must be > 0 and <= 1 but was " + decay);
    }
  }

  @Test
  void driveBackboneAndHeadAfterTransferLearning() {
    MultiLayerNetwork source = Nets.layers(new Sgd(0.1));
    Nets.fit(source, Nets.data(2));
    MultiLayerNetwork net =
        new TransferLearning.Builder(source)
            .fineTuneConfiguration(new FineTuneConfiguration.Builder().seed(1).build())
            .removeOutputLayer()
            .addLayer(Nets.output(4, new Sgd(0.1)))
            .build();
    Predicate<NetworkParam> head = NetworkParam.inLayers("layer2");
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(head.negate()).lr(0.01).group(head).lr(0.2).build();
    assertThat(names(groups))
        .containsExactly("[layer0.W, layer0.b, layer1.W, layer1.b]", "[layer2.W, layer2.b]");
    assertThatItMovesBy(
        net, Map.of("0_W", 0.01, "0_b", 0.01, "1_W", 0.01, "1_b", 0.01, "2_W", 0.2, "2_b", 0.2));
  }

  @Test
  void comeBackAfterSavingWithTheirBlocks() throws Exception {
    ComputationGraph net = Nets.graph(new Adam(0.1));
    builder(net)
        .group(NetworkParam.inLayers("a"))
        .group(NetworkParam.inLayers("b"))
        .frozen(NetworkParam.inLayers("out"))
        .build();
    Nets.fit(net, Nets.data(3));
    ComputationGraph restored = Nets.restored(net);
    assertThat(Nets.blocks(restored)).isEqualTo(3);
    assertThat(restored.getLearningRate("b")).isEqualTo(0.1);
    assertThat(restored.getLearningRate("out")).isZero();
    double[] head = restored.getLayer("out").params().toDoubleVector();
    NetworkParamGroups groups =
        builder(restored)
            .group(NetworkParam.inLayers("a"))
            .group(NetworkParam.inLayers("b"))
            .frozen(NetworkParam.inLayers("out"))
            .build();
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.1, 0.1);
    Nets.fit(net, Nets.data(4));
    Nets.fit(restored, Nets.data(4));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
    assertThat(restored.getLayer("out").params().toDoubleVector()).isEqualTo(head);
    // Groups made anew decide anew, and a rate that was kept is there again.
    NetworkParamGroups all = NetworkParamGroups.of(restored);
    assertThat(all).extracting(ParamGroup::lr).containsExactly(0.1);
    assertThat(all.frozen()).isEmpty();
    Nets.fit(restored, Nets.data(1));
    assertThat(restored.getLayer("out").params().toDoubleVector()).isNotEqualTo(head);
  }

  private static void assertRefused(NetworkParamGroups.Builder builder, String message) {
    assertThatIllegalArgumentException().isThrownBy(builder::build).withMessage(message);
  }

  @Test
  void refuseWhatCannotBeAndLeaveTheNetworkAsItWas() {
    Predicate<NetworkParam> first = NetworkParam.inLayers("layer0");
    Predicate<NetworkParam> none = param -> false;
    IUpdater updater = new Adam(0.1);
    MultiLayerNetwork net = Nets.layers(updater);
    Nets.fit(net, Nets.data(2));
    String all = "[layer0.W, layer0.b, layer1.W, layer1.b, layer2.W, layer2.b]";
    assertRefused(
        builder(net).group(first).group(NetworkParam::isWeight),
        "layer0.W must be in one param group but is in 0 and 1");
    assertRefused(
        builder(net).group(first.negate()).frozen(NetworkParam::isWeight),
        "layer1.W must be in one param group but is frozen and in 0");
    assertRefused(
        builder(net).group(first).lr(0.5).momentum(0.5),
        "every parameter with a learning rate must be in a param group, but in none is [layer1.W,"
            + " layer1.b, layer2.W, layer2.b]");
    assertRefused(
        builder(net).group(param -> true).frozen(none),
        "frozen must select a parameter with a learning rate but selects none of " + all);
    assertRefused(
        builder(net).frozen(param -> true),
        "param group 0 must have a parameter but selects none of " + all);
    assertRefused(
        builder(net).group(first.negate()).group(none).frozen(first),
        "param group 1 must have a parameter but selects none of " + all);
    assertThat(Nets.blocks(net)).isEqualTo(1);
    for (int layer = 0; layer < 3; layer++) {
      BaseLayer configuration = (BaseLayer) net.getLayer(layer).conf().getLayer();
      assertThat(configuration.getIUpdater()).isEqualTo(updater);
      assertThat(configuration.getBiasUpdater()).isNull();
    }
  }

  @Test
  void refuseAMomentumThatIsNotThere() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Nesterovs(0.1, 0.9))
                .list(Nets.dense(Nets.INPUTS, 4), Nets.output(4, new Adam(0.1)))
                .build());
    assertRefused(
        builder(net).group(param -> true).lr(0.5).momentum(0.5),
        "param group 0 is to have a momentum of 0.5, but has a momentum of 0.9 in layer0.W but a"
            + " beta1 of 0.9 in layer1.W");
    assertRefused(
        builder(Nets.layers(new Sgd(0.1))).group(param -> true).momentum(0.5),
        "param group 0 is to have a momentum of 0.5, but has neither momentum nor beta1");
    assertThat(net.getLearningRate(0)).isEqualTo(0.1);
    assertThat(net.getLearningRate(1)).isEqualTo(0.1);
  }

  @Test
  void refuseToFreezeWhatFollowsASchedule() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(3), 0.1, ScheduleType.EPOCH);
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(Nets.dense(Nets.INPUTS, 4, new Adam(schedule)), Nets.output(4))
                .build());
    assertRefused(
        builder(net).frozen(NetworkParam.inLayers("layer0")),
        "the frozen parameters must set the learning rate of layer0.W, but that follows"
            + " TorchSchedule.lr(StepLR[stepSize=3, gamma=0.1], 0.1, EPOCH); to push one, first give it a fixed rate, with net.setLearningRate(lr)");
  }

  @Test
  void refuseSettingsOutOfTheirRangeOrPlace() {
    NetworkParamGroups.Builder empty = builder(Nets.layers(new Sgd(0.1)));
    assertThatIllegalStateException()
        .isThrownBy(() -> empty.lr(0.1))
        .withMessage("lr must follow the group(selection) that it is for");
    assertThatIllegalStateException()
        .isThrownBy(() -> empty.momentum(0.1))
        .withMessage("momentum must follow the group(selection) that it is for");
    NetworkParamGroups.Builder builder = empty.group(param -> true);
    for (double lr : new double[] {-0.1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> builder.lr(lr))
          .withMessage("lr must be finite and >= 0 but was " + lr);
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.momentum(Double.NaN))
        .withMessage("momentum must be finite but was NaN");
    assertThatThrownBy(
            () ->
                NetworkParamGroups.builder(
                    new ComputationGraph(Nets.graphConfiguration(new Sgd(0.1)))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must be initialised before its param groups are made: call net.init()");
  }
}
