package io.github.dl4jtorch.adapter;

import static io.github.dl4jtorch.fixtures.ParameterRates.assertThatRatesAre;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** What a {@link NetworkSchedule} does to the updaters it is put into. */
class NetworkScheduleTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(8).build();
  private static final NetworkSchedule BY_ITERATION =
      NetworkSchedule.of(HALVES, ScheduleType.ITERATION);

  static Stream<Model> trainedNetworks() {
    List<Model> nets = List.of(Nets.layers(new Sgd(0.04)), Nets.graph(new Sgd(0.04)));
    nets.forEach(net -> Nets.fit(net, Nets.data(5)));
    return nets.stream();
  }

  @ParameterizedTest
  @MethodSource("trainedNetworks")
  void startsAtThePresentIteration(Model net) {
    putInto(BY_ITERATION, net);
    assertThatRatesAre(net, 0.04, 0.02, 0.01);
    assertThat(iterations(net)).isEqualTo(8);
  }

  @ParameterizedTest
  @MethodSource("trainedNetworks")
  void startsWhereItIsTold(Model net) {
    putInto(BY_ITERATION.withOffset(-3), net);
    assertThatRatesAre(net, 0.01, 0.005);
  }

  @Test
  void startsAtThePresentEpoch() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    net.fit(Nets.epoch(2), 3);
    NetworkSchedule.of(HALVES, ScheduleType.EPOCH).putInto(net);
    assertThatRatesAre(net, 0.04, 0.04);
    net.incrementEpochCount();
    assertThatRatesAre(net, 0.02);
    NetworkSchedule.of(HALVES, ScheduleType.EPOCH).withOffset(0).putInto(net);
    assertThatRatesAre(net, 0.04 / 16);
  }

  @ParameterizedTest
  @MethodSource("trainedNetworks")
  void givesAllTheSameRateWhereAsked(Model net) {
    putInto(BY_ITERATION.withLr(0.008), net);
    assertThatRatesAre(net, 0.008, 0.004);
  }

  @Test
  void servesNetworksThatAreNotInitialised() {
    MultiLayerNetwork layers =
        BY_ITERATION.putInto(new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.04))));
    ComputationGraph graph =
        BY_ITERATION.putInto(new ComputationGraph(Nets.graphConfiguration(new Sgd(0.04))));
    layers.init();
    graph.init();
    assertThatRatesAre(layers, 0.04, 0.02);
    assertThatRatesAre(graph, 0.04, 0.02);
  }

  /** With a schedule that does not change the rate, which nothing may be seen of. */
  @ParameterizedTest
  @EnumSource
  void keepsTheStateOfTheUpdaters(UpdaterKind kind) throws Exception {
    IUpdater updater = kind.at(0.01);
    for (Model net : List.of(Nets.layers(updater), Nets.graph(updater))) {
      Nets.fit(net, Nets.data(5));
      Model untouched = Nets.restored(net);
      putInto(NetworkSchedule.of(new StepLR(1000, 0.5), ScheduleType.ITERATION), net);
      Nets.fit(net, Nets.data(3));
      Nets.fit(untouched, Nets.data(3));
      assertThat(Nets.params(net)).isEqualTo(Nets.params(untouched)).doesNotContain(Double.NaN);
      assertThat(Nets.blocks(net)).isEqualTo(1);
    }
  }

  /** Adam keeps two numbers a parameter, block by block, so joining blocks moves them about. */
  @ParameterizedTest
  @EnumSource
  void keepsTheStateWhereBlocksAreJoined(UpdaterKind kind) throws Exception {
    IUpdater updater = kind.at(0.01);
    IUpdater other = kind.at(0.003);
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(updater)
                .list(
                    Nets.dense(Nets.INPUTS, 4),
                    Nets.dense(4, 3, other),
                    Nets.dense(3, 4, new NoOp()),
                    Nets.dense(4, 4, other),
                    Nets.output(4))
                .build());
    Nets.fit(net, Nets.data(3));
    assertThat(Nets.blocks(net)).isEqualTo(5);
    MultiLayerNetwork byHand = Nets.restored(net);
    BY_ITERATION.withLr(0.02).putInto(net);
    assertThat(Nets.blocks(net)).isEqualTo(3);
    MultiLayerNetwork restored = Nets.restored(net);
    double lr = 0.02;
    for (DataSet batch : Nets.data(4)) {
      for (UpdaterBlocks.Param param : new UpdaterBlocks(byHand).params()) {
        if (param.updater().hasLearningRate()) {
          param.updater().setLrAndSchedule(lr, null);
        }
      }
      Nets.fit(net, List.of(batch));
      Nets.fit(byHand, List.of(batch));
      Nets.fit(restored, List.of(batch));
      assertThat(Nets.params(net))
          .isEqualTo(Nets.params(byHand))
          .isEqualTo(Nets.params(restored))
          .doesNotContain(Double.NaN);
      lr *= 0.5;
    }
  }

  /** Against a copy whose rate and momentum are set by hand. */
  @Test
  void cyclesTheMomentumOfNesterovs() throws Exception {
    Nesterovs updater = new Nesterovs(0.01, 0.8);
    for (Model net : List.of(Nets.layers(updater), Nets.graph(updater))) {
      Nets.fit(net, Nets.data(4));
      Model byHand = Nets.restored(net);
      putInto(NetworkSchedule.of(CYCLE, ScheduleType.ITERATION), net);
      ParamGroup group = ParamGroup.sgd(0.01, 0.8);
      LRScheduler run = CYCLE.attach(ParamGroups.of(group));
      for (DataSet batch : Nets.data(8)) {
        for (UpdaterBlocks.Param param : new UpdaterBlocks(byHand).params()) {
          param.updater().setLrAndSchedule(group.lr(), null);
          ((Nesterovs) param.updater()).setMomentum(group.momentum());
        }
        Nets.fit(net, List.of(batch));
        Nets.fit(byHand, List.of(batch));
        assertThat(Nets.params(net)).isEqualTo(Nets.params(byHand));
        run.step();
      }
      assertThat(Nets.blocks(Nets.restored(net))).isEqualTo(1);
    }
  }

  @Test
  void replacesAScheduleAndStartsFromTheSameRateAndMomentum() {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.01, 0.8));
    NetworkSchedule.of(CYCLE, ScheduleType.ITERATION).putInto(net);
    Nets.fit(net, Nets.data(3));
    BY_ITERATION.putInto(net);
    Nesterovs halves =
        new Nesterovs(TorchSchedule.lr(HALVES, 0.01, ScheduleType.ITERATION).withOffset(-3), 0.8);
    assertThat(updaters(net)).containsOnly(halves);
    Nets.fit(net, Nets.data(2));
    CyclicLR triangle = CyclicLR.builder(0.01, 0.02).stepSizeUp(4).build();
    NetworkSchedule.of(triangle, ScheduleType.ITERATION).putInto(net);
    NetworkSchedule.of(CYCLE, ScheduleType.EPOCH).putInto(net);
    assertThat(updaters(net))
        .containsOnly(
            new Nesterovs(
                TorchSchedule.lr(CYCLE, 0.01, ScheduleType.EPOCH),
                TorchSchedule.momentum(CYCLE, 0.8, ScheduleType.EPOCH)));
  }

  @Test
  void leavesAMomentumOnAScheduleOfItsOwnAlone() {
    MapSchedule momenta =
        new MapSchedule.Builder(ScheduleType.ITERATION).add(0, 0.5).add(2, 0.9).build();
    TorchSchedule lr = TorchSchedule.lr(HALVES, 0.01, ScheduleType.ITERATION);
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.01, momenta));
    BY_ITERATION.putInto(net);
    assertThat(updaters(net)).containsOnly(new Nesterovs(lr, momenta));
    TorchSchedule momentum = TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION);
    MultiLayerNetwork other = Nets.layers(new Nesterovs(0.01, momentum));
    BY_ITERATION.putInto(other);
    assertThat(updaters(other)).containsOnly(new Nesterovs(lr, momentum));
  }

  @Test
  void leavesUpdatersWithoutARateAlone() {
    AdaDelta adaDelta = new AdaDelta();
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.04))
                .list(
                    Nets.dense(Nets.INPUTS, 4, adaDelta),
                    Nets.dense(4, 4, new NoOp()),
                    Nets.output(4))
                .build());
    Nets.fit(net, Nets.data(1));
    BY_ITERATION.putInto(net);
    Sgd sgd = new Sgd(TorchSchedule.lr(HALVES, 0.04, ScheduleType.ITERATION).withOffset(-1));
    assertThat(updaters(net)).containsExactly(adaDelta, adaDelta, new NoOp(), new NoOp(), sgd, sgd);
  }

  @Test
  void savesAnAdaGradGivenToTheWholeNetwork() {
    MultiLayerNetwork net =
        Nets.init(
            NetworkSchedule.of(new CosineAnnealingLR(5), ScheduleType.ITERATION)
                .putInto(Nets.layersConfiguration(new AdaGrad(0.1, 1e-7))));
    Nets.fit(net, Nets.data(5));
    assertThat(Nets.params(net)).doesNotContain(Double.NaN);
    assertThat(updaters(net))
        .containsOnly(
            new AdaGrad(
                TorchSchedule.lr(new CosineAnnealingLR(5), 0.1, ScheduleType.ITERATION), 1e-7));
  }

  private static void putInto(NetworkSchedule schedule, Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      schedule.putInto(layers);
    } else {
      schedule.putInto((ComputationGraph) net);
    }
  }

  private static int iterations(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getIterationCount()
        : ((ComputationGraph) net).getIterationCount();
  }

  private static List<IUpdater> updaters(Model net) {
    return new UpdaterBlocks(net).params().stream().map(UpdaterBlocks.Param::updater).toList();
  }
}
