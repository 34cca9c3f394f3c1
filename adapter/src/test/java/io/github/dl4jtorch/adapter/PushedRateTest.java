package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.Rates;
import io.github.dl4jtorch.fixtures.SameDiffDense;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The rate that updates really used, read from how far the parameters moved. Each of DL4J's
 * updaters moves them along a line as the rate grows, so two networks at fixed rates, given the
 * same parameters and updater state, span the line on which the step of the network must lie.
 */
class PushedRateTest {

  private static final int STEPS = 4;
  private static final Rates COEFFICIENTS = new Rates(0, List.of(0.3, 0.1, 0.0, 0.2));

  private record Kind(String name, Function<IUpdater, Model> net, DataSet data) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Model layers(IUpdater updater, InputType input, Layer... layers) {
    return Nets.init(Nets.settings(updater).list(layers).setInputType(input).build());
  }

  private static RnnOutputLayer sequence() {
    return new RnnOutputLayer.Builder(LossFunction.MSE)
        .nOut(2)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static DataSet data(long... shape) {
    return new DataSet(
        Nd4j.linspace(-1, 2, ArrayUtil.prodLong(shape)).reshape(shape),
        Nd4j.linspace(4, 6, 2 * shape[0]).reshape(shape[0], 2));
  }

  private static Stream<Kind> kinds() {
    InputType flat = InputType.feedForward(Nets.INPUTS);
    InputType steps = InputType.recurrent(Nets.INPUTS, 3);
    DataSet sequences = new DataSet(data(2, Nets.INPUTS, 3).getFeatures(), Nd4j.ones(2, 2, 3));
    LSTM lstm = new LSTM.Builder().nOut(2).build();
    return Stream.of(
        new Kind(
            "batch normalization",
            updater ->
                layers(
                    updater,
                    flat,
                    Nets.dense(Nets.INPUTS, 4),
                    new BatchNormalization(),
                    Nets.output(4)),
            data(4, Nets.INPUTS)),
        new Kind(
            "convolution",
            updater ->
                layers(
                    updater,
                    InputType.convolutional(4, 4, 1),
                    new ConvolutionLayer.Builder(2, 2).nOut(2).build(),
                    Nets.output(18)),
            data(2, 1, 4, 4)),
        new Kind("LSTM", updater -> layers(updater, steps, lstm.clone(), sequence()), sequences),
        new Kind(
            "bidirectional",
            updater -> layers(updater, steps, new Bidirectional(lstm.clone()), sequence()),
            sequences),
        new Kind(
            "last time step",
            updater -> layers(updater, steps, new LastTimeStep(lstm.clone()), Nets.output(2)),
            data(2, Nets.INPUTS, 3)),
        new Kind(
            "embedding",
            updater ->
                layers(
                    updater,
                    InputType.feedForward(7),
                    new EmbeddingLayer.Builder().nIn(7).nOut(4).build(),
                    Nets.output(4)),
            new DataSet(Nd4j.createFromArray(new double[][] {{2}, {5}}), data(2, 1).getLabels())),
        new Kind(
            "frozen",
            updater ->
                layers(updater, flat, new FrozenLayer(Nets.dense(Nets.INPUTS, 4)), Nets.output(4)),
            data(2, Nets.INPUTS)),
        new Kind(
            "SameDiff",
            updater ->
                layers(
                    updater,
                    flat,
                    new SameDiffDense(Nets.INPUTS, 4),
                    new SameDiffDense(4, 4),
                    Nets.output(4)),
            data(2, Nets.INPUTS)),
        new Kind("bias updater", PushedRateTest::withBiasUpdater, data(2, Nets.INPUTS)),
        new Kind("regularization", PushedRateTest::regularized, data(2, Nets.INPUTS)),
        new Kind("graph", Nets::graph, data(2, Nets.INPUTS)));
  }

  private static Model withBiasUpdater(IUpdater updater) {
    NeuralNetConfiguration.Builder settings = Nets.settings(updater).biasUpdater(updater);
    return Nets.init(settings.list(Nets.dense(Nets.INPUTS, 4), Nets.output(4)).build());
  }

  /** Terms that have coefficients with schedules of their own. */
  private static Model regularized(IUpdater updater) {
    DenseLayer first = Nets.dense(Nets.INPUTS, 4);
    DenseLayer second = Nets.dense(4, 4);
    first.setRegularization(
        List.of(new L1Regularization(COEFFICIENTS), new L2Regularization(COEFFICIENTS)));
    second.setRegularization(List.of(new WeightDecay(COEFFICIENTS, true)));
    second.setRegularizationBias(List.of(new WeightDecay(COEFFICIENTS, false)));
    return Nets.init(Nets.settings(updater).list(first, second, Nets.output(4)).build());
  }

  static Stream<Arguments> everyUpdaterWithEveryKindOfNetwork() {
    List<UpdaterKind> updaters =
        List.of(
            UpdaterKind.SGD,
            UpdaterKind.NESTEROVS,
            UpdaterKind.ADAM,
            UpdaterKind.AMSGRAD,
            UpdaterKind.RMSPROP,
            UpdaterKind.ADAGRAD);
    return kinds().flatMap(kind -> updaters.stream().map(updater -> Arguments.of(kind, updater)));
  }

  @ParameterizedTest
  @MethodSource("everyUpdaterWithEveryKindOfNetwork")
  void isTheOneThatIsUsed(Kind kind, UpdaterKind updater) {
    Model net = kind.net.apply(updater.at(0.1));
    LRScheduler run =
        new CosineAnnealingLR(2 * STEPS)
            .attach(
                net instanceof MultiLayerNetwork layers
                    ? NetworkParamGroups.of(layers)
                    : NetworkParamGroups.of((ComputationGraph) net));
    Model atOne = kind.net.apply(updater.at(1));
    Model atTwo = kind.net.apply(updater.at(2));
    assertThat(Nets.blocks(net)).isEqualTo(Nets.blocks(atOne));
    for (int step = 0; step < STEPS; step++) {
      takeOver(atOne, net, step);
      takeOver(atTwo, net, step);
      INDArray origin = moved(atOne, kind.data);
      INDArray span = moved(atTwo, kind.data).sub(origin);
      INDArray offset = moved(net, kind.data).sub(origin);
      double rate = 1 + dot(offset, span) / dot(span, span);
      assertThat(rate).isCloseTo(run.getLastLr()[0], within(1e-11));
      INDArray beside = offset.sub(span.mul(rate - 1));
      assertThat(Math.sqrt(dot(beside, beside) / dot(span, span))).isLessThan(1e-11);
      run.step();
    }
  }

  private static void takeOver(Model to, Model from, int iteration) {
    to.params().assign(from.params());
    if (to instanceof MultiLayerNetwork layers) {
      layers.setIterationCount(iteration);
    } else {
      ((ComputationGraph) to).getConfiguration().setIterationCount(iteration);
    }
    INDArray state = state(from);
    if (state != null) {
      state(to).assign(state);
    }
  }

  private static INDArray state(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.updaterState()
        : ((ComputationGraph) net).updaterState();
  }

  private static INDArray moved(Model net, DataSet data) {
    INDArray before = net.params().dup();
    Nets.fit(net, List.of(data));
    INDArray moved = net.params().sub(before);
    return moved.reshape(moved.length());
  }

  private static double dot(INDArray a, INDArray b) {
    return a.mul(b).sumNumber().doubleValue();
  }
}
