package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.TrainingRecorder.Update;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.SplitTestAndTrain;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.nativeblas.NativeOpsHolder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains a small network on the Iris flowers under a learning-rate recipe, and shows what the
 * schedule did.
 */
@Command(
    name = "TrainIris",
    sortOptions = false,
    description = "Trains a network on the Iris flowers under a learning-rate recipe.")
public final class TrainIris implements Callable<Integer> {

  private static final int BATCH_SIZE = 12;

  @Option(
      names = "--recipe",
      defaultValue = "onecycle",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Recipe recipe = Recipe.ONECYCLE;

  @Option(
      names = "--epochs",
      defaultValue = "60",
      converter = PositiveInteger.class,
      description = "how often to go through the data (default: ${DEFAULT-VALUE})")
  private int epochs;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "deals out the flowers and initialises the network (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--output",
      defaultValue = "output",
      description = "the folder for the results (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(names = "--quiet", description = "no progress bar")
  private boolean quiet;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private TrainIris() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return new TrainIris()
        .commandLine
        .registerConverter(Recipe.class, Recipe::of)
        .setParameterExceptionHandler(new OneLine())
        .setExecutionExceptionHandler(new OneLine());
  }

  /** Trains, reports and writes. */
  @Override
  public Integer call() throws IOException {
    Files.createDirectories(output);
    if (!Files.isWritable(output)) {
      throw new AccessDeniedException(output.toString());
    }
    IrisData data = IrisData.load(seed);
    // Several threads would spend more time on matrices this small, most of it waiting.
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);
    DataSet rows = data.train();
    DataSet validationRows = data.train();
    if (recipe.validationRows() > 0) {
      SplitTestAndTrain split =
          rows.splitTestAndTrain(rows.numExamples() - recipe.validationRows());
      rows = split.getTrain();
      validationRows = split.getTest();
    }
    DataSetIterator train = IrisData.batches(rows, BATCH_SIZE);
    int batches = rows.numExamples() / BATCH_SIZE;

    Schedule schedule = recipe.schedule(epochs, batches);
    MultiLayerNetwork net = network(recipe.updater(schedule));
    recipe.drive(net, schedule, IrisData.batches(validationRows, BATCH_SIZE));

    PrintWriter out = commandLine.getOut();
    out.printf(
        Locale.ROOT,
        "Training on %d Iris flowers by recipe %s: %d %s of %d batches%n",
        rows.numExamples(),
        recipe,
        epochs,
        epochs == 1 ? "epoch" : "epochs",
        batches);
    out.flush();
    TrainingRecorder recorder;
    try (ProgressBar bar = progressBar(batches)) {
      recorder = new TrainingRecorder(update -> show(update, bar));
      net.addListeners(recorder);
      net.fit(train, epochs);
    }

    Path chart = output.resolve("schedule.png");
    Path csv = output.resolve("schedule.csv");
    Path model = output.resolve("model.zip");
    recorder.writeChart("Iris by recipe " + recipe, batches, chart);
    recorder.writeCsv(csv);
    // In two calls, as writeModel with a normalizer closes a stream too early in this DL4J.
    ModelSerializer.writeModel(net, model.toFile(), true);
    ModelSerializer.addNormalizerToModel(model.toFile(), data.normalizer());

    report(recorder, out);
    Evaluation evaluation =
        net.evaluate(IrisData.batches(data.heldOut(), data.heldOut().numExamples()));
    int right = (int) Math.round(evaluation.accuracy() * data.heldOut().numExamples());
    out.printf(
        Locale.ROOT,
        "%n%d of %d held-out flowers right%nWrote %s, %s and %s%n",
        right,
        data.heldOut().numExamples(),
        chart,
        csv,
        model);
    out.flush();
    return 0;
  }

  private MultiLayerNetwork network(IUpdater updater) {
    MultiLayerConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .seed(seed)
            .updater(updater)
            .weightInit(WeightInit.RELU)
            .l2(1e-2)
            .list(
                dense(16),
                new BatchNormalization(),
                new ActivationLayer(Activation.RELU),
                dense(16),
                new BatchNormalization(),
                new ActivationLayer(Activation.RELU),
                new OutputLayer.Builder()
                    .nOut(IrisData.SPECIES)
                    .activation(Activation.SOFTMAX)
                    .weightInit(WeightInit.XAVIER)
                    .build())
            .setInputType(InputType.feedForward(IrisData.FEATURES))
            .build();
    MultiLayerNetwork net = new MultiLayerNetwork(configuration);
    net.init();
    return net;
  }

  private static DenseLayer dense(int units) {
    return new DenseLayer.Builder().nOut(units).activation(Activation.IDENTITY).build();
  }

  private ProgressBar progressBar(int batches) {
    ProgressBarBuilder builder =
        ProgressBar.builder()
            .setInitialMax((long) epochs * batches)
            .setUnit(" epochs", batches)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(200)
            .setMaxRenderedLength(79)
            .hideEta();
    if (quiet) {
      builder.setConsumer(new DelegatingProgressBarConsumer(line -> {}));
    }
    return builder.build();
  }

  private static void show(Update update, ProgressBar bar) {
    bar.step();
    bar.setExtraMessage(
        String.format(
            Locale.ROOT, "lr %-8s loss %-8s", rounded(update.lr(), 3), rounded(update.loss(), 3)));
  }

  private static void report(TrainingRecorder recorder, PrintWriter out) {
    out.printf("%n%-14s%-10s%-10s%-10s%s%n", "", "start", "lowest", "highest", "end");
    row("learning rate", recorder.values(Update::lr), out);
    if (recorder.cyclesMomentum()) {
      row("momentum", recorder.values(Update::momentum), out);
    }
    row("loss", recorder.values(Update::loss), out);
  }

  private static void row(String name, List<Double> values, PrintWriter out) {
    out.printf(
        "%-14s%-10s%-10s%-10s%s%n",
        name,
        rounded(values.get(0), 4),
        rounded(Collections.min(values), 4),
        rounded(Collections.max(values), 4),
        rounded(values.get(values.size() - 1), 4));
  }

  private static String rounded(double value, int digits) {
    if (!Double.isFinite(value) || (value != 0 && Math.abs(value) < 1e-3)) {
      return String.format(Locale.ROOT, "%." + (digits - 1) + "e", value);
    }
    return new BigDecimal(value)
        .round(new MathContext(digits))
        .stripTrailingZeros()
        .toPlainString();
  }
}
