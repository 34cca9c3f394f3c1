package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
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
 * is no signature. What somebody has forged is either a checkpoint like others or refused: sizes
 * are checked against the file, and of the classes that a network's configuration names only DL4J's
 * for networks, this library's, and those given to {@link #load} are taken.
 *
 * <p>Not in a file: listeners, the order of a data iterator that shuffles by itself, the state of
 * recurrent layers between two calls. Random numbers go on only with {@link #restoreRandom()}.
 */
public final class TrainingCheckpoint {

  private static final Logger LOG = LoggerFactory.getLogger(TrainingCheckpoint.class);

  /** A part as it was read. */
  private record Part(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  private final LiveNetwork net;
  private final int iterationCount;
  private final int batchesIntoEpoch;
  private final long rootState;
  private final long nodeState;
  private final List<NetworkParamGroups> groups = new ArrayList<>();
  private final List<SavedTraining.Groups> savedGroups;
  private final Map<String, SavedTraining.Run> savedRuns;
  private final Map<String, LRScheduler> runs = new HashMap<>();
  private final Map<String, CheckpointPart> parts = new LinkedHashMap<>();

  private TrainingCheckpoint(SavedTraining<INDArray> saved, Class<?>... own) throws IOException {
    net = network(saved, own);
    net.setScore(saved.json().required("score").asDouble());
    iterationCount = net.iterationCount();
    batchesIntoEpoch = saved.json().required("batchesIntoEpoch").asInt();
    requireCounts();
    rootState = saved.json().required("random").required(0).asLong();
    nodeState = saved.json().required("random").required(1).asLong();
    savedGroups = saved.groups();
    savedGroups.forEach(set -> groups.add(made(set)));
    savedRuns = saved.runs();
    savedRuns.forEach(
        (name, run) -> {
          if (run.definition() != null) {
            runs.put(name, attached(run, run.definition()));
          }
        });
    saved.parts().forEach((name, part) -> parts.put(name, new Part(part.values(), part.arrays())));
    if (batchesIntoEpoch != EpochStarts.UNKNOWN) {
      EpochStarts.set(net.model(), net.epochCount(), iterationCount - batchesIntoEpoch);
    }
  }

  private void requireCounts() {
    if (iterationCount < 0
        || net.epochCount() < 0
        || batchesIntoEpoch < EpochStarts.UNKNOWN
        || batchesIntoEpoch > iterationCount) {
      throw new IllegalArgumentException(
          "there are no trainings of "
              + iterationCount
              + " iterations and "
              + net.epochCount()
              + " epochs with "
              + batchesIntoEpoch
              + " batches in the present one");
    }
  }

  /**
   * Loads a training.
   *
   * @param file a file that a {@link CheckpointWriter} or a {@link TrainingCheckpointListener}
   *     saved
   * @param classes the classes of one's own that the network's configuration may name: layers,
   *     activations, losses and so on; DL4J's and this library's need not be given, and a file that
   *     names any other is refused before that is loaded
   * @return the training
   * @throws CheckpointException if there is no such file, or it is not exactly as it was saved, or
   *     of a later format, or something else; nothing is loaded
   */
  public static TrainingCheckpoint load(Path file, Class<?>... classes) throws CheckpointException {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return CheckpointFile.read(
          file, zip -> new TrainingCheckpoint(SavedTraining.read(zip), classes));
    } finally {
      outside.close();
    }
  }

  /**
   * Loads the newest checkpoint that a {@link TrainingCheckpointListener} left in a folder. One
   * that is damaged is passed over with a warning.
   *
   * @param folder the listener's folder; it need not exist
   * @param classes as in {@link #load}
   * @return the training, empty if there is none yet
   * @throws CheckpointException if there are checkpoints but none can be loaded
   */
  public static Optional<TrainingCheckpoint> latest(Path folder, Class<?>... classes)
      throws CheckpointException {
    return latest(folder, CheckpointFolder.NAME, classes);
  }

  /**
   * Loads the newest checkpoint that a {@link TrainingCheckpointListener} left in a folder under a
   * name of its own.
   *
   * @param folder the listener's folder; it need not exist
   * @param name as it was given to {@link TrainingCheckpointListener#named}
   * @param classes as in {@link #load}
   * @return the training, empty if there is none yet
   * @throws CheckpointException if there are checkpoints but none can be loaded
   */
  public static Optional<TrainingCheckpoint> latest(Path folder, String name, Class<?>... classes)
      throws CheckpointException {
    CheckpointException newest = null;
    for (CheckpointFolder.Entry entry : new CheckpointFolder(folder, name).entries()) {
      try {
        return Optional.of(load(entry.file(), classes));
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

  private static LiveNetwork network(SavedTraining<INDArray> saved, Class<?>... own)
      throws IOException {
    String json = saved.configuration();
    INDArray params = saved.array(ModelSerializer.COEFFICIENTS_BIN);
    LiveNetwork net;
    if (saved.isGraph()) {
      ComputationGraph graph =
          new ComputationGraph(
              CheckpointConfiguration.read(json, ComputationGraphConfiguration.class, own));
      graph.init(params, false);
      net = new LiveNetwork(graph);
    } else {
      MultiLayerNetwork layers =
          new MultiLayerNetwork(
              CheckpointConfiguration.read(json, MultiLayerConfiguration.class, own));
      layers.init(params, false);
      net = new LiveNetwork(layers);
    }
    INDArray state = net.updaterState();
    if (state != null && !state.isEmpty()) {
      INDArray written = saved.array(ModelSerializer.UPDATER_BIN);
      if (written.length() != state.length()) {
        throw new IllegalArgumentException(
            "the updaters' state must have "
                + state.length()
                + " numbers but has "
                + written.length());
      }
      state.assign(written);
    }
    return net;
  }

  private NetworkParamGroups made(SavedTraining.Groups saved) {
    NetworkParamGroups.Builder builder = NetworkParamGroups.builder(net.network());
    saved.params().forEach(params -> builder.group(named(params)));
    if (!saved.frozen().isEmpty()) {
      builder.frozen(named(saved.frozen()));
    }
    NetworkParamGroups made = builder.build();
    saved.putInto(made);
    return made;
  }

  private static Predicate<NetworkParam> named(List<String> params) {
    Set<String> names = Set.copyOf(params);
    return param -> names.contains(param.toString());
  }

  private LRScheduler attached(SavedTraining.Run saved, Schedule definition) {
    NetworkParamGroups all = groups.get(saved.set());
    NetworkParamGroups own =
        saved.groups().equals(IntStream.range(0, all.size()).boxed().toList())
            ? all
            : all.only(saved.groups().stream().mapToInt(Integer::intValue).toArray());
    return saved.attach(definition, own, savedGroups.get(saved.set()));
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
   *     schedule class that no {@link io.github.dl4jtorch.schedules.ScheduleKind} describes: {@link
   *     #run(String, Schedule)}
   */
  public LRScheduler run(String name) {
    saved(name);
    LRScheduler run = runs.get(name);
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
   * Returns a run whose definition has no written form, as with a lambda or a schedule class that
   * no {@link io.github.dl4jtorch.schedules.ScheduleKind} describes, attached to param groups of
   * the network with the same parameters and values. To be called before the network is trained on;
   * then {@link #run(String)} returns it too.
   *
   * @param name the name it was saved under
   * @param definition the definition it was a run of
   * @return the run
   * @throws IllegalArgumentException if there is no such run, or the state is of another definition
   *     as far as it shows
   * @throws IllegalStateException if the run is attached already, or the network was trained on
   */
  public LRScheduler run(String name, Schedule definition) {
    SavedTraining.Run saved = saved(name);
    if (runs.containsKey(name)) {
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
    return groups.get(saved(run).set());
  }

  private SavedTraining.Run saved(String name) {
    SavedTraining.Run saved = savedRuns.get(name);
    if (saved == null) {
      throw new IllegalArgumentException(
          "name must be one of the runs " + savedRuns.keySet() + " but was \"" + name + "\"");
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
