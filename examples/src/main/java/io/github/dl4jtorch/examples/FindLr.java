package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.watch.LrFinder;
import io.github.dl4jtorch.adapter.watch.LrFinder.Result;
import io.github.dl4jtorch.examples.Panels.Line;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.nativeblas.NativeOpsHolder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Looks for a good learning rate for the network that {@link TrainDigits} trains, and draws the loss over the rate. */
@Command(
    name = "FindLr",
    sortOptions = false,
    description = "Looks for a good learning rate for the digits.")
public final class FindLr implements Callable<Integer> {

  private static final int BATCH_SIZE = 64;

  @Option(
      names = "--start-lr",
      defaultValue = "1e-5",
      description = "the first rate (default: ${DEFAULT-VALUE})")
  private double startLr;

  @Option(
      names = "--end-lr",
      defaultValue = "100",
      description = "the last rate (default: ${DEFAULT-VALUE})")
  private double endLr;

  @Option(
      names = "--iterations",
      defaultValue = "100",
      description = "how many batches to train (default: ${DEFAULT-VALUE})")
  private int iterations;

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

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private FindLr() {}

  /**
   * Runs the test.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new FindLr().commandLine);
  }

  /** Sweeps, suggests and draws. */
  @Override
  public Integer call() throws IOException {
    LrFinder test;
    try {
      test = LrFinder.builder().startLr(startLr).endLr(endLr).iterations(iterations).build();
    } catch (IllegalArgumentException refused) {
      throw new ParameterException(commandLine, refused.getMessage(), refused);
    }
    Files.createDirectories(output);
    DigitsData digits = DigitsData.load(seed);
    // Several threads would spend more time on matrices this small, most of it waiting.
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);

    TorchSGD sgd = new TorchSGD(0.1).withNesterovMomentum(0.9);
    MultiLayerNetwork net = DigitsNetwork.with(sgd, seed);
    Result result = test.run(net, DigitsData.batches(digits.train(), BATCH_SIZE));

    Path chart = output.resolve("range-test.png");
    Path csv = output.resolve("range-test.csv");
    draw(result, chart);
    result.writeCsv(csv);

    PrintWriter out = commandLine.getOut();
    out.println(
        result.divergedAt().isPresent()
            ? "Diverged at step " + result.divergedAt().getAsInt()
            : "Finished " + result.lrs().size() + " steps");
    out.println("Steepest descent: " + inWords(result.suggestion()));
    out.println("Longest valley: " + inWords(result.valley()));
    out.printf("Wrote %s and %s%n", chart, csv);
    out.flush();
    return 0;
  }

  private static String inWords(OptionalDouble lr) {
    return lr.isPresent()
        ? String.format(Locale.ROOT, "learning rate %.2g", lr.getAsDouble())
        : "none, as the loss does not fall";
  }

  private static void draw(Result result, Path file) throws IOException {
    List<Line> lines = new ArrayList<>();
    lines.add(Line.through("loss of each batch", result.lrs(), result.losses()).faint());
    lines.add(Line.through("smoothed", result.lrs(), result.smoothedLosses()));
    mark("steepest descent", result, result.suggestion(), lines);
    mark("longest valley", result, result.valley(), lines);
    // Where the loss explodes nothing can be seen of the rest.
    int half = (result.losses().size() + 1) / 2;
    double yMax = 1.5 * Collections.max(result.losses().subList(0, half));
    new Panels("Range test on the digits", "learning rate")
        .addOverPowers("loss", yMax, lines)
        .write(file);
  }

  private static void mark(String name, Result result, OptionalDouble lr, List<Line> lines) {
    if (lr.isPresent()) {
      int step = result.lrs().indexOf(lr.getAsDouble());
      lines.add(
          Line.through(name, List.of(lr.getAsDouble()), List.of(result.smoothedLosses().get(step)))
              .dots());
    }
  }
}
