package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;

/** Frozen parameters and their updaters' state stand still, and go on from there when unfrozen. */
class FrozenGroupsTest {

  private static final int BEFORE = 3;
  private static final int WHILE = 4;
  private static final int AFTER = 4;
  private static final List<DataSet> DATA = Nets.data(BEFORE + WHILE + AFTER);
  private static final Predicate<NetworkParam> MIDDLE = NetworkParam.inLayers("layer1");

  static Stream<IUpdater> updaters() {
    Stream<IUpdater> dl4j = Arrays.stream(UpdaterKind.values()).map(kind -> kind.at(0.02));
    return Stream.concat(
        dl4j,
        Stream.of(
            new TorchSGD(0.02),
            new TorchSGD(0.02).withNesterovMomentum(0.9),
            new TorchAdam(0.02).withAmsgrad(),
            new TorchAdamW(0.02),
            new TorchNAdam(0.02),
            new TorchRAdam(0.02),
            new TorchAdamax(0.02),
            new TorchRMSprop(0.02).withCentering().withMomentum(0.9),
            new TorchAdagrad(0.02)));
  }

  /** Three layers with weight decay, in PyTorch's way where the updater is. */
  private static MultiLayerNetwork net(IUpdater updater) {
    DenseLayer.Builder middle =
        new DenseLayer.Builder()
            .nIn(4)
            .nOut(4)
            .activation(Activation.TANH)
            .updater(updater.clone());
    if (updater instanceof TorchUpdater torch) {
      middle = TorchOptimizer.of(torch).withWeightDecay(0.1).applyTo(middle);
    } else {
      middle.l2(0.1);
    }
    return net(updater, middle.build());
  }

  private static MultiLayerNetwork net(IUpdater updater, Layer middle) {
    return Nets.init(
        Nets.settings(updater).list(Nets.dense(Nets.INPUTS, 4), middle, Nets.output(4)).build());
  }

  private static double[] middle(MultiLayerNetwork net) {
    return net.getLayer(1).params().toDoubleVector();
  }

  /** Returns the state of the updater blocks of the middle layer. */
  private static List<INDArray> states(Model net) {
    List<INDArray> states = new ArrayList<>();
    BaseMultiLayerUpdater<?> updater =
        (BaseMultiLayerUpdater<?>) ((MultiLayerNetwork) net).getUpdater();
    for (UpdaterBlock block : updater.getUpdaterBlocks()) {
      boolean isMiddle =
          block.getLayersAndVariablesInBlock().get(0).getLayer()
              == ((MultiLayerNetwork) net).getLayer(1);
      if (isMiddle && block.getUpdaterView() != null) {
        states.add(block.getUpdaterView());
      }
    }
    return states;
  }

  /** Puts the middle layer and its updaters' state back while it counts as frozen. */
  private static final class PutBack extends BaseTrainingListener {
    private INDArray before;
    private final List<INDArray> statesBefore = new ArrayList<>();

    @Override
    public void onGradientCalculation(Model model) {
      before = ((MultiLayerNetwork) model).getLayer(1).params().dup();
      statesBefore.clear();
      states(model).forEach(state -> statesBefore.add(state.dup()));
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      if (iteration >= BEFORE && iteration < BEFORE + WHILE) {
        ((MultiLayerNetwork) model).getLayer(1).params().assign(before);
        List<INDArray> states = states(model);
        for (int i = 0; i < states.size(); i++) {
          states.get(i).assign(statesBefore.get(i));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void standStillAndGoOnWhereTheyWere(IUpdater updater) {
    MultiLayerNetwork net = net(updater);
    Nets.fit(net, DATA.subList(0, BEFORE));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(MIDDLE.negate()).frozen(MIDDLE).build();
    assertThat(groups.frozen()).hasToString("[layer1.W, layer1.b]");
    assertThat(net.getLearningRate(1)).isZero();
    double[] before = middle(net);
    double[] others = net.getLayer(0).params().toDoubleVector();
    Nets.fit(net, DATA.subList(BEFORE, BEFORE + WHILE));
    assertThat(middle(net)).isEqualTo(before);
    assertThat(net.getLayer(0).params().toDoubleVector()).isNotEqualTo(others);
    NetworkParamGroups all = groups.unfreeze(MIDDLE, 0.01);
    assertThat(all.frozen()).isEmpty();
    Nets.fit(net, DATA.subList(BEFORE + WHILE, DATA.size()));

    MultiLayerNetwork putBack = net(updater);
    Nets.fit(putBack, DATA.subList(0, BEFORE));
    NetworkParamGroups layers = NetworkParamGroups.perLayer(putBack);
    putBack.addListeners(new PutBack());
    Nets.fit(putBack, DATA.subList(BEFORE, BEFORE + WHILE));
    assertThat(middle(putBack)).isEqualTo(before);
    layers.get(1).setLr(0.01);
    Nets.fit(putBack, DATA.subList(BEFORE + WHILE, DATA.size()));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(putBack)).doesNotContain(Double.NaN);
    assertThat(middle(net)).isNotEqualTo(before);
    assertThat(states(net)).hasSameSizeAs(states(putBack));
    for (int i = 0; i < states(net).size(); i++) {
      assertThat(states(net).get(i).toDoubleVector())
          .isEqualTo(states(putBack).get(i).toDoubleVector());
    }
  }

  static Stream<LRScheduler> runs() {
    return Stream.of(
            CyclicLR.builder(0.01, 0.3).stepSizeUp(2).cycleMomentum(false).build(),
            new CosineAnnealingLR(3, 0.2),
            new SWALR(0.4, 3, AnnealStrategy.LINEAR))
        .map(
            schedule ->
                schedule.attach(
                    NetworkParamGroups.builder(net(new Adam(0.1)))
                        .group(MIDDLE.negate())
                        .frozen(MIDDLE)
                        .build()));
  }

  @ParameterizedTest
  @MethodSource("runs")
  void areReachedByNoRun(LRScheduler run) {
    NetworkParamGroups groups = (NetworkParamGroups) run.paramGroups();
    MultiLayerNetwork net = (MultiLayerNetwork) groups.network();
    double[] before = middle(net);
    net.addListeners(SchedulerListener.everyIteration(run));
    Nets.fit(net, DATA);
    assertThat(middle(net)).isEqualTo(before);
    assertThat(groups.get(0).lr()).isNotEqualTo(0.1);
  }

  @ParameterizedTest
  @EnumSource
  void stayFrozenWhateverTheNetworkDoesWithItsUpdaters(UpdaterKind kind) throws Exception {
    MultiLayerNetwork net = net(kind.at(0.02));
    Nets.fit(net, DATA.subList(0, 2));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(MIDDLE.negate()).frozen(MIDDLE).build();
    LRScheduler run = new CosineAnnealingLR(3, 0.01).attach(groups);
    net.addListeners(SchedulerListener.everyIteration(run));
    double[] before = middle(net);
    net.setUpdater(null);
    Nets.fit(net, DATA.subList(2, 4));
    net.setLearningRate(0.3);
    Nets.fit(net, DATA.subList(4, 6));
    assertThat(middle(net)).isEqualTo(before);
    MultiLayerNetwork restored = Nets.restored(net);
    NetworkParamGroups.builder(restored).group(MIDDLE.negate()).frozen(MIDDLE).build();
    Nets.fit(restored, DATA);
    assertThat(middle(restored)).isEqualTo(before);
  }

  /** A rate of 0 lets the state go on, as in PyTorch; freezing does not. */
  @Test
  void areNotOnlyAtARateOfZero() {
    MultiLayerNetwork frozen = net(new Adam(0.02));
    NetworkParamGroups.builder(frozen).group(MIDDLE.negate()).frozen(MIDDLE).build();
    Nets.fit(frozen, DATA);
    MultiLayerNetwork stopped = net(new Adam(0.02));
    NetworkParamGroups.perLayer(stopped).get(1).setLr(0);
    Nets.fit(stopped, DATA);
    assertThat(Nets.params(frozen)).isEqualTo(Nets.params(stopped));
    for (int i = 0; i < states(frozen).size(); i++) {
      assertThat(states(frozen).get(i).amaxNumber().doubleValue()).isZero();
      assertThat(states(stopped).get(i).amaxNumber().doubleValue()).isPositive();
    }
  }

  @Test
  void areMovedOnlyByWeightDecayThatDoesNotFollowTheRate() {
    Layer layer =
        new DenseLayer.Builder().nIn(Nets.INPUTS).nOut(4).weightDecay(0.25, false).build();
    MultiLayerNetwork net =
        Nets.init(Nets.settings(new Sgd(0.02)).list(layer, Nets.output(4)).build());
    NetworkParamGroups.builder(net).frozen(NetworkParam.inLayers("layer0")).build();
    double before = net.getParam("0_W").getDouble(0);
    Nets.fit(net, DATA.subList(0, 1));
    assertThat(net.getParam("0_W").getDouble(0)).isEqualTo(before - 0.25 * before);
  }

  @Test
  void keepTheRateOfTheirVelocity() {
    double[] stock = trainedAroundAFreeze(new Nesterovs(0.02, 0.9), true);
    double[] torch = trainedAroundAFreeze(new TorchSGD(0.02).withNesterovMomentum(0.9), false);
    for (int i = 0; i < stock.length; i++) {
      assertThat(stock[i]).isCloseTo(torch[i], within(1e-12));
    }
  }

  private static double[] trainedAroundAFreeze(IUpdater updater, boolean isRescaling) {
    MultiLayerNetwork net = net(updater, Nets.dense(4, 4));
    Nets.fit(net, DATA.subList(0, BEFORE));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(MIDDLE.negate()).frozen(MIDDLE).build();
    Nets.fit(net, DATA.subList(BEFORE, BEFORE + WHILE));
    LRScheduler run = new CosineAnnealingLR(10).attach(groups.unfreeze(MIDDLE, 0.005));
    SchedulerListener listener = SchedulerListener.everyIteration(run);
    net.addListeners(isRescaling ? listener.rescalingVelocity() : listener);
    Nets.fit(net, DATA.subList(BEFORE + WHILE, DATA.size()));
    return Nets.params(net);
  }

  /** The first step of PyTorch's Adam is the rate itself, however long others trained before. */
  @Test
  void startAfreshUnderTorchAdamWhenTheyWereFrozenFromTheStart() {
    MultiLayerNetwork net = net(new TorchAdam(0.02), Nets.dense(4, 4));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(MIDDLE.negate()).frozen(MIDDLE).build();
    Nets.fit(net, DATA);
    groups.unfreeze(MIDDLE, 0.001);
    double[] before = middle(net);
    Nets.fit(net, DATA.subList(0, 1));
    double[] after = middle(net);
    for (int i = 0; i < before.length; i++) {
      assertThat(Math.abs(after[i] - before[i])).isCloseTo(0.001, within(1e-7));
    }
  }
}
