package io.github.dl4jtorch.adapter.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

class LookaheadTest {

  @TempDir Path folder;

  private static MultiLayerNetwork normalized() {
    return Nets.init(
        Nets.settings(new TorchAdam(0.05))
            .list(Nets.dense(Nets.INPUTS, 4), Nets.norm(4, true), Nets.output(4))
            .build());
  }

  private static MultiLayerNetwork network() {
    return Nets.layers(new TorchAdam(0.05));
  }

  /** All but the running statistics, of which there are 2 * 4 before the last layer's 10. */
  @Test
  void movesWeightsAndLeavesStatisticsAsTrainingMadeThem() {
    MultiLayerNetwork net = normalized();
    MultiLayerNetwork plain = normalized();
    List<DataSet> data = Nets.data(2, 5);
    double[] start = Nets.params(net);
    net.setListeners(Lookahead.of(net, 2, 0.25));
    Nets.fit(net, data);
    Nets.fit(plain, data);
    double[] moved = Nets.params(net);
    double[] fast = Nets.params(plain);
    int statistics = start.length - 10 - 8;
    for (int i = 0; i < start.length; i++) {
      if (i >= statistics && i < statistics + 8) {
        assertThat(moved[i]).isEqualTo(fast[i]).isNotEqualTo(start[i]);
      } else {
        assertThat(moved[i]).isCloseTo(start[i] + 0.25 * (fast[i] - start[i]), within(1e-15));
      }
    }
  }

  @Test
  void isNoLookaheadIfTheSlowWeightsGoAllTheWay() {
    MultiLayerNetwork net = network();
    MultiLayerNetwork plain = network();
    net.setListeners(Lookahead.of(net, 3, 1));
    Nets.fit(net, Nets.data(10));
    Nets.fit(plain, Nets.data(10));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(plain));
  }

  @Test
  void leavesFrozenWeightsToTheBit() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new TorchAdam(0.05))
                .list(new FrozenLayer(Nets.dense(Nets.INPUTS, 4)), Nets.output(4))
                .build());
    double[] frozen = Nets.param(net, "0_W");
    net.setListeners(Lookahead.of(net, 2, 0.3));
    Nets.fit(net, Nets.data(10));
    assertThat(Nets.param(net, "0_W")).isEqualTo(frozen);
  }

  /** DL4J applies constraints after its listeners; the slow weights are of what they leave. */
  @Test
  void takesUpWeightsAsConstraintsLeaveThem() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new TorchAdam(0.5))
                .list(
                    new DenseLayer.Builder()
                        .nIn(Nets.INPUTS)
                        .nOut(4)
                        .constrainWeights(new NonNegativeConstraint())
                        .build(),
                    Nets.output(4))
                .build());
    net.getParam("0_W").assign(0.1);
    Lookahead lookahead = Lookahead.of(net, 1, 0.5);
    net.setListeners(lookahead);
    for (DataSet batch : Nets.data(10)) {
      net.fit(batch);
      assertThat(lookahead.arrays().get("slow_weights").dup().toDoubleVector())
          .startsWith(Nets.params(net));
      assertThat(Arrays.stream(net.getParam("0_W").dup().data().asDouble()).min().orElseThrow())
          .isNotNegative();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 6, 11})
  void goesOnToTheBitAfterAnyBatch(int done) throws IOException {
    List<DataSet> data = Nets.data(13);
    for (Model whole : List.of(network(), Nets.graph(new TorchAdam(0.05)))) {
      boolean isGraph = whole instanceof ComputationGraph;
      Model stopped = isGraph ? Nets.graph(new TorchAdam(0.05)) : network();
      Nets.addListeners(whole, Lookahead.of((NeuralNetwork) whole, 4, 0.5));
      Lookahead first = Lookahead.of((NeuralNetwork) stopped, 4, 0.5);
      Nets.addListeners(stopped, first);
      Nets.fit(whole, data);
      Nets.fit(stopped, data.subList(0, done));
      Path file = folder.resolve("training" + isGraph + ".zip");
      CheckpointWriter.of((NeuralNetwork) stopped).with("lookahead", first).save(file);

      TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
      Model resumed =
          isGraph
              ? checkpoint.network(ComputationGraph.class)
              : checkpoint.network(MultiLayerNetwork.class);
      Lookahead lookahead = Lookahead.of((NeuralNetwork) resumed, 4, 0.5);
      lookahead.restore(checkpoint.part("lookahead"));
      Nets.addListeners(resumed, lookahead);
      Nets.fit(resumed, data.subList(done, 13));
      assertThat(Nets.params(resumed)).isEqualTo(Nets.params(whole));
    }
  }

  /** A checkpoint that a listener after it saves in the iteration of a move has the move. */
  @Test
  void isSavedByAListener() throws IOException {
    MultiLayerNetwork net = network();
    Lookahead first = Lookahead.of(net, 2, 0.5);
    net.addListeners(
        first,
        TrainingCheckpointListener.everyIteration(
                CheckpointWriter.of(net).with("lookahead", first), folder)
            .withInterval(4));
    net.fit(new ListDataSetIterator<>(Nets.data(6), 1));
    Path file = folder.toFile().listFiles((dir, name) -> name.endsWith(".zip"))[0].toPath();
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    assertThat(resumed.getIterationCount()).isEqualTo(4);
    Lookahead lookahead = Lookahead.of(resumed, 2, 0.5);
    lookahead.restore(checkpoint.part("lookahead"));
    resumed.addListeners(lookahead);
    Nets.fit(resumed, Nets.data(6).subList(4, 6));
    assertThat(Nets.params(resumed)).isEqualTo(Nets.params(net));
  }

  @Test
  void givesTheSlowWeightsForAWhile() {
    MultiLayerNetwork net = normalized();
    Lookahead lookahead = Lookahead.of(net, 4, 0.5);
    net.setListeners(lookahead);
    double[] start = Nets.params(net);
    Nets.fit(net, Nets.data(3, 5));
    double[] fast = Nets.params(net);
    int statistics = start.length - 10 - 8;
    double[] seen = lookahead.during(() -> Nets.params(net));
    assertThat(Arrays.copyOf(seen, statistics)).isEqualTo(Arrays.copyOf(start, statistics));
    assertThat(Arrays.copyOfRange(seen, statistics, statistics + 8))
        .isEqualTo(Arrays.copyOfRange(fast, statistics, statistics + 8));
    assertThat(Nets.params(net)).isEqualTo(fast);
    assertThatThrownBy(() -> lookahead.during(() -> net.fit(Nets.data(1, 5).get(0))))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must not be trained within lookahead.during(..), where it has the slow"
                + " weights");
    assertThatThrownBy(() -> lookahead.during(() -> lookahead.during(() -> 1)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("the network has the slow weights already");
    assertThatThrownBy(
            () ->
                lookahead.during(
                    () -> {
                      throw new IOException("full");
                    }))
        .hasMessage("full");
    assertThat(Nets.params(net)).isEqualTo(fast);
    assertThat(net.getIterationCount()).isEqualTo(3);
    assertThat(lookahead.values()).isEqualTo(Map.of("k", 4, "alpha", 0.5, "steps", 3));
  }

  /** A move in a workspace that is as large as what is asked of it shows what is asked. */
  @Test
  void takesNoMemoryOfTheModelsSize() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new TorchAdam(0.05))
                .list(Nets.dense(100, 1000), Nets.output(1000))
                .build());
    Lookahead lookahead = Lookahead.of(net, 1, 0.5);
    WorkspaceConfiguration configuration =
        WorkspaceConfiguration.builder().initialSize(10_000_000).build();
    try (MemoryWorkspace workspace =
        Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "step")) {
      lookahead.iterationDone(net, 0, 0);
      assertThat(workspace.getThisCycleAllocations()).isLessThan(4096);
    }
    Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
  }

  private static CheckpointPart part(Map<String, Object> values, Map<String, INDArray> arrays) {
    return new CheckpointPart() {
      @Override
      public Map<String, Object> values() {
        return values;
      }

      @Override
      public Map<String, INDArray> arrays() {
        return arrays;
      }
    };
  }

  @Test
  void refusesWhatIsNotOfSuchALookahead() {
    MultiLayerNetwork net = network();
    Lookahead lookahead = Lookahead.of(net, 5, 0.5);
    Map<String, INDArray> slow = Map.of("slow_weights", Nd4j.ones(net.params().dataType(), 46));
    Map<String, Object> values = Map.of("k", 5, "alpha", 0.5, "steps", 2);
    double[] before = lookahead.arrays().get("slow_weights").dup().toDoubleVector();
    Map<String, Map.Entry<String, Object>> changes =
        Map.of(
            "k must be 5, that of this Lookahead, but was 4", Map.entry("k", 4),
            "alpha must be 0.5, that of this Lookahead, but was 0.8", Map.entry("alpha", 0.8),
            "steps must be an integer >= 0 and < 5 but was 5", Map.entry("steps", 5),
            "steps must be an integer >= 0 and < 5 but was -1", Map.entry("steps", -1));
    changes.forEach(
        (message, change) -> {
          Map<String, Object> changed = new HashMap<>(values);
          changed.put(change.getKey(), change.getValue());
          assertThatThrownBy(() -> lookahead.restore(part(changed, slow)))
              .isExactlyInstanceOf(MalformedDataException.class)
              .hasMessage(message);
        });
    assertThatThrownBy(() -> lookahead.restore(part(values, Map.of())))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("slow_weights must be 46 numbers of type DOUBLE but were none");
    assertThatThrownBy(() -> lookahead.restore(part(values, Map.of("slow_weights", Nd4j.ones(3)))))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("slow_weights must be 46 numbers of type DOUBLE but were 3 of type FLOAT");
    assertThat(lookahead.arrays().get("slow_weights").dup().toDoubleVector()).isEqualTo(before);
    assertThat(lookahead.values()).containsEntry("steps", 0);
    assertThatThrownBy(() -> Lookahead.of(net, 0, 0.5)).hasMessage("k must be >= 1 but was 0");
    assertThatThrownBy(() -> Lookahead.of(net, 5, 0))
        .hasMessage("alpha must be > 0 and <= 1 but was 0.0");
    assertThatThrownBy(() -> Lookahead.of(net, 5, Double.NaN))
        .hasMessage("alpha must be > 0 and <= 1 but was NaN");
  }

  @Test
  void refusesCopiesWorkersAndSpark() {
    MultiLayerNetwork net = network();
    Lookahead lookahead = Lookahead.of(net, 5, 0.5);
    MultiLayerNetwork other = network();
    other.setListeners(lookahead);
    double[] start = Nets.params(other);
    assertThatThrownBy(() -> Nets.fit(other, Nets.data(1)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "a Lookahead must be a listener only of the network that it was made for, but was"
                + " called for a copy or another network");
    assertThat(Nets.params(other)).isEqualTo(start);
    assertThatThrownBy(
            () -> new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(lookahead))
        .isExactlyInstanceOf(NotSerializableException.class)
        .hasMessage(
            "a Lookahead has only the slow weights of a network that trains in this JVM; Spark's"
                + " workers train copies, which have none: train without it");
    net.setListeners(lookahead);
    ParallelWrapper wrapper =
        new ParallelWrapper.Builder<>(net).workers(2).averagingFrequency(1).build();
    assertThatThrownBy(() -> wrapper.fit(new ListDataSetIterator<>(Nets.data(4), 1)))
        .hasStackTraceContaining(
            "ParallelWrapper trains copies of the network, which have no slow weights: train"
                + " without it, or without Lookahead");
    assertThat(Nets.params(net)).isEqualTo(start);
  }
}
