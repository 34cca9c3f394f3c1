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
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
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

    void resume(Path folder) throws IOException {
      Path file = folder.resolve("training.zip");
      CheckpointWriter writer =
          CheckpointWriter.of(net).with("average", AverageCheckpoint.of(average));
      if (run != null) {
        writer = writer.with("run", run);
      }
      writer.save(file);
      TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
      net = checkpoint.network(MultiLayerNetwork.class);
      if (run != null) {
        run = checkpoint.run("run");
      }
      clipping = GradientClipping.norm(1);
      average = AveragedModel.of(net, Averaging.ema(0.98).useBuffers(true));
      AverageCheckpoint.restore(checkpoint.part("average"), average);
    }

    /** PyTorch's script made no call of the scheduler after the last step. */
    void stopScheduling() {
      List<TrainingListener> others = new ArrayList<>(net.getListeners());
      others.removeIf(SchedulerListener.class::isInstance);
      net.setListeners(others);
    }

    TorchTraining handover() {
      TorchTraining handover = TorchTraining.of(net).with(average);
      return run != null
          ? handover.with(run)
          : handover.groupedBy(param -> param.isWeight(), param -> !param.isWeight());
    }
  }

  @ParameterizedTest
  @CsvSource({"initial.pt,push", "half.pt,push", "initial.pt,pull", "half.pt,pull"})
  void followsPyTorch(String from, String bridge) throws IOException {
    follow(new Followed(new Recording("cnn_finetune", false)), from, bridge.equals("push"), folder);
  }

  /**
   * Follows a recording to its end, and returns what is written then, with PyTorch's first bias in
   * place of ours.
   */
  static Dict follow(Followed followed, String from, boolean isPushed, Path folder)
      throws IOException {
    Recording recording = followed.recording;
    Training training = new Training();
    FirstBias firstBias = new FirstBias();
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
    if (isPushed) {
      training.run = WARMUP.attach(NetworkParamGroups.weightsAndBiases(training.net));
    }
    training.handover().load(recording.file(from));
    int start = training.net.getEpochCount();
    assertThat(start).isEqualTo(from.equals("half.pt") ? 3 : 0);
    assertThat(training.net.getIterationCount()).isEqualTo(start * STEPS);
    training.listen(followed);
    double raw = 0;
    for (int epoch = start; epoch < recording.epochs; epoch++) {
      if (epoch == start + 1) {
        training.resume(folder);
        training.listen(followed);
      }
      for (int batch = 0; batch < MICRO_BATCHES; batch++) {
        int step = epoch * STEPS + batch / 2;
        if (isPushed) {
          ParamGroup group = training.run.paramGroups().get(0);
          followed.rate(step, 0, group.lr(), group.momentum());
        }
        if (step == recording.epochs * STEPS - 1 && batch % 2 == 0) {
          training.stopScheduling();
        }
        training.net.fit(recording.batches.get(batch));
        firstBias.forward();
        if (batch % 2 == 1) {
          training.average.updateParameters(training.net);
          firstBias.stepped(step + 1, training.net);
        }
      }
      training.net.incrementEpochCount();
      double expected = recording.validationLoss(epoch);
      double own = plainLoss(training.net, recording.validation);
      raw = Math.max(raw, Followed.off(own, expected));
      double substituted =
          firstBias.substituted(training.net, net -> plainLoss(net, recording.validation));
      followed.validation = Math.max(followed.validation, Followed.off(substituted, expected));
    }
    assertThat(training.average.nAveraged()).isEqualTo(144);
    // With our own first bias all is less close, since PyTorch's is rounding as well.
    MultiLayerNetwork averaged = training.average.network();
    double logits = Followed.off(followed.logits(training.net), recording.logits("final_logits"));
    double averagedLogits =
        Followed.off(followed.logits(averaged), recording.logits("averaged_logits"));
    System.out.printf(
        "with our first bias, which is off by %.1e: validation %.1e, logits %.1e, averaged logits"
            + " %.1e%n",
        firstBias.off(), raw, logits, averagedLogits);
    assertThat(firstBias.off()).isBetween(1e-12, 1e-8);
    assertThat(raw).isLessThan(1e-9);
    assertThat(logits).isLessThan(1e-9);
    assertThat(averagedLogits).isLessThan(1e-9);
    firstBias.substitute(training.net);
    firstBias.substituteAverage(averaged);
    // What is left of its gradients, squares of them in the second.
    followed.files.except(".optimizer.state.3.exp_avg", 1e-14);
    followed.files.except(".optimizer.state.3.exp_avg_sq", 1e-28);
    // PyTorch averages this count, and cuts the fraction off each time: 190, where it is 288.
    followed.files.except(".averaged_model.module.bn1.num_batches_tracked", 98);
    followed.files.except(".averaged_model.module.bn2.num_batches_tracked", 98);
    if (!isPushed) {
      // A pulled rate is that of the step to come, 0; PyTorch's script did not ask for it.
      followed.files.except(".optimizer.param_groups[0].lr", 3e-3 / 130);
      followed.files.except(".optimizer.param_groups[1].lr", 3e-3 / 130);
    }
    String how = (isPushed ? "pushed from " : "pulled from ") + from;
    followed.checkAverage(how, averaged, plainLoss(averaged, recording.validation));
    Dict written =
        training
            .handover()
            .countingBatches(2L * training.net.getIterationCount())
            .dict(recording.read("half.pt"));
    followed.check(how, training.net, written, folder);
    return written;
  }

  /** PyTorch's script validates without label smoothing. */
  private static double plainLoss(MultiLayerNetwork net, DataSet data) {
    INDArray losses = Transforms.log(net.output(data.getFeatures())).muli(data.getLabels());
    return -losses.sumNumber().doubleValue() / data.numExamples();
  }
}
