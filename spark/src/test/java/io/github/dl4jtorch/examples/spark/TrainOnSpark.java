package io.github.dl4jtorch.examples.spark;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.examples.spark.WorkerRates.Update;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.spark.SparkEpochLoop;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.spark.api.RDDTrainingApproach;
import org.deeplearning4j.spark.earlystopping.SparkDataSetLossCalculator;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ScheduleType;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains a small network on the Iris flowers on Spark, by parameter averaging, and shows the rates
 * that the workers used. Started without {@code spark-submit}, it brings a Spark of its own with
 * two workers.
 */
@Command(
    name = "TrainOnSpark",
    sortOptions = false,
    description = "Trains a network on the Iris flowers on Spark.")
public final class TrainOnSpark implements Callable<Integer> {

  private static final int WORKERS = 2;
  private static final int BATCHES = 16;
  private static final int BATCH_SIZE = 9;
  private static final int AVERAGING_FREQUENCY = 2;
  private static final int FITS = 15;

  /** What sets the rate. */
  enum Recipe {
    /** OneCycleLR with its momentum, by iteration. */
    ONECYCLE,
    /** LinearLR, then CosineAnnealingLR, by epoch. */
    SEQUENTIAL,
    /** ReduceLROnPlateau, stepped on the driver. */
    PLATEAU;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--recipe",
      defaultValue = "onecycle",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Recipe recipe = Recipe.ONECYCLE;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private TrainOnSpark() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    int exitCode = commandLine().execute(args);
    if (exitCode != 0) {
      System.exit(exitCode);
    }
  }

  static CommandLine commandLine() {
    return new TrainOnSpark().commandLine.setCaseInsensitiveEnumValuesAllowed(true);
  }

  /** Trains and reports. */
  @Override
  public Integer call() throws IOException {
    SparkConf conf =
        new SparkConf()
            .setAppName("TrainOnSpark")
            .setIfMissing("spark.master", "local[" + WORKERS + "]")
            .setIfMissing("spark.ui.enabled", "false");
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      train(spark, commandLine.getOut());
    }
    return 0;
  }

  private void train(JavaSparkContext spark, PrintWriter out) throws IOException {
    List<DataSet> batches = IrisBatches.load(BATCHES, BATCH_SIZE, DataType.FLOAT, 1);
    JavaRDD<DataSet> training = spark.parallelize(batches, WORKERS);

    ParameterAveragingTrainingMaster master =
        new ParameterAveragingTrainingMaster.Builder(WORKERS, BATCH_SIZE)
            .batchSizePerWorker(BATCH_SIZE)
            .averagingFrequency(AVERAGING_FREQUENCY)
            .saveUpdater(true)
            .rddTrainingApproach(RDDTrainingApproach.Direct)
            .rngSeed(1)
            .build();

    int splits = Math.max(1, BATCHES / (WORKERS * AVERAGING_FREQUENCY));
    int totalSteps = FITS * splits * AVERAGING_FREQUENCY;

    SparkDl4jMultiLayer net =
        new SparkDl4jMultiLayer(spark, configuration(updater(totalSteps)), master);
    WorkerRates rates = new WorkerRates(spark);
    net.setListeners(rates);

    out.printf(
        Locale.ROOT,
        "Training by recipe %s: %d fits of %d splits, %d iterations of each worker in each split%n",
        recipe,
        FITS,
        splits,
        AVERAGING_FREQUENCY);
    SparkEpochLoop.of(net, listeners(net, training))
        .fit(
            FITS,
            () -> {
              net.fit(training);
              show(rates.take(), net.calculateScore(training, true), out);
            });
    out.printf(
        Locale.ROOT,
        "%nAccuracy on the flowers it was trained on: %.2f%n",
        net.evaluate(training).accuracy());
    out.flush();
  }

  private TrainingListener[] listeners(SparkDl4jMultiLayer net, JavaRDD<DataSet> training) {
    if (recipe != Recipe.PLATEAU) {
      return new TrainingListener[0];
    }
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(1)
            .build()
            .attach(NetworkParamGroups.of(net.getNetwork()));
    return new TrainingListener[] {
      SchedulerListener.everyEpoch(
          run, new SparkDataSetLossCalculator(training, true, net.getSparkContext().sc()))
    };
  }

  private IUpdater updater(int totalSteps) {
    return switch (recipe) {
      case ONECYCLE -> {
        Schedule oneCycle = OneCycleLR.builder(0.3).totalSteps(totalSteps).build();
        yield new TorchSGD(TorchSchedule.lr(oneCycle, 0.3, ScheduleType.ITERATION))
            .withNesterovMomentum(TorchSchedule.momentum(oneCycle, 0.9, ScheduleType.ITERATION));
      }
      case SEQUENTIAL -> {
        Schedule warmupThenCosine =
            new SequentialLR(
                List.of(new LinearLR(0.1, 1.0, 4), new CosineAnnealingLR(FITS - 4)), List.of(4));
        yield new TorchSGD(TorchSchedule.lr(warmupThenCosine, 0.2, ScheduleType.EPOCH))
            .withNesterovMomentum(0.9);
      }
      case PLATEAU -> new TorchSGD(0.5).withNesterovMomentum(0.9);
    };
  }

  private static MultiLayerConfiguration configuration(IUpdater updater) {
    return new NeuralNetConfiguration.Builder()
        .seed(1)
        .updater(updater)
        .weightInit(WeightInit.XAVIER)
        .list(
            new DenseLayer.Builder()
                .nIn(IrisBatches.FEATURES)
                .nOut(16)
                .activation(Activation.RELU)
                .build(),
            new OutputLayer.Builder()
                .nIn(16)
                .nOut(IrisBatches.SPECIES)
                .activation(Activation.SOFTMAX)
                .build())
        .build();
  }

  private static void show(List<Update> updates, double loss, PrintWriter out) {
    Update first = updates.get(0);
    Update last = updates.get(updates.size() - 1);
    out.printf(
        Locale.ROOT,
        "fit %2d  iterations %3d-%3d  lr %.6f-%.6f  loss %.4f%n",
        first.epoch(),
        first.iteration(),
        last.iteration(),
        first.lr(),
        last.lr(),
        loss);
    out.flush();
  }
}
