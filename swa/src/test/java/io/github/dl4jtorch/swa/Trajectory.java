package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
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
import org.nd4j.shade.jackson.core.json.JsonReadFeature;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.json.JsonMapper;

/** A training that PyTorch recorded: its data, its numbers, and a network to follow it. */
final class Trajectory {

  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  /** DL4J's names and PyTorch's. */
  private static final Map<String, String> NAMES = new LinkedHashMap<>();

  static {
    NAMES.put("0_W", "0.weight");
    NAMES.put("0_b", "0.bias");
    NAMES.put("1_gamma", "1.weight");
    NAMES.put("1_beta", "1.bias");
    NAMES.put("1_mean", "1.running_mean");
    NAMES.put("1_var", "1.running_var");
    NAMES.put("3_W", "3.weight");
    NAMES.put("3_b", "3.bias");
  }

  final Map<String, Object> golden;
  final List<DataSet> batches = new ArrayList<>();
  final DataSet validation;

  Trajectory(String name) {
    golden = read(name + ".json", in -> MAPPER.readValue(in, new TypeReference<>() {}));
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

  int epochs() {
    return ((Number) value("epochs")).intValue();
  }

  /** Builds the network with PyTorch's initial weights. */
  MultiLayerNetwork network(TorchUpdater updater) {
    TorchOptimizer optimizer = TorchOptimizer.of(updater);
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .list(
                    optimizer
                        .applyTo(
                            new DenseLayer.Builder()
                                .nIn(4)
                                .nOut(16)
                                .activation(Activation.IDENTITY))
                        .build(),
                    optimizer
                        .applyTo(new TorchBatchNormalization.Builder().nIn(16).nOut(16))
                        .build(),
                    new ActivationLayer(Activation.RELU),
                    optimizer
                        .applyTo(
                            new OutputLayer.Builder(new LossMCXENT(0.0, null))
                                .nIn(16)
                                .nOut(3)
                                .activation(Activation.SOFTMAX))
                        .build())
                .build());
    net.init();
    NAMES.forEach((own, torch) -> net.getParam(own).assign(parameter("initial", torch)));
    return net;
  }

  /** Returns by how much the parameters differ from recorded ones, at most and relatively. */
  double deviation(MultiLayerNetwork net, String key) {
    double worst = 0;
    for (Map.Entry<String, String> names : NAMES.entrySet()) {
      worst =
          Math.max(
              worst, deviation(net.getParam(names.getKey()), parameter(key, names.getValue())));
    }
    return worst;
  }

  /** Returns by how much numbers differ, relatively where they are not next to 0. */
  static double deviation(INDArray actual, INDArray expected) {
    double[] ours = actual.dup('c').reshape(actual.length()).toDoubleVector();
    double[] theirs = expected.dup('c').reshape(expected.length()).toDoubleVector();
    double worst = 0;
    for (int i = 0; i < theirs.length; i++) {
      double off = Math.abs(ours[i] - theirs[i]);
      worst = Math.max(worst, off == 0 ? 0 : off / Math.max(1e-3, Math.abs(theirs[i])));
    }
    return worst;
  }

  INDArray rows2d(String key) {
    return Nd4j.createFromArray(
        ((List<?>) value(key)).stream().map(Trajectory::numbers).toArray(double[][]::new));
  }

  private INDArray parameter(String key, String name) {
    List<?> value = (List<?>) ((Map<?, ?>) value(key)).get(name);
    if (value.get(0) instanceof List<?>) {
      return Nd4j.createFromArray(value.stream().map(Trajectory::numbers).toArray(double[][]::new))
          .transpose();
    }
    return Nd4j.createFromArray(numbers(value));
  }

  private static double[] numbers(Object list) {
    return ((List<?>) list).stream().mapToDouble(n -> ((Number) n).doubleValue()).toArray();
  }

  private int[] rows(String key) {
    return Arrays.stream(numbers(value(key))).mapToInt(row -> (int) row).toArray();
  }

  private static DataSet pick(DataSet data, int[] rows) {
    return new DataSet(data.getFeatures().getRows(rows), data.getLabels().getRows(rows));
  }

  private static DataSet iris() {
    String text = read("iris.dat", in -> new String(in.readAllBytes(), StandardCharsets.US_ASCII));
    double[][] features = new double[150][4];
    double[][] labels = new double[150][3];
    List<String> lines = text.lines().toList();
    for (int row = 0; row < 150; row++) {
      String[] fields = lines.get(row).split(",", -1);
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

  private interface Reader<T> {
    T read(InputStream in) throws IOException;
  }

  private static <T> T read(String name, Reader<T> reader) {
    try (InputStream in = Trajectory.class.getResourceAsStream("/golden/trajectories/" + name)) {
      return reader.read(Objects.requireNonNull(in, name));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }
}
