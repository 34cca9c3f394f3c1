package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * Truncated backpropagation through time: DL4J cuts a series into segments, and each is an
 * iteration, the shorter one at the end too. One cycle must count them all.
 */
public final class Segments {

  private static final int EPOCHS = 15;
  private static final int BATCHES = 4;
  private static final int LENGTH = 50;
  private static final int SEGMENT = 20;

  private Segments() {}

  /**
   * Trains a network to foretell waves one step ahead.
   *
   * @param args not used
   */
  public static void main(String[] args) {
    int segments = (LENGTH + SEGMENT - 1) / SEGMENT; // 20, 20 and 10 steps
    OneCycleLR cycle =
        OneCycleLR.builder(0.02)
            .epochs(EPOCHS)
            .stepsPerEpoch(BATCHES * segments)
            .cycleMomentum(false)
            .build();
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(new TorchAdam(TorchSchedule.lr(cycle, 0.02, ScheduleType.ITERATION)))
                .list(
                    new LSTM.Builder().nIn(1).nOut(8).activation(Activation.TANH).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(8)
                        .nOut(1)
                        .activation(Activation.IDENTITY)
                        .build())
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(SEGMENT)
                .build());
    net.init();
    ListDataSetIterator<DataSet> waves = new ListDataSetIterator<>(waves(), 1);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      double lr = net.getLearningRate(0);
      net.fit(waves);
      System.out.printf(
          Locale.ROOT,
          "epoch %2d  iterations %3d  lr %.5f  loss %.4f%n",
          epoch,
          net.getIterationCount(),
          lr,
          net.score());
    }
  }

  private static List<DataSet> waves() {
    List<DataSet> waves = new ArrayList<>();
    for (int wave = 0; wave < BATCHES; wave++) {
      float[] values = new float[LENGTH + 1];
      for (int step = 0; step <= LENGTH; step++) {
        values[step] = (float) Math.sin(0.4 * step + wave);
      }
      waves.add(new DataSet(series(values, 0), series(values, 1)));
    }
    return waves;
  }

  private static INDArray series(float[] values, int start) {
    return Nd4j.createFromArray(Arrays.copyOfRange(values, start, start + LENGTH))
        .reshape(1, 1, LENGTH);
  }
}
