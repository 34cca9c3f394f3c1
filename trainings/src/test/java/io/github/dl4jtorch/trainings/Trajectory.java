package io.github.dl4jtorch.trainings;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.fixtures.Golden;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** A training that PyTorch recorded: its data, its numbers, and the network to follow it. */
final class Trajectory {

  private static final double TOLERANCE = 1e-10;

  /** DL4J's names of the parameters, and PyTorch's. */
  private static final Map<String, String> NAMES =
      Map.of(
          "0_W", "0.weight",
          "0_b", "0.bias",
          "1_gamma", "1.weight",
          "1_beta", "1.bias",
          "1_mean", "1.running_mean",
          "1_var", "1.running_var",
          "3_W", "3.weight",
          "3_b", "3.bias");

  final String name;
  final List<DataSet> batches = new ArrayList<>();
  final DataSet validation;
  MultiLayerNetwork net;
  double lossOff;
  private final DataType type;
  private final Map<String, Object> golden;
  private double lrOff;
  private double momentumOff;
  private double validationOff;

  Trajectory(String name) {
    this(name, DataType.DOUBLE);
  }

  Trajectory(String name, DataType type) {
    this.name = name;
    this.type = type;
    golden = Golden.object("trajectories/" + name + ".json");
    DataSet iris = iris();
    int size = ((Number) value("batch_size")).intValue();
    int[] order = rows("train_order");
    for (int start = 0; start < order.length; start += size) {
      batches.add(pick(iris, Arrays.copyOfRange(order, start, start + size)));
    }
    validation = pick(iris, rows("validation_order"));
  }

  Object value(String key) {
    return Objects.requireNonNull(golden.get(key), key);
  }

  /** Returns one entry of a list. */
  Object value(String key, int index) {
    return ((List<?>) value(key)).get(index);
  }

  int epochs() {
    return ((Number) value("epochs")).intValue();
  }

  double[][] table(String key) {
    return ((List<?>) value(key)).stream().map(Golden::numbers).toArray(double[][]::new);
  }

  double recordedValidationLoss(int epoch) {
    return number(value("validation_loss", epoch));
  }

  private int[] rows(String key) {
    return Arrays.stream(numbers(value(key))).mapToInt(row -> (int) row).toArray();
  }

  private DataSet pick(DataSet data, int[] rows) {
    return new DataSet(
        data.getFeatures().getRows(rows).castTo(type), data.getLabels().getRows(rows).castTo(type));
  }

  /** Reads the flowers, which DL4J carries as a resource. */
  private static DataSet iris() {
    double[][] features = new double[150][4];
    double[][] labels = new double[150][3];
    List<String> lines;
    try (InputStream in = Trajectory.class.getResourceAsStream("/iris.dat")) {
      lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
    for (int row = 0; row < 150; row++) {
      String[] fields = lines.get(row).split(",");
      for (int column = 0; column < 4; column++) {
        features[row][column] = Double.parseDouble(fields[column]);
      }
      labels[row][Integer.parseInt(fields[4].trim())] = 1;
    }
    for (int column = 0; column < 4; column++) {
      int at = column;
      double mean = Arrays.stream(features).mapToDouble(row -> row[at]).average().orElseThrow();
      double variance =
          Arrays.stream(features)
              .mapToDouble(row -> (row[at] - mean) * (row[at] - mean))
              .average()
              .orElseThrow();
      for (double[] row : features) {
        row[at] = (row[at] - mean) / Math.sqrt(variance);
      }
    }
    return new DataSet(Nd4j.createFromArray(features), Nd4j.createFromArray(labels));
  }

  MultiLayerNetwork build(TorchUpdater updater) {
    TorchOptimizer optimizer = TorchOptimizer.of(updater);
    return build(optimizer, optimizer);
  }

  /**
   * Builds the network with PyTorch's initial weights, with one optimizer for the linear layers and
   * one for the middle.
   */
  MultiLayerNetwork build(TorchOptimizer linear, TorchOptimizer normalization) {
    net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(type)
                .list(
                    linear
                        .applyTo(
                            new DenseLayer.Builder()
                                .nIn(4)
                                .nOut(16)
                                .activation(Activation.IDENTITY))
                        .build(),
                    normalization
                        .applyTo(new TorchBatchNormalization.Builder().nIn(16).nOut(16))
                        .build(),
                    new ActivationLayer(Activation.RELU),
                    linear
                        .applyTo(
                            new OutputLayer.Builder(new LossMCXENT(0.0, null))
                                .nIn(16)
                                .nOut(3)
                                .activation(Activation.SOFTMAX))
                        .build())
                .build());
    net.init();
    NAMES.forEach((own, torch) -> net.getParam(own).assign(parameter("initial", torch)));
    // Joins the parameters by the updaters as they are now.
    assertThat(net.getUpdater()).isNotNull();
    return net;
  }

  private INDArray parameter(String key, String torch) {
    List<?> values = (List<?>) ((Map<?, ?>) value(key)).get(torch);
    if (values.get(0) instanceof List<?>) {
      double[][] rows = values.stream().map(Golden::numbers).toArray(double[][]::new);
      return Nd4j.createFromArray(rows).transpose();
    }
    return Nd4j.createFromArray(numbers(values));
  }

  List<TorchUpdater> updaters() {
    return List.of(updater(0, "W"), updater(1, "gamma"), updater(3, "W"));
  }

  TorchUpdater updater(int layer, String parameter) {
    return (TorchUpdater) net.getLayer(layer).conf().getLayer().getUpdaterByParam(parameter);
  }

  /** Makes one update and compares what went into it and its loss. */
  void step(int epoch, int batch, double[] lr, double[] momentum) {
    int iteration = epoch * batches.size() + batch;
    double[] goldenLr = numbers(value("lr", iteration));
    double[] goldenMomentum = numbers(value("momentum", iteration));
    for (int group = 0; group < goldenLr.length; group++) {
      lrOff = Math.max(lrOff, off(lr[group], goldenLr[group]));
      double kept = Double.isNaN(momentum[group]) ? 0 : momentum[group];
      momentumOff = Math.max(momentumOff, off(kept, goldenMomentum[group]));
    }
    double penalty = net.calcRegularizationScore(true);
    net.fit(batches.get(batch));
    lossOff = Math.max(lossOff, off(net.score() - penalty, number(value("loss", iteration))));
  }

  /** Compares the loss in evaluation mode. */
  void validate(int epoch) {
    double actual = net.score(validation, false) - net.calcRegularizationScore(true);
    validationOff = Math.max(validationOff, off(actual, recordedValidationLoss(epoch)));
  }

  /**
   * Prints and checks everything. The first bias has no gradient, so that under an adaptive
   * optimizer rounding alone moves it: by 1.7e-7 in PyTorch's own Adagrad, by less than 1e-9 in the
   * others. The running mean follows it late, and evaluation sees the difference. Without this
   * noise, that is with PyTorch's bias and mean, the last evaluation must be exact again.
   */
  void check(String how, TorchUpdater updater) {
    boolean isAdaptive = !(updater instanceof TorchSGD);
    double finalOff = 0;
    for (Map.Entry<String, String> names : NAMES.entrySet()) {
      String torch = names.getValue();
      if (!(isAdaptive && (torch.equals("0.bias") || torch.equals("1.running_mean")))) {
        double[] ours = flat(net.getParam(names.getKey()));
        double[] theirs = flat(parameter("final", torch));
        for (int i = 0; i < ours.length; i++) {
          finalOff = Math.max(finalOff, off(ours[i], theirs[i]));
        }
      }
    }
    INDArray theirBias = parameter("final", "0.bias");
    INDArray theirMean = parameter("final", "1.running_mean");
    INDArray offset = net.getParam("1_mean").sub(net.getParam("0_b").reshape(16));
    double offsetOff =
        offset.sub(theirMean.sub(theirBias)).amaxNumber().doubleValue()
            / offset.amaxNumber().doubleValue();
    net.getParam("0_b").assign(theirBias);
    net.getParam("1_mean").assign(theirMean);
    double noisyOff = validationOff;
    validationOff = 0;
    validate(epochs() - 1);
    System.out.printf(
        "%-33s %-5s lr %.1e, momentum %.1e, loss %.1e, final %.1e, mean - bias %.1e,"
            + " validation %.1e, without noise %.1e%n",
        name, how, lrOff, momentumOff, lossOff, finalOff, offsetOff, noisyOff, validationOff);
    assertThat(lrOff).isLessThanOrEqualTo(TOLERANCE);
    assertThat(momentumOff).isLessThanOrEqualTo(TOLERANCE);
    assertThat(lossOff).isLessThanOrEqualTo(TOLERANCE);
    assertThat(finalOff).isLessThanOrEqualTo(TOLERANCE);
    assertThat(validationOff).isLessThanOrEqualTo(TOLERANCE);
    double noise = updater instanceof TorchAdagrad ? 1e-5 : isAdaptive ? 1e-8 : TOLERANCE;
    assertThat(offsetOff).isLessThanOrEqualTo(noise);
    assertThat(noisyOff).isLessThanOrEqualTo(noise);
  }

  /** Prints and checks the loss of a training in single precision. */
  void checkSinglePrecision() {
    System.out.printf("%-33s float loss %.1e%n", name, lossOff);
    assertThat(lossOff).isLessThanOrEqualTo(1e-3);
  }

  private static double off(double actual, double expected) {
    return actual == expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
  }

  /** Returns by how much a network's parameters differ from recorded ones, at most. */
  double deviation(MultiLayerNetwork net, String key) {
    double worst = 0;
    for (Map.Entry<String, String> names : NAMES.entrySet()) {
      INDArray theirs = parameter(key, names.getValue());
      worst = Math.max(worst, deviation(net.getParam(names.getKey()), theirs));
    }
    return worst;
  }

  /** Returns by how much numbers differ, relatively where they are not next to 0. */
  static double deviation(INDArray actual, INDArray expected) {
    double[] ours = flat(actual);
    double[] theirs = flat(expected);
    double worst = 0;
    for (int i = 0; i < theirs.length; i++) {
      double off = Math.abs(ours[i] - theirs[i]);
      worst = Math.max(worst, off == 0 ? 0 : off / Math.max(1e-3, Math.abs(theirs[i])));
    }
    return worst;
  }

  private static double[] flat(INDArray array) {
    return array.dup('c').reshape(array.length()).toDoubleVector();
  }
}
