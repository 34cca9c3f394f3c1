package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.fixtures.Nets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.TimeDistributed;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class UpdateBnTest {

  /** Batches of unequal size. */
  private static List<INDArray> features(int... sizes) {
    Random random = new Random(3);
    List<INDArray> batches = new ArrayList<>();
    for (int size : sizes) {
      batches.add(Nets.matrix(random, size, Nets.INPUTS, -1, 4 * random.nextDouble()));
    }
    return batches;
  }

  private static MultiLayerNetwork normalizingFirst(boolean logarithm) {
    return Nets.net(Nets.norm(Nets.INPUTS, logarithm), Nets.output(Nets.INPUTS));
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElseThrow();
  }

  private static double variance(double[] values, int correction) {
    double mean = mean(values);
    return Arrays.stream(values).map(x -> (x - mean) * (x - mean)).sum()
        / (values.length - correction);
  }

  private static double[] channel(INDArray matrix, int channel) {
    return matrix.getColumn(channel).dup().toDoubleVector();
  }

  private static double[] variances(Model net, String layer) {
    double[] logarithms = Nets.param(net, layer + "_log10stdev");
    return Arrays.stream(logarithms).map(x -> Math.pow(10, 2 * x)).toArray();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void takesTheMeanOverBatchesOfMeansAndVariancesWithoutBias(boolean logarithm) {
    MultiLayerNetwork net = normalizingFirst(logarithm);
    List<INDArray> batches = features(5, 4, 2);
    Batched data = new Batched(batches);
    new UpdateBn().run(net, data);
    for (int channel = 0; channel < Nets.INPUTS; channel++) {
      int at = channel;
      double mean = batches.stream().mapToDouble(x -> mean(channel(x, at))).average().orElseThrow();
      double variance =
          batches.stream().mapToDouble(x -> variance(channel(x, at), 1)).average().orElseThrow();
      assertThat(Nets.param(net, "0_mean")[channel]).isEqualTo(mean, within(1e-15));
      double actual = logarithm ? variances(net, "0")[channel] : Nets.param(net, "0_var")[channel];
      assertThat(actual).isEqualTo(variance, within(1e-14));
    }
    assertThat(data.resets).isEqualTo(2);
    assertThat(data.served).isEqualTo(3);
    assertThat(Nets.param(net, "0_gamma")).containsOnly(1);
  }

  @Test
  void weighsBatchesByTheirSizeAndLeavesTheBiasIfAsked() {
    MultiLayerNetwork net = normalizingFirst(false);
    List<INDArray> batches = features(5, 4, 1);
    UpdateBn updateBn = new UpdateBn().weightedByBatchSize().withBiasedVariance();
    updateBn.run(net, new Batched(batches));
    for (int channel = 0; channel < Nets.INPUTS; channel++) {
      double mean = 0;
      double variance = 0;
      for (INDArray x : batches) {
        mean += x.rows() * mean(channel(x, channel)) / 10;
        variance += x.rows() * variance(channel(x, channel), 0) / 10;
      }
      assertThat(Nets.param(net, "0_mean")[channel]).isEqualTo(mean, within(1e-15));
      assertThat(Nets.param(net, "0_var")[channel]).isEqualTo(variance, within(1e-14));
    }
  }

  @Test
  void laterLayersSeeWhatEarlierOnesMakeOfTheBatchItself() {
    MultiLayerNetwork net =
        Nets.net(
            Nets.norm(3, true),
            new TorchBatchNormalization.Builder().nIn(3).nOut(3).build(),
            Nets.output(3));
    net.getParam("0_gamma").assign(Nd4j.createFromArray(2.0, 3.0, 0.5));
    net.getParam("0_beta").assign(7);
    // Of no account, as the batch's own are used.
    net.getParam("0_mean").assign(100);
    List<INDArray> batches = features(5, 4);
    new UpdateBn().run(net, new Batched(batches));
    double[] gamma = {2, 3, 0.5};
    for (int channel = 0; channel < 3; channel++) {
      double variance = 0;
      for (INDArray x : batches) {
        double biased = variance(channel(x, channel), 0);
        double scale = gamma[channel] * gamma[channel] / (biased + 1e-5);
        variance += scale * variance(channel(x, channel), 1) / 2;
      }
      assertThat(Nets.param(net, "1_mean")[channel]).isEqualTo(7, within(1e-13));
      assertThat(Nets.param(net, "1_var")[channel]).isEqualTo(variance, within(1e-12));
    }
  }

  @ParameterizedTest
  @EnumSource(CNN2DFormat.class)
  void countsAllPlacesOfAnImage(CNN2DFormat format) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            Nets.settings()
                .list()
                .layer(new BatchNormalization.Builder().build())
                .layer(new ConvolutionLayer.Builder(2, 2).nOut(2).build())
                .layer(new TorchBatchNormalization.Builder().build())
                .layer(Nets.output(0))
                .setInputType(InputType.convolutional(4, 5, 3, format))
                .build());
    net.init();
    boolean first = format == CNN2DFormat.NCHW;
    Random random = new Random(5);
    INDArray flat = Nets.matrix(random, 2 * 4 * 5, 3, -1, 3);
    INDArray image = flat.reshape(2, 4, 5, 3);
    new UpdateBn()
        .run(net, new Batched(List.of(first ? image.permute(0, 3, 1, 2).dup('c') : image)));
    for (int channel = 0; channel < 3; channel++) {
      double[] values = channel(flat, channel);
      assertThat(Nets.param(net, "0_mean")[channel]).isEqualTo(mean(values), within(1e-14));
      assertThat(variances(net, "0")[channel]).isEqualTo(variance(values, 1), within(1e-13));
    }
    // What the second one sees is what the network itself says it sees.
    INDArray seen =
        net.feedForward(first ? image.permute(0, 3, 1, 2).dup('c') : image, true).get(2);
    INDArray rows = (first ? seen.permute(0, 2, 3, 1) : seen).dup('c').reshape(2 * 3 * 4, 2);
    for (int channel = 0; channel < 2; channel++) {
      double[] values = channel(rows, channel);
      assertThat(Nets.param(net, "2_mean")[channel]).isEqualTo(mean(values), within(1e-14));
      assertThat(Nets.param(net, "2_var")[channel]).isEqualTo(variance(values, 1), within(1e-13));
    }
  }

  @Test
  void theNetworkIsEvaluatedWithItsNewStatistics() {
    MultiLayerNetwork net = normalizingFirst(true);
    net.getParam("1_W").assign(Nd4j.createFromArray(1.0, 0, 0, 0, 0, 1).reshape(3, 2));
    List<INDArray> batches = features(5, 4);
    new UpdateBn().run(net, new Batched(batches));
    double mean = Nets.param(net, "0_mean")[0];
    double expected =
        (batches.get(0).getDouble(2, 0) - mean) / Math.sqrt(variances(net, "0")[0] + 1e-5);
    assertThat(net.output(batches.get(0)).getDouble(2, 0)).isEqualTo(expected, within(1e-13));
  }

  @Test
  void worksInSinglePrecisionAndWithLockedGammaAndBeta() {
    MultiLayerNetwork net =
        Nets.net(
            Nets.settings().dataType(DataType.FLOAT),
            new BatchNormalization.Builder()
                .nIn(3)
                .nOut(3)
                .lockGammaBeta(true)
                .gamma(2)
                .minibatch(false)
                .build(),
            Nets.output(3));
    MultiLayerNetwork exact = normalizingFirst(true);
    List<INDArray> batches = features(50, 40, 20);
    new UpdateBn().run(exact, new Batched(batches));
    new UpdateBn()
        .run(net, new Batched(batches.stream().map(x -> x.castTo(DataType.FLOAT)).toList()));
    assertThat(net.paramTable()).doesNotContainKey("0_gamma");
    for (String name : List.of("0_mean", "0_log10stdev")) {
      for (int i = 0; i < 3; i++) {
        assertThat(Nets.param(net, name)[i]).isEqualTo(Nets.param(exact, name)[i], within(1e-6));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(CNN2DFormat.class)
  void losesNoDigitsOverLargeImagesInSinglePrecision(CNN2DFormat format) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            Nets.settings()
                .dataType(DataType.FLOAT)
                .list()
                .layer(new BatchNormalization.Builder().build())
                .layer(new GlobalPoolingLayer())
                .layer(Nets.output(2))
                .setInputType(InputType.convolutional(60, 60, 2, format))
                .build());
    net.init();
    boolean first = format == CNN2DFormat.NCHW;
    Nd4j.getRandom().setSeed(4);
    INDArray images =
        Nd4j.rand(DataType.FLOAT, first ? new long[] {8, 2, 60, 60} : new long[] {8, 60, 60, 2});
    images.addi(3);
    new UpdateBn().run(net, new Batched(List.of(images)));
    INDArray exact = images.castTo(DataType.DOUBLE).mean(0, first ? 2 : 1, first ? 3 : 2);
    for (int channel = 0; channel < 2; channel++) {
      assertThat(Nets.param(net, "0_mean")[channel])
          .isEqualTo(exact.getDouble(channel), within(4e-6));
    }
  }

  @Test
  void aConstantChannelHasASmallVarianceAndNotMinusInfinity() {
    MultiLayerNetwork net = normalizingFirst(true);
    new UpdateBn().run(net, new Batched(List.of(Nd4j.ones(DataType.DOUBLE, 4, 3))));
    assertThat(Nets.param(net, "0_log10stdev")).containsOnly(-18.5);
    assertThat(Nets.param(net, "0_mean")).containsOnly(1);
    assertThat(net.output(Nd4j.ones(DataType.DOUBLE, 1, 3)).getDouble(0)).isFinite();
  }

  @Test
  void dropoutActs() {
    MultiLayerNetwork net = Nets.net(new DropoutLayer(0.5), Nets.norm(3, false), Nets.output(3));
    new UpdateBn().run(net, new Batched(List.of(Nd4j.ones(DataType.DOUBLE, 1000, 3))));
    assertThat(Nets.param(net, "1_mean")[0]).isEqualTo(1, within(0.2));
    assertThat(Nets.param(net, "1_var")[0]).isEqualTo(1, within(0.2));
  }

  @Test
  void aGraphMayHaveSeveralInputsAndMasks() {
    ComputationGraph net =
        new ComputationGraph(
            Nets.settings()
                .graphBuilder()
                .addInputs("series", "row")
                .addLayer("lstm", new LSTM.Builder().nIn(2).nOut(3).build(), "series")
                .addLayer(
                    "pool",
                    new GlobalPoolingLayer.Builder().poolingType(PoolingType.AVG).build(),
                    "lstm")
                .addLayer("bnPool", Nets.norm(3, true), "pool")
                .addLayer("bnRow", Nets.norm(3, false), "row")
                .addVertex("both", new MergeVertex(), "bnPool", "bnRow")
                .addLayer("out", Nets.output(6), "both")
                .setOutputs("out")
                .build());
    net.init();
    Random random = new Random(8);
    INDArray row = Nets.matrix(random, 4, 3, 0, 1);
    INDArray labels = Nd4j.zeros(DataType.DOUBLE, 4, 2);
    INDArray series = Nets.matrix(random, 4, 2 * 5, -3, 3).reshape(4, 2, 5);
    INDArray mask = Nd4j.zeros(DataType.DOUBLE, 4, 5);
    mask.get(NDArrayIndex.all(), NDArrayIndex.interval(0, 2)).assign(1);
    MultiDataSet masked =
        new MultiDataSet(
            new INDArray[] {series, row},
            new INDArray[] {labels},
            new INDArray[] {mask, null},
            null);
    INDArray cut = series.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, 2));
    MultiDataSet shorter =
        new MultiDataSet(new INDArray[] {cut.dup(), row}, new INDArray[] {labels});
    ComputationGraph expected = NetworkCopy.of(net);
    new UpdateBn().run(net, new Batched.Multi(List.of(masked)));
    new UpdateBn().run(expected, new Batched.Multi(List.of(shorter)));
    for (String name : List.of("bnPool_mean", "bnPool_log10stdev", "bnRow_mean", "bnRow_var")) {
      double[] values = Nets.param(expected, name);
      for (int i = 0; i < 3; i++) {
        assertThat(Nets.param(net, name)[i]).as(name).isEqualTo(values[i], within(1e-14));
      }
    }
    assertThat(Nets.param(net, "bnRow_mean")[1]).isEqualTo(mean(channel(row, 1)), within(1e-15));
    // A mask that stayed behind would be felt here.
    assertThat(net.output(cut.dup(), row)[0].toDoubleMatrix())
        .isDeepEqualTo(expected.output(cut.dup(), row)[0].toDoubleMatrix());
  }

  @Test
  void frozenLayersKeepTheirStatistics() {
    MultiLayerNetwork net =
        Nets.net(new FrozenLayer(Nets.norm(3, false)), Nets.norm(3, false), Nets.output(3));
    net.getParam("0_mean").assign(2);
    List<INDArray> batches = features(5);
    new UpdateBn().run(net, new Batched(batches));
    assertThat(Nets.param(net, "0_mean")).containsOnly(2);
    assertThat(Nets.param(net, "0_var")).containsOnly(1);
    double expected = (mean(channel(batches.get(0), 1)) - 2) / Math.sqrt(1 + 1e-5);
    assertThat(Nets.param(net, "1_mean")[1]).isEqualTo(expected, within(1e-14));
  }

  @Test
  void leavesUpdatersCountsAndWeightsAlone() {
    List<DataSet> data = Nets.data(4, 6);
    MultiLayerNetwork net = Nets.layers(true);
    Nets.fit(net, data);
    MultiLayerNetwork other = NetworkCopy.of(net);
    INDArray mean = other.getParam("1_mean").dup();
    INDArray spread = other.getParam("1_log10stdev").dup();
    new UpdateBn().run(net, new Batched(data.stream().map(DataSet::getFeatures).toList()));
    assertThat(Nets.param(net, "1_mean")).isNotEqualTo(Nets.param(other, "1_mean"));
    net.getParam("1_mean").assign(mean);
    net.getParam("1_log10stdev").assign(spread);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(other));
    Nets.fit(net, data);
    Nets.fit(other, data);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(other));
    assertThat(net.getIterationCount()).isEqualTo(8);
  }

  @Test
  void withoutBatchNormalizationTouchesNothing() {
    Batched data = new Batched(features(4));
    new UpdateBn().run(Nets.net(Nets.dense(3, 4), Nets.output(4)), data);
    new UpdateBn().run(Nets.net(new FrozenLayer(Nets.norm(3, true)), Nets.output(3)), data);
    assertThat(data.resets).isZero();
    assertThat(data.served).isZero();
  }

  @Test
  void takesAnIteratorAsItIsIfItCannotBeReset() {
    MultiLayerNetwork net = normalizingFirst(true);
    Batched data = new Batched(features(4, 4));
    data.canReset = false;
    data.next();
    new UpdateBn().run(net, data);
    assertThat(data.served).isEqualTo(2);
    assertThat(Nets.param(net, "0_mean")[0])
        .isEqualTo(mean(channel(features(4, 4).get(1), 0)), within(1e-15));
  }

  /** Checks the message, that the iterator was reset, and that nothing in the network changed. */
  private static <N extends Model & NeuralNetwork> void refused(
      N net, Batched data, Class<? extends Throwable> type, String message) {
    double[] before = Nets.params(net);
    assertThatThrownBy(() -> new UpdateBn().run(net, data)).isInstanceOf(type).hasMessage(message);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(data.resets).isEqualTo(2);
  }

  @Test
  void refusesAnEmptyIterator() {
    refused(
        normalizingFirst(true),
        new Batched(List.of()),
        IllegalArgumentException.class,
        "data must have at least 1 batch but was empty");
  }

  @Test
  void refusesABatchWithOneValuePerChannel() {
    refused(
        normalizingFirst(true),
        new Batched(features(4, 1)),
        IllegalStateException.class,
        "batch normalization must see more than 1 value per channel for a variance without bias,"
            + " but batch 2 has an input of shape [1, 3] in layer0");
  }

  @Test
  void refusesStatisticsThatAreNotFinite() {
    List<INDArray> batches = features(4, 4);
    batches.get(1).putScalar(0, 1, Double.NaN);
    refused(
        normalizingFirst(true),
        new Batched(batches),
        IllegalStateException.class,
        "the statistics of batch normalization must be finite, but those of layer0 over these data"
            + " are not");
  }

  @Test
  void nothingChangesIfTheIteratorFails() {
    Batched data = new Batched(features(4, 4));
    data.failure = new UncheckedFailure("unreadable");
    refused(Nets.layers(true), data, UncheckedFailure.class, "unreadable");
    // And the network works as before.
    MultiLayerNetwork net = Nets.layers(true);
    assertThatThrownBy(() -> new UpdateBn().run(net, data)).isSameAs(data.failure);
    Nets.fit(net, Nets.data(2, 4));
  }

  @Test
  void nothingChangesIfTheForwardPassFails() {
    MultiLayerNetwork net = Nets.layers(true);
    Batched data = new Batched(List.of(features(4).get(0), Nd4j.ones(DataType.DOUBLE, 4, 2)));
    double[] before = Nets.params(net);
    assertThatThrownBy(() -> new UpdateBn().run(net, data)).isInstanceOf(RuntimeException.class);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(data.resets).isEqualTo(2);
  }

  @Test
  void aFailureToResetIsToldBesideTheFirst() {
    Batched data = new Batched(features(4, 4));
    data.failure = new UncheckedFailure("unreadable");
    data.resetFailure = new UncheckedFailure("stuck");
    assertThatThrownBy(() -> new UpdateBn().run(Nets.layers(true), data))
        .isSameAs(data.failure)
        .hasSuppressedException(data.resetFailure);
  }

  private static final class UncheckedFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UncheckedFailure(String message) {
      super(message);
    }
  }

  @Test
  void refusesWhatItCannotUpdate() {
    MultiLayerNetwork timeDistributed =
        Nets.net(new TimeDistributed(Nets.norm(3, true)), Nets.output(3));
    assertThatThrownBy(() -> new UpdateBn().run(timeDistributed, new Batched(features(4))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "batch normalization must not be inside a TimeDistributedLayer for its statistics to be"
                + " updated, but layer0 is");
    MultiLayerNetwork net = normalizingFirst(true);
    MultiDataSet two =
        new MultiDataSet(
            new INDArray[] {features(4).get(0), features(4).get(0)}, new INDArray[] {});
    assertThatThrownBy(() -> new UpdateBn().run(net, new Batched.Multi(List.of(two))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("data for a MultiLayerNetwork must have 1 input but had 2");
    MultiLayerNetwork raw = new MultiLayerNetwork(net.getLayerWiseConfigurations().clone());
    assertThatThrownBy(() -> new UpdateBn().run(raw, new Batched(features(4))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must be initialised before its statistics are computed: call net.init()");
    assertThatThrownBy(() -> new UpdateBn().run(net, (Batched) null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("data must be given but was null");
  }

  @Test
  void refusesTimeSeries() {
    MultiLayerNetwork net = Nets.net(new LSTM.Builder().nIn(2).nOut(3).build(), Nets.norm(3, true));
    // Batch and channels of the same size, which DL4J takes for images.
    INDArray series = Nd4j.rand(DataType.DOUBLE, 3, 2, 5);
    assertThatThrownBy(() -> new UpdateBn().run(net, new Batched(List.of(series))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the input of batch normalization must be of rank 2 or 4 for its statistics to be"
                + " updated, but was of shape [3, 3, 5] in layer1");
  }

  @Test
  void aMultiLayerNetworkTakesAMultiDataSetWithOneInput() {
    MultiLayerNetwork net = normalizingFirst(true);
    MultiLayerNetwork other = normalizingFirst(true);
    List<INDArray> batches = features(4, 5);
    new UpdateBn().run(net, new Batched(batches));
    List<org.nd4j.linalg.dataset.api.MultiDataSet> sets = new ArrayList<>();
    IntStream.range(0, 2)
        .forEach(i -> sets.add(new MultiDataSet(batches.get(i), Nd4j.zeros(DataType.DOUBLE, 1))));
    new UpdateBn().run(other, new Batched.Multi(sets));
    assertThat(Nets.params(other)).isEqualTo(Nets.params(net));
  }
}
