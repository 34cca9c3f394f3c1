package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.samediff.SameDiffLoss;
import io.github.dl4jtorch.adapter.samediff.SameDiffParamGroups;
import io.github.dl4jtorch.adapter.samediff.SameDiffSchedulerListener;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.util.Locale;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.SplitTestAndTrain;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ScheduleType;

/** SameDiff: a graph of one's own under one cycle (pull), then another under a plateau (push). */
public final class SameDiffTraining {

  private static final int EPOCHS = 20;
  private static final int BATCHES = 8;

  private SameDiffTraining() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    SplitTestAndTrain split = IrisData.load(1).train().splitTestAndTrain(12 * BATCHES);
    underOneCycle(split.getTrain(), split.getTest());
    underAPlateau(split.getTrain(), split.getTest());
  }

  private static void underOneCycle(DataSet train, DataSet heldOut) {
    Schedule cycle = OneCycleLR.builder(0.2).epochs(EPOCHS).stepsPerEpoch(BATCHES).build();
    SameDiff sd =
        graph(
            new TorchSGD(TorchSchedule.lr(cycle, 0.2, ScheduleType.ITERATION))
                .withNesterovMomentum(TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION)));
    train("one cycle", sd, train, heldOut);
  }

  private static void underAPlateau(DataSet train, DataSet heldOut) {
    SameDiff sd = graph(new TorchSGD(0.2).withNesterovMomentum(0.9));
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(1)
            .build()
            .attach(SameDiffParamGroups.of(sd));
    SameDiffLoss loss = SameDiffLoss.on(IrisData.batches(heldOut, 12));
    sd.addListeners(SameDiffSchedulerListener.everyEpoch(run, loss));
    train("plateau", sd, train, heldOut);
  }

  private static void train(String name, SameDiff sd, DataSet train, DataSet heldOut) {
    DataSetIterator batches = IrisData.batches(train, 12);
    SameDiffLoss loss = SameDiffLoss.on(IrisData.batches(heldOut, 12));
    TrainingConfig config = sd.getTrainingConfig();
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      double lr =
          config.getUpdater().getLearningRate(config.getIterationCount(), config.getEpochCount());
      sd.fit(batches, 1);
      System.out.printf(
          Locale.ROOT,
          "%s  epoch %2d  lr %.5f  loss held out %.4f%n",
          name,
          epoch,
          lr,
          loss.applyAsDouble(sd));
    }
  }

  private static SameDiff graph(IUpdater updater) {
    Nd4j.getRandom().setSeed(1);
    SameDiff sd = SameDiff.create();
    SDVariable flowers = sd.placeHolder("flowers", DataType.FLOAT, -1, IrisData.FEATURES);
    SDVariable species = sd.placeHolder("species", DataType.FLOAT, -1, IrisData.SPECIES);
    SDVariable hidden = sd.nn().tanh(dense(sd, "hidden", flowers, IrisData.FEATURES, 16));
    SDVariable logits = dense(sd, "output", hidden, 16, IrisData.SPECIES);
    sd.setLossVariables(sd.loss().softmaxCrossEntropy("loss", species, logits, null));
    sd.setTrainingConfig(
        new TrainingConfig.Builder()
            .updater(updater)
            .dataSetFeatureMapping("flowers")
            .dataSetLabelMapping("species")
            .build());
    return sd;
  }

  private static SDVariable dense(SameDiff sd, String name, SDVariable in, int nIn, int nOut) {
    SDVariable weights =
        sd.var(name + "W", Nd4j.randn(DataType.FLOAT, nIn, nOut).divi(Math.sqrt(nIn)));
    return in.mmul(weights).add(sd.var(name + "B", Nd4j.zeros(DataType.FLOAT, 1, nOut)));
  }
}
