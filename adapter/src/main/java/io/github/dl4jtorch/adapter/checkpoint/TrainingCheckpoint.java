package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
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
  private final CheckpointFormat saved;
  private final EpochStart epochStart;
  private final List<NetworkParamGroups> groups = new ArrayList<>();
  private final Map<String, LRScheduler> runs = new HashMap<>();
  private final Map<String, CheckpointPart> parts = new LinkedHashMap<>();

  private TrainingCheckpoint(SavedTraining<INDArray> training, Class<?>... own) throws IOException {
    saved = training.format();
    net = network(training, own);
    net.setScore(saved.score());
    requireCounts();
    saved.groups().forEach(set -> groups.add(made(set)));
    saved
        .runs()
        .forEach(
            (name, run) ->
                run.definition()
                    .ifPresent(definition -> runs.put(name, attached(run, definition))));
    saved
        .parts()
        .forEach((name, part) -> parts.put(name, new Part(part.values(), training.arrays(part))));
    epochStart = EpochStart.loaded(net, saved.batchesIntoEpoch(), saved.batches());
  }

  private void requireCounts() {
    CheckpointFormat.Counts counts =
        new CheckpointFormat.Counts(net.iterationCount(), net.epochCount());
    int batches = saved.batchesIntoEpoch();
    if (counts.iterations() < 0
        || counts.epochs() < 0
        || batches < EpochStart.UNKNOWN
        || saved.batches() < 0
        || batches > saved.batches()) {
      throw new IllegalArgumentException(
          "there are no trainings of "
              + counts
              + " with "
              + batches
              + " batches in the present one");
    }
    if (!counts.equals(saved.counts())) {
      throw new IllegalArgumentException(
          "its counts must be those of its network, " + counts + ", but are " + saved.counts());
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
    return first(entries(folder, name), classes);
  }

  /**
   * Loads the checkpoint with the least loss of those that a {@link TrainingCheckpointListener}
   * with {@link TrainingCheckpointListener#keepBest} left in a folder; of equals the oldest. One
   * that is damaged is passed over with a warning.
   *
   * @param folder the listener's folder; it need not exist
   * @param classes as in {@link #load}
   * @return the training, empty if there is none with a loss
   * @throws CheckpointException if there are checkpoints with a loss but none can be loaded
   */
  public static Optional<TrainingCheckpoint> best(Path folder, Class<?>... classes)
      throws CheckpointException {
    return best(folder, CheckpointFolder.NAME, classes);
  }

  /**
   * Loads the checkpoint with the least loss that a {@link TrainingCheckpointListener} left in a
   * folder under a name of its own.
   *
   * @param folder the listener's folder; it need not exist
   * @param name as it was given to {@link TrainingCheckpointListener#named}
   * @param classes as in {@link #load}
   * @return the training, empty if there is none with a loss
   * @throws CheckpointException if there are checkpoints with a loss but none can be loaded
   */
  public static Optional<TrainingCheckpoint> best(Path folder, String name, Class<?>... classes)
      throws CheckpointException {
    return first(CheckpointFolder.byLoss(entries(folder, name)), classes);
  }

  /** Returns the checkpoints in a folder, with one that this process is still writing there. */
  private static List<CheckpointFolder.Entry> entries(Path path, String name)
      throws CheckpointException {
    CheckpointFolder folder = new CheckpointFolder(path, name);
    BackgroundSaves.await(folder);
    return folder.entries();
  }

  /** Loads the first that is whole. */
  private static Optional<TrainingCheckpoint> first(
      List<CheckpointFolder.Entry> entries, Class<?>... classes) throws CheckpointException {
    CheckpointException first = null;
    for (CheckpointFolder.Entry entry : entries) {
      try {
        return Optional.of(load(entry.file(), classes));
      } catch (CheckpointException damaged) {
        LOG.warn("{}; trying the next", damaged.getMessage());
        first = first == null ? damaged : first;
      }
    }
    if (first != null) {
      throw first;
    }
    return Optional.empty();
  }

  private static LiveNetwork network(SavedTraining<INDArray> training, Class<?>... own)
      throws IOException {
    String json = training.configuration();
    INDArray params = training.array(ModelSerializer.COEFFICIENTS_BIN);
    LiveNetwork net;
    if (training.format().isGraph()) {
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
      INDArray written = training.array(ModelSerializer.UPDATER_BIN);
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

  private NetworkParamGroups made(CheckpointFormat.Groups set) {
    NetworkParamGroups.Builder builder = NetworkParamGroups.builder(net.network());
    for (int group = 0; group < set.params().size(); group++) {
      String name = set.given().get(String.valueOf(group));
      Predicate<NetworkParam> selection = named(set.params().get(group));
      if (name == null) {
        builder.group(selection);
      } else {
        builder.group(name, selection);
      }
    }
    if (!set.frozen().isEmpty()) {
      builder.frozen(named(set.frozen()));
    }
    NetworkParamGroups made = builder.build();
    set.putInto(made);
    return made;
  }

  private static Predicate<NetworkParam> named(List<String> params) {
    Set<String> names = Set.copyOf(params);
    return param -> names.contains(param.toString());
  }

  private LRScheduler attached(CheckpointFormat.Run run, Schedule definition) {
    return run.attach(definition, own(run), saved.groups().get(run.set()));
  }

  private NetworkParamGroups own(CheckpointFormat.Run run) {
    NetworkParamGroups all = groups.get(run.set());
    return run.groups().equals(IntStream.range(0, all.size()).boxed().toList())
        ? all
        : all.only(run.groups().stream().mapToInt(Integer::intValue).toArray());
  }

  /**
   * Returns the network, with its parameters, its updaters' state and its counts. It has none of
   * the listeners that it had; if it was saved in the middle of an epoch, it has one that remembers
   * so, for writers that do not come from {@link #writer()}.
   *
   * @param kind {@code MultiLayerNetwork.class} or {@code ComputationGraph.class}
   * @param <N> the kind
   * @return always the same one
   * @throws IllegalArgumentException if the network that was saved is of the other kind
   */
  public <N extends NeuralNetwork> N network(Class<N> kind) {
    if (!kind.isInstance(net.model())) {
      throw new IllegalArgumentException(
          "kind must be "
              + net.model().getClass().getSimpleName()
              + ".class, of which the network is that was saved, but was "
              + kind.getSimpleName()
              + ".class");
    }
    return kind.cast(net.model());
  }

  /**
   * Returns the names of the runs that were saved, for {@link #run(String)}.
   *
   * @return an unmodifiable set
   */
  public Set<String> runNames() {
    return Collections.unmodifiableSet(saved.runs().keySet());
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
   * @throws IllegalArgumentException if there is no such run, or it was saved with another
   *     definition, as far as that shows: {@link #runWith}
   * @throws IllegalStateException if the run is attached already, or the network was trained on
   */
  public LRScheduler run(String name, Schedule definition) {
    CheckpointFormat.Run run = saved(name);
    LRScheduler known = runs.get(name);
    if (known != null && known.schedule().equals(definition)) {
      throw new IllegalStateException(
          "the run \"" + name + "\" has its definition already: call run(\"" + name + "\")");
    }
    if (known != null) {
      throw new IllegalArgumentException(
          "the run \""
              + name
              + "\" was saved with "
              + known.schedule()
              + " but is given "
              + definition
              + goOn(name));
    }
    requireUntrained(name);
    try {
      runs.put(name, attached(run, definition));
    } catch (MalformedDataException other) {
      throw new MalformedDataException(other.getMessage() + goOn(name), other);
    }
    return run(name);
  }

  private static String goOn(String name) {
    return "; to go on with another definition call runWith(\"" + name + "\", definition)";
  }

  private void requireUntrained(String name) {
    if (net.iterationCount() != saved.counts().iterations()) {
      throw new IllegalStateException(
          "the run \"" + name + "\" must be given its definition before the network is trained on");
    }
  }

  /**
   * Goes on with another definition than a run was saved with, as when the training is to be
   * longer. The new run is where it would be if it had made the saved run's steps from the start:
   * each of its param groups has the rate that the new definition gives for that step, from the
   * group's {@code initial_lr}. A plateau begins anew, at the present rates. To be called before
   * the network is trained on; then {@link #run(String)} and {@link #writer()} have the new run.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * LRScheduler longer = checkpoint.runWith("cosine", new CosineAnnealingLR(10_000));
   * }</pre>
   *
   * @param name the name it was saved under
   * @param definition the definition to go on with
   * @return the new run, on the same param groups
   * @throws IllegalArgumentException if there is no such run, the definition does not fit its
   *     groups, or another run drives them too; nothing is changed
   * @throws IllegalStateException if the network was trained on, or the definition ends before the
   *     saved step; nothing is changed
   */
  public LRScheduler runWith(String name, Schedule definition) {
    CheckpointFormat.Run run = saved(name);
    requireUntrained(name);
    saved
        .runs()
        .forEach(
            (other, its) -> {
              if (!other.equals(name)
                  && its.set() == run.set()
                  && !Collections.disjoint(its.groups(), run.groups())) {
                throw new IllegalArgumentException(
                    "the run \""
                        + name
                        + "\" must be alone on its param groups to get another definition, but \""
                        + other
                        + "\" drives them too");
              }
            });
    NetworkParamGroups own = own(run);
    List<Map<String, Object>> former = own.stateDict();
    try {
      if (definition.needsMetric()) {
        runs.put(name, definition.attach(own));
      } else {
        own.forEach(group -> group.initialLr().ifPresent(group::setLr));
        LRScheduler again = definition.attach(own);
        again.skip(steps(name, run));
        runs.put(name, again);
      }
    } catch (RuntimeException refused) {
      own.loadStateDict(former);
      throw refused;
    }
    return run(name);
  }

  private long steps(String name, CheckpointFormat.Run run) {
    LRScheduler known = runs.get(name);
    if (known != null) {
      return (long) known.lastEpoch();
    }
    if (run.state().get("last_epoch") instanceof Number steps) {
      return steps.longValue();
    }
    throw new IllegalArgumentException(
        "the state of the run \"" + name + "\" must have a \"last_epoch\" but is " + run.state());
  }

  /**
   * Returns all param groups that were made together with those of a run, so that frozen parameters
   * can be {@linkplain NetworkParamGroups#unfreeze(Predicate, double) unfrozen}.
   *
   * @param run the name the run was saved under
   * @return the groups
   * @throws IllegalArgumentException if there is no such run
   */
  public NetworkParamGroups groups(String run) {
    return groups.get(saved(run).set());
  }

  private CheckpointFormat.Run saved(String name) {
    CheckpointFormat.Run run = saved.runs().get(name);
    if (run == null) {
      throw new IllegalArgumentException(
          "name must be one of the runs " + saved.runs().keySet() + " but was \"" + name + "\"");
    }
    return run;
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
   * Returns a writer that goes on saving this training: the network with all its runs under their
   * names, and with the batches that were done in the present epoch. Parts are their owners' to add
   * again.
   *
   * <pre>{@code
   * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
   * MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
   * resumed.addListeners(
   *     SchedulerListener.everyIteration(checkpoint.run("cosine")),
   *     TrainingCheckpointListener.everyIteration(checkpoint.writer(), Path.of("checkpoints")).withInterval(100));
   * }</pre>
   *
   * @return a new one
   * @throws IllegalStateException if the definition of a run has no written form and was not given
   *     again: {@link #run(String, Schedule)}
   */
  public CheckpointWriter writer() {
    CheckpointWriter writer = new CheckpointWriter(net, epochStart);
    saved.runs().keySet().forEach(name -> writer.with(name, run(name)));
    return writer;
  }

  /**
   * Returns how many batches of the present epoch were done when the checkpoint was saved.
   *
   * @return the number, 0 between two epochs
   * @throws IllegalStateException if nobody counted them: it was saved from inside a listener's
   *     {@code iterationDone} by a writer that no {@link TrainingCheckpointListener} of the network
   *     has, in a training by {@code fit(DataSet)}, or in an epoch that an exception ended and that
   *     was begun again
   */
  public int batchesIntoEpoch() {
    if (saved.batchesIntoEpoch() == EpochStart.UNKNOWN) {
      throw new IllegalStateException(
          "how many batches of its epoch were done is not known: add a TrainingCheckpointListener,"
              + " which counts them, and train with fit(iterator)");
    }
    return saved.batchesIntoEpoch();
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
    Nd4j.getRandom().setStates(saved.random().root(), saved.random().node());
  }
}
