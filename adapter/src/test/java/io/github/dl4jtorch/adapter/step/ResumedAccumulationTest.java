package io.github.dl4jtorch.adapter.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.step.GradientAccumulation.Remainder;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

class ResumedAccumulationTest {

  private static final GradientAccumulation ACCUMULATION =
      GradientAccumulation.over(3).withRemainder(Remainder.CARRY);

  @TempDir Path folder;

  private static MultiLayerNetwork network() {
    return Nets.init(
        Nets.settings(new TorchAdam(0.01))
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new TorchBatchNormalization.Builder().nIn(4).nOut(4).build(),
                Nets.output(4))
            .build());
  }

  private static List<DataSet> batches() {
    List<DataSet> data = Nets.data(27);
    List<DataSet> batches = new ArrayList<>();
    for (int start = 0; start + 3 <= 27; start += 3) {
      batches.add(DataSet.merge(data.subList(start, start + (start % 2 == 0 ? 3 : 2))));
    }
    return batches;
  }

  /** A training with all that belongs to it. */
  private record Training(
      MultiLayerNetwork net,
      LRScheduler run,
      AccumulatedGradients gradients,
      CheckpointWriter writer) {

    static Training begun() {
      MultiLayerNetwork net = network();
      AccumulatedGradients gradients = ACCUMULATION.attach(net);
      LRScheduler run = new ExponentialLR(0.9).attach(NetworkParamGroups.of(net));
      net.addListeners(GradientClipping.norm(0.1), SchedulerListener.everyIteration(run));
      CheckpointWriter writer =
          CheckpointWriter.of(net).with("exponential", run).with("gradients", gradients);
      return new Training(net, run, gradients, writer);
    }

    static Training resumed(TrainingCheckpoint saved) {
      MultiLayerNetwork net = saved.network(MultiLayerNetwork.class);
      AccumulatedGradients gradients = ACCUMULATION.attach(net);
      gradients.restore(saved.part("gradients"));
      LRScheduler run = saved.run("exponential");
      net.addListeners(GradientClipping.norm(0.1), SchedulerListener.everyIteration(run));
      return new Training(net, run, gradients, saved.writer().with("gradients", gradients));
    }

    void assertAs(Training other) {
      assertThat(Nets.params(net)).containsExactly(Nets.params(other.net));
      assertThat(net.updaterState().toDoubleVector())
          .containsExactly(other.net.updaterState().toDoubleVector());
      assertThat(net.getIterationCount()).isEqualTo(other.net.getIterationCount());
      assertThat(gradients.pendingBatches()).isEqualTo(other.gradients.pendingBatches());
      assertThat(run.stateDict()).isEqualTo(other.run.stateDict());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 8})
  void goesOnToTheBitAfterAnyBatch(int done) throws IOException {
    List<DataSet> batches = batches();
    Training whole = Training.begun();
    batches.forEach(whole.net::fit);
    Training stopped = Training.begun();
    batches.subList(0, done).forEach(stopped.net::fit);
    Path file = folder.resolve("training.zip");
    stopped.writer.save(file);
    Training resumed = Training.resumed(TrainingCheckpoint.load(file));
    assertThat(resumed.gradients.pendingBatches()).isEqualTo(done % 3);
    batches.subList(done, batches.size()).forEach(resumed.net::fit);
    resumed.assertAs(whole);
  }

  /** A remainder that waits for its step is made one right after the training was taken up. */
  @Test
  void makesTheStepOfWhatWasSaved() throws IOException {
    MultiLayerNetwork stopped = network();
    AccumulatedGradients gradients = GradientAccumulation.over(3).attach(stopped);
    batches().subList(0, 2).forEach(stopped::fit);
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(stopped).with("gradients", gradients).save(file);
    TrainingCheckpoint saved = TrainingCheckpoint.load(file);
    MultiLayerNetwork resumed = saved.network(MultiLayerNetwork.class);
    AccumulatedGradients again = GradientAccumulation.over(3).attach(resumed);
    again.restore(saved.part("gradients"));
    gradients.endEpoch();
    again.endEpoch();
    assertThat(resumed.getIterationCount()).isEqualTo(1);
    assertThat(Nets.params(resumed)).containsExactly(Nets.params(stopped));
    assertThat(resumed.score()).isEqualTo(stopped.score());
  }

  /** Epochs of eight batches, of which the last two wait for the next epoch. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void goesOnFromAListenersCheckpoint(int iterations) throws IOException {
    List<DataSet> batches = batches().subList(0, 8);
    Training whole = Training.begun();
    whole.net.fit(new ListDataSetIterator<>(batches, 1), 2);
    Training stopped = Training.begun();
    stopped.net.addListeners(
        TrainingCheckpointListener.everyIteration(stopped.writer, folder)
            .withInterval(iterations)
            .keepLast(9));
    stopped.net.fit(new ListDataSetIterator<>(batches, 1), 2);
    int epoch = iterations == 2 ? 0 : 1;
    TrainingCheckpoint saved =
        TrainingCheckpoint.load(
            folder.resolve(
                String.format(Locale.ROOT, "checkpoint-%010d-%06d.zip", iterations, epoch)));
    assertThat(saved.batchesIntoEpoch()).isEqualTo(iterations == 2 ? 6 : 1);
    Training resumed = Training.resumed(saved);
    resumed.net.fit(saved.remaining(new ListDataSetIterator<>(batches, 1)));
    if (epoch == 0) {
      resumed.net.fit(new ListDataSetIterator<>(batches, 1));
    }
    resumed.assertAs(whole);
  }

  @Test
  void goesOnFromTheEndOfAnEpoch() throws IOException {
    List<DataSet> batches = batches().subList(0, 8);
    Training whole = Training.begun();
    whole.net.fit(new ListDataSetIterator<>(batches, 1), 2);
    Training stopped = Training.begun();
    stopped.net.addListeners(TrainingCheckpointListener.everyEpoch(stopped.writer, folder));
    stopped.net.fit(new ListDataSetIterator<>(batches, 1));
    Training resumed = Training.resumed(TrainingCheckpoint.latest(folder).orElseThrow());
    assertThat(resumed.gradients.pendingBatches()).isEqualTo(2);
    resumed.net.fit(new ListDataSetIterator<>(batches, 1));
    resumed.assertAs(whole);
  }

  @Test
  void mustBeSaved() {
    MultiLayerNetwork net = network();
    GradientAccumulation.over(2).attach(net);
    net.addListeners(TrainingCheckpointListener.everyEpoch(CheckpointWriter.of(net), folder));
    assertThatThrownBy(() -> net.fit(new ListDataSetIterator<>(batches(), 1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "every AccumulatedGradients of the network must be saved, but one is not: add it to the"
                + " writer with(name, part)");
  }

  private record Part(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  private static void refuses(
      AccumulatedGradients gradients, String key, Object value, INDArray sum, String message) {
    Map<String, Object> values = new HashMap<>(gradients.values());
    values.put(key, value);
    assertThatThrownBy(
            () ->
                gradients.restore(
                    new Part(values, sum == null ? Map.of() : Map.of("gradients", sum))))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }

  @Test
  void refusesMalformedParts() {
    MultiLayerNetwork net = network();
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach(net);
    net.fit(batches().get(0));
    INDArray sum = Nd4j.zeros(net.params().dataType(), net.params().length());
    Map<String, Object> before = gradients.values();
    refuses(gradients, "batches", -1, sum, "batches must be an integer >= 0 but was -1");
    refuses(gradients, "examples", 0, sum, "examples must be an integer >= 1 but was 0");
    refuses(gradients, "scores", "x", sum, "scores must be a number but was x");
    refuses(
        gradients, "pending_batches", 2, sum, "pending_batches must be <= batches, 1, but was 2");
    refuses(
        gradients,
        "pending_batches",
        1,
        null,
        "gradients must be there if pending_batches is not 0 but were not as it is 1");
    refuses(
        gradients,
        "batches",
        1,
        Nd4j.zeros(net.params().dataType(), 3),
        "gradients must have 42 numbers of type DOUBLE but have 3 of type DOUBLE");
    assertThat(gradients.values()).isEqualTo(before);
  }
}
