package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A folder with checkpoints whose names say how far they are. Files of other names are left alone.
 *
 * @param folder the folder, which may not exist yet
 * @param name what the names of the files begin with
 */
record CheckpointFolder(Path folder, String name) {

  /** What the names begin with if nothing else is chosen. */
  static final String NAME = "checkpoint";

  /** A number as Java writes it. */
  private static final String LOSS = "-?(?:NaN|Infinity|\\d+\\.\\d+(?:E-?\\d+)?)";

  private static final String COUNTS_AND_LOSS = "-(\\d{10})-(\\d{6,10})(?:-(" + LOSS + "))?\\.zip";

  /**
   * A checkpoint that is in place.
   *
   * @param loss by which checkpoints are compared, NaN if it has none
   */
  record Entry(Path file, long iterations, long epochs, double loss) implements Comparable<Entry> {
    private static final Comparator<Entry> ORDER =
        Comparator.comparingLong(Entry::iterations).thenComparingLong(Entry::epochs);

    @Override
    public int compareTo(Entry other) {
      return ORDER.compare(this, other);
    }
  }

  /** Returns the entry for a checkpoint after so many iterations and epochs. */
  Entry entry(int iterations, int epochs) {
    return entry(iterations, epochs, "", Double.NaN);
  }

  /** Returns the entry for a checkpoint whose name says its loss. */
  Entry entry(int iterations, int epochs, double loss) {
    return entry(iterations, epochs, "-" + loss, loss);
  }

  private Entry entry(int iterations, int epochs, String end, double loss) {
    String file = String.format(Locale.ROOT, "%s-%010d-%06d%s.zip", name, iterations, epochs, end);
    return new Entry(folder.resolve(file), iterations, epochs, loss);
  }

  /** Returns the checkpoints, the newest first. */
  List<Entry> entries() throws CheckpointException {
    Pattern pattern = Pattern.compile(Pattern.quote(name) + COUNTS_AND_LOSS);
    List<Entry> entries = new ArrayList<>();
    try {
      for (Path file : files()) {
        Matcher matcher = pattern.matcher(file.getFileName().toString());
        if (matcher.matches()) {
          entries.add(
              new Entry(
                  file,
                  Long.parseLong(matcher.group(1)),
                  Long.parseLong(matcher.group(2)),
                  matcher.group(3) == null ? Double.NaN : Double.parseDouble(matcher.group(3))));
        }
      }
    } catch (IOException failed) {
      throw new CheckpointException(folder, "it cannot be listed", failed);
    }
    entries.sort(Comparator.reverseOrder());
    return entries;
  }

  /** Returns the checkpoints whose names say a loss, the least first, and of equals the oldest. */
  static List<Entry> byLoss(List<Entry> entries) {
    return entries.stream()
        .filter(entry -> !Double.isNaN(entry.loss()))
        .sorted(Comparator.comparingDouble(Entry::loss).thenComparing(Comparator.naturalOrder()))
        .toList();
  }

  /** Deletes files that a process was writing when it was stopped. */
  void deleteTemporary() throws IOException {
    Pattern pattern =
        Pattern.compile(
            Pattern.quote(name)
                + COUNTS_AND_LOSS
                + "(\\.[0-9a-f]{32})?"
                + Pattern.quote(CheckpointFile.TEMPORARY));
    for (Path file : files()) {
      if (pattern.matcher(file.getFileName().toString()).matches()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
        stream.forEach(files::add);
      }
    }
    return files;
  }
}
