package io.github.dl4jtorch.adapter.watch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A history as CSV: a line for each row, with two columns a series. Numbers are written in full,
 * and where there is none the cell is empty.
 */
final class RateCsv {

  private final RateHistory history;
  private final String header;

  RateCsv(RateHistory history) {
    this.history = history;
    this.header = header(history);
  }

  void write(Path file) throws IOException {
    Files.writeString(file, header + lines());
  }

  /** Replaces what a file has from the first iteration of the history on. */
  void append(Path file) throws IOException {
    String present = Files.exists(file) ? Files.readString(file) : header;
    if (!present.startsWith(header)) {
      throw new IllegalArgumentException(
          file
              + " must have the columns \""
              + header.strip()
              + "\" but has \""
              + present.lines().findFirst().orElse("")
              + "\"");
    }
    int first = history.rows() == 0 ? Integer.MAX_VALUE : history.iterations()[0];
    String kept =
        present
            .substring(header.length())
            .lines()
            .filter(line -> Integer.parseInt(line.substring(0, line.indexOf(','))) < first)
            .map(line -> line + "\n")
            .collect(Collectors.joining());
    Files.writeString(file, header + kept + lines());
  }

  private static String header(RateHistory history) {
    StringBuilder header = new StringBuilder("iteration,epoch");
    for (String name : history.names()) {
      header
          .append(',')
          .append(quoted(name + " lr"))
          .append(',')
          .append(quoted(name + " momentum"));
    }
    history.columnNames().forEach(name -> header.append(',').append(quoted(name)));
    return header.append('\n').toString();
  }

  private static String quoted(String cell) {
    boolean isPlain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    return isPlain ? cell : "\"" + cell.replace("\"", "\"\"") + "\"";
  }

  private String lines() {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < history.rows(); i++) {
      TrainingRow row = history.row(i);
      lines.append(row.iteration()).append(',').append(row.epoch());
      for (String name : history.names()) {
        lines.append(cell(row.lrs().get(name))).append(cell(row.momenta().get(name)));
      }
      history.columnNames().forEach(name -> lines.append(cell(row.columns().get(name))));
      lines.append('\n');
    }
    return lines.toString();
  }

  private static String cell(@Nullable Double value) {
    return value == null ? "," : "," + value;
  }
}
