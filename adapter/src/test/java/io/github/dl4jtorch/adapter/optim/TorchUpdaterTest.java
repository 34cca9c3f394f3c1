package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Specimens.data;
import static io.github.dl4jtorch.fixtures.Nets.fit;
import static io.github.dl4jtorch.fixtures.Nets.graph;
import static io.github.dl4jtorch.fixtures.Nets.layers;
import static io.github.dl4jtorch.fixtures.Nets.params;
import static io.github.dl4jtorch.fixtures.Nets.restored;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

class TorchUpdaterTest {

  static final List<TorchUpdater> UPDATERS = Specimens.updaters();

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void survivesJsonAndYaml(TorchUpdater updater) {
    MultiLayerConfiguration layers = Nets.layersConfiguration(updater);
    ComputationGraphConfiguration graph = Nets.graphConfiguration(updater);

    assertThat(MultiLayerConfiguration.fromJson(layers.toJson())).isEqualTo(layers);
    assertThat(MultiLayerConfiguration.fromYaml(layers.toYaml())).isEqualTo(layers);
    assertThat(ComputationGraphConfiguration.fromJson(graph.toJson())).isEqualTo(graph);
    assertThat(ComputationGraphConfiguration.fromYaml(graph.toYaml())).isEqualTo(graph);
    assertThat(
            MultiLayerConfiguration.fromJson(layers.toJson())
                .getConf(1)
                .getLayer()
                .getUpdaterByParam("b"))
        .isEqualTo(updater);
  }

  @Test
  void survivesJsonWithSchedules() {
    ISchedule schedule =
        new MapSchedule.Builder(ScheduleType.ITERATION).add(0, 0.5).add(3, 0.7).build();
    for (TorchUpdater updater :
        List.of(
            new TorchSGD(schedule).withMomentum(schedule, 0.1),
            new TorchSGD(schedule).withNesterovMomentum(schedule),
            new TorchRMSprop(schedule).withMomentum(schedule),
            new TorchAdam(schedule).withBeta1(schedule).withBeta2(schedule),
            new TorchAdagrad(schedule))) {
      MultiLayerConfiguration layers = Nets.layersConfiguration(updater);
      assertThat(MultiLayerConfiguration.fromJson(layers.toJson())).isEqualTo(layers);
    }
  }

  @Test
  void isAValue() {
    for (TorchUpdater one : UPDATERS) {
      for (TorchUpdater other : Specimens.updaters()) {
        boolean same = one.toString().equals(other.toString());
        assertThat(one.equals(other)).as("%s, %s", one, other).isEqualTo(same);
        assertThat(!same || one.hashCode() == other.hashCode()).isTrue();
      }
      TorchUpdater copy = one.clone();
      assertThat(copy).isEqualTo(one).isNotSameAs(one);
      copy.setLrAndSchedule(7, null);
      assertThat(copy).isNotEqualTo(one);
      assertThat(one.getLearningRate(0, 0)).isNotEqualTo(7);
      if (one.momentumKind() != MomentumKind.NONE) {
        copy.setMomentum(0.123);
        assertThat(copy.momentum()).isEqualTo(copy.momentum(5, 2)).isEqualTo(0.123);
        assertThat(one.momentum()).isEqualTo(one.momentum(5, 2)).isNotEqualTo(0.123);
      }
    }
    assertThat(new TorchAdam(0.01)).isNotEqualTo(new TorchAdamW(0.01));
    assertThat(new TorchAdam(0.01).withBetas(0.9, 0.99).withAmsgrad())
        .hasToString("TorchAdam[lr=0.01, beta1=0.9, beta2=0.99, eps=1.0E-8, amsgrad=true]");
  }

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void goesOnToTheBitAfterRestore(TorchUpdater updater) throws IOException {
    List<DataSet> data = data(12);
    MultiLayerNetwork layers = layers(updater);
    ComputationGraph graph = graph(updater);
    fit(layers, data.subList(0, 7));
    fit(graph, data.subList(0, 7));
    MultiLayerNetwork restoredLayers = restored(layers);
    ComputationGraph restoredGraph = restored(graph);
    for (DataSet batch : data.subList(7, 12)) {
      layers.fit(batch);
      graph.fit(batch);
      restoredLayers.fit(batch);
      restoredGraph.fit(batch);
    }

    assertThat(params(restoredLayers)).isEqualTo(params(layers));
    assertThat(params(restoredGraph)).isEqualTo(params(graph));
    assertThat(params(graph)).isEqualTo(params(layers));
  }

  /** DL4J sets the count of iterations of some copies to 0, but the updater's own goes on. */
  @ParameterizedTest
  @FieldSource("UPDATERS")
  void goesOnToTheBitInCopies(TorchUpdater updater) {
    List<DataSet> data = data(12);
    MultiLayerNetwork layers = layers(updater);
    ComputationGraph graph = graph(updater);
    fit(layers, data.subList(0, 7));
    fit(graph, data.subList(0, 7));
    MultiLayerNetwork layersClone = layers.clone();
    ComputationGraph graphClone = graph.clone();
    ComputationGraph converted = layers.toComputationGraph();
    for (DataSet batch : data.subList(7, 12)) {
      layers.fit(batch);
      layersClone.fit(batch);
      graphClone.fit(batch);
      converted.fit(batch);
    }

    assertThat(graphClone.getIterationCount()).isEqualTo(5);
    assertThat(params(layersClone)).isEqualTo(params(layers));
    assertThat(params(graphClone)).isEqualTo(params(layers));
    assertThat(params(converted)).isEqualTo(params(layers));
  }

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void startsAnewInATransferredNetwork(TorchUpdater updater) {
    List<DataSet> data = data(12);
    MultiLayerNetwork old = layers(updater);
    fit(old, data.subList(0, 7));
    MultiLayerNetwork transferred =
        new TransferLearning.Builder(old).setFeatureExtractor(0).build();
    MultiLayerNetwork fresh = layers(updater);
    fresh.setParams(old.params().dup());
    transferred.setIterationCount(1000);
    fresh.setIterationCount(0);
    double[] frozen = transferred.getLayer(0).params().toDoubleVector();
    transferred.fit(data.get(7));
    fresh.fit(data.get(7));

    // The first step of the layers that are not frozen has nothing to do with the frozen one.
    for (int layer = 1; layer < 3; layer++) {
      assertThat(transferred.getLayer(layer).params().toDoubleVector())
          .isEqualTo(fresh.getLayer(layer).params().toDoubleVector());
    }
    assertThat(transferred.getLayer(0).params().toDoubleVector()).isEqualTo(frozen);
  }

  @Test
  void goesOnAfterTheRateOfAllLayersWasSet() {
    TorchUpdater updater = new TorchAdam(0.01);
    List<DataSet> data = data(12);
    MultiLayerNetwork set = layers(updater);
    MultiLayerNetwork live = layers(updater);
    fit(set, data.subList(0, 7));
    fit(live, data.subList(0, 7));
    set.setLearningRate(0.02);
    for (int layer = 0; layer < 3; layer++) {
      live.getLayer(layer).conf().getLayer().getUpdaterByParam("W").setLrAndSchedule(0.02, null);
    }
    fit(set, data.subList(7, 12));
    fit(live, data.subList(7, 12));

    assertThat(params(set)).isEqualTo(params(live));
  }

  @Test
  void refusesTheStateOfParametersJoinedInAnotherWay() {
    MultiLayerNetwork together = layers(new TorchAdam(0.01));
    MultiLayerNetwork apart = layers(new TorchAdam(0.01));
    apart.setLearningRate(1, 0.02);
    fit(together, data(3));
    fit(apart, data(3));
    INDArray stateTogether = together.getUpdater().getStateViewArray().dup();
    INDArray stateApart = apart.getUpdater().getStateViewArray().dup();
    together.getUpdater().setStateViewArray(together, stateApart, false);
    apart.getUpdater().setStateViewArray(apart, stateTogether, false);

    assertThatThrownBy(() -> fit(together, data(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the updater state must be one that TorchAdam[lr=0.01, beta1=0.9, beta2=0.999,"
                + " eps=1.0E-8, amsgrad=false] made for 46 parameters, but it belongs to another"
                + " updater, or the network has joined its parameters in another way since; give"
                + " the network the updaters with which the state was made, or train on with a new"
                + " state");
    assertThatThrownBy(() -> fit(apart, data(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(" made for 16 parameters, but it belongs to another updater");
  }

  @Test
  void refusesAStateOfTheWrongSize() {
    GradientUpdater<TorchUpdater> updater =
        new TorchAdam(0.01).instantiate(Nd4j.zeros(DataType.DOUBLE, 20), true);
    INDArray gradient = Nd4j.ones(DataType.DOUBLE, 5);

    assertThatThrownBy(() -> updater.applyUpdater(gradient, 0, 0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("the updater state must be one that TorchAdam[");
    assertThat(gradient.toDoubleVector()).containsOnly(1);
  }

  /** An average of states, as ParallelWrapper takes it, keeps the count. */
  @Test
  void averagesStates() {
    List<DataSet> data = data(70);
    MultiLayerNetwork one = layers(new TorchAdam(0.01));
    MultiLayerNetwork other = layers(new TorchAdam(0.01));
    fit(one, data);
    fit(other, data);
    INDArray mean =
        one.getUpdater().getStateViewArray().add(other.getUpdater().getStateViewArray()).divi(2);
    other.getUpdater().setStateViewArray(other, mean, false);
    fit(one, data.subList(0, 1));
    fit(other, data.subList(0, 1));

    assertThat(params(other)).isEqualTo(params(one));
  }

  @Test
  void followsSchedulesAsItFollowsSetters() {
    OneCycleLR cycle =
        OneCycleLR.builder(0.1).totalSteps(20).baseMomentum(0.6).maxMomentum(0.95).build();
    TorchSchedule lr = TorchSchedule.lr(cycle, 0.1, ScheduleType.ITERATION);
    TorchSchedule momentum = TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION);
    Map<TorchUpdater, TorchUpdater> pulledAndPushed =
        Map.of(
            new TorchSGD(lr).withMomentum(momentum), new TorchSGD(0.1).withMomentum(0.9),
            new TorchSGD(lr).withNesterovMomentum(momentum),
                new TorchSGD(0.1).withNesterovMomentum(0.9),
            new TorchRMSprop(lr).withMomentum(momentum), new TorchRMSprop(0.1).withMomentum(0.9),
            new TorchAdamW(lr).withBeta1(momentum), new TorchAdamW(0.1),
            new TorchNAdam(lr).withBeta1(momentum), new TorchNAdam(0.1));
    List<DataSet> data = data(20);
    pulledAndPushed.forEach(
        (pulled, pushed) -> {
          assertThat(pulled.momentumKind()).isEqualTo(MomentumKind.NONE);
          MultiLayerNetwork pulling = layers(pulled);
          MultiLayerNetwork pushing = layers(pushed);
          // Joins the parameters while their updaters are equal.
          assertThat(pushing.getUpdater()).isNotNull();
          TorchUpdater live =
              (TorchUpdater) pushing.getLayer(0).conf().getLayer().getUpdaterByParam("W");
          for (int step = 0; step < data.size(); step++) {
            live.setLrAndSchedule(lr.valueAt(step, 0), null);
            live.setMomentum(momentum.valueAt(step, 0));
            assertThat(live.momentum()).isEqualTo(momentum.valueAt(step, 0));
            pulling.fit(data.get(step));
            pushing.fit(data.get(step));
          }
          assertThat(params(pulling)).as(pulled.toString()).isEqualTo(params(pushing));
        });
  }

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void standsAtRate0WhileItsStateGoesOn(TorchUpdater updater) {
    TorchUpdater standing = updater.clone();
    MultiLayerNetwork net = layers(standing);
    TorchUpdater live = (TorchUpdater) net.getLayer(0).conf().getLayer().getUpdaterByParam("W");
    fit(net, data(3));
    double[] before = params(net);
    INDArray view = net.getUpdater().getStateViewArray();
    double[] state = view == null ? new double[0] : view.toDoubleVector();
    live.setLrAndSchedule(0, null);
    fit(net, data(2));

    assertThat(params(net)).isEqualTo(before);
    if (view != null) {
      assertThat(view.toDoubleVector()).isNotEqualTo(state);
    }
  }

  /** A step in a workspace that is as large as what is asked of it shows what is asked. */
  @ParameterizedTest
  @FieldSource("UPDATERS")
  void takesNoMemoryOfTheModelsSize(TorchUpdater updater) {
    int length = 100_000;
    INDArray state = state(updater, length, DataType.FLOAT);
    GradientUpdater<TorchUpdater> applied = updater.instantiate(state, true);
    INDArray gradient = Nd4j.ones(DataType.FLOAT, length);
    WorkspaceConfiguration configuration =
        WorkspaceConfiguration.builder().initialSize(10_000_000).build();
    for (int step = 0; step < 3; step++) {
      try (MemoryWorkspace workspace =
          Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "step")) {
        applied.applyUpdater(gradient, step, 0);
        assertThat(workspace.getThisCycleAllocations()).isLessThan(4096);
      }
    }
    Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
  }

  /** What is done part by part, the last of them shorter, is the same as all at once. */
  @Test
  void worksInParts() {
    INDArray values = Nd4j.createFromArray(new Random(5).doubles(23, -1, 1).toArray());
    for (TorchUpdater updater :
        List.of(
            new TorchNAdam(0.01),
            new TorchRprop(0.01),
            new TorchRMSprop(0.01).withCentering().withMomentum(0.9))) {
      UpdaterState whole = new UpdaterState(updater, state(updater, 23, DataType.DOUBLE), true);
      UpdaterState parted = new UpdaterState(updater, state(updater, 23, DataType.DOUBLE), true, 5);
      for (int step = 0; step < 3; step++) {
        INDArray expected = values.dup();
        INDArray actual = values.dup();
        whole.bind(23);
        updater.update(expected, whole, 0.01, step, 0);
        whole.save();
        parted.bind(23);
        updater.update(actual, parted, 0.01, step, 0);
        parted.save();
        assertThat(actual.toDoubleVector()).isEqualTo(expected.toDoubleVector());
        assertThat(parted.view().toDoubleVector()).isEqualTo(whole.view().toDoubleVector());
      }
    }
  }

  /** The count is exact even where the state's type cannot hold it as one number. */
  @Test
  void countsIn16Bits() {
    TorchUpdater updater = new TorchAdagrad(1).withLrDecay(1).withEps(0);
    for (DataType type : List.of(DataType.FLOAT16, DataType.BFLOAT16)) {
      INDArray state = state(updater, 1, type);
      GradientUpdater<TorchUpdater> applied = updater.instantiate(state, true);
      for (int step = 0; step < 2100; step++) {
        applied.applyUpdater(Nd4j.zeros(type, 1), step, 0);
      }
      state.putScalar(0, 1.0);
      INDArray gradient = Nd4j.zeros(type, 1).addi(0.01);
      applied.applyUpdater(gradient, 0, 0);
      assertThat(gradient.getDouble(0) * 2101).isCloseTo(0.01, within(1e-4));
    }
  }

  @ParameterizedTest
  @FieldSource("UPDATERS")
  void trainsSameDiff(TorchUpdater updater) throws IOException {
    SameDiff graph = sameDiff(updater);
    DataSet data = data(1).get(0);
    for (int step = 0; step < 3; step++) {
      graph.fit(data);
    }
    Path file = Files.createTempFile("samediff", ".fb");
    graph.save(file.toFile(), true);
    SameDiff loaded = SameDiff.load(file.toFile(), true);
    Files.delete(file);
    assertThat(loaded.getTrainingConfig().getUpdater()).isEqualTo(updater);
    double[] before = weights(graph);
    for (int step = 0; step < 3; step++) {
      graph.fit(data);
      loaded.fit(data);
    }

    assertThat(weights(graph)).isNotEqualTo(before);
    assertThat(weights(loaded)).isEqualTo(weights(graph));
  }

  private static double[] weights(SameDiff graph) {
    return graph.getVariable("w").getArr().dup('c').data().asDouble();
  }

  private static SameDiff sameDiff(TorchUpdater updater) {
    SameDiff graph = SameDiff.create();
    SDVariable in = graph.placeHolder("in", DataType.DOUBLE, -1, 3);
    SDVariable labels = graph.placeHolder("labels", DataType.DOUBLE, -1, 2);
    double[] initial = new Random(3).doubles(6, -1, 1).toArray();
    SDVariable w = graph.var("w", Nd4j.createFromArray(initial).reshape(3, 2));
    graph.loss.meanSquaredError("loss", labels, in.mmul(w), null);
    graph.setTrainingConfig(
        new TrainingConfig.Builder()
            .updater(updater)
            .dataSetFeatureMapping("in")
            .dataSetLabelMapping("labels")
            .build());
    return graph;
  }

  @Test
  void updatesGradientsOfAnyShapeAndOrder() {
    INDArray rowByRow = Nd4j.createFromArray(new double[][] {{1, 2, 3}, {4, 5, 6}});
    INDArray larger = Nd4j.ones(DataType.DOUBLE, 4, 6);
    INDArray view = larger.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(2, 5));
    view.assign(rowByRow);
    for (INDArray gradient : List.of(rowByRow.dup('c'), rowByRow.dup('f'), view)) {
      TorchUpdater updater = new TorchSGD(0.5).withMomentum(0.9);
      GradientUpdater<TorchUpdater> applied =
          updater.instantiate(state(updater, 6, DataType.DOUBLE), true);
      applied.applyUpdater(gradient, 0, 0);
      assertThat(gradient.toDoubleMatrix())
          .isDeepEqualTo(new double[][] {{0.5, 1, 1.5}, {2, 2.5, 3}});
    }
  }

  private static INDArray state(TorchUpdater updater, long length, DataType type) {
    long size = updater.stateSize(length);
    return size == 0 ? null : Nd4j.zeros(type, size);
  }

  @Test
  void refusesArgumentsOutOfRange() {
    TorchAdam adam = new TorchAdam(0.1);
    refuses(() -> new TorchSGD(-0.1), "lr must be finite and >= 0 but was -0.1");
    refuses(() -> new TorchSGD(Double.NaN), "lr must be finite and >= 0 but was NaN");
    refuses(
        () -> adam.setLrAndSchedule(Double.POSITIVE_INFINITY, null),
        "lr must be finite and >= 0 but was Infinity");
    refuses(
        () -> new TorchSGD(0.1).withMomentum(-0.1),
        "momentum must be finite and >= 0 but was -0.1");
    refuses(
        () -> new TorchSGD(0.1).withMomentum(0.9, 1), "dampening must be >= 0 and < 1 but was 1.0");
    refuses(
        () -> new TorchSGD(0.1).withNesterovMomentum(0),
        "momentum must be finite and > 0 but was 0.0");
    refuses(() -> adam.withBetas(1, 0.9), "beta1 must be >= 0 and < 1 but was 1.0");
    refuses(() -> adam.withBetas(0.9, -1), "beta2 must be >= 0 and < 1 but was -1.0");
    refuses(() -> adam.withEps(-1e-8), "eps must be finite and >= 0 but was -1.0E-8");
    refuses(() -> adam.setMomentum(1.5), "beta1 must be >= 0 and < 1 but was 1.5");
    refuses(
        () -> new TorchNAdam(0.1).withMomentumDecay(-1),
        "momentumDecay must be finite and >= 0 but was -1.0");
    refuses(() -> new TorchRMSprop(0.1).withAlpha(1.1), "alpha must be >= 0 and <= 1 but was 1.1");
    refuses(
        () -> new TorchRMSprop(0.1).withMomentum(-1),
        "momentum must be finite and >= 0 but was -1.0");
    refuses(
        () -> new TorchAdagrad(0.1).withLrDecay(-1),
        "lrDecay must be finite and >= 0 but was -1.0");
    refuses(
        () -> new TorchAdagrad(0.1).withInitialAccumulatorValue(-1),
        "initialAccumulatorValue must be finite and >= 0 but was -1.0");
    refuses(() -> new TorchAdadelta(1).withRho(2), "rho must be >= 0 and <= 1 but was 2.0");
    refuses(() -> new TorchASGD(1).withLambd(-1), "lambd must be finite and >= 0 but was -1.0");
    refuses(() -> new TorchASGD(1).withAlpha(-1), "alpha must be finite and >= 0 but was -1.0");
    refuses(() -> new TorchASGD(1).withT0(-1), "t0 must be finite and >= 0 but was -1.0");
    TorchRprop rprop = new TorchRprop(1);
    refuses(() -> rprop.withEtas(0, 1.2), "etaminus must be > 0 and < 1 but was 0.0");
    refuses(() -> rprop.withEtas(0.5, 1), "etaplus must be finite and > 1 but was 1.0");
    refuses(() -> rprop.withStepSizes(-1, 1), "min must be finite and >= 0 but was -1.0");
    refuses(() -> rprop.withStepSizes(0.2, 0.1), "max must be >= min, which is 0.2, but was 0.1");
    TorchAdafactor adafactor = new TorchAdafactor(1);
    refuses(() -> adafactor.withBeta2Decay(0.1), "beta2Decay must be finite and <= 0 but was 0.1");
    refuses(() -> adafactor.withEps(-1, 1), "eps1 must be finite and >= 0 but was -1.0");
    refuses(() -> adafactor.withEps2(-1), "eps2 must be finite and >= 0 but was -1.0");
    refuses(() -> adafactor.withD(0.9), "d must be finite and >= 1 but was 0.9");
    TorchMuon muon = new TorchMuon(1);
    refuses(() -> muon.withNsSteps(100), "nsSteps must be >= 0 and < 100 but was 100");
    refuses(() -> muon.withNsSteps(-1), "nsSteps must be >= 0 and < 100 but was -1");
    refuses(() -> muon.withNsCoefficients(1, Double.NaN, 0), "b must be finite but was NaN");
    refuses(() -> muon.withEps(-1), "eps must be finite and >= 0 but was -1.0");
    assertThatThrownBy(() -> new TorchAdam(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("lr must be given but was null");
  }

  private static void refuses(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
  }

  @Test
  void refusesAMomentumWhereThereIsNone() {
    assertThatThrownBy(() -> new TorchSGD(0.1).setMomentum(0.9))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "momentum must be fixed and not 0 at the start for it to be set later, but is not in"
                + " TorchSGD[lr=0.1, momentum=0.0, dampening=0.0, nesterov=false]");
    assertThatThrownBy(() -> new TorchAdagrad(0.1).setMomentum(0.9))
        .isInstanceOf(IllegalStateException.class);
    assertThat(new TorchAdagrad(0.1).momentum()).isNaN();
    assertThat(new TorchSGD(0.1).momentumKind()).isEqualTo(MomentumKind.NONE);
    assertThat(new TorchSGD(0.1).withMomentum(0.9).momentumKind()).isEqualTo(MomentumKind.MOMENTUM);
    assertThat(new TorchAdamax(0.1).momentumKind()).isEqualTo(MomentumKind.BETA1);
  }

  @Test
  void refusesWhatASchedulePutsOutOfRange() {
    ISchedule bad = new MapSchedule.Builder(ScheduleType.ITERATION).add(0, 0.5).add(1, -2).build();
    for (TorchUpdater updater :
        List.of(
            new TorchAdam(bad),
            new TorchAdam(0.1).withBeta1(bad),
            new TorchAdam(0.1).withBeta2(bad),
            new TorchSGD(0.1).withMomentum(bad))) {
      MultiLayerNetwork net = layers(updater);
      fit(net, data(1));
      double[] before = params(net);
      assertThatThrownBy(() -> fit(net, data(1)))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageMatching("(lr|beta1|beta2|momentum) must be .* but was -2\\.0 in Torch.*");
      assertThat(params(net)).isEqualTo(before);
    }
  }

  /** A momentum that passes through 0 leaves the buffer alone meanwhile, as in PyTorch. */
  @Test
  void keepsTheBufferWhileTheMomentumIs0() {
    TorchSGD updater = new TorchSGD(1).withMomentum(0.5);
    GradientUpdater<TorchUpdater> applied =
        updater.instantiate(state(updater, 1, DataType.DOUBLE), true);
    double[] momenta = {0.5, 0, 0.5};
    double[] expected = {1, 1, 1.5};
    for (int step = 0; step < 3; step++) {
      updater.setMomentum(momenta[step]);
      INDArray gradient = Nd4j.ones(DataType.DOUBLE, 1);
      applied.applyUpdater(gradient, step, 0);
      assertThat(gradient.getDouble(0)).isEqualTo(expected[step]);
    }
  }
}
