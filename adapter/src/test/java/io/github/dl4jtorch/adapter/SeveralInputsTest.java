package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.TestMultiDataSetIterator;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** A graph with two inputs and two outputs, trained with a MultiDataSetIterator. */
class SeveralInputsTest {

  private static final int EPOCHS = 3;
  private static final int BATCHES = 2;

  private static ComputationGraph graph(IUpdater updater) {
    ComputationGraph graph =
        new ComputationGraph(
            Nets.settings(updater)
                .graphBuilder()
                .addInputs("left", "right")
                .addLayer("a", Nets.dense(Nets.INPUTS, 3), "left")
                .addLayer("b", Nets.dense(Nets.INPUTS, 2), "right")
                .addVertex("both", new MergeVertex(), "a", "b")
                .addLayer("one", Nets.output(5), "both")
                .addLayer("two", Nets.output(2), "b")
                .setOutputs("one", "two")
                .build());
    graph.init();
    return graph;
  }

  private static MultiDataSetIterator data() {
    List<DataSet> data = Nets.data(2 * BATCHES);
    MultiDataSet[] batches = new MultiDataSet[BATCHES];
    for (int batch = 0; batch < BATCHES; batch++) {
      DataSet left = data.get(2 * batch);
      DataSet right = data.get(2 * batch + 1);
      batches[batch] =
          new MultiDataSet(
              new INDArray[] {left.getFeatures(), right.getFeatures()},
              new INDArray[] {left.getLabels(), right.getLabels()});
    }
    return new TestMultiDataSetIterator(1, batches);
  }

  private static List<Double> train(ComputationGraph graph) {
    Nets.Movement movement = new Nets.Movement();
    graph.addListeners(movement);
    graph.fit(data(), EPOCHS);
    assertThat(movement.rates).hasSize(EPOCHS * BATCHES);
    return movement.rates;
  }

  private static void assertThatRatesAre(List<Double> rates, Schedule definition, int perStep) {
    LRScheduler loop = definition.attach(ParamGroups.of(ParamGroup.sgd(0.01, 0)));
    for (int iteration = 0; iteration < rates.size(); iteration++) {
      assertThat(rates.get(iteration)).isCloseTo(loop.getLastLr()[0], within(1e-12));
      if ((iteration + 1) % perStep == 0) {
        loop.step();
      }
    }
  }

  static Stream<Schedule> definitions() {
    return Stream.of(
        OneCycleLR.builder(0.02).totalSteps(EPOCHS * BATCHES).cycleMomentum(false).build(),
        new StepLR(2, 0.5));
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void pullsTheRate(Schedule definition) {
    for (ScheduleType unit : List.of(ScheduleType.ITERATION, ScheduleType.EPOCH)) {
      ComputationGraph graph = graph(new Sgd(TorchSchedule.lr(definition, 0.01, unit)));
      int perStep = unit == ScheduleType.ITERATION ? 1 : BATCHES;
      assertThatRatesAre(train(graph), definition, perStep);
    }
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void pushesTheRate(Schedule definition) {
    ComputationGraph byIteration = graph(new Sgd(0.01));
    byIteration.addListeners(
        SchedulerListener.everyIteration(definition.attach(NetworkParamGroups.of(byIteration))));
    assertThatRatesAre(train(byIteration), definition, 1);
    ComputationGraph byEpoch = graph(new Sgd(0.01));
    byEpoch.addListeners(
        SchedulerListener.everyEpoch(definition.attach(NetworkParamGroups.of(byEpoch))));
    assertThatRatesAre(train(byEpoch), definition, BATCHES);
  }

  /** The loss cannot fall by nine tenths in an epoch, so the rate does by half. */
  @Test
  void stepsAPlateau() {
    ReduceLROnPlateau plateau =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(0)
            .threshold(0.9, ReduceLROnPlateau.ThresholdMode.REL)
            .build();
    ComputationGraph graph = graph(new Sgd(0.01));
    LRScheduler run = plateau.attach(NetworkParamGroups.of(graph));
    DataSetLossCalculator loss = new DataSetLossCalculator(data(), true);
    graph.addListeners(SchedulerListener.everyEpoch(run, loss));
    List<Double> rates = train(graph);
    List<Double> expected = List.of(0.01, 0.01, 0.01, 0.01, 0.005, 0.005);
    for (int iteration = 0; iteration < rates.size(); iteration++) {
      assertThat(rates.get(iteration)).isCloseTo(expected.get(iteration), within(1e-12));
    }
    assertThat(graph.getLearningRate("two")).isEqualTo(0.0025);
    assertThat(run.stateDict().get("best")).isInstanceOf(Double.class).isNotEqualTo(0.0);
  }
}
