package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.watch.ProgressLine;
import io.github.dl4jtorch.examples.TrainingRecorder.Update;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.TrainingLength;
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
import java.util.Random;
import java.util.concurrent.Callable;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains a small convolutional network on images of digits under a learning-rate recipe, and shows
 * what the schedule did and what the network reads.
 */
@Command(
    name = "TrainDigits",
    sortOptions = false,
    description = "Trains a network on images of digits under a learning-rate recipe.")
public final class TrainDigits implements Callable<Integer> {

  private static final int BATCH_SIZE = 64;

  @Option(
      names = "--recipe",
      defaultValue = "onecycle",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Recipe recipe = Recipe.ONECYCLE;

  @Option(
      names = "--epochs",
      defaultValue = "12",
      converter = PositiveInteger.class,
      description = "how often to go through the data (default: ${DEFAULT-VALUE})")
  private int epochs;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "deals out the images and initialises the network (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--output",
      defaultValue = "output",
      description = "the folder for the results (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(names = "--quiet", description = "no line of progress")
  private boolean quiet;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private TrainDigits() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return new TrainDigits()
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
    DigitsData digits = DigitsData.load(seed);
    int batches = digits.train().numExamples() / BATCH_SIZE;
    DataSetIterator validation =
        DigitsData.batches(digits.validation(), digits.validation().numExamples());

    Schedule schedule = recipe.schedule(epochs, batches);
    MultiLayerNetwork net = DigitsNetwork.with(recipe.updater(schedule), seed);
    TrainingRecorder recorder = new TrainingRecorder();
    net.addListeners(recorder);
    recipe.drive(net, schedule, validation);

    PrintWriter out = commandLine.getOut();
    out.printf(
        Locale.ROOT,
        "Training on %d images of digits by recipe %s: %d %s of %d batches%n",
        digits.train().numExamples(),
        recipe,
        epochs,
        epochs == 1 ? "epoch" : "epochs",
        batches);
    out.flush();
    if (!quiet) {
      net.addListeners(
          ProgressLine.of(net, TrainingLength.of(epochs + "ep", batches))
              .withMetric("validation", () -> net.evaluate(validation).accuracy()));
    }
    Random random = new Random(seed);
    for (int epoch = 0; epoch < epochs; epoch++) {
      DataSet shifted = DigitsData.shifted(digits.train(), random);
      shifted.shuffle(random.nextLong());
      net.fit(DigitsData.batches(shifted, BATCH_SIZE));
    }

    Path chart = output.resolve("schedule.png");
    Path csv = output.resolve("schedule.csv");
    Path picture = output.resolve("digits.png");
    Path model = output.resolve("model.zip");
    recorder.writeChart("Digits by recipe " + recipe, batches, chart);
    recorder.writeCsv(csv);
    DigitsPicture test = DigitsPicture.of(net, digits.test());
    test.write(picture);
    ModelSerializer.writeModel(net, model.toFile(), true);

    report(recorder, out);
    out.printf(
        Locale.ROOT,
        "%n%d of %d test images right (%.1f %%)%nWrote %s, %s, %s and %s%n",
        test.right(),
        digits.test().numExamples(),
        100.0 * test.right() / digits.test().numExamples(),
        chart,
        picture,
        csv,
        model);
    out.flush();
    return 0;
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
