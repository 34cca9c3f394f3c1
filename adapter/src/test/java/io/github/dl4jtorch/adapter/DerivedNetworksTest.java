package io.github.dl4jtorch.adapter;

import static io.github.dl4jtorch.fixtures.ParameterRates.assertThatRatesAre;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.transferlearning.TransferLearningHelper;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Networks that DL4J makes of other networks: by transfer learning, by {@code clone()}, as a graph.
 */
class DerivedNetworksTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);
  private static final List<DataSet> DATA = Nets.data(8);

  private static Sgd pulled() {
    return new Sgd(TorchSchedule.lr(HALVES, 0.04, ScheduleType.ITERATION));
  }

  /** The first layer frozen, the second with another number of outputs, a new output layer. */
  private static MultiLayerNetwork transferred(MultiLayerNetwork source, Sgd fineTuned) {
    return new TransferLearning.Builder(source)
        .fineTuneConfiguration(
            new FineTuneConfiguration.Builder().updater(fineTuned).seed(1).build())
        .setFeatureExtractor(0)
        .nOutReplace(1, 3, WeightInit.XAVIER)
        .build();
  }

  private static MultiLayerNetwork transferred(MultiLayerNetwork source) {
    return new TransferLearning.Builder(source).setFeatureExtractor(0).build();
  }

  /** DL4J makes the graph one of single precision. */
  private static ComputationGraph transferred(ComputationGraph source) {
    return new TransferLearning.GraphBuilder(source)
        .setFeatureExtractor("a")
        .build()
        .convertDataType(DataType.DOUBLE);
  }

  private static void assertThatOnlyTheRestMoved(
      ParameterRates rates, List<String> frozen, double... expected) {
    for (String param : rates.params()) {
      for (int iteration = 0; iteration < expected.length; iteration++) {
        assertThat(rates.of(param).get(iteration))
            .as(param)
            .isCloseTo(frozen.contains(param) ? 0 : expected[iteration], within(1e-12));
      }
    }
  }

  /** DL4J has one updater object for all its layers then, and counts from 0 again. */
  @Test
  void followAScheduleThatTheFineTuningBrings() {
    MultiLayerNetwork source = Nets.layers(new Sgd(0.02));
    Nets.fit(source, DATA.subList(0, 3));
    MultiLayerNetwork net = transferred(source, pulled());
    assertThat(net.getIterationCount()).isZero();
    ParameterRates rates = new ParameterRates(1);
    net.setListeners(rates);
    Nets.fit(net, DATA.subList(0, 3));
    assertThatOnlyTheRestMoved(rates, List.of("0_W", "0_b"), 0.04, 0.02, 0.01);
    assertThatRatesAre(source, 0.02, 0.02);
  }

  @Test
  void arePushedApartFromTheirSourceUnderAnUpdaterOfTheirOwn() {
    MultiLayerNetwork source = Nets.layers(new Sgd(0.02));
    Nets.fit(source, DATA.subList(0, 3));
    MultiLayerNetwork net = transferred(source, new Sgd(0.04));
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(net));
    ParameterRates rates = new ParameterRates(1);
    net.setListeners(List.of(rates, SchedulerListener.everyIteration(run)));
    Nets.fit(net, DATA.subList(0, 3));
    assertThatOnlyTheRestMoved(rates, List.of("0_W", "0_b"), 0.04, 0.02, 0.01);
    assertThatRatesAre(source, 0.02, 0.02);
  }

  /** What a copy of the source is for. */
  @Test
  void shareTheUpdatersThatTheyKeepWithTheirSourceUnlessThatIsACopy() {
    MultiLayerNetwork source = Nets.layers(new Sgd(0.04));
    Nets.fit(source, DATA.subList(0, 2));
    MultiLayerNetwork sharing = transferred(source);
    NetworkParamGroups.of(sharing).get(0).setLr(0.01);
    assertThat(source.getLearningRate(1)).isEqualTo(0.01);
    MultiLayerNetwork other = Nets.layers(new Sgd(0.04));
    Nets.fit(other, DATA.subList(0, 2));
    MultiLayerNetwork net = transferred(NetworkCopy.withoutUpdaterState(other));
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(net));
    ParameterRates rates = new ParameterRates(1);
    net.setListeners(List.of(rates, SchedulerListener.everyIteration(run)));
    Nets.fit(net, DATA.subList(0, 3));
    assertThatOnlyTheRestMoved(rates, List.of("0_W", "0_b"), 0.04, 0.02, 0.01);
    assertThatRatesAre(other, 0.04, 0.04);
    assertThat(net.getLearningRate(1)).isEqualTo(0.005);
    NetworkParamGroups.of(other).get(0).setLr(0.3);
    assertThat(net.getLearningRate(1)).isEqualTo(0.005);
  }

  @Test
  void ofAGraphFollowAScheduleToo() {
    ComputationGraph source = Nets.graph(new Sgd(0.04));
    Nets.fit(source, DATA.subList(0, 2));
    ComputationGraph pulling = transferred(source);
    NetworkSchedule.of(HALVES, ScheduleType.ITERATION).putInto(pulling);
    assertThatOnlyTheRestMoves(pulling);
    ComputationGraph pushed = transferred(NetworkCopy.withoutUpdaterState(source));
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(pushed));
    pushed.addListeners(SchedulerListener.everyIteration(run));
    assertThatOnlyTheRestMoves(pushed);
    assertThatRatesAre(source, 0.04, 0.04);
  }

  private static void assertThatOnlyTheRestMoves(ComputationGraph net) {
    ParameterRates rates = new ParameterRates(1);
    net.addListeners(rates);
    Nets.fit(net, DATA.subList(0, 3));
    assertThatOnlyTheRestMoved(rates, List.of("a_W", "a_b"), 0.04, 0.02, 0.01);
  }

  /** The helper trains a network of the layers that are not frozen, and writes back. */
  @Test
  void ofAHelperFollowASchedule() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Nets.fit(net, DATA.subList(0, 2));
    TransferLearningHelper helper = new TransferLearningHelper(net, 0);
    MultiLayerNetwork rest = helper.unfrozenMLN();
    NetworkSchedule.of(HALVES, ScheduleType.ITERATION).putInto(rest);
    Nets.Movement movement = new Nets.Movement();
    rest.setListeners(movement);
    double[] frozen = net.getLayer(0).params().toDoubleVector();
    for (DataSet batch : DATA.subList(2, 4)) {
      helper.fitFeaturized(helper.featurize(batch.copy()));
    }
    assertThat(movement.rates.get(0)).isCloseTo(0.04, within(1e-12));
    assertThat(movement.rates.get(1)).isCloseTo(0.02, within(1e-12));
    assertThat(net.getLayer(0).params().toDoubleVector()).isEqualTo(frozen);
    assertThat(net.getLayer(1).params().toDoubleVector())
        .isEqualTo(rest.getLayer(0).params().toDoubleVector());
  }

  @Test
  void ofAHelperArePushed() {
    ComputationGraph net = Nets.graph(new Sgd(0.04));
    Nets.fit(net, DATA.subList(0, 2));
    TransferLearningHelper helper = new TransferLearningHelper(NetworkCopy.of(net), "a");
    ComputationGraph rest = helper.unfrozenGraph();
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(rest));
    Nets.Movement movement = new Nets.Movement();
    rest.setListeners(movement, SchedulerListener.everyIteration(run));
    for (DataSet batch : DATA.subList(2, 4)) {
      helper.fitFeaturized(helper.featurize(batch.copy()));
    }
    // Which DL4J has made one of single precision.
    for (int iteration = 0; iteration < 2; iteration++) {
      double gradient = movement.gradients.get(iteration).norm2Number().doubleValue();
      double step = movement.steps.get(iteration).norm2Number().doubleValue();
      assertThat(step / gradient).isCloseTo(iteration == 0 ? 0.04 : 0.02, within(1e-6));
    }
    assertThat(movement.rates).hasSize(2);
    assertThat(rest.getLearningRate("out")).isEqualTo(0.01);
    assertThatRatesAre(net, 0.04);
  }

  /** DL4J's own copy, against one that shares nothing. */
  @Test
  void clonesShareAPushedRateAndCopiesDoNot() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    Nets.fit(net, DATA.subList(0, 1));
    MultiLayerNetwork clone = net.clone();
    MultiLayerNetwork copy = NetworkCopy.of(net);
    Nets.fit(net, DATA.subList(1, 2));
    assertThatRatesAre(clone, 0.01, 0.01);
    LRScheduler ofCopy = new StepLR(1, 0.1).attach(NetworkParamGroups.of(copy));
    Nets.Movement movement = new Nets.Movement();
    copy.setListeners(movement, SchedulerListener.everyIteration(ofCopy));
    Nets.fit(copy, DATA.subList(0, 2));
    assertThat(movement.rates.get(0)).isCloseTo(0.02, within(1e-12));
    assertThat(movement.rates.get(1)).isCloseTo(0.002, within(1e-12));
    assertThat(net.getLearningRate(0)).isEqualTo(0.01);
  }

  /** A clone of a graph takes its listeners along, but DL4J tells them of its epochs alone. */
  @Test
  void clonesOfAGraphAreRefusedByItsListener() {
    String message =
        "this listener must be added only to the network whose param groups its run is on, but was"
            + " called for a copy or another network";
    ComputationGraph net = Nets.graph(new Sgd(0.04));
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    Nets.fit(net, DATA.subList(0, 1));
    ComputationGraph clone = net.clone();
    assertThatIllegalStateException()
        .isThrownBy(() -> clone.fit(Nets.epoch(1)))
        .withMessage(message);
    assertThat(Nets.params(clone)).isEqualTo(Nets.params(net)); // It did not even begin.
    assertThat(run.lastEpoch()).isEqualTo(1);
    assertThatRatesAre(NetworkCopy.of(net), 0.02, 0.02);
    assertThat(net.getLearningRate("a")).isEqualTo(0.02);
  }

  /** Under a schedule that was there from the start, the clone's count starts it again. */
  @Test
  void clonesOfAGraphStartAScheduleAgainAndCopiesGoOn() {
    ComputationGraph net = Nets.graph(pulled());
    Nets.fit(net, DATA.subList(0, 2));
    ComputationGraph clone = net.clone();
    assertThatRatesAre(NetworkCopy.of(net), 0.01, 0.005);
    assertThatRatesAre(clone, 0.04, 0.02);
    assertThatRatesAre(net, 0.01, 0.005);
  }

  static Stream<UnaryOperator<ComputationGraph>> ways() {
    return Stream.of(
        graph -> {
          graph.getConfiguration().setIterationCount(3);
          return graph;
        },
        graph -> NetworkSchedule.of(HALVES, ScheduleType.ITERATION).withOffset(3).putInto(graph));
  }

  /** Layers made a graph count from 0 again, so that they need the count or an offset. */
  @ParameterizedTest
  @MethodSource("ways")
  void layersMadeAGraphGoOnWithTheirCountOrAnOffset(UnaryOperator<ComputationGraph> way) {
    MultiLayerNetwork net = Nets.layers(pulled());
    Nets.fit(net, DATA.subList(0, 3));
    ComputationGraph restarted = net.toComputationGraph();
    assertThat(restarted.getConfiguration().getIterationCount()).isZero();
    assertThatRatesAre(restarted, 0.04, 0.02);
    ComputationGraph graph = way.apply(net.toComputationGraph());
    assertThatRatesAre(graph, 0.005, 0.0025);
    assertThatRatesAre(net, 0.005, 0.0025);
    assertThat(Nets.params(graph)).isEqualTo(Nets.params(net));
  }

  /** Adam's correction goes by the count, too, so that only the count makes it the same. */
  @Test
  void layersMadeAGraphGoOnToTheBitWithTheirCount() {
    MultiLayerNetwork net =
        Nets.layers(new Adam(TorchSchedule.lr(HALVES, 0.04, ScheduleType.ITERATION)));
    Nets.fit(net, DATA.subList(0, 3));
    ComputationGraph graph = net.toComputationGraph();
    graph.getConfiguration().setIterationCount(net.getIterationCount());
    graph.getConfiguration().setEpochCount(net.getEpochCount());
    Nets.fit(net, DATA.subList(3, 6));
    Nets.fit(graph, DATA.subList(3, 6));
    assertThat(Nets.params(graph)).isEqualTo(Nets.params(net));
  }

  @Test
  void layersMadeAGraphRefuseAScheduleThatStartedLate() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Nets.fit(net, DATA.subList(0, 3));
    NetworkSchedule.of(HALVES, ScheduleType.ITERATION).putInto(net);
    ComputationGraph graph = net.toComputationGraph();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Nets.fit(graph, DATA.subList(0, 1)))
        .withMessage(
            "iteration must be >= 3, where the schedule starts, but was 0; if a trainer or a copy"
                + " set the network's count back, use another offset");
  }
}
