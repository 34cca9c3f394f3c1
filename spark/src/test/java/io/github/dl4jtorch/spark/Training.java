package io.github.dl4jtorch.spark;

import io.github.dl4jtorch.examples.spark.IrisBatches;
import io.github.dl4jtorch.spark.Workers.Update;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.spark.api.RDDTrainingApproach;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.IUpdater;

/** A training of a small network on Spark by two workers, in double precision. */
final class Training {

  static final int WORKERS = 2;
  static final int AVERAGING_FREQUENCY = 2;
  static final int BATCH_SIZE = 9;

  /** The two kinds of networks, with the same layers. */
  enum Kind {
    LAYERS,
    GRAPH;

    /** Makes a network, with the same parameters each time. */
    Model net(IUpdater updater) {
      NeuralNetConfiguration.Builder settings =
          new NeuralNetConfiguration.Builder().seed(5).dataType(DataType.DOUBLE).updater(updater);
      DenseLayer hidden =
          new DenseLayer.Builder()
              .nIn(IrisBatches.FEATURES)
              .nOut(6)
              .activation(Activation.TANH)
              .build();
      OutputLayer output =
          new OutputLayer.Builder()
              .nIn(6)
              .nOut(IrisBatches.SPECIES)
              .activation(Activation.SOFTMAX)
              .build();
      if (this == LAYERS) {
        MultiLayerNetwork net = new MultiLayerNetwork(settings.list(hidden, output).build());
        net.init();
        return net;
      }
      ComputationGraph net =
          new ComputationGraph(
              settings
                  .graphBuilder()
                  .addInputs("in")
                  .addLayer("hidden", hidden, "in")
                  .addLayer("output", output, "hidden")
                  .setOutputs("output")
                  .build());
      net.init();
      return net;
    }
  }

  private final Model net;
  private final JavaRDD<DataSet> data;
  private final SparkDl4jMultiLayer layers;
  private final SparkComputationGraph graph;
  private final Workers workers;

  Training(JavaSparkContext spark, Model net, List<DataSet> batches) {
    this(spark, net, batches, master(net));
  }

  Training(
      JavaSparkContext spark,
      Model net,
      List<DataSet> batches,
      ParameterAveragingTrainingMaster.Builder master) {
    this.net = net;
    this.data = spark.parallelize(batches, WORKERS);
    this.workers = new Workers(spark);
    if (net instanceof MultiLayerNetwork multiLayer) {
      layers = new SparkDl4jMultiLayer(spark, multiLayer, master.build());
      graph = null;
    } else {
      layers = null;
      graph = new SparkComputationGraph(spark, (ComputationGraph) net, master.build());
    }
    listen(workers);
  }

  static ParameterAveragingTrainingMaster.Builder master(Model net) {
    ParameterAveragingTrainingMaster.Builder master =
        new ParameterAveragingTrainingMaster.Builder(WORKERS, BATCH_SIZE)
            .batchSizePerWorker(BATCH_SIZE)
            .averagingFrequency(AVERAGING_FREQUENCY)
            .saveUpdater(true)
            .rddTrainingApproach(RDDTrainingApproach.Direct)
            .rngSeed(3);
    return net instanceof ComputationGraph graph
        ? master.trainingHooks(new GraphCounts(graph))
        : master;
  }

  void listen(TrainingListener listener) {
    if (layers != null) {
      layers.setListeners(listener);
    } else {
      graph.setListeners(listener);
    }
  }

  void fit(int fits) {
    for (int i = 0; i < fits; i++) {
      if (layers != null) {
        layers.fit(data);
      } else {
        graph.fit(data);
      }
    }
  }

  SparkEpochLoop loop(TrainingListener... listeners) {
    return layers != null
        ? SparkEpochLoop.of(layers, listeners)
        : SparkEpochLoop.of(graph, listeners);
  }

  Model net() {
    return net;
  }

  List<Update> updates() {
    return workers.updates();
  }

  double[] params() {
    return net.params().toDoubleVector();
  }
}
