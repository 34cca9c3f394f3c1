package io.github.dl4jtorch.adapter.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.watch.LrFinder.Result;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

class LrFinderTest {

  @TempDir Path folder;

  /** One weight w and the loss (w - 3)^2, so a step multiplies it by (1 - 2 lr)^2. */
  private static MultiLayerNetwork parabola(IUpdater updater) {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(updater)
                .list(
                    new OutputLayer.Builder(LossFunction.MSE)
                        .nIn(1)
                        .nOut(1)
                        .hasBias(false)
                        .activation(Activation.IDENTITY)
                        .build())
                .build());
    net.params().assign(1);
    return net;
  }

  private static DataSetIterator one() {
    return new ListDataSetIterator<>(
        List.of(
            new DataSet(
                Nd4j.createFromArray(new double[][] {{1}}),
                Nd4j.createFromArray(new double[][] {{3}}))),
        1);
  }

  private static DataSetIterator batches(int batches) {
    return new ListDataSetIterator<>(Nets.data(batches), 1);
  }

  private static double[] numbers(List<Double> list) {
    return list.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static double[] over(int n, DoubleUnaryOperator lr) {
    return IntStream.range(0, n).mapToDouble(i -> lr.applyAsDouble(i / (n - 1.0))).toArray();
  }

  private static void assertLosses(Result result, double first, DoubleUnaryOperator factor) {
    double loss = first;
    for (int i = 0; i < result.lrs().size(); i++) {
      assertThat(result.losses().get(i)).isCloseTo(loss, within(1e-9 * loss));
      loss *= factor.applyAsDouble(result.lrs().get(i));
    }
  }

  @Test
  void eachStepIsMadeWithItsRate() {
    MultiLayerNetwork net = parabola(new Sgd(0.3));
    Result result =
        LrFinder.builder().startLr(1e-3).endLr(0.8).iterations(21).build().run(net, one());
    assertThat(result.lrs()).hasSize(21);
    assertThat(numbers(result.lrs()))
        .containsExactly(over(21, part -> 1e-3 * Math.pow(0.8 / 1e-3, part)));
    assertThat(result.lrs().get(20)).isCloseTo(0.8, within(1e-15));
    assertLosses(result, 4, lr -> (1 - 2 * lr) * (1 - 2 * lr));
    assertThat(result.divergedAt()).isEmpty();
  }

  @Test
  void sweepsLinearly() {
    Result result =
        LrFinder.builder()
            .startLr(0.1)
            .endLr(0.4)
            .iterations(4)
            .linear()
            .build()
            .run(parabola(new Sgd(0.3)), one());
    assertThat(numbers(result.lrs())).containsExactly(over(4, part -> 0.1 + (0.4 - 0.1) * part));
    assertLosses(result, 4, lr -> (1 - 2 * lr) * (1 - 2 * lr));
    assertThat(
            LrFinder.builder()
                .linear()
                .exponential()
                .iterations(3)
                .endLr(1e-5)
                .build()
                .run(parabola(new Sgd(0.3)), one())
                .lrs()
                .get(1))
        .isCloseTo(1e-6, within(1e-18));
  }

  @Test
  void smoothesAndStopsWhereTheLossRises() {
    double smoothing = 0.3;
    Result result =
        LrFinder.builder()
            .startLr(1e-2)
            .endLr(100)
            .smoothing(smoothing)
            .build()
            .run(parabola(new Sgd(1)), one());
    double average = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < result.lrs().size(); i++) {
      average = (1 - smoothing) * average + smoothing * result.losses().get(i);
      double smoothed = average / (1 - Math.pow(1 - smoothing, i + 1));
      assertThat(result.smoothedLosses().get(i)).isEqualTo(smoothed);
      assertThat(smoothed > 4 * least).isEqualTo(i == result.lrs().size() - 1);
      least = Math.min(least, smoothed);
    }
    assertThat(result.divergedAt()).hasValue(result.lrs().size() - 1);
    assertThat(result.lrs().size()).isBetween(50, 70);
    // Beyond 2 / L = 1 plain SGD diverges; at 1 / L = 0.5 it is there in one step.
    assertThat(result.suggestion().orElseThrow()).isBetween(0.02, 0.5);
    assertThat(result.valley().orElseThrow()).isBetween(0.02, 0.5);
  }

  @Test
  void withTheDefaultsSuggestsARateThatConverges() {
    Result result = LrFinder.builder().build().run(parabola(new Sgd(1)), one());
    assertThat(result.divergedAt()).isPresent();
    assertThat(result.suggestion().orElseThrow()).isBetween(0.05, 1.0);
    assertThat(result.valley().orElseThrow()).isBetween(1e-4, 1.0);
  }

  @Test
  void aLossThatIsNotFiniteEndsTheSweepAndIsNotKept() {
    Result result =
        LrFinder.builder()
            .startLr(1e100)
            .endLr(1e200)
            .divergence(Double.POSITIVE_INFINITY)
            .build()
            .run(parabola(new Sgd(1)), one());
    assertThat(result.losses()).hasSize(2).allMatch(Double::isFinite);
    assertThat(result.lrs()).hasSize(2);
    assertThat(result.smoothedLosses()).hasSize(2);
    assertThat(result.divergedAt()).hasValue(2);
    assertThat(result.suggestion()).isEmpty();
    assertThat(result.valley()).isEmpty();
  }

  @Test
  void layersKeepTheRelationOfTheirRates() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.02))
                .list(
                    Nets.dense(Nets.INPUTS, 4, new Sgd(0.0)),
                    Nets.dense(4, 4),
                    Nets.output(
                        4,
                        new Sgd(
                            TorchSchedule.lr(new StepLR(1, 0.5), 0.16, ScheduleType.ITERATION))))
                .build());
    Nets.fit(net, Nets.data(1)); // The schedule is at 0.08 now.
    MultiLayerNetwork same = NetworkCopy.of(net);
    Result result =
        LrFinder.builder().startLr(0.01).endLr(0.02).iterations(3).build().run(net, batches(3));
    int step = 0;
    double loss = 0;
    for (DataSet batch : Nets.data(3)) {
      double lr = result.lrs().get(step);
      same.setLearningRate(1, lr / 4);
      same.setLearningRate(2, lr);
      same.fit(batch);
      loss = same.score();
      assertThat(result.losses().get(step)).isEqualTo(loss);
      step++;
    }
  }

  @Test
  void aLayerWhoseRateIsZeroStandsStill() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(Nets.dense(Nets.INPUTS, 4, new Adam(0.0)), Nets.output(4))
                .build());
    MultiLayerNetwork frozen =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(new FrozenLayer(Nets.dense(Nets.INPUTS, 4)), Nets.output(4))
                .build());
    frozen.params().assign(net.params());
    LrFinder test = LrFinder.builder().startLr(0.01).endLr(0.1).iterations(5).build();
    assertThat(test.run(net, batches(3)).losses()).isEqualTo(test.run(frozen, batches(3)).losses());
  }

  @Test
  void ratesThatAreAllZeroBecomeOne() {
    MultiLayerNetwork net = parabola(new Sgd(0.0));
    Result result =
        LrFinder.builder().startLr(0.1).endLr(0.2).iterations(3).build().run(net, one());
    assertLosses(result, 4, lr -> (1 - 2 * lr) * (1 - 2 * lr));
  }

  private static final Schedule TWO_STEPS = OneCycleLR.builder(0.1).totalSteps(2).build();

  static List<Arguments> onSchedules() {
    TorchSchedule lr = TorchSchedule.lr(TWO_STEPS, 0.1, ScheduleType.ITERATION);
    TorchSchedule momentum = TorchSchedule.momentum(TWO_STEPS, 0.9, ScheduleType.ITERATION);
    double present = momentum.valueAt(1, 0);
    return List.of(
        Arguments.of(
            new TorchSGD(lr).withNesterovMomentum(momentum),
            new TorchSGD(0.1).withNesterovMomentum(present)),
        Arguments.of(new Nesterovs(lr, momentum), new Nesterovs(0.1, present)));
  }

  /** Beyond its two steps the schedule throws. */
  @ParameterizedTest
  @MethodSource("onSchedules")
  void momentaStayAtTheirPresentValue(IUpdater scheduled, IUpdater fixed) {
    MultiLayerNetwork net = Nets.layers(scheduled);
    Nets.fit(net, Nets.data(1));
    MultiLayerNetwork same = Nets.layers(fixed);
    same.params().assign(net.params());
    same.getUpdater().getStateViewArray().assign(net.getUpdater().getStateViewArray());
    Result result =
        LrFinder.builder().startLr(0.001).endLr(0.01).iterations(6).build().run(net, batches(3));
    for (int i = 0; i < 6; i++) {
      same.setLearningRate(result.lrs().get(i));
      same.fit(Nets.data(3).get(i % 3));
      assertThat(result.losses().get(i)).isEqualTo(same.score());
    }
    assertThat(net.getIterationCount()).isEqualTo(1);
  }

  private static MultiLayerNetwork subject() {
    return Nets.init(
        Nets.settings(new Adam(TorchSchedule.lr(new StepLR(2, 0.5), 0.01, ScheduleType.ITERATION)))
            .list(
                new DenseLayer.Builder()
                    .nIn(Nets.INPUTS)
                    .nOut(6)
                    .dropOut(0.5)
                    .activation(Activation.TANH)
                    .build(),
                new BatchNormalization.Builder().nIn(6).nOut(6).build(),
                Nets.output(6))
            .build());
  }

  private static DataSetIterator rows() {
    return new ListDataSetIterator<>(Nets.data(12), 4);
  }

  private static List<double[]> trained(boolean isTested, boolean fails) {
    Nd4j.getRandom().setSeed(99);
    MultiLayerNetwork net = subject();
    List<Double> scores = new ArrayList<>();
    Nets.Movement listener = new Nets.Movement();
    net.setListeners(listener);
    DataSetIterator data = rows();
    net.fit(data, 2);
    if (isTested) {
      double score = net.score();
      double[] params = Nets.params(net);
      double[] state = net.getUpdater().getStateViewArray().toDoubleVector();
      if (fails) {
        DataSetIterator broken = new Failing(Nets.data(12));
        assertThatThrownBy(() -> LrFinder.builder().build().run(net, broken)).hasMessage("broken");
        assertThat(broken.next().getFeatures()).isEqualTo(rows().next().getFeatures());
      } else {
        assertThat(LrFinder.builder().build().run(net, data).lrs()).hasSizeGreaterThan(50);
      }
      assertThat(net.score()).isEqualTo(score);
      assertThat(Nets.params(net)).isEqualTo(params);
      assertThat(net.getUpdater().getStateViewArray().toDoubleVector()).isEqualTo(state);
      assertThat(net.getIterationCount()).isEqualTo(6);
      assertThat(net.getEpochCount()).isEqualTo(2);
      assertThat(net.getListeners()).containsExactly(listener);
      assertThat(listener.rates).hasSize(6);
    }
    net.fit(data, 2);
    scores.add(net.score());
    return List.of(
        Nets.params(net),
        net.getUpdater().getStateViewArray().toDoubleVector(),
        numbers(scores),
        Nd4j.rand(DataType.DOUBLE, 5).toDoubleVector());
  }

  /** Throws in its second round. */
  private static final class Failing extends ListDataSetIterator<DataSet> {
    private int calls;

    Failing(List<DataSet> data) {
      super(data, 4);
    }

    @Override
    public synchronized DataSet next() {
      if (++calls == 5) {
        throw new IllegalStateException("broken");
      }
      return super.next();
    }
  }

  /** With dropout, batch normalization and Adam: as if nothing had been between. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theTrainingGoesOnBitEqual(boolean fails) {
    List<double[]> expected = trained(false, fails);
    List<double[]> actual = trained(true, fails);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).isEqualTo(expected.get(i));
    }
  }

  @Test
  void anUntrainedGraphStaysUntrained() {
    ComputationGraph net = Nets.graph(new Adam(0.01));
    double[] params = Nets.params(net);
    Result result = LrFinder.builder().build().run(net, batches(7));
    assertThat(result.lrs()).hasSizeGreaterThan(50);
    assertThat(NetworkUpdater.isUntrained(net)).isTrue();
    assertThat(Nets.params(net)).isEqualTo(params);
    assertThat(net.getConfiguration().getIterationCount()).isZero();
    Result same = LrFinder.builder().build().run(net, new MultiDataSetIteratorAdapter(batches(7)));
    assertThat(same).isEqualTo(result);
    assertThat(LrFinder.builder().build().run(Nets.layers(new Adam(0.01)), batches(7)))
        .isEqualTo(result);
  }

  @Test
  void keepsTheStateOfRecurrentLayers() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new LSTM.Builder().nIn(2).nOut(3).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(3)
                        .nOut(1)
                        .activation(Activation.IDENTITY)
                        .build())
                .build());
    DataSet sequence =
        new DataSet(Nd4j.rand(DataType.DOUBLE, 1, 2, 4), Nd4j.ones(DataType.DOUBLE, 1, 1, 4));
    MultiLayerNetwork same = NetworkCopy.of(net);
    net.rnnTimeStep(sequence.getFeatures());
    same.rnnTimeStep(sequence.getFeatures());
    LrFinder.builder()
        .iterations(5)
        .build()
        .run(net, new ListDataSetIterator<>(List.of(sequence), 1));
    assertThat(net.rnnTimeStep(sequence.getFeatures()).reshape(4).toDoubleVector())
        .isEqualTo(same.rnnTimeStep(sequence.getFeatures()).reshape(4).toDoubleVector());
  }

  @Test
  void aRatePushedIntoTheNetworkStays() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    groups.get(1).setLr(0.05);
    LrFinder.builder().iterations(5).build().run(net, batches(2));
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
    assertThat(groups.get(1).lr()).isEqualTo(0.05);
  }

  private static Result result(double... smoothed) {
    List<Double> lrs = IntStream.range(0, smoothed.length).mapToObj(i -> (double) i).toList();
    List<Double> losses = DoubleStream.of(smoothed).boxed().toList();
    return new Result(lrs, Collections.nCopies(smoothed.length, 1.0), losses, OptionalInt.empty());
  }

  @Test
  void suggestsTheSteepestDescent() {
    double[] losses = new double[20];
    for (int i = 0; i < 20; i++) {
      losses[i] = i < 14 ? 10 - 0.01 * i * i : 9 - 0.1 * (i - 14);
    }
    losses[5] = -100; // Among the first 10.
    losses[19] = -100; // The last.
    // Differences over two steps: at 13 and 14 the steepest is where 8.31 falls to 8.9 ...
    losses[15] = 7;
    // ... is (7 - 8.31) / 2 at 14, and (8.8 - 9) / 2 at 15, (8.7 - 7) / 2 at 16.
    assertThat(result(losses).suggestion()).hasValue(14);
  }

  @Test
  void countsTheEndsOfTheRange() {
    double[] losses = new double[13];
    losses[10] = 5;
    losses[11] = 4;
    assertThat(result(losses).suggestion()).hasValue(10);
    losses[11] = 6;
    assertThat(result(losses).suggestion()).isEmpty();
    losses[11] = 5;
    assertThat(result(losses).suggestion()).isEmpty();
    assertThat(result(new double[12]).suggestion()).isEmpty();
    assertThat(result().suggestion()).isEmpty();
  }

  @Test
  void findsTheMiddleOfTheLongestValley() {
    // Of the last 5 and the first 3 nothing is taken.
    double[] losses = new double[30];
    for (int i = 0; i < 30; i++) {
      losses[i] = i < 8 ? 10 : i < 20 ? 10 - i : -10 + i;
    }
    // It falls from 10 at steps 3 to 7 over 2 at 8 to -9 at 19: 13 numbers.
    assertThat(result(losses).valley()).hasValue(19 - 13 + 4 + 2);
    assertThat(result(3, 2, 1, 1, 1, 1, 1, 1).valley()).hasValue(0);
    assertThat(result(1, 1, 1, 1, 1, 1, 1, 1).valley()).isEmpty();
    assertThat(result(3, 2, 1, 1, 1).valley()).isEmpty();
    assertThat(result().valley()).isEmpty();
  }

  @Test
  void writesItsSteps() throws IOException {
    Path file = folder.resolve("steps.csv");
    new Result(List.of(1e-7, 0.1), List.of(2.0, 1.0), List.of(2.0, 1.5), OptionalInt.empty())
        .writeCsv(file);
    assertThat(file).hasContent("lr,loss,smoothed loss\n1.0E-7,2.0,2.0\n0.1,1.0,1.5\n");
  }

  private static void assertRefused(Runnable call, String message) {
    assertThatThrownBy(call::run)
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void refusesWhatIsOutOfRange() {
    assertRefused(
        () -> LrFinder.builder().startLr(0).build(), "startLr must be finite and > 0 but was 0.0");
    assertRefused(
        () -> LrFinder.builder().endLr(1e-8).build(),
        "endLr must be finite and > startLr = 1.0E-7 but was 1.0E-8");
    assertRefused(
        () -> LrFinder.builder().endLr(Double.POSITIVE_INFINITY).build(),
        "endLr must be finite and > startLr = 1.0E-7 but was Infinity");
    assertRefused(
        () -> LrFinder.builder().iterations(1).build(), "iterations must be >= 2 but was 1");
    assertRefused(
        () -> LrFinder.builder().smoothing(0).build(),
        "smoothing must be > 0 and <= 1 but was 0.0");
    assertRefused(
        () -> LrFinder.builder().divergence(Double.NaN).build(),
        "divergence must be > 1 but was NaN");
    assertRefused(
        () -> new Result(List.of(1.0), List.of(), List.of(), OptionalInt.empty()),
        "lrs, losses and smoothedLosses must be of one length but were 1, 0 and 0");
  }

  @Test
  void refusesDataAndNetworksThatItCannotUse() {
    LrFinder test = LrFinder.builder().build();
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    assertRefused(() -> test.run(net, batches(0)), "data must have a batch but is empty");
    DataSetIterator once =
        new ListDataSetIterator<>(Nets.data(2), 1) {
          @Override
          public boolean resetSupported() {
            return false;
          }
        };
    assertRefused(
        () -> test.run(net, once),
        "data must support reset(), so that what it holds is there for the training afterwards");
    assertRefused(
        () -> test.run(Nets.layers(new AdaDelta()), batches(2)),
        "the network must have an updater with a learning rate to be tested but has none");
    Model lost =
        Nets.layers(new AdaGrad(TorchSchedule.lr(new StepLR(1, 0.5), 0.1, ScheduleType.ITERATION)));
    assertRefused(
        () -> test.run((MultiLayerNetwork) lost, batches(2)),
        "the learning rate of layer0.W must be finite and >= 0 but was NaN");
    assertThatThrownBy(
            () ->
                test.run(new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.1))), batches(2)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("the network must be initialised before it is copied: call net.init()");
  }
}
