package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.handover.HandoverReport;
import io.github.dl4jtorch.handover.TorchTraining;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.nativeblas.NativeOpsHolder;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.json.JsonMapper;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Goes on with a training that PyTorch began and stopped with {@code torch.save}: a small
 * convolutional network on images of digits, SGD with Nesterov's momentum, {@link OneCycleLR}.
 * Draws PyTorch's losses up to the stop, and ours beyond it over those of PyTorch's own
 * continuation.
 */
@Command(
    name = "ContinueFromPyTorch",
    sortOptions = false,
    description = "Goes on with a training of PyTorch, and draws both losses over each other.")
public final class ContinueFromPyTorch implements Callable<Integer> {

  private static final String FOLDER = "/handover/cnn_onecycle/";
  private static final int PIXELS = 64;
  private static final int DIGITS = 10;
  private static final double LARGEST_PIXEL = 16;

  @Option(
      names = "--output",
      defaultValue = "output/continue-from-pytorch.png",
      description = "the picture (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private ContinueFromPyTorch() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new ContinueFromPyTorch().commandLine);
  }

  /** Takes over, trains, compares and draws. */
  @Override
  public Integer call() throws IOException {
    List<DataSet> batches = batches();
    double[] theirs = losses();
    // Several threads would spend more time on matrices this small, most of it waiting.
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);

    MultiLayerNetwork net = network();
    LRScheduler run =
        OneCycleLR.builder(0.2)
            .totalSteps(theirs.length)
            .build()
            .attach(NetworkParamGroups.of(net));
    HandoverReport report =
        TorchTraining.of(net).with(run).batchesPerEpoch(batches.size()).load(half());
    net.addListeners(SchedulerListener.everyIteration(run));

    int stop = net.getIterationCount();
    List<Double> ours = new ArrayList<>();
    double deviation = 0;
    for (int iteration = stop; iteration < theirs.length; iteration++) {
      // DL4J's score holds the weight decay too, PyTorch's loss does not.
      double penalty = net.calcRegularizationScore(true);
      net.fit(batches.get(iteration % batches.size()));
      double loss = net.score() - penalty;
      ours.add(loss);
      deviation = Math.max(deviation, Math.abs(loss - theirs[iteration]) / theirs[iteration]);
    }

    Files.createDirectories(output.toAbsolutePath().getParent());
    List<Double> recorded = Arrays.stream(theirs).boxed().toList();
    List<Double> middles = new ArrayList<>();
    for (int iteration = 0; iteration < theirs.length; iteration++) {
      middles.add(iteration + 0.5);
    }
    new Panels(
            "A training that PyTorch began and DL4J ends",
            "iteration (" + batches.size() + " an epoch)")
        .addFromZero(
            "loss",
            List.of(
                // The longest first: it says how far the axis goes.
                Line.through("PyTorch, to its own end", middles, recorded).dots(),
                Line.through(
                    "PyTorch until it was stopped",
                    middles.subList(0, stop),
                    recorded.subList(0, stop)),
                Line.through("here", middles.subList(stop, middles.size()), ours)))
        .write(output);

    PrintWriter out = commandLine.getOut();
    out.printf(
        Locale.ROOT,
        "%s%n%d iterations from number %d on, largest relative deviation from PyTorch's loss"
            + " %.1e%nWrote %s%n",
        report,
        ours.size(),
        stop,
        deviation,
        output);
    out.flush();
    return 0;
  }

  /** Makes the network that was trained, its layers named as PyTorch's modules. */
  private static MultiLayerNetwork network() {
    TorchOptimizer sgd =
        TorchOptimizer.of(new TorchSGD(0.1).withNesterovMomentum(0.9)).withWeightDecay(5e-4);
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            sgd.applyTo(
                new NeuralNetConfiguration.Builder()
                    .dataType(DataType.DOUBLE)
                    .activation(Activation.IDENTITY)
                    .list(
                        convolution("conv1", 8).build(),
                        new TorchBatchNormalization.Builder().name("bn1").build(),
                        new ActivationLayer(Activation.RELU),
                        pooling(),
                        convolution("conv2", 16).hasBias(false).build(),
                        new TorchBatchNormalization.Builder().name("bn2").build(),
                        new ActivationLayer(Activation.RELU),
                        pooling(),
                        // Without DL4J's clipping of the probabilities, as PyTorch does not clip.
                        new OutputLayer.Builder(new LossMCXENT(0.0, null))
                            .name("fc")
                            .nOut(DIGITS)
                            .activation(Activation.SOFTMAX)
                            .build())
                    .setInputType(InputType.convolutional(8, 8, 1))
                    .build()));
    net.init();
    return net;
  }

  private static ConvolutionLayer.Builder convolution(String name, int out) {
    return new ConvolutionLayer.Builder(3, 3).name(name).padding(1, 1).nOut(out);
  }

  private static SubsamplingLayer pooling() {
    return new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX)
        .kernelSize(2, 2)
        .stride(2, 2)
        .build();
  }

  /** Puts the file, which is in a jar, where it can be mapped into memory. */
  private static Path half() throws IOException {
    Path file = Files.createTempFile("half", ".pt");
    file.toFile().deleteOnExit();
    try (InputStream in = open(FOLDER + "half.pt")) {
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
    }
    return file;
  }

  private static InputStream open(String name) {
    return Objects.requireNonNull(ContinueFromPyTorch.class.getResourceAsStream(name), name);
  }

  private static JsonNode json(String name) throws IOException {
    try (InputStream in = open(FOLDER + name)) {
      return new JsonMapper().readTree(in);
    }
  }

  private static double[] losses() throws IOException {
    return new JsonMapper().treeToValue(json("trace.json").required("loss"), double[].class);
  }

  /** Hands out the images as PyTorch had them. */
  private static List<DataSet> batches() throws IOException {
    JsonNode recipe = json("recipe.json");
    int[] order = new JsonMapper().treeToValue(recipe.required("train_order"), int[].class);
    int size = recipe.required("batch_size").asInt();
    double[][] digits = digits();
    List<DataSet> batches = new ArrayList<>();
    for (int start = 0; start < order.length; start += size) {
      double[][] images = new double[size][];
      double[][] labels = new double[size][DIGITS];
      for (int i = 0; i < size; i++) {
        double[] row = digits[order[start + i]];
        images[i] = Arrays.stream(row, 0, PIXELS).map(pixel -> pixel / LARGEST_PIXEL).toArray();
        labels[i][(int) row[PIXELS]] = 1;
      }
      batches.add(
          new DataSet(
              Nd4j.createFromArray(images).reshape(size, 1, 8, 8), Nd4j.createFromArray(labels)));
    }
    return batches;
  }

  private static double[][] digits() throws IOException {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(open("/golden/handover/digits.csv.gz")),
                StandardCharsets.US_ASCII))) {
      return lines
          .lines()
          .map(line -> Stream.of(line.split(",")).mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    }
  }
}
