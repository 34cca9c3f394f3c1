package io.github.dl4jtorch.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Several schedules as CSV, a line for each update; a cell is empty where a schedule is not. */
final class PlannedCsv {

  private PlannedCsv() {}

  /**
   * Writes.
   *
   * @param batches how many updates an epoch has, 0 if that is not known
   */
  static void write(Path file, List<Planned> all, String unit, int batches) throws IOException {
    StringBuilder csv = new StringBuilder(unit);
    csv.append(batches > 0 ? ",epoch" : "");
    for (Planned planned : all) {
      for (String name : planned.names()) {
        csv.append(',').append(quoted(name + " lr")).append(',').append(quoted(name + " momentum"));
      }
    }
    csv.append('\n');
    int first = all.stream().mapToInt(Planned::first).min().orElse(0);
    int end = all.stream().mapToInt(Planned::end).max().orElse(0);
    for (int update = first; update < end; update++) {
      csv.append(update);
      if (batches > 0) {
        csv.append(',').append(update / batches);
      }
      for (Planned planned : all) {
        for (int group = 0; group < planned.names().size(); group++) {
          boolean has = planned.has(update);
          csv.append(',').append(has ? cell(planned.lr(group, update)) : "");
          csv.append(',').append(has ? cell(planned.momentum(group, update)) : "");
        }
      }
      csv.append('\n');
    }
    Files.writeString(file, csv);
  }

  private static String cell(double value) {
    return Double.isNaN(value) ? "" : String.valueOf(value);
  }

  private static String quoted(String cell) {
    boolean isPlain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n');
    return isPlain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
  }
}
