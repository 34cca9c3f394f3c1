package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.adapter.watch.ProgressLine;
import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Simulation;
import io.github.dl4jtorch.schedules.TrainingLength;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.AveragedScoreCalculator;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.tensorboard.SummaryWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * The curves of a training in TensorBoard: rates and momenta of two param groups, loss, norm of the
 * gradients, and how good the weights and their average are on images held out.
 */
public final class TensorBoard {

  private static final int EPOCHS = 6;
  private static final int BATCH = 64;

  private TensorBoard() {}

  /**
   * Trains.
   *
   * @param args the folder to write to; {@code output/tensorboard} if there is none
   * @throws IOException if the data cannot be read or the event file cannot be closed
   */
  public static void main(String[] args) throws IOException {
    System.setProperty("java.awt.headless", "true");
    DigitsData digits = DigitsData.load(1);
    DataSetIterator training = DigitsData.batches(digits.train(), BATCH);
    DataSetIterator heldOut =
        DigitsData.batches(digits.validation(), digits.validation().numExamples());
    int batches = digits.train().numExamples() / BATCH;
    MultiLayerNetwork net = DigitsNetwork.with(new TorchSGD(0.1).withMomentum(0.9), 1);

    var head = NetworkParam.inLayers("fc");
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group("body", head.negate()).group("head", head).build();
    LRScheduler run =
        OneCycleLR.builder(List.of(0.1, 0.05)).totalSteps(EPOCHS * batches).build().attach(groups);
    GradientClipping clipping = GradientClipping.norm(1.0);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    DataSetLossCalculator score = new DataSetLossCalculator(heldOut, true);
    AveragedScoreCalculator<MultiLayerNetwork> averaged =
        new AveragedScoreCalculator<>(average, score);

    Path folder = Path.of(args.length > 0 ? args[0] : "output/tensorboard");
    try (SummaryWriter writer = SummaryWriter.in(folder)) {
      writer.addImage("schedule", picture(run.simulate(EPOCHS * batches)), 0);
      net.addListeners(
          clipping,
          SchedulerListener.everyIteration(run),
          AveragingListener.everyIteration(net, average),
          LearningRateMonitor.everyIteration(groups)
              .withColumn("loss/train", net::score)
              .withColumn("gradient/norm", clipping::lastNorm)
              .withScore("score/raw", () -> score.calculateScore(net))
              .withScore("score/average", () -> averaged.calculateScore(net))
              .withLog(writer),
          ProgressLine.of(net, TrainingLength.of(EPOCHS + "ep", batches))
              .withMetric("score", () -> score.calculateScore(net)));
      net.fit(training, EPOCHS);
    }
    System.out.printf("Wrote %s; to look at it: tensorboard --logdir %s%n", folder, folder);
  }

  private static BufferedImage picture(Simulation plan) {
    return new Panels("OneCycleLR", "iteration")
        .addFromZero("learning rate", List.of(line("body", plan.lrs(0)), line("head", plan.lrs(1))))
        .add("momentum", List.of(line("body", plan.momenta(0))))
        .image();
  }

  private static Line line(String name, double[] values) {
    return Line.of(name, Arrays.stream(values).boxed().toList());
  }
}
