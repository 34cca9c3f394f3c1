package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
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
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.nativeblas.NativeOpsHolder;
import org.nd4j.shade.jackson.core.json.JsonReadFeature;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.json.JsonMapper;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Repeats a training that PyTorch did, from the same initial weights over the same batches, and
 * draws both losses over each other: SGD with Nesterov momentum and weight decay, batch
 * normalization, and a {@link OneCycleLR} that drives learning rate and momentum.
 */
@Command(
    name = "SameCurve",
    sortOptions = false,
    description = "Repeats a training of PyTorch and draws both losses over each other.")
public final class SameCurve implements Callable<Integer> {

  /** What PyTorch started from and computed. */
  static final String RECORDING = "/golden/trajectories/sgd_nesterov_onecycle.json";

  private static final JsonMapper MAPPER =
      // Python writes NaN bare.
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private static final int HIDDEN = 16;

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

  @Option(
      names = "--output",
      defaultValue = "output/same-curve.png",
      description = "the picture (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private SameCurve() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new SameCurve().commandLine);
  }

  /** Trains, compares and draws. */
  @Override
  public Integer call() throws IOException {
    JsonNode recording = recording();
    List<DataSet> batches = batches(recording);
    double[] theirs = numbers(recording.required("loss"));
    // Several threads would spend more time on matrices this small, most of it waiting.
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);

    Schedule schedule = OneCycleLR.builder(0.2).totalSteps(theirs.length).build();
    TorchSchedule lr = TorchSchedule.lr(schedule, 0.1, ScheduleType.ITERATION);
    TorchSchedule momentum = TorchSchedule.momentum(schedule, 0.9, ScheduleType.ITERATION);
    TorchOptimizer optimizer =
        TorchOptimizer.of(new TorchSGD(lr).withNesterovMomentum(momentum)).withWeightDecay(5e-4);
    MultiLayerNetwork net = network(optimizer);
    for (Map.Entry<String, String> names : NAMES.entrySet()) {
      JsonNode initial = recording.required("initial").required(names.getValue());
      net.getParam(names.getKey()).assign(parameter(initial));
    }

    List<Double> middles = new ArrayList<>();
    List<Double> rates = new ArrayList<>();
    List<Double> momenta = new ArrayList<>();
    List<Double> ours = new ArrayList<>();
    double deviation = 0;
    for (int iteration = 0; iteration < theirs.length; iteration++) {
      middles.add(iteration + 0.5);
      rates.add(lr.valueAt(iteration, 0));
      momenta.add(momentum.valueAt(iteration, 0));
      // DL4J's score holds the weight decay too, PyTorch's loss does not.
      double penalty = net.calcRegularizationScore(true);
      net.fit(batches.get(iteration % batches.size()));
      double loss = net.score() - penalty;
      ours.add(loss);
      deviation = Math.max(deviation, Math.abs(loss - theirs[iteration]) / theirs[iteration]);
    }

    Files.createDirectories(output.toAbsolutePath().getParent());
    Line recorded = Line.through("PyTorch", middles, Arrays.stream(theirs).boxed().toList()).dots();
    new Panels(
            "The same training here and in PyTorch", "iteration (" + batches.size() + " an epoch)")
        .addFromZero("loss", List.of(Line.of("here", ours), recorded))
        .addFromZero("learning rate", List.of(Line.of("learning rate", rates)))
        .add("momentum", List.of(Line.of("momentum", momenta)))
        .write(output);

    PrintWriter out = commandLine.getOut();
    out.printf(
        Locale.ROOT,
        "%s%n%d iterations, largest relative deviation from PyTorch's loss %.1e%nWrote %s%n",
        recording.required("note").asText(),
        theirs.length,
        deviation,
        output);
    out.flush();
    return 0;
  }

  private static JsonNode recording() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(SameCurve.class.getResourceAsStream(RECORDING), RECORDING)) {
      return MAPPER.readTree(in);
    }
  }

  /** Hands out the flowers as PyTorch had them. */
  private static List<DataSet> batches(JsonNode recording) throws IOException {
    DataSet iris = IrisData.inOrder();
    int[] order = MAPPER.treeToValue(recording.required("train_order"), int[].class);
    int size = recording.required("batch_size").asInt();
    List<DataSet> batches = new ArrayList<>();
    for (int start = 0; start < order.length; start += size) {
      int[] rows = Arrays.copyOfRange(order, start, start + size);
      batches.add(new DataSet(iris.getFeatures().getRows(rows), iris.getLabels().getRows(rows)));
    }
    return batches;
  }

  private static MultiLayerNetwork network(TorchOptimizer optimizer) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .list(
                    optimizer
                        .applyTo(
                            new DenseLayer.Builder()
                                .nIn(IrisData.FEATURES)
                                .nOut(HIDDEN)
                                .activation(Activation.IDENTITY))
                        .build(),
                    optimizer
                        .applyTo(new TorchBatchNormalization.Builder().nIn(HIDDEN).nOut(HIDDEN))
                        .build(),
                    new ActivationLayer(Activation.RELU),
                    optimizer
                        // Without DL4J's clipping of the probabilities, as PyTorch does not clip.
                        .applyTo(new OutputLayer.Builder(new LossMCXENT(0.0, null)))
                        .nIn(HIDDEN)
                        .nOut(IrisData.SPECIES)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.init();
    return net;
  }

  /** Reads a parameter; PyTorch's weights are [out, in], DL4J's [in, out]. */
  private static INDArray parameter(JsonNode values) throws IOException {
    return values.required(0).isArray()
        ? Nd4j.createFromArray(MAPPER.treeToValue(values, double[][].class)).transpose()
        : Nd4j.createFromArray(numbers(values));
  }

  private static double[] numbers(JsonNode list) throws IOException {
    return MAPPER.treeToValue(list, double[].class);
  }
}
