package io.github.dl4jtorch.trainings;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchCrossEntropyLoss;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** A recorded PyTorch training of a small CNN on images of digits, and the network to follow it. */
final class FineTuning {

  /** What DL4J calls PyTorch's parameters. */
  private static final Map<String, String> NAMES =
      Map.ofEntries(
          Map.entry("0_W", "conv1.weight"),
          Map.entry("0_b", "conv1.bias"),
          Map.entry("1_gamma", "bn1.weight"),
          Map.entry("1_beta", "bn1.bias"),
          Map.entry("1_mean", "bn1.running_mean"),
          Map.entry("1_var", "bn1.running_var"),
          Map.entry("4_W", "conv2.weight"),
          Map.entry("5_gamma", "bn2.weight"),
          Map.entry("5_beta", "bn2.bias"),
          Map.entry("5_mean", "bn2.running_mean"),
          Map.entry("5_var", "bn2.running_var"),
          Map.entry("8_W", "fc.weight"),
          Map.entry("8_b", "fc.bias"));

  static final int MICRO_BATCH = 32;

  final JsonNode trace;
  final List<DataSet> batches = new ArrayList<>();
  final DataSet validation;
  private final JsonNode initial;

  FineTuning() throws IOException {
    JsonNode training;
    try (InputStream in = open("cnn_finetune.json")) {
      training = new ObjectMapper().readTree(in);
    }
    trace = training.required("trace");
    initial = training.required("initial");
    double[][] digits = digits();
    int[] order = ints(training.required("recipe").required("train_order"));
    for (int start = 0; start < order.length; start += MICRO_BATCH) {
      batches.add(pick(digits, Arrays.copyOfRange(order, start, start + MICRO_BATCH)));
    }
    validation = pick(digits, ints(training.required("recipe").required("validation_order")));
  }

  private static InputStream open(String name) {
    return Objects.requireNonNull(
        FineTuning.class.getResourceAsStream("/golden/handover/" + name), name);
  }

  private static double[][] digits() throws IOException {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(open("digits.csv.gz")), StandardCharsets.US_ASCII))) {
      return lines
          .lines()
          .map(line -> Stream.of(line.split(",")).mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    }
  }

  private static int[] ints(JsonNode list) {
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).intValue();
    }
    return values;
  }

  static double[] doubles(JsonNode list) {
    double[] values = new double[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).doubleValue();
    }
    return values;
  }

  private static DataSet pick(double[][] digits, int[] rows) {
    double[][] features = new double[rows.length][];
    double[][] labels = new double[rows.length][10];
    for (int i = 0; i < rows.length; i++) {
      double[] row = digits[rows[i]];
      features[i] = Arrays.stream(row, 0, 64).map(pixel -> pixel / 16).toArray();
      labels[i][(int) row[64]] = 1;
    }
    return new DataSet(
        Nd4j.createFromArray(features).reshape(rows.length, 1, 8, 8), Nd4j.createFromArray(labels));
  }

  /** Makes the network with PyTorch's initial weights. */
  MultiLayerNetwork network(TorchOptimizer optimizer) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            optimizer.applyTo(
                new NeuralNetConfiguration.Builder()
                    .dataType(DataType.DOUBLE)
                    .list(
                        new ConvolutionLayer.Builder(3, 3)
                            .padding(1, 1)
                            .nOut(8)
                            .activation(Activation.IDENTITY)
                            .build(),
                        new TorchBatchNormalization.Builder().build(),
                        new ActivationLayer(Activation.RELU),
                        pooling(),
                        new ConvolutionLayer.Builder(3, 3)
                            .padding(1, 1)
                            .nOut(16)
                            .hasBias(false)
                            .activation(Activation.IDENTITY)
                            .build(),
                        new TorchBatchNormalization.Builder().build(),
                        new ActivationLayer(Activation.RELU),
                        pooling(),
                        new OutputLayer.Builder(new TorchCrossEntropyLoss().withLabelSmoothing(0.1))
                            .nOut(10)
                            .activation(Activation.SOFTMAX)
                            .build())
                    .setInputType(InputType.convolutional(8, 8, 1))
                    .build()));
    net.init();
    NAMES.forEach((own, torch) -> net.getParam(own).assign(parameter(torch)));
    return net;
  }

  /** Makes the same as a graph. */
  ComputationGraph graph(TorchOptimizer optimizer) {
    return network(optimizer).toComputationGraph();
  }

  private static Layer pooling() {
    return new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX, new int[] {2, 2})
        .stride(2, 2)
        .build();
  }

  private INDArray parameter(String name) {
    JsonNode saved = initial.required(name);
    INDArray flat = Nd4j.createFromArray(doubles(saved.required("values")));
    long[] shape = Arrays.stream(ints(saved.required("shape"))).asLongStream().toArray();
    INDArray array = flat.reshape('c', shape);
    return name.equals("fc.weight") ? array.transpose() : array;
  }

  /** Returns a network's penalty for its weights, which DL4J adds to the loss. */
  static double penalty(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.calcRegularizationScore(true)
        : ((ComputationGraph) net).calcRegularizationScore(true);
  }
}
