package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.StepLR;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/** Weight decay and names of param groups. */
class GroupDecayTest {

  private static final Predicate<NetworkParam> HEAD = NetworkParam.inLayers("layer2");

  private static List<Regularization> regularization(MultiLayerNetwork net, String param) {
    return net.getLayer(0).conf().getLayer().getRegularizationByParam(param);
  }

  private static DenseLayer.Builder dense() {
    return new DenseLayer.Builder().nIn(Nets.INPUTS).nOut(4);
  }

  private static MultiLayerNetwork layer(BaseLayer.Builder<?> builder, IUpdater updater) {
    return Nets.init(
        Nets.settings(updater).list((DenseLayer) builder.build(), Nets.output(4)).build());
  }

  /** How far a parameter goes of itself: what it loses in one update beyond its gradient. */
  @Test
  void takesOffWhatItSays() {
    MultiLayerNetwork with = Nets.layers(new Sgd(0.5));
    MultiLayerNetwork without = Nets.layers(new Sgd(0.5));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(with)
            .group("body", HEAD.negate())
            .group("head", HEAD)
            .weightDecay(0.25)
            .build();
    double[] start = Nets.params(with);
    Nets.fit(with, Nets.data(1));
    Nets.fit(without, Nets.data(1));
    int head = start.length - with.getLayer(2).params().columns();
    for (int i = 0; i < start.length; i++) {
      double taken = Nets.params(without)[i] - Nets.params(with)[i];
      assertThat(taken).isCloseTo(i < head ? 0 : 0.5 * 0.25 * start[i], within(1e-12));
    }
    assertThat(groups.weightDecay(0)).isZero();
    assertThat(groups.weightDecay(1)).isEqualTo(0.25);
  }

  @Test
  void isOfTheKindThatTheUpdaterOrTheLayerHas() {
    MultiLayerNetwork coupled = layer(dense().l1(0.5), new Adam(0.1));
    NetworkParamGroups.builder(coupled).group(param -> true).weightDecay(0.2).build();
    assertThat(regularization(coupled, "W"))
        .containsExactly(new L1Regularization(0.5), new L2Regularization(0.2));
    assertThat(regularization(coupled, "b")).containsExactly(new L2Regularization(0.2));

    MultiLayerNetwork adamW = layer(dense(), new TorchAdamW(0.1));
    NetworkParamGroups.builder(adamW).group(param -> true).weightDecay(0.2).build();
    assertThat(regularization(adamW, "b")).containsExactly(new WeightDecay(0.2, true));

    MultiLayerNetwork stock = layer(dense().weightDecay(0.3), new Adam(0.1));
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(stock);
    assertThat(groups.weightDecay(0)).isNaN(); // The output has none.
    groups.setWeightDecay(1, 0.2);
    assertThat(regularization(stock, "b")).containsExactly(new WeightDecay(0.2, true));
    groups.setWeightDecay(0, 0);
    groups.setWeightDecay(1, 0);
    groups.setWeightDecay(0, 0.1);
    assertThat(regularization(stock, "W")).containsExactly(new WeightDecay(0.1, true));
  }

  @Test
  void comesAlongInACheckpointWithTheNames(@TempDir Path folder) throws Exception {
    MultiLayerNetwork net = Nets.layers(new TorchSGD(0.1).withMomentum(0.9));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group("head", HEAD)
            .weightDecay(0.25)
            .group(HEAD.negate())
            .weightDecay(0)
            .build();
    LRScheduler run = new StepLR(3, 0.5).attach(groups);
    net.addListeners(SchedulerListener.everyIteration(run));
    Nets.fit(net, Nets.data(2));
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("step", run).save(file);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    NetworkParamGroups again = checkpoint.groups("step");
    assertThat(again.name(0)).isEqualTo("head");
    assertThat(again.name(1)).isEqualTo("param group 1");
    assertThat(again.isNamed(1)).isFalse();
    assertThat(again.weightDecay(0)).isEqualTo(0.25);
    assertThat(again.weightDecay(1)).isZero();
    assertThat(again.toString()).isEqualTo(groups.toString());
    resumed.addListeners(SchedulerListener.everyIteration(checkpoint.run("step")));
    Nets.fit(net, Nets.data(4));
    Nets.fit(resumed, Nets.data(4));
    assertThat(Nets.params(resumed)).isEqualTo(Nets.params(net));
  }

  @Test
  void refusesWhatDl4jCannotDoAndLeavesTheNetworkAsItWas() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    Nets.dense(Nets.INPUTS, 4),
                    new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                    Nets.output(4))
                .build());
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkParamGroups.builder(net).group("all", p -> true).weightDecay(0.1).build())
        .withMessage(
            "param group \"all\" is to have a weight decay of 0.1, but DL4J decays no layer1.gamma"
                + " of a BatchNormalization; take TorchBatchNormalization, or put it into a group of"
                + " its own");
    assertThat(regularization(net, "W")).isEmpty();
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    groups.setWeightDecay(0, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.setWeightDecay(0, 0.1))
        .withMessageStartingWith("param group 0 is to have a weight decay of 0.1, but DL4J");

    MultiLayerNetwork both = layer(dense().l2(0.1), new Adam(0.1));
    ((DenseLayer) both.getLayer(0).conf().getLayer())
        .setRegularizationBias(List.of(new WeightDecay(0.1, true)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(both).setWeightDecay(0, 0.1))
        .withMessage(
            "param group 0 is to have a weight decay of 0.1, but layer0.W is of a layer with an"
                + " L2Regularization and a WeightDecay, so it is not clear which of the two it is to"
                + " be; remove one");
  }

  @Test
  void refusesArgumentsOutOfRangeAndNamesThatAreTaken() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    NetworkParamGroups.Builder builder = NetworkParamGroups.builder(net);
    assertThatIllegalStateException()
        .isThrownBy(() -> builder.weightDecay(0))
        .withMessage("weightDecay must follow the group(selection) that it is for");
    builder.group("head", HEAD);
    for (double decay : new double[] {-0.1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> builder.weightDecay(decay))
          .withMessage("weightDecay must be finite and >= 0 but was " + decay);
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.group("head", HEAD.negate()))
        .withMessage("name must be one that no other param group has but was \"head\"");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.group(" ", HEAD.negate()))
        .withMessage("name must not be blank but was \" \"");
    NetworkParamGroups groups = builder.frozen(HEAD.negate()).build();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.unfreeze("head", NetworkParam.inLayers("layer0"), 0.1))
        .withMessage("name must be one that no other param group has but was \"head\"");
    assertThat(groups.frozen()).hasSize(4);
    NetworkParamGroups more = groups.unfreeze("first", NetworkParam.inLayers("layer0"), 0.1);
    assertThat(more.name(1)).isEqualTo("first");
    assertThat(more.only(1).name(0)).isEqualTo("first");
  }

  @Test
  void showsNamesValuesAndParameters() {
    NetworkParamGroups groups =
        NetworkParamGroups.builder(Nets.layers(new TorchSGD(0.1).withMomentum(0.9)))
            .group("head", HEAD)
            .weightDecay(0.25)
            .group(HEAD.negate())
            .build();
    assertThat(groups)
        .hasToString(
            "[head {lr=0.1, momentum=0.9, weight_decay=0.25, params=[layer2.W, layer2.b]}, param"
                + " group 1 {lr=0.1, momentum=0.9, weight_decay=0.0, params=[layer0.W, layer0.b,"
                + " layer1.W, layer1.b]}]");
  }

  @Test
  void ratesFallByBlocks() {
    MultiLayerNetwork net = Nets.layers(new Sgd(1));
    List<List<String>> blocks = List.of(List.of("layer0", "layer1"), List.of("layer2"));
    NetworkParamGroups groups = NetworkParamGroups.layerWiseDecay(net, 0.5, 0.25, blocks);
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.125, 0.5);
    assertThat(groups.params(0).toString()).isEqualTo("[layer0.W, layer0.b, layer1.W, layer1.b]");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkParamGroups.layerWiseDecay(net, 0.5, 0.25, List.of(List.of("stem"))))
        .withMessage(
            "blocks must hold names of layers with parameters, of [layer0, layer1, layer2], but in"
                + " block 0 was \"stem\"");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkParamGroups.layerWiseDecay(net, 0.5, 0.25, List.of(List.of("layer2"))))
        .withMessage(
            "every parameter with a learning rate must be in a param group, but in none is"
                + " [layer0.W, layer0.b, layer1.W, layer1.b]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.layerWiseDecay(net, 0.5, 0.25, List.of()))
        .withMessage("blocks must have at least one block but was []");
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.125, 0.5);
  }
}
