package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** The mean of the last models: that it is exactly that, at any time, and what it keeps. */
class LastModelsTest {

  private static MultiLayerNetwork net(DataType type) {
    return Nets.net(Nets.settings(new Sgd(0.1)).dataType(type), Nets.dense(3, 4), Nets.output(4));
  }

  /** Huge models that have gone leave no trace, as they would in a sum that is kept up. */
  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "DOUBLE"})
  void nothingDrifts(DataType type) {
    MultiLayerNetwork net = net(type);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(3));
    Random random = new Random(3);
    INDArray first = Nd4j.zeros(type, net.numParams());
    List<INDArray> all = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      double size = Math.pow(10, random.nextInt(24) - 12);
      all.add(Nd4j.rand(type, net.numParams()).subi(0.5).muli(size).addi(first));
      net.setParams(all.get(i));
      average.updateParameters(net);
      INDArray sum = all.get(Math.max(0, i - 2)).dup();
      for (int j = Math.max(0, i - 2) + 1; j <= i; j++) {
        sum.addi(all.get(j));
      }
      assertThat(Nets.params(average.network()))
          .isEqualTo(sum.divi(Math.min(i + 1, 3)).toDoubleVector());
    }
    assertThat(average.nAveraged()).isEqualTo(500);
    assertThat(average.lastModels().stream().map(INDArray::toDoubleVector).toArray())
        .isEqualTo(all.subList(497, 500).stream().map(INDArray::toDoubleVector).toArray());
  }

  @Test
  void keepsKArraysAndMakesNoMore() {
    MultiLayerNetwork net = net(DataType.DOUBLE);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(2));
    assertThat(average.lastModels()).isEmpty();
    average.updateParameters(net);
    assertThat(average.lastModels()).hasSize(1);
    average.updateParameters(net);
    List<INDArray> two = average.lastModels();
    average.updateParameters(net);
    assertThat(average.lastModels()).hasSize(2);
    assertThat(average.lastModels().get(0)).isSameAs(two.get(1));
    assertThat(average.lastModels().get(1)).isSameAs(two.get(0));
    assertThat(AveragedModel.of(net, Averaging.equal()).lastModels()).isEmpty();
  }

  @Test
  void aModelThatIsRefusedLeavesAllAsItWas() {
    MultiLayerNetwork net = net(DataType.DOUBLE);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(2));
    average.updateParameters(net);
    average.updateParameters(net);
    double[] before = Nets.params(average.network());
    net.params().putScalar(5, Double.NaN);
    assertThatThrownBy(() -> average.updateParameters(net))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "parameters must be finite to be averaged, but in 0_W 1 of 12 are NaN or infinite");
    assertThat(Nets.params(average.network())).isEqualTo(before);
    assertThat(average.lastModels())
        .allSatisfy(model -> assertThat(model.toDoubleVector()).isEqualTo(before));
  }

  @Test
  void beginsAnew() {
    MultiLayerNetwork net = net(DataType.DOUBLE);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(3));
    for (int i = 0; i < 4; i++) {
      net.params().addi(1);
      average.updateParameters(net);
    }
    average.restart();
    assertThat(average.lastModels()).isEmpty();
    net.params().addi(1);
    average.updateParameters(net);
    assertThat(Nets.params(average.network())).isEqualTo(Nets.params(net));
    assertThat(average.lastModels()).hasSize(1);
  }

  /** At every place in the round, into one that has seen nothing and one that has seen others. */
  @Test
  void goesOnFromItsState() {
    for (int updates = 0; updates <= 7; updates++) {
      for (boolean used : new boolean[] {false, true}) {
        MultiLayerNetwork net = net(DataType.DOUBLE);
        AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(3));
        AveragedModel<MultiLayerNetwork> restored = AveragedModel.of(net, Averaging.last(3));
        for (int i = 0; i < updates; i++) {
          net.params().muli(1.1);
          average.updateParameters(net);
        }
        if (used) {
          restored.updateParameters(net);
          restored.updateParameters(net);
        }
        restored.loadStateDict(
            average.stateDict(), average.network().params(), average.lastModels());
        for (int i = 0; i < 4; i++) {
          assertThat(Nets.params(restored.network()))
              .as("%d updates and %d more", updates, i)
              .isEqualTo(Nets.params(average.network()));
          net.params().muli(1.1);
          average.updateParameters(net);
          restored.updateParameters(net);
        }
      }
    }
  }

  @Test
  void refusesAStateWithoutItsModels() {
    MultiLayerNetwork net = net(DataType.DOUBLE);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(3));
    average.updateParameters(net);
    average.updateParameters(net);
    INDArray params = average.network().params();
    AveragedModel<MultiLayerNetwork> other = AveragedModel.of(net, Averaging.last(3));
    assertThatThrownBy(() -> other.loadStateDict(average.stateDict(), params))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "lastModels must be 2 for Averaging[Last[k=3], useBuffers=false] of 2 but were 0");
    assertThatThrownBy(
            () ->
                other.loadStateDict(
                    average.stateDict(), params, List.of(params, Nd4j.zeros(DataType.DOUBLE, 5))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("lastModels must be 26 of type DOUBLE but were 5 of type DOUBLE");
    assertThat(other.nAveraged()).isZero();
    assertThat(other.lastModels()).isEmpty();
    AveragedModel<MultiLayerNetwork> equal = AveragedModel.of(net, Averaging.equal());
    equal.updateParameters(net);
    assertThatThrownBy(() -> equal.loadStateDict(equal.stateDict(), params, List.of(params)))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "lastModels must be 0 for Averaging[Equal[], useBuffers=false] of 1 but were 1");
  }

  @Test
  void aNetworkWithoutParametersHasNothingToAverage() {
    MultiLayerNetwork net = Nets.net(new ActivationLayer(Activation.RELU));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.last(2));
    average.updateParameters(net);
    average.updateParameters(net);
    average.updateParameters(net);
    assertThat(average.nAveraged()).isEqualTo(3);
  }
}
