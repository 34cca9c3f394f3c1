package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Param groups of a network with recurrent biases are PyTorch's, and some more. */
class TorchGroupsTest {

  private final Dict half = new Recording("lstm_plateau", true).read("half.pt");

  private static Map<Object, Object> group(Dict like, double lr, double decay, Long... params) {
    Map<Object, Object> group =
        new LinkedHashMap<>((Map<?, ?>) ((List<?>) like.get("param_groups")).get(0));
    group.put("lr", lr);
    group.put("weight_decay", decay);
    group.put("params", List.of(params));
    return group;
  }

  /** PyTorch's groups of weights and of biases: the recurrent bias is of the second. */
  @Test
  void eachGroupGivesUpItsRecurrentBiases() {
    MultiLayerNetwork net = Networks.lstm(Networks.all(new TorchAdam(0.01), 0));
    NetworkParamGroups groups =
        TorchGroups.of(net, NetworkParam::isWeight, param -> !param.isWeight());
    assertThat(groups.params(0)).hasToString("[lstm.W, lstm.RW, fc.W]");
    assertThat(groups.params(1)).hasToString("[fc.b]");
    assertThat(groups.params(2)).hasToString("[lstm.b]");
    assertThat(groups.name(2)).isEqualTo("recurrent biases of param group 1");

    Dict optimizer = half.dict("optimizer");
    Map<Object, Object> changed = new LinkedHashMap<>(optimizer);
    changed.put(
        "param_groups",
        List.of(group(optimizer, 0.03, 0.5, 0L, 1L, 4L), group(optimizer, 0.04, 0.25, 2L, 3L, 5L)));
    Map<Object, Object> file = new LinkedHashMap<>(half);
    file.put("optimizer", Dict.ordered(changed));
    TorchTraining training = TorchTraining.of(net).with(groups);
    training.load(file);

    assertThat(groups.get(0).lr()).isEqualTo(0.03);
    assertThat(groups.get(1).lr()).isEqualTo(0.04);
    assertThat(groups.get(2).lr()).isEqualTo(0.08);
    assertThat(groups.weightDecay(0)).isEqualTo(0.5);
    assertThat(groups.weightDecay(1)).isEqualTo(0.25);
    assertThat(groups.weightDecay(2)).isEqualTo(0.125);
    // In PyTorch the moments of the two biases differ in the last bit; here they have one.
    assertThat(new Comparison().off(training.dict(Dict.ordered(file)), file)).isLessThan(1e-15);
  }

  /** Under SGD the sum moves as PyTorch's two biases together, with and without weight decay. */
  @Test
  void theSumMovesAsBothTogether() {
    for (double decay : new double[] {0, 0.5}) {
      MultiLayerNetwork net = Networks.lstm(Networks.all(new TorchSGD(0.1), decay));
      NetworkParamGroups groups = TorchGroups.of(net);
      groups.setWeightDecay(1, decay / 2);
      TorchWeights.of(net).load(half.dict("model"));
      INDArray before = net.getLayer("lstm").getParam("b").dup();
      Recording recording = new Recording("lstm_plateau", true);
      net.setInput(recording.batches.get(0).getFeatures());
      net.setLabels(recording.batches.get(0).getLabels());
      net.computeGradientAndScore();
      INDArray gradient = net.gradient().getGradientFor("0_b").dup();
      net.fit(recording.batches.get(0));
      INDArray moved = before.sub(net.getLayer("lstm").getParam("b"));
      // Each of the two moves by lr (g + decay b_i); the 64 of a batch are divided by later.
      INDArray expected =
          gradient.reshape(before.shape()).mul(2.0 / 64).add(before.mul(decay)).mul(0.1);
      assertThat(Followed.off(moved, expected)).isLessThan(1e-14);
    }
  }

  @Test
  void withoutRecurrentLayersTheyArePyTorchs() {
    MultiLayerNetwork net = Networks.cnn(Networks.all(new TorchSGD(0.1), 0));
    assertThat(TorchGroups.of(net)).hasSize(1);
    assertThat(TorchGroups.of(net).get(0).lr()).isEqualTo(0.1);
    TorchTensor bias = TorchWeights.of(net).stateDict().tensor("fc.bias");
    assertThat(bias.shape()).containsExactly(10);
  }
}
