package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.Trial.Outcome;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ToDoubleFunction;
import java.util.stream.LongStream;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Measures what schedules, averages and AdamW gain over a constant rate: trains each way with
 * several seeds, at the rate that is best on images set apart for that, and judges on others.
 */
@Command(
    name = "Gains",
    sortOptions = false,
    description = "Measures what schedules, averages and AdamW gain over a constant rate.")
public final class Gains implements Callable<Integer> {

  /** The seeds by which rates are chosen are none of those that are judged. */
  private static final long FIRST_TO_CHOOSE = 1001;

  /** For each so many seeds that are judged there is one by which rates are chosen. */
  private static final int JUDGED_TO_CHOOSE = 3;

  @Option(
      names = "--data",
      description =
          "a folder with the four files of MNIST or Fashion-MNIST, plain or .gz (default: the 1,797"
              + " digits that come with this project)")
  private @Nullable Path data;

  @Option(
      names = "--images",
      defaultValue = "2000",
      converter = PositiveInteger.class,
      description =
          "with --data, how many images to train on; half as many more are chosen by (default:"
              + " ${DEFAULT-VALUE})")
  private int images;

  @Option(
      names = "--epochs",
      defaultValue = "20",
      converter = PositiveInteger.class,
      description =
          "of the long trainings; the short ones have a tenth (default: ${DEFAULT-VALUE})")
  private int epochs;

  @Option(
      names = "--seeds",
      defaultValue = "10",
      converter = PositiveInteger.class,
      description =
          "how many trainings to judge each method by, at least 2; rates are chosen by a third as"
              + " many others (default: ${DEFAULT-VALUE})")
  private int seeds;

  @Option(
      names = "--threads",
      converter = PositiveInteger.class,
      description = "how many trainings run at a time (default: one a processor)")
  private @Nullable Integer threads;

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

  private Gains() {}

  /**
   * Measures.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    // The other examples free nothing, which the many trainings of this one cannot afford.
    System.setProperty("org.bytedeco.javacpp.nopointergc", "false");
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new Gains().commandLine);
  }

  /** Chooses, judges, reports, draws and writes. */
  @Override
  public Integer call() throws IOException, InterruptedException {
    if (seeds < 2) {
      throw new ParameterException(commandLine, "--seeds must be >= 2 but was " + seeds);
    }
    if (images < 2 * Trial.BATCH_SIZE) {
      throw new ParameterException(
          commandLine, "--images must be >= " + 2 * Trial.BATCH_SIZE + " but was " + images);
    }
    Files.createDirectories(output);
    ImageParts parts = data == null ? ImageParts.digits() : ImageParts.idx(data, images);

    List<Trial> choosing = new ArrayList<>();
    for (Method method : Method.values()) {
      for (double lr : method.rates()) {
        choosing.addAll(trials(method, lr, FIRST_TO_CHOOSE, Math.max(1, seeds / JUDGED_TO_CHOOSE)));
      }
    }
    Map<Trial, Outcome> chosenBy;
    Map<Trial, Outcome> judged;
    int threadCount = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    ExecutorService pool = Executors.newFixedThreadPool(threadCount);
    try (ProgressBar bar = progressBar(choosing.size() + Method.values().length * seeds)) {
      chosenBy = run(choosing, parts, false, pool, bar);
      List<Trial> judging = new ArrayList<>();
      for (Method method : Method.values()) {
        judging.addAll(trials(method, best(method, chosenBy), 1, seeds));
      }
      judged = run(judging, parts, true, pool, bar);
    } finally {
      pool.shutdownNow();
    }

    GainsTable table = new GainsTable(parts, judged);
    Path csv = output.resolve("gains.csv");
    Path picture = output.resolve("gains.png");
    writeCsv(csv, chosenBy, judged);
    table.draw(picture);
    PrintWriter out = commandLine.getOut();
    out.print(table.text());
    out.printf("%nWrote %s and %s%n", picture, csv);
    out.flush();
    return 0;
  }

  private List<Trial> trials(Method method, double lr, long first, int count) {
    return LongStream.range(first, first + count)
        .mapToObj(seed -> new Trial(method, lr, method.epochs(epochs), seed))
        .toList();
  }

  /** Runs trials, several at a time, and returns what became of them in their order. */
  private static Map<Trial, Outcome> run(
      List<Trial> trials, ImageParts parts, boolean isJudged, ExecutorService pool, ProgressBar bar)
      throws InterruptedException {
    Map<Trial, Future<Outcome>> futures = new LinkedHashMap<>();
    for (Trial trial : trials) {
      futures.put(
          trial,
          pool.submit(
              () -> {
                useOneThread();
                Outcome outcome = trial.run(parts, isJudged);
                bar.step();
                return outcome;
              }));
    }
    Map<Trial, Outcome> outcomes = new LinkedHashMap<>();
    for (Map.Entry<Trial, Future<Outcome>> entry : futures.entrySet()) {
      try {
        outcomes.put(entry.getKey(), entry.getValue().get());
      } catch (ExecutionException failed) {
        throw new IllegalStateException(entry.getKey() + " failed", failed.getCause());
      }
    }
    return outcomes;
  }

  /**
   * Keeps ND4J's native code from starting threads of its own, which on matrices this small mostly
   * wait; some of what is set is so for the calling thread alone.
   */
  private static void useOneThread() {
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);
    Nd4j.factory().blas().setMaxThreads(1);
    Nd4j.getEnvironment().setMaxThreads(1);
    Nd4j.getEnvironment().setMaxMasterThreads(1);
  }

  /** Returns the rate with the best mean accuracy on validation images, then the least loss. */
  static double best(Method method, Map<Trial, Outcome> outcomes) {
    return method.rates().stream()
        .max(
            Comparator.<Double>comparingDouble(
                    lr -> mean(method, lr, outcomes, outcome -> outcome.validation().accuracy()))
                .thenComparingDouble(
                    lr -> -mean(method, lr, outcomes, outcome -> outcome.validation().loss())))
        .orElseThrow();
  }

  private static double mean(
      Method method, double lr, Map<Trial, Outcome> outcomes, ToDoubleFunction<Outcome> value) {
    return outcomes.entrySet().stream()
        .filter(entry -> entry.getKey().method() == method && entry.getKey().lr() == lr)
        .mapToDouble(entry -> value.applyAsDouble(entry.getValue()))
        .average()
        .orElseThrow();
  }

  private static void writeCsv(Path file, Map<Trial, Outcome> chosenBy, Map<Trial, Outcome> judged)
      throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(
        "part,method,epochs,lr,seed,validation_accuracy,validation_loss,test_accuracy,test_loss");
    chosenBy.forEach((trial, outcome) -> lines.add(line("choice", trial, outcome) + ",,"));
    judged.forEach(
        (trial, outcome) ->
            lines.add(
                line("judgement", trial, outcome)
                    + ","
                    + outcome.test().accuracy()
                    + ","
                    + outcome.test().loss()));
    Files.write(file, lines);
  }

  private static String line(String part, Trial trial, Outcome outcome) {
    return String.join(
        ",",
        part,
        trial.method().name().toLowerCase(Locale.ROOT),
        String.valueOf(trial.epochs()),
        String.valueOf(trial.lr()),
        String.valueOf(trial.seed()),
        String.valueOf(outcome.validation().accuracy()),
        String.valueOf(outcome.validation().loss()));
  }

  private ProgressBar progressBar(int trials) {
    ProgressBarBuilder builder =
        ProgressBar.builder()
            .setInitialMax(trials)
            .setUnit(" trainings", 1)
            .setStyle(ProgressBarStyle.ASCII)
            .setMaxRenderedLength(79);
    if (quiet) {
      builder.setConsumer(new DelegatingProgressBarConsumer(line -> {}));
    }
    return builder.build();
  }
}
