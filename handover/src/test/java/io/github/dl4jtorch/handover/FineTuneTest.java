package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchCrossEntropyLoss;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.swa.AverageCheckpoint;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * PyTorch's AdamW with two groups, warm-up, micro-batches, clipping, label smoothing and a moving
 * average goes on as PyTorch went on.
 */
class FineTuneTest {

  private static final int MICRO_BATCHES = 48;
  private static final int STEPS = 24;

  /** The factor of each of the 144 steps, and the last again for the call after it. */
  private static final LambdaLR WARMUP =
      new LambdaLR(
          EpochFunction.table(
              IntStream.rangeClosed(0, 144)
                  .mapToDouble(step -> step < 14 ? step / 14.0 : (144 - step) / 130.0)
                  .toArray()));

  @TempDir Path folder;

  /** A network in training, by push or by pull. */
  private static final class Training {
    MultiLayerNetwork net;
    LRScheduler run;
    AveragedModel<MultiLayerNetwork> average;
    GradientClipping clipping = GradientClipping.norm(1);

    void listen(Followed followed) {
      GradientAccumulation.over(2).attach(net);
      followed.listenTo(net, 2 * net.getIterationCount());
      net.addListeners(clipping);
      net.addListeners(
          new BaseTrainingListener() {
            @Override
            public void iterationDone(Model model, int iteration, int epoch) {
              followed.norm(iteration, clipping.lastNorm());
            }
          });
      if (run != null) {
        net.addListeners(SchedulerListener.everyIteration(run));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"initial.pt,push", "half.pt,push", "initial.pt,pull", "half.pt,pull"})
  void followsPyTorch(String from, String bridge) throws IOException {
    boolean isPushed = bridge.equals("push");
    Recording recording = new Recording("cnn_finetune", false);
    Followed followed = new Followed(recording);
    Training training = new Training();
    TorchAdamW updater =
        isPushed
            ? new TorchAdamW(3e-3)
            : new TorchAdamW(TorchSchedule.lr(WARMUP, 3e-3, ScheduleType.ITERATION));
    // By push the decay of each group comes from the file that has an optimizer.
    boolean hasDecay = !isPushed || from.equals("initial.pt");
    training.net =
        Networks.cnn(
            Networks.matrices(updater, hasDecay ? 0.05 : 0.01),
            new TorchCrossEntropyLoss().withLabelSmoothing(0.1),
            DataType.DOUBLE);
    training.average = AveragedModel.of(training.net, Averaging.ema(0.98).useBuffers(true));
    TorchTraining handover = TorchTraining.of(training.net).with(training.average);
    if (isPushed) {
      NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(training.net);
      training.run = WARMUP.attach(groups);
      handover.with(training.run);
    } else {
      handover.groupedBy(param -> param.isWeight(), param -> !param.isWeight());
    }
    handover.load(recording.file(from));
    int start = training.net.getEpochCount();
    assertThat(start).isEqualTo(from.equals("half.pt") ? 3 : 0);
    assertThat(training.net.getIterationCount()).isEqualTo(start * STEPS);
    training.listen(followed);
    for (int epoch = start; epoch < recording.epochs; epoch++) {
      if (epoch == start + 1) {
        resume(training);
        training.listen(followed);
      }
      for (int batch = 0; batch < MICRO_BATCHES; batch++) {
        int step = epoch * STEPS + batch / 2;
        if (isPushed) {
          ParamGroup group = training.run.paramGroups().get(0);
          followed.rate(step, 0, group.lr(), group.momentum());
        }
        training.net.fit(recording.batches.get(batch));
        if (batch % 2 == 1) {
          training.average.updateParameters(training.net);
        }
      }
      training.net.incrementEpochCount();
      followed.validation =
          Math.max(
              followed.validation,
              Followed.off(
                  plainLoss(training.net, recording.validation), recording.validationLoss(epoch)));
    }
    handover = TorchTraining.of(training.net).with(training.average);
    if (isPushed) {
      handover.with(training.run);
    } else {
      handover.groupedBy(param -> param.isWeight(), param -> !param.isWeight());
    }
    handover.countingBatches(2L * training.net.getIterationCount());
    followed.check(
        bridge + " from " + from, training.net, handover.dict(recording.read("half.pt")));
    Dict last = recording.read("final.pt");
    followed.checkWithoutNoise(training.net, last.dict("model"), "", "final_logits");
    assertThat(training.average.nAveraged()).isEqualTo(144);
    double logits =
        Followed.off(
            followed.logits(training.average.network()), recording.logits("averaged_logits"));
    double loss =
        Followed.off(
            plainLoss(training.average.network(), recording.validation),
            recording.averagedValidationLoss());
    System.out.printf("averaged logits %.1e, averaged validation %.1e%n", logits, loss);
    assertThat(logits).isLessThan(1e-9);
    assertThat(loss).isLessThan(1e-9);
    followed.checkWithoutNoise(
        training.average.network(), last.dict("averaged_model"), "module.", "averaged_logits");
  }

  private void resume(Training training) throws IOException {
    Path file = folder.resolve("training.zip");
    CheckpointWriter writer =
        CheckpointWriter.of(training.net).with("average", AverageCheckpoint.of(training.average));
    if (training.run != null) {
      writer = writer.with("run", training.run);
    }
    writer.save(file);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    training.net = checkpoint.network(MultiLayerNetwork.class);
    if (training.run != null) {
      training.run = checkpoint.run("run");
    }
    training.clipping = GradientClipping.norm(1);
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(training.net, Averaging.ema(0.98).useBuffers(true));
    AverageCheckpoint.restore(checkpoint.part("average"), average);
    training.average = average;
  }

  /** PyTorch's script validates without label smoothing. */
  private static double plainLoss(MultiLayerNetwork net, DataSet data) {
    INDArray losses = Transforms.log(net.output(data.getFeatures())).muli(data.getLabels());
    return -losses.sumNumber().doubleValue() / data.numExamples();
  }
}
