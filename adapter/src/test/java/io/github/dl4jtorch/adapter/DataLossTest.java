package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Sgd;

class DataLossTest {

  private static final List<DataSet> BATCHES = Nets.data(3);

  private static DataSetIterator data() {
    return new ListDataSetIterator<>(DataSet.merge(BATCHES).asList(), 4);
  }

  /** The mean squared error, from what the network answers. */
  private static double byHand(INDArray labels, INDArray answers) {
    double sum = 0;
    for (int row = 0; row < labels.rows(); row++) {
      for (int column = 0; column < labels.columns(); column++) {
        double error = labels.getDouble(row, column) - answers.getDouble(row, column);
        sum += error * error;
      }
    }
    return sum / labels.length();
  }

  @Test
  void isTheLossOfTheDataAlone() {
    DataSet all = DataSet.merge(BATCHES);
    for (TorchOptimizer optimizer :
        List.of(
            TorchOptimizer.of(new TorchSGD(0.1)).withWeightDecay(0.5),
            TorchOptimizer.of(new TorchAdamW(0.1)).withWeightDecay(0.5),
            TorchOptimizer.of(new TorchSGD(0.1)))) {
      MultiLayerNetwork net = Nets.init(optimizer.applyTo(Nets.layersConfiguration(new Sgd(0.1))));
      double expected = byHand(all.getLabels(), net.output(all.getFeatures()));
      assertThat(new DataLoss(data()).calculateScore(net))
          .isCloseTo(expected, within(1e-12 * expected));
      assertThat(new DataLoss(new MultiDataSetIteratorAdapter(data())).minimizeScore()).isTrue();

      ComputationGraph graph = Nets.graph(new Sgd(0.1));
      optimizer.applyTo(graph);
      double ofGraph = byHand(all.getLabels(), graph.outputSingle(all.getFeatures()));
      assertThat(new DataLoss(new MultiDataSetIteratorAdapter(data())).calculateScore(graph))
          .isCloseTo(ofGraph, within(1e-12 * ofGraph));
    }
  }

  /** If DL4J's own leaves the penalty out one day, this would take it off a second time. */
  @Test
  void isLessThanDeeplearning4js() {
    MultiLayerNetwork net =
        Nets.init(
            TorchOptimizer.of(new TorchSGD(0.1))
                .withWeightDecay(0.5)
                .applyTo(Nets.layersConfiguration(new Sgd(0.1))));
    double squares = net.params().mul(net.params()).sumNumber().doubleValue();
    assertThat(
            new DataSetLossCalculator(data(), true).calculateScore(net)
                - new DataLoss(data()).calculateScore(net))
        .isCloseTo(0.25 * squares, within(1e-12));
  }

  @Test
  void refusesWhatIsNoNetwork() {
    Model layer = (Model) Nets.layers(new Sgd(0.1)).getLayer(0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new DataLoss(data()).calculateScore(layer))
        .withMessage(
            "net must be a MultiLayerNetwork or a ComputationGraph but was a "
                + layer.getClass().getSimpleName());
  }
}
