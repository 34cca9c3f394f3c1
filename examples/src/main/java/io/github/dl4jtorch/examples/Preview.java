package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Draws the curve of a schedule that was written as JSON, before anything is trained with it. */
@Command(
    name = "Preview",
    sortOptions = false,
    description = "Draws the learning rate of a schedule, and the momentum where it is driven.")
public final class Preview implements Callable<Integer> {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  @Parameters(
      paramLabel = "<schedule.json>",
      description = "a schedule as Schedule.toMap() writes it")
  private Path definition = Path.of("");

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
      names = "--steps",
      defaultValue = "100",
      converter = PositiveInteger.class,
      description = "how many rates to draw (default: ${DEFAULT-VALUE})")
  private int steps;

  @Option(
      names = "--output",
      defaultValue = "curve.png",
      description = "the picture (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

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
   * @param args file and options; {@code --help} lists them
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
    Schedule schedule;
    Curve curve;
    try {
      schedule = read();
      // A plateau is shown as it acts when nothing improves any more.
      curve = Curve.of(schedule, lr, momentum, steps, step -> 1.0);
    } catch (IllegalArgumentException | IllegalStateException | ArithmeticException refused) {
      throw new IOException(definition + ": " + refused.getMessage(), refused);
    }
    Panels panels = new Panels(schedule.getClass().getSimpleName(), "step");
    panels.addFromZero("learning rate", curve.lr());
    if (curve.cyclesMomentum()) {
      panels.add("momentum", curve.momentum());
    }
    Files.createDirectories(output.toAbsolutePath().getParent());
    panels.write(output);
    commandLine.getOut().println("Wrote " + output);
    return 0;
  }

  private Schedule read() throws IOException {
    try (Reader json = Files.newBufferedReader(definition)) {
      JsonNode tree = MAPPER.readTree(json);
      if (!tree.isObject()) {
        throw new MalformedDataException("a schedule must be a JSON object but was " + tree);
      }
      return Schedule.fromMap(MAPPER.convertValue(tree, new TypeReference<>() {}));
    } catch (JsonProcessingException malformed) {
      throw new IOException(
          definition
              + ", line "
              + malformed.getLocation().getLineNr()
              + ": "
              + malformed.getOriginalMessage(),
          malformed);
    }
  }
}
