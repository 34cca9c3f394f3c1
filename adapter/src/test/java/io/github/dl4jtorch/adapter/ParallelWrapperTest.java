package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.step.AccumulatedGradients;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.Workers;
import io.github.dl4jtorch.fixtures.Workers.Values;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.ParallelWrapper.TrainingMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** What two workers of a ParallelWrapper do to the parameters, update by update. */
@Timeout(value = 120, threadMode = ThreadMode.SEPARATE_THREAD)
class ParallelWrapperTest {

  private static final int WORKERS = 2;
  private static final int BATCHES = 5;
  // The copy gets two of the five batches.
  private static final int ROUNDS = 3;

  static Stream<Arguments> modesAndKinds() {
    return Stream.of(TrainingMode.AVERAGING, TrainingMode.SHARED_GRADIENTS)
        .flatMap(mode -> Stream.of(Arguments.of(mode, false), Arguments.of(mode, true)));
  }

  static Stream<Boolean> kinds() {
    return Stream.of(false, true);
  }

  private static Model net(IUpdater updater, boolean isGraph) {
    return isGraph ? Nets.graph(updater) : Nets.layers(updater);
  }

  private static EpochLoop loop(Model net, TrainingListener... listeners) {
    return net instanceof MultiLayerNetwork layers
        ? EpochLoop.of(layers, listeners)
        : EpochLoop.of((ComputationGraph) net, listeners);
  }

  private static NetworkParamGroups groups(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  private static ParallelWrapper wrapper(Model net, TrainingMode mode) {
    return new ParallelWrapper.Builder<>(net)
        .workers(WORKERS)
        .prefetchBuffer(0)
        .averagingFrequency(1)
        .trainingMode(mode)
        .build();
  }

  /** The values that PyTorch's loop sees, step by step. */
  private static List<Values> values(Schedule definition, double lr, double momentum, int steps) {
    ParamGroup group = ParamGroup.sgd(lr, momentum);
    LRScheduler run = definition.attach(ParamGroups.of(group));
    List<Values> values = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      values.add(new Values(group.lr(), group.momentum()));
      run.step();
    }
    return values;
  }

  private static void assertCounts(Workers workers, int epochs) {
    assertThat(workers.ofRoot()).hasSize(epochs * ROUNDS);
    assertThat(workers.ofCopies()).hasSize(epochs);
    for (int i = 0; i < epochs * ROUNDS; i++) {
      assertThat(workers.ofRoot().get(i).iteration()).isEqualTo(i);
      assertThat(workers.ofRoot().get(i).epoch()).isEqualTo(i / ROUNDS);
    }
    for (int epoch = 0; epoch < epochs; epoch++) {
      List<Workers.Update> copy = workers.ofCopies().get(epoch);
      assertThat(copy).extracting(Workers.Update::epoch).containsExactly(epoch, epoch);
      assertThat(copy)
          .extracting(Workers.Update::iteration)
          .containsExactly(epoch * ROUNDS, epoch * ROUNDS + 1);
    }
  }

  private static List<Workers.Update> all(Workers workers) {
    List<Workers.Update> all = new ArrayList<>(workers.ofRoot());
    workers.ofCopies().forEach(all::addAll);
    return all;
  }

  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void pullsRateAndMomentumOfEachIterationInEveryWorker(TrainingMode mode, boolean isGraph) {
    int epochs = 3;
    Schedule cycle = OneCycleLR.builder(0.02).totalSteps(epochs * ROUNDS).build();
    Model net =
        net(
            new Nesterovs(
                TorchSchedule.lr(cycle, 0.1, ScheduleType.ITERATION),
                TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION)),
            isGraph);
    Workers workers = new Workers(net);
    EpochLoop loop = loop(net);
    Nets.addListeners(net, workers);
    ParallelWrapper wrapper = wrapper(net, mode);
    loop.fit(epochs, () -> wrapper.fit(Nets.epoch(BATCHES)));
    assertCounts(workers, epochs);
    List<Values> values = values(cycle, 0.1, 0.9, epochs * ROUNDS);
    Workers.assertNesterovs(
        all(workers),
        (block, iteration, epoch) -> values.get(iteration),
        mode == TrainingMode.AVERAGING);
    assertThat(new LiveNetwork(net).epochCount()).isEqualTo(epochs);
  }

  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void pullsTheRateOfEachEpochInEveryWorker(TrainingMode mode, boolean isGraph) {
    Schedule cosine = new CosineAnnealingLR(4, 0.001);
    Model net =
        net(new Nesterovs(TorchSchedule.lr(cosine, 0.01, ScheduleType.EPOCH), 0.9), isGraph);
    Workers workers = new Workers(net);
    EpochLoop loop = loop(net);
    Nets.addListeners(net, workers);
    ParallelWrapper wrapper = wrapper(net, mode);
    loop.fit(2, () -> wrapper.fit(Nets.epoch(BATCHES)));
    loop.fit(1, () -> wrapper.fit(Nets.epoch(BATCHES)));
    assertCounts(workers, 3);
    List<Values> values = values(cosine, 0.01, 0.9, 3);
    Workers.assertNesterovs(
        all(workers),
        (block, iteration, epoch) -> values.get(epoch),
        mode == TrainingMode.AVERAGING);
  }

  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void pushesTheRateOfEachEpochToEveryWorker(TrainingMode mode, boolean isGraph) {
    Schedule cycle = OneCycleLR.builder(0.02).totalSteps(3).build();
    Model net = net(new Nesterovs(0.01, 0.9), isGraph);
    LRScheduler run = cycle.attach(groups(net));
    Workers workers = new Workers(net);
    EpochLoop loop = loop(net, SchedulerListener.everyEpoch(run));
    Nets.addListeners(net, workers);
    ParallelWrapper wrapper = wrapper(net, mode);
    loop.fit(3, () -> wrapper.fit(Nets.epoch(BATCHES)));
    assertCounts(workers, 3);
    List<Values> values = values(cycle, 0.01, 0.9, 3);
    Workers.assertNesterovs(
        all(workers),
        (block, iteration, epoch) -> values.get(epoch),
        mode == TrainingMode.AVERAGING);
  }

  /** Two groups that come to the same rate must stay two blocks in the copies. */
  @ParameterizedTest
  @MethodSource("kinds")
  void pushesAPlateauToTheAdamOfEveryWorker(boolean isGraph) {
    Model net = net(new Adam(0.02), isGraph);
    NetworkParamGroups groups =
        net instanceof MultiLayerNetwork layers
            ? NetworkParamGroups.weightsAndBiases(layers)
            : NetworkParamGroups.weightsAndBiases((ComputationGraph) net);
    groups.get(1).setLr(0.04);
    LRScheduler run =
        ReduceLROnPlateau.builder().factor(0.5).patience(0).minLr(0.01).build().attach(groups);
    List<Double> scores = new ArrayList<>();
    Workers workers = new Workers(net);
    EpochLoop loop =
        loop(
            net,
            SchedulerListener.everyEpoch(
                run,
                model -> {
                  scores.add(model.score());
                  return 1;
                }));
    Nets.addListeners(net, workers);
    ParallelWrapper wrapper = wrapper(net, TrainingMode.AVERAGING);
    loop.fit(4, () -> wrapper.fit(Nets.epoch(BATCHES)));
    assertCounts(workers, 4);
    assertThat(Nets.blocks(net)).isEqualTo(6);
    double[][] lr = {{0.02, 0.04}, {0.02, 0.04}, {0.01, 0.02}, {0.01, 0.01}};
    Workers.assertAdam(
        all(workers), (block, iteration, epoch) -> new Values(lr[epoch][block % 2], 0.9));
    assertThat(scores).hasSize(4).doesNotContain(0.0, Double.NaN);
  }

  /** Weights and biases have each their rate and decay, which change between two epochs. */
  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void decaysEachGroupInEveryWorker(TrainingMode mode, boolean isGraph) {
    Model net = net(new Nesterovs(0.01, 0.9), isGraph);
    NetworkParamGroups groups =
        NetworkParamGroups.builder((NeuralNetwork) net)
            .group("weights", NetworkParam::isWeight)
            .lr(0.01)
            .weightDecay(0.3)
            .group("biases", NetworkParam::isBias)
            .lr(0.02)
            .weightDecay(0)
            .build();
    LRScheduler run = new StepLR(1, 0.5).attach(groups);
    Workers workers = new Workers(net);
    EpochLoop loop = loop(net, SchedulerListener.everyEpoch(run));
    Nets.addListeners(net, workers);
    ParallelWrapper wrapper = wrapper(net, mode);
    loop.fit(1, () -> wrapper.fit(Nets.epoch(BATCHES)));
    groups.setWeightDecay(0, 0.1);
    groups.setWeightDecay(1, 0.2);
    loop.fit(1, () -> wrapper.fit(Nets.epoch(BATCHES)));
    assertCounts(workers, 2);
    assertThat(Nets.blocks(net)).isEqualTo(6);
    double[][] decay = {{0.3, 0}, {0.1, 0.2}};
    Workers.assertNesterovs(
        all(workers),
        (block, iteration, epoch) ->
            new Values(
                (block % 2 == 0 ? 0.01 : 0.02) * (epoch == 0 ? 1 : 0.5),
                0.9,
                decay[epoch][block % 2]),
        mode == TrainingMode.AVERAGING);
  }

  /** The wrapper alone would forget it in a MultiLayerNetwork. */
  @ParameterizedTest
  @MethodSource("kinds")
  void keepsTheStateOfTheUpdater(boolean isGraph) {
    Model net = net(new Nesterovs(0.01, 0.9), isGraph);
    Workers workers = new Workers(net);
    EpochLoop loop = loop(net);
    Nets.addListeners(net, workers);
    ParallelWrapper wrapper = wrapper(net, TrainingMode.AVERAGING);
    loop.fit(2, () -> wrapper.fit(Nets.epoch(BATCHES)));
    Workers.Part last = workers.ofRoot().get(ROUNDS - 1).parts().get(0);
    // The last round has one worker, so its state is what the average leaves.
    assertThat(workers.ofRoot().get(ROUNDS).parts().get(0).state().toDoubleVector())
        .isEqualTo(last.stateAfter().toDoubleVector());
    assertThat(workers.ofCopies().get(1).get(0).parts().get(0).state().norm2Number().doubleValue())
        .isPositive();
  }

  /** A fact of DL4J that the documentation tells of. */
  @Test
  void theWrapperAloneForgetsTheStateOfTheUpdater() {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.01, 0.9));
    Workers workers = new Workers(net);
    net.addListeners(workers);
    ParallelWrapper wrapper = wrapper(net, TrainingMode.AVERAGING);
    wrapper.fit(Nets.epoch(BATCHES));
    wrapper.fit(Nets.epoch(BATCHES));
    assertThat(workers.ofRoot().get(ROUNDS - 1).parts().get(0).stateAfter().amaxNumber())
        .isNotEqualTo(0.0);
    assertThat(workers.ofRoot().get(ROUNDS).parts().get(0).state().amaxNumber()).isEqualTo(0.0);
    assertThat(net.getEpochCount()).isZero();
  }

  /** Makes the second worker write the configuration when the first has made its iteration. */
  record LateJson(int iteration) implements ISchedule {
    private static volatile MultiLayerNetwork net;

    @Override
    @JsonProperty
    public int iteration() {
      if (Thread.currentThread().getName().endsWith("thread 1")) {
        while (net.getIterationCount() == iteration) {
          Thread.onSpinWait();
        }
      }
      return iteration;
    }

    @Override
    public double valueAt(int iteration, int epoch) {
      return 0.01;
    }

    @Override
    public ISchedule clone() {
      return this;
    }
  }

  private static MultiLayerNetwork netWhoseCopyIsLate() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(1))
                .list(
                    Nets.dense(
                        Nets.INPUTS,
                        4,
                        new Sgd(
                            TorchSchedule.lr(new StepLR(1, 0.5), 0.04, ScheduleType.ITERATION))),
                    Nets.output(4, new Sgd(new LateJson(0))))
                .build());
    LateJson.net = net;
    return net;
  }

  @Test
  void startsACopyThatIsLateAtTheCountOfTheOthers() {
    MultiLayerNetwork net = netWhoseCopyIsLate();
    Workers workers = new Workers(net);
    EpochLoop loop = EpochLoop.of(net);
    net.addListeners(workers);
    ParallelWrapper wrapper = wrapper(net, TrainingMode.AVERAGING);
    loop.fit(1, () -> wrapper.fit(Nets.epoch(BATCHES)));
    assertCounts(workers, 1);
    Workers.assertSgd(
        all(workers),
        (block, iteration, epoch) ->
            new Values(block == 0 ? 0.04 * Math.pow(0.5, iteration) : 0.01, 0));
  }

  /** A fact of DL4J that the documentation tells of. */
  @Test
  void theWrapperAloneMayStartACopyOneIterationAhead() {
    MultiLayerNetwork net = netWhoseCopyIsLate();
    Workers workers = new Workers(net);
    net.addListeners(workers);
    wrapper(net, TrainingMode.AVERAGING).fit(Nets.epoch(BATCHES));
    assertThat(workers.ofCopies().get(0))
        .extracting(Workers.Update::iteration)
        .containsExactly(1, 2);
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Trains until that fails, and keeps what the wrapper prints then out of the build's output. */
  private static void fail(ParallelWrapper wrapper, Runnable training) {
    PrintStream usual = System.err;
    System.setErr(new PrintStream(OutputStream.nullOutputStream()));
    try {
      training.run();
    } finally {
      wrapper.shutdown();
      Thread.getAllStackTraces().keySet().stream()
          .filter(thread -> thread.getName().startsWith("ParallelWrapper training thread "))
          .forEach(ParallelWrapperTest::join);
      System.setErr(usual);
    }
  }

  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void refusesASchedulerListenerBeforeAnythingHasMoved(TrainingMode mode, boolean isGraph) {
    for (boolean perEpoch : new boolean[] {false, true}) {
      Model net = net(new Sgd(0.04), isGraph);
      LRScheduler run = new StepLR(1, 0.5).attach(groups(net));
      Nets.addListeners(
          net,
          perEpoch ? SchedulerListener.everyEpoch(run) : SchedulerListener.everyIteration(run));
      double[] before = Nets.params(net);
      ParallelWrapper wrapper = wrapper(net, mode);
      assertThatThrownBy(() -> fail(wrapper, () -> wrapper.fit(Nets.epoch(BATCHES))))
          .isExactlyInstanceOf(RuntimeException.class)
          .rootCause()
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage(
              perEpoch
                  ? "ParallelWrapper tells of no epochs: give this listener to an EpochLoop, and not"
                      + " to the network or the wrapper"
                  : "ParallelWrapper trains copies of the network, which a step after an iteration"
                      + " does not reach: use a TorchSchedule, or SchedulerListener.everyEpoch(..)"
                      + " in an EpochLoop");
      assertThat(Nets.params(net)).isEqualTo(before);
      assertThat(run.lastEpoch()).isZero();
      assertThat(run.getLastLr()).containsExactly(0.04);
    }
  }

  private static void assertRefused(Model net, TrainingMode mode, String message) {
    double[] before = Nets.params(net);
    ParallelWrapper wrapper = wrapper(net, mode);
    assertThatThrownBy(() -> fail(wrapper, () -> wrapper.fit(Nets.epoch(BATCHES))))
        .isExactlyInstanceOf(RuntimeException.class)
        .rootCause()
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(message);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(new LiveNetwork(net).iterationCount()).isZero();
  }

  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void refusesToClipAndToAccumulate(TrainingMode mode, boolean isGraph) {
    for (GradientClipping clipping :
        List.of(GradientClipping.norm(1), GradientClipping.value(0.5))) {
      Model net = net(new Sgd(0.04), isGraph);
      Nets.addListeners(net, clipping);
      assertRefused(
          net,
          mode,
          "ParallelWrapper trains copies of the network, each with a part of the gradients, whose"
              + " norm says nothing of the whole: clip without it, or set gradientNormalization in"
              + " the configuration, by which DL4J clips layer by layer in each copy");
    }
    Model net = net(new Sgd(0.04), isGraph);
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach((NeuralNetwork) net);
    assertRefused(
        net,
        mode,
        "ParallelWrapper trains copies of the network, which do not accumulate gradients: train"
            + " without it, or give its workers greater batches");
    assertThat(gradients.pendingBatches()).isZero();
  }

  /** And does not wait for ever for a worker that has failed. */
  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void tellsOfAScheduleThatWasSteppedPastItsEnd(TrainingMode mode, boolean isGraph) {
    Schedule cycle = OneCycleLR.builder(0.02).totalSteps(ROUNDS).cycleMomentum(false).build();
    Model net = net(new Sgd(TorchSchedule.lr(cycle, 0.1, ScheduleType.ITERATION)), isGraph);
    EpochLoop loop = loop(net);
    ParallelWrapper wrapper = wrapper(net, mode);
    assertThatThrownBy(
            () -> fail(wrapper, () -> loop.fit(2, () -> wrapper.fit(Nets.epoch(BATCHES)))))
        .rootCause()
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "OneCycleLR has 3 steps in all and was stepped past them: give as many as the training"
                + " has batches (or epochs, if stepped once an epoch)");
    // The call after the last step keeps the rate, as in a loop; the next one is refused.
    assertThat(new LiveNetwork(net).iterationCount()).isEqualTo(ROUNDS + 1);
    assertThat(new LiveNetwork(net).epochCount()).isEqualTo(1);
  }

  /** Throws in a worker alone, before it has shared its gradients with those that wait for them. */
  private static final class FailsInOneWorker extends BaseTrainingListener {
    private final Model net;
    private final boolean isInCopy;

    FailsInOneWorker(Model net, boolean isInCopy) {
      this.net = net;
      this.isInCopy = isInCopy;
    }

    @Override
    public void onGradientCalculation(Model model) {
      if ((model != net) == isInCopy) {
        throw new IllegalStateException("one worker alone");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("modesAndKinds")
  void endsWhenOneWorkerAloneFails(TrainingMode mode, boolean isGraph) {
    for (boolean isInCopy : new boolean[] {false, true}) {
      Model net = net(new Adam(0.01), isGraph);
      Nets.addListeners(net, new FailsInOneWorker(net, isInCopy));
      EpochLoop loop = loop(net);
      ParallelWrapper wrapper = wrapper(net, mode);
      assertThatThrownBy(
              () -> fail(wrapper, () -> loop.fit(2, () -> wrapper.fit(Nets.epoch(BATCHES)))))
          .rootCause()
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage("one worker alone");
    }
  }
}
