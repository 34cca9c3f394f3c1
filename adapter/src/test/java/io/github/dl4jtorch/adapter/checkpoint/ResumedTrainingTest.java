package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Stops trainings after every iteration and every epoch, and goes on from each checkpoint. */
class ResumedTrainingTest {

  private static final int BATCHES = 3;
  private static final int EPOCHS = 4;

  @TempDir private Path folder;

  /**
   * A training that can be begun and gone on with.
   *
   * @param listeners what steps the runs
   * @param unwritten definitions that must be given again
   */
  private record Training(
      String name,
      Supplier<Model> net,
      Function<Model, Map<String, LRScheduler>> runs,
      Function<Map<String, LRScheduler>, List<SchedulerListener>> listeners,
      Map<String, Schedule> unwritten) {

    Training(
        String name,
        Supplier<Model> net,
        Function<Model, Map<String, LRScheduler>> runs,
        Function<Map<String, LRScheduler>, List<SchedulerListener>> listeners) {
      this(name, net, runs, listeners, Map.of());
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static NetworkParamGroups groups(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  private static Function<Model, Map<String, LRScheduler>> run(Schedule definition) {
    return net -> Map.of("run", definition.attach(groups(net)));
  }

  private static Function<Map<String, LRScheduler>, List<SchedulerListener>> stepping(
      Function<LRScheduler, SchedulerListener> listener) {
    return runs -> List.of(listener.apply(runs.get("run")));
  }

  private static double firstWeight(Model net) {
    return Math.abs(net.params().getDouble(0));
  }

  private static MultiLayerNetwork constrained(IUpdater updater) {
    return Nets.init(
        Nets.settings(updater)
            .list(
                new DenseLayer.Builder()
                    .nIn(Nets.INPUTS)
                    .nOut(4)
                    .constrainWeights(new MaxNormConstraint(0.3, 1))
                    .build(),
                Nets.output(4))
            .build());
  }

  private static MultiLayerNetwork normalized(IUpdater updater) {
    return Nets.init(
        Nets.settings(updater)
            .list(Nets.dense(Nets.INPUTS, 4), new BatchNormalization(), Nets.output(4))
            .setInputType(InputType.feedForward(Nets.INPUTS))
            .build());
  }

  private static Stream<Training> trainings() {
    Schedule oneCycle = OneCycleLR.builder(0.02).totalSteps(EPOCHS * BATCHES).build();
    Schedule sequence =
        new SequentialLR(List.of(new LinearLR(0.1, 1, 2), new ExponentialLR(0.7)), List.of(2));
    Schedule plateau = ReduceLROnPlateau.builder().patience(0).factor(0.5).build();
    Schedule lambda = new LambdaLR(epoch -> 1 / (1 + epoch));
    return Stream.of(
        new Training(
            "Nesterovs with OneCycle per iteration",
            () -> Nets.layers(new Nesterovs(0.02, 0.9)),
            run(oneCycle),
            stepping(SchedulerListener::everyIteration)),
        new Training(
            "Nesterovs with OneCycle per iteration, the velocity rescaled",
            () -> Nets.layers(new Nesterovs(0.02, 0.9)),
            run(oneCycle),
            stepping(run -> SchedulerListener.everyIteration(run).rescalingVelocity())),
        new Training(
            "a run for each of two groups, and the rest frozen",
            () -> Nets.layers(new Adam(0.02)),
            net -> {
              NetworkParamGroups groups =
                  NetworkParamGroups.builder((MultiLayerNetwork) net)
                      .group(NetworkParam.inLayers("layer1"))
                      .group(NetworkParam.inLayers("layer2"))
                      .lr(0.05)
                      .frozen(NetworkParam.inLayers("layer0"))
                      .build();
              return Map.of(
                  "body",
                  new ExponentialLR(0.8).attach(groups.only(0)),
                  "head",
                  oneCycle.attach(groups.only(1)));
            },
            runs ->
                List.of(
                    SchedulerListener.everyEpoch(runs.get("body")),
                    SchedulerListener.everyIteration(runs.get("head")))),
        new Training(
            "YOLOv5's warm-up",
            () -> Nets.layers(new Nesterovs(0.02, 0.9)),
            net ->
                Map.of(
                    "run",
                    WarmupLR.builder(new ExponentialLR(0.8))
                        .iterationsPerEpoch(BATCHES)
                        .warmupIterations(5)
                        .warmupLr(List.of(0.0, 0.1))
                        .warmupMomentum(0.8)
                        .build()
                        .attach(NetworkParamGroups.weightsAndBiases((MultiLayerNetwork) net))),
            stepping(SchedulerListener::everyIteration)),
        new Training(
            "Adam with SequentialLR per epoch, in a graph",
            () -> Nets.graph(new Adam(0.01)),
            run(sequence),
            stepping(SchedulerListener::everyEpoch)),
        new Training(
            "Adam with a cycle of beta1",
            () -> Nets.graph(new Adam(0.01)),
            run(CyclicLR.builder(0.001, 0.01).stepSizeUp(3).build()),
            stepping(SchedulerListener::everyIteration)),
        new Training(
            "plateau per epoch on a metric",
            () -> Nets.layers(new AMSGrad(0.01)),
            run(plateau),
            stepping(run -> SchedulerListener.everyEpoch(run, ResumedTrainingTest::firstWeight))),
        new Training(
            "plateau per epoch on the last score",
            () -> Nets.graph(new Sgd(0.01)),
            run(plateau),
            stepping(run -> SchedulerListener.everyEpoch(run, Model::score))),
        new Training(
            "a group a layer, at rates of their own",
            () -> Nets.layers(new RmsProp(0.01)),
            net -> {
              NetworkParamGroups groups = NetworkParamGroups.perLayer((MultiLayerNetwork) net);
              groups.get(1).setLr(0.02);
              return Map.of("run", new CosineAnnealingLR(20).attach(groups));
            },
            stepping(SchedulerListener::everyIteration)),
        new Training(
            "two runs on the same groups",
            () -> Nets.layers(new Adam(0.01)),
            net -> {
              NetworkParamGroups groups =
                  NetworkParamGroups.weightsAndBiases((MultiLayerNetwork) net);
              Map<String, LRScheduler> runs = new LinkedHashMap<>();
              runs.put("run", new StepLR(3, 0.9).attach(groups));
              runs.put("other", plateau.attach(groups));
              return runs;
            },
            runs ->
                List.of(
                    SchedulerListener.everyIteration(runs.get("run")),
                    SchedulerListener.everyEpoch(
                        runs.get("other"), ResumedTrainingTest::firstWeight))),
        new Training(
            "a rate that falls to a rounding error below 0",
            () -> Nets.layers(new Adam(0.01)),
            run(new LinearLR(0.1, 0, 4)),
            stepping(SchedulerListener::everyIteration)),
        new Training(
            "a lambda",
            () -> Nets.layers(new Adam(0.01)),
            run(lambda),
            stepping(SchedulerListener::everyIteration),
            Map.of("run", lambda)),
        new Training(
            "pull",
            () ->
                Nets.layers(
                    new Nesterovs(
                        TorchSchedule.lr(oneCycle, 0.02, ScheduleType.ITERATION),
                        TorchSchedule.momentum(oneCycle, 0.9, ScheduleType.ITERATION))),
            net -> Map.of(),
            runs -> List.of()),
        new Training(
            "pull by epoch, in a graph",
            () -> Nets.graph(new Adam(TorchSchedule.lr(sequence, 0.01, ScheduleType.EPOCH))),
            net -> Map.of(),
            runs -> List.of()),
        new Training(
            "constraints, which DL4J applies after its listeners",
            () -> constrained(new Adam(0.1)),
            run(sequence),
            stepping(SchedulerListener::everyEpoch)),
        new Training(
            "batch normalization",
            () -> normalized(new Adam(0.01)),
            run(sequence),
            stepping(SchedulerListener::everyEpoch)));
  }

  private static void fit(Model net, DataSetIterator data) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.fit(data);
    } else {
      ((ComputationGraph) net).fit(data);
    }
  }

  private static int epochs(Model net) {
    return new LiveNetwork(net).epochCount();
  }

  private static Model begin(
      Training training, Function<CheckpointWriter, List<TrainingCheckpointListener>> saving) {
    Model net = training.net.get();
    Map<String, LRScheduler> runs = training.runs.apply(net);
    training.listeners.apply(runs).forEach(net::addListeners);
    CheckpointWriter writer = CheckpointWriter.of((NeuralNetwork) net);
    runs.forEach(writer::with);
    saving.apply(writer).forEach(net::addListeners);
    while (epochs(net) < EPOCHS) {
      fit(net, Nets.epoch(BATCHES));
    }
    return net;
  }

  private static Model goOn(Training training, TrainingCheckpoint checkpoint, Model likeThis) {
    training.unwritten.forEach(checkpoint::run);
    Map<String, LRScheduler> runs = new LinkedHashMap<>();
    training.runs.apply(likeThis).keySet().forEach(name -> runs.put(name, checkpoint.run(name)));
    Model net =
        likeThis instanceof MultiLayerNetwork
            ? checkpoint.network(MultiLayerNetwork.class)
            : checkpoint.network(ComputationGraph.class);
    training.listeners.apply(runs).forEach(net::addListeners);
    DataSetIterator next = checkpoint.remaining(Nets.epoch(BATCHES));
    while (epochs(net) < EPOCHS) {
      fit(net, next);
      next = Nets.epoch(BATCHES);
    }
    return net;
  }

  private static void assertSame(Model net, Model expected, Object from) {
    LiveNetwork own = new LiveNetwork(net);
    LiveNetwork other = new LiveNetwork(expected);
    assertThat(own.iterationCount()).as("%s", from).isEqualTo(other.iterationCount());
    assertThat(own.epochCount()).as("%s", from).isEqualTo(other.epochCount());
    assertThat(Nets.params(net)).as("%s", from).isEqualTo(Nets.params(expected));
    assertThat(state(own)).as("%s", from).isEqualTo(state(other));
    // The rates that were set, wherever they are kept, and the momenta.
    assertThat(own.json(0, 0)).as("%s", from).isEqualTo(other.json(0, 0));
  }

  private static double[] state(LiveNetwork net) {
    INDArray state = net.updaterState();
    return state == null ? new double[0] : state.toDoubleVector();
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void goesOnFromAnywhereToTheBit(Training training) throws IOException {
    Model uninterrupted = begin(training, writer -> List.of());
    Model saved =
        begin(
            training,
            writer ->
                List.of(
                    TrainingCheckpointListener.everyIteration(writer, folder).keepLast(99),
                    TrainingCheckpointListener.everyEpoch(writer, folder).keepLast(99)));
    assertSame(saved, uninterrupted, "saving changes nothing");
    List<CheckpointFolder.Entry> entries = new CheckpointFolder(folder, "checkpoint").entries();
    assertThat(entries).hasSize(EPOCHS * BATCHES + EPOCHS);
    for (CheckpointFolder.Entry entry : entries) {
      TrainingCheckpoint checkpoint = TrainingCheckpoint.load(entry.file());
      assertSame(goOn(training, checkpoint, training.net.get()), uninterrupted, entry);
    }
  }
}
