package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import java.io.IOException;
import java.nio.file.Path;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.schedule.ScheduleType;

/** PyTorch's SGD with Nesterov's momentum and OneCycleLR goes on as PyTorch went on. */
class OneCycleTest {

  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.2).totalSteps(96).build();
  private static final int BATCHES = 24;

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"initial.pt", "half.pt"})
  void pushed(String from) throws IOException {
    follow(new Followed(new Recording("cnn_onecycle", false)), from, folder);
  }

  /** Follows a recording to its end, and returns what is written then. */
  static Dict follow(Followed followed, String from, Path folder) throws IOException {
    Recording recording = followed.recording;
    MultiLayerNetwork net =
        Networks.cnn(Networks.all(new TorchSGD(0.1).withNesterovMomentum(0.9), 5e-4));
    LRScheduler run = CYCLE.attach(NetworkParamGroups.of(net));
    HandoverReport report =
        TorchTraining.of(net).with(run).batchesPerEpoch(BATCHES).load(from(recording, from));
    assertThat(report.fits()).isTrue();
    int start = net.getEpochCount();
    assertThat(start).isEqualTo(from.equals("half.pt") ? 2 : 0);
    assertThat(net.getIterationCount()).isEqualTo(start * BATCHES);
    net.addListeners(SchedulerListener.everyIteration(run));
    for (int epoch = start; epoch < recording.epochs; epoch++) {
      if (epoch == start + 1) {
        Path file = folder.resolve("training.zip");
        CheckpointWriter.of(net).with("run", run).save(file);
        TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
        net = checkpoint.network(MultiLayerNetwork.class);
        run = checkpoint.run("run");
        net.addListeners(SchedulerListener.everyIteration(run));
      }
      for (int batch = 0; batch < BATCHES; batch++) {
        int iteration = epoch * BATCHES + batch;
        ParamGroup group = run.paramGroups().get(0);
        followed.rate(iteration, 0, group.lr(), group.momentum());
        followed.fit(net, iteration);
      }
      net.incrementEpochCount();
      followed.validate(net, epoch);
    }
    Dict written = TorchTraining.of(net).with(run).dict(recording.read("half.pt"));
    followed.check("pushed from " + from, net, written, folder);
    return written;
  }

  private static Dict from(Recording recording, String file) {
    return recording.read(file);
  }

  @ParameterizedTest
  @ValueSource(strings = {"initial.pt", "half.pt"})
  void pulled(String from) throws IOException {
    Recording recording = new Recording("cnn_onecycle", false);
    Followed followed = new Followed(recording);
    MultiLayerNetwork net =
        Networks.cnn(
            Networks.all(
                new TorchSGD(TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION))
                    .withNesterovMomentum(
                        TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION)),
                5e-4));
    TorchTraining.of(net).batchesPerEpoch(BATCHES).load(recording.file(from));
    int start = net.getEpochCount();
    for (int epoch = start; epoch < recording.epochs; epoch++) {
      if (epoch == start + 1) {
        Path file = folder.resolve("training.zip");
        CheckpointWriter.of(net).save(file);
        net = TrainingCheckpoint.load(file).network(MultiLayerNetwork.class);
      }
      for (int batch = 0; batch < BATCHES; batch++) {
        int iteration = epoch * BATCHES + batch;
        TorchSGD updater = (TorchSGD) net.getLayer("fc").conf().getLayer().getUpdaterByParam("W");
        followed.rate(
            iteration,
            0,
            updater.getLearningRate(iteration, epoch),
            updater.momentum(iteration, epoch));
        followed.fit(net, iteration);
      }
      net.incrementEpochCount();
      followed.validate(net, epoch);
    }
    Dict written = TorchTraining.of(net).dict(recording.read("half.pt"));
    followed.check("pulled from " + from, net, written, folder);
  }
}
