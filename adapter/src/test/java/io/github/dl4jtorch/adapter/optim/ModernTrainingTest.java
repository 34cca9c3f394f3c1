package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.ScheduleFree;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.Schedule;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** Lion, LAMB and Schedule-Free with their weight decays in whole trainings. */
class ModernTrainingTest {

  private static final double LR = 0.02;

  static final List<TorchOptimizer> OPTIMIZERS =
      List.of(
          TorchOptimizer.of(new Lion(LR).withBetas(0.8, 0.9)).withWeightDecay(0.1),
          TorchOptimizer.of(new Lamb(LR))
              .withWeightDecay(0.05)
              .withoutDecayOn(NetworkParam::isBias),
          TorchOptimizer.of(new Lamb(LR).withAlwaysAdapt()).withWeightDecay(0),
          TorchOptimizer.of(new SGDScheduleFree(LR).withWarmupSteps(9)).withWeightDecay(0.1),
          TorchOptimizer.of(new AdamWScheduleFree(LR).withR(1).withWarmupSteps(9))
              .withWeightDecay(0.5)
              .withoutDecayOn(NetworkParam::isBias));

  private static MultiLayerNetwork layers(TorchOptimizer optimizer) {
    return Nets.init(optimizer.applyTo(Nets.layersConfiguration(new Sgd())));
  }

  private static ComputationGraph graph(TorchOptimizer optimizer) {
    ComputationGraph net =
        new ComputationGraph(optimizer.applyTo(Nets.graphConfiguration(new Sgd())));
    net.init();
    return net;
  }

  private static TorchUpdater updater(Model net) {
    return (TorchUpdater)
        (net instanceof MultiLayerNetwork layers
                ? layers.getLayer(0)
                : ((ComputationGraph) net).getLayer(0))
            .conf()
            .getLayer()
            .getUpdaterByParam("W");
  }

  private static double[] state(Model net) {
    return (net instanceof MultiLayerNetwork layers
            ? layers.updaterState()
            : ((ComputationGraph) net).updaterState())
        .toDoubleVector();
  }

  private static void assertSame(Model actual, Model expected) {
    assertThat(Nets.params(actual)).isEqualTo(Nets.params(expected));
    assertThat(state(actual)).isEqualTo(state(expected));
  }

  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void goesOnToTheBitAfterRestoreAndInCopies(TorchOptimizer optimizer) throws Exception {
    List<DataSet> data = Nets.data(12);
    MultiLayerNetwork layers = layers(optimizer);
    ComputationGraph graph = graph(optimizer);
    for (Model net : List.of(layers, graph)) {
      Nets.fit(net, data.subList(0, 7));
      Model restored = Nets.restored(net);
      Model copy = net == layers ? layers.clone() : graph.clone();
      for (Model one : List.of(net, restored, copy)) {
        Nets.fit(one, data.subList(7, 12));
      }
      assertSame(restored, net);
      assertSame(copy, net);
    }
    assertSame(graph, layers);
  }

  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void goesWithItsDecayThroughJson(TorchOptimizer optimizer) {
    MultiLayerConfiguration layers = optimizer.applyTo(Nets.layersConfiguration(new Sgd()));
    ComputationGraphConfiguration graph = optimizer.applyTo(Nets.graphConfiguration(new Sgd()));

    assertThat(MultiLayerConfiguration.fromJson(layers.toJson())).isEqualTo(layers);
    assertThat(MultiLayerConfiguration.fromYaml(layers.toYaml())).isEqualTo(layers);
    assertThat(ComputationGraphConfiguration.fromJson(graph.toJson())).isEqualTo(graph);
    assertThat(MultiLayerConfiguration.fromJson(layers.toJson()).clone()).isEqualTo(layers);
  }

  /** Down to 0, so that the parameters stand in the last updates. */
  private static Schedule schedule() {
    return new PolynomialLR(10, 1);
  }

  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void followsAPushedRateAsAPulledOneAndIsResumed(TorchOptimizer optimizer, @TempDir Path folder)
      throws Exception {
    List<DataSet> data = Nets.data(12);
    for (Model pushed : List.of(layers(optimizer), graph(optimizer))) {
      Model pulled = pushed instanceof MultiLayerNetwork ? layers(optimizer) : graph(optimizer);
      TorchSchedule rate = TorchSchedule.lr(schedule(), LR, ScheduleType.ITERATION);
      setSchedules(pulled, rate);
      LRScheduler run = schedule().attach(NetworkParamGroups.of(neural(pushed)));
      Nets.addListeners(pushed, SchedulerListener.everyIteration(run));
      double[] start = Nets.params(pushed);
      Nets.fit(pulled, data.subList(0, 7));
      Nets.fit(pushed, data.subList(0, 7));
      assertThat(Nets.params(pushed)).isEqualTo(Nets.params(pulled)).isNotEqualTo(start);
      Path file = folder.resolve(pushed.getClass().getSimpleName() + ".zip");
      CheckpointWriter.of(neural(pushed)).with("run", run).save(file);
      TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
      Model resumed =
          pushed instanceof MultiLayerNetwork
              ? checkpoint.network(MultiLayerNetwork.class)
              : checkpoint.network(ComputationGraph.class);
      Nets.addListeners(resumed, SchedulerListener.everyIteration(checkpoint.run("run")));
      for (Model net : List.of(pulled, pushed, resumed)) {
        Nets.fit(net, data.subList(7, 10));
        double[] before = Nets.params(net);
        Nets.fit(net, data.subList(10, 12));
        assertThat(Nets.params(net)).isEqualTo(before);
      }
      assertThat(Nets.params(pushed)).isEqualTo(Nets.params(pulled));
      assertSame(resumed, pushed);
    }
  }

  private static NeuralNetwork neural(Model net) {
    return (NeuralNetwork) net;
  }

  private static void setSchedules(Model net, ISchedule rate) {
    Layer[] layers =
        net instanceof MultiLayerNetwork own
            ? own.getLayers()
            : ((ComputationGraph) net).getLayers();
    for (Layer layer : layers) {
      layer.conf().getLayer().getUpdaterByParam("W").setLrAndSchedule(Double.NaN, rate);
    }
  }

  /** Each group of Lion moves by its own rate, and loses what its own decay takes. */
  @Test
  void movesGroupsByTheirOwnRatesAndDecays() {
    MultiLayerNetwork net = layers(TorchOptimizer.of(new Lion(LR)));
    NetworkParamGroups.builder(net)
        .group("head", NetworkParam.inLayers("layer2"))
        .lr(0.5)
        .weightDecay(0.25)
        .group(NetworkParam.inLayers("layer2").negate())
        .build();
    assertThat(net.getLayer(2).conf().getLayer().getRegularizationByParam("b"))
        .contains(new WeightDecay(0.25, true));
    double[] before = Nets.params(net);
    Nets.fit(net, Nets.data(1));
    double[] after = Nets.params(net);
    int head = before.length - net.getLayer(2).params().columns();
    for (int i = 0; i < before.length; i++) {
      double moved = Math.abs(after[i] - before[i] * (i < head ? 1 : 1 - 0.5 * 0.25));
      assertThat(moved).isCloseTo(i < head ? LR : 0.5, within(1e-14));
    }
  }

  private static double norm(double[] one, double[] other) {
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += (one[i] - other[i]) * (one[i] - other[i]);
    }
    return Math.sqrt(sum);
  }

  /** All weights are one block, and yet each array moves by the rate times its own length. */
  @Test
  void lambMovesEachArrayByTheRateTimesItsLength() {
    MultiLayerNetwork net =
        layers(
            TorchOptimizer.of(new Lamb(LR))
                .withWeightDecay(0.05)
                .withoutDecayOn(NetworkParam::isBias));
    net.setParam("1_b", Nd4j.createFromArray(new double[][] {{3, 1, 2, 5}}));
    assertThat(net.getLayer(0).conf().getLayer().getRegularizationByParam("b"))
        .noneMatch(LambDecay.class::isInstance);
    for (DataSet batch : Nets.data(5, 4)) {
      Map<String, INDArray> table = net.paramTable();
      double[][] before = new double[3][];
      for (int layer = 0; layer < 3; layer++) {
        before[layer] = table.get(layer + "_W").dup().data().asDouble();
      }
      net.fit(batch);
      for (int layer = 0; layer < 3; layer++) {
        double[] after = net.getParam(layer + "_W").dup().data().asDouble();
        assertThat(norm(after, before[layer]))
            .isCloseTo(LR * norm(before[layer], new double[before[layer].length]), within(1e-14));
      }
      assertThat(net.getUpdater().getStateViewArray().length()).isEqualTo(2 * 46 + 6 * 7);
    }
    assertThat(Nets.blocks(net)).isEqualTo(1);
  }

  /** 4 million numbers, which are too many for ND4J's own norm, are 2048 times as long as one. */
  @ParameterizedTest
  @EnumSource(names = {"HALF", "BFLOAT16", "FLOAT", "DOUBLE"})
  void lambAddsUpLongArraysExactly(DataType type) {
    int length = 1 << 22;
    INDArray params = Nd4j.valueArrayOf(new long[] {length}, 0.3, type);
    INDArray update = Nd4j.zeros(type, length);
    update.putScalar(7, -0.25);
    new LambDecay(0).apply(params, update, 1.0 / 1024, 0, 0);
    assertThat(update.getDouble(7)).isCloseTo(-2 * params.getDouble(0), within(1e-7));
  }

  /** The first step of Adam is the rate, whatever the gradient. */
  @Test
  void lambLeavesWhatIsNotDecayedToAdam() {
    MultiLayerNetwork net =
        layers(TorchOptimizer.of(new Lamb(LR).withEps(0)).withoutDecayOn(NetworkParam::isBias));
    INDArray bias = Nd4j.createFromArray(new double[][] {{3, 1, 2, 5}});
    net.setParam("1_b", bias);
    Nets.fit(net, Nets.data(1));
    for (double moved : net.getParam("1_b").sub(bias).toDoubleVector()) {
      assertThat(Math.abs(moved)).isCloseTo(LR, within(1e-14));
    }
    assertThat(net.getLayer(1).conf().getLayer().getRegularizationByParam("W"))
        .contains(new LambDecay(0.01))
        .doesNotContain(new WeightDecay(0.01, true));
    assertThat((Regularization) new WeightDecay(0.01, true)).isNotEqualTo(new LambDecay(0.01));
  }

  @Test
  void aGroupSetsTheDecayOfTheUpdatersForm() {
    MultiLayerNetwork lamb = layers(TorchOptimizer.of(new Lamb(LR)));
    NetworkParamGroups groups = NetworkParamGroups.of(lamb);
    groups.setWeightDecay(0, 0.3);
    assertThat(groups.weightDecay(0)).isEqualTo(0.3);
    MultiLayerNetwork free = layers(TorchOptimizer.of(new AdamWScheduleFree(LR)));
    NetworkParamGroups.of(free).setWeightDecay(0, 0.3);
    MultiLayerNetwork sgd = layers(TorchOptimizer.of(new SGDScheduleFree(LR)));
    NetworkParamGroups.of(sgd).setWeightDecay(0, 0.3);

    assertThat(decays(lamb)).containsExactly(new LambDecay(0.3));
    assertThat(decays(free)).containsExactly(new ScheduleFreeDecay(0.3));
    assertThat(decays(sgd)).containsExactly(new L2Regularization(0.3));
    groups.setWeightDecay(0, 0);
    assertThat(decays(lamb)).isEmpty();
    groups.setWeightDecay(0, 0.1);
    assertThat(decays(lamb)).containsExactly(new LambDecay(0.1));
  }

  private static List<Regularization> decays(MultiLayerNetwork net) {
    return net.getLayer(0).conf().getLayer().getRegularizationByParam("W").stream()
        .filter(one -> one instanceof WeightDecay || one instanceof L2Regularization)
        .toList();
  }

  private static INDArray mean(INDArray one, INDArray other) {
    return one.add(other).divi(2);
  }

  /** As ParallelWrapper takes them, of parameters and of states. */
  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void trainsOnFromTheMeanOfTwo(TorchOptimizer optimizer) {
    MultiLayerNetwork one = layers(optimizer);
    MultiLayerNetwork other = layers(optimizer);
    List<DataSet> data = Nets.data(30, 3);
    Nets.fit(one, data.subList(0, 10));
    Nets.fit(other, data.subList(10, 20));
    MultiLayerNetwork both = layers(optimizer);
    both.setParams(mean(one.params(), other.params()));
    both.getUpdater().getStateViewArray().assign(mean(one.updaterState(), other.updaterState()));
    if (updater(one) instanceof ScheduleFreeUpdater) {
      double[] x = ScheduleFree.of(both).during(() -> Nets.params(both));
      double[] ofOne = ScheduleFree.of(one).during(() -> Nets.params(one));
      double[] ofOther = ScheduleFree.of(other).during(() -> Nets.params(other));
      for (int i = 0; i < x.length; i++) {
        assertThat(x[i]).isCloseTo((ofOne[i] + ofOther[i]) / 2, within(1e-14));
      }
    }
    // The count, and the sum of weights, are those that both had.
    double[] state = state(both);
    double[] ofOne = state(one);
    int cells = updater(both).arrays() * (int) both.numParams();
    assertThat(Arrays.copyOfRange(state, cells, state.length))
        .isEqualTo(Arrays.copyOfRange(ofOne, cells, ofOne.length));
    Nets.fit(both, data.subList(20, 30));
    assertThat(both.params().sumNumber().doubleValue()).isFinite();
  }

  /** A step in a workspace that is as large as what is asked of it shows what is asked. */
  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void takesNoMemoryOfTheModelsSize(TorchOptimizer optimizer) {
    TorchUpdater updater = updater(layers(optimizer));
    Regularization decay = updater.weightDecay(0.1);
    int length = 100_000;
    INDArray state = Nd4j.zeros(updater.stateSize(length));
    var applied = updater.instantiate(state, true);
    INDArray gradient = Nd4j.ones(length);
    INDArray params = Nd4j.ones(length);
    WorkspaceConfiguration configuration =
        WorkspaceConfiguration.builder().initialSize(10_000_000).build();
    for (int step = 0; step < 3; step++) {
      try (MemoryWorkspace workspace =
          Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "step")) {
        applied.applyUpdater(gradient, step, 0);
        if (decay instanceof WeightDecay) {
          decay.apply(params, gradient, LR, step, 0);
        }
        assertThat(workspace.getThisCycleAllocations()).isLessThan(4096);
      }
    }
    Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
  }

  @Test
  void refusesLambWithoutItsRatio() {
    MultiLayerNetwork net = Nets.layers(new Lamb(LR));
    double[] start = Nets.params(net);
    assertThatThrownBy(() -> Nets.fit(net, Nets.data(1)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "a Lamb must be given to a network by a TorchOptimizer, which sets the ratio of the"
                + " norms as well, but was given without:"
                + " TorchOptimizer.of(updater).applyTo(configuration)");
    assertThat(Nets.params(net)).isEqualTo(start);
  }

  @Test
  void refusesADecayOfAnotherForm() {
    for (TorchUpdater updater :
        List.of(new Lamb(0.1), new SGDScheduleFree(0.1), new AdamWScheduleFree(0.1))) {
      assertThatThrownBy(() -> TorchOptimizer.of(updater).withDecoupledWeightDecay(0.1))
          .isExactlyInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "updater must be one that has no weight decay of another form but was "
                  + updater
                  + ", whose own is set by withWeightDecay");
    }
  }

  @Test
  void refusesSettingsOutOfTheirRange() {
    SGDScheduleFree sgd = new SGDScheduleFree(0.1);
    AdamWScheduleFree adamW = new AdamWScheduleFree(0.1);
    Map<String, Supplier<TorchUpdater>> refused =
        Map.of(
            "warmupSteps must be >= 0 but was -1", () -> sgd.withWarmupSteps(-1),
            "momentum must be > 0 and < 1 but was 0.0", () -> sgd.withMomentum(0),
            "momentum must be > 0 and < 1 but was 1.0", () -> sgd.withMomentum(1),
            "r must be finite and >= 0 but was -1.0", () -> sgd.withR(-1),
            "weightLrPower must be finite and >= 0 but was NaN",
                () -> sgd.withWeightLrPower(Double.NaN),
            "beta1 must be > 0 and < 1 but was 0.0", () -> adamW.withBetas(0, 0.9),
            "beta2 must be >= 0 and < 1 but was 1.0", () -> adamW.withBetas(0.9, 1),
            "eps must be finite and >= 0 but was -1.0", () -> adamW.withEps(-1),
            "lr must be finite and >= 0 but was -1.0", () -> new Lion(-1));
    refused.forEach(
        (message, call) ->
            assertThatThrownBy(call::get)
                .isExactlyInstanceOf(IllegalArgumentException.class)
                .hasMessage(message));
    assertThat(sgd).isEqualTo(new SGDScheduleFree(0.1));
  }

  @Test
  void hasTheAuthorsDefaults() {
    assertThat(new Lion(1e-4)).hasToString("Lion[lr=1.0E-4, beta1=0.9, beta2=0.99]");
    assertThat(new Lamb(1e-3))
        .hasToString("Lamb[lr=0.001, beta1=0.9, beta2=0.999, eps=1.0E-6, always_adapt=false]");
    assertThat(new SGDScheduleFree(1))
        .hasToString(
            "SGDScheduleFree[lr=1.0, momentum=0.9, warmup_steps=0, r=0.0, weight_lr_power=2.0]");
    assertThat(new AdamWScheduleFree(2.5e-3))
        .hasToString(
            "AdamWScheduleFree[lr=0.0025, beta1=0.9, beta2=0.999, eps=1.0E-8, warmup_steps=0,"
                + " r=0.0, weight_lr_power=2.0]");
    assertThat(new Lion(1).defaultWeightDecay()).isZero();
    assertThat(new Lamb(1).defaultWeightDecay()).isEqualTo(0.01);
    assertThat(new AdamWScheduleFree(1).defaultWeightDecay()).isZero();
  }
}
