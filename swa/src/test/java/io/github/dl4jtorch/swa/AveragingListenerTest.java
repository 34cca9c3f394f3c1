package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.checkpoint.PartFile;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.constraint.MinMaxNormConstraint;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

class AveragingListenerTest {

  private static final int BATCHES = 3;

  private final MultiLayerNetwork net = Nets.layers(true);
  private final AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());

  /** Collects the parameters after each iteration, and which of them an average should hold. */
  private static final class Recorder extends BaseTrainingListener {
    final List<double[]> iterations = new ArrayList<>();
    final List<double[]> epochs = new ArrayList<>();

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      iterations.add(Nets.params(model));
    }

    @Override
    public void onEpochEnd(Model model) {
      epochs.add(Nets.params(model));
    }
  }

  private static DataSetIterator batches() {
    return new ExistingDataSetIterator(Nets.data(BATCHES, 6));
  }

  /** The mean of parameters; the statistics, which are not averaged, are left out. */
  private static void assertMean(AveragedModel<?> average, List<double[]> of) {
    double[] actual = average.network().params().toDoubleVector();
    assertThat(average.nAveraged()).isEqualTo(of.size());
    for (int i = 0; i < 24; i++) { // 0_W, 0_b, gamma, beta.
      int index = i;
      assertThat(actual[i])
          .isCloseTo(
              of.stream().mapToDouble(params -> params[index]).average().orElseThrow(),
              within(1e-14));
    }
  }

  private static List<double[]> every(List<double[]> all, int start, int interval) {
    List<double[]> chosen = new ArrayList<>();
    for (int i = start; i < all.size(); i += interval) {
      chosen.add(all.get(i));
    }
    return chosen;
  }

  @Test
  void averagesEachEpochFromOneOn() {
    Recorder all = new Recorder();
    net.addListeners(all, AveragingListener.everyEpoch(net, average).startingAt(2).withInterval(3));
    net.fit(batches(), 9);
    assertMean(average, every(all.epochs, 2, 3));
    assertThat(average.nAveraged()).isEqualTo(3);
  }

  @Test
  void averagesEachIterationFromOneOn() {
    Recorder all = new Recorder();
    net.addListeners(
        all, AveragingListener.everyIteration(net, average).withInterval(2).startingAt(5));
    net.fit(batches(), 4);
    assertMean(average, every(all.iterations, 5, 2));
    assertThat(average.nAveraged()).isEqualTo(4);
  }

  @Test
  void averagesAGraph() {
    ComputationGraph graph = Nets.graph(true);
    AveragedModel<ComputationGraph> averaged = AveragedModel.of(graph, Averaging.equal());
    Recorder all = new Recorder();
    graph.addListeners(all, AveragingListener.everyEpoch(graph, averaged).startingAt(1));
    graph.fit(batches(), 3);
    assertMean(averaged, every(all.epochs, 1, 1));
  }

  /** Several at once, as for a choice between decays. */
  @Test
  void severalAveragesDoNotMeet() {
    AveragedModel<MultiLayerNetwork> other = AveragedModel.of(net, Averaging.equal());
    Recorder all = new Recorder();
    net.addListeners(
        all,
        AveragingListener.everyEpoch(net, average),
        AveragingListener.everyIteration(net, other).startingAt(1));
    net.fit(batches(), 2);
    assertMean(average, all.epochs);
    assertMean(other, every(all.iterations, 1, 1));
  }

  @Test
  void countsEpochsByHand() {
    Recorder all = new Recorder();
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(1);
    net.addListeners(all, averaging);
    for (int epoch = 0; epoch < 3; epoch++) {
      Nets.fit(net, Nets.data(BATCHES, 6));
      averaging.stepEpoch();
    }
    assertMean(average, every(all.iterations, 5, 3));
    AveragingListener<MultiLayerNetwork> wrong = AveragingListener.everyIteration(net, average);
    assertThatThrownBy(wrong::stepEpoch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "stepEpoch() must be called only on an AveragingListener.everyEpoch(..), but this one"
                + " averages after iterations");
  }

  @Test
  void goesOnInARestoredNetwork() throws IOException {
    net.fit(batches(), 2);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ModelSerializer.writeModel(net, file, true);
    MultiLayerNetwork restored =
        ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(file.toByteArray()));
    AveragedModel<MultiLayerNetwork> epochs = AveragedModel.of(restored, Averaging.equal());
    AveragedModel<MultiLayerNetwork> iterations = AveragedModel.of(restored, Averaging.equal());
    restored.addListeners(
        AveragingListener.everyEpoch(restored, epochs).startingAt(3),
        AveragingListener.everyIteration(restored, iterations).startingAt(10));
    restored.fit(batches(), 2);
    assertThat(epochs.nAveraged()).isEqualTo(1);
    assertThat(iterations.nAveraged()).isEqualTo(2);
  }

  /** What early stopping does to a network that has been trained. */
  @Test
  void goesOnWhenTheCountOfEpochsIsSetBack() {
    net.fit(batches(), 2);
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(3);
    net.addListeners(averaging);
    net.setEpochCount(0);
    net.fit(batches(), 1); // number 2
    assertThat(average.nAveraged()).isZero();
    net.setEpochCount(0);
    net.fit(batches(), 2);
    assertThat(average.nAveraged()).isEqualTo(2);
  }

  /** A constraint that changes weights each time it is applied. */
  private static final LayerConstraint HALFWAY = new MinMaxNormConstraint(1, 1.5, 0.5, 1);

  /** DL4J applies them after its listeners. */
  @Test
  void averagesParametersAsConstraintsLeaveThem() {
    DenseLayer dense = new DenseLayer.Builder().nIn(3).nOut(4).constrainWeights(HALFWAY).build();
    checkConstraints(Nets.data(3, 6), dense, Nets.output(4));
    SimpleRnn recurrent = new SimpleRnn.Builder().nIn(3).nOut(4).constrainWeights(HALFWAY).build();
    List<DataSet> series = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      series.add(
          new DataSet(Nd4j.rand(DataType.DOUBLE, 5, 3, 2), Nd4j.rand(DataType.DOUBLE, 5, 2)));
    }
    checkConstraints(series, new LastTimeStep(recurrent), Nets.output(4));
    checkConstraints(
        series,
        new Bidirectional(Bidirectional.Mode.ADD, recurrent),
        new GlobalPoolingLayer(PoolingType.AVG),
        Nets.output(4));
  }

  private static void checkConstraints(List<DataSet> data, Layer... layers) {
    MultiLayerNetwork trained = Nets.net(layers);
    MultiLayerNetwork alone = NetworkCopy.of(trained);
    AveragedModel<MultiLayerNetwork> last = AveragedModel.of(trained, Averaging.ema(0));
    trained.addListeners(AveragingListener.everyIteration(trained, last));
    for (DataSet batch : data) {
      alone.fit(batch);
      trained.fit(batch);
      assertThat(Nets.params(trained)).isEqualTo(Nets.params(alone));
      assertThat(Nets.params(last.network())).isEqualTo(Nets.params(trained));
    }
  }

  @Test
  void refusesWhatCannotWork() {
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyEpoch(net, average);
    assertThatThrownBy(() -> averaging.startingAt(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("start must be >= 0 but was -1");
    assertThatThrownBy(() -> averaging.withInterval(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("interval must be > 0 but was 0");
    assertThatThrownBy(() -> averaging.finishingAfter(0, batches()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epochs must be > 0 but was 0");
    assertThatThrownBy(() -> averaging.startingAt(5).finishingAfter(5, batches()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epochs must be > 5, the epoch at which the average starts, but was 5");
    assertThatThrownBy(() -> AveragingListener.everyEpoch(average.network(), average))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("net must be the network in training but was the averaged one");
    MultiLayerNetwork other = Nets.layers(true);
    other.addListeners(averaging);
    assertThatThrownBy(() -> other.fit(batches(), 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "this listener must be added only to the network that it averages, but was called for a"
                + " copy or another network");
    assertThat(average.nAveraged()).isZero();
  }

  @Test
  void anEpochLoopTakesOneByEpochAlone() {
    assertThatThrownBy(() -> EpochLoop.of(net, AveragingListener.everyIteration(net, average)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "listeners must work after epochs, but this AveragingListener works after iterations, of"
                + " which an EpochLoop does not tell: add it to the network");
    assertThat(net.getListeners()).isEmpty();
    EpochLoop.of(net, AveragingListener.everyEpoch(net, average))
        .fit(2, () -> Nets.fit(net, Nets.data(1, 3)));
    assertThat(average.nAveraged()).isEqualTo(2);
  }

  @Test
  void finishesAfterTheEpochThatIsTold() {
    MultiLayerNetwork same = net.clone();
    AveragedModel<MultiLayerNetwork> byHand = AveragedModel.of(same, Averaging.equal());
    same.addListeners(AveragingListener.everyEpoch(same, byHand).startingAt(1));
    same.fit(batches(), 3);
    double[] before = Nets.params(byHand.network());
    new UpdateBn().run(byHand.network(), batches());

    DataSetIterator training = batches();
    net.addListeners(
        AveragingListener.everyEpoch(net, average).finishingAfter(3, training).startingAt(1));
    net.fit(training, 3);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(same));
    assertThat(Nets.params(average.network())).isEqualTo(Nets.params(byHand.network()));
    assertThat(Nets.params(average.network())).isNotEqualTo(before);
  }

  @Test
  void finishesOverSeveralInputs() {
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyEpoch(net, average);
    net.addListeners(averaging.finishingAfter(1, batches()));
    net.fit(batches(), 1);
    DataSet all = DataSet.merge(Nets.data(BATCHES, 6));
    averaging.finish(new Batched.Multi(List.of(all.toMultiDataSet())));
    AveragedModel<MultiLayerNetwork> expected = AveragedModel.of(net, Averaging.equal());
    expected.updateParameters(net);
    new UpdateBn().run(expected.network(), new ExistingDataSetIterator(List.of(all)));
    assertThat(Nets.params(average.network())).isEqualTo(Nets.params(expected.network()));
  }

  @Test
  void refusesToFinishWhatHasNotBegun() {
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).startingAt(4);
    net.addListeners(averaging);
    net.fit(batches(), 2);
    assertThatThrownBy(() -> averaging.finish(batches()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the average must hold a model before it is finished, but it starts at epoch 4, and"
                + " there were only 2");
  }

  /** Batch normalization, and dropout, which draws random numbers. */
  private static Model forgetful(boolean isGraph) {
    DropoutLayer dropout = new DropoutLayer.Builder(new Dropout(0.6)).build();
    if (!isGraph) {
      return Nets.net(Nets.dense(3, 4), Nets.norm(4, true), dropout, Nets.output(4));
    }
    ComputationGraph graph =
        new ComputationGraph(
            Nets.settings()
                .graphBuilder()
                .addInputs("in")
                .addLayer("a", Nets.dense(3, 4), "in")
                .addLayer("bn", Nets.norm(4, true), "a")
                .addLayer("drop", dropout, "bn")
                .addLayer("out", Nets.output(4), "drop")
                .setOutputs("out")
                .build());
    graph.init();
    return graph;
  }

  private static double[] trained(Model net, DataSetIterator training) {
    Nd4j.getRandom().setSeed(7);
    if (net instanceof MultiLayerNetwork layers) {
      layers.fit(training, 4);
    } else {
      ((ComputationGraph) net).fit(training, 4);
    }
    return Nets.params(net);
  }

  /** Looks at the average after each epoch, with statistics of its own. */
  private static <M extends Model & NeuralNetwork> AveragedModel<M> look(
      M net, AveragedModel<M> average, DataSetIterator training, List<Double> scores) {
    AveragingListener<M> averaging =
        AveragingListener.everyIteration(net, average).finishingAfter(2, training);
    AveragedScoreCalculator<M> score =
        new AveragedScoreCalculator<>(average, new DataSetLossCalculator(batches(), true))
            .updatingBn(training);
    net.addListeners(
        averaging,
        new BaseTrainingListener() {
          @Override
          @SuppressWarnings("unchecked")
          public void onEpochEnd(Model model) {
            averaging.finish(training);
            scores.add(score.calculateScore((M) model));
          }
        });
    return average;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void trainingIsTheSameToTheBitHoweverOneLooksAtTheAverage(boolean isGraph) {
    double[] expected = trained(forgetful(isGraph), batches());
    Model watched = forgetful(isGraph);
    List<Double> scores = new ArrayList<>();
    DataSetIterator training = batches();
    AveragedModel<?> averaged =
        watched instanceof MultiLayerNetwork layers
            ? look(layers, AveragedModel.of(layers, Averaging.ema(0.9)), training, scores)
            : look(
                (ComputationGraph) watched,
                AveragedModel.of((ComputationGraph) watched, Averaging.ema(0.9)),
                training,
                scores);
    assertThat(trained(watched, training)).isEqualTo(expected);
    assertThat(averaged.nAveraged()).isEqualTo(4L * BATCHES);
    assertThat(scores).hasSize(4).doesNotContain(0.0).doesNotHaveDuplicates();

    // Dropout really draws random numbers, in update_bn too.
    Nd4j.getRandom().setSeed(7);
    double first = Nd4j.getRandom().nextDouble();
    Nd4j.getRandom().setSeed(7);
    new UpdateBn().run(averaged.network(), training);
    assertThat(Nd4j.getRandom().nextDouble()).isNotEqualTo(first);
  }

  @Test
  void tellsHowFarALongPassIs() {
    PrintStream usual = System.err;
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    long[] seconds = {100};
    DataSetIterator slow =
        new ExistingDataSetIterator(
            () -> Nets.data(8, 6).stream().peek(batch -> seconds[0] += 4).iterator());
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average)
            .withClock(() -> TimeUnit.SECONDS.toNanos(seconds[0]));
    net.addListeners(averaging);
    net.fit(batches(), 1);
    try {
      System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
      averaging.finish(slow);
    } finally {
      System.setErr(usual);
    }
    assertThat(
            log.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.contains(UpdateBn.class.getName()))
                .map(line -> line.replaceFirst("^\\[[^]]*] ", "")))
        // The iterator loads a batch when it is asked whether there is one.
        .containsExactly(
            "INFO " + UpdateBn.class.getName() + " - 2 batches in 12 s",
            "INFO " + UpdateBn.class.getName() + " - 5 batches in 24 s");
  }

  @TempDir private Path folder;

  /** What goes into production: a plain file of DL4J that predicts what the average predicts. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theAverageAloneIsAPlainModelFile(boolean isGraph) throws IOException {
    INDArray features = Nets.data(1, 6).get(0).getFeatures();
    Path file = folder.resolve("average.zip");
    if (isGraph) {
      ComputationGraph graph = Nets.graph(true);
      AveragedModel<ComputationGraph> averaged = AveragedModel.of(graph, Averaging.equal());
      AveragingListener<ComputationGraph> averaging = AveragingListener.everyEpoch(graph, averaged);
      graph.addListeners(averaging);
      graph.fit(batches(), 3);
      averaging.finish(batches());
      ModelSerializer.writeModel(averaged.network(), file.toFile(), false);
      assertThat(
              ModelSerializer.restoreComputationGraph(file.toFile())
                  .outputSingle(features)
                  .ravel()
                  .toDoubleVector())
          .isEqualTo(averaged.network().outputSingle(features).ravel().toDoubleVector())
          .isNotEqualTo(graph.outputSingle(features).ravel().toDoubleVector());
    } else {
      AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyEpoch(net, average);
      net.addListeners(averaging);
      net.fit(batches(), 3);
      averaging.finish(batches());
      ModelSerializer.writeModel(average.network(), file.toFile(), false);
      assertThat(
              ModelSerializer.restoreMultiLayerNetwork(file.toFile())
                  .output(features)
                  .ravel()
                  .toDoubleVector())
          .isEqualTo(average.network().output(features).ravel().toDoubleVector())
          .isNotEqualTo(net.output(features).ravel().toDoubleVector());
    }
  }

  /** ema-pytorch's own interval is the listener's, and another would give other decays. */
  @Test
  void updatesAsOftenAsTheAveragingSays() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(net, Averaging.emaPytorch().updateEvery(3).build());
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyIteration(net, average);
    net.addListeners(averaging);
    Nets.fit(net, Nets.data(7, 6));
    assertThat(average.nAveraged()).isEqualTo(3); // After the iterations 0, 3 and 6.
    assertThat(averaging.withInterval(3).values()).isEqualTo(averaging.values());
    assertThatThrownBy(() -> averaging.withInterval(2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("interval must be 3, the updateEvery of the averaging, but was 2");
    assertThatThrownBy(averaging::anewInEachEpoch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "anewInEachEpoch() must not be called where the averaging counts the steps on from one"
                + " epoch into the next, as "
                + average.averaging());
  }

  /** In the folder are the averages after each so-many-th update, as they were then. */
  @Test
  void savesSnapshots(@TempDir Path folder) throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.powerEma(0.1));
    net.addListeners(
        AveragingListener.everyIteration(net, average).savingTo(EmaSnapshots.in(folder), 2));
    Nets.fit(net, Nets.data(4, 6));
    double[] fourth = Nets.params(average.network());
    Nets.fit(net, Nets.data(1, 6));
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()).sorted())
          .containsExactly("ema-0.1-0000000002.zip", "ema-0.1-0000000004.zip");
    }
    AveragedModel<MultiLayerNetwork> read = AveragedModel.of(net, Averaging.powerEma(0.1));
    AverageCheckpoint.restore(PartFile.load(folder.resolve("ema-0.1-0000000004.zip")), read);
    assertThat(Nets.params(read.network())).isEqualTo(fourth);
    assertThat(read.nAveraged()).isEqualTo(4);
  }
}
