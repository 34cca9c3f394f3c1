package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.SWALR;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;

class SwalrListenerTest {

  private static final int BATCHES = 3;
  private static final SWALR LINEAR_2 = new SWALR(0.02, 2, AnnealStrategy.LINEAR);

  @TempDir private Path folder;

  private static DataSetIterator batches() {
    return new ExistingDataSetIterator(Nets.data(BATCHES, 6));
  }

  /** Weights at 0.1, biases at 0.2. */
  private static MultiLayerNetwork twoRates() {
    return Nets.net(
        Nets.settings().updater(new Sgd(0.1)).biasUpdater(new Sgd(0.2)),
        Nets.dense(3, 4),
        Nets.output(4));
  }

  private static MultiLayerNetwork oneRate() {
    return Nets.net(Nets.settings().updater(new Sgd(0.1)), Nets.dense(3, 4), Nets.output(4));
  }

  private static MultiLayerNetwork net(NetworkParamGroups groups) {
    return (MultiLayerNetwork) groups.network();
  }

  /** Trains, and returns the rate of a group in each iteration. */
  private static List<Double> rates(NetworkParamGroups groups, int group, int epochs) {
    MultiLayerNetwork trained = net(groups);
    List<Double> rates = new ArrayList<>();
    trained.addListeners(
        new BaseTrainingListener() {
          @Override
          public void onForwardPass(Model model, List<INDArray> activations) {
            rates.add(groups.get(group).lr());
          }
        });
    trained.fit(batches(), epochs);
    return rates;
  }

  private static void assertRates(List<Double> actual, double... expected) {
    assertThat(actual).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual.get(i))
          .as("rate %d of %s", i, actual)
          .isCloseTo(expected[i], within(1e-15));
    }
  }

  @Test
  void followsEachGroupFromWhereItIs() {
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(twoRates());
    LRScheduler halving = new ExponentialLR(0.5).attach(groups);
    net(groups)
        .addListeners(
            SwalrListener.everyEpoch(
                    SchedulerListener.everyEpoch(halving),
                    new SWALR(List.of(0.025, 0.25), 2, AnnealStrategy.LINEAR))
                .startingAt(2));
    List<Double> biases = rates(groups, 1, 6);
    // Two halvings; then, at the end of epoch 2, the first step of SWALR.
    assertRates(
        biases, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.15, 0.15, 0.15, 0.25, 0.25, 0.25,
        0.25, 0.25, 0.25);
    assertThat(groups.get(0).lr()).isEqualTo(0.025);
    assertThat(halving.lastEpoch()).isEqualTo(2);
  }

  @Test
  void stepsAfterIterationsToo() {
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(twoRates());
    LRScheduler halving = new ExponentialLR(0.5).attach(groups);
    net(groups)
        .addListeners(
            SwalrListener.everyIteration(
                    SchedulerListener.everyIteration(halving),
                    new SWALR(0.225, 2, AnnealStrategy.LINEAR))
                .startingAt(2));
    assertRates(rates(groups, 0, 2), 0.1, 0.05, 0.025, 0.125, 0.225, 0.225);
  }

  /** The iterations of the epoch at whose end it changes over are still the former's. */
  @Test
  void byEpochFollowsARunByIteration() {
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(twoRates());
    LRScheduler halving = new ExponentialLR(0.5).attach(groups);
    net(groups)
        .addListeners(
            SwalrListener.everyEpoch(
                    SchedulerListener.everyIteration(halving),
                    new SWALR(0.1, 1, AnnealStrategy.LINEAR))
                .startingAt(1));
    assertThat(rates(groups, 0, 3))
        .containsExactly(0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.1, 0.1, 0.1);
  }

  @Test
  void mayFollowARateThatNobodySteps() {
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(twoRates());
    SwalrListener swalr =
        SwalrListener.everyEpoch(groups, new SWALR(0.3, 2, AnnealStrategy.LINEAR)).startingAt(1);
    net(groups).addListeners(swalr);
    List<Double> used = new ArrayList<>();
    for (int epoch = 0; epoch < 4; epoch++) {
      used.add(groups.get(0).lr());
      Nets.fit(net(groups), Nets.data(1, 6));
      swalr.stepEpoch();
    }
    assertRates(used, 0.1, 0.1, 0.2, 0.3);
  }

  @Test
  void changesOverInAGraph() {
    ComputationGraph graph = Nets.graph(true);
    NetworkParamGroups groups = NetworkParamGroups.of(graph);
    graph.addListeners(
        SwalrListener.everyIteration(groups, new SWALR(0.01, 2, AnnealStrategy.LINEAR))
            .startingAt(1));
    List<Double> used = new ArrayList<>();
    for (DataSet batch : Nets.data(4, 6)) {
      used.add(graph.getLearningRate("a"));
      graph.fit(batch);
    }
    assertRates(used, 0.05, 0.05, 0.03, 0.01);
  }

  /** By how far the parameters move: the rate is not only shown. */
  @Test
  void theNetworkMovesAtSwalrsRate() {
    MultiLayerNetwork trained = twoRates();
    trained.addListeners(
        SwalrListener.everyIteration(
            NetworkParamGroups.weightsAndBiases(trained),
            new SWALR(0.025, 0, AnnealStrategy.LINEAR)));
    DataSet batch = Nets.data(1, 1).get(0);
    trained.fit(batch);
    double[] before = Nets.params(trained);
    List<double[]> gradient = new ArrayList<>();
    trained.addListeners(
        new BaseTrainingListener() {
          @Override
          public void onGradientCalculation(Model model) {
            gradient.add(model.getGradientsViewArray().dup().toDoubleVector());
          }
        });
    trained.fit(batch);
    double[] after = Nets.params(trained);
    for (int i = 0; i < before.length; i++) {
      assertThat(before[i] - after[i]).isCloseTo(0.025 * gradient.get(0)[i], within(1e-15));
    }
  }

  /** Each part of a network may be changed over by a listener of its own. */
  @Test
  void groupsApartMayHaveListenersOfTheirOwn() {
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(twoRates());
    LRScheduler weights = new ExponentialLR(0.5).attach(groups.only(0));
    LRScheduler biases = new ExponentialLR(0.5).attach(groups.only(1));
    net(groups)
        .addListeners(
            SchedulerListener.everyEpoch(weights),
            SwalrListener.everyEpoch(SchedulerListener.everyEpoch(biases), LINEAR_2).startingAt(1));
    net(groups).fit(batches(), 3);
    assertThat(groups.get(0).lr()).isEqualTo(0.0125);
    assertThat(groups.get(1).lr()).isCloseTo(0.02, within(1e-15));
  }

  /**
   * A training with a cosine, SWALR and an average, with their listeners in one order or another.
   */
  private static final class Training {
    final MultiLayerNetwork net;
    final AveragedModel<MultiLayerNetwork> average;
    final AveragingListener<MultiLayerNetwork> averaging;
    final SwalrListener swalr;
    final LRScheduler cosine;

    Training(MultiLayerNetwork net, LRScheduler cosine, boolean isByEpoch) {
      this.net = net;
      this.cosine = cosine;
      average = AveragedModel.of(net, Averaging.equal());
      SWALR definition = new SWALR(List.of(0.01, 0.02), 2, AnnealStrategy.COS);
      averaging =
          isByEpoch
              ? AveragingListener.everyEpoch(net, average).startingAt(2)
              : AveragingListener.everyIteration(net, average).startingAt(4);
      swalr =
          isByEpoch
              ? SwalrListener.everyEpoch(SchedulerListener.everyEpoch(cosine), definition)
                  .startingAt(2)
              : SwalrListener.everyIteration(SchedulerListener.everyIteration(cosine), definition)
                  .startingAt(4);
    }

    static Training begin(boolean isByEpoch) {
      MultiLayerNetwork net = Nets.layers(true);
      return new Training(
          net,
          new CosineAnnealingLR(20).attach(NetworkParamGroups.weightsAndBiases(net)),
          isByEpoch);
    }

    TrainingListener[] listeners(boolean isAveragingFirst) {
      return isAveragingFirst
          ? new TrainingListener[] {averaging, swalr}
          : new TrainingListener[] {swalr, averaging};
    }

    void assertIs(Training expected) {
      assertThat(Nets.params(net)).isEqualTo(Nets.params(expected.net));
      assertThat(Nets.params(average.network())).isEqualTo(Nets.params(expected.average.network()));
      assertThat(average.nAveraged()).isEqualTo(expected.average.nAveraged()).isPositive();
      assertThat(swalr.values()).isEqualTo(expected.swalr.values()).containsKey("state");
      assertThat(cosine.paramGroups().stateDict())
          .isEqualTo(expected.cosine.paramGroups().stateDict());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void beforeOrAfterTheAveragingListenerIsTheSameToTheBit(boolean isByEpoch) {
    Training first = Training.begin(isByEpoch);
    first.net.addListeners(first.listeners(true));
    first.net.fit(batches(), 5);
    Training second = Training.begin(isByEpoch);
    second.net.addListeners(second.listeners(false));
    second.net.fit(batches(), 5);
    second.assertIs(first);
  }

  @Test
  void inAnEpochLoopTheOrderIsTheSameToTheBitToo() {
    Training expected = Training.begin(true);
    expected.net.addListeners(expected.listeners(true));
    expected.net.fit(batches(), 5);
    for (boolean isAveragingFirst : List.of(false, true)) {
      Training training = Training.begin(true);
      EpochLoop.of(training.net, training.listeners(isAveragingFirst))
          .fit(5, () -> Nets.fit(training.net, Nets.data(BATCHES, 6)));
      training.assertIs(expected);
    }
  }

  /** Wherever the other one is in the list, whether it is the same one, and whoever tells. */
  @Test
  void refusesAnotherListenerOnTheSameGroups() {
    String message =
        "a SchedulerListener on the same param groups must not be added to the network beside a"
            + " SwalrListener, since both would set the rate, but there is one of"
            + " ExponentialLR[gamma=0.5]: take it away and give it to"
            + " SwalrListener.everyEpoch(listener, swalr) or everyIteration(listener, swalr)";
    for (boolean isSwalrFirst : List.of(false, true)) {
      for (int kind = 0; kind < 3; kind++) {
        MultiLayerNetwork net = oneRate();
        LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.of(net));
        SchedulerListener other = SchedulerListener.everyEpoch(run);
        SwalrListener swalr =
            switch (kind) {
              case 0 -> SwalrListener.everyEpoch(other, LINEAR_2);
              case 1 -> SwalrListener.everyEpoch(SchedulerListener.everyEpoch(run), LINEAR_2);
              // Groups that were made a second time.
              default -> SwalrListener.everyEpoch(NetworkParamGroups.of(net), LINEAR_2);
            };
        net.addListeners(
            isSwalrFirst
                ? new TrainingListener[] {swalr, other}
                : new TrainingListener[] {other, swalr});
        double[] before = Nets.params(net);
        assertThatThrownBy(() -> net.fit(batches(), 1))
            .isInstanceOf(IllegalStateException.class)
            .hasMessage(message);
        assertThatThrownBy(swalr::stepEpoch)
            .isInstanceOf(IllegalStateException.class)
            .hasMessage(message);
        assertThat(Nets.params(net)).isEqualTo(before);
        assertThat(run.lastEpoch()).isZero();
      }
    }
  }

  @Test
  void refusesWhatCannotWork() {
    MultiLayerNetwork net = oneRate();
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    assertThatThrownBy(
            () ->
                SwalrListener.everyEpoch(
                    groups, new SWALR(List.of(0.1, 0.2, 0.3), 5, AnnealStrategy.COS)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("swaLr must have one entry for each of the 1 param groups but has 3");
    SwalrListener swalr = SwalrListener.everyIteration(groups, LINEAR_2);
    assertThatThrownBy(() -> swalr.startingAt(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("start must be >= 0 but was -1");
    assertThatThrownBy(swalr::stepEpoch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "stepEpoch() must be called only on a SwalrListener.everyEpoch(..), but this one steps"
                + " after iterations");
    MultiLayerNetwork other = oneRate();
    other.addListeners(swalr);
    double[] before = Nets.params(other);
    assertThatThrownBy(() -> other.fit(batches(), 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "this listener must be added only to the network whose rate it changes over, but was"
                + " called for a copy or another network");
    assertThat(Nets.params(other)).isEqualTo(before);
  }

  @Test
  void anEpochLoopTakesNoneThatNeedsIterations() {
    MultiLayerNetwork net = oneRate();
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    for (SwalrListener swalr :
        List.of(
            SwalrListener.everyIteration(groups, LINEAR_2),
            SwalrListener.everyEpoch(SchedulerListener.everyIteration(run), LINEAR_2))) {
      assertThatThrownBy(() -> EpochLoop.of(net, swalr))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "listeners must work after epochs, but this SwalrListener works after iterations, of"
                  + " which an EpochLoop does not tell: add it to the network");
    }
  }

  @Test
  @Timeout(value = 120, threadMode = ThreadMode.SEPARATE_THREAD)
  void refusesToBeCalledByWorkers() {
    MultiLayerNetwork net = oneRate();
    net.addListeners(SwalrListener.everyEpoch(NetworkParamGroups.of(net), LINEAR_2));
    ParallelWrapper wrapper =
        new ParallelWrapper.Builder<>(net)
            .workers(2)
            .prefetchBuffer(0)
            .averagingFrequency(1)
            .build();
    double[] before = Nets.params(net);
    PrintStream usual = System.err;
    try {
      System.setErr(new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8));
      assertThatThrownBy(() -> wrapper.fit(new ExistingDataSetIterator(Nets.data(2, 6))))
          .rootCause()
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "ParallelWrapper tells of no epochs, and its copies get only rates that are set"
                  + " between two of its fits: give a SwalrListener.everyEpoch(..) to an EpochLoop,"
                  + " and not to the network or the wrapper");
    } finally {
      System.setErr(usual);
    }
    assertThat(Nets.params(net)).isEqualTo(before);
  }

  /**
   * Before it changes over, at that moment, and behind; the order of the listeners changes, too.
   */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14})
  void goesOnToTheBit(int saved) throws IOException {
    for (boolean isByEpoch : List.of(false, true)) {
      Training expected = Training.begin(isByEpoch);
      expected.net.addListeners(expected.listeners(true));
      expected.net.fit(batches(), 5);

      Training first = Training.begin(isByEpoch);
      first.net.addListeners(first.listeners(true));
      Path own = folder.resolve("by-epoch-" + isByEpoch);
      CheckpointWriter writer =
          CheckpointWriter.of(first.net)
              .with("cosine", first.cosine)
              .with("swalr", first.swalr)
              .with("averaging", first.averaging);
      first.net.addListeners(
          TrainingCheckpointListener.everyIteration(writer, own).withInterval(saved).keepLast(1));
      first.net.fit(batches(), saved / BATCHES + (saved % BATCHES == 0 ? 0 : 1));
      TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(own).orElseThrow();
      Training resumed =
          new Training(
              checkpoint.network(MultiLayerNetwork.class), checkpoint.run("cosine"), isByEpoch);
      resumed.swalr.restore(checkpoint.part("swalr"));
      resumed.averaging.restore(checkpoint.part("averaging"));
      assertThat(resumed.net.getIterationCount()).isEqualTo(saved);
      resumed.net.addListeners(resumed.listeners(false));
      resumed.net.fit(checkpoint.remaining(batches()));
      while (resumed.net.getEpochCount() < 5) {
        resumed.net.fit(batches());
      }
      resumed.assertIs(expected);
    }
  }

  /** Nobody else saves the values of the groups then. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void goesOnToTheBitWhereNobodySteppedBefore(int saved) throws IOException {
    SWALR definition = new SWALR(List.of(0.01, 0.02), 3, AnnealStrategy.COS);
    MultiLayerNetwork expected = twoRates();
    expected.addListeners(
        SwalrListener.everyEpoch(NetworkParamGroups.weightsAndBiases(expected), definition)
            .startingAt(1));
    expected.fit(batches(), 6);

    MultiLayerNetwork first = twoRates();
    SwalrListener swalr =
        SwalrListener.everyEpoch(NetworkParamGroups.weightsAndBiases(first), definition)
            .startingAt(1);
    first.addListeners(swalr);
    first.fit(batches(), saved);
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(first).with("swalr", swalr).save(file);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    SwalrListener listener =
        SwalrListener.everyEpoch(NetworkParamGroups.weightsAndBiases(resumed), definition)
            .startingAt(1);
    listener.restore(checkpoint.part("swalr"));
    resumed.addListeners(listener);
    resumed.fit(batches(), 6 - saved);
    assertThat(Nets.params(resumed)).isEqualTo(Nets.params(expected));
  }

  private static SwalrListener rescaling(LRScheduler cosine) {
    return SwalrListener.everyEpoch(
            SchedulerListener.everyEpoch(cosine).rescalingVelocity(),
            new SWALR(0.02, 3, AnnealStrategy.COS))
        .startingAt(1);
  }

  /** What the former listener does to stock Nesterovs goes on under SWALR, and after a resume. */
  @Test
  void velocitiesFollowTheRateUnderSwalr() throws IOException {
    List<MultiLayerNetwork> nets = new ArrayList<>();
    for (IUpdater updater :
        Arrays.<IUpdater>asList(
            new TorchSGD(0.1).withNesterovMomentum(0.9),
            new Nesterovs(0.1, 0.9),
            new Nesterovs(0.1, 0.9))) {
      nets.add(Nets.net(Nets.settings().updater(updater), Nets.dense(3, 4), Nets.output(4)));
    }
    LRScheduler plain = new CosineAnnealingLR(4).attach(NetworkParamGroups.of(nets.get(0)));
    nets.get(0)
        .addListeners(
            SwalrListener.everyEpoch(
                    SchedulerListener.everyEpoch(plain), new SWALR(0.02, 3, AnnealStrategy.COS))
                .startingAt(1));
    nets.get(0).fit(batches(), 5);
    LRScheduler run = new CosineAnnealingLR(4).attach(NetworkParamGroups.of(nets.get(1)));
    nets.get(1).addListeners(rescaling(run));
    nets.get(1).fit(batches(), 5);
    double[] expected = Nets.params(nets.get(0));
    double[] actual = Nets.params(nets.get(1));
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i]).isCloseTo(expected[i], within(1e-13));
    }

    MultiLayerNetwork first = nets.get(2);
    LRScheduler firstRun = new CosineAnnealingLR(4).attach(NetworkParamGroups.of(first));
    SwalrListener saved = rescaling(firstRun);
    first.addListeners(saved);
    first.fit(batches(), 3);
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(first).with("cosine", firstRun).with("swalr", saved).save(file);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    SwalrListener listener = rescaling(checkpoint.run("cosine"));
    listener.restore(checkpoint.part("swalr"));
    resumed.addListeners(listener);
    resumed.fit(batches(), 2);
    assertThat(Nets.params(resumed)).isEqualTo(actual);
  }

  private record Part(Map<String, Object> values) implements CheckpointPart {
    @Override
    public Map<String, INDArray> arrays() {
      return Map.of();
    }
  }

  @Test
  void refusesWhatIsOfAnotherListener() {
    Training training = Training.begin(true);
    training.net.addListeners(training.listeners(true));
    training.net.fit(batches(), 4);
    CheckpointPart saved = new Part(training.swalr.values());

    Training other = Training.begin(true);
    SwalrListener later = other.swalr.startingAt(3);
    assertThatThrownBy(() -> later.restore(saved))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "the listener must be as the one that was saved, {unit=epoch, start=2, swalr={type=SWALR,"
                + " swa_lr=[0.01, 0.02], anneal_epochs=2, anneal_strategy=cos}}, but is {unit=epoch,"
                + " start=3, swalr={type=SWALR, swa_lr=[0.01, 0.02], anneal_epochs=2,"
                + " anneal_strategy=cos}}");
    List<Map<String, Object>> groups = other.cosine.paramGroups().stateDict();
    Map<String, Object> fresh = other.swalr.values();
    Map<String, String> refusals =
        Map.of(
            "state", "\"state\" must be a map but was [1]",
            "groups", "\"groups\" must be a list of maps but was [1]",
            "epochs", "\"epochs\" must be a whole number >= 0 and <= 2147483647 but was [1]");
    refusals.forEach(
        (key, message) -> {
          Map<String, Object> damaged = new HashMap<>(saved.values());
          damaged.put(key, List.of(1));
          assertThatThrownBy(() -> other.swalr.restore(new Part(damaged)))
              .isInstanceOf(MalformedDataException.class)
              .hasMessage(message);
          assertThat(other.swalr.values()).isEqualTo(fresh);
          assertThat(other.cosine.paramGroups().stateDict()).isEqualTo(groups);
        });
    Map<String, Object> damaged = new HashMap<>(saved.values());
    damaged.put("state", Map.of("last_epoch", "x"));
    assertThatThrownBy(() -> other.swalr.restore(new Part(damaged)))
        .isInstanceOf(MalformedDataException.class);
    assertThat(other.swalr.values()).isEqualTo(fresh);
    assertThat(other.cosine.paramGroups().stateDict()).isEqualTo(groups);
    other.swalr.restore(saved);
    assertThat(other.swalr.values()).isEqualTo(saved.values());
  }

  @Test
  void refusesACheckpointListenerThatComesFirst() {
    MultiLayerNetwork net = oneRate();
    SwalrListener swalr = SwalrListener.everyEpoch(NetworkParamGroups.of(net), LINEAR_2);
    CheckpointWriter writer = CheckpointWriter.of(net).with("swalr", swalr);
    net.addListeners(TrainingCheckpointListener.everyEpoch(writer, folder), swalr);
    assertThatThrownBy(() -> net.fit(batches(), 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the TrainingCheckpointListener must be added after every SwalrListener, which would be"
                + " saved a step behind its network: add it last");
  }
}
