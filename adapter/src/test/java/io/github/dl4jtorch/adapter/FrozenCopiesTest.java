package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.ParallelWrapper.TrainingMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** What is frozen stands still in every copy that DL4J makes of a configuration. */
@Timeout(value = 30, threadMode = ThreadMode.SEPARATE_THREAD)
class FrozenCopiesTest {

  private static final int BEFORE = 3;
  private static final List<DataSet> DATA = Nets.data(9);
  private static final Predicate<NetworkParam> MIDDLE = NetworkParam.inLayers("layer1", "b");

  static Stream<IUpdater> updaters() {
    return Stream.concat(
        Arrays.stream(UpdaterKind.values()).map(kind -> kind.at(0.02)),
        Stream.of(new TorchSGD(0.02).withNesterovMomentum(0.9), new TorchAdam(0.02).withAmsgrad()));
  }

  static Stream<Arguments> trainings() {
    return updaters()
        .flatMap(
            updater ->
                Stream.of(TrainingMode.AVERAGING, TrainingMode.SHARED_GRADIENTS)
                    .flatMap(
                        mode ->
                            Stream.of(
                                Arguments.of(updater, mode, false),
                                Arguments.of(updater, mode, true))));
  }

  private static NetworkParamGroups.Builder builder(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.builder(layers)
        : NetworkParamGroups.builder((ComputationGraph) net);
  }

  private static double[] middle(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getLayer(1).params().toDoubleVector()
        : ((ComputationGraph) net).getLayer("b").params().toDoubleVector();
  }

  private static List<Double> stateOfMiddle(Model net) {
    BaseMultiLayerUpdater<?> updater =
        net instanceof MultiLayerNetwork layers
            ? (BaseMultiLayerUpdater<?>) layers.getUpdater()
            : ((ComputationGraph) net).getUpdater();
    List<Double> state = new ArrayList<>();
    for (UpdaterBlock block : updater.getUpdaterBlocks()) {
      String layer =
          block.getLayersAndVariablesInBlock().get(0).getLayer().getConfig().getLayerName();
      INDArray view = block.getUpdaterView();
      if (view != null && Set.of("layer1", "b").contains(layer)) {
        Arrays.stream(view.dup().toDoubleVector()).forEach(state::add);
      }
    }
    return state;
  }

  private static NetworkParamGroups frozen(Model net) {
    return builder(net).group(MIDDLE.negate()).frozen(MIDDLE).build();
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void standStillInTheWorkersOfAParallelWrapper(
      IUpdater updater, TrainingMode mode, boolean isGraph) {
    Model net = isGraph ? Nets.graph(updater) : Nets.layers(updater);
    Nets.fit(net, DATA.subList(0, BEFORE));
    NetworkParamGroups groups = frozen(net);
    double[] before = middle(net);
    double[] all = Nets.params(net);
    List<Double> state = stateOfMiddle(net);
    assertThat(state).hasSize((int) (updater.stateSize(16) + updater.stateSize(4)));
    EpochLoop loop =
        net instanceof MultiLayerNetwork layers
            ? EpochLoop.of(layers)
            : EpochLoop.of((ComputationGraph) net);
    ParallelWrapper wrapper =
        new ParallelWrapper.Builder<>(net)
            .workers(2)
            .prefetchBuffer(0)
            .averagingFrequency(1)
            .trainingMode(mode)
            .build();
    loop.fit(2, () -> wrapper.fit(Nets.epoch(4)));
    assertThat(middle(net)).isEqualTo(before);
    assertThat(stateOfMiddle(net)).isEqualTo(state);
    assertThat(Nets.params(net)).isNotEqualTo(all);
    if (mode == TrainingMode.AVERAGING) { // After the other one DL4J's own fit would wait for ever.
      groups.unfreeze(MIDDLE, 0.01);
      Nets.fit(net, DATA.subList(BEFORE, DATA.size()));
      assertThat(middle(net)).isNotEqualTo(before).doesNotContain(Double.NaN);
    }
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void standStillInCopiesWhoseGroupsNobodyMadeAnew(IUpdater updater) throws Exception {
    for (Model net : List.of(Nets.layers(updater), Nets.graph(updater))) {
      Nets.fit(net, DATA.subList(0, BEFORE));
      frozen(net);
      double[] before = middle(net);
      List<Double> state = stateOfMiddle(net);
      Model copy =
          net instanceof MultiLayerNetwork layers
              ? NetworkCopy.of(layers)
              : NetworkCopy.of((ComputationGraph) net);
      for (Model other : List.of(Nets.restored(net), copy)) {
        double[] all = Nets.params(other);
        Nets.fit(other, DATA.subList(BEFORE, DATA.size()));
        assertThat(middle(other)).isEqualTo(before);
        assertThat(stateOfMiddle(other)).isEqualTo(state);
        assertThat(Nets.params(other)).isNotEqualTo(all);
      }
    }
  }

  /** Groups that are made anew decide anew: what was frozen goes on as if nothing had been. */
  @ParameterizedTest
  @MethodSource("updaters")
  void areAsTheyWereWhenACopyUnfreezesThem(IUpdater updater) throws Exception {
    MultiLayerNetwork net = Nets.layers(updater);
    MultiLayerNetwork never = Nets.layers(updater);
    for (MultiLayerNetwork each : List.of(net, never)) {
      Nets.fit(each, DATA.subList(0, BEFORE));
    }
    frozen(net);
    MultiLayerNetwork restored = Nets.restored(net);
    for (MultiLayerNetwork each : List.of(net, restored, never)) {
      NetworkParamGroups groups = builder(each).group(MIDDLE.negate()).group(MIDDLE).build();
      assertThat(groups.get(1).lr()).isEqualTo(0.02);
      Nets.fit(each, DATA.subList(BEFORE, DATA.size()));
    }
    assertThat(Nets.params(net)).isEqualTo(Nets.params(never));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(never));
  }

  @Test
  void keepTheRateThatSomebodySetsMeanwhile() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.02));
    NetworkParamGroups groups = frozen(net);
    LRScheduler run = new StepLR(100).attach(groups);
    net.addListeners(SchedulerListener.everyIteration(run));
    net.setLearningRate(0.3);
    double[] before = middle(net);
    Nets.fit(net, DATA);
    assertThat(middle(net)).isEqualTo(before);
    assertThat(net.getLearningRate(1)).isZero();
    assertThat(net.getLearningRate(0)).isEqualTo(0.3);
    assertThat(builder(net).group(MIDDLE).group(MIDDLE.negate()).build().get(0).lr())
        .isEqualTo(0.3);
  }

  @Test
  void mayBeGivenAMomentumWhenTheyAreFrozenNoMore() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Adam(0.02));
    frozen(net);
    MultiLayerNetwork restored = Nets.restored(net);
    NetworkParamGroups groups =
        builder(restored).group(MIDDLE).lr(0.5).momentum(0.25).group(MIDDLE.negate()).build();
    assertThat(groups.get(0).momentum()).isEqualTo(0.25);
    assertThat(groups.get(1).momentum()).isEqualTo(0.9);
  }

  private static MultiLayerNetwork constrained(Layer middle) {
    return Nets.init(
        Nets.settings(new Adam(0.02))
            .list(Nets.dense(Nets.INPUTS, 4), middle, Nets.output(4))
            .build());
  }

  private static DenseLayer.Builder dense() {
    return new DenseLayer.Builder().nIn(4).nOut(4).activation(Activation.TANH);
  }

  private static LayerConstraint small() {
    return new MaxNormConstraint(0.1, 1);
  }

  @Test
  void areRefusedWhereAConstraintWouldMoveThem() {
    MultiLayerNetwork net = constrained(dense().constrainWeights(small()).build());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> frozen(net))
        .withMessage(
            "frozen must not select layer1.W, which a MaxNormConstraint of its layer changes after"
                + " every update");
    assertThat(Nets.blocks(net)).isEqualTo(1);
    assertThat(net.getLearningRate(1)).isEqualTo(0.02);

    Predicate<NetworkParam> bias = MIDDLE.and(NetworkParam::isBias);
    builder(net).group(bias.negate()).frozen(bias).build();
    double[] before = net.getParam("1_b").dup().toDoubleVector();
    Nets.fit(net, DATA);
    assertThat(net.getParam("1_b").dup().toDoubleVector()).isEqualTo(before);
  }

  @Test
  void areNotRefusedWhereDl4jItselfHoldsThem() {
    MultiLayerNetwork net =
        constrained(new FrozenLayerWithBackprop(dense().constrainAllParameters(small()).build()));
    Nets.fit(net, DATA.subList(0, 1));
    double[] before = middle(net);
    frozen(net);
    Nets.fit(net, DATA);
    assertThat(middle(net)).isEqualTo(before);
  }

  @Test
  void areRefusedInsideAWrapperToo() {
    LSTM lstm = new LSTM.Builder().nOut(3).constrainWeights(small()).build();
    RnnOutputLayer output =
        new RnnOutputLayer.Builder(LossFunction.MSE)
            .nOut(2)
            .activation(Activation.IDENTITY)
            .build();
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Nesterovs(0.1))
                .list(new Bidirectional(lstm), output)
                .setInputType(InputType.recurrent(3))
                .build());
    Predicate<NetworkParam> last = NetworkParam.inLayers("layer1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder(net).group(last).frozen(last.negate()).build())
        .withMessage(
            "frozen must not select layer0.fW, which a MaxNormConstraint of its layer changes after"
                + " every update");
  }
}
