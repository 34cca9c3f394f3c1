package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.zip.ZipEntry;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A {@link CheckpointPart} in a file of its own, without a network. As with a whole checkpoint, the
 * file takes its name only when it was written and found readable, and is loaded only if every byte
 * of it is as it was written.
 *
 * <pre>{@code
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * average.updateParameters(net);
 * PartFile.save(AverageCheckpoint.of(average), Path.of("average.zip"));
 * AverageCheckpoint.restore(PartFile.load(Path.of("average.zip")), average);
 * }</pre>
 */
public final class PartFile {

  private static final String ENTRY = CheckpointFile.FOLDER + "part.json";

  /** Reads an array that takes the rest of an entry. */
  private interface ArrayReader<A> {
    A read(CheckpointFile.Entries zip) throws IOException;
  }

  /** A part as it was read. */
  private record Loaded(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  private PartFile() {}

  /**
   * Saves a part. A file of that name is replaced when the new one is whole.
   *
   * @param part what to save
   * @param file where
   * @throws IOException if that fails; no file was replaced
   * @throws IllegalArgumentException if the part holds what cannot be written
   */
  public static void save(CheckpointPart part, Path file) throws IOException {
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    byte[] format = CheckpointFormat.Part.of("alone", part, arrays, 0).writeAlone();
    CheckpointFile.write(
        file,
        zip -> {
          zip.putNextEntry(new ZipEntry(ENTRY));
          zip.write(format);
          zip.closeEntry();
          for (Map.Entry<String, INDArray> array : arrays.entrySet()) {
            zip.putNextEntry(new ZipEntry(array.getKey()));
            CheckpointArrays.write(array.getValue(), zip);
            zip.closeEntry();
          }
        },
        zip ->
            read(
                zip,
                array -> {
                  CheckpointArrays.check(array);
                  return true;
                },
                (values, entries) -> entries));
  }

  /**
   * Loads what {@link #save} saved.
   *
   * @param file the file
   * @return the part, with arrays of its own
   * @throws CheckpointException if there is no such file, or it is not exactly as it was saved, or
   *     of a later format, or something else
   */
  public static CheckpointPart load(Path file) throws CheckpointException {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return CheckpointFile.read(file, zip -> read(zip, CheckpointArrays::read, Loaded::new));
    } finally {
      outside.close();
    }
  }

  private interface Made<A, P> {
    P of(Map<String, Object> values, Map<String, A> arrays);
  }

  private static <A, P> P read(CheckpointFile.Entries zip, ArrayReader<A> reader, Made<A, P> made)
      throws IOException {
    String text = null;
    Map<String, A> entries = new HashMap<>();
    for (@Nullable ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
      if (entry.getName().equals(ENTRY)) {
        text = CheckpointJson.text(zip);
      } else {
        entries.put(entry.getName(), reader.read(zip));
      }
    }
    if (text == null) {
      throw new IllegalArgumentException("it has no " + ENTRY);
    }
    CheckpointFormat.Part part = CheckpointFormat.Part.readAlone(text);
    Map<String, A> arrays = new LinkedHashMap<>();
    part.arrays()
        .forEach(
            (name, entry) ->
                arrays.put(
                    name, Objects.requireNonNull(entries.get(entry), () -> "it has no " + entry)));
    return made.of(part.values(), arrays);
  }
}
