package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.deeplearning4j.earlystopping.scorecalc.ClassificationScoreCalculator;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.evaluation.classification.Evaluation.Metric;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

class SchedulerListenerTest {

  private static final ReduceLROnPlateau PLATEAU =
      ReduceLROnPlateau.builder().factor(0.5).patience(0).build();

  private static void assertThatRatesWere(Nets.Movement movement, List<Double> rates) {
    assertThat(movement.rates).hasSameSizeAs(rates);
    for (int iteration = 0; iteration < rates.size(); iteration++) {
      assertThat(movement.rates.get(iteration)).isCloseTo(rates.get(iteration), within(1e-12));
    }
  }

  @Test
  void stepsAfterEachIteration() {
    OneCycleLR cycle = OneCycleLR.builder(0.02).totalSteps(6).cycleMomentum(false).build();
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(
        movement, SchedulerListener.everyIteration(cycle.attach(NetworkParamGroups.of(net))));
    net.fit(Nets.epoch(3), 2);
    ParamGroup group = ParamGroup.sgd(0.1, 0);
    LRScheduler loop = cycle.attach(ParamGroups.of(group));
    assertThat(movement.rates).hasSize(6);
    for (double rate : movement.rates) {
      assertThat(rate).isCloseTo(group.lr(), within(1e-12));
      loop.step();
    }
  }

  @Test
  void stepsAfterEachEpochOfAComputationGraph() {
    ComputationGraph net = Nets.graph(new Sgd(0.04));
    Nets.Movement movement = new Nets.Movement();
    Nets.fit(net, Nets.data(1));
    net.addListeners(
        SchedulerListener.everyEpoch(new StepLR(1, 0.5).attach(NetworkParamGroups.of(net))),
        movement);
    net.fit(Nets.epoch(2), 3);
    assertThatRatesWere(movement, List.of(0.04, 0.04, 0.02, 0.02, 0.01, 0.01));
  }

  @Test
  void stepsAPlateauWithANumber() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Iterator<Double> losses = List.of(1.0, 0.9, Double.NaN, 0.95).iterator();
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(
        movement,
        SchedulerListener.everyEpoch(
            PLATEAU.attach(NetworkParamGroups.of(net)), model -> losses.next()));
    net.fit(Nets.epoch(1), 4);
    assertThatRatesWere(movement, List.of(0.04, 0.04, 0.04, 0.02));
    assertThat(net.getLearningRate(0)).isEqualTo(0.01);
  }

  @Test
  void stepsAPlateauWithTheScoreOfACalculator() {
    // A rate far too high makes the loss rise in every epoch.
    MultiLayerNetwork net = Nets.layers(new Sgd(0.9));
    DataSetLossCalculator loss = new DataSetLossCalculator(Nets.epoch(4), true);
    LRScheduler run = PLATEAU.attach(NetworkParamGroups.of(net));
    LRScheduler expected = PLATEAU.attach(ParamGroups.of(ParamGroup.sgd(0.9, 0)));
    net.addListeners(SchedulerListener.everyEpoch(run, loss));
    for (int epoch = 0; epoch < 6; epoch++) {
      net.fit(Nets.epoch(2), 1);
      expected.step(loss.calculateScore(net));
      assertThat(net.getLearningRate(0)).isEqualTo(expected.getLastLr()[0]);
    }
    assertThat(net.getLearningRate(0)).isLessThan(0.9);
  }

  @Test
  void leavesTheTrainingAsItIsWhenItEvaluates() {
    MultiLayerNetwork evaluated = Nets.layers(new Adam(0.01));
    MultiLayerNetwork alone = Nets.layers(new Adam(0.01));
    LRScheduler run =
        ReduceLROnPlateau.builder().patience(100).build().attach(NetworkParamGroups.of(evaluated));
    evaluated.addListeners(
        SchedulerListener.everyEpoch(run, new DataSetLossCalculator(Nets.epoch(4), true)));
    evaluated.fit(Nets.epoch(3), 4);
    alone.fit(Nets.epoch(3), 4);
    assertThat(Nets.params(evaluated)).isEqualTo(Nets.params(alone));
    assertThat(run.lastEpoch()).isEqualTo(4);
  }

  @Test
  void takesACalculatorForOneKindOfNetworkOnly() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    ScoreCalculator<MultiLayerNetwork> layers =
        new ScoreCalculator<>() {
          private static final long serialVersionUID = 1L;

          @Override
          public double calculateScore(MultiLayerNetwork network) {
            return network.getnLayers();
          }

          @Override
          public boolean minimizeScore() {
            return true;
          }
        };
    net.addListeners(
        SchedulerListener.everyEpoch(PLATEAU.attach(NetworkParamGroups.of(net)), layers));
    net.fit(Nets.epoch(1), 2);
    assertThat(net.getLearningRate(0)).isEqualTo(0.02);
  }

  @Test
  void takesTurnsWithAnotherOnOneNetwork() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    ParamGroups groups = NetworkParamGroups.of(net);
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(
        movement,
        SchedulerListener.everyIteration(new StepLR(1, 0.5).attach(groups)),
        SchedulerListener.everyEpoch(new StepLR(1, 3).attach(groups)));
    net.fit(Nets.epoch(2), 2);
    assertThatRatesWere(movement, List.of(0.04, 0.02, 0.03, 0.015));
  }

  @Test
  void takesTurnsOnGroupsOfTheirOwn() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    ParamGroups groups =
        NetworkParamGroups.of(
            net, NetworkParam.inLayers("layer0"), NetworkParam.inLayers("layer0").negate());
    net.addListeners(
        SchedulerListener.everyIteration(
            new LambdaLR(List.of(EpochFunction.table(1, 1, 1), EpochFunction.table(1, 0.5, 0.25)))
                .attach(groups)));
    net.fit(Nets.epoch(2), 1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.04);
    assertThat(net.getLearningRate(2)).isEqualTo(0.01);
  }

  @Test
  void stepsAfterSoManyIterations() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Nets.Movement movement = new Nets.Movement();
    net.addListeners(
        movement,
        SchedulerListener.everyIteration(new StepLR(1, 0.5).attach(NetworkParamGroups.of(net)))
            .withInterval(3));
    net.fit(Nets.epoch(4), 1);
    assertThatRatesWere(movement, List.of(0.04, 0.04, 0.04, 0.02));
    // The count is the network's, so a restored one goes on where this one stands.
    MultiLayerNetwork restored = Nets.restored(net);
    Nets.Movement later = new Nets.Movement();
    restored.addListeners(
        later,
        SchedulerListener.everyIteration(new StepLR(1, 0.5).attach(NetworkParamGroups.of(restored)))
            .withInterval(3));
    restored.fit(Nets.epoch(4), 1);
    assertThatRatesWere(later, List.of(0.02, 0.02, 0.01, 0.01));
  }

  @Test
  void stepsAfterSoManyEpochs() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Nets.Movement movement = new Nets.Movement();
    List<Double> scores = new ArrayList<>();
    net.addListeners(
        movement,
        SchedulerListener.everyEpoch(
                PLATEAU.attach(NetworkParamGroups.of(net)),
                model -> {
                  scores.add(model.score());
                  return 1;
                })
            .withInterval(2));
    net.fit(Nets.epoch(1), 6);
    assertThatRatesWere(movement, List.of(0.04, 0.04, 0.04, 0.04, 0.02, 0.02));
    assertThat(scores).hasSize(3);
    assertThat(net.getLearningRate(0)).isEqualTo(0.01);
  }

  @Test
  void stepsAPlateauAfterIterations() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.9));
    LRScheduler run = PLATEAU.attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run, Model::score));
    net.fit(Nets.epoch(4), 1);
    assertThat(run.lastEpoch()).isEqualTo(4);
    assertThat(net.getLearningRate(0)).isLessThan(0.9);
    ComputationGraph graph = Nets.graph(new Sgd(0.9));
    LRScheduler other = PLATEAU.attach(NetworkParamGroups.of(graph));
    graph.addListeners(
        SchedulerListener.everyIteration(other, new DataSetLossCalculator(Nets.epoch(3), true))
            .withInterval(2));
    graph.fit(Nets.epoch(4), 1);
    assertThat(other.lastEpoch()).isEqualTo(2);
  }

  @Test
  void refusesAnEvaluationBetweenSegments() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new LSTM.Builder().nIn(Nets.INPUTS).nOut(2).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE).nIn(2).nOut(2).build())
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(2)
                .build());
    LRScheduler run = PLATEAU.attach(NetworkParamGroups.of(net));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                SchedulerListener.everyIteration(
                    run, new DataSetLossCalculator(Nets.epoch(1), true)))
        .withMessage(
            "metric must not be calculated after iterations of a network with truncated"
                + " backpropagation through time, since that clears the state between segments: use"
                + " SchedulerListener.everyEpoch(run, metric)");
    net.addListeners(SchedulerListener.everyIteration(run, model -> 1));
    net.fit(new DataSet(Nd4j.ones(1, Nets.INPUTS, 5), Nd4j.ones(1, 2, 5)));
    assertThat(run.lastEpoch()).isEqualTo(3);
  }

  @Test
  void refusesAnIntervalBelowOne() {
    SchedulerListener listener =
        SchedulerListener.everyEpoch(
            new StepLR(1).attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1)))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> listener.withInterval(0))
        .withMessage("interval must be >= 1 but was 0");
  }

  @Test
  void stepsByHandWhereNobodyTellsOfEpochs() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
    Nets.Movement movement = new Nets.Movement();
    SchedulerListener listener =
        SchedulerListener.everyEpoch(new StepLR(1, 0.5).attach(NetworkParamGroups.of(net)))
            .withInterval(2);
    net.addListeners(movement, listener);
    for (int epoch = 0; epoch < 4; epoch++) {
      Nets.fit(net, Nets.data(1));
      listener.stepEpoch();
    }
    net.fit(Nets.epoch(1), 2);
    assertThatRatesWere(movement, List.of(0.04, 0.04, 0.02, 0.02, 0.01, 0.01));
    assertThat(net.getLearningRate(0)).isEqualTo(0.005);
    ComputationGraph graph = Nets.graph(new Sgd(0.04));
    SchedulerListener other =
        SchedulerListener.everyEpoch(PLATEAU.attach(NetworkParamGroups.of(graph)), model -> 1);
    other.stepEpoch();
    other.stepEpoch();
    assertThat(graph.getLearningRate("a")).isEqualTo(0.02);
  }

  @Test
  void refusesARunThatNoNetworkFollows() {
    LRScheduler run = new StepLR(1).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerListener.everyIteration(run))
        .withMessage(
            "run must be attached to NetworkParamGroups.of(net) but is attached to plain"
                + " ParamGroups, which no network follows");
  }

  @Test
  void refusesAPlateauWithoutAMetric() {
    LRScheduler run = PLATEAU.attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerListener.everyIteration(run))
        .withMessage(
            "metric must be given for ReduceLROnPlateau: use"
                + " SchedulerListener.everyIteration(run, metric)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerListener.everyEpoch(run))
        .withMessage(
            "metric must be given for ReduceLROnPlateau: use"
                + " SchedulerListener.everyEpoch(run, metric)");
  }

  @Test
  void refusesAMetricThatIsNotUsed() {
    LRScheduler run = new StepLR(1).attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1))));
    String message =
        "metric must not be given for StepLR, which steps without: use"
            + " SchedulerListener.everyEpoch(run)";
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerListener.everyEpoch(run, model -> 1))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> SchedulerListener.everyEpoch(run, new DataSetLossCalculator(Nets.epoch(1), true)))
        .withMessage(message);
  }

  @Test
  void refusesAModeThatContradictsTheCalculator() {
    LRScheduler falling = PLATEAU.attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1))));
    LRScheduler rising =
        ReduceLROnPlateau.builder()
            .mode(ReduceLROnPlateau.Mode.MAX)
            .build()
            .attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1))));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                SchedulerListener.everyEpoch(
                    falling, new ClassificationScoreCalculator(Metric.ACCURACY, Nets.epoch(1))))
        .withMessage("mode must be MAX for ClassificationScoreCalculator but was MIN");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                SchedulerListener.everyEpoch(
                    rising, new DataSetLossCalculator(Nets.epoch(1), true)))
        .withMessage("mode must be MIN for DataSetLossCalculator but was MAX");
  }

  @Test
  void refusesToBeCalledForAnotherNetwork() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    MultiLayerNetwork other = Nets.layers(new Sgd(0.1));
    other.addListeners(
        SchedulerListener.everyIteration(new StepLR(1).attach(NetworkParamGroups.of(net))));
    double[] before = Nets.params(other);
    assertThatIllegalStateException()
        .isThrownBy(() -> Nets.fit(other, Nets.data(1)))
        .withMessage(
            "this listener must be added only to the network whose param groups its run is on, but"
                + " was called for a copy or another network");
    assertThat(net.getLearningRate(0)).isEqualTo(0.1);
    assertThat(Nets.params(other)).isEqualTo(before);
  }

  @Test
  void refusesToBeToldOfEpochsItDoesNotCount() {
    SchedulerListener listener =
        SchedulerListener.everyIteration(
            new StepLR(1).attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1)))));
    assertThatIllegalStateException()
        .isThrownBy(listener::stepEpoch)
        .withMessage(
            "stepEpoch() must be called only on a SchedulerListener.everyEpoch(..), but this one"
                + " steps after iterations");
  }
}
