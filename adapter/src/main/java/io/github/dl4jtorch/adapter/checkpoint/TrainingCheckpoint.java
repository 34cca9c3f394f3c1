package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A training that was saved, loaded again: the network as it was, and the runs at work on its param
 * groups. It goes on as if it had not stopped, to the bit.
 *
 * <pre>{@code
 * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
 * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
 * resumed.addListeners(SchedulerListener.everyIteration(checkpoint.run("cosine")));
 * DataSetIterator next = checkpoint.remaining(training);
 * while (resumed.getEpochCount() < 10) {
 *   resumed.fit(next);
 *   next = training;
 * }
 * }</pre>
 *
 * <p>A file is loaded only if every byte of it is as it was written. The checksum finds damage; it
 * is no signature, so load only files that you would give to DL4J too, whose own part of the file
 * names classes.
 *
 * <p>Not in a file: listeners, the order of a data iterator that shuffles by itself, the state of
 * recurrent layers between two calls. Random numbers go on only with {@link #restoreRandom()}.
 */
public final class TrainingCheckpoint {

  private static final Logger LOG = LoggerFactory.getLogger(TrainingCheckpoint.class);

  /** A part as it was read. */
  private record Part(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  /** A run as it was read; {@code run} is null while nobody has said what it is a run of. */
  private record SavedRun(
      @Nullable LRScheduler run, int set, List<Integer> numbers, Map<String, Object> state) {}

  private final LiveNetwork net;
  private final int iterationCount;
  private final int batchesIntoEpoch;
  private final long rootState;
  private final long nodeState;
  private final List<NetworkParamGroups> groups = new ArrayList<>();
  private final List<List<Map<String, Object>>> groupValues = new ArrayList<>();
  private final Map<String, SavedRun> runs = new LinkedHashMap<>();
  private final Map<String, CheckpointPart> parts = new LinkedHashMap<>();

  private TrainingCheckpoint(Map<String, byte[]> texts, Map<String, INDArray> arrays)
      throws IOException {
    JsonNode saved = CheckpointJson.tree(require(CheckpointFile.ENTRY, texts));
    int format = saved.required("format").asInt();
    if (format != CheckpointWriter.FORMAT) {
      throw new IllegalArgumentException(
          "format must be "
              + CheckpointWriter.FORMAT
              + " but is "
              + format
              + ", which another version of this library wrote");
    }
    net = network(saved.required("network").asText(), texts, arrays);
    net.setScore(saved.required("score").asDouble());
    iterationCount = net.iterationCount();
    batchesIntoEpoch = saved.required("batchesIntoEpoch").asInt();
    rootState = saved.required("random").required(0).asLong();
    nodeState = saved.required("random").required(1).asLong();
    saved.required("groups").forEach(this::readGroups);
    saved.required("runs").fields().forEachRemaining(run -> readRun(run.getKey(), run.getValue()));
    saved
        .required("parts")
        .fields()
        .forEachRemaining(part -> parts.put(part.getKey(), part(part.getValue(), arrays)));
    if (batchesIntoEpoch != EpochStarts.UNKNOWN) {
      EpochStarts.set(net.model(), net.epochCount(), iterationCount - batchesIntoEpoch);
    }
  }

  /**
   * Loads a training.
   *
   * @param file a file that a {@link CheckpointWriter} or a {@link TrainingCheckpointListener}
   *     saved
   * @return the training
   * @throws CheckpointException if there is no such file, or it is not exactly as it was saved, or
   *     of a later format, or something else; nothing is loaded
   */
  public static TrainingCheckpoint load(Path file) throws CheckpointException {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return CheckpointFile.read(file, TrainingCheckpoint::read);
    } finally {
      outside.close();
    }
  }

  /**
   * Loads the newest checkpoint that a {@link TrainingCheckpointListener} left in a folder. One
   * that is damaged is passed over with a warning.
   *
   * @param folder the listener's folder; it need not exist
   * @return the training, empty if there is none yet
   * @throws CheckpointException if there are checkpoints but all are damaged
   */
  public static Optional<TrainingCheckpoint> latest(Path folder) throws CheckpointException {
    return latest(folder, CheckpointFolder.NAME);
  }

  /**
   * Loads the newest checkpoint that a {@link TrainingCheckpointListener} left in a folder under a
   * name of its own.
   *
   * @param folder the listener's folder; it need not exist
   * @param name as it was given to {@link TrainingCheckpointListener#named}
   * @return the training, empty if there is none yet
   * @throws CheckpointException if there are checkpoints but all are damaged
   */
  public static Optional<TrainingCheckpoint> latest(Path folder, String name)
      throws CheckpointException {
    CheckpointException newest = null;
    for (CheckpointFolder.Entry entry : new CheckpointFolder(folder, name).entries()) {
      try {
        return Optional.of(load(entry.file()));
      } catch (CheckpointException damaged) {
        LOG.warn("{}; trying the one before", damaged.getMessage());
        newest = newest == null ? damaged : newest;
      }
    }
    if (newest != null) {
      throw newest;
    }
    return Optional.empty();
  }

  private static TrainingCheckpoint read(ZipInputStream zip) throws IOException {
    Map<String, byte[]> texts = new HashMap<>();
    Map<String, INDArray> arrays = new HashMap<>();
    for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
      if (entry.getName().endsWith(".bin")) {
        // Not closed, since that would close the whole file.
        arrays.put(
            entry.getName(), Nd4j.read(new DataInputStream(new BufferedInputStream(zip, 1 << 16))));
      } else {
        texts.put(entry.getName(), zip.readAllBytes());
      }
    }
    return new TrainingCheckpoint(texts, arrays);
  }

  private static LiveNetwork network(
      String kind, Map<String, byte[]> texts, Map<String, INDArray> arrays) {
    String configuration =
        new String(require(ModelSerializer.CONFIGURATION_JSON, texts), StandardCharsets.UTF_8);
    INDArray params = require(ModelSerializer.COEFFICIENTS_BIN, arrays);
    LiveNetwork net;
    if (kind.equals(CheckpointWriter.GRAPH)) {
      ComputationGraph graph =
          new ComputationGraph(ComputationGraphConfiguration.fromJson(configuration));
      graph.init(params, false);
      net = new LiveNetwork(graph);
    } else {
      MultiLayerNetwork layers =
          new MultiLayerNetwork(MultiLayerConfiguration.fromJson(configuration));
      layers.init(params, false);
      net = new LiveNetwork(layers);
    }
    INDArray state = net.updaterState();
    if (state != null && !state.isEmpty()) {
      state.assign(require(ModelSerializer.UPDATER_BIN, arrays));
    }
    return net;
  }

  private static <T> T require(String entry, Map<String, T> entries) {
    T found = entries.get(entry);
    if (found == null) {
      throw new IllegalArgumentException("it has no " + entry);
    }
    return found;
  }

  private void readGroups(JsonNode saved) {
    NetworkParamGroups.Builder builder = NetworkParamGroups.builder(net.network());
    saved.required("params").forEach(params -> builder.group(named(params)));
    if (!saved.required("frozen").isEmpty()) {
      builder.frozen(named(saved.required("frozen")));
    }
    NetworkParamGroups made = builder.build();
    List<Map<String, Object>> values = new ArrayList<>();
    for (JsonNode group : saved.required("values")) {
      values.add(CheckpointJson.map(group));
    }
    made.loadStateDict(values);
    groups.add(made);
    groupValues.add(values);
  }

  private static Predicate<NetworkParam> named(JsonNode params) {
    Set<String> names = new HashSet<>();
    params.forEach(name -> names.add(name.asText()));
    return param -> names.contains(param.toString());
  }

  private void readRun(String name, JsonNode saved) {
    int set = saved.required("set").asInt();
    List<Integer> numbers = new ArrayList<>();
    saved.required("groups").forEach(number -> numbers.add(number.asInt()));
    Map<String, Object> state = CheckpointJson.map(saved.required("state"));
    SavedRun run = new SavedRun(null, set, numbers, state);
    JsonNode definition = saved.required("definition");
    runs.put(
        name,
        definition.isNull()
            ? run
            : attached(run, Schedule.fromMap(CheckpointJson.map(definition))));
  }

  private SavedRun attached(SavedRun saved, Schedule definition) {
    List<Map<String, Object>> values = groupValues.get(saved.set);
    LRScheduler run =
        definition.resume(
            groups(saved), saved.state, saved.numbers.stream().map(values::get).toList());
    return new SavedRun(run, saved.set, saved.numbers, saved.state);
  }

  private NetworkParamGroups groups(SavedRun saved) {
    NetworkParamGroups all = groups.get(saved.set);
    return saved.numbers.equals(IntStream.range(0, all.size()).boxed().toList())
        ? all
        : all.only(saved.numbers.stream().mapToInt(Integer::intValue).toArray());
  }

  private static CheckpointPart part(JsonNode saved, Map<String, INDArray> arrays) {
    Map<String, INDArray> own = new LinkedHashMap<>();
    saved
        .required("arrays")
        .fields()
        .forEachRemaining(
            array -> own.put(array.getKey(), require(array.getValue().asText(), arrays)));
    return new Part(CheckpointJson.map(saved.required("values")), own);
  }

  /**
   * Returns the network, with its parameters, its updaters' state and its counts. It has no
   * listeners.
   *
   * @param kind {@code MultiLayerNetwork.class} or {@code ComputationGraph.class}
   * @param <N> the kind
   * @return always the same one
   * @throws IllegalArgumentException if the network that was saved is of the other kind
   */
  public <N extends NeuralNetwork> N network(Class<N> kind) {
    if (!kind.isInstance(net.model())) {
      String saved = net.model().getClass().getSimpleName();
      throw new IllegalArgumentException(
          "kind must be "
              + saved
              + ".class, of which the network is that was saved, but was "
              + kind.getSimpleName()
              + ".class");
    }
    return kind.cast(net.model());
  }

  /**
   * Returns a run as it was saved, attached to param groups of the network with the same parameters
   * and values.
   *
   * @param name the name it was saved under
   * @return always the same one
   * @throws IllegalArgumentException if there is no such run
   * @throws IllegalStateException if its definition has no written form, as with a lambda or a
   *     schedule class of one's own: {@link #run(String, Schedule)}
   */
  public LRScheduler run(String name) {
    LRScheduler run = saved(name).run;
    if (run == null) {
      throw new IllegalStateException(
          "the definition of the run \""
              + name
              + "\" has no written form, so it must be given again: run(\""
              + name
              + "\", definition)");
    }
    return run;
  }

  /**
   * Returns a run whose definition has no written form, as with a lambda or a schedule class of
   * one's own, attached to param groups of the network with the same parameters and values. To be
   * called before the network is trained on; then {@link #run(String)} returns it too.
   *
   * @param name the name it was saved under
   * @param definition the definition it was a run of
   * @return the run
   * @throws IllegalArgumentException if there is no such run, or the state is of another definition
   *     as far as it shows
   * @throws IllegalStateException if the run is attached already, or the network was trained on
   */
  public LRScheduler run(String name, Schedule definition) {
    SavedRun saved = saved(name);
    if (saved.run != null) {
      throw new IllegalStateException(
          "the run \"" + name + "\" has its definition already: call run(\"" + name + "\")");
    }
    if (net.iterationCount() != iterationCount) {
      throw new IllegalStateException(
          "the run \"" + name + "\" must be given its definition before the network is trained on");
    }
    runs.put(name, attached(saved, definition));
    return run(name);
  }

  /**
   * Returns all param groups that were made together with those of a run, so that frozen parameters
   * can be {@linkplain NetworkParamGroups#add(Predicate, double) added} to them.
   *
   * @param run the name the run was saved under
   * @return the groups
   * @throws IllegalArgumentException if there is no such run
   */
  public NetworkParamGroups groups(String run) {
    return groups.get(saved(run).set);
  }

  private SavedRun saved(String name) {
    SavedRun saved = runs.get(name);
    if (saved == null) {
      throw new IllegalArgumentException(
          "name must be one of the runs " + runs.keySet() + " but was \"" + name + "\"");
    }
    return saved;
  }

  /**
   * Returns something else that was saved.
   *
   * @param name the name it was saved under
   * @return its values and arrays, as they were saved
   * @throws IllegalArgumentException if there is no such part
   */
  public CheckpointPart part(String name) {
    CheckpointPart part = parts.get(name);
    if (part == null) {
      throw new IllegalArgumentException(
          "name must be one of the parts " + parts.keySet() + " but was \"" + name + "\"");
    }
    return part;
  }

  /**
   * Returns how many batches of the present epoch were done when the checkpoint was saved.
   *
   * @return the number, 0 between two epochs
   * @throws IllegalStateException if nobody counted them: it was saved from inside a listener's
   *     {@code iterationDone} without a {@link TrainingCheckpointListener} on the network, or in a
   *     training by {@code fit(DataSet)}
   */
  public int batchesIntoEpoch() {
    if (batchesIntoEpoch == EpochStarts.UNKNOWN) {
      throw new IllegalStateException(
          "how many batches of its epoch were done is not known: add a TrainingCheckpointListener,"
              + " which counts them, and train with fit(iterator)");
    }
    return batchesIntoEpoch;
  }

  /**
   * Returns what is left of the epoch in which the checkpoint was saved. It is for one call of
   * {@code fit}: the batches that were done are passed over, and the epoch ends even if none is
   * left. The iterator must give the same batches in the same order as when it was saved.
   *
   * @param training the iterator, as at the start of an epoch
   * @return one pass over the remaining batches, which cannot be reset
   * @throws IllegalStateException if the number of batches done is not known; and later, from the
   *     pass, if the iterator has fewer
   */
  public DataSetIterator remaining(DataSetIterator training) {
    return RemainingBatches.of(training, batchesIntoEpoch());
  }

  /**
   * Returns what is left of the epoch in which the checkpoint was saved. It is for one call of
   * {@code fit}: the batches that were done are passed over, and the epoch ends even if none is
   * left. The iterator must give the same batches in the same order as when it was saved.
   *
   * @param training the iterator, as at the start of an epoch
   * @return one pass over the remaining batches, which cannot be reset
   * @throws IllegalStateException if the number of batches done is not known; and later, from the
   *     pass, if the iterator has fewer
   */
  public MultiDataSetIterator remaining(MultiDataSetIterator training) {
    return RemainingBatches.of(training, batchesIntoEpoch());
  }

  /**
   * Sets the random numbers of the calling thread, {@code Nd4j.getRandom()}, to go on as they would
   * have in the thread that saved. Dropout and its kin take theirs from there. To be called right
   * before {@code fit}, in the thread that trains.
   */
  public void restoreRandom() {
    Nd4j.getRandom().setStates(rootState, nodeState);
  }
}
