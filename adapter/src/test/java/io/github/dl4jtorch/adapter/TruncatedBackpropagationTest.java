package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

/** Truncated backpropagation through time, where each segment of a batch is an iteration. */
class TruncatedBackpropagationTest {

  private static final int EPOCHS = 2;
  private static final int BATCHES = 2;
  private static final int LENGTH = 7;
  private static final int SEGMENT = 3;
  private static final int SEGMENTS = 3; // Of 3, 3 and 1 time steps.
  private static final int ITERATIONS = EPOCHS * BATCHES * SEGMENTS;
  private static final OneCycleLR CYCLE =
      OneCycleLR.builder(0.02).totalSteps(ITERATIONS).cycleMomentum(false).build();

  private static List<Model> networks(IUpdater updater) {
    MultiLayerNetwork layers =
        Nets.init(
            Nets.settings(updater)
                .list(new SimpleRnn.Builder().nIn(Nets.INPUTS).nOut(3).build(), output())
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(SEGMENT)
                .build());
    ComputationGraph graph =
        new ComputationGraph(
            Nets.settings(updater)
                .graphBuilder()
                .addInputs("in")
                .setInputTypes(InputType.recurrent(Nets.INPUTS))
                .addLayer("a", new LSTM.Builder().nIn(Nets.INPUTS).nOut(3).build(), "in")
                .addLayer("out", output(), "a")
                .setOutputs("out")
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(SEGMENT)
                .build());
    graph.init();
    return List.of(layers, graph);
  }

  private static Layer output() {
    return new RnnOutputLayer.Builder(LossFunction.MSE)
        .nIn(3)
        .nOut(Nets.OUTPUTS)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static DataSetIterator series() {
    Random random = new Random(7);
    List<DataSet> batches = new ArrayList<>();
    for (int batch = 0; batch < BATCHES; batch++) {
      double[] in = random.doubles(Nets.INPUTS * LENGTH, 0.5, 1.5).toArray();
      double[] out = random.doubles(Nets.OUTPUTS * LENGTH, 4, 6).toArray();
      batches.add(
          new DataSet(
              Nd4j.createFromArray(in).reshape(1, Nets.INPUTS, LENGTH),
              Nd4j.createFromArray(out).reshape(1, Nets.OUTPUTS, LENGTH)));
    }
    return new ListDataSetIterator<>(batches, 1);
  }

  private static List<Double> train(Model net) {
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    if (net instanceof MultiLayerNetwork layers) {
      layers.fit(series(), EPOCHS);
    } else {
      ((ComputationGraph) net).fit(series(), EPOCHS);
    }
    assertThat(movement.rates).hasSize(ITERATIONS);
    return movement.rates;
  }

  private static NetworkParamGroups groups(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
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
    return Stream.of(CYCLE, new CosineAnnealingLR(ITERATIONS), new StepLR(2, 0.5));
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void pullsTheRateOfEachSegment(Schedule definition) {
    for (Model net :
        networks(new Sgd(TorchSchedule.lr(definition, 0.01, ScheduleType.ITERATION)))) {
      assertThatRatesAre(train(net), definition, 1);
    }
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void pushesTheRateOfEachSegment(Schedule definition) {
    for (Model net : networks(new Sgd(0.01))) {
      Nets.addListeners(net, SchedulerListener.everyIteration(definition.attach(groups(net))));
      assertThatRatesAre(train(net), definition, 1);
    }
  }

  @ParameterizedTest
  @MethodSource("definitions")
  void pullsAndPushesTheRateOfEachEpoch(Schedule definition) {
    for (Model net : networks(new Sgd(TorchSchedule.lr(definition, 0.01, ScheduleType.EPOCH)))) {
      assertThatRatesAre(train(net), definition, BATCHES * SEGMENTS);
    }
    for (Model net : networks(new Sgd(0.01))) {
      Nets.addListeners(net, SchedulerListener.everyEpoch(definition.attach(groups(net))));
      assertThatRatesAre(train(net), definition, BATCHES * SEGMENTS);
    }
  }

  /** The loss cannot fall by half in an epoch, so that the rate does. */
  @Test
  void stepsAPlateauAfterEachEpoch() {
    ReduceLROnPlateau plateau =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(0)
            .threshold(0.9, ReduceLROnPlateau.ThresholdMode.REL)
            .build();
    for (Model net : networks(new Sgd(0.001))) {
      Nets.addListeners(
          net,
          SchedulerListener.everyEpoch(
              plateau.attach(groups(net)), new DataSetLossCalculator(series(), true)));
      List<Double> rates = new ArrayList<>(train(net));
      rates.addAll(train(net));
      for (int iteration = 0; iteration < rates.size(); iteration++) {
        int reductions = Math.max(0, iteration / (BATCHES * SEGMENTS) - 1);
        assertThat(rates.get(iteration)).isCloseTo(0.001 / (1 << reductions), within(1e-12));
      }
    }
  }
}
