package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.StepLR;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

class EpochLoopTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);

  static Stream<Model> networks() {
    return Stream.of(Nets.layers(new Sgd(0.04)), Nets.graph(new Sgd(0.04)));
  }

  private static EpochLoop loop(Model net, TrainingListener... listeners) {
    return net instanceof MultiLayerNetwork layers
        ? EpochLoop.of(layers, listeners)
        : EpochLoop.of((ComputationGraph) net, listeners);
  }

  private static NetworkParamGroups groups(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  private static void assertRates(Nets.Movement movement, Double... rates) {
    assertThat(movement.rates)
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : 1)
        .containsExactly(rates);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void movesASchedulePulledByEpoch(Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      NetworkSchedule.of(HALVES, ScheduleType.EPOCH).putInto(layers);
    } else {
      NetworkSchedule.of(HALVES, ScheduleType.EPOCH).putInto((ComputationGraph) net);
    }
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    loop(net).fit(3, () -> Nets.fit(net, Nets.data(2)));
    assertRates(movement, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01);
    assertThat(new LiveNetwork(net).epochCount()).isEqualTo(3);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void stepsAListenerThatIsNotOnTheNetwork(Model net) {
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    Iterator<Double> losses = List.of(1.0, 0.9, 0.95, 0.96, 0.97).iterator();
    LRScheduler plateau =
        ReduceLROnPlateau.builder().factor(0.5).patience(0).build().attach(groups(net));
    loop(net, SchedulerListener.everyEpoch(plateau, model -> losses.next()))
        .fit(5, () -> Nets.fit(net, Nets.data(1)));
    assertRates(movement, 0.04, 0.04, 0.04, 0.02, 0.01);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void stepsAListenerThatIsOnTheNetworkAsWellOnce(Model net) {
    Nets.Movement movement = new Nets.Movement();
    SchedulerListener listener =
        SchedulerListener.everyEpoch(HALVES.attach(groups(net))).withInterval(2);
    Nets.addListeners(net, movement, listener);
    loop(net, listener).fit(4, () -> Nets.fit(net, Nets.data(1)));
    assertRates(movement, 0.04, 0.04, 0.02, 0.02);
  }

  @Test
  void isToTheNetworkWhatFitWithAnIteratorIs() {
    MultiLayerNetwork looped = Nets.layers(new Nesterovs(0.04, 0.9));
    MultiLayerNetwork fitted = Nets.layers(new Nesterovs(0.04, 0.9));
    EpochLoop.of(
            looped, SchedulerListener.everyEpoch(HALVES.attach(groups(looped))).rescalingVelocity())
        .fit(3, () -> Nets.fit(looped, Nets.data(2)));
    fitted.addListeners(
        SchedulerListener.everyEpoch(HALVES.attach(groups(fitted))).rescalingVelocity());
    fitted.fit(Nets.epoch(2), 3);
    assertThat(Nets.params(looped)).isEqualTo(Nets.params(fitted));
    assertThat(looped.getEpochCount()).isEqualTo(fitted.getEpochCount());
  }

  /** As Spark's networks do, and fit with an iterator. */
  @ParameterizedTest
  @MethodSource("networks")
  void leavesTheCountingToATrainingThatDoesIt(Model net) {
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    loop(net, SchedulerListener.everyEpoch(HALVES.attach(groups(net))).withInterval(2))
        .fit(4, () -> fit(net, Nets.epoch(1), 1));
    assertRates(movement, 0.04, 0.04, 0.02, 0.02);
    assertThat(new LiveNetwork(net).epochCount()).isEqualTo(4);
  }

  private static void fit(Model net, DataSetIterator training, int epochs) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.fit(training, epochs);
    } else {
      ((ComputationGraph) net).fit(training, epochs);
    }
  }

  @Test
  void tellsOfEpochsWithTheCountsThatDl4jHasThen() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    List<String> events = new ArrayList<>();
    EpochLoop.of(
            net,
            new BaseTrainingListener() {
              @Override
              public void onEpochStart(Model model) {
                events.add("start " + net.getEpochCount() + " " + net.getIterationCount());
              }

              @Override
              public void onEpochEnd(Model model) {
                events.add("end " + net.getEpochCount() + " " + net.getIterationCount());
              }
            })
        .fit(2, () -> Nets.fit(net, Nets.data(3)));
    assertThat(events).containsExactly("start 0 0", "end 0 3", "start 1 3", "end 1 6");
  }

  @ParameterizedTest
  @MethodSource("networks")
  void leavesOneListenerOnTheNetworkHoweverManyLoopsAreMade(Model net) {
    loop(net);
    List<TrainingListener> afterTheFirst = List.copyOf(new LiveNetwork(net).listeners());
    assertThat(afterTheFirst).hasSize(1);
    for (int i = 0; i < 5; i++) {
      loop(net).fit(1, () -> Nets.fit(net, Nets.data(1)));
    }
    assertThat(new LiveNetwork(net).listeners()).containsExactlyElementsOf(afterTheFirst);
  }

  @Test
  void givesACloneWithTheSameListenersAListenerOfItsOwn() {
    ComputationGraph net = Nets.graph(new Sgd(0.04));
    EpochLoop.of(net);
    ComputationGraph clone = net.clone();
    EpochLoop.of(clone);
    assertThat(clone.getListeners()).hasSize(2);
  }

  @Test
  void goesOnWhereEpochsWereToldByHand() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Nets.Movement movement = new Nets.Movement();
    SchedulerListener listener =
        SchedulerListener.everyEpoch(HALVES.attach(groups(net))).withInterval(2);
    net.addListeners(movement);
    Nets.fit(net, Nets.data(1));
    listener.stepEpoch();
    EpochLoop.of(net, listener).fit(2, () -> Nets.fit(net, Nets.data(1)));
    assertRates(movement, 0.04, 0.04, 0.02);
  }

  @Test
  void tellsOfNoEndOfAnEpochThatFailed() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    LRScheduler run = HALVES.attach(groups(net));
    EpochLoop loop = EpochLoop.of(net, SchedulerListener.everyEpoch(run));
    UnsupportedOperationException failure = new UnsupportedOperationException();
    assertThatThrownBy(
            () ->
                loop.fit(
                    2,
                    () -> {
                      Nets.fit(net, Nets.data(1));
                      throw failure;
                    }))
        .isSameAs(failure);
    assertThat(run.lastEpoch()).isZero();
    assertThat(net.getEpochCount()).isZero();
    loop.fit(1, () -> Nets.fit(net, Nets.data(1)));
    assertThat(net.getLearningRate(0)).isCloseTo(0.02, within(0.0));
  }

  @Test
  void refusesATrainingThatDoesNothing() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    LRScheduler run = HALVES.attach(groups(net));
    EpochLoop loop = EpochLoop.of(net, SchedulerListener.everyEpoch(run));
    DataSetIterator training = Nets.epoch(2);
    assertThatIllegalStateException()
        .isThrownBy(() -> loop.fit(3, () -> training.forEachRemaining(net::fit)))
        .withMessage(
            "training must make an iteration in each epoch but made none in epoch 1: reset its"
                + " iterator");
    assertThat(run.lastEpoch()).isEqualTo(1);
    assertThat(net.getEpochCount()).isEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void refusesATrainingOfSeveralEpochs(Model net) {
    LRScheduler run = HALVES.attach(groups(net));
    EpochLoop loop = loop(net, SchedulerListener.everyEpoch(run));
    assertThatIllegalStateException()
        .isThrownBy(() -> loop.fit(1, () -> fit(net, Nets.epoch(1), 3)))
        .withMessage("training must be one epoch long but counted 3 in epoch 0");
    assertThat(run.lastEpoch()).isZero();
  }

  @ParameterizedTest
  @MethodSource("networks")
  void refusesAListenerThatTheTrainingTellsToo(Model net) {
    LRScheduler run = HALVES.attach(groups(net));
    SchedulerListener listener = SchedulerListener.everyEpoch(run);
    Nets.addListeners(net, listener);
    EpochLoop loop = loop(net, listener);
    assertThatIllegalStateException()
        .isThrownBy(() -> loop.fit(1, () -> fit(net, Nets.epoch(1), 1)))
        .withMessage(
            "listeners must be on the network or in the EpochLoop and not in both, since training"
                + " tells of its epochs itself");
    assertThat(run.lastEpoch()).isEqualTo(1);
  }

  @Test
  void refusesListenersItCannotServe() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    MultiLayerNetwork other = Nets.layers(new Sgd(0.04));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> EpochLoop.of(net, SchedulerListener.everyIteration(HALVES.attach(groups(net)))))
        .withMessage(
            "listeners must work after epochs, but this SchedulerListener works after iterations,"
                + " of which an EpochLoop does not tell: add it to the network");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> EpochLoop.of(net, SchedulerListener.everyEpoch(HALVES.attach(groups(other)))))
        .withMessage(
            "listeners must be for the network of the EpochLoop, but the run of this"
                + " SchedulerListener is on the param groups of another");
    assertThat(net.getListeners()).isEmpty();
  }

  @Test
  void refusesCheckpointsThatWouldNotBeWhole(@TempDir Path folder) {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    LRScheduler run = HALVES.attach(groups(net));
    SchedulerListener steps = SchedulerListener.everyEpoch(run);
    CheckpointWriter writer = CheckpointWriter.of(net).with("run", run);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                EpochLoop.of(
                    net,
                    steps,
                    TrainingCheckpointListener.everyIteration(writer, folder).withInterval(2)))
        .withMessage(
            "listeners must work after epochs, but this TrainingCheckpointListener works after"
                + " iterations, of which an EpochLoop does not tell: add it to the network");
    TrainingCheckpointListener saving = TrainingCheckpointListener.everyEpoch(writer, folder);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> EpochLoop.of(net, saving, steps))
        .withMessage(
            "listeners must have a TrainingCheckpointListener last, but after it comes a"
                + " SchedulerListener, which would be saved a step behind its network");
    assertThat(net.getListeners()).isEmpty();
    EpochLoop.of(net, steps, saving).fit(2, () -> Nets.fit(net, Nets.data(3)));
    assertThat(folder.resolve("checkpoint-0000000006-000002.zip")).exists();
    assertThat(run.lastEpoch()).isEqualTo(2);
  }

  @Test
  void initialisesANetworkAsFitDoes() {
    MultiLayerNetwork layers = new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.04)));
    ComputationGraph graph = new ComputationGraph(Nets.graphConfiguration(new Sgd(0.04)));
    EpochLoop.of(layers).fit(1, () -> Nets.fit(layers, Nets.data(1)));
    EpochLoop.of(graph).fit(1, () -> Nets.fit(graph, Nets.data(1)));
    assertThat(layers.getIterationCount()).isEqualTo(1);
    assertThat(graph.getIterationCount()).isEqualTo(1);
  }

  @Test
  void refusesToTrainForNoEpochs() {
    EpochLoop loop = EpochLoop.of(Nets.layers(new Sgd(0.04)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> loop.fit(0, () -> {}))
        .withMessage("epochs must be >= 1 but was 0");
  }
}
