package io.github.dl4jtorch.adapter;

import static io.github.dl4jtorch.fixtures.ParameterRates.assertThatRatesAre;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.CountingSgd;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** What a {@link NetworkSchedule} refuses, changing nothing. */
class NetworkScheduleRefusalsTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(8).build();
  private static final NetworkSchedule BY_ITERATION =
      NetworkSchedule.of(HALVES, ScheduleType.ITERATION);

  static Stream<Arguments> refusals() {
    MapSchedule map = new MapSchedule.Builder(ScheduleType.ITERATION).add(0, 0.5).build();
    CyclicLR triangle = CyclicLR.builder(0.01, 0.02).build();
    Schedule nested = new SequentialLR(List.of(new LinearLR(0.1, 1, 2), triangle), List.of(2));
    return Stream.of(
        arguments(
            new AdaDelta(),
            HALVES,
            "the network must have an updater with a learning rate but has none"),
        arguments(
            new Sgd(map),
            HALVES,
            "the Sgd of a must have a learning rate to start from but follows "
                + map
                + "; give one to all updaters with withLr(lr)"),
        arguments(
            new Adam(-0.1),
            HALVES,
            "the Adam of a must have a learning rate that is finite and >= 0 but has -0.1"),
        arguments(
            new Adam(0.1),
            CYCLE,
            "OneCycleLR is to cycle the momentum, but the Adam of a cannot read one from a schedule;"
                + " build it with cycleMomentum(false), or cycle beta1 by attaching it to"
                + " NetworkParamGroups.of(net) and stepping it with a SchedulerListener"),
        arguments(
            new TorchSGD(0.1).withMomentum(0.9),
            CYCLE,
            "OneCycleLR is to cycle the momentum, but the TorchSGD of a takes the schedule of one"
                + " when it is built; do that, or build the definition with cycleMomentum(false),"
                + " or attach it to NetworkParamGroups.of(net) and step it with a"
                + " SchedulerListener"),
        arguments(
            new Sgd(0.1),
            WarmupLR.builder(HALVES)
                .iterationsPerEpoch(5)
                .warmupIterations(10)
                .warmupMomentum(0.8)
                .build(),
            "WarmupLR is to cycle the momentum, but the Sgd of a cannot read one from a schedule;"
                + " build it without warmupMomentum"),
        arguments(
            new Sgd(0.1),
            nested,
            "SequentialLR is to cycle the momentum, but the Sgd of a cannot read one from a"
                + " schedule; build it with cycleMomentum(false)"),
        arguments(
            new Nesterovs(0.1, map),
            triangle,
            "the Nesterovs of a must have a fixed momentum to be cycled but follows "
                + map
                + "; build the definition with cycleMomentum(false)"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void refusesAndChangesNothing(IUpdater updater, Schedule definition, String message) {
    NetworkSchedule schedule = NetworkSchedule.of(definition, ScheduleType.ITERATION);
    ComputationGraph graph = Nets.graph(updater);
    MultiLayerNetwork layers = Nets.layers(updater);
    String before = layers.getLayerWiseConfigurations().toJson();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.putInto(graph))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.putInto(graph.getConfiguration()))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.putInto(layers))
        .withMessage(message.replace(" of a ", " of layer0 "));
    assertThat(layers.getLayerWiseConfigurations().toJson()).isEqualTo(before);
  }

  @Test
  void refusesAnAdaGradThatLostItsSchedule() {
    AdaGrad updater = new AdaGrad(TorchSchedule.lr(HALVES, 0.1, ScheduleType.ITERATION));
    String message =
        "the AdaGrad of layer0 must have a learning rate that is finite and >= 0 but has NaN; DL4J"
            + " loses the schedule of an AdaGrad that is given to the builder of the whole network:"
            + " give that a new AdaGrad(lr) and use"
            + " NetworkSchedule.of(definition, unit).putInto(configuration)";
    MultiLayerConfiguration configuration = Nets.layersConfiguration(updater);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkSchedule.requireRates(configuration))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkSchedule.requireRates(Nets.graphConfiguration(updater)))
        .withMessage(message.replace("layer0", "a"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BY_ITERATION.putInto(configuration))
        .withMessage(message);
    NetworkSchedule.requireRates(BY_ITERATION.withLr(0.1).putInto(configuration));
    NetworkSchedule.requireRates(Nets.graphConfiguration(new Adam(0.1)));
  }

  @Test
  void refusesARateThatParamGroupsSet() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    HALVES.attach(NetworkParamGroups.of(net));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BY_ITERATION.putInto(net))
        .withMessage(
            "the Sgd of layer0 must have a learning rate to start from but follows"
                + " NetworkParamGroups; give one to all updaters with withLr(lr)");
    BY_ITERATION.withLr(0.04).putInto(net);
    assertThatRatesAre(net, 0.04, 0.02);
  }

  @Test
  void refusesAPlateauAndNamesTheListener() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkSchedule.of(ReduceLROnPlateau.builder().build(), ScheduleType.EPOCH))
        .withMessage(
            "definition must depend on the step alone but was a ReduceLROnPlateau, which needs a"
                + " metric: attach it to NetworkParamGroups.of(net) and step it with"
                + " SchedulerListener.everyEpoch(run, metric)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BY_ITERATION.withLr(-1))
        .withMessage("lr must be finite and >= 0 but was -1.0");
  }

  /** A layer of a user's own making that does not keep its updater where DL4J's layers do. */
  private static final class Stubborn extends BatchNormalization {
    private final Sgd own = new Sgd(0.1);

    @Override
    public IUpdater getUpdaterByParam(String paramName) {
      return own;
    }
  }

  @Test
  void refusesALayerThatKeepsItsUpdaterElsewhere() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.2))
                .list(new Stubborn(), Nets.output(3))
                .setInputType(InputType.feedForward(3))
                .build());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BY_ITERATION.putInto(net))
        .withMessage(
            "the updater of layer0.gamma must be kept as DL4J's layers keep it, but is found only in the"
                + " network: Sgd(learningRate=0.1, learningRateSchedule=null); put a TorchSchedule"
                + " into it by hand");
    assertThat(net.getLearningRate(1)).isEqualTo(0.2);
  }

  @Test
  void refusesANetworkWhoseUpdatersWereExchangedByHand() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    Nets.fit(net, Nets.data(1));
    ((DenseLayer) net.getLayer(0).conf().getLayer()).setIUpdater(new Sgd(0.3));
    assertThatThrownBy(() -> BY_ITERATION.putInto(net))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("the updater of layer0 was replaced after the network had taken");
  }

  @Test
  void refusesToJoinStatesOfAnUnknownForm() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new CountingSgd(0.04))
                .list(
                    Nets.dense(Nets.INPUTS, 4, new CountingSgd(0.02)),
                    new FrozenLayerWithBackprop(Nets.dense(4, 4)),
                    Nets.output(4))
                .build());
    Nets.fit(net, Nets.data(1));
    List<UpdaterBlocks.Param> before = new UpdaterBlocks(net).params();
    assertThatThrownBy(() -> BY_ITERATION.withLr(0.01).putInto(net))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the state of layer0 must stay as it is, since only its updater knows its form:"
                + " CountingSgd");
    assertThat(new UpdaterBlocks(net).params())
        .extracting(UpdaterBlocks.Param::updater)
        .usingElementComparator((one, other) -> one == other ? 0 : 1)
        .containsExactlyElementsOf(before.stream().map(UpdaterBlocks.Param::updater).toList());
    assertThat(net.updaterState().toDoubleVector()).containsOnly(1);
    Nets.fit(net, Nets.data(1));
    BY_ITERATION.putInto(net);
    assertThat(net.updaterState().toDoubleVector()).containsOnly(2);
  }
}
