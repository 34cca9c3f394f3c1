package io.github.dl4jtorch.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.step.AccumulatedGradients;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.examples.spark.IrisBatches;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.spark.Training.Kind;
import io.github.dl4jtorch.spark.Workers.Rates;
import io.github.dl4jtorch.spark.Workers.Update;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import io.github.dl4jtorch.swa.UpdateBn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.spark.api.TrainingHook;
import org.deeplearning4j.spark.earlystopping.SparkDataSetLossCalculator;
import org.deeplearning4j.spark.earlystopping.SparkLossCalculatorComputationGraph;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

/** Listeners on the driver, and what the workers' updates then are. */
class SparkEpochLoopTest {

  /** 8 batches for two workers that average after 2 iterations: 2 splits, 4 iterations a fit. */
  private static final int BATCHES = 8;

  private static final int STEPS_PER_FIT = 4;

  private static JavaSparkContext spark;
  private static List<DataSet> batches;

  @TempDir private Path folder;

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

  private static LRScheduler plateau(NetworkParamGroups groups) {
    return ReduceLROnPlateau.builder().factor(0.5).patience(0).build().attach(groups);
  }

  private static NetworkParamGroups groups(Training training) {
    return NetworkParamGroups.of((NeuralNetwork) training.net());
  }

  @ParameterizedTest
  @EnumSource
  void aPlateauStepsAfterEachFitAndTheNextOneHeedsIt(Kind kind) {
    Training training = new Training(spark, kind.net(new Sgd(0.4)), batches);
    Iterator<Double> metrics = List.of(1.0, 2.0, 1.5, 0.5).iterator();
    LRScheduler run = plateau(groups(training));
    training
        .loop(SchedulerListener.everyEpoch(run, (Model net) -> metrics.next()))
        .fit(4, () -> training.fit(1));

    double[] lrs = {0.4, 0.4, 0.2, 0.1};
    assertRates(training.updates(), 4, lrs);
    assertThat(run.lastEpoch()).isEqualTo(4);
    assertThat(training.net())
        .extracting("epochCount", "iterationCount")
        .containsExactly(4, 4 * STEPS_PER_FIT);
    assertThat(training.params())
        .containsExactly(
            new ByHand(
                    kind.net(new Sgd(1)),
                    batches,
                    ByHand.sgd(t -> new Rates(lrs[t / STEPS_PER_FIT], 0)))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  /** What a plateau thinks of the losses is found anew with a run beside every network. */
  @ParameterizedTest
  @EnumSource
  void dl4jsScoresOnSparkDriveAPlateau(Kind kind) {
    Training training = new Training(spark, kind.net(new Sgd(0.4)), batches);
    ReduceLROnPlateau reluctant =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(0)
            .threshold(0.2, ReduceLROnPlateau.ThresholdMode.REL)
            .build();
    LRScheduler run = reluctant.attach(groups(training));
    JavaRDD<DataSet> data = spark.parallelize(batches, 2);
    SchedulerListener stepping =
        kind == Kind.LAYERS
            ? SchedulerListener.everyEpoch(
                run, new SparkDataSetLossCalculator(data, true, spark.sc()))
            : SchedulerListener.everyEpoch(
                run,
                new SparkLossCalculatorComputationGraph(
                    data.map(DataSet::toMultiDataSet), true, spark.sc()));
    ParamGroup group = ParamGroup.sgd(0.4, 0);
    LRScheduler beside = reluctant.attach(ParamGroups.of(group));
    List<Double> lrs = new ArrayList<>();
    training
        .loop(stepping)
        .fit(
            6,
            () -> {
              lrs.add(group.lr());
              training.fit(1);
              beside.step(loss(training.net()));
            });

    assertThat(lrs).contains(0.2).startsWith(0.4);
    assertRates(training.updates(), 6, lrs.stream().mapToDouble(Double::doubleValue).toArray());
    assertThat(run.getLastLr()).containsExactly(group.lr());
  }

  private static double loss(Model net) {
    DataSet all = DataSet.merge(batches);
    return net instanceof MultiLayerNetwork layers
        ? layers.score(all)
        : ((ComputationGraph) net).score(all);
  }

  @ParameterizedTest
  @EnumSource
  void averagesWhatTheDriverHoldsAfterAFitAndChangesOverToSwalr(Kind kind) {
    Training training = new Training(spark, kind.net(new Sgd(0.4)), batches);
    NeuralNetwork net = (NeuralNetwork) training.net();
    NetworkParamGroups groups = groups(training);
    AveragedModel<NeuralNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<NeuralNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(2);
    SwalrListener swalr =
        SwalrListener.everyEpoch(
                SchedulerListener.everyEpoch(new ExponentialLR(0.5).attach(groups)),
                new SWALR(0.02, 2, AnnealStrategy.LINEAR))
            .startingAt(2);
    List<double[]> held = new ArrayList<>();
    training
        .loop(swalr, averaging)
        .fit(
            5,
            () -> {
              training.fit(1);
              held.add(training.params());
            });

    // The number of SWALR's steps is that of the averages: 0.1 to 0.06 to 0.02.
    assertRates(training.updates(), 5, 0.4, 0.2, 0.1, 0.06, 0.02);
    double[] mean = new double[training.params().length];
    for (double[] params : held.subList(2, 5)) {
      mean = Vectors.sum(mean, 1.0 / 3, params);
    }
    assertThat(average.nAveraged()).isEqualTo(3);
    assertThat(((Model) average.network()).params().toDoubleVector())
        .containsExactly(mean, within(1e-14));
  }

  @Test
  void statisticsOfAnAverageAreComputedOverAnRdd() {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(5)
                .dataType(DataType.DOUBLE)
                .updater(new Sgd(0.2))
                .list(
                    new DenseLayer.Builder().nIn(IrisBatches.FEATURES).nOut(6).build(),
                    new BatchNormalization.Builder().nIn(6).nOut(6).build(),
                    new OutputLayer.Builder(LossFunction.MCXENT)
                        .nIn(6)
                        .nOut(IrisBatches.SPECIES)
                        .build())
                .build());
    net.init();
    SparkDl4jMultiLayer sparkNet =
        new SparkDl4jMultiLayer(spark, net, Training.master(net).build());
    JavaRDD<DataSet> training = spark.parallelize(batches, 2);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyEpoch(net, average);
    SparkEpochLoop.of(sparkNet, averaging).fit(2, () -> sparkNet.fit(training));

    double[] before = average.network().params().toDoubleVector();
    averaging.finish(new ExistingDataSetIterator(training::toLocalIterator));
    double[] overTheRdd = average.network().params().toDoubleVector();
    new UpdateBn().run(average.network(), new ExistingDataSetIterator(batches));
    assertThat(overTheRdd)
        .isEqualTo(average.network().params().toDoubleVector())
        .isNotEqualTo(before);
  }

  /** A schedule by iteration, the plateau and its state go on where they were. */
  @ParameterizedTest
  @EnumSource
  void aTrainingIsSavedOnTheDriverAndGoesOn(Kind kind) throws IOException {
    Training first = new Training(spark, kind.net(new Nesterovs(0.1, 0.9)), batches);
    Iterator<Double> metrics = List.of(1.0, 2.0, 3.0, 4.0).iterator();
    LRScheduler run = plateau(groups(first));
    first
        .loop(
            SchedulerListener.everyEpoch(run, (Model net) -> metrics.next()),
            TrainingCheckpointListener.everyEpoch(
                    CheckpointWriter.of((NeuralNetwork) first.net()).with("plateau", run), folder)
                .withInterval(2))
        .fit(2, () -> first.fit(1));
    TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
    Training second =
        new Training(
            spark,
            kind == Kind.LAYERS
                ? checkpoint.network(MultiLayerNetwork.class)
                : checkpoint.network(ComputationGraph.class),
            batches);
    assertThat(second.params()).isEqualTo(first.params());
    second
        .loop(
            SchedulerListener.everyEpoch(checkpoint.run("plateau"), (Model net) -> metrics.next()))
        .fit(2, () -> second.fit(1));

    double[] lrs = {0.1, 0.1, 0.05, 0.025};
    List<Update> all = Stream.concat(first.updates().stream(), second.updates().stream()).toList();
    ParameterAveragingTest.assertRates(
        all, Update::ofNesterovs, 4, STEPS_PER_FIT, t -> new Rates(lrs[t / STEPS_PER_FIT], 0.9));
    assertThat(second.params())
        .containsExactly(
            new ByHand(
                    kind.net(new Sgd(1)),
                    batches,
                    ByHand.nesterovs(t -> new Rates(lrs[t / STEPS_PER_FIT], 0.9)))
                .train(all, Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  /** A hook that is written, and does nothing. */
  private static final class Idle implements TrainingHook {

    private static final long serialVersionUID = 1L;

    @Override
    public void preUpdate(org.nd4j.linalg.dataset.api.DataSet minibatch, Model model) {}

    @Override
    public void postUpdate(org.nd4j.linalg.dataset.api.DataSet minibatch, Model model) {}

    @Override
    public void preUpdate(MultiDataSet minibatch, Model model) {}

    @Override
    public void postUpdate(MultiDataSet minibatch, Model model) {}
  }

  @Test
  void givesAGraphItsCountsAndKeepsItsOtherHooks() {
    ComputationGraph graph =
        (ComputationGraph)
            Kind.GRAPH.net(
                new Sgd(TorchSchedule.lr(new ExponentialLR(0.9), 0.2, ScheduleType.ITERATION)));
    TrainingHook idle = new Idle();
    TrainingHook ofAnother = new GraphCounts((ComputationGraph) Kind.GRAPH.net(new Sgd(0.1)));
    ParameterAveragingTrainingMaster master =
        Training.master(graph).trainingHooks(idle, ofAnother).build();
    SparkComputationGraph sparkGraph = new SparkComputationGraph(spark, graph, master);
    Workers workers = new Workers(spark);
    sparkGraph.setListeners(workers);
    JavaRDD<DataSet> training = spark.parallelize(batches, 2);
    SparkEpochLoop.of(sparkGraph).fit(2, () -> sparkGraph.fit(training));

    assertThat(master.getTrainingHookList()).hasSize(2).contains(idle).doesNotContain(ofAnother);
    ParameterAveragingTest.assertRates(
        workers.updates(),
        Update::ofSgd,
        2,
        STEPS_PER_FIT,
        t -> new Rates(0.2 * Math.pow(0.9, t), 0));
  }

  @Test
  void givesHooksToAMasterThatHasNone() {
    ComputationGraph graph = (ComputationGraph) Kind.GRAPH.net(new Sgd(0.1));
    ParameterAveragingTrainingMaster master =
        new ParameterAveragingTrainingMaster.Builder(2, Training.BATCH_SIZE).build();
    SparkEpochLoop.of(new SparkComputationGraph(spark, graph, master));
    assertThat(master.getTrainingHookList()).singleElement().isInstanceOf(GraphCounts.class);
  }

  @Test
  void refusesWhatWorksAfterIterations() throws IOException {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    Training training = new Training(spark, net, batches);
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    CheckpointWriter writer = CheckpointWriter.of(net).with("run", run);
    for (TrainingListener listener :
        List.of(
            SchedulerListener.everyIteration(run),
            AveragingListener.everyIteration(net, average),
            SwalrListener.everyEpoch(SchedulerListener.everyIteration(run), new SWALR(0.1)),
            SwalrListener.everyIteration(groups, new SWALR(0.1)),
            TrainingCheckpointListener.everyIteration(writer, folder).withInterval(5),
            TrainingCheckpointListener.everyMinutes(5, writer, folder))) {
      assertThatThrownBy(() -> training.loop(listener))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "listeners must work after epochs, but this "
                  + listener.getClass().getSimpleName()
                  + " works after iterations, of which Spark tells the workers alone: use"
                  + " everyEpoch, and a TorchSchedule for a rate by iteration");
    }
    assertThat(net.getListeners()).isEmpty();
  }

  /** In the loop and on the network, where Spark would leave both unused. */
  @Test
  void refusesToClipAndToAccumulate() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    Training training = new Training(spark, net, batches);
    GradientClipping clipping = GradientClipping.norm(1);
    String noClipping =
        "a GradientClipping clips only the gradients of a network that trains in this JVM; each of"
            + " Spark's workers has a part of them, whose norm says nothing of the whole: set"
            + " gradientNormalization in the configuration, by which DL4J clips layer by layer";
    assertThatThrownBy(() -> training.loop(clipping))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(noClipping);
    net.setListeners(clipping);
    assertThatThrownBy(() -> training.loop())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(noClipping);
    net.setListeners();
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach(net);
    String noAccumulation =
        "AccumulatedGradients are only those of a network that trains in this JVM; Spark's workers"
            + " train copies, which do not accumulate: give them greater batches";
    assertThatThrownBy(() -> training.loop())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(noAccumulation);
    net.setListeners();
    assertThatThrownBy(() -> training.loop(gradients))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(noAccumulation);
  }

  @Test
  void refusesWhatWouldBeSavedAStepBehind() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    Training training = new Training(spark, net, batches);
    LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.of(net));
    TrainingCheckpointListener saving =
        TrainingCheckpointListener.everyEpoch(CheckpointWriter.of(net).with("run", run), folder);
    assertThatThrownBy(() -> training.loop(saving, SchedulerListener.everyEpoch(run)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "listeners must have a TrainingCheckpointListener last, but after it comes a"
                + " SchedulerListener, which would be saved a step behind its network");
  }

  @Test
  void refusesListenersThatNobodyWouldCall() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    Training training = new Training(spark, net, batches);
    SchedulerListener listener =
        SchedulerListener.everyEpoch(new ExponentialLR(0.5).attach(NetworkParamGroups.of(net)));
    net.addListeners(listener);
    assertThatThrownBy(() -> training.loop(listener))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "listeners must be given to the SparkEpochLoop, but a SchedulerListener is on the"
                + " network, where Spark calls none");
  }

  @Test
  void refusesAListenerForAnotherNetwork() {
    Training training = new Training(spark, Kind.LAYERS.net(new Sgd(0.1)), batches);
    MultiLayerNetwork other = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    SchedulerListener listener =
        SchedulerListener.everyEpoch(new ExponentialLR(0.5).attach(NetworkParamGroups.of(other)));
    assertThatThrownBy(() -> training.loop(listener))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "listeners must be for the network of the EpochLoop, but the run of this"
                + " SchedulerListener is on the param groups of another");
  }

  @ParameterizedTest
  @EnumSource
  void refusesOtherTrainingMasters(Kind kind) {
    Model net = kind.net(new Sgd(0.1));
    assertThatThrownBy(
            () -> {
              if (net instanceof MultiLayerNetwork layers) {
                SparkEpochLoop.of(new SparkDl4jMultiLayer(spark, layers, null));
              } else {
                SparkEpochLoop.of(new SparkComputationGraph(spark, (ComputationGraph) net, null));
              }
            })
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("trainingMaster must be a ParameterAveragingTrainingMaster but was null");
  }

  @Test
  void refusesTwoFitsInAnEpoch() {
    MultiLayerNetwork net = (MultiLayerNetwork) Kind.LAYERS.net(new Sgd(0.1));
    LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.of(net));
    Training training = new Training(spark, net, batches);
    SparkEpochLoop loop = training.loop(SchedulerListener.everyEpoch(run));
    assertThatThrownBy(() -> loop.fit(1, () -> training.fit(2)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("training must be one epoch long but counted 2 in epoch 0");
    assertThat(run.lastEpoch()).isZero();
  }

  private static void assertRates(List<Update> updates, int fits, double... lrs) {
    ParameterAveragingTest.assertRates(
        updates, Update::ofSgd, fits, STEPS_PER_FIT, t -> new Rates(lrs[t / STEPS_PER_FIT], 0));
  }
}
