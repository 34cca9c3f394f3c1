package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Draws what schedules are going to do, before anything is trained with them. */
@Command(
    name = "Preview",
    sortOptions = false,
    description =
        "Draws the learning rates of schedules over each other, and the momentum where it is driven.")
public final class Preview implements Callable<Integer> {

  /** More marks than these would hide the curve. */
  private static final int MARKS = 24;

  @Parameters(
      arity = "1..*",
      paramLabel = "<schedule>",
      description = {
        "a schedule as in Python, like \"StepLR(step_size=30)\"; a file with one as"
            + " Schedule.toMap() writes it (.json); a recipe (.yaml, .json); a checkpoint (.zip); or"
            + " a file of PyTorch's (.pt, .pth). Put epoch: before one that is stepped once an epoch"
      })
  private List<String> arguments = List.of();

  @Option(
      names = "--lr",
      split = ",",
      defaultValue = "0.1",
      description = "the rate to start from, one a param group (default: ${DEFAULT-VALUE})")
  private List<Double> lr = List.of();

  @Option(
      names = "--momentum",
      defaultValue = "0.9",
      description = "the momentum to start from (default: ${DEFAULT-VALUE})")
  private double momentum;

  @Option(
      names = "--definition",
      description = "the scheduler in a file of PyTorch's, as in Python, if the file does not tell")
  private @Nullable String definition;

  @Option(
      names = "--steps",
      defaultValue = "100",
      converter = PositiveInteger.class,
      description = "how many rates to draw (default: ${DEFAULT-VALUE})")
  private int steps;

  @Option(
      names = "--batches",
      converter = PositiveInteger.class,
      description = "how many batches an epoch has, to draw epochs and iterations on one axis")
  private @Nullable Integer batches;

  @Option(
      names = "--epochs",
      converter = PositiveInteger.class,
      description = "how many epochs to draw, instead of --steps")
  private @Nullable Integer epochs;

  @Option(
      names = "--output",
      defaultValue = "curve.png",
      description = "the picture (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(names = "--csv", description = "a file for all rates and momenta")
  private @Nullable Path csv;

  @Option(names = "--table", description = "print a table with the milestones")
  private boolean table;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private Preview() {}

  /**
   * Runs the tool.
   *
   * @param args schedules and options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new Preview().commandLine);
  }

  /** Draws. */
  @Override
  public Integer call() throws IOException {
    List<Source> sources = new ArrayList<>();
    String text = definition;
    Schedule own = text == null ? null : named("--definition", () -> DefinitionText.read(text));
    Sources reader = new Sources(lr, momentum, own);
    List<String> origins = new ArrayList<>();
    for (String argument : arguments) {
      for (Source source : named(argument, () -> reader.read(argument))) {
        sources.add(source);
        origins.add(argument);
      }
    }
    List<Planned> all = plan(sources, origins);
    draw(sources, all);
    commandLine.getOut().println("Wrote " + output);
    if (csv != null) {
      Files.createDirectories(csv.toAbsolutePath().getParent());
      PlannedCsv.write(csv, all, unit(sources), batches == null ? 0 : batches);
      commandLine.getOut().println("Wrote " + csv);
    }
    if (table) {
      for (int i = 0; i < all.size(); i++) {
        commandLine.getOut().println(sources.get(i).name());
        commandLine.getOut().print(all.get(i).simulation().toTable());
      }
      commandLine.getOut().flush();
    }
    return 0;
  }

  /** Work that may fail for what the user gave. */
  private interface Work<T> {
    T run() throws IOException;
  }

  /** Says with a complaint what it is about. */
  private static <T> T named(String argument, Work<T> work) throws IOException {
    try {
      return work.run();
    } catch (IllegalArgumentException | IllegalStateException | ArithmeticException refused) {
      throw new IOException(argument + ": " + refused.getMessage(), refused);
    }
  }

  private List<Planned> plan(List<Source> sources, List<String> origins) throws IOException {
    boolean areMixed = sources.stream().map(Source::isByEpoch).distinct().count() > 1;
    if (areMixed && batches == null) {
      throw new IOException(
          "--batches must be given to draw what is stepped by epochs and what is stepped by"
              + " iterations over each other");
    }
    int count = epochs == null ? steps : Math.multiplyExact(epochs, batches == null ? 1 : batches);
    List<Planned> all = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (int i = 0; i < sources.size(); i++) {
      Source source = sources.get(i);
      List<String> names = names(source, sources.size() == 1, taken);
      int updates = source.isByEpoch() && batches != null ? batches : 1;
      all.add(named(origins.get(i), () -> Planned.of(source, names, updates, count)));
    }
    return all;
  }

  /** Names the param groups of a schedule so that no two lines have the same name. */
  private static List<String> names(Source source, boolean isAlone, Set<String> taken) {
    List<String> names = new ArrayList<>();
    for (String group : source.groupNames()) {
      String name =
          source.groupNames().size() == 1
              ? source.name()
              : isAlone ? group : source.name() + " " + group;
      String free = name;
      for (int i = 2; !taken.add(free); i++) {
        free = name + " (" + i + ")";
      }
      names.add(free);
    }
    return names;
  }

  private String unit(List<Source> sources) {
    if (batches != null) {
      return "iteration";
    }
    return sources.get(0).isByEpoch() ? "epoch" : "step";
  }

  private void draw(List<Source> sources, List<Planned> all) throws IOException {
    String title = all.size() == 1 ? sources.get(0).name() : all.size() + " schedules";
    Panels panels = new Panels(title, unit(sources));
    panels.addFromZero(
        "learning rate", all.stream().flatMap(planned -> planned.lrLines().stream()).toList());
    List<Panels.Line> momenta =
        all.stream().flatMap(planned -> planned.momentumLines().stream()).toList();
    if (!momenta.isEmpty()) {
      panels.add("momentum", momenta);
    }
    panels.from(all.stream().mapToInt(Planned::first).min().orElse(0));
    SortedMap<Integer, String> milestones = new TreeMap<>();
    all.forEach(planned -> milestones.putAll(planned.milestones()));
    if (milestones.size() <= MARKS) {
      panels.mark(milestones.keySet());
    }
    if (batches != null) {
      panels.withEpochs(batches);
    }
    Files.createDirectories(output.toAbsolutePath().getParent());
    panels.write(output);
  }
}
