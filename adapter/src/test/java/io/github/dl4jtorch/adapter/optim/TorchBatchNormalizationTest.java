package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.internal.OwnOptimizer;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.util.Random;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

class TorchBatchNormalizationTest {

  private static final int CHANNELS = 3;

  private static TorchBatchNormalization.Builder builder() {
    return new TorchBatchNormalization.Builder().momentum(0.2).eps(1e-3);
  }

  private static MultiLayerConfiguration dense(IUpdater updater) {
    return Nets.settings(updater)
        .list(
            builder().nOut(CHANNELS).build(),
            new LossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build())
        .build();
  }

  private static MultiLayerConfiguration convolutional(DataType type, CNN2DFormat format) {
    return Nets.settings(new TorchSGD(0.1))
        .dataType(type)
        .list(
            builder().build(),
            new CnnLossLayer.Builder(LossFunction.MSE)
                .format(format)
                .activation(Activation.IDENTITY)
                .build())
        .setInputType(InputType.convolutional(2, 5, CHANNELS, format))
        .build();
  }

  private static double[][] values(int rows) {
    Random random = new Random(11);
    double[][] values = new double[rows][];
    for (int row = 0; row < rows; row++) {
      values[row] = random.doubles(CHANNELS, -1, 4).toArray();
    }
    return values;
  }

  /** Returns running mean and running variance after a batch, by PyTorch's formula. */
  private static double[][] running(double[][] values, double[][] before) {
    double[][] after = new double[2][CHANNELS];
    for (int channel = 0; channel < CHANNELS; channel++) {
      double mean = 0;
      for (double[] row : values) {
        mean += row[channel] / values.length;
      }
      double variance = 0;
      for (double[] row : values) {
        variance += (row[channel] - mean) * (row[channel] - mean) / (values.length - 1);
      }
      after[0][channel] = 0.8 * before[0][channel] + 0.2 * mean;
      after[1][channel] = 0.8 * before[1][channel] + 0.2 * variance;
    }
    return after;
  }

  private static void assertRunning(MultiLayerNetwork net, double[][] expected, double tolerance) {
    assertThat(net.getParam("0_mean").dup().toDoubleVector())
        .containsExactly(expected[0], within(tolerance));
    assertThat(net.getParam("0_var").dup().toDoubleVector())
        .containsExactly(expected[1], within(tolerance));
  }

  @Test
  void keepsAnUnbiasedVarianceOfDenseInput() {
    MultiLayerNetwork net = Nets.init(dense(new TorchSGD(0.1)));
    double[][] running = {{0, 0, 0}, {1, 1, 1}};
    for (int rows : new int[] {6, 2, 9}) {
      double[][] values = values(rows);
      net.fit(new DataSet(Nd4j.createFromArray(values), Nd4j.zeros(DataType.DOUBLE, rows, 3)));
      running = running(values, running);
      assertRunning(net, running, 1e-14);
    }
    net.getParam("0_gamma").assign(2);
    net.getParam("0_beta").assign(0.5);
    double[] output = net.output(Nd4j.createFromArray(new double[][] {{1, 2, 3}})).toDoubleVector();
    for (int channel = 0; channel < CHANNELS; channel++) {
      double normal = (channel + 1 - running[0][channel]) / Math.sqrt(running[1][channel] + 1e-3);
      assertThat(output[channel]).isCloseTo(2 * normal + 0.5, within(1e-13));
    }
  }

  @ParameterizedTest
  @EnumSource(CNN2DFormat.class)
  void keepsAnUnbiasedVarianceOfConvolutionalInput(CNN2DFormat format) {
    for (DataType type : new DataType[] {DataType.DOUBLE, DataType.FLOAT}) {
      MultiLayerNetwork net = Nets.init(convolutional(type, format));
      double[][] running = {{0, 0, 0}, {1, 1, 1}};
      for (int batch : new int[] {2, 3}) {
        double[][] values = values(batch * 10);
        INDArray input = Nd4j.createFromArray(values).reshape(batch, 2, 5, CHANNELS);
        if (format == CNN2DFormat.NCHW) {
          input = input.permute(0, 3, 1, 2).dup('c');
        }
        input = input.castTo(type);
        net.fit(new DataSet(input, input.mul(0)));
        running = running(values, running);
        assertRunning(net, running, type == DataType.DOUBLE ? 1e-14 : 1e-5);
      }
    }
  }

  @Test
  void survivesJsonAndYaml() {
    MultiLayerConfiguration layers =
        TorchOptimizer.of(new TorchAdamW(0.1))
            .withWeightDecay(0.2)
            .withBiases(new TorchSGD(0.3), 0.4)
            .applyTo(dense(new NoOp()));

    assertThat(MultiLayerConfiguration.fromJson(layers.toJson())).isEqualTo(layers);
    assertThat(MultiLayerConfiguration.fromYaml(layers.toYaml())).isEqualTo(layers);
    ComputationGraphConfiguration graph =
        Nets.settings(new TorchSGD(0.1))
            .graphBuilder()
            .addInputs("in")
            .addLayer("norm", builder().nOut(3).build(), "in")
            .addLayer("out", new LossLayer.Builder(LossFunction.MSE).build(), "norm")
            .setOutputs("out")
            .build();
    assertThat(ComputationGraphConfiguration.fromJson(graph.toJson())).isEqualTo(graph);
    assertThat(ComputationGraphConfiguration.fromYaml(graph.toYaml())).isEqualTo(graph);
  }

  @Test
  void isAValueAndNotDl4jsOwn() {
    TorchBatchNormalization layer = builder().nOut(3).build();
    BatchNormalization other =
        new BatchNormalization.Builder().decay(0.8).eps(1e-3).nIn(3).nOut(3).build();
    other.setUseLogStd(false);

    assertThat(builder().nOut(3).build()).isEqualTo(layer).hasSameHashCodeAs(layer);
    assertThat(layer.clone()).isEqualTo(layer).isNotSameAs(layer);
    assertThat(builder().nOut(3).eps(1e-4).build()).isNotEqualTo(layer);
    assertThat(layer.equals(other)).isFalse();
    assertThat(other.equals(layer)).isFalse();
    assertThat(layer.toString()).startsWith("TorchBatchNormalization(");
  }

  @Test
  void goesOnToTheBitAfterRestoreInBothKindsOfNetwork() throws IOException {
    MultiLayerNetwork net =
        Nets.init(
            TorchOptimizer.of(new TorchAdamW(0.1)).withWeightDecay(0.2).applyTo(dense(new NoOp())));
    DataSet data = new DataSet(Nd4j.createFromArray(values(6)), Nd4j.zeros(DataType.DOUBLE, 6, 3));
    net.fit(data);
    MultiLayerNetwork restored = Nets.restored(net);
    ComputationGraph graph = net.toComputationGraph();
    ComputationGraph restoredGraph = Nets.restored(graph);
    net.fit(data);
    restored.fit(data);
    graph.fit(data);
    restoredGraph.fit(data);

    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
    assertThat(Nets.params(graph)).isEqualTo(Nets.params(net));
    assertThat(Nets.params(restoredGraph)).isEqualTo(Nets.params(net));
  }

  @Test
  void decaysGammaAndBetaButNotTheStatistics() {
    TorchUpdater updater = new TorchAdam(0.1);
    TorchUpdater biases = new TorchAdamW(0.3);
    TorchBatchNormalization layer =
        TorchOptimizer.of(updater)
            .withWeightDecay(0.2)
            .withBiases(biases, 0.4)
            .applyTo(builder().nOut(3))
            .build();

    assertThat(layer.getUpdaterByParam("gamma")).isEqualTo(updater);
    assertThat(layer.getUpdaterByParam("beta")).isEqualTo(biases);
    assertThat(layer.getUpdaterByParam("mean")).isEqualTo(new NoOp());
    assertThat(layer.getUpdaterByParam("var")).isEqualTo(new NoOp());
    assertThat(layer.getRegularizationByParam("gamma"))
        .containsExactly(new L2Regularization(0.2), new OwnOptimizer());
    assertThat(layer.getRegularizationByParam("beta")).containsExactly(new WeightDecay(0.4, true));
    assertThat(layer.getRegularizationByParam("mean")).isNull();
    assertThat(layer.getRegularizationByParam("var")).isNull();
  }

  @Test
  void takesChannelsFromItsInput() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new TorchSGD(0.1))
                .list(
                    new ConvolutionLayer.Builder(2, 2).nOut(4).build(),
                    builder().build(),
                    new CnnLossLayer.Builder(LossFunction.MSE).build())
                .setInputType(InputType.convolutional(4, 4, 1))
                .build());

    assertThat(net.getParam("1_gamma").length()).isEqualTo(4);
  }

  @Test
  void refusesABatchOfOneInTraining() {
    MultiLayerNetwork net = Nets.init(dense(new TorchSGD(0.1)));
    double[] before = Nets.params(net);
    DataSet one = new DataSet(Nd4j.createFromArray(values(1)), Nd4j.zeros(DataType.DOUBLE, 1, 3));

    assertThatThrownBy(() -> net.fit(one))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageMatching(
            "batch normalization must see more than 1 value per channel in training but was given"
                + " a batch of shape \\[1, 3\\] .*");
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(net.output(one.getFeatures()).length()).isEqualTo(3);
  }

  @Test
  void refusesOtherInput() {
    assertThatThrownBy(
            () ->
                Nets.settings(new TorchSGD(0.1))
                    .list(builder().build(), Nets.output(4))
                    .setInputType(InputType.recurrent(3))
                    .build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            "the input of TorchBatchNormalization must be feed-forward or 2D convolutional but was"
                + " InputTypeRecurrent(3");
  }

  @Test
  void refusesArgumentsOutOfRange() {
    assertThatThrownBy(() -> builder().momentum(1.1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("momentum must be >= 0 and <= 1 but was 1.1");
    assertThatThrownBy(() -> builder().eps(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("eps must be finite and >= 0 but was -1.0");
  }
}
