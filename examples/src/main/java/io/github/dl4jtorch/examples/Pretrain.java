package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.AutoEncoder;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Pretrain: an autoencoder that is trained by itself first, its rate stepped by hand between the
 * calls, and then the whole network under a listener, from the same rate again.
 */
public final class Pretrain {

  private Pretrain() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(new TorchAdam(0.02))
                .list(
                    new AutoEncoder.Builder()
                        .nIn(IrisData.FEATURES)
                        .nOut(16)
                        .activation(Activation.TANH)
                        .build(),
                    new OutputLayer.Builder()
                        .nIn(16)
                        .nOut(IrisData.SPECIES)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.init();

    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler pretraining = new ExponentialLR(0.7).attach(groups);
    for (int epoch = 0; epoch < 4; epoch++) {
      double lr = net.getLearningRate(0);
      net.pretrain(training);
      // DL4J tells no listener of the end of an epoch here.
      pretraining.step();
      System.out.printf(Locale.ROOT, "pretraining %2d  lr %.5f%n", epoch, lr);
    }

    groups.get(0).setLr(0.02);
    groups.get(0).setInitialLr(0.02);
    net.addListeners(SchedulerListener.everyEpoch(new ExponentialLR(0.9).attach(groups)));
    for (int epoch = 0; epoch < 10; epoch++) {
      double lr = net.getLearningRate(0);
      net.fit(training);
      System.out.printf(Locale.ROOT, "epoch %2d  lr %.5f  loss %.4f%n", epoch, lr, net.score());
    }
  }
}
