package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PyTorch's Adam and ReduceLROnPlateau go on as PyTorch went on, with an LSTM. */
class PlateauTest {

  private static final int BATCHES = 24;

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"initial.pt", "half.pt"})
  void pushed(String from) throws IOException {
    follow(new Followed(new Recording("lstm_plateau", true)), from, folder);
  }

  /** Follows a recording to its end, and returns what is written then. */
  static Dict follow(Followed followed, String from, Path folder) throws IOException {
    Recording recording = followed.recording;
    MultiLayerNetwork net = Networks.lstm(Networks.all(new TorchAdam(0.01), 0));
    NetworkParamGroups groups = TorchGroups.of(net);
    assertThat(groups.params(1)).hasToString("[lstm.b]");
    assertThat(groups.get(1).lr()).isEqualTo(0.02);
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.3)
            .patience(0)
            .threshold(0.05, ReduceLROnPlateau.ThresholdMode.REL)
            .build()
            .attach(groups);
    TorchTraining.of(net).with(run).load(recording.file(from));
    int start = net.getEpochCount();
    assertThat(start).isEqualTo(from.equals("half.pt") ? 4 : 0);
    assertThat(net.getIterationCount()).isEqualTo(start * BATCHES);
    for (int epoch = start; epoch < recording.epochs; epoch++) {
      if (epoch == start + 2) {
        Path file = folder.resolve("training.zip");
        CheckpointWriter.of(net).with("run", run).save(file);
        TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
        net = checkpoint.network(MultiLayerNetwork.class);
        run = checkpoint.run("run");
      }
      for (int batch = 0; batch < BATCHES; batch++) {
        int iteration = epoch * BATCHES + batch;
        ParamGroup group = run.paramGroups().get(0);
        followed.rate(iteration, 0, group.lr(), group.momentum());
        assertThat(run.paramGroups().get(1).lr()).isEqualTo(2 * group.lr());
        followed.fit(net, iteration);
      }
      net.incrementEpochCount();
      followed.validate(net, epoch);
      run.step(Followed.score(net, recording.validation));
    }
    // Its two biases are known from the file with which the training began.
    Dict written = TorchTraining.of(net).with(run).dict(recording.read("half.pt"));
    followed.check("pushed from " + from, net, written, folder);
    // A file has a word for infinity, which JSON has not.
    assertThat(((Map<?, ?>) written.get("scheduler")).get("mode_worse"))
        .isEqualTo(Double.POSITIVE_INFINITY);
    return written;
  }
}
