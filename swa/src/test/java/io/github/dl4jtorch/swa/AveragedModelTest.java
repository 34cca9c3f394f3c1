package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.bytedeco.javacpp.Pointer;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.AutoEncoder;
import org.deeplearning4j.nn.conf.layers.CenterLossOutputLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.misc.ElementWiseMultiplicationLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.shade.jackson.databind.ObjectMapper;

class AveragedModelTest {

  private static final Offset<Double> EXACT = within(1e-15);
  private static final List<DataSet> DATA = Nets.data(5, 4);

  /** Returns the parameters after each batch. */
  private static List<double[]> train(
      MultiLayerNetwork net, AveragedModel<MultiLayerNetwork> average) {
    List<double[]> seen = new ArrayList<>();
    for (DataSet batch : DATA) {
      net.fit(batch);
      average.updateParameters(net);
      seen.add(Nets.params(net));
    }
    return seen;
  }

  private static double[] mean(List<double[]> all) {
    double[] mean = new double[all.get(0).length];
    for (int i = 0; i < mean.length; i++) {
      int at = i;
      mean[i] = all.stream().mapToDouble(values -> values[at]).average().orElseThrow();
    }
    return mean;
  }

  private static double[] ema(List<double[]> all, double decay) {
    double[] ema = all.get(0).clone();
    for (double[] values : all.subList(1, all.size())) {
      for (int i = 0; i < ema.length; i++) {
        ema[i] = decay * ema[i] + (1 - decay) * values[i];
      }
    }
    return ema;
  }

  private static void assertEqual(double[] actual, double[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).as("value %d", i).isEqualTo(expected[i], within(tolerance));
    }
  }

  @Test
  void anEqualAverageIsTheMean() {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 4), Nets.output(4));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    assertThat(average.nAveraged()).isZero();
    List<double[]> seen = train(net, average);
    assertThat(average.nAveraged()).isEqualTo(5);
    assertEqual(Nets.params(average.network()), mean(seen), 1e-15);
  }

  @Test
  void theFirstUpdateCopiesToTheBit() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    Nets.fit(net, DATA);
    average.updateParameters(net);
    assertThat(Nets.params(average.network())).isEqualTo(Nets.params(net));
  }

  @Test
  void anExponentialAverageWeighsOldModelsLess() {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 4), Nets.output(4));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.75));
    assertEqual(Nets.params(average.network()), Nets.params(net), 0);
    List<double[]> seen = train(net, average);
    assertEqual(Nets.params(average.network()), ema(seen, 0.75), 1e-15);
  }

  @Test
  void aDecayOf1KeepsTheFirstModelAnd0TheLast() {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 4), Nets.output(4));
    AveragedModel<MultiLayerNetwork> first = AveragedModel.of(net, Averaging.ema(1));
    AveragedModel<MultiLayerNetwork> last = AveragedModel.of(net, Averaging.ema(0));
    first.updateParameters(net);
    double[] copied = Nets.params(net);
    train(net, first);
    last.updateParameters(net);
    last.updateParameters(net);
    assertThat(Nets.params(first.network())).isEqualTo(copied);
    assertThat(Nets.params(last.network())).isEqualTo(Nets.params(net));
  }

  @Test
  void yolov5sFirstUpdateAveragesWithTheStart() {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 4), Nets.output(4));
    double[] start = Nets.params(net);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.yolov5(0.9, 4));
    Nets.fit(net, DATA);
    average.updateParameters(net);
    double decay = 0.9 * (1 - Math.exp(-1.0 / 4));
    assertEqual(
        Nets.params(average.network()), ema(List.of(start, Nets.params(net)), decay), 1e-15);
  }

  @Test
  void restartingCopiesAgain() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    train(net, average);
    average.restart();
    assertThat(average.nAveraged()).isZero();
    average.updateParameters(net);
    assertThat(Nets.params(average.network())).isEqualTo(Nets.params(net));
    assertThat(average.nAveraged()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void runningStatisticsAreCopied(boolean logarithm) {
    String spread = logarithm ? "1_log10stdev" : "1_var";
    MultiLayerNetwork net = Nets.layers(logarithm);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    train(net, average);
    MultiLayerNetwork averaged = average.network();
    assertThat(Nets.param(averaged, "1_mean")).isEqualTo(Nets.param(net, "1_mean"));
    assertThat(Nets.param(averaged, spread)).isEqualTo(Nets.param(net, spread));
    assertThat(Nets.param(averaged, "1_gamma")).isNotEqualTo(Nets.param(net, "1_gamma"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void runningStatisticsAreAveragedAsBuffersIfAsked(boolean logarithm) {
    String spread = logarithm ? "bn_log10stdev" : "bn_var";
    ComputationGraph net = Nets.graph(logarithm);
    AveragedModel<ComputationGraph> average =
        AveragedModel.of(net, Averaging.equal().useBuffers(true));
    List<double[]> means = new ArrayList<>();
    List<double[]> variances = new ArrayList<>();
    List<double[]> weights = new ArrayList<>();
    for (DataSet batch : DATA) {
      net.fit(batch);
      average.updateParameters(net);
      means.add(Nets.param(net, "bn_mean"));
      variances.add(variances(Nets.param(net, spread), logarithm));
      weights.add(Nets.param(net, "out_W"));
    }
    ComputationGraph averaged = average.network();
    assertEqual(Nets.param(averaged, "bn_mean"), mean(means), 1e-15);
    assertEqual(variances(Nets.param(averaged, spread), logarithm), mean(variances), 1e-14);
    assertEqual(Nets.param(averaged, "out_W"), mean(weights), 1e-15);
    // A mean of logarithms would be another.
    assertThat(variances.get(0)[0] / variances.get(4)[0]).isGreaterThan(1.2);
  }

  private static double[] variances(double[] stored, boolean logarithm) {
    return Arrays.stream(stored).map(x -> logarithm ? Math.pow(10, 2 * x) : x).toArray();
  }

  @Test
  void sharesNothingWithItsSource() {
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(1), 0.1, ScheduleType.ITERATION);
    MultiLayerNetwork net =
        Nets.net(Nets.settings().updater(new Adam(schedule)), Nets.dense(3, 4), Nets.output(4));
    List<Object> heard = new ArrayList<>();
    net.addListeners(
        new BaseTrainingListener() {
          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            heard.add(model);
          }
        });
    net.fit(DATA.get(0));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.5));
    MultiLayerNetwork alone = NetworkCopy.of(net);
    average.updateParameters(net);
    double[] averaged = Nets.params(average.network());
    net.fit(DATA.get(1));
    assertThat(Nets.params(average.network())).isEqualTo(averaged);
    double[] trained = Nets.params(net);
    average.network().setLearningRate(7);
    average.network().fit(DATA.get(2));
    assertThat(Nets.params(net)).isEqualTo(trained);
    assertThat(Nets.params(average.network())).isNotEqualTo(averaged);
    // The source's updater state and rate are those of a network that was never averaged.
    Nets.fit(alone, DATA.subList(1, 5));
    Nets.fit(net, DATA.subList(2, 5));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(alone));
    assertThat(heard).hasSize(5).containsOnly(net);
    assertThat(average.network().getListeners()).isEmpty();
  }

  /** Where workspaces may be open. */
  @Test
  void canBeUpdatedByAListener() {
    AveragingFunction ema = (averaged, parameter, n) -> averaged.mul(0.75).add(parameter.mul(0.25));
    for (Averaging averaging : List.of(Averaging.ema(0.75), Averaging.of(ema))) {
      ComputationGraph net = Nets.graph(true);
      ComputationGraph alone = NetworkCopy.of(net);
      AveragedModel<ComputationGraph> inside = AveragedModel.of(net, averaging.useBuffers(true));
      AveragedModel<ComputationGraph> outside = AveragedModel.of(alone, averaging.useBuffers(true));
      net.addListeners(
          new BaseTrainingListener() {
            @Override
            public void iterationDone(Model model, int iteration, int epoch) {
              inside.updateParameters((ComputationGraph) model);
            }
          });
      net.fit(new ExistingDataSetIterator(DATA), 2);
      for (int epoch = 0; epoch < 2; epoch++) {
        for (DataSet batch : DATA) {
          alone.fit(batch);
          outside.updateParameters(alone);
        }
      }
      assertThat(inside.nAveraged()).isEqualTo(10);
      assertThat(Nets.params(inside.network())).isEqualTo(Nets.params(outside.network()));
    }
  }

  @Test
  void anUpdateLeavesItsSourceAlone() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.5));
    Nets.fit(net, DATA);
    double[] before = Nets.params(net);
    average.updateParameters(net);
    average.updateParameters(net);
    assertThat(Nets.params(net)).isEqualTo(before);
  }

  @Test
  void takesTurnsBetweenSources() {
    MultiLayerNetwork net = Nets.layers(true);
    MultiLayerNetwork other = NetworkCopy.of(net);
    other.params().addi(1);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    for (int i = 0; i < 2; i++) {
      average.updateParameters(net);
      average.updateParameters(other);
    }
    double[] expected = Nets.param(net, "0_W");
    for (int i = 0; i < expected.length; i++) {
      expected[i] += 0.5;
    }
    assertEqual(Nets.param(average.network(), "0_W"), expected, 1e-15);
    assertThat(Nets.param(average.network(), "1_mean")).isEqualTo(Nets.param(other, "1_mean"));
  }

  @Test
  void averagesPretrainParametersAndCenters() {
    MultiLayerNetwork net =
        Nets.net(
            new AutoEncoder.Builder().nIn(3).nOut(4).build(),
            new CenterLossOutputLayer.Builder(LossFunction.MSE)
                .nIn(4)
                .nOut(2)
                .activation(Activation.IDENTITY)
                .build());
    assertThat(net.paramTable()).containsOnlyKeys("0_W", "0_b", "0_vb", "1_W", "1_b", "1_cL");
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    List<double[]> seen = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      net.params().addi(i + 0.25);
      average.updateParameters(net);
      seen.add(Nets.params(net));
    }
    assertEqual(Nets.params(average.network()), mean(seen), 1e-15);
  }

  @Test
  void averagesVectorsThatDl4jHoldsAsRows() {
    MultiLayerNetwork net =
        Nets.net(
            Nets.dense(Nets.INPUTS, 4),
            new ElementWiseMultiplicationLayer.Builder().nIn(4).nOut(4).build(),
            Nets.output(4));
    AveragedModel<MultiLayerNetwork> equal = AveragedModel.of(net, Averaging.equal());
    AveragedModel<MultiLayerNetwork> own =
        AveragedModel.of(
            net,
            Averaging.of(
                (averaged, parameter, n) -> averaged.addi(parameter.sub(averaged).divi(n + 1))));
    // The two differ, which is why this is a case of its own.
    assertThat(net.getParam("1_W").shape()).isNotEqualTo(equal.network().getParam("1_W").shape());
    List<double[]> seen = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Nets.fit(net, DATA.subList(i, i + 1));
      equal.updateParameters(net);
      own.updateParameters(net);
      seen.add(Nets.params(net));
    }
    assertEqual(Nets.params(equal.network()), mean(seen), 1e-15);
    assertEqual(Nets.params(own.network()), mean(seen), 1e-15);
  }

  @Test
  void copiesTheStatisticsOfFrozenLayers() {
    MultiLayerNetwork net =
        Nets.net(
            new FrozenLayer(Nets.dense(3, 4)), new FrozenLayer(Nets.norm(4, true)), Nets.output(4));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.75));
    double[] frozen = Nets.param(net, "0_W");
    train(net, average);
    assertEqual(Nets.param(average.network(), "0_W"), frozen, 1e-15);
    net.getParam("1_mean").assign(5);
    average.updateParameters(net);
    assertThat(Nets.param(average.network(), "1_mean")).containsOnly(5);
  }

  @Test
  void countsForANetworkWithoutParameters() {
    MultiLayerNetwork net =
        Nets.net(
            new ActivationLayer(Activation.TANH),
            new LossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build());
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.5));
    average.updateParameters(net);
    average.updateParameters(net);
    assertThat(average.nAveraged()).isEqualTo(2);
    assertThat(average.network().output(Nd4j.ones(DataType.DOUBLE, 1, 3)).getDouble(0))
        .isEqualTo(Math.tanh(1), EXACT);
    average.loadStateDict(average.stateDict(), average.network().params());
  }

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"HALF", "FLOAT", "DOUBLE"})
  void averagesInTheNetworksType(DataType type) {
    MultiLayerNetwork net =
        Nets.net(Nets.settings().dataType(type), Nets.dense(3, 4), Nets.norm(4, true));
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(net, Averaging.equal().useBuffers(true));
    net.params().assign(1);
    average.updateParameters(net);
    net.params().assign(2);
    average.updateParameters(net);
    assertThat(average.network().params().dataType()).isEqualTo(type);
    assertThat(Nets.param(average.network(), "0_W")).containsOnly(1.5);
    assertThat(Nets.param(average.network(), "1_mean")).containsOnly(1.5);
    double expected = Math.log10((100 + 10000) / 2.0) / 2;
    double precision = type == DataType.DOUBLE ? 1e-15 : type == DataType.FLOAT ? 1e-6 : 1e-2;
    assertThat(Nets.param(average.network(), "1_log10stdev")[3])
        .isEqualTo(expected, within(precision));
    net.params().putScalar(net.numParams() - 1, Double.NaN);
    assertThatThrownBy(() -> average.updateParameters(net))
        .hasMessage(
            "parameters must be finite to be averaged, but in 1_log10stdev 1 of 4 are NaN or"
                + " infinite");
  }

  /** Beyond the size of the pieces that are worked on at a time. */
  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"HALF", "FLOAT"})
  void averagesLargeNetworksWithoutLargeAllocations(DataType type) {
    NeuralNetConfiguration.Builder settings = Nets.settings().dataType(type);
    MultiLayerNetwork net =
        Nets.net(settings, Nets.dense(2000, 1500), Nets.norm(1500, true), Nets.output(1500));
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(net, Averaging.equal().useBuffers(true));
    net.params().assign(1);
    average.updateParameters(net);
    net.params().assign(2);
    average.updateParameters(net);
    assertThat(average.network().params().minNumber().doubleValue()).isEqualTo(1.5);
    assertThat(average.network().getParam("2_b").getDouble(1)).isEqualTo(1.5);
    // Nothing is freed during tests, so whatever an update allocates shows.
    long before = Pointer.physicalBytes();
    int updates = 100;
    for (int i = 0; i < updates; i++) {
      average.updateParameters(net);
    }
    long modelSize = net.numParams() * type.width();
    assertThat(Pointer.physicalBytes() - before).isLessThan(updates * modelSize / 4);
  }

  @Test
  void appliesAFunctionOfOnesOwn() {
    MultiLayerNetwork net = Nets.layers(true);
    List<Long> counts = new ArrayList<>();
    AveragingFunction maximum =
        (averaged, parameter, n) -> {
          counts.add(n);
          return Nd4j.math.max(averaged, parameter);
        };
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.of(maximum));
    List<double[]> seen = train(net, average);
    double[] expected = seen.get(0).clone();
    for (double[] values : seen) {
      Arrays.setAll(expected, i -> Math.max(expected[i], values[i]));
    }
    // All parameters but the statistics, which are copied.
    assertThat(counts).hasSize(4 * 6).startsWith(1L, 1L).endsWith(4L, 4L);
    net.params().assign(Nd4j.createFromArray(expected));
    for (String name : List.of("0_W", "0_b", "1_gamma", "1_beta", "2_W", "2_b")) {
      assertThat(Nets.param(average.network(), name)).isEqualTo(Nets.param(net, name));
    }
    net.params().assign(Nd4j.createFromArray(seen.get(4)));
    for (String name : List.of("1_mean", "1_log10stdev")) {
      assertThat(Nets.param(average.network(), name)).isEqualTo(Nets.param(net, name));
    }
  }

  @Test
  void aFunctionOfOnesOwnAveragesBuffersAsVariances() {
    AveragingFunction ema =
        (averaged, parameter, n) -> averaged.muli(0.75).addi(parameter.mul(0.25));
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> own =
        AveragedModel.of(net, Averaging.of(ema).useBuffers(true));
    AveragedModel<MultiLayerNetwork> ours =
        AveragedModel.of(net, Averaging.ema(0.75).useBuffers(true));
    for (DataSet batch : DATA) {
      net.fit(batch);
      own.updateParameters(net);
      ours.updateParameters(net);
    }
    assertEqual(Nets.params(own.network()), Nets.params(ours.network()), 1e-15);
  }

  @Test
  void refusesWhatAFunctionOfOnesOwnMustNotReturn() {
    refusedFunction(
        (averaged, parameter, n) -> averaged.length() == 4 ? null : averaged.addi(1),
        "the averaging function must return an array of shape [4] for 0_b but returned null");
    refusedFunction(
        (averaged, parameter, n) ->
            averaged.length() == 4 ? averaged.reshape(2, 2) : averaged.addi(1),
        "the averaging function must return an array of shape [4] for 0_b but returned one of"
            + " shape [2, 2]");
    refusedFunction(
        (averaged, parameter, n) -> averaged.divi(averaged.length() == 4 ? 0 : 1),
        "parameters must be finite to be averaged, but in what the averaging function made of 0_b 4"
            + " of 4 are NaN or infinite");
    refusedFunction(
        (averaged, parameter, n) -> {
          if (averaged.length() == 4) {
            throw new IllegalArgumentException("of its own");
          }
          return averaged.addi(1);
        },
        "of its own");
  }

  private static void refusedFunction(AveragingFunction function, String message) {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 4), Nets.output(4));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.of(function));
    average.updateParameters(net);
    refused(average, net, message);
  }

  /** Checks the message, and that nothing was changed. */
  private static void refused(
      AveragedModel<MultiLayerNetwork> average, MultiLayerNetwork net, String message) {
    double[] before = Nets.params(average.network());
    long count = average.nAveraged();
    assertThatThrownBy(() -> average.updateParameters(net))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    assertThat(Nets.params(average.network())).isEqualTo(before);
    assertThat(average.nAveraged()).isEqualTo(count);
  }

  @Test
  void refusesOtherArchitectures() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    String start = "the network must have the architecture of the average, but where that has ";
    for (int averaged = 0; averaged < 2; averaged++) {
      refused(
          average,
          Nets.net(Nets.dense(3, 5), Nets.norm(5, true), Nets.output(5)),
          start + "0_W of shape [3, 4], it has 0_W of shape [3, 5]");
      refused(
          average,
          Nets.layers(false),
          start + "1_log10stdev of shape [4], it has 1_var of shape [4]");
      refused(
          average,
          Nets.net(Nets.dense(3, 4), Nets.norm(4, true)),
          start + "2_W of shape [4, 2], it has no more parameters");
      refused(
          average,
          Nets.net(Nets.dense(3, 4), Nets.norm(4, true), Nets.output(4), Nets.output(2)),
          start + "no more parameters, it has 3_W of shape [2, 2]");
      refused(
          average,
          Nets.net(
              Nets.settings().dataType(DataType.FLOAT),
              Nets.dense(3, 4),
              Nets.norm(4, true),
              Nets.output(4)),
          "the network's parameters must be of the average's type DOUBLE but were FLOAT");
      refused(
          average,
          average.network(),
          "the network must be the one in training but was the averaged one itself");
      average.updateParameters(net);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void refusesParametersThatAreNotFinite(double bad) {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    double[] good = Nets.params(net);
    for (int averaged = 0; averaged < 2; averaged++) {
      net.getParam("2_W").putScalar(3, bad).putScalar(5, Double.NaN);
      refused(
          average,
          net,
          "parameters must be finite to be averaged, but in 2_W 2 of 8 are NaN or infinite");
      net.params().assign(Nd4j.createFromArray(good));
      net.getParam("1_log10stdev").putScalar(0, bad);
      refused(
          average,
          net,
          "parameters must be finite to be averaged, but in 1_log10stdev 1 of 4 are NaN or"
              + " infinite");
      net.params().assign(Nd4j.createFromArray(good));
      average.updateParameters(net);
    }
  }

  @Test
  void averagesNumbersWhoseSumIsBeyondTheirType() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.5));
    net.getParam("0_W").assign(1e308);
    average.updateParameters(net);
    average.updateParameters(net);
    assertThat(Nets.param(average.network(), "0_W")).containsOnly(1e308);
  }

  @Test
  void refusesNetworksThatAreNotInitialised() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    MultiLayerNetwork raw = new MultiLayerNetwork(net.getLayerWiseConfigurations().clone());
    ComputationGraph rawGraph = new ComputationGraph(Nets.graph(true).getConfiguration().clone());
    String message = "the network must be initialised before it is averaged: call net.init()";
    assertThatThrownBy(() -> average.updateParameters(raw))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> AveragedModel.of(raw, Averaging.equal()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> AveragedModel.of(rawGraph, Averaging.equal()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> average.updateParameters(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("the network must be given but was null");
    assertThatThrownBy(() -> AveragedModel.of(net, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("averaging must be given but was null");
  }

  @Test
  @SuppressWarnings("unchecked")
  void goesOnFromASavedStateToTheBit(@TempDir Path folder) throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    Averaging averaging = Averaging.emaWithWarmup(0.9).useBuffers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, averaging);
    train(net, average);
    ObjectMapper json = new ObjectMapper();
    String state = json.writeValueAsString(average.stateDict());
    assertThat(state)
        .isEqualTo(
            "{\"n_averaged\":5,\"averaging\":{\"type\":\"ema_warmup\",\"decay\":0.9,"
                + "\"min_decay\":0.0,\"warmup_gamma\":1.0,\"warmup_power\":0.6666666666666666,"
                + "\"use_buffers\":true}}");
    File file = folder.resolve("average.zip").toFile();
    ModelSerializer.writeModel(average.network(), file, false);

    MultiLayerNetwork saved = MultiLayerNetwork.load(file, false);
    Map<String, Object> read = json.readValue(state, Map.class);
    AveragedModel<MultiLayerNetwork> restored =
        AveragedModel.of(
            Nets.layers(true), Averaging.fromMap((Map<String, Object>) read.get("averaging")));
    restored.loadStateDict(read, saved.params());
    assertThat(restored.nAveraged()).isEqualTo(5);
    assertThat(restored.averaging()).isEqualTo(averaging);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
    Nets.fit(net, DATA);
    average.updateParameters(net);
    restored.updateParameters(net);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
  }

  @Test
  void theAveragedNetworkAloneCanBeSavedAndServed(@TempDir Path folder) throws IOException {
    ComputationGraph net = Nets.graph(true);
    AveragedModel<ComputationGraph> average = AveragedModel.of(net, Averaging.equal());
    for (DataSet batch : DATA) {
      net.fit(batch);
      average.updateParameters(net);
    }
    new UpdateBn().run(average.network(), new ListDataSetIterator<>(DATA.get(0).asList(), 2));
    File file = folder.resolve("average.zip").toFile();
    ModelSerializer.writeModel(average.network(), file, true);
    ComputationGraph served = ComputationGraph.load(file, true);
    INDArray input = DATA.get(1).getFeatures();
    assertThat(served.outputSingle(input).toDoubleMatrix())
        .isDeepEqualTo(average.network().outputSingle(input).toDoubleMatrix());
    assertThat(served.outputSingle(input).toDoubleMatrix()[0])
        .isNotEqualTo(net.outputSingle(input).toDoubleMatrix()[0]);
  }

  @Test
  void aFunctionOfOnesOwnMustBeGivenAgain() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragingFunction last = (averaged, parameter, n) -> parameter;
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.of(last));
    train(net, average);
    assertThat(average.stateDict()).hasToString("{n_averaged=5}");
    AveragedModel<MultiLayerNetwork> restored = AveragedModel.of(net, Averaging.of(last));
    restored.loadStateDict(average.stateDict(), average.network().params());
    assertThat(restored.nAveraged()).isEqualTo(5);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
    refusedState(
        AveragedModel.of(net, Averaging.equal()),
        average.stateDict(),
        net.params(),
        "\"averaging\" must be a map but was null");
  }

  @Test
  void refusesStatesThatDoNotFit() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    Map<String, Object> state = average.stateDict();
    INDArray params = net.params();
    refusedState(
        average,
        AveragedModel.of(net, Averaging.ema(0.8)).stateDict(),
        params,
        "the state must be of Averaging[Ema[decay=0.9], useBuffers=false] but is of"
            + " Averaging[Ema[decay=0.8], useBuffers=false]");
    refusedState(
        average,
        Map.of("n_averaged", -1, "averaging", average.averaging().toMap()),
        params,
        "\"n_averaged\" must be a whole number >= 0 and <= 9007199254740992 but was -1");
    refusedState(
        average,
        Map.of("n_averaged", 1.5, "averaging", average.averaging().toMap()),
        params,
        "\"n_averaged\" must be a whole number >= 0 and <= 9007199254740992 but was 1.5");
    refusedState(
        average,
        Map.of("n_averaged", Long.MAX_VALUE, "averaging", average.averaging().toMap()),
        params,
        "\"n_averaged\" must be a whole number >= 0 and <= 9007199254740992 but was"
            + " 9223372036854775807");
    refusedState(
        average,
        Map.of("n_averaged", 1, "averaging", average.averaging().toMap(), "module.0", 1),
        params,
        "unknown key \"module.0\"; known are n_averaged, averaging");
    refusedState(
        average,
        state,
        Nd4j.ones(DataType.DOUBLE, 41),
        "params must be 42 of type DOUBLE but were 41 of type DOUBLE");
    refusedState(
        average,
        state,
        Nd4j.ones(DataType.FLOAT, 42),
        "params must be 42 of type DOUBLE but were 42 of type FLOAT");
    refusedState(
        average,
        state,
        Nd4j.ones(DataType.DOUBLE, 42).putScalar(1, Double.NaN),
        "parameters must be finite to be averaged, but in params 1 of 42 are NaN or infinite");
  }

  private static void refusedState(
      AveragedModel<MultiLayerNetwork> average,
      Map<String, Object> state,
      INDArray params,
      String message) {
    double[] before = Nets.params(average.network());
    assertThatThrownBy(() -> average.loadStateDict(state, params))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    assertThat(Nets.params(average.network())).isEqualTo(before);
    assertThat(average.nAveraged()).isZero();
  }
}
