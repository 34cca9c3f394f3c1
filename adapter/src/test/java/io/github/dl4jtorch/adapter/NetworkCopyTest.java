package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

class NetworkCopyTest {

  private static final List<DataSet> DATA = Nets.data(8);

  private static Adam scheduled() {
    return new Adam(TorchSchedule.lr(new CosineAnnealingLR(8), 0.1, ScheduleType.ITERATION));
  }

  private static void assertTrainsOnAlike(Model net, Model copy) {
    assertThat(Nets.params(copy)).isEqualTo(Nets.params(net));
    double[] before = Nets.params(net);
    Nets.fit(copy, DATA.subList(3, 8));
    assertThat(Nets.params(net)).isEqualTo(before).isNotEqualTo(Nets.params(copy));
    Nets.fit(net, DATA.subList(3, 8));
    assertThat(Nets.params(copy)).isEqualTo(Nets.params(net));
  }

  @Test
  void aCopyOfLayersTrainsOnAsItsSourceWould() {
    MultiLayerNetwork net = Nets.layers(scheduled());
    Nets.fit(net, DATA.subList(0, 3));
    net.incrementEpochCount();
    MultiLayerNetwork copy = NetworkCopy.of(net);
    assertThat(copy.getIterationCount()).isEqualTo(3);
    assertThat(copy.getEpochCount()).isEqualTo(1);
    assertThat(copy.getListeners()).isEmpty();
    assertTrainsOnAlike(net, copy);
  }

  @Test
  void aCopyOfAGraphTrainsOnAsItsSourceWould() {
    ComputationGraph net = Nets.graph(scheduled());
    Nets.fit(net, DATA.subList(0, 3));
    net.incrementEpochCount();
    ComputationGraph copy = NetworkCopy.of(net);
    assertThat(copy.getConfiguration().getIterationCount()).isEqualTo(3);
    assertThat(copy.getConfiguration().getEpochCount()).isEqualTo(1);
    assertTrainsOnAlike(net, copy);
  }

  @Test
  void aCopyOfAnUntrainedNetworkStartsAlike() {
    MultiLayerNetwork net = Nets.layers(scheduled());
    assertTrainsOnAlike(net, NetworkCopy.of(net));
  }

  @Test
  void withoutTheUpdatersStateAdamStartsAfresh() {
    MultiLayerNetwork net = Nets.layers(scheduled());
    Nets.fit(net, DATA.subList(0, 3));
    MultiLayerNetwork copy = NetworkCopy.withoutUpdaterState(net);
    assertThat(Nets.params(copy)).isEqualTo(Nets.params(net));
    assertThat(copy.getUpdater().getStateViewArray().sumNumber().doubleValue()).isZero();
    assertThat(net.getUpdater().getStateViewArray().sumNumber().doubleValue()).isNotZero();
  }

  @Test
  void pushedRatesDoNotReachACopy() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    Nets.fit(net, DATA.subList(0, 1));
    MultiLayerNetwork copy = NetworkCopy.of(net);
    run.step();
    assertThat(net.getLearningRate(0)).isEqualTo(0.05);
    assertThat(copy.getLearningRate(0)).isEqualTo(0.1);
    Nets.Movement movement = new Nets.Movement();
    copy.addListeners(movement);
    Nets.fit(copy, DATA.subList(1, 2));
    assertThat(movement.rates.get(0)).isCloseTo(0.1, within(1e-12));
  }

  @Test
  void copiesANetworkWithoutParameters() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new ActivationLayer(Activation.TANH),
                    new LossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build())
                .build());
    INDArray in = Nd4j.createFromArray(new double[][] {{0.5, -1}});
    assertThat(NetworkCopy.of(net).output(in).toDoubleVector())
        .containsExactly(Math.tanh(0.5), Math.tanh(-1));
  }

  @Test
  void refusesANetworkThatIsNotInitialised() {
    String message = "the network must be initialised before it is copied: call net.init()";
    assertThatThrownBy(
            () -> NetworkCopy.of(new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(1)))))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(message);
    assertThatThrownBy(
            () -> NetworkCopy.of(new ComputationGraph(Nets.graphConfiguration(new Sgd(1)))))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(message);
  }
}
