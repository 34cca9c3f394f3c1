package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.internal.ExactLr;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * The entries of a checkpoint's file.
 *
 * @param format what is of this library
 * @param configuration the network's configuration, as DL4J writes it
 * @param arrays the arrays by the names of their entries
 * @param <A> what was read of an array
 */
record SavedTraining<A>(CheckpointFormat format, String configuration, Map<String, A> arrays) {

  private static final Set<String> TEXTS =
      Set.of(ModelSerializer.CONFIGURATION_JSON, CheckpointFile.ENTRY);

  /** What the names of the entries of arrays end with. */
  private static final String ARRAY = ".bin";

  /** Reads an array that takes the rest of an entry. */
  private interface ArrayReader<A> {
    A read(CheckpointFile.Entries zip) throws IOException;
  }

  /** Returns the name of the entry for a part's array. */
  static String entry(int number) {
    return CheckpointFile.FOLDER + "array" + number + ARRAY;
  }

  /** A training as it goes into a file, of which only the arrays can still change. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Contents(byte[] configuration, byte[] format, Map<String, INDArray> arrays) {

    void write(Path file) throws IOException {
      CheckpointFile.write(
          file,
          zip -> {
            writeEntry(zip, ModelSerializer.CONFIGURATION_JSON, () -> zip.write(configuration));
            writeEntry(zip, CheckpointFile.ENTRY, () -> zip.write(format));
            for (Map.Entry<String, INDArray> array : arrays.entrySet()) {
              writeEntry(zip, array.getKey(), () -> CheckpointArrays.write(array.getValue(), zip));
            }
          },
          SavedTraining::check);
    }
  }

  /** Returns what goes into a file, with these arrays, which may be copies of its own. */
  static Contents contents(SavedTraining<INDArray> saved, Map<String, INDArray> arrays)
      throws IOException {
    return new Contents(
        saved.configuration.getBytes(StandardCharsets.UTF_8), saved.format.write(), arrays);
  }

  private interface Writing {
    void write() throws IOException;
  }

  private static void writeEntry(ZipOutputStream zip, String name, Writing contents)
      throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    contents.write();
    zip.closeEntry();
  }

  static SavedTraining<INDArray> read(CheckpointFile.Entries zip) throws IOException {
    return read(zip, CheckpointArrays::read);
  }

  /**
   * Reads what has just been written as it will be read, but not the numbers of the arrays, and
   * without a network.
   */
  private static SavedTraining<Boolean> check(CheckpointFile.Entries zip) throws IOException {
    SavedTraining<Boolean> saved =
        read(
            zip,
            array -> {
              CheckpointArrays.check(array);
              return true;
            });
    Class<?> kind =
        saved.format.isGraph()
            ? ComputationGraphConfiguration.class
            : MultiLayerConfiguration.class;
    CheckpointConfiguration.readOwn(saved.configuration, kind);
    List<CheckpointFormat.Groups> sets = saved.format.groups();
    List<ParamGroups> standIns = sets.stream().map(SavedTraining::standIns).toList();
    for (CheckpointFormat.Run run : saved.format.runs().values()) {
      run.definition()
          .ifPresent(
              definition -> {
                ParamGroups all = standIns.get(run.set());
                ParamGroups own = ParamGroups.of(run.groups().stream().map(all::get).toList());
                run.attach(definition, own, sets.get(run.set()));
              });
    }
    saved.format.parts().values().forEach(saved::arrays);
    return saved;
  }

  private static <A> SavedTraining<A> read(CheckpointFile.Entries zip, ArrayReader<A> reader)
      throws IOException {
    Map<String, String> texts = new HashMap<>();
    Map<String, A> arrays = new HashMap<>();
    for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
      String name = entry.getName();
      if (name.endsWith(ARRAY)) {
        arrays.put(name, reader.read(zip));
      } else if (TEXTS.contains(name)) {
        texts.put(name, CheckpointJson.text(zip));
      }
    }
    JsonNode json = CheckpointFormat.json(require(CheckpointFile.ENTRY, texts));
    String configuration = require(ModelSerializer.CONFIGURATION_JSON, texts);
    return new SavedTraining<>(CheckpointFormat.read(json), configuration, arrays);
  }

  private static <T> T require(String entry, Map<String, T> entries) {
    T found = entries.get(entry);
    if (found == null) {
      throw new IllegalArgumentException("it has no " + entry);
    }
    return found;
  }

  A array(String entry) {
    return require(entry, arrays);
  }

  /** Returns the arrays of a part by their own names. */
  Map<String, A> arrays(CheckpointFormat.Part part) {
    Map<String, A> own = new LinkedHashMap<>();
    part.arrays().forEach((name, entry) -> own.put(name, array(entry)));
    return own;
  }

  /** The groups of a network's updaters as they would be, without the network. */
  private static ParamGroups standIns(CheckpointFormat.Groups saved) {
    List<ParamGroup> groups = new ArrayList<>();
    for (Map<String, Object> values : saved.values()) {
      MomentumKind kind =
          values.containsKey("betas")
              ? MomentumKind.BETA1
              : values.containsKey("momentum") ? MomentumKind.MOMENTUM : MomentumKind.NONE;
      groups.add(ParamGroup.of(kind, 0, 0, ExactLr::lowest));
    }
    ParamGroups made = ParamGroups.of(groups);
    saved.putInto(made);
    return made;
  }
}
