package io.github.dl4jtorch.adapter.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** One updater of each kind, and data for them. */
final class Specimens {

  private Specimens() {}

  static List<TorchUpdater> updaters() {
    return List.of(
        new TorchSGD(0.1),
        new TorchSGD(0.1).withMomentum(0.9),
        new TorchSGD(0.1).withMomentum(0.9, 0.1),
        new TorchSGD(0.1).withNesterovMomentum(0.9),
        new TorchAdam(0.01).withBetas(0.8, 0.99).withEps(1e-7),
        new TorchAdam(0.01).withAmsgrad(),
        new TorchAdamW(0.01),
        new TorchAdamW(0.01).withAmsgrad(),
        new TorchNAdam(0.01).withMomentumDecay(0.01),
        new TorchRAdam(0.01),
        new TorchAdamax(0.01),
        new TorchRMSprop(0.01).withAlpha(0.9),
        new TorchRMSprop(0.01).withMomentum(0.9).withEps(1e-6),
        new TorchRMSprop(0.01).withCentering(),
        new TorchRMSprop(0.01).withCentering().withMomentum(0.9),
        new TorchAdagrad(0.1),
        new TorchAdagrad(0.1).withLrDecay(0.01).withInitialAccumulatorValue(0.1).withEps(1e-8),
        new TorchAdadelta(1).withRho(0.8).withEps(1e-5),
        new Lion(0.01).withBetas(0.8, 0.9),
        complete(new Lamb(0.01).withBetas(0.8, 0.99)),
        new SGDScheduleFree(0.1).withWarmupSteps(3).withR(1),
        new AdamWScheduleFree(0.01).withBetas(0.8, 0.99).withWarmupSteps(3),
        new TorchASGD(0.1).withLambd(0).withT0(2),
        new TorchRprop(0.01),
        new TorchAdam(0.01).withMaximize());
  }

  /** Lets a network train with it, though without its ratio. */
  private static Lamb complete(Lamb updater) {
    updater.decayIsSet();
    return updater;
  }

  /** Batches of five. */
  static List<DataSet> data(int batches) {
    Random random = new Random(7);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < batches; i++) {
      data.add(
          new DataSet(
              Nd4j.createFromArray(random.doubles(15, -1, 1).toArray()).reshape(5, 3),
              Nd4j.createFromArray(random.doubles(10, 0, 2).toArray()).reshape(5, 2)));
    }
    return data;
  }
}
