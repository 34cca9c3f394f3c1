package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Every layer that has a twin gives PyTorch's output with PyTorch's weights. */
class LayersTest {

  /** Layers, and the input's type where that is not of their own. */
  private record Case(@Nullable InputType input, List<Layer> layers) {
    Case(@Nullable InputType input, Layer... layers) {
      this(input, List.of(layers));
    }
  }

  private static final Map<String, Case> CASES = cases();

  static final List<String> NAMES = List.copyOf(CASES.keySet());

  private static Map<String, Case> cases() {
    InputType flat = InputType.feedForward(4);
    Map<String, Case> cases = new LinkedHashMap<>();
    cases.put("linear", new Case(flat, dense("fc", 3).build()));
    cases.put("linear as output", new Case(flat, output("fc", 3)));
    cases.put("linear_without_bias", new Case(flat, dense("fc", 3).hasBias(false).build()));
    cases.put(
        "conv1d",
        new Case(
            InputType.recurrent(3, 6),
            new Convolution1DLayer.Builder(2).name("conv").nOut(4).build()));
    for (CNN2DFormat format : CNN2DFormat.values()) {
      String as = format == CNN2DFormat.NCHW ? "" : " channels last";
      cases.put(
          "conv2d" + as,
          new Case(
              InputType.convolutional(6, 7, 3, format),
              conv("conv", 2, 3).stride(1, 2).nOut(4).build()));
      cases.put(
          "conv2d_without_bias" + as,
          new Case(
              InputType.convolutional(6, 7, 3, format),
              conv("conv", 3, 3).padding(1, 1).nOut(4).hasBias(false).build()));
      cases.put(
          "flattened" + as,
          new Case(
              InputType.convolutional(5, 6, 3, format),
              conv("conv", 3, 3).nOut(2).build(),
              dense("fc", 5).build()));
      cases.put(
          "batch_norm2d" + as,
          new Case(
              InputType.convolutional(4, 5, 3, format),
              new TorchBatchNormalization.Builder().name("bn").build()));
    }
    cases.put(
        "conv3d",
        new Case(
            InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 4, 5, 6, 2),
            new Convolution3D.Builder(2, 2, 2)
                .name("conv")
                .nOut(3)
                .dataFormat(Convolution3D.DataFormat.NCDHW)
                .build()));
    InputType image = InputType.convolutional(5, 6, 3);
    cases.put(
        "depthwise",
        new Case(
            image,
            new DepthwiseConvolution2D.Builder(3, 3)
                .name("conv")
                .depthMultiplier(2)
                .nOut(6)
                .build()));
    cases.put(
        "separable",
        new Case(
            image,
            new SeparableConvolution2D.Builder(3, 3)
                .name("depth+point")
                .depthMultiplier(2)
                .nOut(4)
                .build()));
    cases.put(
        "conv_transpose2d",
        new Case(
            InputType.convolutional(4, 5, 3),
            new Deconvolution2D.Builder(2, 3).name("conv").stride(2, 2).nOut(4).build()));
    cases.put(
        "conv_transpose3d",
        new Case(
            InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 3, 3, 4, 2),
            new Deconvolution3D.Builder()
                .kernelSize(2, 2, 2)
                .name("conv")
                .stride(2, 2, 2)
                .nOut(3)
                .dataFormat(Convolution3D.DataFormat.NCDHW)
                .build()));
    cases.put(
        "batch_norm1d", new Case(flat, new TorchBatchNormalization.Builder().name("bn").build()));
    cases.put(
        "batch_norm1d with logarithm",
        new Case(flat, new BatchNormalization.Builder().name("bn").build()));
    cases.put(
        "batch_norm2d with variance",
        new Case(
            InputType.convolutional(4, 5, 3),
            new BatchNormalization.Builder().name("bn").useLogStd(false).build()));
    cases.put(
        "embedding",
        new Case(
            null,
            new EmbeddingLayer.Builder()
                .name("embedding")
                .nIn(7)
                .nOut(3)
                .activation(Activation.IDENTITY)
                .build()));
    cases.put(
        "embedding_sequence",
        new Case(
            null,
            new EmbeddingSequenceLayer.Builder()
                .name("embedding")
                .inputLength(4)
                .nIn(7)
                .nOut(3)
                .build()));
    InputType sequence = InputType.recurrent(3, 5, RNNFormat.NCW);
    cases.put("lstm", new Case(sequence, lstm("rnn")));
    cases.put("lstm_two_layers", new Case(sequence, lstm("rnn"), lstm("rnn_l1")));
    cases.put("lstm_bidirectional", new Case(sequence, both(lstm("rnn"))));
    cases.put("rnn", new Case(sequence, rnn("rnn")));
    cases.put("rnn_bidirectional", new Case(sequence, both(rnn("rnn"))));
    cases.put(
        "prelu",
        new Case(
            InputType.convolutional(4, 5, 3),
            new PReLULayer.Builder().name("act").inputShape(3, 4, 5).sharedAxes(2, 3).build()));
    cases.put("layer_norm", new Case(flat, dense("fc+norm", 6).hasLayerNorm(true).build()));
    return cases;
  }

  private static DenseLayer.Builder dense(String name, int out) {
    return new DenseLayer.Builder().name(name).nOut(out).activation(Activation.IDENTITY);
  }

  private static OutputLayer output(String name, int out) {
    return new OutputLayer.Builder(LossFunction.MSE)
        .name(name)
        .nOut(out)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static ConvolutionLayer.Builder conv(String name, int... kernel) {
    return new ConvolutionLayer.Builder(kernel)
        .name(name)
        .convolutionMode(ConvolutionMode.Truncate)
        .activation(Activation.IDENTITY);
  }

  private static LSTM lstm(String name) {
    return new LSTM.Builder().name(name).nOut(4).activation(Activation.TANH).build();
  }

  private static Bidirectional both(Layer layer) {
    Bidirectional both = new Bidirectional(layer);
    both.setLayerName("rnn");
    return both;
  }

  private static SimpleRnn rnn(String name) {
    return new SimpleRnn.Builder().name(name).nOut(4).activation(Activation.TANH).build();
  }

  private static Dict golden(String name) {
    try {
      return TorchFile.read(Path.of("src/test/resources/handover/layers.pt"))
          .dict(name.split(" ")[0]);
    } catch (java.io.IOException unreadable) {
      throw new java.io.UncheckedIOException(unreadable);
    }
  }

  private static MultiLayerNetwork network(String name) {
    Case given = CASES.get(name);
    NeuralNetConfiguration.ListBuilder layers =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .activation(Activation.IDENTITY)
            .list(given.layers.toArray(Layer[]::new));
    if (given.input != null) {
      layers.setInputType(given.input);
    }
    MultiLayerNetwork net = new MultiLayerNetwork(layers.build());
    net.init();
    return net;
  }

  private static INDArray array(TorchTensor tensor) {
    return Nd4j.createFromArray(tensor.toDoubleArray()).reshape('c', tensor.shape());
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void givesPyTorchsOutput(String name) {
    Dict golden = golden(name);
    MultiLayerNetwork net = network(name);

    HandoverReport report = TorchWeights.of(net).load(golden.dict("state_dict"));

    assertThat(report.fits()).isTrue();
    INDArray input = array(golden.tensor("input"));
    INDArray expected = array(golden.tensor("output"));
    boolean isRecurrent = name.startsWith("lstm") || name.startsWith("rnn");
    boolean isLast = name.endsWith("channels last");
    if (isRecurrent) { // PyTorch has time before features.
      input = input.permute(0, 2, 1).dup();
      expected = expected.permute(0, 2, 1);
    } else if (isLast) {
      input = input.permute(0, 2, 3, 1).dup();
      expected = expected.rank() == 4 ? expected.permute(0, 2, 3, 1) : expected;
    } else if (name.equals("embedding")) {
      input = input.reshape(input.length(), 1);
    } else if (name.equals("embedding_sequence")) {
      expected = expected.permute(0, 2, 1);
    }
    INDArray actual = net.output(input);
    assertThat(actual.shape()).isEqualTo(expected.shape());
    // DL4J adds 1e-5 to the variance of layer normalization nowhere.
    double tolerance = name.equals("layer_norm") ? 1e-3 : 1e-13;
    assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(tolerance);
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void comesBackToTheBit(String name) {
    Dict read = golden(name).dict("state_dict");
    MultiLayerNetwork net = network(name);
    TorchWeights weights = TorchWeights.of(net);
    weights.load(read);

    Dict again = weights.stateDict(read, 7);

    assertThat(again.keySet()).containsExactlyElementsOf(read.keySet());
    assertThat(again.attributes()).isEqualTo(read.attributes());
    read.tensors()
        .forEach(
            (key, tensor) -> {
              assertThat(again.tensor(key).shape()).as(key).isEqualTo(tensor.shape());
              assertThat(again.tensor(key).asByteBuffer()).as(key).isEqualTo(tensor.asByteBuffer());
            });
  }

  /** Without a dict to go by, the two biases of a recurrent layer are their sum and 0. */
  @ParameterizedTest
  @FieldSource("NAMES")
  void comesBackUnderItsOwnNames(String name) {
    Dict read = golden(name).dict("state_dict");
    MultiLayerNetwork net = network(name);
    TorchWeights weights = TorchWeights.of(net);
    weights.load(read);
    INDArray params = net.params().dup();

    Dict again = weights.stateDict();

    List<Object> keys = new java.util.ArrayList<>(again.keySet());
    keys.replaceAll(key -> ((String) key).replaceAll("rnn_l1\\.(.*)_l0", "rnn.$1_l1"));
    assertThat(keys).containsExactlyInAnyOrderElementsOf(read.keySet());
    MultiLayerNetwork other = network(name);
    TorchWeights.of(other).named(layer -> layer).load(again);
    double eps = name.endsWith("logarithm") ? 1e-15 : 0;
    assertThat(other.params().equalsWithEps(params, eps)).isTrue();
  }
}
