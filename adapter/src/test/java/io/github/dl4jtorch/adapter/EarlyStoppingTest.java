package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.Workers;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.StepLR;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingModelSaver;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.EarlyStoppingResult.TerminationReason;
import org.deeplearning4j.earlystopping.saver.InMemoryModelSaver;
import org.deeplearning4j.earlystopping.saver.LocalFileGraphSaver;
import org.deeplearning4j.earlystopping.saver.LocalFileModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.earlystopping.termination.IterationTerminationCondition;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingGraphTrainer;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.EarlyStoppingParallelTrainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** What the trainers of DL4J's early stopping do to the parameters, update by update. */
class EarlyStoppingTest {

  private static final int BATCHES = 2;
  private static final StepLR HALVES = new StepLR(1, 0.5);
  private static final ReduceLROnPlateau PLATEAU =
      ReduceLROnPlateau.builder().factor(0.5).patience(0).build();

  static Stream<Model> networks() {
    return Stream.of(Nets.layers(new Sgd(0.04)), Nets.graph(new Sgd(0.04)));
  }

  /** Networks that have one epoch behind them. */
  static Stream<Model> trainedNetworks() {
    return networks()
        .peek(
            net -> {
              Nets.fit(net, Nets.data(BATCHES));
              new LiveNetwork(net).setEpochCount(1);
            });
  }

  /** Gives scores from a list, and thereby tells how often it is asked. */
  private static final class Scores implements ScoreCalculator<Model> {
    private static final long serialVersionUID = 1L;
    private final List<Double> scores;
    private final boolean minimizes;
    private int asked;

    Scores(boolean minimizes, Double... scores) {
      this.scores = List.of(scores);
      this.minimizes = minimizes;
    }

    @Override
    public double calculateScore(Model network) {
      return scores.get(asked++);
    }

    @Override
    public boolean minimizeScore() {
      return minimizes;
    }
  }

  /** Ends the training after so many iterations. */
  private static final class Iterations implements IterationTerminationCondition {
    private static final long serialVersionUID = 1L;
    private int left;

    Iterations(int left) {
      this.left = left;
    }

    @Override
    public void initialize() {}

    @Override
    public boolean terminate(double lastMiniBatchScore) {
      return --left == 0;
    }
  }

  @SuppressWarnings("unchecked") // A configuration does not look at the type of its networks.
  private static <T extends Model> EarlyStoppingConfiguration.Builder<T> stopping(
      int epochs, Scores scores) {
    return new EarlyStoppingConfiguration.Builder<T>()
        .epochTerminationConditions(new MaxEpochsTerminationCondition(epochs))
        .modelSaver(new NetworkCopySaver<>())
        .scoreCalculator((ScoreCalculator<T>) (ScoreCalculator<?>) scores);
  }

  private static Scores falling(int epochs) {
    return new Scores(
        true, IntStream.range(0, epochs).mapToObj(i -> 1.0 / (i + 1)).toArray(Double[]::new));
  }

  @SuppressWarnings("unchecked")
  private static EarlyStoppingResult<? extends Model> fit(
      Model net,
      EarlyStoppingConfiguration.Builder<? extends Model> stopping,
      PlateauOnScore<?> listener) {
    if (net instanceof MultiLayerNetwork layers) {
      return new EarlyStoppingTrainer(
              (EarlyStoppingConfiguration<MultiLayerNetwork>) stopping.build(),
              layers,
              Nets.epoch(BATCHES),
              (PlateauOnScore<MultiLayerNetwork>) listener)
          .fit();
    }
    return new EarlyStoppingGraphTrainer(
            (EarlyStoppingConfiguration<ComputationGraph>) stopping.build(),
            (ComputationGraph) net,
            Nets.epoch(BATCHES),
            (PlateauOnScore<ComputationGraph>) listener)
        .fit();
  }

  private static Nets.Movement watched(Model net) {
    Nets.Movement movement = new Nets.Movement();
    Nets.addListeners(net, movement);
    return movement;
  }

  private static void assertRates(Nets.Movement movement, Double... rates) {
    assertThat(movement.rates)
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : 1)
        .containsExactly(rates);
  }

  private static NetworkParamGroups groups(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  private static double rate(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getLearningRate(0)
        : ((ComputationGraph) net).getLearningRate("a");
  }

  private static void put(NetworkSchedule schedule, Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      schedule.putInto(layers);
    } else {
      schedule.putInto((ComputationGraph) net);
    }
  }

  /** With a batch at the end of each epoch that does not fill its step. */
  @ParameterizedTest
  @MethodSource("networks")
  void clipsAndAccumulatesAsFitDoes(Model net) {
    Model fitted =
        net instanceof MultiLayerNetwork ? Nets.layers(new Sgd(0.04)) : Nets.graph(new Sgd(0.04));
    List<GradientClipping> clippings = new ArrayList<>();
    for (Model each : List.of(net, fitted)) {
      GradientAccumulation.over((step, batch) -> batch % BATCHES == 0 ? 1 : 2)
          .attach((NeuralNetwork) each);
      GradientClipping clipping = GradientClipping.norm(0.5);
      clippings.add(clipping);
      Nets.addListeners(
          each, clipping, SchedulerListener.everyIteration(HALVES.attach(groups(each))));
    }
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    if (fitted instanceof MultiLayerNetwork layers) {
      layers.fit(Nets.epoch(BATCHES), 3);
    } else {
      ((ComputationGraph) fitted).fit(Nets.epoch(BATCHES), 3);
    }
    assertThat(Nets.params(net)).isEqualTo(Nets.params(fitted));
    assertThat(new LiveNetwork(net).iterationCount()).isEqualTo(6);
    assertThat(movement.gradients)
        .allSatisfy(
            gradient ->
                assertThat(gradient.norm2Number().doubleValue()).isCloseTo(0.5, within(1e-6)));
    assertThat(clippings.get(0).lastNorm())
        .isEqualTo(clippings.get(1).lastNorm())
        .isGreaterThan(0.5);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void pullsByEpochInAFreshNetwork(Model net) {
    put(NetworkSchedule.of(HALVES, ScheduleType.EPOCH), net);
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    assertRates(movement, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01);
  }

  /** The trainer counts epochs from 0 again, so that is where the schedule must start. */
  @ParameterizedTest
  @MethodSource("trainedNetworks")
  void pullsByEpochInATrainedNetwork(Model net) {
    put(NetworkSchedule.of(HALVES, ScheduleType.EPOCH).withOffset(0), net);
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    assertRates(movement, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01);
  }

  @ParameterizedTest
  @MethodSource("trainedNetworks")
  void pullsByIterationInATrainedNetwork(Model net) {
    OneCycleLR cycle = OneCycleLR.builder(0.02).totalSteps(6).cycleMomentum(false).build();
    put(NetworkSchedule.of(cycle, ScheduleType.ITERATION), net);
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    assertRates(movement, cycleRates(cycle, 6));
  }

  private static Double[] cycleRates(OneCycleLR cycle, int steps) {
    ParamGroup group = ParamGroup.sgd(0.04, 0);
    LRScheduler run = cycle.attach(ParamGroups.of(group));
    Double[] rates = new Double[steps];
    for (int step = 0; step < steps; step++) {
      rates[step] = group.lr();
      run.step();
    }
    return rates;
  }

  static Stream<Model> freshAndTrainedNetworks() {
    return Stream.concat(networks(), trainedNetworks());
  }

  @ParameterizedTest
  @MethodSource("freshAndTrainedNetworks")
  void pushesAfterEachIteration(Model net) {
    OneCycleLR cycle = OneCycleLR.builder(0.02).totalSteps(6).cycleMomentum(false).build();
    Nets.addListeners(net, SchedulerListener.everyIteration(cycle.attach(groups(net))));
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    assertRates(movement, cycleRates(cycle, 6));
  }

  @ParameterizedTest
  @MethodSource("freshAndTrainedNetworks")
  void pushesAfterEachEpoch(Model net) {
    Nets.addListeners(net, SchedulerListener.everyEpoch(HALVES.attach(groups(net))));
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    assertRates(movement, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01);
  }

  @ParameterizedTest
  @MethodSource("freshAndTrainedNetworks")
  void pushesAfterSoManyEpochsOfTheTrainer(Model net) {
    Nets.addListeners(
        net, SchedulerListener.everyEpoch(HALVES.attach(groups(net))).withInterval(2));
    Nets.Movement movement = watched(net);
    fit(net, stopping(3, falling(3)), null);
    assertRates(movement, 0.04, 0.04, 0.04, 0.04, 0.02, 0.02);
  }

  @ParameterizedTest
  @MethodSource("freshAndTrainedNetworks")
  void stepsAPlateauWithTheTrainersOwnScore(Model net) {
    Scores scores = new Scores(true, 1.0, 0.5, 0.6, 0.7, 0.4, 0.3);
    Nets.Movement movement = watched(net);
    PlateauOnScore<Model> plateau = new PlateauOnScore<>(PLATEAU.attach(groups(net)));
    EarlyStoppingResult<?> result = fit(net, stopping(6, scores), plateau);
    assertThat(result.getTotalEpochs()).isEqualTo(6);
    assertThat(scores.asked).isEqualTo(6);
    assertRates(movement, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void stepsAPlateauAfterTheEpochsThatAreEvaluated(Model net) {
    // The trainer evaluates epochs 0, 2 and 4.
    Scores scores = new Scores(true, 1.0, 1.1, 1.2);
    Nets.Movement movement = watched(net);
    PlateauOnScore<Model> plateau = new PlateauOnScore<>(PLATEAU.attach(groups(net)));
    fit(net, stopping(5, scores).evaluateEveryNEpochs(2), plateau);
    assertThat(scores.asked).isEqualTo(3);
    assertRates(movement, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04, 0.02, 0.02, 0.02, 0.02);
    assertThat(rate(net)).isEqualTo(0.01);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void stepsAPlateauThatRises(Model net) {
    Scores scores = new Scores(false, 0.5, 0.9, 0.8);
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .mode(ReduceLROnPlateau.Mode.MAX)
            .factor(0.5)
            .patience(0)
            .build()
            .attach(groups(net));
    EarlyStoppingResult<?> result = fit(net, stopping(3, scores), new PlateauOnScore<>(run));
    assertThat(rate(net)).isEqualTo(0.02);
    assertThat(result.getBestModelEpoch()).isEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void refusesAPlateauThatDoesNotFitTheTrainer(Model net) {
    LRScheduler run = PLATEAU.attach(groups(net));
    PlateauOnScore<Model> plateau = new PlateauOnScore<>(run);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> fit(net, stopping(3, new Scores(false, 1.0)), plateau))
        .withMessage("mode must be MAX for Scores but was MIN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plateau.onStart(new EarlyStoppingConfiguration<>(), net))
        .withMessage(
            "scoreCalculator must be set in the configuration, since the run steps with its score");
    Model other =
        net instanceof MultiLayerNetwork ? Nets.layers(new Sgd(1)) : Nets.graph(new Sgd(1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> fit(other, stopping(3, falling(3)), plateau))
        .withMessage(
            "net must be the network whose param groups the run is on, but the trainer has"
                + " another");
    assertThat(new LiveNetwork(net).iterationCount()).isZero();
    assertThat(new LiveNetwork(other).iterationCount()).isZero();
  }

  @Test
  void refusesARunThatIsNoPlateau() {
    LRScheduler run = HALVES.attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.04))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PlateauOnScore<>(run))
        .withMessage(
            "run must be of ReduceLROnPlateau but is of StepLR, which steps without a score: use"
                + " SchedulerListener.everyEpoch(run)");
    LRScheduler plain = PLATEAU.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PlateauOnScore<>(plain))
        .withMessage(
            "run must be attached to NetworkParamGroups.of(net) but is attached to plain"
                + " ParamGroups, which no network follows");
  }

  /** An iteration's condition that ends the training amid an epoch: the epoch has no end. */
  @ParameterizedTest
  @MethodSource("networks")
  void makesNoStepForAnEpochThatWasCutShort(Model net) {
    LRScheduler run = HALVES.attach(groups(net));
    Nets.addListeners(net, SchedulerListener.everyEpoch(run));
    EarlyStoppingResult<?> result =
        fit(
            net,
            stopping(9, falling(9)).iterationTerminationConditions(new Iterations(BATCHES + 1)),
            null);
    assertThat(result.getTerminationReason())
        .isEqualTo(TerminationReason.IterationTerminationCondition);
    assertThat(run.lastEpoch()).isEqualTo(1);
    assertThat(rate(net)).isEqualTo(0.02);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void makesAStepForAnEpochThatWasCutShortAfterItsLastBatch(Model net) {
    LRScheduler run = HALVES.attach(groups(net));
    Nets.addListeners(net, SchedulerListener.everyEpoch(run));
    fit(
        net,
        stopping(9, falling(9)).iterationTerminationConditions(new Iterations(2 * BATCHES)),
        null);
    assertThat(run.lastEpoch()).isEqualTo(2);
  }

  private static EarlyStoppingResult<?> saved(Model net, EarlyStoppingModelSaver<?> saver) {
    LRScheduler run = PLATEAU.attach(groups(net));
    return fit(
        net,
        withSaver(stopping(4, new Scores(true, 0.5, 0.6, 0.7, 0.8)), saver).saveLastModel(true),
        new PlateauOnScore<>(run));
  }

  @SuppressWarnings("unchecked")
  private static <T extends Model> EarlyStoppingConfiguration.Builder<T> withSaver(
      EarlyStoppingConfiguration.Builder<T> stopping, EarlyStoppingModelSaver<?> saver) {
    return stopping.modelSaver((EarlyStoppingModelSaver<T>) saver);
  }

  static Stream<Model> networksWithMomentum() {
    return Stream.of(Nets.layers(new Nesterovs(0.04, 0.9)), Nets.graph(new Nesterovs(0.04, 0.9)));
  }

  @ParameterizedTest
  @MethodSource("networksWithMomentum")
  void savesModelsThatStayAsTheyWere(Model net) throws Exception {
    Model twin =
        net instanceof MultiLayerNetwork
            ? Nets.layers(new Nesterovs(0.04, 0.9))
            : Nets.graph(new Nesterovs(0.04, 0.9));
    Nets.fit(twin, Nets.data(BATCHES));
    NetworkCopySaver<Model> saver = new NetworkCopySaver<>();
    assertThat(saver.getBestModel()).isNull();
    assertThat(saver.getLatestModel()).isNull();
    EarlyStoppingResult<?> result = saved(net, saver);
    assertThat(rate(net)).isEqualTo(0.005);
    Model best = result.getBestModel();
    assertThat(best).isSameAs(saver.getBestModel()).isNotSameAs(net);
    assertThat(rate(best)).isEqualTo(0.04);
    assertThat(Nets.params(best)).isEqualTo(Nets.params(twin));
    assertThat(new LiveNetwork(best).iterationCount()).isEqualTo(BATCHES);
    assertThat(new LiveNetwork(best).epochCount()).isZero();
    assertThat(best.score()).isEqualTo(result.getBestModelScore()).isEqualTo(0.5);
    assertThat(rate(saver.getLatestModel())).isEqualTo(0.01);
    assertThat(new LiveNetwork(saver.getLatestModel()).epochCount()).isEqualTo(3);
    assertThat(Nets.params(saver.getLatestModel())).isEqualTo(Nets.params(net));
    // Goes on as a network that nothing has happened to, its velocity included.
    Nets.fit(best, Nets.data(3));
    Nets.fit(twin, Nets.data(3));
    assertThat(Nets.params(best)).isEqualTo(Nets.params(twin));
  }

  /** A fact of DL4J that the documentation tells of. */
  @ParameterizedTest
  @MethodSource("networks")
  void dl4jsSaverInMemoryLetsThePushedRateIntoTheBestModel(Model net) {
    Model best = saved(net, new InMemoryModelSaver<>()).getBestModel();
    assertThat(best).isNotSameAs(net);
    assertThat(rate(best)).isEqualTo(0.005);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void dl4jsSaversInFilesKeepTheRate(Model net, @TempDir Path folder) {
    EarlyStoppingModelSaver<?> saver =
        net instanceof MultiLayerNetwork
            ? new LocalFileModelSaver(folder.toString())
            : new LocalFileGraphSaver(folder.toString());
    Model best = saved(net, saver).getBestModel();
    assertThat(rate(net)).isEqualTo(0.005);
    assertThat(rate(best)).isEqualTo(0.04);
  }

  private static final int ROUNDS = 2;

  private static EarlyStoppingResult<Model> fitInParallel(
      Model net, Scores scores, PlateauOnScore<Model> plateau) {
    // Three batches for two workers are two rounds.
    return new EarlyStoppingParallelTrainer<>(
            EarlyStoppingTest.<Model>stopping(3, scores).build(),
            net,
            Nets.epoch(3),
            null,
            plateau,
            2,
            0,
            1)
        .fit();
  }

  @ParameterizedTest
  @MethodSource("networks")
  @Timeout(value = 120, threadMode = ThreadMode.SEPARATE_THREAD)
  void stepsAPlateauInEveryWorkerOfTheParallelTrainer(Model net) {
    Workers workers = new Workers(net);
    Nets.addListeners(net, workers);
    PlateauOnScore<Model> plateau = new PlateauOnScore<>(PLATEAU.attach(groups(net)));
    fitInParallel(net, new Scores(true, 0.5, 0.6, 0.7), plateau);
    List<Double> rates = List.of(0.04, 0.04, 0.02);
    assertThat(workers.ofRoot()).hasSize(3 * ROUNDS);
    assertThat(workers.ofCopies()).hasSize(3);
    for (int epoch = 0; epoch < 3; epoch++) {
      double lr = rates.get(epoch);
      List<Workers.Update> updates = new ArrayList<>(workers.ofCopies().get(epoch));
      assertThat(updates).hasSize(1);
      updates.addAll(workers.ofRoot().subList(epoch * ROUNDS, (epoch + 1) * ROUNDS));
      Workers.assertSgd(updates, (block, iteration, counted) -> new Workers.Values(lr, 0));
    }
    assertThat(new LiveNetwork(net).epochCount()).isZero();
  }
}
