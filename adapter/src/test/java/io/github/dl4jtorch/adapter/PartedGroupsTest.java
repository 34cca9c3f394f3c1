package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.CountingSgd;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.Rates;
import io.github.dl4jtorch.fixtures.SameDiffDense;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.StepSchedule;

/** Groups whose border runs through what DL4J had joined. */
class PartedGroupsTest {

  private static final int BEFORE = 3;
  private static final int AFTER = 5;
  private static final double FIRST = 0.02;
  private static final List<DataSet> DATA = Nets.data(BEFORE + AFTER);

  /** The rates of a group: one for all at first, then its own. */
  private static Rates rates(int group) {
    List<Double> values = new ArrayList<>(Collections.nCopies(BEFORE, FIRST));
    for (int step = 0; step < AFTER; step++) {
      values.add(FIRST * Math.pow(0.9 - 0.2 * group, step));
    }
    return new Rates(group, values);
  }

  private static MultiLayerNetwork normalised(UpdaterKind kind) {
    return Nets.init(
        Nets.settings(kind.at(FIRST))
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                Nets.dense(4, 4),
                Nets.output(4))
            .build());
  }

  private static void fitWithRates(Model net, NetworkParamGroups groups) {
    for (int step = 0; step < AFTER; step++) {
      for (int group = 0; group < groups.size(); group++) {
        groups.get(group).setLr(rates(group).valueAt(BEFORE + step, 0));
      }
      Nets.fit(net, DATA.subList(BEFORE + step, BEFORE + step + 1));
    }
  }

  @ParameterizedTest
  @EnumSource
  void trainLikeANetworkThatHadThemFromTheStart(UpdaterKind kind) {
    MultiLayerNetwork net = normalised(kind);
    Nets.fit(net, DATA.subList(0, BEFORE));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    assertThat(groups).hasSize(4);
    fitWithRates(net, groups);
    MultiLayerNetwork configured =
        Nets.init(
            Nets.settings(new Sgd(1))
                .list(
                    Nets.dense(Nets.INPUTS, 4, kind.following(rates(0))),
                    new BatchNormalization.Builder()
                        .nIn(4)
                        .nOut(4)
                        .updater(kind.following(rates(1)))
                        .build(),
                    Nets.dense(4, 4, kind.following(rates(2))),
                    Nets.output(4, kind.following(rates(3))))
                .build());
    Nets.fit(configured, DATA);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(configured));
    assertThat(net.updaterState()).isEqualTo(configured.updaterState());
    assertThat(Nets.blocks(net)).isEqualTo(Nets.blocks(configured)).isEqualTo(5);
  }

  @ParameterizedTest
  @EnumSource
  void trainLikeANetworkThatHadABiasUpdaterFromTheStart(UpdaterKind kind) {
    ComputationGraph net = Nets.graph(kind.at(FIRST));
    Nets.fit(net, DATA.subList(0, BEFORE));
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(net);
    fitWithRates(net, groups);
    ComputationGraph configured = Nets.graph(kind.at(1));
    for (int layer = 0; layer < 3; layer++) {
      BaseLayer configuration = (BaseLayer) configured.getLayer(layer).conf().getLayer();
      configuration.setIUpdater(kind.following(rates(0)));
      configuration.setBiasUpdater(kind.following(rates(1)));
    }
    Nets.fit(configured, DATA);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(configured));
    assertThat(Nets.blocks(net)).isEqualTo(6);
  }

  static Stream<DoubleFunction<IUpdater>> torchUpdaters() {
    return Stream.of(
        TorchSGD::new, TorchAdam::new, TorchNAdam::new, TorchRAdam::new, TorchRMSprop::new);
  }

  @ParameterizedTest
  @MethodSource("torchUpdaters")
  void moveTheStateOfPyTorchsOptimizers(DoubleFunction<IUpdater> torch) {
    MultiLayerNetwork net = Nets.layers(torch.apply(FIRST));
    Nets.fit(net, DATA.subList(0, BEFORE));
    fitWithRates(net, NetworkParamGroups.weightsAndBiases(net));
    IUpdater[] updaters = {torch.apply(1), torch.apply(1)};
    for (int group = 0; group < 2; group++) {
      updaters[group].setLrAndSchedule(1, rates(group));
    }
    MultiLayerNetwork configured =
        Nets.init(
            Nets.settings(updaters[0])
                .biasUpdater(updaters[1])
                .list(Nets.dense(Nets.INPUTS, 4), Nets.dense(4, 4), Nets.output(4))
                .build());
    Nets.fit(configured, DATA);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(configured));
    assertThat(Nets.blocks(net)).isEqualTo(6);
  }

  @Test
  void leaveTheBlocksThatNeedNoBorderAndKeepTheBordersThatAreThere() {
    MultiLayerNetwork net = Nets.layers(new Adam(FIRST));
    NetworkParamGroups.of(net, NetworkParam.inLayers("layer0", "layer1"), layer("layer2"));
    assertThat(Nets.blocks(net)).isEqualTo(2);
    NetworkParamGroups.perLayer(net);
    assertThat(Nets.blocks(net)).isEqualTo(3);
    NetworkParamGroups.of(net);
    assertThat(Nets.blocks(net)).isEqualTo(3);
  }

  private static Predicate<NetworkParam> layer(String name) {
    return NetworkParam.inLayers(name);
  }

  @ParameterizedTest
  @EnumSource
  void stayApartThroughSavingWhenTheirRatesMeet(UpdaterKind kind) throws Exception {
    MultiLayerNetwork net = normalised(kind);
    Nets.fit(net, DATA);
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(net);
    groups.get(0).setLr(0.5 * FIRST);
    Nets.fit(net, DATA);
    groups.get(0).setLr(FIRST);
    int blocks = Nets.blocks(net);
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(Nets.blocks(restored)).isEqualTo(blocks);
    Nets.fit(net, DATA);
    Nets.fit(restored, DATA);
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net)).doesNotContain(Double.NaN);
    NetworkParamGroups again = NetworkParamGroups.weightsAndBiases(restored);
    assertThat(Nets.blocks(restored)).isEqualTo(blocks);
    assertThat(again.get(1).lr()).isEqualTo(FIRST);
    groups.get(1).setLr(0.2 * FIRST);
    again.get(1).setLr(0.2 * FIRST);
    MultiLayerNetwork twice = Nets.restored(restored);
    Nets.fit(net, DATA);
    Nets.fit(twice, DATA);
    assertThat(Nets.params(twice)).isEqualTo(Nets.params(net));
  }

  /** The way back, which no group asks for. */
  @ParameterizedTest
  @EnumSource
  void canBeJoinedAgain(UpdaterKind kind) {
    MultiLayerNetwork net = normalised(kind);
    NetworkParamGroups.weightsAndBiases(net);
    Nets.fit(net, DATA);
    UpdaterBlocks parted = new UpdaterBlocks(net);
    for (int layer = 0; layer < 4; layer++) {
      BaseLayer configuration = (BaseLayer) net.getLayer(layer).conf().getLayer();
      configuration.getIUpdater().setLrAndSchedule(FIRST, null);
      configuration.setBiasUpdater(null);
    }
    parted.rebuild();
    MultiLayerNetwork joined = normalised(kind);
    Nets.fit(joined, DATA);
    assertThat(Nets.blocks(net)).isEqualTo(Nets.blocks(joined)).isEqualTo(3);
    assertThat(net.updaterState()).isEqualTo(joined.updaterState());
    assertThat(Nets.params(net)).isEqualTo(Nets.params(joined));
  }

  @Test
  void startAtTheRatesAndMomentaOfTheirUpdaters() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(1))
                .list(
                    Nets.dense(Nets.INPUTS, 4, new Nesterovs(0.1, 0.8)),
                    Nets.dense(4, 4, new Adam(0.2, 0.7, 0.99, 1e-8)),
                    Nets.output(4, new Sgd(0.3)))
                .build());
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    assertThat(groups).extracting(ParamGroup::lr).containsExactly(0.1, 0.2, 0.3);
    assertThat(groups.get(0).momentum()).isEqualTo(0.8);
    assertThat(groups.get(1).momentum()).isEqualTo(0.7);
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    run.step();
    assertThat(net.getLearningRate(0)).isEqualTo(0.05);
    assertThat(net.getLearningRate(1)).isEqualTo(0.1);
    assertThat(net.getLearningRate(2)).isEqualTo(0.15);
  }

  /** DL4J joins all layers when it sets their rates, and the groups part them again. */
  @Test
  void partAgainWhatDl4jHasJoined() {
    List<MultiLayerNetwork> nets = List.of(Nets.layers(new Adam(0.1)), Nets.layers(new Adam(0.1)));
    List<NetworkParamGroups> groups = nets.stream().map(NetworkParamGroups::perLayer).toList();
    for (int i = 0; i < 2; i++) {
      groups.get(i).get(1).setLr(0.03);
      Nets.fit(nets.get(i), DATA);
    }
    nets.get(0).setLearningRate(0.08);
    assertThat(Nets.blocks(nets.get(0))).isEqualTo(1);
    assertThat(groups.get(0)).extracting(ParamGroup::lr).containsExactly(0.08, 0.08, 0.08);
    assertThat(Nets.blocks(nets.get(0))).isEqualTo(3);
    groups.get(1).forEach(group -> group.setLr(0.08));
    for (int i = 0; i < 2; i++) {
      Nets.fit(nets.get(i), DATA);
      new StepLR(1, 0.5).attach(groups.get(i)).step();
      groups.get(i).get(2).setLr(0.01);
      Nets.fit(nets.get(i), DATA);
    }
    assertThat(Nets.params(nets.get(0))).isEqualTo(Nets.params(nets.get(1)));
    assertThat(nets.get(0).getLearningRate(0)).isEqualTo(0.04);
  }

  @Test
  void takeUpWhatOthersDoToOneOfThem() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    LRScheduler run = new StepLR(1, 0.5).attach(groups);
    net.setLearningRate(1, 0.6);
    run.step();
    assertThat(run.getLastLr()).containsExactly(0.05, 0.3, 0.05);
    net.setUpdater(null);
    run.step();
    assertThat(net.getLearningRate(1)).isEqualTo(0.15);
    assertThat(Nets.blocks(net)).isEqualTo(3);
    net.setLearningRate(1, new StepSchedule(ScheduleType.EPOCH, 0.1, 0.5, 3));
    assertThatIllegalStateException()
        .isThrownBy(run::step)
        .withMessage(
            "param group 1 must set the learning rate of layer1.W, but that follows"
                + " StepSchedule(scheduleType=EPOCH, initialValue=0.1, decayRate=0.5, step=3.0);"
                + " to push one, first give it a fixed rate, with net.setLearningRate(lr)");
    net.setLearningRate(new StepSchedule(ScheduleType.EPOCH, 0.1, 0.5, 3));
    assertThatIllegalStateException()
        .isThrownBy(run::step)
        .withMessage(
            "param group 0 must set the learning rate of layer0.W, but that follows"
                + " StepSchedule(scheduleType=EPOCH, initialValue=0.1, decayRate=0.5, step=3.0);"
                + " to push one, first give it a fixed rate, with net.setLearningRate(lr)");
    net.setLearningRate(0.4);
    run.step();
    assertThat(run.getLastLr()).containsExactly(0.2, 0.2, 0.2);
  }

  @Test
  void nameUpdatersThatWereExchanged() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    NetworkParamGroups groups =
        NetworkParamGroups.of(net, layer("layer0"), layer("layer0").negate());
    for (int layer = 1; layer < 3; layer++) {
      ((BaseLayer) net.getLayer(layer).conf().getLayer()).setIUpdater(new AdaDelta());
    }
    net.setUpdater(null);
    assertThatIllegalStateException()
        .isThrownBy(() -> groups.get(0).lr())
        .withMessage(
            "param group 1 must have a parameter with a learning rate but has only updaters"
                + " without: [AdaDelta]");
    ((BaseLayer) net.getLayer(1).conf().getLayer()).setIUpdater(new Sgd(0.3));
    net.setUpdater(null);
    assertThat(groups.get(1).lr()).isEqualTo(0.3);
  }

  @Test
  void partLayersThatShareOneUpdaterObject() throws Exception {
    NeuralNetConfiguration.Builder settings = Nets.settings(new Adam(FIRST));
    MultiLayerNetwork sameDiff =
        Nets.init(
            settings
                .list(new SameDiffDense(Nets.INPUTS, 4), new SameDiffDense(4, 4), Nets.output(4))
                .build());
    MultiLayerNetwork tuned =
        new TransferLearning.Builder(normalised(UpdaterKind.ADAM))
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Adam(FIRST)).seed(1).build())
            .build();
    Adam one = new Adam(FIRST);
    MultiLayerNetwork everywhere =
        Nets.init(
            Nets.settings(new Sgd(1))
                .list(
                    new DenseLayer.Builder()
                        .nIn(Nets.INPUTS)
                        .nOut(4)
                        .updater(one)
                        .biasUpdater(one)
                        .build(),
                    Nets.output(4, one))
                .build());
    for (MultiLayerNetwork net : List.of(sameDiff, tuned, everywhere)) {
      Nets.fit(net, DATA);
      assertThat(NetworkParamGroups.perLayer(net)).hasSize(net.getnLayers());
      NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(net);
      groups.get(1).setLr(0.1 * FIRST);
      for (int i = 0; i < groups.size(); i++) {
        for (NetworkParam param : groups.params(i)) {
          assertThat(rate(net, param)).isEqualTo(groups.get(i).lr());
        }
      }
      Nets.fit(net, DATA);
      MultiLayerNetwork restored = Nets.restored(net);
      Nets.fit(net, DATA);
      Nets.fit(restored, DATA);
      assertThat(Nets.params(restored)).isEqualTo(Nets.params(net)).doesNotContain(Double.NaN);
    }
  }

  /** Reads a rate as DL4J's StatsListener does. */
  private static double rate(MultiLayerNetwork net, NetworkParam param) {
    return net.getLayer(param.layer())
        .conf()
        .getLayer()
        .getUpdaterByParam(param.name())
        .getLearningRate(net.getIterationCount(), net.getEpochCount());
  }

  /** A copy shares the updaters, but how they are joined there must go on to fit its state. */
  @Test
  void leaveAloneTheBlocksOfACopyThatWasMadeBefore() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Adam(FIRST));
    Nets.fit(net, DATA);
    MultiLayerNetwork copy = net.clone();
    NetworkParamGroups.perLayer(net).get(2).setLr(0.5);
    MultiLayerNetwork restored = Nets.restored(copy);
    Nets.fit(copy, DATA);
    Nets.fit(restored, DATA);
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(copy));
    assertThat(copy.getLearningRate(2)).isEqualTo(FIRST);
  }

  @Test
  void refuseToPartWhatHasOneUpdaterInDl4j() {
    MultiLayerNetwork net = normalised(UpdaterKind.ADAM);
    Nets.fit(net, DATA);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                NetworkParamGroups.of(
                    net,
                    param -> !param.name().equals("beta"),
                    param -> param.name().equals("beta")))
        .withMessage(
            "param groups 0 and 1 part layer1.gamma from layer1.beta, but DL4J has one updater for"
                + " both: it can part none of [layer1.gamma, layer1.beta]");
    assertThat(Nets.blocks(net)).isEqualTo(3);
    for (int layer = 0; layer < 4; layer++) {
      assertThat(((BaseLayer) net.getLayer(layer).conf().getLayer()).getIUpdater())
          .isEqualTo(new Adam(FIRST));
      assertThat(((BaseLayer) net.getLayer(layer).conf().getLayer()).getBiasUpdater()).isNull();
    }
    MultiLayerNetwork recurrent =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new Bidirectional(new LSTM.Builder().nIn(Nets.INPUTS).nOut(4).build()),
                    new RnnOutputLayer.Builder(LossFunction.MSE).nIn(8).nOut(2).build())
                .setInputType(InputType.recurrent(Nets.INPUTS, 5))
                .build());
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                NetworkParamGroups.of(
                    recurrent,
                    param -> param.name().startsWith("b") && param.layer().equals("layer0"),
                    param -> !param.name().startsWith("b") || !param.layer().equals("layer0")))
        .withMessage(
            "param groups 1 and 0 part layer0.fW from layer0.bW, but DL4J has one updater for"
                + " both: it can part only [layer0.fb, layer0.bb] from [layer0.fW, layer0.fRW,"
                + " layer0.bW, layer0.bRW]");
    assertThat(NetworkParamGroups.weightsAndBiases(recurrent).params(1).toString())
        .isEqualTo("[layer0.fb, layer0.bb, layer1.b]");
  }

  private static MultiLayerNetwork counting() {
    IUpdater updater = new CountingSgd(0.1);
    return Nets.layers(updater);
  }

  @Test
  void refuseToPartAStateOfUnknownForm() {
    MultiLayerNetwork net = counting();
    Nets.fit(net, DATA);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.perLayer(net))
        .withMessage(
            "param groups 0 and 1 part layer0.b from layer1.W, which share a state in a form that"
                + " only their updater knows: CountingSgd; make the groups right after"
                + " net.init()");
    assertThat(Nets.blocks(net)).isEqualTo(1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.1);
    NetworkParamGroups.of(net).get(0).setLr(0.2);
    assertThat(net.getLearningRate(0)).isEqualTo(0.2);
  }

  @Test
  void partUpdatersOfUnknownFormBeforeTheyHaveAState() {
    MultiLayerNetwork net = counting();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net, layer("layer0")));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    groups.get(1).setLr(0.3);
    Nets.fit(net, DATA);
    assertThat(Nets.blocks(net)).isEqualTo(3);
    assertThat(net.getLearningRate(1)).isEqualTo(0.3);
    assertThat(net.getLearningRate(2)).isEqualTo(0.1);
  }
}
