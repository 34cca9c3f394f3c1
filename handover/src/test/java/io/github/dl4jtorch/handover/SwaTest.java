package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.swa.AverageCheckpoint;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.UpdateBn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A residual network goes on as in PyTorch, from the cosine into SWALR and the average. */
class SwaTest {

  private static final int BATCHES = 24;
  private static final int SWA_START = 4;

  private static final List<String> NORMS =
      List.of(
          "bn1",
          "layer1.0.bn1",
          "layer1.0.bn2",
          "layer2.0.bn1",
          "layer2.0.bn2",
          "layer2.0.downsample.1");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"initial.pt", "half.pt"})
  void pushed(String from) throws IOException {
    follow(new Followed(new Recording("resnet_swa", false)), from, folder);
  }

  /** Follows a recording to its end, and returns what is written then. */
  static Dict follow(Followed followed, String from, Path folder) throws IOException {
    Recording recording = followed.recording;
    ComputationGraph net = Networks.resnet(Networks.all(new TorchSGD(0.1).withMomentum(0.9), 1e-4));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler cosine = new CosineAnnealingLR(8).attach(groups);
    LRScheduler swalr = new SWALR(0.05, 2, AnnealStrategy.COS).attach(groups);
    AveragedModel<ComputationGraph> average = AveragedModel.of(net, Averaging.equal());
    TorchTraining.of(net)
        .with(cosine)
        .with("swa_scheduler", swalr)
        .with(average)
        .batchesPerEpoch(BATCHES)
        .load(recording.file(from));
    int start = net.getEpochCount();
    assertThat(average.nAveraged()).isEqualTo(from.equals("half.pt") ? 2 : 0);
    for (int epoch = start; epoch < recording.epochs; epoch++) {
      if (epoch == 7) {
        Path file = folder.resolve("training.zip");
        CheckpointWriter.of(net)
            .with("cosine", cosine)
            .with("swalr", swalr)
            .with("average", AverageCheckpoint.of(average))
            .save(file);
        TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
        net = checkpoint.network(ComputationGraph.class);
        cosine = checkpoint.run("cosine");
        swalr = checkpoint.run("swalr");
        average = AveragedModel.of(net, Averaging.equal());
        AverageCheckpoint.restore(checkpoint.part("average"), average);
      }
      for (int batch = 0; batch < BATCHES; batch++) {
        int iteration = epoch * BATCHES + batch;
        ParamGroup group = cosine.paramGroups().get(0);
        followed.rate(iteration, 0, group.lr(), group.momentum());
        followed.fit(net, iteration);
      }
      net.incrementEpochCount();
      followed.validate(net, epoch);
      if (epoch >= SWA_START) {
        average.updateParameters(net);
        swalr.step();
      } else {
        cosine.step();
      }
    }
    assertThat(average.nAveraged()).isEqualTo(4);
    new UpdateBn().run(average.network(), new ExistingDataSetIterator(recording.batches));
    followed.checkAverage(
        "pushed from " + from,
        average.network(),
        Followed.score(average.network(), recording.validation));
    Dict written =
        TorchTraining.of(net)
            .with(cosine)
            .with("swa_scheduler", swalr)
            .with(average)
            .dict(recording.read("half.pt"));
    // PyTorch's update_bn counts its batches anew: 24, where the network has seen 192.
    for (String norm : NORMS) {
      followed.files.except(".averaged_model.module." + norm + ".num_batches_tracked", 168);
    }
    followed.check("pushed from " + from, net, written, folder);
    return written;
  }
}
