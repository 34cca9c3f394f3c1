package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchTensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** What fits where, and what is said of what does not. */
class WeightsTest {

  private final Recording recording = new Recording("cnn_onecycle", false);
  private final Dict weights = recording.read("initial.pt");
  private final MultiLayerNetwork net = Networks.cnn(Networks.all(new TorchSGD(0.1), 0));

  private static Map<Object, Object> changed(Dict dict, Object... entries) {
    Map<Object, Object> changed = new LinkedHashMap<>(dict);
    for (int i = 0; i < entries.length; i += 2) {
      changed.put(entries[i], entries[i + 1]);
    }
    return changed;
  }

  @Test
  void aReportSaysWhatWasApplied() {
    assertThat(TorchWeights.of(net).load(weights))
        .hasToString(
            """
            applied (13):
              conv1.weight [8, 1, 3, 3] -> conv1.W
              conv1.bias [8] -> conv1.b
              bn1.weight [8] -> bn1.gamma
              bn1.bias [8] -> bn1.beta
              bn1.running_mean [8] -> bn1.mean
              bn1.running_var [8] -> bn1.var
              conv2.weight [16, 8, 3, 3] -> conv2.W
              bn2.weight [16] -> bn2.gamma
              bn2.bias [16] -> bn2.beta
              bn2.running_mean [16] -> bn2.mean
              bn2.running_var [16] -> bn2.var
              fc.weight [10, 64] -> fc.W
              fc.bias [10] -> fc.b""");
  }

  @Test
  void whatDoesNotFitIsNamedAndNothingIsChanged() {
    INDArray before = net.params().dup();
    Map<Object, Object> other =
        changed(
            weights,
            "head.weight",
            TorchTensor.of(new double[1], 1),
            "fc.weight",
            TorchTensor.of(new double[6], 2, 3),
            "bn1.weight",
            TorchTensor.of(new long[8], 8),
            "bn2.bias",
            TorchTensor.of(
                new double[] {1, Double.NaN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 16),
            "note",
            "a text");
    other.remove("conv1.bias");
    String complaint =
        """
        missing (1):
          conv1.bias for conv1.b
        left over (2):
          note, which is no tensor
          head.weight
        do not fit (3):
          bn1.weight is int64, floating-point numbers are needed for bn1.gamma
          bn2.bias has numbers that are NaN or infinite for bn2.beta
          fc.weight is [2, 3], [10, 64] is needed for fc.W""";
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchWeights.of(net).load(other))
        .withMessage(
            "cannot be handed over: it does not fit the network, so nothing was changed\n"
                + complaint);
    assertThat(net.params()).isEqualTo(before);
    assertThat(TorchWeights.of(net).compare(other).toString()).endsWith(complaint);
    assertThat(net.params()).isEqualTo(before);

    HandoverReport report = TorchWeights.of(net).partial().load(other);
    assertThat(report.fits()).isFalse();
    assertThat(report.applied()).hasSize(9);
    assertThat(net.getLayer("conv1").getParam("W"))
        .isEqualTo(Tensors.array(weights.tensor("conv1.weight"), DataType.DOUBLE));
  }

  @Test
  void aFileIsNamed() throws IOException {
    MultiLayerNetwork lstm = Networks.lstm(Networks.all(new TorchSGD(0.1), 0));
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchWeights.of(lstm).load(recording.file("initial.pt")))
        .withMessageStartingWith(
            recording.file("initial.pt") + " cannot be handed over: it does not fit the network");
    MultiLayerNetwork other = Networks.cnn(Networks.all(new TorchSGD(0.1), 0));
    TorchWeights.of(other).load(recording.file("final.safetensors"));
    assertThat(TorchWeights.of(net).load(recording.read("final.pt").dict("model")).fits()).isTrue();
    assertThat(other.params()).isEqualTo(net.params());
  }

  @Test
  void namesMayComeFromAFunctionOrNotMatter() {
    Map<Object, Object> renamed = new LinkedHashMap<>();
    weights.forEach((key, value) -> renamed.put("module.backbone." + key, value));
    TorchWeights.of(net).named(layer -> "backbone." + layer).load(renamed);
    INDArray byFunction = net.params().dup();
    net.params().assign(0);
    TorchWeights.of(net).inOrder().load(renamed);
    assertThat(net.params()).isEqualTo(byFunction);
    net.params().assign(0);
    TorchWeights.of(net).load(weights);
    assertThat(net.params()).isEqualTo(byFunction);
    Dict written = TorchWeights.of(net).named(layer -> "backbone." + layer).stateDict();
    assertThat(written.keySet()).contains("backbone.conv1.weight", "backbone.bn2.running_var");
  }

  /** The other way comes after both convolutions in PyTorch, whatever the graph's order is. */
  @Test
  void aGraphTakesNamesWithDotsAndOrder() {
    Recording resnet = new Recording("resnet_swa", false);
    Dict dict = resnet.read("initial.pt");
    ComputationGraph graph = Networks.resnet(Networks.all(new TorchSGD(0.1), 0));
    TorchWeights.of(graph).load(dict);
    INDArray byName = graph.params().dup();
    graph.params().assign(0);
    TorchWeights.of(graph).inOrder().load(dict);
    assertThat(graph.params()).isEqualTo(byName);
  }

  /** A file in double precision goes into a network in single precision, and back as it was. */
  @Test
  void anotherPrecisionIsRounded() {
    MultiLayerNetwork single =
        Networks.cnn(Networks.all(new TorchSGD(0.1), 0), new LossMCXENT(0.0, null), DataType.FLOAT);
    TorchWeights.of(single).load(weights);
    TorchWeights.of(net).load(weights);
    assertThat(single.params()).isEqualTo(net.params().castTo(DataType.FLOAT));
    Dict again = TorchWeights.of(single).stateDict(weights, 0);
    assertThat(new Comparison().off(again, weights)).isZero();
    assertThat(TorchWeights.of(single).stateDict().tensor("fc.bias").dtype().torchName())
        .isEqualTo("float32");
  }
}
