package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchCrossEntropyLoss;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchTensor;
import io.github.dl4jtorch.fixtures.Golden;
import io.github.dl4jtorch.fixtures.LogLines;
import io.github.dl4jtorch.handover.TorchWeights;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.impl.LossBinaryXENT;
import org.nd4j.linalg.lossfunctions.impl.LossMAE;

/**
 * The eight scripts of the guide: PyTorch's column is the one that was recorded, and Java's column
 * does what the recording says. {@code record.py} beside the recordings makes them.
 */
class FromPyTorchTest {

  private static final Path PAGE = Path.of("../docs/from-pytorch.md");
  private static final Path RECORDINGS = Path.of("src/test/resources/golden/from-pytorch");
  private static final double RATES = 1e-12;
  private static final double NUMBERS = 1e-10;

  /** The sections, and the names of their recordings. */
  private static final Map<String, String> NAMES = names();

  private static final Map<String, String> PARAMS =
      Map.of(
          "W", "weight",
          "b", "bias",
          "gamma", "weight",
          "beta", "bias");

  private static final Map<String, String> LSTM_PARAMS =
      Map.of("W", "weight_ih_l0", "RW", "weight_hh_l0", "b", "bias_ih_l0");

  private static final String SURROUNDINGS =
      "MultiLayerNetwork net, MultiLayerNetwork discriminator, ComputationGraph gan,"
          + " DataSetIterator training, DataSetIterator validation, Iterator<DataSet> batches,"
          + " Path folder, Map<String, Object> results";

  @TempDir Path folder;

  private static Map<String, String> names() {
    Map<String, String> names = new LinkedHashMap<>();
    names.put("ImageNet example", "imagenet");
    names.put("torchvision's references", "torchvision");
    names.put("Hugging Face's Trainer", "huggingface");
    names.put("nanoGPT", "nanogpt");
    names.put("YOLOv5", "yolov5");
    names.put("pix2pix", "pix2pix");
    names.put("Stochastic weight averaging", "swa");
    names.put("An LSTM with a plateau", "lstm");
    return names;
  }

  /** A section of the guide with both columns. */
  record Script(String title, String python, String java) {

    String name() {
      return NAMES.get(title);
    }

    @Override
    public String toString() {
      return title;
    }
  }

  static List<Script> scripts() throws IOException {
    return Stream.of(Files.readString(PAGE).split("(?m)^## "))
        .skip(1)
        .map(
            section ->
                new Script(
                    section.lines().findFirst().orElseThrow(),
                    block(section, "python"),
                    block(section, "java")))
        .filter(script -> !script.python.isEmpty() && !script.java.isEmpty())
        .toList();
  }

  private static String block(String section, String language) {
    Matcher matcher =
        Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(section);
    return matcher.find() ? matcher.group(1) : "";
  }

  @Test
  void theGuideHasTheEightScripts() throws IOException {
    assertThat(scripts()).extracting(Script::title).containsExactlyElementsOf(NAMES.keySet());
    assertThat(Files.readString(PAGE).lines().filter(line -> line.startsWith("```java")))
        .as("blocks, all of which are run here")
        .hasSize(NAMES.size());
  }

  @Test
  void theLinesAreCounted() throws IOException {
    String page = Files.readString(PAGE);
    for (Script script : scripts()) {
      assertThat(page)
          .contains(
              "\n| %s | %d | %d | "
                  .formatted(script.title, lines(script.python), lines(script.java)));
    }
  }

  private static long lines(String code) {
    return code.lines().filter(line -> !line.isBlank()).count();
  }

  /** Notes what the updaters hold when an update is due, by PyTorch's names, and the loss. */
  private static final class Used extends BaseTrainingListener {
    private final Map<String, List<Double>> lr = new TreeMap<>();
    private final Map<String, List<Double>> momentum = new TreeMap<>();
    private final List<Double> losses;

    Used(List<Double> losses) {
      this.losses = losses;
    }

    @Override
    public void onGradientCalculation(Model model) {
      boolean isGraph = model instanceof ComputationGraph;
      int iteration =
          isGraph
              ? ((ComputationGraph) model).getConfiguration().getIterationCount()
              : ((MultiLayerNetwork) model).getIterationCount();
      int epoch =
          isGraph
              ? ((ComputationGraph) model).getConfiguration().getEpochCount()
              : ((MultiLayerNetwork) model).getEpochCount();
      for (Layer layer : layers(model)) {
        var configuration = layer.conf().getLayer();
        for (String name : layer.paramTable().keySet()) {
          if (configuration.getUpdaterByParam(name) instanceof TorchUpdater updater) {
            String torch =
                configuration.getLayerName()
                    + "."
                    + (configuration instanceof LSTM ? LSTM_PARAMS : PARAMS).get(name);
            add(lr, torch, updater.getLearningRate(iteration, epoch));
            add(momentum, torch, updater.momentum(iteration, epoch));
          }
        }
      }
      double penalty =
          isGraph
              ? ((ComputationGraph) model).calcRegularizationScore(true)
              : ((MultiLayerNetwork) model).calcRegularizationScore(true);
      losses.add(model.score() - penalty);
    }

    private static Layer[] layers(Model model) {
      return model instanceof ComputationGraph graph
          ? graph.getLayers()
          : ((MultiLayerNetwork) model).getLayers();
    }

    private static void add(Map<String, List<Double>> series, String name, double value) {
      series.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
    }
  }

  @ParameterizedTest
  @MethodSource("scripts")
  void javaDoesWhatPyTorchWasRecordedToDo(Script script) throws Exception {
    String name = script.name();
    Map<String, Object> recorded = Golden.object("from-pytorch/" + name + ".json");
    assertThat(sha256(script.python))
        .as("the Python of %s is the recorded one: run %s/record.py", script, RECORDINGS)
        .isEqualTo(recorded.get("python_sha256"));

    Dict file = TorchFile.read(RECORDINGS.resolve(name + ".pt"));
    Map<String, NeuralNetwork> nets = networks(name, file.dict("start"));
    List<Double> losses = new ArrayList<>();
    List<Used> used = new ArrayList<>();
    for (NeuralNetwork net : nets.values()) {
      Used own = new Used(losses);
      used.add(own);
      if (net instanceof MultiLayerNetwork layers) {
        layers.addListeners(own);
      } else {
        ((ComputationGraph) net).addListeners(own);
      }
    }
    Map<String, Object> results = new HashMap<>();
    List<DataSet> training = data(name, file, "training");
    Snippets snippets = new Snippets(folder);
    String average =
        script.java.contains(" average =") ? "results.put(\"average\", average.network());" : "";
    String best = script.java.contains(" best =") ? "results.put(\"best\", best);" : "";
    assertThat(snippets.compile("Script", SURROUNDINGS, script.java + average + best)).isEmpty();
    try (LogLines log = new LogLines()) {
      snippets.run(
          "Script",
          nets.get("model"),
          nets.get("discriminator"),
          nets.get("generator"),
          batched(training),
          batched(data(name, file, "validation")),
          endless(training),
          folder,
          results);
      assertThat(log.all()).filteredOn(line -> !line.startsWith("INFO")).isEmpty();
    }

    double ratesOff = compareRates(recorded, used);
    double lossesOff = compareLosses(name, recorded.get("losses"), losses);
    assertThat(results.containsKey("best")).isEqualTo(recorded.containsKey("best"));
    if (results.containsKey("best")) {
      double value = (Double) results.get("best");
      assertThat(off(value, Golden.number(recorded.get("best")))).isLessThanOrEqualTo(NUMBERS);
      results.put("best", MultiLayerNetwork.load(folder.resolve("best.zip").toFile(), false));
    }
    results.putAll(nets);
    assertThat(results.keySet()).isEqualTo(file.dict("end").byName().keySet());
    double weightsOff = 0;
    for (Map.Entry<String, Object> result : results.entrySet()) {
      weightsOff =
          Math.max(
              weightsOff,
              compareWeights(
                  (NeuralNetwork) result.getValue(), file.dict("end").dict(result.getKey())));
    }
    System.out.printf(
        Locale.ROOT,
        "%-11s %4d updates: rates and momenta off by %.1e, losses %.1e, weights %.1e%n",
        name,
        used.get(0).lr.values().iterator().next().size(),
        ratesOff,
        lossesOff,
        weightsOff);
    assertThat(ratesOff).isLessThanOrEqualTo(RATES);
    assertThat(lossesOff).isLessThanOrEqualTo(NUMBERS);
    assertThat(weightsOff).isLessThanOrEqualTo(NUMBERS);
  }

  private static String sha256(String text) throws Exception {
    return HexFormat.of()
        .formatHex(
            MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static double compareRates(Map<String, Object> recorded, List<Used> used) {
    double off = 0;
    List<String> names = new ArrayList<>();
    for (Object entry : (List<?>) recorded.get("updates")) {
      Map<?, ?> series = (Map<?, ?>) entry;
      for (Object param : (List<?>) series.get("params")) {
        names.add((String) param);
        Used of = used.stream().filter(one -> one.lr.containsKey(param)).findFirst().orElseThrow();
        off = Math.max(off, off(of.lr.get(param), Golden.numbers(series.get("lr"))));
        off = Math.max(off, off(of.momentum.get(param), Golden.numbers(series.get("momentum"))));
      }
    }
    assertThat(used.stream().flatMap(one -> one.lr.keySet().stream()))
        .containsExactlyInAnyOrderElementsOf(names);
    return off;
  }

  private static double off(List<Double> actual, double[] expected) {
    assertThat(actual).hasSize(expected.length);
    double off = 0;
    for (int i = 0; i < expected.length; i++) {
      off = Math.max(off, off(actual.get(i), expected[i]));
    }
    return off;
  }

  private static double off(double actual, double expected) {
    return actual == expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
  }

  /** A score is the mean over the batches of an update; two scripts divide each batch's loss. */
  private static double compareLosses(String name, Object recorded, List<Double> losses) {
    int divisor = name.equals("huggingface") ? 4 : name.equals("nanogpt") ? 2 : 1;
    return off(
        losses,
        ((List<?>) recorded)
            .stream()
                .mapToDouble(
                    batches -> Arrays.stream(Golden.numbers(batches)).average().orElseThrow())
                .map(mean -> mean * divisor)
                .toArray());
  }

  /** Returns by how much weights differ, relatively where they are not next to 0. */
  private static double compareWeights(NeuralNetwork net, Dict expected) {
    double off = 0;
    for (Map.Entry<String, TorchTensor> theirs : expected.tensors().entrySet()) {
      if (theirs.getKey().endsWith("num_batches_tracked")) {
        continue;
      }
      double[] values = theirs.getValue().toDoubleArray();
      double[] ours = TorchWeights.of(net).stateDict().tensor(theirs.getKey()).toDoubleArray();
      assertThat(ours).hasSameSizeAs(values);
      for (int i = 0; i < values.length; i++) {
        off = Math.max(off, Math.abs(ours[i] - values[i]) / Math.max(1e-3, Math.abs(values[i])));
      }
    }
    return off;
  }

  private static Map<String, NeuralNetwork> networks(String name, Dict start) {
    Map<String, NeuralNetwork> nets = new LinkedHashMap<>();
    if (name.equals("pix2pix")) {
      nets.put("discriminator", discriminator());
      nets.put("generator", gan());
    } else {
      nets.put("model", name.equals("lstm") ? lstm() : perceptron(name.equals("torchvision")));
    }
    nets.forEach((key, net) -> TorchWeights.of(net).partial().load(start.dict(key)));
    return nets;
  }

  private static NeuralNetConfiguration.Builder settings() {
    return new NeuralNetConfiguration.Builder().dataType(DataType.DOUBLE);
  }

  private static MultiLayerNetwork perceptron(boolean isSmoothed) {
    TorchCrossEntropyLoss loss = new TorchCrossEntropyLoss();
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings()
                .list(
                    dense("fc1", 4, 8).hasBias(false).build(),
                    new TorchBatchNormalization.Builder().name("norm").nIn(8).nOut(8).build(),
                    new ActivationLayer(Activation.RELU),
                    output(isSmoothed ? loss.withLabelSmoothing(0.1) : loss, 8).name("fc2").build())
                .build());
    net.init();
    return net;
  }

  private static MultiLayerNetwork lstm() {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings()
                .list(
                    new LastTimeStep(
                        new LSTM.Builder()
                            .name("lstm")
                            .nIn(3)
                            .nOut(5)
                            .activation(Activation.TANH)
                            .build()),
                    output(new TorchCrossEntropyLoss(), 5).name("head").build())
                .build());
    net.init();
    return net;
  }

  private static MultiLayerNetwork discriminator() {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings()
                .list(dense("d1", 8, 8).activation(Activation.TANH).build(), verdict())
                .build());
    net.init();
    return net;
  }

  private static OutputLayer verdict() {
    return new OutputLayer.Builder(new LossBinaryXENT())
        .name("d2")
        .nIn(8)
        .nOut(1)
        .activation(Activation.SIGMOID)
        .build();
  }

  private static ComputationGraph gan() {
    ComputationGraphConfiguration configuration =
        settings()
            .graphBuilder()
            .addInputs("a")
            .addLayer("g1", dense("g1", 4, 8).activation(Activation.TANH).build(), "a")
            .addLayer("fake", dense("fake", 8, 4).build(), "g1")
            .addVertex("pair", new MergeVertex(), "a", "fake")
            .addLayer(
                "d1",
                new FrozenLayerWithBackprop(dense("d1", 8, 8).activation(Activation.TANH).build()),
                "pair")
            .addLayer("d2", new FrozenLayerWithBackprop(verdict()), "d1")
            .addLayer(
                "l1",
                new LossLayer.Builder(new LossMAE(Nd4j.ones(DataType.DOUBLE, 1, 4).mul(100)))
                    .activation(Activation.IDENTITY)
                    .build(),
                "fake")
            .setOutputs("d2", "l1")
            .build();
    ComputationGraph graph = new ComputationGraph(configuration);
    graph.init();
    return graph;
  }

  private static DenseLayer.Builder dense(String name, int nIn, int nOut) {
    return new DenseLayer.Builder().name(name).nIn(nIn).nOut(nOut).activation(Activation.IDENTITY);
  }

  private static OutputLayer.Builder output(TorchCrossEntropyLoss loss, int nIn) {
    return new OutputLayer.Builder(loss).nIn(nIn).nOut(3).activation(Activation.SOFTMAX);
  }

  private static List<DataSet> data(String name, Dict file, String key) {
    List<DataSet> batches = new ArrayList<>();
    for (Object entry : (List<?>) file.dict("data").get(key)) {
      List<?> batch = (List<?>) entry;
      INDArray features = array((TorchTensor) batch.get(0));
      TorchTensor second = (TorchTensor) batch.get(1);
      if (name.equals("pix2pix")) {
        batches.add(new DataSet(features, array(second)));
        continue;
      }
      INDArray labels = Nd4j.zeros(DataType.DOUBLE, features.size(0), 3);
      long[] classes = second.toLongArray();
      for (int row = 0; row < classes.length; row++) {
        labels.putScalar(row, classes[row], 1);
      }
      batches.add(
          new DataSet(features.rank() == 3 ? features.permute(0, 2, 1).dup() : features, labels));
    }
    return batches;
  }

  private static INDArray array(TorchTensor tensor) {
    return Nd4j.createFromArray(tensor.toDoubleArray()).reshape(tensor.shape());
  }

  private static DataSetIterator batched(List<DataSet> batches) {
    return new ListDataSetIterator<>(batches, 1); // One of them at a time.
  }

  private static Iterator<DataSet> endless(List<DataSet> batches) {
    return Stream.generate(() -> batches).flatMap(List::stream).iterator();
  }
}
