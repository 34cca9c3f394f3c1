package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.Rates;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** A rate of 0 stops a group's parameters, whatever DL4J's updater makes of it. */
class StopAtZeroTest {

  private static final List<Double> RATES = List.of(0.02, 0.02, 0.0, 0.0, 0.0, 0.01, 0.02, 0.02);
  private static final List<DataSet> DATA = Nets.data(RATES.size());

  /** Puts a layer back where it was, in iterations in which its rate is 0. */
  private static final class PutBack extends BaseTrainingListener {
    private INDArray before = Nd4j.empty();

    @Override
    public void onGradientCalculation(Model model) {
      before = layer(model).dup();
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      if (RATES.get(iteration) == 0) {
        layer(model).assign(before);
      }
    }

    private static INDArray layer(Model model) {
      return ((MultiLayerNetwork) model).getLayer(1).params();
    }
  }

  @ParameterizedTest
  @EnumSource
  void holdsOneGroupWhileOthersTrainAndLetsItGoOnAfterwards(UpdaterKind kind) {
    MultiLayerNetwork net = Nets.layers(kind.at(0.02));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    for (int step = 0; step < RATES.size(); step++) {
      groups.get(1).setLr(RATES.get(step));
      double[] before = net.getLayer(1).params().toDoubleVector();
      double[] others = net.getLayer(0).params().toDoubleVector();
      Nets.fit(net, DATA.subList(step, step + 1));
      assertThat(net.getLayer(0).params().toDoubleVector()).isNotEqualTo(others);
      if (RATES.get(step) == 0) {
        assertThat(net.getLayer(1).params().toDoubleVector()).isEqualTo(before);
      } else {
        assertThat(net.getLayer(1).params().toDoubleVector()).isNotEqualTo(before);
      }
    }
    MultiLayerNetwork byHand =
        Nets.init(
            Nets.settings(kind.at(0.02))
                .list(
                    Nets.dense(Nets.INPUTS, 4),
                    Nets.dense(4, 4, kind.following(new Rates(1, RATES))),
                    Nets.output(4))
                .build());
    byHand.addListeners(new PutBack());
    Nets.fit(byHand, DATA);
    assertThat(Nets.params(net)).isEqualTo(Nets.params(byHand));
    assertThat(net.updaterState()).isEqualTo(byHand.updaterState());
  }

  /** What the promise is for: without groups these go on moving. */
  @ParameterizedTest
  @EnumSource(names = {"NESTEROVS", "ADAM", "AMSGRAD", "ADAMAX"})
  void isNotWhatDl4jDoesByItself(UpdaterKind kind) {
    MultiLayerNetwork net = Nets.layers(kind.at(0.02));
    Nets.fit(net, DATA);
    net.setLearningRate(0);
    double[] before = Nets.params(net);
    Nets.fit(net, DATA);
    assertThat(Nets.params(net)).isNotEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource
  void alsoStopsWhenTheNetworkBuildsItsUpdatersAnew(UpdaterKind kind) throws Exception {
    MultiLayerNetwork net = Nets.layers(kind.at(0.02));
    Nets.fit(net, DATA);
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    groups.get(0).setLr(0);
    net.addListeners(SchedulerListener.everyEpoch(new StepLR(1, 0.5).attach(groups)));
    net.setUpdater(null);
    MultiLayerNetwork restored = Nets.restored(net);
    NetworkParamGroups.of(restored);
    double[] before = Nets.params(net);
    Nets.fit(net, DATA);
    Nets.fit(restored, DATA);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(Nets.params(restored)).isEqualTo(before);
  }

  @Test
  void takesForZeroWhatSinglePrecisionDoes() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Adam(0.02))
                .dataType(DataType.FLOAT)
                .list(Nets.dense(Nets.INPUTS, 4), Nets.output(4))
                .build());
    Nets.fit(net, DATA);
    NetworkParamGroups.of(net).get(0).setLr(1e-50);
    double[] before = Nets.params(net);
    Nets.fit(net, DATA);
    assertThat(Nets.params(net)).isEqualTo(before);
  }

  private static double[] weights(MultiLayerNetwork net) {
    INDArray weights = net.getParam("0_W");
    return weights.reshape(weights.length()).toDoubleVector();
  }

  @Test
  void leavesWeightDecayThatDoesNotFollowTheRate() {
    for (boolean followsRate : new boolean[] {true, false}) {
      MultiLayerNetwork net =
          Nets.init(
              Nets.settings(new Sgd(0.02))
                  .list(
                      new DenseLayer.Builder()
                          .nIn(Nets.INPUTS)
                          .nOut(4)
                          .weightDecay(0.25, followsRate)
                          .build(),
                      Nets.output(4))
                  .build());
      NetworkParamGroups.of(net).get(0).setLr(0);
      double[] before = weights(net);
      double[] expected = before.clone();
      Nets.fit(net, DATA.subList(0, 1));
      for (int i = 0; i < expected.length; i++) {
        expected[i] -= followsRate ? 0 : 0.25 * before[i];
      }
      assertThat(weights(net)).isEqualTo(expected);
    }
  }
}
