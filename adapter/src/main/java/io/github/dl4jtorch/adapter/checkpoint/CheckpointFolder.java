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

  /** A checkpoint that is in place. */
  record Entry(Path file, long iterations, long epochs) implements Comparable<Entry> {
    private static final Comparator<Entry> ORDER =
        Comparator.comparingLong(Entry::iterations).thenComparingLong(Entry::epochs);

    @Override
    public int compareTo(Entry other) {
      return ORDER.compare(this, other);
    }
  }

  /** Returns the entry for a checkpoint after so many iterations and epochs. */
  Entry entry(int iterations, int epochs) {
    String file = String.format(Locale.ROOT, "%s-%010d-%06d.zip", name, iterations, epochs);
    return new Entry(folder.resolve(file), iterations, epochs);
  }

  /** Returns the checkpoints, the newest first. */
  List<Entry> entries() throws CheckpointException {
    Pattern pattern = Pattern.compile(Pattern.quote(name) + "-(\\d{10})-(\\d{6,10})\\.zip");
    List<Entry> entries = new ArrayList<>();
    try {
      for (Path file : files()) {
        Matcher matcher = pattern.matcher(file.getFileName().toString());
        if (matcher.matches()) {
          entries.add(
              new Entry(file, Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2))));
        }
      }
    } catch (IOException failed) {
      throw new CheckpointException(folder, "it cannot be listed", failed);
    }
    entries.sort(Comparator.reverseOrder());
    return entries;
  }

  /** Deletes files that a process was writing when it was stopped. */
  void deleteTemporary() throws IOException {
    Pattern pattern =
        Pattern.compile(
            Pattern.quote(name)
                + "-\\d{10}-\\d{6,10}\\.zip(\\.[0-9a-f]{32})?"
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
