package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.json.JsonMapper;

/**
 * A training that PyTorch did and recorded, in double precision: a small convolutional network on
 * the digits, SGD with Nesterov's momentum and weight decay, {@link OneCycleLR}, 4 epochs.
 *
 * @param recipe the recipe in PyTorch's words
 * @param batches the images of an epoch as PyTorch had them
 * @param validation the images held out
 * @param losses PyTorch's loss before each update
 * @param accuracy PyTorch's accuracy on the images held out, in the end
 */
record TorchRecording(
    String recipe, List<DataSet> batches, DataSet validation, List<Double> losses, double accuracy) {

  private static final String FOLDER = "/handover/cnn_onecycle/";
  private static final JsonMapper MAPPER = new JsonMapper();

  static TorchRecording read() throws IOException {
    JsonNode recipe = json("recipe.json");
    JsonNode trace = json("trace.json");
    JsonNode accuracies = trace.required("validation_accuracy");
    return new TorchRecording(
        recipe.required("recipe").asText(),
        DigitsData.inOrder(ints(recipe.required("train_order")))
            .batchBy(recipe.required("batch_size").asInt()),
        DigitsData.inOrder(ints(recipe.required("validation_order"))),
        Arrays.stream(MAPPER.treeToValue(trace.required("loss"), double[].class)).boxed().toList(),
        accuracies.required(accuracies.size() - 1).asDouble());
  }

  /** Returns the definition of the schedule. */
  OneCycleLR schedule() {
    return OneCycleLR.builder(0.2).totalSteps(losses.size()).build();
  }

  /** Puts one of PyTorch's files, which is in a jar, where it can be mapped into memory. */
  static Path file(String name) throws IOException {
    Path file = Files.createTempFile("recording", ".pt");
    file.toFile().deleteOnExit();
    try (InputStream in = open(name)) {
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
    }
    return file;
  }

  /**
   * Makes the network that was trained, its layers named as PyTorch's modules.
   *
   * @param sgd the rate and momentum, to which the weight decay is added
   */
  static MultiLayerNetwork network(TorchSGD sgd) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            TorchOptimizer.of(sgd)
                .withWeightDecay(5e-4)
                .applyTo(
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
                            // Without DL4J's clipping of the probabilities, as PyTorch does not.
                            new OutputLayer.Builder(new LossMCXENT(0.0, null))
                                .name("fc")
                                .nOut(DigitsData.DIGITS)
                                .activation(Activation.SOFTMAX)
                                .build())
                        .setInputType(DigitsData.inputType())
                        .build()));
    net.init();
    return net;
  }

  /** Trains a network on from its count of iterations and tells the loss before each update. */
  List<Double> train(MultiLayerNetwork net) {
    List<Double> ours = new ArrayList<>();
    for (int iteration = net.getIterationCount(); iteration < losses.size(); iteration++) {
      // DL4J's score holds the weight decay too, PyTorch's loss does not.
      double penalty = net.calcRegularizationScore(true);
      net.fit(batches.get(iteration % batches.size()));
      ours.add(net.score() - penalty);
    }
    return ours;
  }

  /** Returns how far the losses of the last iterations are from PyTorch's, relative to those. */
  List<Double> deviations(List<Double> ours) {
    List<Double> deviations = new ArrayList<>();
    for (int i = 0; i < ours.size(); i++) {
      double theirs = losses.get(losses.size() - ours.size() + i);
      deviations.add(Math.abs(ours.get(i) - theirs) / theirs);
    }
    return deviations;
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

  private static InputStream open(String name) {
    return Objects.requireNonNull(
        TorchRecording.class.getResourceAsStream(FOLDER + name), FOLDER + name);
  }

  private static JsonNode json(String name) throws IOException {
    try (InputStream in = open(name)) {
      return MAPPER.readTree(in);
    }
  }

  private static int[] ints(JsonNode list) throws IOException {
    return MAPPER.treeToValue(list, int[].class);
  }
}
