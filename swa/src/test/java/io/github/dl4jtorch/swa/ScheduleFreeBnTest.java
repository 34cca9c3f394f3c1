package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.ScheduleFree;
import io.github.dl4jtorch.adapter.optim.AdamWScheduleFree;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.fixtures.Nets;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** The running statistics that belong to the evaluation weights of Schedule-Free. */
class ScheduleFreeBnTest {

  private static MultiLayerNetwork network(BatchNormalization norm) {
    return Nets.init(
        TorchOptimizer.of(new AdamWScheduleFree(0.05))
            .withWeightDecay(0.01)
            .applyTo(
                Nets.settings(new Sgd())
                    .list(Nets.dense(Nets.INPUTS, 4), norm, new DropoutLayer(0.5), Nets.output(4))
                    .build()));
  }

  private static BatchNormalization norm(boolean isTorch) {
    return isTorch
        ? new TorchBatchNormalization.Builder().nIn(4).nOut(4).build()
        : Nets.norm(4, false);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void areThoseOfTheEvaluationWeightsAndGiveWayToThoseOfTheTraining(boolean isTorch) {
    MultiLayerNetwork net = network(norm(isTorch));
    List<DataSet> data = Nets.data(8, 6);
    Nets.fit(net, data);
    double[] trained = Nets.params(net);
    double[][] seen =
        ScheduleFree.of(net)
            .during(
                () -> {
                  new UpdateBn().run(net, new ListDataSetIterator<>(data.subList(0, 1), 6));
                  // What the layer normalizes at these weights, by hand.
                  INDArray z = data.get(0).getFeatures().mmul(net.getParam("0_W"));
                  INDArray input = Nd4j.math.tanh(z.addRowVector(net.getParam("0_b")));
                  return new double[][] {
                    Nets.param(net, "1_mean"),
                    input.mean(0).toDoubleVector(),
                    Nets.param(net, "1_var"),
                    input.var(true, 0).toDoubleVector()
                  };
                });
    for (int channel = 0; channel < 4; channel++) {
      assertThat(seen[0][channel]).isCloseTo(seen[1][channel], within(1e-14));
      assertThat(seen[2][channel]).isCloseTo(seen[3][channel], within(1e-14));
    }
    assertThat(Nets.params(net)).isEqualTo(trained);
  }

  @Test
  void trainingDoesNotNotice() {
    MultiLayerNetwork net = network(norm(true));
    MultiLayerNetwork plain = network(norm(true));
    List<DataSet> data = Nets.data(6, 6);
    Nd4j.getRandom().setSeed(3);
    Nets.fit(plain, data);
    Nd4j.getRandom().setSeed(3);
    ScheduleFree weights = ScheduleFree.of(net);
    for (DataSet batch : data) {
      net.fit(batch);
      double score =
          weights.during(
              () -> {
                new UpdateBn().run(net, new ListDataSetIterator<>(data, 6));
                return net.score(batch);
              });
      assertThat(score).isFinite();
    }
    assertThat(Nets.params(net)).isEqualTo(Nets.params(plain));
  }
}
