package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.StepSchedule;

class NetworkParamGroupsTest {

  private static final int STEPS = 12;
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(STEPS).build();

  private static ParamGroups groupsOf(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  private static IUpdater updaterOf(MultiLayerNetwork net, int layer) {
    return ((BaseLayer) net.getLayer(layer).conf().getLayer()).getIUpdater();
  }

  static Stream<Model> networks() {
    return Stream.of(Nets.layers(new Sgd(0.1)), Nets.graph(new Sgd(0.1)));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void moveTheParametersByTheRateSetBeforeEachUpdate(Model net) {
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    LRScheduler run = new ExponentialLR(0.8).attach(groupsOf(net));
    ParamGroup reference = ParamGroup.sgd(0.1, 0);
    LRScheduler loop = new ExponentialLR(0.8).attach(ParamGroups.of(reference));
    for (int iteration = 0; iteration < STEPS; iteration++) {
      Nets.fit(net, Nets.data(1));
      assertThat(movement.rates.get(iteration)).isCloseTo(reference.lr(), within(1e-12));
      run.step();
      loop.step();
      assertThat(run.getLastLr()).containsExactly(reference.lr());
    }
  }

  @Test
  void areShownByTheNetwork() {
    MultiLayerNetwork layers = Nets.layers(new Adam(0.1));
    NetworkParamGroups.of(layers).get(0).setLr(0.03);
    assertThat(layers.getLearningRate(0)).isEqualTo(0.03);
    assertThat(layers.getLearningRate(2)).isEqualTo(0.03);
    ComputationGraph graph = Nets.graph(new Adam(0.1));
    NetworkParamGroups.of(graph).get(0).setLr(0.03);
    assertThat(graph.getLearningRate("b")).isEqualTo(0.03);
  }

  @Test
  void driveTheMomentumOfNesterovs() {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.1, 0.9));
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    LRScheduler run = CYCLE.attach(NetworkParamGroups.of(net));
    for (int iteration = 0; iteration < STEPS; iteration++) {
      Nets.fit(net, Nets.data(1));
      run.step();
    }
    PullTest.assertThatStepsAreNesterovs(movement, CYCLE);
  }

  static Stream<IUpdater> adamFamily() {
    return Stream.of(new Adam(0.1), new AMSGrad(0.1), new Nadam(0.1), new AdaMax(0.1));
  }

  @ParameterizedTest
  @MethodSource("adamFamily")
  void driveBeta1OfTheAdamFamily(IUpdater updater) {
    MultiLayerNetwork net = Nets.layers(updater);
    ParamGroups groups = NetworkParamGroups.of(net);
    assertThat(groups.get(0).momentumKind()).isEqualTo(MomentumKind.BETA1);
    LRScheduler run = CYCLE.attach(groups);
    assertThat(groups.get(0).momentum()).isEqualTo(0.95);
    for (int iteration = 0; iteration < STEPS; iteration++) {
      run.step();
      for (int layer = 0; layer < 3; layer++) {
        assertThat(UpdaterFields.momentum(updaterOf(net, layer)))
            .isEqualTo(groups.get(0).momentum());
      }
    }
    assertThat(Nets.blocks(net)).isEqualTo(1);
  }

  /** Two networks that differ only in beta1 take different steps, so the pushed one is used. */
  @Test
  void moveAdamByThePushedBeta1() {
    MultiLayerNetwork pushed = Nets.layers(new Adam(0.1));
    MultiLayerNetwork configured = Nets.layers(new Adam(0.1, 0.5, 0.999, 1e-8));
    Nets.fit(pushed, Nets.data(0));
    NetworkParamGroups.of(pushed).get(0).setMomentum(0.5);
    Nets.fit(pushed, Nets.data(4));
    Nets.fit(configured, Nets.data(4));
    assertThat(Nets.params(pushed)).isEqualTo(Nets.params(configured));
    MultiLayerNetwork untouched = Nets.layers(new Adam(0.1));
    Nets.fit(untouched, Nets.data(4));
    assertThat(Nets.params(pushed)).isNotEqualTo(Nets.params(untouched));
  }

  @Test
  void haveNoMomentumWhereTheUpdatersHaveNoneInCommon() {
    assertThat(kind(new Sgd(0.1), new Sgd(0.1))).isEqualTo(MomentumKind.NONE);
    assertThat(kind(new RmsProp(0.1), new AdaGrad(0.1))).isEqualTo(MomentumKind.NONE);
    assertThat(kind(new Adam(0.1), new Nesterovs(0.1))).isEqualTo(MomentumKind.NONE);
    assertThat(kind(new Adam(0.1), new Adam(0.1, 0.8, 0.999, 1e-8))).isEqualTo(MomentumKind.NONE);
    assertThat(kind(new Nesterovs(0.1, new StepSchedule(ScheduleType.EPOCH, 0.9, 1, 1))))
        .isEqualTo(MomentumKind.NONE);
    assertThat(kind(new Adam(0.1), new Nadam(0.1))).isEqualTo(MomentumKind.BETA1);
    assertThat(kind(new Nesterovs(0.1))).isEqualTo(MomentumKind.MOMENTUM);
  }

  private static MomentumKind kind(IUpdater... updaters) {
    return NetworkParamGroups.of(twoLayers(updaters)).get(0).momentumKind();
  }

  /** Two layers with an updater each, the same for both if there is only one. */
  private static MultiLayerNetwork twoLayers(IUpdater... updaters) {
    return Nets.init(
        Nets.settings(new Sgd(1))
            .list(
                Nets.dense(Nets.INPUTS, 4, updaters[0]),
                Nets.output(4, updaters[updaters.length - 1]))
            .build());
  }

  @Test
  void refuseToCycleAMomentumThatIsNotThere() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    ParamGroups groups = NetworkParamGroups.of(net);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CYCLE.attach(groups))
        .withMessage(
            "OneCycleLR is to cycle the momentum, but param group 0 has neither momentum nor beta1;"
                + " build it with cycleMomentum(false)");
    assertThat(net.getLearningRate(0)).isEqualTo(0.1);
  }

  @Test
  void sayWhyAMomentumCannotBeCycled() {
    ISchedule schedule = new StepSchedule(ScheduleType.EPOCH, 0.9, 1, 1);
    assertThat(refusal(new Adam(0.1), new Adam(0.1, 0.8, 0.999, 1e-8)))
        .isEqualTo("a beta1 of 0.9 in layer0.W but a beta1 of 0.8 in layer1.W");
    assertThat(refusal(new Nesterovs(0.1, 0.5), new Adam(0.1)))
        .isEqualTo("a momentum of 0.5 in layer0.W but a beta1 of 0.9 in layer1.W");
    assertThat(refusal(new Sgd(0.1), new Nesterovs(0.1, 0.5)))
        .isEqualTo("none in layer0.W but a momentum of 0.5 in layer1.W");
    assertThat(refusal(new Nesterovs(0.1, schedule)))
        .isEqualTo("a momentum that follows a schedule of its own in layer0.W");
    assertThat(refusal(new RmsProp(0.1), new AdaGrad(0.1))).isEqualTo("neither momentum nor beta1");
  }

  private static String refusal(IUpdater... updaters) {
    MultiLayerNetwork net = twoLayers(updaters);
    String message =
        catchIllegalArgumentException(() -> CYCLE.attach(NetworkParamGroups.of(net))).getMessage();
    String start = "OneCycleLR is to cycle the momentum, but param group 0 has ";
    String end = "; build it with cycleMomentum(false)";
    assertThat(message).startsWith(start).endsWith(end);
    assertThat(net.getLearningRate(1)).isEqualTo(0.1);
    return message.substring(start.length(), message.length() - end.length());
  }

  static Stream<MultiLayerNetwork> netsOfEveryBlockStructure() {
    MultiLayerConfiguration biases =
        Nets.settings(new Adam(0.1))
            .biasUpdater(new Adam(0.1, 0.5, 0.99, 1e-8))
            .list(Nets.dense(Nets.INPUTS, 4), Nets.dense(4, 4), Nets.output(4))
            .build();
    MultiLayerConfiguration normalised =
        Nets.settings(new Adam(0.1))
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                Nets.output(4))
            .build();
    MultiLayerNetwork sharing =
        new TransferLearning.Builder(Nets.init(normalised.clone()))
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Adam(0.1)).seed(1).build())
            .build();
    MultiLayerNetwork frozen =
        new TransferLearning.Builder(Nets.layers(new Adam(0.1))).setFeatureExtractor(0).build();
    return Stream.of(
        Nets.layers(new Adam(0.1)),
        Nets.layers(new Nesterovs(0.1)),
        twoLayers(new Adam(0.1), new Adam(0.1, 0.8, 0.999, 1e-8)),
        twoLayers(new Adam(0.1), new RmsProp(0.1)),
        twoLayers(new Adam(0.1), new AdaDelta()),
        Nets.init(biases),
        Nets.init(normalised),
        sharing,
        frozen,
        onceApart());
  }

  /** Two blocks that differed only in the rates, which were then made the same by hand. */
  private static MultiLayerNetwork onceApart() {
    MultiLayerNetwork net = twoLayers(new Adam(0.1), new Adam(0.2));
    net.getUpdater();
    updaterOf(net, 1).setLrAndSchedule(0.1, null);
    return net;
  }

  @ParameterizedTest
  @MethodSource("netsOfEveryBlockStructure")
  void keepTheBlocksThroughSavingSoThatTrainingGoesOnToTheBit(MultiLayerNetwork net)
      throws Exception {
    int blocks = Nets.blocks(net);
    LRScheduler run = new ExponentialLR(0.9).attach(NetworkParamGroups.of(net));
    Nets.fit(net, Nets.data(3));
    run.step();
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(Nets.blocks(net)).isEqualTo(blocks);
    assertThat(Nets.blocks(restored)).isEqualTo(blocks);
    assertThat(restored.getLearningRate(0)).isEqualTo(net.getLearningRate(0));
    Nets.fit(net, Nets.data(4));
    Nets.fit(restored, Nets.data(4));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
    assertThat(Nets.params(restored)).doesNotContain(Double.NaN);
    // New groups on the restored network take up the rate and keep the blocks again.
    ParamGroups groups = NetworkParamGroups.of(restored);
    assertThat(groups.get(0).lr()).isEqualTo(run.getLastLr()[0]);
    groups.get(0).setLr(0.05);
    run.paramGroups().get(0).setLr(0.05);
    MultiLayerNetwork again = Nets.restored(restored);
    assertThat(Nets.blocks(again)).isEqualTo(blocks);
    Nets.fit(net, Nets.data(2));
    Nets.fit(again, Nets.data(2));
    assertThat(Nets.params(again)).isEqualTo(Nets.params(net));
  }

  @Test
  void surviveSavingOfAComputationGraph() throws Exception {
    ComputationGraph net = Nets.graph(new Adam(0.1));
    LRScheduler run = CYCLE.attach(NetworkParamGroups.of(net));
    Nets.fit(net, Nets.data(3));
    run.step();
    ComputationGraph restored = Nets.restored(net);
    Nets.fit(net, Nets.data(4));
    Nets.fit(restored, Nets.data(4));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
    assertThat(NetworkParamGroups.of(restored).get(0).lr()).isEqualTo(run.getLastLr()[0]);
  }

  @Test
  void reachBiasUpdatersAndBothDirectionsOfARecurrentLayer() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .biasUpdater(new Sgd(0.1))
                .list(
                    new Bidirectional(new LSTM.Builder().nIn(Nets.INPUTS).nOut(4).build()),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(8)
                        .nOut(2)
                        .activation(Activation.IDENTITY)
                        .build())
                .setInputType(InputType.recurrent(Nets.INPUTS, 5))
                .build());
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    NetworkParamGroups.of(net).get(0).setLr(0.025);
    net.fit(new DataSet(Nd4j.ones(1, Nets.INPUTS, 5), Nd4j.ones(1, 2, 5)));
    assertThat(movement.rates.get(0)).isCloseTo(0.025, within(1e-12));
  }

  @Test
  void goOnExactlyBelowZeroWhileTheNetworkGetsZero() {
    LinearLR definition = new LinearLR(1.0 / 3, 0, 10);
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    ParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = definition.attach(groups);
    ParamGroup reference = ParamGroup.sgd(0.1, 0);
    LRScheduler loop = definition.attach(ParamGroups.of(reference));
    for (int step = 0; step < 14; step++) {
      run.step();
      loop.step();
      assertThat(groups.get(0).lr()).isEqualTo(reference.lr());
      assertThat(net.getLearningRate(0)).isEqualTo(Math.max(0, reference.lr()));
    }
    assertThat(reference.lr()).isNegative();
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    Nets.fit(net, Nets.data(1));
    assertThat(movement.steps.get(0).amaxNumber().doubleValue()).isZero();
  }

  @Test
  void takeRoundingForZeroAlsoWhereTheRateWasZeroAtFirst() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0));
    ParamGroups groups = NetworkParamGroups.of(net);
    groups.get(0).setLr(0.1);
    LRScheduler run = new LinearLR(1.0 / 3, 0, 10).attach(groups);
    for (int step = 0; step < 10; step++) {
      run.step();
    }
    assertThat(groups.get(0).lr()).isNegative();
    assertThat(net.getLearningRate(0)).isZero();
  }

  @Test
  void refuseARateBelowZeroAndStayAsTheyWere() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run = new LambdaLR(EpochFunction.table(1, -0.5)).attach(NetworkParamGroups.of(net));
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "LambdaLR gives param group 0 a learning rate of -0.05 at epoch 1.0, and the optimizer"
                + " takes none below 0; nothing was changed");
    assertThat(net.getLearningRate(0)).isEqualTo(0.1);
    assertThat(run.lastEpoch()).isZero();
  }

  @Test
  void noticeWhatOthersDoToTheRate() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    ParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new StepLR(1, 0.5).attach(groups);
    run.step();
    Nets.fit(net, Nets.data(2));
    net.setLearningRate(0.08);
    assertThat(groups.get(0).lr()).isEqualTo(0.08);
    run.step();
    assertThat(net.getLearningRate(2)).isEqualTo(0.04);
    Nets.fit(net, Nets.data(2));
    net.setUpdater(null);
    run.step();
    assertThat(net.getLearningRate(2)).isEqualTo(0.02);
    for (int layer = 0; layer < 3; layer++) {
      updaterOf(net, layer).setLrAndSchedule(0.6, null);
    }
    run.step();
    assertThat(net.getLearningRate(0)).isEqualTo(0.3);
    assertThat(Nets.params(net)).doesNotContain(Double.NaN);
  }

  @Test
  void nameWhatOthersDidToOneLayer() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    ParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new StepLR(1, 0.5).attach(groups);
    net.setLearningRate(1, 0.7);
    assertThatIllegalStateException()
        .isThrownBy(run::step)
        .withMessage(
            "param group 0 must have one learning rate but has 0.1 in layer0.W and 0.7 in"
                + " layer1.W");
    groups.get(0).setLr(0.2);
    run.step();
    assertThat(net.getLearningRate(1)).isEqualTo(0.1);
    net.setLearningRate(2, new StepSchedule(ScheduleType.EPOCH, 0.1, 0.5, 3));
    assertThatIllegalStateException()
        .isThrownBy(run::step)
        .withMessage(
            "param group 0 must set the learning rate of layer2.W, but that follows"
                + " StepSchedule(scheduleType=EPOCH, initialValue=0.1, decayRate=0.5, step=3.0);"
                + " to push one, first give it a fixed rate, with net.setLearningRate(lr)");
  }

  @Test
  void refuseANetworkThatIsNotInitialised() {
    String message =
        "the network must be initialised before its param groups are made: call net.init()";
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                NetworkParamGroups.of(
                    new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.1)))))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                NetworkParamGroups.of(new ComputationGraph(Nets.graphConfiguration(new Sgd(0.1)))))
        .withMessage(message);
  }

  @Test
  void refuseANetworkWithoutALearningRate() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(Nets.layers(new AdaDelta())))
        .withMessage(
            "the network must have a parameter with a learning rate but has only updaters without:"
                + " [AdaDelta]");
  }

  @Test
  void refuseDifferentRatesInOneGroup() {
    MultiLayerNetwork net = twoLayers(new Adam(0.1), new Adam(0.01));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net))
        .withMessage(
            "param group 0 must have one learning rate but has 0.1 in layer0.W and 0.01 in"
                + " layer1.W");
    assertThat(updaterOf(net, 0)).isEqualTo(new Adam(0.1));
    assertThat(updaterOf(net, 1)).isEqualTo(new Adam(0.01));
  }

  @Test
  void refuseARateThatFollowsAScheduleAlready() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(3), 0.1, ScheduleType.EPOCH);
    MultiLayerNetwork net = Nets.layers(new Adam(schedule));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net))
        .withMessage(
            "param group 0 must set the learning rate of layer0.W, but that follows"
                + " TorchSchedule.lr(StepLR[stepSize=3, gamma=0.1], 0.1, EPOCH); to push"
                + " one, first give it a fixed rate, with net.setLearningRate(lr)");
    assertThat(updaterOf(net, 2)).isEqualTo(new Adam(schedule));
  }

  /** DL4J loses the schedule of an AdaGrad that is given to all layers. */
  @Test
  void refuseARateThatIsNotANumber() {
    MultiLayerNetwork net =
        Nets.layers(new AdaGrad(TorchSchedule.lr(new StepLR(3), 0.1, ScheduleType.EPOCH)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net))
        .withMessage(
            "the learning rate of layer0.W must be finite and >= 0 but was NaN, since DL4J loses"
                + " the schedule of an AdaGrad that is set for the whole network: set new"
                + " AdaGrad(lr) there, and attach a schedule to the param groups");
  }

  @Test
  void refuseUpdatersThatTheNetworkDoesNotFollow() {
    MultiLayerNetwork one = Nets.layers(new Sgd(0.1));
    one.getUpdater();
    updaterOf(one, 1).setLrAndSchedule(0.3, null);
    assertThatIllegalStateException()
        .isThrownBy(() -> NetworkParamGroups.of(one))
        .withMessage(
            "the network updates layer0 and layer1 together, but their updaters were made to"
                + " differ: Sgd(learningRate=0.1, learningRateSchedule=null) and"
                + " Sgd(learningRate=0.3, learningRateSchedule=null)");
    MultiLayerNetwork other = Nets.layers(new Sgd(0.1));
    other.getUpdater();
    ((BaseLayer) other.getLayer(0).conf().getLayer()).setIUpdater(new Sgd(0.1));
    assertThatIllegalStateException()
        .isThrownBy(() -> NetworkParamGroups.of(other))
        .withMessage(
            "the updater of layer0 was replaced after the network had taken it up, so it is not"
                + " used: Sgd(learningRate=0.1, learningRateSchedule=null)");
  }

  @Test
  void restoreFromAStateDict() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    LRScheduler run = CYCLE.attach(NetworkParamGroups.of(net));
    for (int step = 0; step < 5; step++) {
      run.step();
    }
    MultiLayerNetwork fresh = Nets.layers(new Adam(0.1));
    LRScheduler resumed = CYCLE.attach(NetworkParamGroups.of(fresh));
    resumed.loadStateDict(run.stateDict(), run.paramGroups().stateDict());
    for (int step = 5; step < STEPS; step++) {
      assertThat(fresh.getLearningRate(1)).isEqualTo(net.getLearningRate(1));
      assertThat(((Adam) updaterOf(fresh, 1)).getBeta1())
          .isEqualTo(((Adam) updaterOf(net, 1)).getBeta1());
      run.step();
      resumed.step();
    }
  }
}
