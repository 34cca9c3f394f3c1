package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.AccumulatingOptimizer;
import io.github.dl4jtorch.adapter.internal.AfterIteration;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.rng.Random;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Saves a training: a network with its updaters' state and counts, the runs on its param groups
 * with the groups' values, and whatever {@linkplain CheckpointPart else} is named. {@link #of}
 * makes one. It may save as often as wanted, each time what is then true.
 *
 * <pre>{@code
 * LRScheduler run = new CosineAnnealingLR(1000).attach(NetworkParamGroups.of(net));
 * net.addListeners(SchedulerListener.everyIteration(run));
 * net.fit(training, 5);
 * CheckpointWriter.of(net).with("cosine", run).save(Path.of("training.zip"));
 * }</pre>
 *
 * <p>The file is a zip. It has the entries of DL4J's {@code ModelSerializer}, which restores the
 * network from it, and one of this library; nothing in that is a Java class. It is written under a
 * name that nobody else has, its own with a random part and {@code .tmp} added, read again, forced
 * onto the disk and moved into place in one step, so under its own name there is always a whole
 * file, the former or the new one, whoever else writes it. Where the system has such permissions,
 * it is readable and writable for its owner only.
 */
public final class CheckpointWriter {

  private final LiveNetwork net;
  private final EpochStart epochStart;
  private final AfterIteration afterIteration;
  private final Map<String, LRScheduler> runs = new LinkedHashMap<>();
  private final Map<String, CheckpointPart> parts = new LinkedHashMap<>();

  CheckpointWriter(LiveNetwork net, EpochStart epochStart) {
    this.net = net;
    this.epochStart = epochStart;
    this.afterIteration = new AfterIteration(net);
  }

  /**
   * Begins to save a training. For one that was loaded use {@link TrainingCheckpoint#writer()}: in
   * the middle of an epoch it knows how many batches of that were done before. What this method
   * makes asks the network's listeners, and counts wrong if those that knew were replaced.
   *
   * @param net the network, initialised
   * @return what saves it, so far without runs and parts
   * @throws IllegalStateException if the network is not initialised
   */
  public static CheckpointWriter of(NeuralNetwork net) {
    LiveNetwork live = LiveNetwork.of(net, "it is saved");
    return new CheckpointWriter(live, EpochStart.of(live));
  }

  /**
   * Adds a run, to be saved with the values of its groups and of all that were made with them, and
   * with what is frozen. Runs on groups that were made together will be so again when they are
   * loaded.
   *
   * @param name the name to ask for when the checkpoint is loaded
   * @param run a run on {@link NetworkParamGroups} of the network
   * @return this
   * @throws IllegalArgumentException if the name is taken, the run is on other groups, or
   *     parameters in two of the groups have the same name, since their layers have
   */
  public CheckpointWriter with(String name, LRScheduler run) {
    requireNew(name, runs);
    if (!(run.paramGroups() instanceof NetworkParamGroups groups)
        || groups.network() != net.network()) {
      throw new IllegalArgumentException(
          "the run \"" + name + "\" must be on NetworkParamGroups of the network that is saved");
    }
    names(groups.all());
    runs.put(name, run);
    return this;
  }

  /**
   * Adds something else to be saved. It is asked for its values and arrays at every save.
   *
   * @param name the name to ask for when the checkpoint is loaded
   * @param part what is to be saved
   * @return this
   * @throws IllegalArgumentException if the name is taken
   */
  public CheckpointWriter with(String name, CheckpointPart part) {
    requireNew(name, parts);
    parts.put(name, part);
    return this;
  }

  private static void requireNew(String name, Map<String, ?> present) {
    if (present.containsKey(name)) {
      throw new IllegalArgumentException("name must not be given twice but was \"" + name + "\"");
    }
  }

  /**
   * Saves between two iterations, that is between two calls of {@code fit}. A file of this name is
   * replaced.
   *
   * @param file where to; its folder must exist
   * @throws IOException if the file cannot be written, or is a {@link CheckpointException} that
   *     says why it could not be loaded; one of this name stays as it was
   * @throws IllegalArgumentException if a part holds what cannot be written; likewise
   */
  public void save(Path file) throws IOException {
    to(file).take(training(net.iterationCount(), net.epochCount(), 0));
  }

  /**
   * Saves from inside a listener's {@code iterationDone}, where the counts of the network do not
   * have the present iteration yet. The listener must come after those that step the runs.
   *
   * @param file where to; its folder must exist
   * @throws IOException if the file cannot be written, or is a {@link CheckpointException} that
   *     says why it could not be loaded; one of this name stays as it was
   * @throws IllegalArgumentException if a part holds what cannot be written; likewise
   * @throws IllegalStateException if the network is trained by truncated backpropagation through
   *     time, since a segment leaves a state that is not saved
   */
  public void saveInIterationDone(Path file) throws IOException {
    inIterationDone(to(file));
  }

  /**
   * Saves from inside a listener's {@code onEpochEnd}, where the counts of the network do not have
   * the present epoch yet. The listener must come after those that step the runs.
   *
   * @param file where to; its folder must exist
   * @throws IOException if the file cannot be written, or is a {@link CheckpointException} that
   *     says why it could not be loaded; one of this name stays as it was
   * @throws IllegalArgumentException if a part holds what cannot be written; likewise
   */
  public void saveInOnEpochEnd(Path file) throws IOException {
    inOnEpochEnd(to(file));
  }

  /** Takes a training while its arrays are as they are to be saved. */
  @FunctionalInterface
  interface Taker {
    void take(SavedTraining<INDArray> training) throws IOException;
  }

  private static Taker to(Path file) {
    return training -> SavedTraining.contents(training, training.arrays()).write(file);
  }

  void inIterationDone(Taker taker) throws IOException {
    requireWholeIterations();
    int iterations = net.iterationCount() + 1;
    afterIteration.run(
        () -> taker.take(training(iterations, net.epochCount(), EpochStart.UNKNOWN)));
  }

  void inOnEpochEnd(Taker taker) throws IOException {
    taker.take(training(net.iterationCount(), net.epochCount() + 1, 0));
  }

  LiveNetwork net() {
    return net;
  }

  EpochStart epochStart() {
    return epochStart;
  }

  boolean has(LRScheduler run) {
    return runs.containsValue(run);
  }

  boolean has(CheckpointPart part) {
    return parts.containsValue(part);
  }

  /** Refuses to save between the segments of a sequence. */
  void requireWholeIterations() {
    if (net.isTruncated()) {
      throw new IllegalStateException(
          "a network with truncated backpropagation through time must be saved at the end of an"
              + " epoch, since the state between two segments of a sequence is not saved");
    }
  }

  /**
   * Returns the training under counts.
   *
   * @param batches the batches done in the present epoch if nobody saw it begin
   */
  private SavedTraining<INDArray> training(int iterations, int epochs, int batches) {
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    arrays.put(ModelSerializer.COEFFICIENTS_BIN, net.model().params());
    INDArray state = net.updaterState();
    if (state != null && !state.isEmpty()) {
      arrays.put(ModelSerializer.UPDATER_BIN, state);
    }
    List<CheckpointFormat.Groups> sets = new ArrayList<>();
    Map<String, CheckpointFormat.Run> savedRuns = savedRuns(sets);
    Random random = Nd4j.getRandom();
    int all = AccumulatingOptimizer.batches(net, iterations);
    CheckpointFormat format =
        new CheckpointFormat(
            net.model() instanceof ComputationGraph,
            new CheckpointFormat.Counts(iterations, epochs),
            all,
            epochStart.batches(epochs, all, batches),
            net.model().score(),
            new CheckpointFormat.RandomState(random.rootState(), random.nodeState()),
            sets,
            savedRuns,
            savedParts(arrays));
    return new SavedTraining<>(format, net.json(iterations, epochs), arrays);
  }

  /** Returns the runs, having added the sets of groups that they are on. */
  private Map<String, CheckpointFormat.Run> savedRuns(List<CheckpointFormat.Groups> sets) {
    IdentityHashMap<ParamGroup, Integer> numbers = new IdentityHashMap<>();
    Map<String, CheckpointFormat.Run> saved = new LinkedHashMap<>();
    runs.forEach(
        (name, run) -> {
          NetworkParamGroups groups = (NetworkParamGroups) run.paramGroups();
          NetworkParamGroups all = groups.all();
          // Groups that were made together share the objects with the values.
          int set = numbers.computeIfAbsent(all.get(0), unknown -> numbers.size());
          if (set == sets.size()) {
            sets.add(
                new CheckpointFormat.Groups(
                    names(all), names(all.frozen()), all.stateDict(), given(all)));
          }
          saved.put(
              name,
              new CheckpointFormat.Run(
                  set,
                  numbers(groups, all),
                  CheckpointFormat.Run.writable(run.schedule()),
                  run.stateDict()));
        });
    return saved;
  }

  /** Returns the numbers that some groups have among all. */
  private static List<Integer> numbers(NetworkParamGroups groups, NetworkParamGroups all) {
    IdentityHashMap<ParamGroup, Integer> numbers = new IdentityHashMap<>();
    all.forEach(group -> numbers.put(group, numbers.size()));
    return groups.stream().map(numbers::get).toList();
  }

  /** Returns the names that groups were given, by their numbers. */
  private static Map<String, String> given(NetworkParamGroups groups) {
    Map<String, String> given = new LinkedHashMap<>();
    for (int group = 0; group < groups.size(); group++) {
      if (groups.isNamed(group)) {
        given.put(String.valueOf(group), groups.name(group));
      }
    }
    return given;
  }

  /** Returns the names of the parameters in each group, which must tell them apart. */
  private static List<List<String>> names(NetworkParamGroups groups) {
    Map<String, String> places = new HashMap<>();
    List<List<String>> names = new ArrayList<>();
    for (int group = 0; group < groups.size(); group++) {
      names.add(names(groups.params(group)));
      requireOnePlace(names.get(group), "in group " + group, places);
    }
    requireOnePlace(names(groups.frozen()), "frozen", places);
    return names;
  }

  private static List<String> names(List<NetworkParam> params) {
    return params.stream().map(NetworkParam::toString).toList();
  }

  private static void requireOnePlace(
      List<String> names, String place, Map<String, String> places) {
    for (String name : names) {
      String other = places.put(name, place);
      if (other != null && !other.equals(place)) {
        throw new IllegalArgumentException(
            "layers must have names of their own for their param groups to be found again, but "
                + name
                + " is "
                + other
                + " and "
                + place);
      }
    }
  }

  /** Returns the parts, having added their arrays. */
  private Map<String, CheckpointFormat.Part> savedParts(Map<String, INDArray> arrays) {
    Map<String, CheckpointFormat.Part> saved = new LinkedHashMap<>();
    int others = arrays.size();
    parts.forEach(
        (name, part) -> {
          Map<String, Object> values = part.values();
          CheckpointJson.requirePlain("part \"" + name + "\"", values);
          Map<String, String> entries = new LinkedHashMap<>();
          part.arrays()
              .forEach(
                  (key, array) -> {
                    CheckpointArrays.requireReadable(
                        "the array \"" + key + "\" of the part \"" + name + "\"", array);
                    String entry = SavedTraining.entry(arrays.size() - others);
                    arrays.put(entry, array);
                    entries.put(key, entry);
                  });
          saved.put(name, new CheckpointFormat.Part(values, entries));
        });
    return saved;
  }
}
