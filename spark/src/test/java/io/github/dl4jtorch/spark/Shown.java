package io.github.dl4jtorch.spark;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.nio.file.Path;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.serializer.KryoSerializer;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.earlystopping.SparkDataSetLossCalculator;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.nd4j.linalg.dataset.DataSet;

/** What the page and the Javadoc show and the example does not, so that it compiles. */
final class Shown {

  private Shown() {}

  static void loop(
      JavaSparkContext spark,
      MultiLayerNetwork net,
      ParameterAveragingTrainingMaster master,
      JavaRDD<DataSet> training,
      JavaRDD<DataSet> validation) {
    SparkDl4jMultiLayer sparkNet = new SparkDl4jMultiLayer(spark, net, master);
    LRScheduler run =
        ReduceLROnPlateau.builder().patience(3).build().attach(NetworkParamGroups.of(net));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    SparkEpochLoop.of(
            sparkNet,
            SchedulerListener.everyEpoch(
                run, new SparkDataSetLossCalculator(validation, true, spark.sc())),
            AveragingListener.everyEpoch(net, average).startingAt(20))
        .fit(30, () -> sparkNet.fit(training));
  }

  static void plateau(
      JavaSparkContext spark,
      MultiLayerNetwork net,
      ParameterAveragingTrainingMaster master,
      JavaRDD<DataSet> training,
      JavaRDD<DataSet> validation) {
    SparkDl4jMultiLayer sparkNet = new SparkDl4jMultiLayer(spark, net, master);
    LRScheduler run =
        ReduceLROnPlateau.builder().patience(3).build().attach(NetworkParamGroups.of(net));
    SparkEpochLoop.of(
            sparkNet,
            SchedulerListener.everyEpoch(
                run, new SparkDataSetLossCalculator(validation, true, spark.sc())),
            TrainingCheckpointListener.everyEpoch(
                    CheckpointWriter.of(net).with("plateau", run), Path.of("checkpoints"))
                .withInterval(5))
        .fit(30, () -> sparkNet.fit(training));
  }

  static void swa(SparkDl4jMultiLayer sparkNet, MultiLayerNetwork net, JavaRDD<DataSet> training) {
    LRScheduler cosine = new CosineAnnealingLR(40).attach(NetworkParamGroups.of(net));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(20);
    SwalrListener swalr =
        SwalrListener.everyEpoch(SchedulerListener.everyEpoch(cosine), new SWALR(0.05))
            .startingAt(20);
    SparkEpochLoop.of(sparkNet, swalr, averaging).fit(40, () -> sparkNet.fit(training));
    averaging.finish(new ExistingDataSetIterator(training::toLocalIterator)); // update_bn
  }

  static SparkComputationGraph hook(JavaSparkContext spark, ComputationGraph graph) {
    ParameterAveragingTrainingMaster master =
        new ParameterAveragingTrainingMaster.Builder(2, 32)
            .saveUpdater(true)
            .trainingHooks(new GraphCounts(graph))
            .build();
    SparkComputationGraph sparkGraph = new SparkComputationGraph(spark, graph, master);
    return sparkGraph;
  }

  static SparkConf kryo() {
    SparkConf conf =
        new SparkConf()
            .set("spark.serializer", KryoSerializer.class.getName())
            .set("spark.kryo.registrator", ConfigurationRegistrator.class.getName());
    return conf;
  }
}
