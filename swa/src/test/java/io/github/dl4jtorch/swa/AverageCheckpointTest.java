package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.SWALR;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/** Averages that go on from a checkpoint, compared with those that never stopped. */
class AverageCheckpointTest {

  private static final int EPOCHS = 6;
  private static final int BATCHES = 3;
  private static final SWALR SWALR_2 = new SWALR(List.of(0.01, 0.02), 2, AnnealStrategy.COS);

  @TempDir private Path folder;

  private static DataSetIterator batches() {
    return new ExistingDataSetIterator(Nets.data(BATCHES, 6));
  }

  /** A network under a cosine and then SWALR, with two averages. */
  private static final class Training {
    final MultiLayerNetwork net;
    final LRScheduler cosine;
    final AveragedModel<MultiLayerNetwork> swa;
    final AveragedModel<MultiLayerNetwork> ema;
    final SwalrListener swalr;
    final AveragingListener<MultiLayerNetwork> epochs;
    final AveragingListener<MultiLayerNetwork> iterations;

    Training(MultiLayerNetwork net, LRScheduler cosine) {
      this.net = net;
      this.cosine = cosine;
      swa = AveragedModel.of(net, Averaging.equal());
      ema = AveragedModel.of(net, Averaging.emaWithWarmup(0.9).useBuffers(true));
      epochs = AveragingListener.everyEpoch(net, swa).startingAt(2);
      swalr = SwalrListener.everyEpoch(SchedulerListener.everyEpoch(cosine), SWALR_2).startingAt(2);
      iterations = AveragingListener.everyIteration(net, ema).startingAt(1).withInterval(2);
      net.addListeners(swalr, epochs, iterations);
    }

    static Training begin() {
      MultiLayerNetwork net = Nets.layers(true);
      return new Training(
          net, new CosineAnnealingLR(EPOCHS).attach(NetworkParamGroups.weightsAndBiases(net)));
    }

    static Training resume(TrainingCheckpoint checkpoint) {
      Training training =
          new Training(checkpoint.network(MultiLayerNetwork.class), checkpoint.run("cosine"));
      training.swalr.restore(checkpoint.part("swalr"));
      training.epochs.restore(checkpoint.part("swa"));
      training.iterations.restore(checkpoint.part("ema"));
      return training;
    }

    CheckpointWriter writer() {
      return CheckpointWriter.of(net)
          .with("cosine", cosine)
          .with("swalr", swalr)
          .with("swa", epochs)
          .with("ema", iterations);
    }
  }

  /** After so many iterations, before, at and behind the start of SWALR. */
  @ParameterizedTest
  @ValueSource(ints = {2, 5, 6, 8, 9, 10, 12, 14, 15, 17})
  void goesOnToTheBit(int saved) throws IOException {
    Training expected = Training.begin();
    expected.net.fit(batches(), EPOCHS);

    Training first = Training.begin();
    first.net.addListeners(
        TrainingCheckpointListener.everyIteration(first.writer(), folder)
            .withInterval(saved)
            .keepLast(1));
    first.net.fit(batches(), saved / BATCHES + 1);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
    Training resumed = Training.resume(checkpoint);
    assertThat(resumed.net.getIterationCount()).isEqualTo(saved);
    resumed.net.fit(checkpoint.remaining(batches()));
    while (resumed.net.getEpochCount() < EPOCHS) {
      resumed.net.fit(batches());
    }

    assertThat(resumed.net.getIterationCount()).isEqualTo(EPOCHS * BATCHES);
    assertThat(Nets.params(resumed.net)).isEqualTo(Nets.params(expected.net));
    assertThat(Nets.params(resumed.swa.network())).isEqualTo(Nets.params(expected.swa.network()));
    assertThat(Nets.params(resumed.ema.network())).isEqualTo(Nets.params(expected.ema.network()));
    assertThat(resumed.swa.nAveraged()).isEqualTo(expected.swa.nAveraged()).isEqualTo(4);
    assertThat(resumed.ema.nAveraged()).isEqualTo(expected.ema.nAveraged()).isEqualTo(9);
    assertThat(resumed.epochs.values()).isEqualTo(expected.epochs.values());
    assertThat(resumed.swalr.values()).isEqualTo(expected.swalr.values());
    assertThat(resumed.cosine.paramGroups().stateDict())
        .isEqualTo(expected.cosine.paramGroups().stateDict());
  }

  /** Epochs that only the listener knows of are kept, too. */
  @Test
  void goesOnInATrainingWithoutEpochEvents() throws IOException {
    Path file = folder.resolve("training.zip");
    Training first = Training.begin();
    for (int epoch = 0; epoch < 4; epoch++) {
      Nets.fit(first.net, Nets.data(BATCHES, 6));
      first.epochs.stepEpoch();
      first.swalr.stepEpoch();
    }
    first.writer().save(file);
    Training resumed = Training.resume(TrainingCheckpoint.load(file));
    assertThat(resumed.net.getEpochCount()).isZero();
    for (Training training : List.of(first, resumed)) {
      Nets.fit(training.net, Nets.data(BATCHES, 6));
      training.epochs.stepEpoch();
      training.swalr.stepEpoch();
    }
    assertThat(resumed.swa.nAveraged()).isEqualTo(first.swa.nAveraged()).isEqualTo(3);
    assertThat(Nets.params(resumed.swa.network())).isEqualTo(Nets.params(first.swa.network()));
    assertThat(Nets.params(resumed.net)).isEqualTo(Nets.params(first.net));
  }

  private CheckpointPart saved(CheckpointPart part, MultiLayerNetwork net) throws IOException {
    Path file = folder.resolve("part.zip");
    CheckpointWriter.of(net).with("part", part).save(file);
    return TrainingCheckpoint.load(file).part("part");
  }

  @Test
  void keepsAnAverageAlone() throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.yolov5(0.9, 3));
    average.updateParameters(net);
    Nets.fit(net, Nets.data(2, 6));
    average.updateParameters(net);
    AveragedModel<MultiLayerNetwork> restored =
        AveragedModel.of(Nets.layers(true), Averaging.yolov5(0.9, 3));
    AverageCheckpoint.restore(saved(AverageCheckpoint.of(average), net), restored);
    assertThat(restored.nAveraged()).isEqualTo(2);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
  }

  /** The form in which averages have been saved from the first. */
  @Test
  void readsWhatFormerVersionsSaved() {
    MultiLayerNetwork net = Nets.layers(true);
    double[] params = Nets.params(net);
    params[3] = 0.25;
    Map<String, Object> state =
        Map.of("n_averaged", 4, "averaging", Map.of("type", "equal", "use_buffers", false));
    List<String> names =
        List.of(
            "0_W [3, 4]",
            "0_b [4]",
            "1_gamma [1, 4]",
            "1_beta [1, 4]",
            "1_mean [1, 4]",
            "1_log10stdev [1, 4]",
            "2_W [4, 2]",
            "2_b [2]");
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AverageCheckpoint.restore(
        new Damaged(
            Map.of("average", state, "parameters", names),
            Map.of("params", Nd4j.createFromArray(params))),
        average);
    assertThat(average.nAveraged()).isEqualTo(4);
    assertThat(Nets.params(average.network())).isEqualTo(params);
    assertThat(AverageCheckpoint.of(average).arrays().keySet()).containsExactly("params");
  }

  @Test
  void takesTheAverageAloneOutOfAListenersPart() throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyEpoch(net, average);
    net.addListeners(averaging);
    net.fit(batches(), 2);
    AveragedModel<MultiLayerNetwork> restored = AveragedModel.of(net, Averaging.equal());
    AverageCheckpoint.restore(saved(averaging, net), restored);
    assertThat(restored.nAveraged()).isEqualTo(2);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
  }

  @Test
  void aFunctionOfOnesOwnIsGivenAgain() throws IOException {
    Averaging maximum = Averaging.of((average, parameter, n) -> average.addi(parameter));
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, maximum);
    average.updateParameters(net);
    average.updateParameters(net);
    CheckpointPart saved = saved(AverageCheckpoint.of(average), net);
    AveragedModel<MultiLayerNetwork> restored = AveragedModel.of(net, maximum);
    AverageCheckpoint.restore(saved, restored);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
    average.updateParameters(net);
    restored.updateParameters(net);
    assertThat(Nets.params(restored.network())).isEqualTo(Nets.params(average.network()));
    assertThat(restored.nAveraged()).isEqualTo(3);
  }

  @Test
  void refusesWhatIsOfAnotherAverage() throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    average.updateParameters(net);
    CheckpointPart saved = saved(AverageCheckpoint.of(average), net);

    AveragedModel<MultiLayerNetwork> variance =
        AveragedModel.of(Nets.layers(false), Averaging.equal());
    assertRefused(
        saved,
        variance,
        "the average must be of the architecture that was saved, but where that has 1_log10stdev"
            + " [4], it has 1_var [4]");
    AveragedModel<ComputationGraph> graph = AveragedModel.of(Nets.graph(true), Averaging.equal());
    assertRefused(
        saved,
        graph,
        "the average must be of the architecture that was saved, but where that has 0_W [3, 4], it"
            + " has a_W [3, 4]");
    AveragedModel<MultiLayerNetwork> shorter =
        AveragedModel.of(Nets.net(Nets.dense(3, 4), Nets.norm(4, true)), Averaging.equal());
    assertRefused(
        saved,
        shorter,
        "the average must be of the architecture that was saved, but where that has 2_W [4, 2], it"
            + " has no more parameters");
    assertRefused(
        saved,
        AveragedModel.of(Nets.layers(true), Averaging.ema(0.5)),
        "the state must be of Averaging[Ema[decay=0.5], useBuffers=false] but is of"
            + " Averaging[Equal[], useBuffers=false]");
    assertRefused(
        saved(new Plain(Map.of("other", 1)), net),
        AveragedModel.of(Nets.layers(true), Averaging.equal()),
        "\"average\" must be a map but was null");
  }

  private record Plain(Map<String, Object> values) implements CheckpointPart {
    @Override
    public Map<String, INDArray> arrays() {
      return Map.of();
    }
  }

  private static void assertRefused(
      CheckpointPart saved, AveragedModel<?> average, String message) {
    double[] before = average.network().params().toDoubleVector();
    assertThatThrownBy(() -> AverageCheckpoint.restore(saved, average))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(message);
    assertThat(average.nAveraged()).isZero();
    assertThat(average.network().params().toDoubleVector()).isEqualTo(before);
  }

  @Test
  void refusesWhatIsOfAnotherListener() throws IOException {
    Training training = Training.begin();
    training.net.fit(batches(), 4);
    CheckpointPart saved = saved(training.epochs, training.net);

    Training other = Training.begin();
    assertThatThrownBy(() -> other.iterations.restore(saved))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "the listener must be as the one that was saved, {unit=epoch, start=2, interval=1}, but"
                + " is {unit=iteration, start=1, interval=2}");
    // The same listener over another average.
    AveragedModel<MultiLayerNetwork> ema = AveragedModel.of(other.net, Averaging.ema(0.5));
    AveragingListener<MultiLayerNetwork> alike =
        AveragingListener.everyEpoch(other.net, ema).startingAt(2);
    assertThatThrownBy(() -> alike.restore(saved))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "the state must be of Averaging[Ema[decay=0.5], useBuffers=false] but is of"
                + " Averaging[Equal[], useBuffers=false]");
    assertThat(ema.nAveraged()).isZero();
  }

  @Test
  void changesNothingWhereTheEpochsAreOutOfRange() throws IOException {
    Training training = Training.begin();
    training.net.fit(batches(), 4);
    CheckpointPart saved = saved(training.epochs, training.net);
    Training other = Training.begin();
    double[] average = Nets.params(other.swa.network());
    for (Object epochs : List.of(3e9, 3_000_000_000L, -1, 0.5, "4")) {
      Map<String, Object> values = new HashMap<>(saved.values());
      Map<String, Object> own = new HashMap<>();
      ((Map<?, ?>) saved.values().get("listener"))
          .forEach((key, value) -> own.put((String) key, value));
      own.put("epochs", epochs);
      values.put("listener", own);
      assertThatThrownBy(() -> other.epochs.restore(new Damaged(values, saved.arrays())))
          .isInstanceOf(MalformedDataException.class)
          .hasMessage("\"epochs\" must be a whole number >= 0 and <= 2147483647 but was " + epochs);
      assertThat(Nets.params(other.swa.network())).isEqualTo(average);
      assertThat(other.swa.nAveraged()).isZero();
    }
  }

  private record Damaged(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  @Test
  void refusesACheckpointListenerThatComesFirst() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, AveragedModel.of(net, Averaging.equal()));
    CheckpointWriter writer = CheckpointWriter.of(net).with("averaging", averaging);
    net.addListeners(TrainingCheckpointListener.everyEpoch(writer, folder), averaging);
    assertThatThrownBy(() -> net.fit(batches(), 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the TrainingCheckpointListener must be added after every AveragingListener, which would"
                + " be saved a step behind its network: add it last");
  }
}
