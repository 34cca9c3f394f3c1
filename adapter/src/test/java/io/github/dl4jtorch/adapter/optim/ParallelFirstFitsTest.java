package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.ParallelWrapper.TrainingMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * First fits of ParallelWrapper, in which workers copy a state while it comes into being; so many
 * that some meet the moment. {@link TornStateTest} makes such copies without a race.
 */
@Tag("long")
class ParallelFirstFitsTest {

  private static final int FITS = 500;
  private static final int SIZE = 600;

  @ParameterizedTest
  @EnumSource(
      value = TrainingMode.class,
      names = {"AVERAGING", "SHARED_GRADIENTS"})
  void allEnd(TrainingMode mode) {
    List<DataSet> data = data();
    for (TorchUpdater updater :
        List.of(new TorchAdam(1e-3), new TorchAdagrad(1e-2).withLrDecay(0.01))) {
      for (int fit = 0; fit < FITS; fit++) {
        MultiLayerNetwork net = net(updater.clone());
        new ParallelWrapper.Builder<>(net)
            .workers(2)
            .averagingFrequency(1)
            .trainingMode(mode)
            .build()
            .fit(new ListDataSetIterator<>(data, 4));
        assertThat(net.params().sumNumber().doubleValue()).isFinite();
        net.close();
      }
    }
  }

  private static MultiLayerNetwork net(TorchUpdater updater) {
    return Specimens.init(
        new NeuralNetConfiguration.Builder()
            .seed(12345)
            .updater(updater)
            .list(
                new DenseLayer.Builder().nIn(SIZE).nOut(SIZE).activation(Activation.TANH).build(),
                new OutputLayer.Builder(LossFunction.MSE)
                    .nIn(SIZE)
                    .nOut(2)
                    .activation(Activation.IDENTITY)
                    .build())
            .build());
  }

  private static List<DataSet> data() {
    Random random = new Random(7);
    List<DataSet> data = new ArrayList<>();
    for (int batch = 0; batch < 4; batch++) {
      data.add(
          new DataSet(
              Nd4j.createFromArray(random.doubles(4 * SIZE, -1, 1).toArray()).reshape(4, SIZE),
              Nd4j.createFromArray(random.doubles(8, 0, 2).toArray()).reshape(4, 2)));
    }
    return data;
  }
}
