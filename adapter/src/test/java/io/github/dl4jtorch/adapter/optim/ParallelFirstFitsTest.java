package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.nio.file.Path;
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
import org.junit.jupiter.params.provider.CsvSource;
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
  // What they leave behind is freed with the process.
  private static final int FITS_OF_A_PROCESS = 100;
  private static final int SIZE = 600;

  @ParameterizedTest
  @CsvSource({
    "AVERAGING, false",
    "AVERAGING, true",
    "SHARED_GRADIENTS, false",
    "SHARED_GRADIENTS, true"
  })
  void allEnd(TrainingMode mode, boolean isAdagrad) throws IOException, InterruptedException {
    for (int fit = 0; fit < FITS; fit += FITS_OF_A_PROCESS) {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx1g",
                  "-Dorg.bytedeco.javacpp.nopointergc=true",
                  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                  "-cp",
                  System.getProperty("java.class.path"),
                  ParallelFirstFitsTest.class.getName(),
                  mode.name(),
                  "" + isAdagrad)
              .inheritIO()
              .start();
      assertThat(process.waitFor()).isZero();
    }
  }

  public static void main(String[] arguments) {
    TorchUpdater updater =
        Boolean.parseBoolean(arguments[1])
            ? new TorchAdagrad(1e-2).withLrDecay(0.01)
            : new TorchAdam(1e-3);
    List<DataSet> data = data();
    for (int fit = 0; fit < FITS_OF_A_PROCESS; fit++) {
      MultiLayerNetwork net = net(updater.clone());
      new ParallelWrapper.Builder<>(net)
          .workers(2)
          .averagingFrequency(1)
          .trainingMode(TrainingMode.valueOf(arguments[0]))
          .build()
          .fit(new ListDataSetIterator<>(data, 4));
      assertThat(net.params().sumNumber().doubleValue()).isFinite();
      net.close();
    }
  }

  private static MultiLayerNetwork net(TorchUpdater updater) {
    return Nets.init(
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
