package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.ExponentialLR;
import java.io.IOException;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Fine-tuning: a new head on a network that was trained on the digits 0 to 4, whose layers are
 * unfrozen one by one, each at a smaller rate and with a schedule of its own, so that it learns 5
 * to 9 from 50 images.
 */
public final class FineTune {

  private static final int EPOCHS = 6;
  private static final int FEW = 50;

  /** The places of layers. */
  private static final int CONV3 = 7;

  private static final int FC = 11;

  private FineTune() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DigitsData digits = DigitsData.load(1);
    DataSet first = only(digits.train(), digit -> digit < 5, digits.train().numExamples());
    DataSetIterator few =
        DigitsData.batches(only(digits.train(), digit -> digit >= 5, FEW), FEW / 5);
    DataSet test = only(digits.test(), digit -> digit >= 5, digits.test().numExamples());

    MultiLayerNetwork net = DigitsNetwork.with(new TorchAdam(0.005), 1);
    net.fit(DigitsData.batches(first, 64), 5);
    net = withNewHead(net);

    var head = NetworkParam.inLayers("fc");
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(head).lr(0.02).frozen(head.negate()).build();
    follow(net, groups);
    train(net, few, "head");

    groups = groups.unfreeze(NetworkParam.inLayers("conv3", "bn3"), 0.005);
    follow(net, groups.only(1));
    train(net, few, "upper");

    groups = groups.unfreeze(NetworkParam.inLayers("conv1", "bn1", "conv2", "bn2"), 0.001);
    follow(net, groups.only(2));
    train(net, few, "lower");

    MultiLayerNetwork fresh = DigitsNetwork.with(new TorchAdam(0.005), 1);
    fresh.fit(few, 3 * EPOCHS);
    System.out.printf(
        Locale.ROOT,
        "accuracy %.3f, of a network that knew no digits before %.3f%n",
        accuracy(net, test),
        accuracy(fresh, test));
  }

  /** Returns the first so many images of some digits. */
  private static DataSet only(DataSet images, IntPredicate digits, int count) {
    return DataSet.merge(
        images.asList().stream()
            .filter(image -> digits.test(image.getLabels().argMax().getInt()))
            .limit(count)
            .toList());
  }

  private static double accuracy(MultiLayerNetwork net, DataSet images) {
    return net.evaluate(DigitsData.batches(images, images.numExamples())).accuracy();
  }

  private static void follow(MultiLayerNetwork net, NetworkParamGroups groups) {
    net.addListeners(SchedulerListener.everyEpoch(new ExponentialLR(0.9).attach(groups)));
  }

  private static void train(MultiLayerNetwork net, DataSetIterator training, String unfrozen) {
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      double lower = net.getLearningRate(0);
      double upper = net.getLearningRate(CONV3);
      double head = net.getLearningRate(FC);
      net.fit(training);
      System.out.printf(
          Locale.ROOT,
          "%-5s lr lower %.5f  upper %.5f  head %.5f  loss %.4f%n",
          unfrozen,
          lower,
          upper,
          head,
          net.score());
    }
  }

  private static MultiLayerNetwork withNewHead(MultiLayerNetwork net) {
    return new TransferLearning.Builder(net)
        .fineTuneConfiguration(
            new FineTuneConfiguration.Builder().seed(2).updater(new TorchAdam(0.02)).build())
        .nOutReplace(FC, DigitsData.DIGITS, WeightInit.XAVIER)
        .build();
  }
}
