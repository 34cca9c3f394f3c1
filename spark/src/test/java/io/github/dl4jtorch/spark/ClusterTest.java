package io.github.dl4jtorch.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.examples.spark.IrisBatches;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.spark.Training.Kind;
import io.github.dl4jtorch.spark.Workers.Rates;
import io.github.dl4jtorch.spark.Workers.Update;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.serializer.Serializer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Trainings whose workers have JVMs of their own, which Spark's master and workers start on this
 * machine, so that all they know has been written and read.
 */
class ClusterTest {

  /** 8 batches for two workers that average after 2 iterations: 2 splits, 4 iterations a fit. */
  private static final int STEPS_PER_FIT = 4;

  @ParameterizedTest
  @ValueSource(classes = {JavaSerializer.class, KryoSerializer.class})
  void workersInOtherProcessesFollowThePulledAndThePushedRate(
      Class<? extends Serializer> serializer) throws IOException {
    List<DataSet> batches = IrisBatches.load(8, Training.BATCH_SIZE, DataType.DOUBLE, 1);
    try (JavaSparkContext spark = new JavaSparkContext(conf(serializer))) {
      followOneCycle(spark, batches);
      followPlateau(spark, batches);
    }
  }

  private static void followOneCycle(JavaSparkContext spark, List<DataSet> batches) {
    Schedule oneCycle = OneCycleLR.builder(0.3).totalSteps(2 * STEPS_PER_FIT).build();
    Nesterovs updater =
        new Nesterovs(
            TorchSchedule.lr(oneCycle, 0.3, ScheduleType.ITERATION),
            TorchSchedule.momentum(oneCycle, 0.9, ScheduleType.ITERATION));
    Training training = new Training(spark, Kind.LAYERS.net(updater), batches);
    training.fit(2);

    List<Rates> expected =
        ParameterAveragingTest.sequence(oneCycle, ParamGroup.sgd(0.3, 0.9), 2 * STEPS_PER_FIT);
    ParameterAveragingTest.assertRates(
        training.updates(), Update::ofNesterovs, 2, STEPS_PER_FIT, expected::get);
    assertThat(training.updates().stream().map(Update::process).distinct())
        .hasSize(Training.WORKERS)
        .doesNotContain(ProcessHandle.current().pid());
  }

  private static void followPlateau(JavaSparkContext spark, List<DataSet> batches) {
    ComputationGraph net = (ComputationGraph) Kind.GRAPH.net(new Adam(0.05));
    Training training = new Training(spark, net, batches);
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(0)
            .minLr(List.of(0.04, 0.0))
            .build()
            .attach(NetworkParamGroups.weightsAndBiases(net));
    Iterator<Double> metrics = List.of(1.0, 2.0, 3.0).iterator();
    training
        .loop(SchedulerListener.everyEpoch(run, (Model model) -> metrics.next()))
        .fit(3, () -> training.fit(1));

    double[] first = ParameterAveragingTest.ofParams(0.05, 0.05);
    double[] second = ParameterAveragingTest.ofParams(0.04, 0.025);
    assertThat(training.params())
        .containsExactly(
            new ByHand(
                    Kind.GRAPH.net(new Adam(0.05)),
                    batches,
                    ByHand.adam(t -> t < 2 * STEPS_PER_FIT ? first : second))
                .train(training.updates(), Training.AVERAGING_FREQUENCY),
            within(1e-12));
  }

  /** The folder of an installed Spark, whose jars come from the class path here. */
  private static SparkConf conf(Class<? extends Serializer> serializer) throws IOException {
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    return new SparkConf()
        .setAppName("test")
        .setMaster("local-cluster[2,1,512]")
        .set("spark.executor.memory", "512m")
        .set("spark.executor.extraClassPath", System.getProperty("java.class.path"))
        .set("spark.executor.extraJavaOptions", System.getProperty("executor.jvmFlags"))
        .set("spark.serializer", serializer.getName())
        .set("spark.kryo.registrator", ConfigurationRegistrator.class.getName())
        .set("spark.ui.enabled", "false");
  }
}
