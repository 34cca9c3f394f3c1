package io.github.dl4jtorch.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Measures everything beside its rivals and prints one table of ratios. A round measures both sides
 * of a row, one right after the other, so whatever slows the machine slows both.
 */
@Command(
    name = "table",
    description = "Measures this project beside what a user would do otherwise.",
    mixinStandardHelpOptions = true)
public final class Table implements Callable<Integer> {

  private static final Pattern NUMBER = Pattern.compile("[0-9.eE+-]+");

  @Option(names = "--quick", description = "A part of the rows, one round: less than 5 minutes.")
  private boolean quick;

  @Option(names = "--only", description = "Only rows in whose label this is found, a regex.")
  private String only = "";

  @Option(names = "--rounds", description = "How often both sides are measured (${DEFAULT-VALUE}).")
  private int rounds = 5;

  @Option(names = "--json", description = "Where to write the result (${DEFAULT-VALUE}).")
  private Path json = Path.of("target", "benchmarks.json");

  @Option(names = "--python", description = "The Python that has PyTorch (${DEFAULT-VALUE}).")
  private String python = "/usr/bin/python3";

  @Option(names = "--script", description = "What times PyTorch (${DEFAULT-VALUE}).")
  private Path script = Path.of("src", "main", "python", "torch_times.py");

  /** Creates the command. */
  public Table() {}

  /**
   * Runs it.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Table()).execute(args));
  }

  /**
   * Prints two tables beside each other.
   *
   * @param before what a run has written
   * @param after what a later run has written
   * @return the exit code
   * @throws IOException if one cannot be read
   */
  @Command(name = "compare", description = "Compares two results.")
  public int compare(
      @Parameters(paramLabel = "BEFORE") Path before, @Parameters(paramLabel = "AFTER") Path after)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    Map<String, Measured> earlier = new LinkedHashMap<>();
    mapper
        .readValue(before.toFile(), Report.class)
        .rows()
        .forEach(row -> earlier.put(row.label(), row));
    System.out.println("| what | before | after | change |");
    System.out.println("|---|---|---|---|");
    for (Measured row : mapper.readValue(after.toFile(), Report.class).rows()) {
      Measured old = earlier.get(row.label());
      if (old == null || old.rival().isEmpty() || row.rival().isEmpty()) {
        continue;
      }
      double change = row.ratio() / old.ratio();
      boolean isSure = Math.max(change, 1 / change) > row.error() * old.error();
      System.out.printf(
          Locale.ROOT,
          "| %s | %s | %s | %.2f%s |%n",
          row.label(),
          shown(old),
          shown(row),
          change,
          isSure ? (change < 1 ? ", faster" : ", slower") : "");
    }
    return 0;
  }

  /** What is written: where it was measured, and what. */
  record Report(Map<String, String> where, List<Measured> rows) {}

  @Override
  public Integer call() throws Exception {
    int times = quick ? 1 : rounds;
    Optional<String> torch = torchVersion();
    Map<String, String> where = where(torch);
    where.forEach((key, value) -> System.out.println(key + ": " + value));
    if (torch.isEmpty()) {
      System.out.println("PyTorch is not installed for " + python + ": its rows are left out");
    }
    List<Measured> measured = new ArrayList<>();
    System.out.println();
    System.out.println("| what | ours | beside | its | ratio | target |");
    System.out.println("|---|---|---|---|---|---|");
    for (Row row : Row.all()) {
      boolean needsTorch = row.rival() instanceof Row.Torch;
      if ((quick && !row.isQuick()) || (needsTorch && torch.isEmpty())) {
        continue;
      }
      if (Pattern.compile(only).matcher(row.name() + " / " + row.rivalName()).find()) {
        Measured result = measure(row, times);
        measured.add(result);
        print(result);
      }
    }
    Files.createDirectories(json.toAbsolutePath().resolveSibling(""));
    new ObjectMapper()
        .enable(SerializationFeature.INDENT_OUTPUT)
        .writeValue(json.toFile(), new Report(where, measured));
    System.out.println();
    System.out.println("Wrote " + json);
    return 0;
  }

  private Measured measure(Row row, int times) throws Exception {
    List<Double> ours = new ArrayList<>();
    List<Double> rival = new ArrayList<>();
    for (int round = 0; round < times; round++) {
      ours.add(nanos(row.ours()));
      Row.Contender other = row.rival();
      if (other != null) {
        rival.add(nanos(other));
      }
    }
    return new Measured(row.name(), row.rivalName(), row.target(), ours, rival);
  }

  private double nanos(Row.Contender contender) throws Exception {
    if (contender instanceof Row.Jmh jmh) {
      return nanos(jmh);
    }
    return torch(((Row.Torch) contender).name());
  }

  private double nanos(Row.Jmh jmh) throws RunnerException {
    String method = jmh.method();
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(Pattern.quote(Table.class.getPackageName() + "." + method) + "$")
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true)
            .forks(1);
    boolean isSingleShot = method.startsWith("CheckpointBenchmark") || method.startsWith("Start");
    if (!isSingleShot) {
      TimeValue time = TimeValue.milliseconds(quick ? 300 : 500);
      options
          .warmupIterations(quick ? 2 : 3)
          .warmupTime(time)
          .measurementIterations(3)
          .measurementTime(time);
    }
    jmh.params().forEach(options::param);
    RunResult run = new Runner(options.build()).runSingle();
    Result<?> result = run.getPrimaryResult();
    return result.getScore() * nanosOf(result.getScoreUnit());
  }

  /** JMH writes its units as "ns/op". */
  private static double nanosOf(String unit) {
    String time = unit.substring(0, unit.indexOf('/'));
    TimeUnit known =
        switch (time) {
          case "ns" -> TimeUnit.NANOSECONDS;
          case "us" -> TimeUnit.MICROSECONDS;
          case "ms" -> TimeUnit.MILLISECONDS;
          case "s" -> TimeUnit.SECONDS;
          default ->
              throw new IllegalArgumentException("unit must be a time an op but was " + unit);
        };
    return known.toNanos(1);
  }

  private double torch(String name) throws IOException {
    String said = said(python, script.toString(), name).orElse("");
    if (!NUMBER.matcher(said).matches()) {
      throw new IOException(script + " must print nanoseconds for " + name + " but said: " + said);
    }
    return Double.parseDouble(said);
  }

  private Optional<String> torchVersion() throws IOException {
    return said(python, "-c", "import torch; print(torch.__version__)");
  }

  private static Optional<String> said(String... command) throws IOException {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.of(out.strip()) : Optional.empty();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IOException("stopped", stopped);
    } catch (IOException absent) {
      return Optional.empty();
    }
  }

  private static Map<String, String> where(Optional<String> torch) throws IOException {
    Map<String, String> where = new LinkedHashMap<>();
    where.put("date", LocalDate.now(ZoneOffset.UTC).toString());
    where.put("commit", said("git", "rev-parse", "--short", "HEAD").orElse("unknown"));
    where.put("processor", processor().orElse("unknown"));
    where.put("cores", "" + Runtime.getRuntime().availableProcessors());
    where.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    where.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    where.put("torch", torch.orElse("not installed"));
    return where;
  }

  private static Optional<String> processor() throws IOException {
    Path file = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    }
  }

  private static void print(Measured row) {
    String rival = row.rivalName();
    System.out.printf(
        Locale.ROOT,
        "| %s | %s | %s | %s | %s | %s |%n",
        row.name(),
        time(row.median(row.ours())),
        rival == null ? "" : rival,
        rival == null ? "" : time(row.median(row.rival())),
        rival == null ? "" : shown(row),
        Double.isNaN(row.target()) ? "" : String.format(Locale.ROOT, "%.2f", row.target()));
  }

  private static String shown(Measured row) {
    double error = row.error();
    String ratio = String.format(Locale.ROOT, "%.3g", row.ratio());
    return Double.isInfinite(error)
        ? ratio
        : String.format(
            Locale.ROOT, "%s (%.3g to %.3g)", ratio, row.ratio() / error, row.ratio() * error);
  }

  private static String time(double nanos) {
    return nanos < 1e3
        ? String.format(Locale.ROOT, "%.0f ns", nanos)
        : nanos < 1e6
            ? String.format(Locale.ROOT, "%.2f us", nanos / 1e3)
            : String.format(Locale.ROOT, "%.2f ms", nanos / 1e6);
  }
}
