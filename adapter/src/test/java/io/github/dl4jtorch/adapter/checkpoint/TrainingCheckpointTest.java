package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

class TrainingCheckpointTest {

  private static final Schedule STEPS = new StepLR(2, 0.5);

  @TempDir private Path folder;

  private record Part(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  private Path file() {
    return folder.resolve("training.zip");
  }

  private TrainingCheckpoint reloaded(CheckpointWriter writer) throws IOException {
    writer.save(file());
    return TrainingCheckpoint.load(file());
  }

  @Test
  void plainModelOpensWithModelSerializer() throws IOException {
    MultiLayerNetwork layers = Nets.layers(new Adam(0.01));
    LRScheduler run = STEPS.attach(NetworkParamGroups.of(layers));
    layers.addListeners(SchedulerListener.everyEpoch(run));
    layers.fit(Nets.epoch(3), 2);
    CheckpointWriter.of(layers).with("run", run).save(file());
    MultiLayerNetwork plain = ModelSerializer.restoreMultiLayerNetwork(file().toFile(), true);
    assertThat(Nets.params(plain)).isEqualTo(Nets.params(layers));
    assertThat(plain.updaterState().toDoubleVector())
        .isEqualTo(layers.updaterState().toDoubleVector());
    assertThat(plain.getLayerWiseConfigurations().toJson())
        .isEqualTo(layers.getLayerWiseConfigurations().toJson());
    assertThat(plain.getLearningRate(0)).isEqualTo(0.005);

    ComputationGraph graph = Nets.graph(new Sgd(0.01));
    graph.fit(Nets.epoch(3), 2);
    CheckpointWriter.of(graph).save(file());
    ComputationGraph plainGraph = ModelSerializer.restoreComputationGraph(file().toFile(), true);
    assertThat(Nets.params(plainGraph)).isEqualTo(Nets.params(graph));
    assertThat(plainGraph.getIterationCount()).isEqualTo(6);
    assertThat(plainGraph.getEpochCount()).isEqualTo(2);
  }

  @Test
  void countsAreRightFromInsideACallback() throws IOException {
    ComputationGraph net = Nets.graph(new Adam(0.01));
    CheckpointWriter writer = CheckpointWriter.of(net);
    List<List<Integer>> counts = new ArrayList<>();
    net.addListeners(
        new BaseTrainingListener() {
          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            try {
              writer.saveInIterationDone(file());
              note(ModelSerializer.restoreComputationGraph(file().toFile()));
              note(net);
            } catch (IOException failed) {
              throw new AssertionError(failed);
            }
          }

          @Override
          public void onEpochEnd(Model model) {
            try {
              writer.saveInOnEpochEnd(file());
              note(ModelSerializer.restoreComputationGraph(file().toFile()));
              note(net);
            } catch (IOException failed) {
              throw new AssertionError(failed);
            }
          }

          private void note(ComputationGraph graph) {
            counts.add(List.of(graph.getIterationCount(), graph.getEpochCount()));
          }
        });
    net.fit(Nets.epoch(2), 2);
    // By turns as it is saved and as DL4J has it meanwhile.
    assertThat(counts)
        .containsExactly(
            List.of(1, 0),
            List.of(0, 0),
            List.of(2, 0),
            List.of(1, 0),
            List.of(2, 1),
            List.of(2, 0),
            List.of(3, 1),
            List.of(2, 1),
            List.of(4, 1),
            List.of(3, 1),
            List.of(4, 2),
            List.of(4, 1));
    assertThatThrownBy(
            () -> {
              net.fit(Nets.data(1).get(0));
              TrainingCheckpoint.load(file()).remaining(Nets.epoch(2));
            })
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "how many batches of its epoch were done is not known: add a"
                + " TrainingCheckpointListener, which counts them, and train with fit(iterator)");
  }

  @Test
  void runsOnTheSameGroupsStayTogether() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    NetworkParamGroups groups =
        NetworkParamGroups.of(
            net,
            param -> param.layer().equals("layer1") && param.isWeight(),
            param -> !param.layer().equals("layer1") || !param.isWeight());
    groups.get(0).setLr(0.02);
    TrainingCheckpoint checkpoint =
        reloaded(
            CheckpointWriter.of(net)
                .with("a", STEPS.attach(groups))
                .with("b", new CosineAnnealingLR(9).attach(groups)));
    assertThat(checkpoint.run("a").paramGroups()).isSameAs(checkpoint.run("b").paramGroups());
  }

  @Test
  void groupsComeBackWithTheirParameters() throws IOException {
    ComputationGraph net = Nets.graph(new Adam(0.01));
    NetworkParamGroups groups =
        NetworkParamGroups.of(
            net,
            param -> param.layer().equals("b") && param.isWeight(),
            param -> !param.layer().equals("b") || !param.isWeight());
    groups.get(0).setLr(0.02);
    TrainingCheckpoint checkpoint =
        reloaded(CheckpointWriter.of(net).with("run", STEPS.attach(groups)));
    NetworkParamGroups restored = (NetworkParamGroups) checkpoint.run("run").paramGroups();
    assertThat(restored.params(0)).hasToString("[b.W]").isEqualTo(groups.params(0));
    assertThat(restored.params(1)).isEqualTo(groups.params(1));
    assertThat(restored.stateDict()).isEqualTo(groups.stateDict());
    assertThat(restored.network()).isSameAs(checkpoint.network(ComputationGraph.class));
  }

  @Test
  void lowerBoundOfARateSurvives() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    LRScheduler run = new LinearLR(0.1, 0, 4).attach(NetworkParamGroups.of(net));
    for (int step = 0; step < 4; step++) {
      run.step();
    }
    double end = run.paramGroups().get(0).lr();
    assertThat(end).isLessThan(0);
    TrainingCheckpoint checkpoint = reloaded(CheckpointWriter.of(net).with("run", run));
    assertThat(checkpoint.run("run").paramGroups().get(0).lr()).isEqualTo(end);
    assertThat(checkpoint.network(MultiLayerNetwork.class).getLearningRate(0)).isZero();
  }

  @Test
  void stateKeepsItsInfinities() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    LRScheduler run =
        ReduceLROnPlateau.builder()
            .mode(ReduceLROnPlateau.Mode.MAX)
            .build()
            .attach(NetworkParamGroups.of(net));
    TrainingCheckpoint checkpoint = reloaded(CheckpointWriter.of(net).with("run", run));
    assertThat(checkpoint.run("run").stateDict()).isEqualTo(run.stateDict());
    assertThat(((Number) run.stateDict().get("best")).doubleValue())
        .isEqualTo(Double.NEGATIVE_INFINITY);
  }

  @Test
  void definitionWithoutAWrittenFormIsGivenAgain() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    Schedule lambda = new LambdaLR(epoch -> 1 / (1 + epoch));
    LRScheduler run = lambda.attach(NetworkParamGroups.of(net));
    run.step();
    CheckpointWriter writer = CheckpointWriter.of(net).with("run", run);
    TrainingCheckpoint checkpoint = reloaded(writer);
    assertThatThrownBy(() -> checkpoint.run("run"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the definition of the run \"run\" has no written form, so it must be given again:"
                + " run(\"run\", definition)");
    assertThatThrownBy(checkpoint::writer)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the definition of the run \"run\" has no written form, so it must be given again:"
                + " run(\"run\", definition)");
    LRScheduler resumed = checkpoint.run("run", lambda);
    assertThat(resumed.stateDict()).isEqualTo(run.stateDict());
    assertThat(checkpoint.writer().has(resumed)).isTrue();
    assertThat(checkpoint.run("run")).isSameAs(resumed);
    assertThatThrownBy(() -> checkpoint.run("run", lambda))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the run \"run\" has its definition already: call run(\"run\")");

    TrainingCheckpoint late = TrainingCheckpoint.load(file());
    late.network(MultiLayerNetwork.class).fit(Nets.data(1).get(0));
    assertThatThrownBy(() -> late.run("run", lambda))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the run \"run\" must be given its definition before the network is trained on");
  }

  private static final String RUN_WITH =
      "; to go on with another definition call runWith(\"run\", definition)";

  @Test
  void anotherLengthIsRefusedNamingTheWayThatGoesOn() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    Schedule shorter = new CosineAnnealingLR(10);
    Schedule longer = new CosineAnnealingLR(20);
    LRScheduler run = shorter.attach(NetworkParamGroups.of(net));
    for (int step = 0; step < 4; step++) {
      run.step();
    }
    TrainingCheckpoint checkpoint = reloaded(CheckpointWriter.of(net).with("run", run));
    assertThatThrownBy(() -> checkpoint.run("run", longer))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the run \"run\" was saved with " + shorter + " but is given " + longer + RUN_WITH);
    LRScheduler resumed = checkpoint.runWith("run", longer);
    ParamGroups plain = ParamGroups.of(ParamGroup.adam(0.01, 0.9));
    LRScheduler whole = longer.attach(plain);
    whole.skip(4);
    assertThat(resumed.stateDict()).isEqualTo(whole.stateDict());
    assertThat(checkpoint.network(MultiLayerNetwork.class).getLearningRate(0))
        .isEqualTo(plain.get(0).lr());
    assertThat(checkpoint.run("run")).isSameAs(resumed);
    assertThat(checkpoint.writer().has(resumed)).isTrue();
    resumed.step();
    whole.step();
    assertThat(resumed.getLastLr()).isEqualTo(whole.getLastLr());
  }

  @Test
  void anotherLengthOfWhatHasNoWrittenFormIsRefusedToo() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    LRScheduler run =
        new SequentialLR(List.of(new LambdaLR(epoch -> 1 / (1 + epoch)), new StepLR(3)), List.of(2))
            .attach(NetworkParamGroups.of(net));
    run.step();
    TrainingCheckpoint checkpoint = reloaded(CheckpointWriter.of(net).with("run", run));
    Schedule other =
        new SequentialLR(
            List.of(new LambdaLR(epoch -> 1 / (1 + epoch)), new StepLR(3)), List.of(5));
    assertThatThrownBy(() -> checkpoint.run("run", other))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "state of SequentialLR: the state was saved with \"_milestones\" [2] and this one has"
                + " [5]"
                + RUN_WITH);
    assertThat(checkpoint.runWith("run", other).lastEpoch()).isEqualTo(1);
    assertThat(checkpoint.network(MultiLayerNetwork.class).getLearningRate(0)).isEqualTo(0.005);
  }

  @Test
  void whatCannotGoOnWithAnotherDefinitionIsLeftAsItWas() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LRScheduler run = new StepLR(1, 0.5).attach(groups);
    run.skip(4);
    TrainingCheckpoint checkpoint = reloaded(CheckpointWriter.of(net).with("run", run));
    Schedule tooShort = OneCycleLR.builder(0.1).totalSteps(3).build();
    assertThatThrownBy(() -> checkpoint.runWith("run", tooShort))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "OneCycleLR has 3 steps in all and was stepped past them: give as many as the training"
                + " has batches (or epochs, if stepped once an epoch)");
    LRScheduler kept = checkpoint.run("run");
    assertThat(kept.schedule()).isEqualTo(run.schedule());
    assertThat(kept.paramGroups().stateDict()).isEqualTo(groups.stateDict());
    LRScheduler plateau = checkpoint.runWith("run", ReduceLROnPlateau.builder().build());
    assertThat(plateau.paramGroups().get(0).lr()).isEqualTo(0.01 / 16);

    LRScheduler second = new StepLR(2).attach(groups);
    TrainingCheckpoint two =
        reloaded(CheckpointWriter.of(net).with("run", run).with("second", second));
    assertThatThrownBy(() -> two.runWith("run", new StepLR(9)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the run \"run\" must be alone on its param groups to get another definition, but"
                + " \"second\" drives them too");
  }

  @Test
  void partsComeBackAsTheyWere() throws IOException {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("numbers", List.of(0.1, -0.0, Double.MIN_VALUE, Double.NaN));
    values.put("infinities", List.of(Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY));
    values.put("whole", List.of(1, 3_000_000_000L, 2.0));
    values.put("text", "NaN \u00e9 \"quoted\"");
    values.put("nothing", null);
    values.put("inner", Map.of("yes", true));
    @SuppressWarnings({"unchecked", "NullAway"})
    Map<String, Object> given = (Map<String, Object>) (Map<String, ?>) values;
    INDArray matrix = Nd4j.linspace(DataType.DOUBLE, -1, 0.3, 6).reshape(2, 3);
    INDArray vector = Nd4j.createFromArray(1f, Float.NaN, -0f);
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    TrainingCheckpoint checkpoint =
        reloaded(
            CheckpointWriter.of(net)
                .with(
                    "average", new Part(given, Map.of("column", matrix.getColumn(1), "v", vector)))
                .with("empty", new Part(Map.of(), Map.of())));
    CheckpointPart part = checkpoint.part("average");
    assertThat(part.values()).isEqualTo(values);
    assertThat(part.arrays()).containsOnlyKeys("column", "v");
    assertThat(part.arrays().get("column").toDoubleVector())
        .isEqualTo(matrix.getColumn(1).toDoubleVector());
    assertThat(part.arrays().get("v").dataType()).isEqualTo(DataType.FLOAT);
    assertThat(part.arrays().get("v").toFloatVector()).isEqualTo(vector.toFloatVector());
    assertThat(checkpoint.part("empty").values()).isEmpty();
    assertThatThrownBy(() -> checkpoint.part("other"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must be one of the parts [average, empty] but was \"other\"");
  }

  @Test
  void partsAreAskedAnewAtEachSave() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    Map<String, Object> values = new HashMap<>(Map.of("n", 1));
    CheckpointWriter writer =
        CheckpointWriter.of(net).with("part", new Part(values, Map.of("p", net.params())));
    writer.save(file());
    values.put("n", 2);
    net.params().addi(1);
    CheckpointPart part = reloaded(writer).part("part");
    assertThat(part.values()).isEqualTo(Map.of("n", 2));
    assertThat(part.arrays().get("p").toDoubleVector()).isEqualTo(Nets.params(net));
  }

  @Test
  void refusesWhatCannotBeSaved() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    LRScheduler run = STEPS.attach(NetworkParamGroups.of(net));
    CheckpointWriter writer = CheckpointWriter.of(net).with("run", run);
    assertThatThrownBy(() -> writer.with("run", run))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must not be given twice but was \"run\"");
    String other = "the run \"x\" must be on NetworkParamGroups of the network that is saved";
    LRScheduler plain = STEPS.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
    assertThatThrownBy(() -> writer.with("x", plain))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(other);
    assertThatThrownBy(() -> CheckpointWriter.of(Nets.layers(new Adam(0.01))).with("x", run))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(other);
    Map<String, Object> wrong = Map.of("a", Arrays.asList(1, Map.of("b", 1f)));
    assertThatThrownBy(
            () -> CheckpointWriter.of(net).with("x", new Part(wrong, Map.of())).save(file()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "part \"x\".a[1].b must be a Boolean, Integer, Long, Double, String, List, Map or null"
                + " but was a java.lang.Float");
    assertThat(file()).doesNotExist();
    assertThatThrownBy(
            () ->
                CheckpointWriter.of(
                    new MultiLayerNetwork(Nets.layersConfiguration(new Adam(0.01)))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the network must be initialised before it is saved: call net.init()");
    assertThatThrownBy(
            () ->
                CheckpointWriter.of(new ComputationGraph(Nets.graphConfiguration(new Adam(0.01)))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the network must be initialised before it is saved: call net.init()");
  }

  @Test
  void refusesGroupsThatNamesDoNotTell() {
    DenseLayer first = Nets.dense(Nets.INPUTS, 4);
    DenseLayer second = Nets.dense(4, 4);
    first.setLayerName("twin");
    second.setLayerName("twin");
    MultiLayerNetwork net =
        Nets.init(Nets.settings(new Adam(0.01)).list(first, second, Nets.output(4)).build());
    LRScheduler run = STEPS.attach(NetworkParamGroups.perLayer(net));
    assertThatThrownBy(() -> CheckpointWriter.of(net).with("run", run))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "layers must have names of their own for their param groups to be found again, but"
                + " twin.W is in group 0 and in group 1");
  }

  @Test
  void frozenParametersComeBackFrozenAndCanBeAdded() throws IOException {
    List<DataSet> data = Nets.data(6);
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group(NetworkParam.inLayers("layer1"))
            .group(NetworkParam.inLayers("layer2"))
            .lr(0.05)
            .frozen(NetworkParam.inLayers("layer0"))
            .build();
    LRScheduler run = STEPS.attach(groups.only(1));
    Nets.fit(net, data.subList(0, 2));
    TrainingCheckpoint loaded = reloaded(CheckpointWriter.of(net).with("head", run));
    MultiLayerNetwork resumed = loaded.network(MultiLayerNetwork.class);
    assertThat(loaded.groups("head").frozen()).isEqualTo(groups.frozen()).hasSize(2);
    assertThat(loaded.groups("head")).hasSize(2);
    assertThat(loaded.run("head").paramGroups()).hasSize(1);
    assertThat(loaded.groups("head").get(1)).isSameAs(loaded.run("head").paramGroups().get(0));

    INDArray still = resumed.getParam("0_W").dup();
    Nets.fit(net, data.subList(2, 4));
    Nets.fit(resumed, data.subList(2, 4));
    assertThat(Nets.params(resumed)).isEqualTo(Nets.params(net));
    assertThat(resumed.getParam("0_W").toDoubleMatrix()).isEqualTo(still.toDoubleMatrix());

    groups.unfreeze(param -> groups.frozen().contains(param), 0.02);
    loaded.groups("head").unfreeze(NetworkParam.inLayers("layer0"), 0.02);
    Nets.fit(net, data.subList(4, 6));
    Nets.fit(resumed, data.subList(4, 6));
    assertThat(Nets.params(resumed)).isEqualTo(Nets.params(net));
    assertThat(resumed.getParam("0_W").toDoubleMatrix()).isNotEqualTo(still.toDoubleMatrix());
  }

  @Test
  void saysWhatTheFileHasInstead() throws IOException {
    TrainingCheckpoint layers = reloaded(CheckpointWriter.of(Nets.layers(new Adam(0.01))));
    assertThatThrownBy(() -> layers.network(ComputationGraph.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "kind must be MultiLayerNetwork.class, of which the network is that was saved, but was"
                + " ComputationGraph.class");
    assertThatThrownBy(() -> layers.run("run"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must be one of the runs [] but was \"run\"");
    TrainingCheckpoint graph = reloaded(CheckpointWriter.of(Nets.graph(new Adam(0.01))));
    assertThatThrownBy(() -> graph.network(MultiLayerNetwork.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "kind must be ComputationGraph.class, of which the network is that was saved, but was"
                + " MultiLayerNetwork.class");
  }

  /** Dropout draws from the thread's random numbers, which are those after the save again. */
  @Test
  void randomNumbersGoOnIfAskedTo() throws IOException {
    DenseLayer dropping = new DenseLayer.Builder().nIn(Nets.INPUTS).nOut(4).dropOut(0.5).build();
    MultiLayerNetwork net =
        Nets.init(Nets.settings(new Adam(0.1)).list(dropping, Nets.output(4)).build());
    net.fit(Nets.epoch(5));
    CheckpointWriter.of(net).save(file());
    net.fit(Nets.epoch(5));
    double[] uninterrupted = Nets.params(net);
    Nd4j.getRandom().setSeed(99);
    MultiLayerNetwork other = TrainingCheckpoint.load(file()).network(MultiLayerNetwork.class);
    other.fit(Nets.epoch(5));
    assertThat(Nets.params(other)).isNotEqualTo(uninterrupted);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file());
    checkpoint.restoreRandom();
    checkpoint.network(MultiLayerNetwork.class).fit(Nets.epoch(5));
    assertThat(Nets.params(checkpoint.network(MultiLayerNetwork.class))).isEqualTo(uninterrupted);
  }

  @Test
  void remainingIsOnePass() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    net.addListeners(TrainingCheckpointListener.everyIteration(CheckpointWriter.of(net), folder));
    net.fit(Nets.epoch(3));
    TrainingCheckpoint checkpoint =
        TrainingCheckpoint.load(folder.resolve("checkpoint-0000000002-000000.zip"));
    assertThat(checkpoint.batchesIntoEpoch()).isEqualTo(2);
    DataSetIterator remaining = checkpoint.remaining(Nets.epoch(3));
    assertThat(remaining.next().getFeatures()).isEqualTo(Nets.data(3).get(2).getFeatures());
    assertThat(remaining.hasNext()).isFalse();
    assertThat(remaining.resetSupported()).isFalse();
    assertThatThrownBy(remaining::reset)
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage(
            "what remains of an epoch is one pass: train the next epoch with the iterator itself");
    assertThatThrownBy(() -> checkpoint.remaining(Nets.epoch(1)).hasNext())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the iterator must have the 2 batches that the epoch had when it was saved, but has 1"
                + " from where it stands: give it as it is at the start of an epoch");
    DataSetIterator usedUp = Nets.epoch(3);
    usedUp.forEachRemaining(batch -> {});
    assertThat(checkpoint.remaining(usedUp).next().getFeatures())
        .isEqualTo(Nets.data(3).get(2).getFeatures());
  }

  @Test
  void refusesArraysThatCouldNotBeRead() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.01));
    CheckpointWriter.of(net).with("part", new Part(Map.of(), Map.of())).save(file());
    byte[] former = Files.readAllBytes(file());
    // Arrays are no keys: ND4J crashes where it hashes an empty one.
    List<Map.Entry<String, INDArray>> refused =
        List.of(
            Map.entry("empty", Nd4j.empty(DataType.DOUBLE)),
            Map.entry("empty", Nd4j.create(DataType.FLOAT, 2, 0)),
            Map.entry("of type UTF8", Nd4j.create("a", "text")));
    refused.forEach(
        entry -> {
          CheckpointWriter writer =
              CheckpointWriter.of(net)
                  .with("part", new Part(Map.of(), Map.of("a", entry.getValue())));
          assertThatThrownBy(() -> writer.save(file()))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessage(
                  "the array \"a\" of the part \"part\" must be an array of numbers that is not"
                      + " empty but was "
                      + entry.getKey());
        });
    assertThat(Files.readAllBytes(file())).isEqualTo(former);
  }

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"UTF8", "COMPRESSED", "UNKNOWN"})
  void keepsArraysOfEveryTypeAndLayout(DataType type) throws IOException {
    INDArray counts = Nd4j.arange(24).reshape(2, 3, 4).castTo(type);
    Map<String, INDArray> arrays =
        Map.of(
            "c", counts,
            "f", counts.dup('f'),
            "permuted", counts.permute(1, 2, 0),
            "view", counts.get(NDArrayIndex.all(), NDArrayIndex.interval(1, 3), NDArrayIndex.all()),
            "row", counts.reshape(1, 24),
            "column", counts.reshape(24, 1),
            "vector", counts.reshape(24),
            "one", Nd4j.ones(type, 1),
            "scalar", Nd4j.scalar(type, 1));
    MultiLayerNetwork net = Nets.layers(new Sgd(0.01));
    TrainingCheckpoint checkpoint =
        reloaded(CheckpointWriter.of(net).with("part", new Part(Map.of(), arrays)));
    checkpoint
        .part("part")
        .arrays()
        .forEach(
            (name, array) -> {
              INDArray expected = arrays.get(name);
              assertThat(array.dataType()).as(name).isEqualTo(type);
              assertThat(array.shape()).as(name).isEqualTo(expected.shape());
              assertThat(array.castTo(DataType.DOUBLE).dup('c').data().asDouble())
                  .as(name)
                  .isEqualTo(expected.castTo(DataType.DOUBLE).dup('c').data().asDouble());
            });
    assertThat(checkpoint.part("part").arrays()).hasSameSizeAs(arrays);
  }

  @Test
  void savesNothingThatCouldNotBeLoaded() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.01));
    CheckpointWriter.of(net).save(file());
    byte[] former = Files.readAllBytes(file());
    List<Object> deep = List.of();
    for (int i = 0; i < 197; i++) {
      deep = List.of(deep);
    }
    Part part = new Part(Map.of("deep", deep), Map.of());
    assertThatThrownBy(() -> CheckpointWriter.of(net).with("part", part).save(file()))
        .isExactlyInstanceOf(CheckpointException.class)
        .hasMessage(
            file()
                + " is not saved, since it could not be loaded: values are more than 200 deep in one"
                + " another");
    assertThat(Files.readAllBytes(file())).isEqualTo(former);
    assertThat(folder.toFile().list()).containsExactly("training.zip");
  }
}
