package io.github.dl4jtorch.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.examples.spark.IrisBatches;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.spark.Training.Kind;
import io.github.dl4jtorch.spark.Workers.Rates;
import io.github.dl4jtorch.spark.Workers.Update;
import java.io.IOException;
import java.io.NotSerializableException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.assertj.core.data.Percentage;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Schedules in a training on Spark by parameter averaging. */
class ParameterAveragingTest {

  /** 16 batches for two workers that average after 2 iterations: 4 splits, 8 iterations a fit. */
  private static final int BATCHES = 16;

  private static final int STEPS_PER_FIT = 8;
  private static final int FITS = 3;
  private static final int STEPS = FITS * STEPS_PER_FIT;

  private static JavaSparkContext spark;
  private static List<DataSet> batches;

  @BeforeAll
  static void start() throws IOException {
    spark =
        new JavaSparkContext(
            new SparkConf()
                .setAppName("test")
                .setMaster("local[2]")
                .set("spark.ui.enabled", "false"));
    batches = IrisBatches.load(BATCHES, Training.BATCH_SIZE, DataType.DOUBLE, 1);
  }

  @AfterAll
  static void stop() {
    spark.close();
  }

  @ParameterizedTest
  @EnumSource
  void oneCycleSetsRateAndMomentumByIteration(Kind kind) {
    Schedule oneCycle = OneCycleLR.builder(0.3).totalSteps(STEPS).build();
    Nesterovs updater =
        new Nesterovs(
            TorchSchedule.lr(oneCycle, 0.3, ScheduleType.ITERATION),
            TorchSchedule.momentum(oneCycle, 0.9, ScheduleType.ITERATION));
    Training training = new Training(spark, kind.net(updater), batches);
    training.fit(FITS);

    List<Rates> expected = sequence(oneCycle, ParamGroup.sgd(0.3, 0.9), STEPS);
    assertRates(training.updates(), Update::ofNesterovs, FITS, STEPS_PER_FIT, expected::get);
    assertThat(expected.get(STEPS - 1).lr()).isEqualTo(0.3 / 25 / 1e4, within(1e-15));
    assertThat(training.params())
        .containsExactly(
            new ByHand(kind.net(updater), batches, ByHand.nesterovs(expected::get))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
    assertThatThrownBy(() -> training.fit(1))
        .isInstanceOf(SparkException.class)
        .cause()
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "OneCycleLR has 24 steps in all and was stepped past them: give as many as the training"
                + " has batches (or epochs, if stepped once an epoch)");
  }

  @ParameterizedTest
  @EnumSource
  void sequentialGoesByIteration(Kind kind) {
    Schedule schedule =
        new SequentialLR(List.of(new LinearLR(0.1, 1.0, 5), new CosineAnnealingLR(19)), List.of(5));
    Sgd updater = new Sgd(TorchSchedule.lr(schedule, 0.2, ScheduleType.ITERATION));
    Training training = new Training(spark, kind.net(updater), batches);
    training.fit(FITS);

    List<Rates> expected = sequence(schedule, ParamGroup.sgd(0.2, 0), STEPS);
    assertRates(training.updates(), Update::ofSgd, FITS, STEPS_PER_FIT, expected::get);
    assertThat(training.params())
        .containsExactly(
            new ByHand(kind.net(updater), batches, ByHand.sgd(expected::get))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  @ParameterizedTest
  @EnumSource
  void sequentialGoesByEpoch(Kind kind) {
    Schedule schedule =
        new SequentialLR(List.of(new LinearLR(0.5, 1.0, 1), new ExponentialLR(0.3)), List.of(1));
    Sgd updater = new Sgd(TorchSchedule.lr(schedule, 0.2, ScheduleType.EPOCH));
    Training training = new Training(spark, kind.net(updater), batches);
    training.fit(FITS);

    List<Rates> expected = sequence(schedule, ParamGroup.sgd(0.2, 0), STEPS);
    assertThat(expected.subList(0, 3))
        .extracting(Rates::lr)
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-15 ? 0 : 1)
        .containsExactly(0.1, 0.2, 0.06);
    assertRates(
        training.updates(),
        Update::ofSgd,
        FITS,
        STEPS_PER_FIT,
        t -> expected.get(t / STEPS_PER_FIT));
    assertThat(training.params())
        .containsExactly(
            new ByHand(kind.net(updater), batches, ByHand.sgd(t -> expected.get(t / STEPS_PER_FIT)))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  /** The two groups are at the same rate at first, and still must not be taken for one. */
  @ParameterizedTest
  @EnumSource
  void plateauOnTheDriverDrivesTheGroupsOfAdam(Kind kind) {
    Model net = kind.net(new Adam(0.05));
    Training training = new Training(spark, net, batches);
    NetworkParamGroups groups =
        net instanceof MultiLayerNetwork layers
            ? NetworkParamGroups.weightsAndBiases(layers)
            : NetworkParamGroups.weightsAndBiases((ComputationGraph) net);
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(0)
            .minLr(List.of(0.02, 0.0))
            .build()
            .attach(groups);
    List<double[]> rates = new ArrayList<>();
    for (double metric : new double[] {1, 2, 3, 4}) {
      rates.add(run.getLastLr());
      training.fit(1);
      run.step(metric);
    }

    assertThat(rates.get(0)).containsExactly(0.05, 0.05);
    assertThat(rates.get(1)).containsExactly(0.05, 0.05);
    assertThat(rates.get(2)).containsExactly(0.025, 0.025);
    assertThat(rates.get(3)).containsExactly(0.02, 0.0125);
    assertThat(training.params())
        .containsExactly(
            new ByHand(
                    kind.net(new Sgd(1)),
                    batches,
                    ByHand.adam(t -> ofParams(rates.get(t / STEPS_PER_FIT))))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  /** Returns the rate of each parameter: 4 x 6 weights, 6 biases, 6 x 3 weights, 3 biases. */
  static double[] ofParams(double... weightsAndBiases) {
    double[] rates = new double[24 + 6 + 18 + 3];
    Arrays.fill(rates, weightsAndBiases[0]);
    Arrays.fill(rates, 24, 30, weightsAndBiases[1]);
    Arrays.fill(rates, 48, 51, weightsAndBiases[1]);
    return rates;
  }

  @ParameterizedTest
  @EnumSource
  void updatersThatAreExactStayExact(Kind kind) {
    Schedule schedule = new ExponentialLR(0.9);
    TorchAdam updater = new TorchAdam(TorchSchedule.lr(schedule, 0.05, ScheduleType.ITERATION));
    Training training = new Training(spark, kind.net(updater), batches);
    training.fit(2);

    List<Rates> expected = sequence(schedule, ParamGroup.sgd(0.05, 0), 2 * STEPS_PER_FIT);
    assertThat(training.params())
        .containsExactly(
            new ByHand(kind.net(updater), batches, ByHand.torchAdam(expected::get))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  /** Unlike in a network that is trained where its groups are. */
  @Test
  void aPushedZeroLeavesTheVelocityOfNesterovsMoving() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Nesterovs(0.1, 0.9));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    Training training = new Training(spark, net, batches);
    training.fit(1);
    groups.get(0).setLr(0);
    training.fit(1);

    Update first =
        training.updates().stream()
            .filter(update -> update.iteration() == STEPS_PER_FIT)
            .findFirst()
            .orElseThrow();
    assertThat(first.ofNesterovs().momentum()).isEqualTo(0.9, within(1e-8));
    assertThat(first.after().params()).isNotEqualTo(first.before().params());
    for (int i = 0; i < first.after().state().length; i++) {
      assertThat(first.after().state()[i])
          .isEqualTo(0.9 * first.before().state()[i], within(1e-15));
    }
  }

  @Test
  void theCountGrowsByTheAveragingFrequencyWhateverAWorkerDid() {
    Schedule oneCycle = OneCycleLR.builder(0.3).totalSteps(4).cycleMomentum(false).build();
    Sgd updater = new Sgd(TorchSchedule.lr(oneCycle, 0.3, ScheduleType.ITERATION));
    Training training = new Training(spark, Kind.LAYERS.net(updater), batches.subList(0, 3));
    training.fit(2);

    assertThat(training.net()).extracting("iterationCount").isEqualTo(4);
    assertThat(training.updates())
        .extracting(Update::worker, Update::iteration)
        .containsExactly(
            tuple(0, 0), tuple(1, 0), tuple(1, 1), tuple(0, 2), tuple(1, 2), tuple(1, 3));
    List<Rates> expected = sequence(oneCycle, ParamGroup.sgd(0.3, 0), 4);
    for (Update update : training.updates()) {
      assertThat(update.ofSgd().lr())
          .isCloseTo(expected.get(update.iteration()).lr(), Percentage.withPercentage(1e-4));
    }
  }

  /** What GraphCounts is for. */
  @Test
  void withoutItsHookAGraphStartsEachSplitAtZero() {
    Model net = Kind.GRAPH.net(new Sgd(0.1));
    Training training =
        new Training(spark, net, batches, Training.master(net).trainingHooks(List.of()));
    training.fit(2);

    assertThat(training.net()).extracting("iterationCount").isEqualTo(2 * STEPS_PER_FIT);
    assertThat(training.updates())
        .hasSize(4 * STEPS_PER_FIT)
        .extracting(Update::iteration, Update::epoch)
        .containsOnly(tuple(0, 0), tuple(1, 0));
  }

  @Test
  void withoutSaveUpdaterEachSplitStartsWithAFreshVelocity() {
    Model net = Kind.LAYERS.net(new Nesterovs(0.1, 0.9));
    Training training = new Training(spark, net, batches, Training.master(net).saveUpdater(false));
    training.fit(1);

    List<Update> updates = training.updates();
    assertThat(updates).hasSize(2 * STEPS_PER_FIT);
    for (Update update : updates) {
      double[] velocity = update.before().state();
      boolean isFirst = update.iteration() % Training.AVERAGING_FREQUENCY == 0;
      assertThat(Vectors.dot(velocity, velocity) == 0).isEqualTo(isFirst);
    }
  }

  @Test
  void aListenerThatStepsIsRefusedOnTheWorkers() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.of(net));
    Training training = new Training(spark, net, batches);
    training.listen(SchedulerListener.everyIteration(run));

    assertThatThrownBy(() -> training.fit(1))
        .isInstanceOf(SparkException.class)
        .hasMessage("Task not serializable")
        .cause()
        .isInstanceOf(NotSerializableException.class)
        .hasMessageStartingWith(
            "a SchedulerListener steps only in the JVM of the network whose param groups its run is"
                + " on; on Spark use a TorchSchedule, or step the run on the driver between fits\n");
    assertThat(run.lastEpoch()).isZero();
  }

  @Test
  void aListenerOnTheDriversNetworkIsNeverCalled() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run));
    Training training = new Training(spark, net, batches);
    training.fit(1);

    assertThat(run.lastEpoch()).isZero();
    assertThat(training.updates()).hasSize(2 * STEPS_PER_FIT);
    assertThat(training.updates())
        .allSatisfy(update -> assertThat(update.ofSgd().lr()).isEqualTo(0.1, within(1e-9)));
  }

  /** Returns what a loop that calls step() sees, from before the first call on. */
  static List<Rates> sequence(Schedule schedule, ParamGroup group, int steps) {
    LRScheduler run = schedule.attach(ParamGroups.of(group));
    List<Rates> sequence = new ArrayList<>();
    for (int t = 0; t < steps; t++) {
      sequence.add(new Rates(group.lr(), group.momentum()));
      run.step();
    }
    return sequence;
  }

  /** Makes sure that each worker made every update, in order and with the rates due there. */
  static void assertRates(
      List<Update> updates,
      Function<Update, Rates> rates,
      int fits,
      int stepsPerFit,
      IntFunction<Rates> due) {
    int steps = fits * stepsPerFit;
    assertThat(updates).hasSize(Training.WORKERS * steps);
    for (int worker = 0; worker < Training.WORKERS; worker++) {
      int number = worker;
      List<Update> own = updates.stream().filter(update -> update.worker() == number).toList();
      assertThat(own)
          .extracting(Update::iteration)
          .isEqualTo(IntStream.range(0, steps).boxed().toList());
      for (int t = 0; t < steps; t++) {
        assertThat(own.get(t).epoch()).isEqualTo(t / stepsPerFit);
        Rates used = rates.apply(own.get(t));
        assertThat(used.lr()).isCloseTo(due.apply(t).lr(), Percentage.withPercentage(1e-4));
        assertThat(used.momentum()).isEqualTo(due.apply(t).momentum(), within(1e-8));
      }
    }
  }
}
