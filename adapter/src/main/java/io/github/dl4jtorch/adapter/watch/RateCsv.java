package io.github.dl4jtorch.adapter.watch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

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
    history.columns().keySet().forEach(name -> header.append(',').append(quoted(name)));
    return header.append('\n').toString();
  }

  private static String quoted(String cell) {
    boolean isPlain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    return isPlain ? cell : "\"" + cell.replace("\"", "\"\"") + "\"";
  }

  private String lines() {
    int[] iterations = history.iterations();
    int[] epochs = history.epochs();
    int size = history.names().size();
    List<double[]> columns = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      columns.add(history.lrs(i));
      columns.add(history.momenta(i));
    }
    columns.addAll(history.columns().values());
    StringBuilder lines = new StringBuilder();
    for (int row = 0; row < iterations.length; row++) {
      lines.append(iterations[row]).append(',').append(epochs[row]);
      for (double[] column : columns) {
        lines.append(',');
        if (!Double.isNaN(column[row])) {
          lines.append(column[row]);
        }
      }
      lines.append('\n');
    }
    return lines.toString();
  }
}
