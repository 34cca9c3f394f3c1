package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Stops random trainings at random moments, in every way there is, and goes on: they must be what
 * the undisturbed training was, to the bit. What fails says what it was, and with {@code
 * -Drandom.seed=} and its seed it is run again, alone.
 */
class RandomResumeTest {

  private static final int FEW = 40;
  private static final int MANY = 1000;

  @TempDir private Path folder;

  private static int trainings;
  private static int resumes;

  @AfterAll
  static void tell() {
    System.out.printf("%d trainings gone on with from %d moments%n", trainings, resumes);
  }

  private enum Way {
    CHECKPOINT,
    MODEL_SERIALIZER,
    NETWORK_COPY
  }

  /** All that a training is at a moment. */
  private record Snapshot(
      int iterations,
      int epochs,
      List<Double> params,
      List<Double> updaterState,
      String configuration,
      List<Map<String, Object>> groups,
      String frozen,
      Map<String, Map<String, Object>> runs,
      List<Long> random) {

    void assertIs(Snapshot expected, String moment) {
      assertThat(iterations).as("iterations %s", moment).isEqualTo(expected.iterations);
      assertThat(epochs).as("epochs %s", moment).isEqualTo(expected.epochs);
      assertThat(groups).as("groups %s", moment).isEqualTo(expected.groups);
      assertThat(frozen).as("frozen %s", moment).isEqualTo(expected.frozen);
      assertThat(runs).as("runs %s", moment).isEqualTo(expected.runs);
      assertThat(configuration).as("configuration %s", moment).isEqualTo(expected.configuration);
      assertThat(updaterState).as("updater state %s", moment).isEqualTo(expected.updaterState);
      assertThat(params).as("parameters %s", moment).isEqualTo(expected.params);
      assertThat(random).as("random numbers %s", moment).isEqualTo(expected.random);
    }
  }

  /** A training under way, moved on by hand: a batch, or the end of an epoch, at a time. */
  private static final class Session {
    private final RandomTraining training;
    private final List<DataSet> batches;
    private final Model net;
    private final Map<String, LRScheduler> runs = new LinkedHashMap<>();
    private @Nullable NetworkParamGroups groups;
    private int moves;

    private Session(RandomTraining training, Model net, int moves) {
      this.training = training;
      this.batches = training.batches();
      this.net = net;
      this.moves = moves;
    }

    static Session begin(RandomTraining training) {
      Session session = new Session(training, training.net(), 0);
      session.makeGroups(false);
      session.attach(training.plans().keySet());
      session.listen();
      Nd4j.getRandom().setSeed(4711);
      return session;
    }

    private void makeGroups(boolean hasLater) {
      if (!training.isPulled()) {
        groups = training.groups(net, hasLater);
      }
    }

    private void attach(Iterable<String> names) {
      names.forEach(name -> runs.put(name, training.plan(name).attach(groups)));
    }

    private void listen() {
      net.setListeners(listeners());
    }

    List<TrainingListener> listeners() {
      List<TrainingListener> listeners = new ArrayList<>();
      runs.forEach((name, run) -> listeners.add(training.plan(name).listener(run)));
      return listeners;
    }

    int movesOfEpoch() {
      return batches.size() + 1;
    }

    int movesInAll() {
      return movesOfEpoch() * training.epochs();
    }

    private int done() {
      return moves % movesOfEpoch();
    }

    private LiveNetwork live() {
      return new LiveNetwork(net);
    }

    /** Puts frozen parameters into a group if the time has come. */
    boolean growsBefore(int epoch) {
      RandomTraining.Later later = training.later();
      if (later == null || later.epoch() != epoch || runs.containsKey(RandomTraining.LATER)) {
        return false;
      }
      groups = groups.unfreeze(param -> later.params().contains(param.toString()), later.lr());
      attach(List.of(RandomTraining.LATER));
      return true;
    }

    void move() {
      if (done() == 0) {
        if (growsBefore(moves / movesOfEpoch())) {
          listen();
        }
        live().listeners().forEach(listener -> listener.onEpochStart(net));
      }
      if (done() < batches.size()) {
        Nets.fit(net, batches.subList(done(), done() + 1));
      } else {
        live().listeners().forEach(listener -> listener.onEpochEnd(net));
        live().setEpochCount(live().epochCount() + 1);
      }
      moves++;
    }

    Snapshot snapshot() {
      INDArray state = live().updaterState();
      Map<String, Map<String, Object>> states = new LinkedHashMap<>();
      runs.forEach((name, run) -> states.put(name, run.stateDict()));
      return new Snapshot(
          live().iterationCount(),
          live().epochCount(),
          numbers(net.params()),
          state == null ? List.of() : numbers(state),
          live().json(0, 0),
          groups == null ? List.of() : groups.stateDict(),
          groups == null ? "" : groups.frozen().toString(),
          states,
          List.of(Nd4j.getRandom().rootState(), Nd4j.getRandom().nodeState()));
    }

    private static List<Double> numbers(INDArray array) {
      return Arrays.stream(array.toDoubleVector()).boxed().toList();
    }

    CheckpointWriter writer() {
      CheckpointWriter writer = CheckpointWriter.of((NeuralNetwork) net);
      runs.forEach(writer::with);
      return writer;
    }

    /**
     * Returns the same training on another network.
     *
     * @param strays how far this one goes on by itself meanwhile
     */
    Session resumed(Way way, Path file, int strays) throws IOException {
      Session resumed;
      switch (way) {
        case CHECKPOINT -> {
          writer().save(file);
          stray(strays);
          TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
          resumed = taken(training, checkpoint, moves - strays);
          checkpoint.restoreRandom();
        }
        default -> {
          long root = Nd4j.getRandom().rootState();
          long node = Nd4j.getRandom().nodeState();
          Map<String, Object> states = new LinkedHashMap<>();
          runs.forEach(
              (name, run) ->
                  states.put(
                      name,
                      Map.of("run", run.stateDict(), "groups", run.paramGroups().stateDict())));
          Model copy = way == Way.NETWORK_COPY ? copy(net) : Nets.restored(net);
          // As text, in the way that users save it.
          Map<String, Object> read =
              CheckpointJson.map(
                  CheckpointJson.tree(
                      new String(CheckpointJson.write(states), StandardCharsets.UTF_8)));
          int at = moves;
          List<String> names = List.copyOf(runs.keySet());
          stray(strays);
          resumed = new Session(training, copy, at);
          resumed.makeGroups(names.contains(RandomTraining.LATER));
          resumed.attach(names);
          resumed.runs.forEach((name, run) -> load(run, (Map<?, ?>) read.get(name)));
          resumed.listen();
          Nd4j.getRandom().setStates(root, node);
        }
      }
      if (resumed.done() > 0) {
        resumed.live().listeners().forEach(listener -> listener.onEpochStart(resumed.net));
      }
      return resumed;
    }

    @SuppressWarnings("unchecked")
    private static void load(LRScheduler run, Map<?, ?> state) {
      run.loadStateDict(
          (Map<String, Object>) state.get("run"), (List<Map<String, Object>>) state.get("groups"));
    }

    static Session taken(RandomTraining training, TrainingCheckpoint checkpoint, int moves) {
      Session resumed = new Session(training, model(checkpoint), moves);
      training.plans().keySet().forEach(name -> resumed.take(checkpoint, name));
      RandomTraining.Later later = training.later();
      if (later != null && moves > later.epoch() * resumed.movesOfEpoch()) {
        resumed.take(checkpoint, RandomTraining.LATER);
      }
      resumed.listen();
      return resumed;
    }

    private void take(TrainingCheckpoint checkpoint, String name) {
      runs.put(name, checkpoint.run(name));
      groups = checkpoint.groups(name);
    }

    private static Model model(TrainingCheckpoint checkpoint) {
      return (Model) checkpoint.network(NeuralNetwork.class);
    }

    private static Model copy(Model net) {
      return net instanceof MultiLayerNetwork layers
          ? NetworkCopy.of(layers)
          : NetworkCopy.of((ComputationGraph) net);
    }

    private void stray(int strays) {
      for (int i = 0; i < strays; i++) {
        move();
      }
    }

    /** Trains an epoch, or what is left of it, with DL4J's own loop. */
    void fit(DataSetIterator iterator) {
      if (net instanceof MultiLayerNetwork layers) {
        layers.fit(iterator);
      } else {
        ((ComputationGraph) net).fit(iterator);
      }
      moves = live().epochCount() * movesOfEpoch();
    }

    DataSetIterator epoch() {
      return new ExistingDataSetIterator(batches);
    }
  }

  private static List<Snapshot> undisturbed(RandomTraining training) {
    Session session = Session.begin(training);
    List<Snapshot> snapshots = new ArrayList<>();
    snapshots.add(session.snapshot());
    while (session.moves < session.movesInAll()) {
      session.move();
      snapshots.add(session.snapshot());
    }
    Snapshot end = snapshots.get(snapshots.size() - 1);
    assertThat(end.params).as("the parameters").allMatch(Double::isFinite);
    return snapshots;
  }

  /** Goes on from one resumed training to the next, at random moments and in random ways. */
  private void resumeInARow(RandomTraining training, List<Snapshot> expected, Random random)
      throws IOException {
    Session session = Session.begin(training);
    String history = "at the start";
    while (true) {
      session.snapshot().assertIs(expected.get(session.moves), history);
      if (session.moves == session.movesInAll()) {
        return;
      }
      if (random.nextInt(3) == 0) {
        Way way = Way.values()[random.nextInt(Way.values().length)];
        int strays = Math.min(random.nextInt(3), session.movesInAll() - session.moves);
        history += ", saved by " + way + " after " + session.moves + " moves";
        session = session.resumed(way, folder.resolve("training.zip"), strays);
        resumes++;
        session.snapshot().assertIs(expected.get(session.moves), history + ", restored");
      }
      session.move();
    }
  }

  /** Saves from inside DL4J's loop, and goes on with it from some of the files. */
  private void resumeInFit(RandomTraining training, List<Snapshot> expected, Random random)
      throws IOException {
    Session session = Session.begin(training);
    CheckpointWriter writer = session.writer();
    Path files = Files.createDirectory(folder.resolve("checkpoints"));
    TrainingCheckpointListener byIteration =
        TrainingCheckpointListener.everyIteration(writer, files)
            .withInterval(1 + random.nextInt(2))
            .keepLast(99);
    TrainingCheckpointListener byEpoch =
        TrainingCheckpointListener.everyEpoch(writer, files).keepLast(99);
    fitToTheEnd(session, session.epoch(), List.of(byIteration, byEpoch), writer);
    session.snapshot().assertIs(expected.get(session.moves), "under a checkpoint listener");
    List<CheckpointFolder.Entry> entries = new CheckpointFolder(files, "checkpoint").entries();
    for (int i = 0; i < 2; i++) {
      CheckpointFolder.Entry entry = entries.get(random.nextInt(entries.size()));
      TrainingCheckpoint checkpoint = TrainingCheckpoint.load(entry.file());
      int moves = moves(checkpoint, session.batches.size());
      Session resumed = Session.taken(training, checkpoint, moves);
      checkpoint.restoreRandom();
      resumes++;
      String history = "from " + entry.file().getFileName();
      resumed.snapshot().assertIs(expected.get(moves), history + ", restored");
      fitToTheEnd(resumed, checkpoint.remaining(resumed.epoch()), List.of(), writer);
      resumed.snapshot().assertIs(expected.get(resumed.moves), history + ", at the end");
    }
  }

  private static int moves(TrainingCheckpoint checkpoint, int batches) {
    LiveNetwork live = new LiveNetwork(Session.model(checkpoint));
    return live.epochCount() * (batches + 1) + checkpoint.batchesIntoEpoch();
  }

  private static void fitToTheEnd(
      Session session,
      DataSetIterator next,
      List<TrainingCheckpointListener> saving,
      CheckpointWriter writer) {
    session.net.addListeners(saving.toArray(TrainingListener[]::new));
    while (session.live().epochCount() < session.training.epochs()) {
      if (session.done() == 0 && session.growsBefore(session.live().epochCount())) {
        List<TrainingListener> listeners = session.listeners();
        if (!saving.isEmpty()) {
          writer.with(RandomTraining.LATER, session.runs.get(RandomTraining.LATER));
        }
        listeners.addAll(saving);
        session.net.setListeners(listeners);
      }
      session.fit(next);
      next = session.epoch();
    }
  }

  private void run(long seed) {
    RandomTraining training = new RandomTraining(seed);
    try {
      List<Snapshot> expected = undisturbed(training);
      Random random = new Random(seed);
      resumeInARow(training, expected, random);
      resumeInFit(training, expected, random);
      trainings++;
    } catch (IOException | RuntimeException | AssertionError failed) {
      throw new AssertionError(
          "run it again with -Drandom.seed=" + seed + ": " + training + "\n" + failed, failed);
    }
  }

  private static LongStream seeds(int from, int count) {
    Long one = Long.getLong("random.seed");
    return one == null ? LongStream.range(from, from + (long) count) : LongStream.of(one);
  }

  static LongStream few() {
    return seeds(0, FEW);
  }

  static LongStream many() {
    return seeds(FEW, MANY);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("few")
  void goesOnToTheBit(long seed) {
    run(seed);
  }

  @Tag("long")
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("many")
  void goesOnToTheBitFromThousandsOfMoments(long seed) {
    run(seed);
  }
}
