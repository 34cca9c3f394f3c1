package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.AutoEncoder;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.variational.GaussianReconstructionDistribution;
import org.deeplearning4j.nn.conf.layers.variational.VariationalAutoencoder;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Layers that DL4J trains one by one without labels: each counts its own iterations and epochs, and
 * has updater blocks of its own around the network's updater objects.
 */
class PretrainingTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);

  enum Kind {
    AUTO_ENCODER,
    VARIATIONAL;

    Layer layer() {
      return this == AUTO_ENCODER
          ? new AutoEncoder.Builder()
              .nIn(Nets.INPUTS)
              .nOut(2)
              .corruptionLevel(0)
              .activation(Activation.TANH)
              .build()
          : new VariationalAutoencoder.Builder()
              .nIn(Nets.INPUTS)
              .nOut(2)
              .encoderLayerSizes(3)
              .decoderLayerSizes(3)
              .activation(Activation.TANH)
              .reconstructionDistribution(
                  new GaussianReconstructionDistribution(Activation.IDENTITY))
              .build();
    }

    MultiLayerNetwork layers(IUpdater updater) {
      return Nets.init(Nets.settings(updater).list(layer(), Nets.output(2)).build());
    }

    ComputationGraph graph(IUpdater updater) {
      ComputationGraph graph =
          new ComputationGraph(
              Nets.settings(updater)
                  .graphBuilder()
                  .addInputs("in")
                  .addLayer("a", layer(), "in")
                  .addLayer("out", Nets.output(2), "a")
                  .setOutputs("out")
                  .build());
      graph.init();
      return graph;
    }
  }

  private static Sgd pulled(ScheduleType unit) {
    return new Sgd(TorchSchedule.lr(HALVES, 0.04, unit));
  }

  /** Layers get the listeners that are set, not those that are added. */
  private static Nets.Movement movement(Model net) {
    Nets.Movement movement = new Nets.Movement();
    net.setListeners(movement);
    return movement;
  }

  private static void assertThatRatesWere(Nets.Movement movement, double... rates) {
    assertThat(movement.rates).hasSize(rates.length);
    for (int iteration = 0; iteration < rates.length; iteration++) {
      assertThat(movement.rates.get(iteration)).isCloseTo(rates[iteration], within(1e-12));
    }
  }

  /** And the training of the whole network then starts the schedule again, at its own count. */
  @ParameterizedTest
  @EnumSource
  void pullsByTheIterationsOfTheLayer(Kind kind) {
    MultiLayerNetwork layers = kind.layers(pulled(ScheduleType.ITERATION));
    Nets.Movement movement = movement(layers);
    layers.pretrain(Nets.epoch(2), 2);
    assertThatRatesWere(movement, 0.04, 0.02, 0.01, 0.005);
    assertThat(layers.getIterationCount()).isZero();
    Nets.Movement later = movement(layers);
    layers.fit(Nets.epoch(2), 1);
    assertThat(later.rates).hasSize(2);
    assertThat(layers.getLearningRate(1)).isEqualTo(0.01);
    ComputationGraph graph = kind.graph(pulled(ScheduleType.ITERATION));
    movement = movement(graph);
    graph.pretrain(Nets.epoch(3));
    assertThatRatesWere(movement, 0.04, 0.02, 0.01);
  }

  /** DL4J counts one epoch a call, for layers, and none in a graph. */
  @ParameterizedTest
  @EnumSource
  void pullsByTheEpochsThatDl4jCounts(Kind kind) {
    MultiLayerNetwork layers = kind.layers(pulled(ScheduleType.EPOCH));
    Nets.Movement movement = movement(layers);
    layers.pretrain(Nets.epoch(1), 2);
    layers.pretrainLayer(0, Nets.epoch(2));
    layers.pretrainLayer(0, Nets.epoch(1));
    assertThatRatesWere(movement, 0.04, 0.04, 0.02, 0.02, 0.01);
    ComputationGraph graph = kind.graph(pulled(ScheduleType.EPOCH));
    movement = movement(graph);
    graph.pretrain(Nets.epoch(2), 5); // Of which DL4J makes one.
    graph.pretrain(Nets.epoch(1));
    assertThatRatesWere(movement, 0.04, 0.04, 0.04);
  }

  static Stream<Model> networks() {
    return Stream.of(
        Kind.AUTO_ENCODER.layers(new Sgd(0.04)), Kind.AUTO_ENCODER.graph(new Sgd(0.04)));
  }

  private static void pretrain(Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.pretrain(Nets.epoch(2));
    } else {
      ((ComputationGraph) net).pretrain(Nets.epoch(2));
    }
  }

  private static LRScheduler run(Model net) {
    return HALVES.attach(
        net instanceof MultiLayerNetwork layers
            ? NetworkParamGroups.of(layers)
            : NetworkParamGroups.of((ComputationGraph) net));
  }

  /** What is pushed is used, but the listener is not told of a layer's iterations and epochs. */
  @Test
  void pushesOnlyByHand() {
    for (Model net : networks().toList()) {
      LRScheduler run = run(net);
      Nets.Movement movement = new Nets.Movement();
      net.setListeners(
          movement, SchedulerListener.everyIteration(run), SchedulerListener.everyEpoch(run));
      pretrain(net);
      assertThat(run.lastEpoch()).isZero();
      run.step();
      pretrain(net);
      assertThatRatesWere(movement, 0.04, 0.04, 0.02, 0.02);
    }
  }

  @Test
  void pushesInTheTrainingThatFollows() {
    MultiLayerNetwork net = Kind.AUTO_ENCODER.layers(new Sgd(0.04));
    LRScheduler run = run(net);
    net.setListeners(List.of(SchedulerListener.everyIteration(run)));
    net.pretrain(Nets.epoch(2));
    net.fit(Nets.epoch(2), 1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.01);
    assertThat(run.lastEpoch()).isEqualTo(2);
  }

  /** Groups make a rate of 0 stop the network's own blocks, which are not used here. */
  @Test
  void isNotStoppedByAPushedRateOfZero() {
    MultiLayerNetwork net = Kind.AUTO_ENCODER.layers(new Adam(0.04));
    NetworkParamGroups.of(net).get(0).setLr(0);
    double[] before = Nets.params(net);
    Nets.fit(net, Nets.data(1));
    assertThat(Nets.params(net)).isEqualTo(before);
    net.pretrain(Nets.epoch(1));
    assertThat(Nets.params(net)).isNotEqualTo(before);
  }
}
