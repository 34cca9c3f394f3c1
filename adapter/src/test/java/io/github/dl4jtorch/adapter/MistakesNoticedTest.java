package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.LogLines;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** Each mistake that would train on silently, and what is said of it. */
class MistakesNoticedTest {

  private static final String LISTENER = "WARN " + SchedulerListener.class.getName() + " - ";
  private static final String TWICE =
      "a run must have one SchedulerListener, which makes all its steps, but the run of StepLR has"
          + " two, or one that was added twice: leave one with net.setListeners(..)";

  private final LogLines log = new LogLines();
  private final MultiLayerNetwork net = Nets.layers(new Sgd(0.04));

  @AfterEach
  void close() {
    log.close();
  }

  private static LRScheduler halves(MultiLayerNetwork net) {
    return new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
  }

  @Test
  void refusesTwoListenersOnOneRun() {
    LRScheduler run = halves(net);
    net.addListeners(SchedulerListener.everyIteration(run), SchedulerListener.everyEpoch(run));
    double[] before = Nets.params(net);
    assertThatIllegalStateException()
        .isThrownBy(() -> net.fit(Nets.epoch(2), 1))
        .withMessage(TWICE);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(run.lastEpoch()).isZero();
  }

  @Test
  void refusesAListenerThatIsAddedTwice() {
    LRScheduler run = halves(net);
    SchedulerListener listener = SchedulerListener.everyIteration(run);
    net.addListeners(listener);
    DataSet batch = Nets.data(1).get(0);
    net.fit(batch);
    net.addListeners(listener);
    double[] before = Nets.params(net);
    assertThatIllegalStateException().isThrownBy(() -> net.fit(batch)).withMessage(TWICE);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(run.lastEpoch()).isEqualTo(1);
    net.setListeners(listener);
    net.fit(batch);
    assertThat(run.lastEpoch()).isEqualTo(2);
  }

  @Test
  void refusesTwoListenersOnOneRunInAnEpochLoop() {
    SchedulerListener listener = SchedulerListener.everyEpoch(halves(net));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> EpochLoop.of(net, listener, listener))
        .withMessage(TWICE);
    net.addListeners(SchedulerListener.everyIteration(listener.run()));
    assertThatIllegalStateException()
        .isThrownBy(() -> EpochLoop.of(net, listener).fit(1, () -> Nets.fit(net, Nets.data(1))))
        .withMessage(TWICE);
    assertThat(listener.run().lastEpoch()).isZero();
  }

  @Test
  void warnsOfAListenerBesideOnesOwnSteps() {
    LRScheduler run = halves(net);
    net.addListeners(SchedulerListener.everyIteration(run));
    for (DataSet batch : Nets.data(4)) {
      net.fit(batch);
      run.step();
    }
    assertThat(log.all())
        .containsExactly(
            LISTENER
                + "iteration 2 done: the run of StepLR was left at step 1.0 by this listener and is"
                + " at 2.0 now, so that it makes more steps than the network makes iterations. Let"
                + " the listener alone step it: leave out run.step(), and any other listener on this"
                + " run.");
  }

  @Test
  void warnsOfAnEpochListenerBesideOnesOwnSteps() {
    LRScheduler run = halves(net);
    net.addListeners(SchedulerListener.everyEpoch(run));
    for (int epoch = 0; epoch < 3; epoch++) {
      net.fit(Nets.epoch(2), 1);
      run.step();
    }
    assertThat(log.all())
        .containsExactly(
            LISTENER
                + "epoch 2 done: the run of StepLR was left at step 1.0 by this listener and is at"
                + " 2.0 now, so that it makes more steps than the network makes epochs. Let the"
                + " listener alone step it: leave out run.step(), and any other listener on this"
                + " run.");
  }

  @Test
  void warnsOnceThatSetListenersDroppedTheListener() {
    SchedulerListener listener = SchedulerListener.everyIteration(halves(net));
    net.addListeners(listener);
    net.fit(Nets.epoch(2), 1);
    net.setListeners(new Nets.Movement());
    net.fit(Nets.epoch(2), 2);
    String warning =
        LISTENER
            + "the SchedulerListener of this network's param groups is not among its listeners any"
            + " more, as after net.setListeners(..), so the rates stay as they are. Add it again"
            + " with net.addListeners(listener).";
    assertThat(log.all()).containsExactly(warning);
    assertThat(net.getLearningRate(0)).isEqualTo(0.01);
    net.addListeners(listener);
    net.fit(Nets.epoch(1), 1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.005);
    assertThat(log.all()).containsExactly(warning);
  }

  @Test
  void warnsThatAGraphLostItsEpochListener() {
    ComputationGraph graph = Nets.graph(new Adam(0.04));
    graph.addListeners(
        SchedulerListener.everyEpoch(
            new StepLR(1, 0.5).attach(NetworkParamGroups.weightsAndBiases(graph))));
    graph.fit(Nets.epoch(2), 1);
    graph.setListeners(List.of());
    graph.fit(Nets.epoch(2), 2);
    assertThat(log.all()).hasSize(1).first().asString().startsWith(LISTENER + "the SchedulerL");
  }

  private static String restored(double rate) {
    return "WARN "
        + NetworkParamGroups.class.getName()
        + " - the learning rate of this restored network was set by a run on its param groups when"
        + " it was saved, and nothing sets it now: it stays at "
        + rate
        + ". Make the groups anew, which is enough to keep that rate; for the run to go on, take it"
        + " up and add a SchedulerListener.";
  }

  @Test
  void warnsOnceOfARestoredNetworkThatNobodyDrives() throws IOException {
    net.addListeners(SchedulerListener.everyIteration(halves(net)));
    net.fit(Nets.epoch(2), 1);
    MultiLayerNetwork again = Nets.restored(net);
    assertThat(again.getLearningRate(0)).isEqualTo(0.01);
    assertThat(log.all()).isEmpty();
    again.fit(Nets.epoch(2), 2);
    assertThat(log.all()).containsExactly(restored(0.01));
    MultiLayerNetwork other = Nets.restored(net);
    other.fit(Nets.epoch(1), 1);
    assertThat(log.all()).containsExactly(restored(0.01), restored(0.01));
  }

  @Test
  void saysNothingOfARestoredNetworkThatIsDrivenOrKept() throws IOException {
    NetworkParamGroups.weightsAndBiases(net).get(1).setLr(0.2);
    net.fit(Nets.epoch(2), 1);
    MultiLayerNetwork driven = Nets.restored(net);
    driven.addListeners(
        SchedulerListener.everyIteration(
            new StepLR(1, 0.5).attach(NetworkParamGroups.weightsAndBiases(driven))));
    driven.fit(Nets.epoch(2), 1);
    assertThat(driven.getLearningRate(0)).isEqualTo(0.01);
    MultiLayerNetwork kept = Nets.restored(net);
    assertThat(NetworkParamGroups.weightsAndBiases(kept).get(1).lr()).isEqualTo(0.2);
    kept.fit(Nets.epoch(2), 1);
    assertThat(log.all()).isEmpty();
  }

  @Test
  void saysNothingOfARestoredNetworkWhoseGroupsOnlyHadRates() throws IOException {
    NetworkParamGroups.builder(net)
        .group(NetworkParam::isWeight)
        .lr(0.01)
        .frozen(NetworkParam::isBias)
        .build();
    net.fit(Nets.epoch(2), 1);
    MultiLayerNetwork again = Nets.restored(net);
    again.fit(Nets.epoch(2), 1);
    assertThat(again.getLearningRate(0)).isEqualTo(0.01);
    assertThat(log.all()).isEmpty();
  }

  private static String dropped(String without) {
    return "WARN "
        + TorchSchedule.class.getName()
        + " - OneCycleLR is to cycle the momentum, but a network is trained with its learning rate"
        + " alone. Build the updater with TorchSchedule.updater(updater, definition, unit), or the"
        + " definition "
        + without
        + ".";
  }

  /** Each test has a cycle of its own, since equal ones are warned of once. */
  private static Schedule cycle(double maxLr) {
    return OneCycleLR.builder(maxLr).totalSteps(40).build();
  }

  private static TorchSchedule lr(Schedule definition) {
    return TorchSchedule.lr(definition, 0.1, ScheduleType.ITERATION);
  }

  @Test
  void warnsOfACycleOfTheMomentumThatAnUpdaterDrops() throws IOException {
    TorchSchedule lr = lr(cycle(0.031));
    MultiLayerNetwork adam = Nets.layers(new Adam(lr));
    assertThat(lr.valueAt(3, 0)).isPositive();
    assertThat(adam.getLearningRate(0)).isPositive();
    assertThat(log.all()).isEmpty();
    adam.fit(Nets.epoch(2), 2);
    assertThat(log.all()).containsExactly(dropped("with cycleMomentum(false)"));
    Nets.restored(adam).fit(Nets.epoch(1), 1);
    assertThat(log.all()).containsExactly(dropped("with cycleMomentum(false)"));
  }

  @Test
  void warnsOfACycleBesideAFixedMomentum() {
    Nets.layers(new Nesterovs(lr(cycle(0.032)), 0.9)).fit(Nets.epoch(2), 1);
    Nets.graph(new TorchSGD(lr(cycle(0.033))).withMomentum(0.9)).fit(Nets.epoch(2), 1);
    assertThat(log.all())
        .containsExactly(
            dropped("with cycleMomentum(false)"), dropped("with cycleMomentum(false)"));
  }

  @Test
  void saysNothingOfACycleThatIsFollowedOrOfACoefficient() {
    Schedule cycle = cycle(0.034);
    Nets.layers(
            new Nesterovs(lr(cycle), TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION)))
        .fit(Nets.epoch(2), 1);
    Nets.layers(new Adam(lr(OneCycleLR.builder(0.035).totalSteps(9).cycleMomentum(false).build())))
        .fit(Nets.epoch(2), 1);
    Nets.init(
            Nets.settings(new Sgd(0.1))
                .regularization(List.of(new WeightDecay(lr(cycle(0.036)), true)))
                .list(Nets.dense(Nets.INPUTS, 3), Nets.output(3))
                .build())
        .fit(Nets.epoch(2), 1);
    assertThat(log.all()).isEmpty();
  }

  @Test
  void buildsTheUpdaterWithRateAndMomentumInOneCall() {
    Schedule cycle = cycle(0.037);
    TorchSchedule lr = lr(cycle);
    TorchSchedule momentum = TorchSchedule.momentum(cycle, 0.9, ScheduleType.ITERATION);
    assertThat(
            TorchSchedule.updater(
                new TorchSGD(0.1).withNesterovMomentum(0.9), cycle, ScheduleType.ITERATION))
        .isEqualTo(new TorchSGD(lr).withNesterovMomentum(momentum));
    assertThat(
            TorchSchedule.updater(
                new TorchSGD(0.1).withMomentum(0.9, 0.2), cycle, ScheduleType.ITERATION))
        .isEqualTo(new TorchSGD(lr).withMomentum(momentum, 0.2));
    assertThat(TorchSchedule.updater(new TorchAdam(0.1), cycle, ScheduleType.ITERATION))
        .isEqualTo(new TorchAdam(lr).withBeta1(momentum));
    Nesterovs base = new Nesterovs(0.1, 0.9);
    Nesterovs nesterovs = TorchSchedule.updater(base, cycle, ScheduleType.ITERATION);
    assertThat(base).isEqualTo(new Nesterovs(0.1, 0.9));
    assertThat(nesterovs.getLearningRate(7, 0)).isEqualTo(lr.valueAt(7, 0));
    assertThat(nesterovs.currentMomentum(7, 0)).isEqualTo(momentum.valueAt(7, 0));
    assertThat(
            TorchSchedule.updater(new Adam(0.1), new StepLR(2), ScheduleType.EPOCH)
                .getLearningRate(9, 2))
        .isEqualTo(0.1 * 0.1, within(1e-18));
    Nets.layers(nesterovs).fit(Nets.epoch(2), 1);
    assertThat(log.all()).isEmpty();
  }

  private static void assertRefused(IUpdater updater, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.updater(updater, cycle(0.1), ScheduleType.ITERATION))
        .withMessage(message);
  }

  @Test
  void refusesAnUpdaterThatCannotFollow() {
    assertRefused(
        new Adam(0.1),
        "OneCycleLR is to cycle the momentum, but the Adam cannot read one from a schedule; build it"
            + " with cycleMomentum(false), or cycle beta1 by attaching it to"
            + " NetworkParamGroups.of(net) and stepping it with a SchedulerListener");
    TorchSGD plain = new TorchSGD(0.1);
    assertRefused(
        plain,
        "OneCycleLR is to cycle the momentum, but the TorchSGD has none that is fixed and can be"
            + " cycled: "
            + plain
            + "; give it one, or build the definition with cycleMomentum(false)");
    Sgd scheduled = new Sgd(new MapSchedule.Builder(ScheduleType.EPOCH).add(0, 0.1).build());
    assertRefused(
        scheduled, "the Sgd must have a fixed learning rate to start from but is " + scheduled);
    assertRefused(
        new NoOp(), "the NoOp must have a fixed learning rate to start from but is " + new NoOp());
  }

  private static OneCycleLR cycle(int epochs, int stepsPerEpoch) {
    return OneCycleLR.builder(0.1)
        .epochs(epochs)
        .stepsPerEpoch(stepsPerEpoch)
        .cycleMomentum(false)
        .build();
  }

  @Test
  void refusesACycleWithStepsPerEpochThatIsSteppedByEpochs() {
    String message =
        "OneCycleLR has 20 steps an epoch, so it must be stepped after iterations and not after"
            + " epochs: use ";
    LRScheduler run = cycle(10, 20).attach(NetworkParamGroups.of(net));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerListener.everyEpoch(run))
        .withMessage(message + "SchedulerListener.everyIteration(run)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.lr(cycle(10, 20), 0.1, ScheduleType.EPOCH))
        .withMessage(message + "ScheduleType.ITERATION");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchSchedule.momentum(cycle(10, 20), 0.1, ScheduleType.EPOCH))
        .withMessage(message + "ScheduleType.ITERATION");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkSchedule.of(cycle(10, 20), ScheduleType.EPOCH))
        .withMessage(message + "ScheduleType.ITERATION");
    TorchSchedule.lr(cycle(10, 1), 0.1, ScheduleType.EPOCH);
  }

  @Test
  void warnsOfACycleThatNeverReachesItsPeakInTheIterationsThereAre() {
    net.addListeners(
        SchedulerListener.everyIteration(cycle(10, 20).attach(NetworkParamGroups.of(net))));
    net.fit(Nets.epoch(5), 3);
    assertThat(log.all())
        .containsExactly(
            LISTENER
                + "OneCycleLR was made for 20 steps an epoch, but the first epoch had 5: in 10"
                + " epochs it never reaches its highest rate, which is at step 59. Give it"
                + " stepsPerEpoch(5).");
  }

  @Test
  void warnsOfACycleThatEndsInATenthOfTheIterationsThereAre() {
    net.addListeners(
        SchedulerListener.everyIteration(cycle(20, 2).attach(NetworkParamGroups.of(net))));
    net.fit(Nets.epoch(20), 1);
    assertThat(log.all())
        .containsExactly(
            LISTENER
                + "OneCycleLR was made for 2 steps an epoch, but the first epoch had 20: in 20"
                + " epochs it ends after 40 of 400 steps. Give it stepsPerEpoch(20).");
  }

  private static OneCycleLR total(int totalSteps) {
    return OneCycleLR.builder(0.1).totalSteps(totalSteps).cycleMomentum(false).build();
  }

  @Test
  void warnsOfACycleByEpochsThatCountsTheIterationsOfTheLoop() {
    MultiLayerNetwork pulled =
        Nets.layers(new Sgd(TorchSchedule.lr(total(40), 0.1, ScheduleType.EPOCH)));
    String warning =
        "WARN "
            + EpochLoop.class.getName()
            + " - OneCycleLR has 40 steps, as many as 4 epochs of 10 iterations have, but makes one"
            + " an epoch: it never reaches its highest rate, which is at step 11. Use ";
    EpochLoop.of(pulled).fit(4, () -> Nets.fit(pulled, Nets.data(10)));
    assertThat(log.all()).containsExactly(warning + "ScheduleType.ITERATION.");
    EpochLoop.of(net, SchedulerListener.everyEpoch(total(40).attach(NetworkParamGroups.of(net))))
        .fit(4, () -> Nets.fit(net, Nets.data(10)));
    assertThat(log.all())
        .containsExactly(
            warning + "ScheduleType.ITERATION.",
            warning + "SchedulerListener.everyIteration(run).");
  }

  @Test
  void refusesToGoOnPastACycleThatWasCountedInEpochs() {
    String message =
        "OneCycleLR has 4 steps in all and was stepped past them: give as many as the training has"
            + " batches (or epochs, if stepped once an epoch)";
    net.addListeners(SchedulerListener.everyIteration(total(4).attach(NetworkParamGroups.of(net))));
    assertThatIllegalStateException()
        .isThrownBy(() -> net.fit(Nets.epoch(10), 4))
        .withMessage(message);
    MultiLayerNetwork pulled =
        Nets.layers(new Sgd(TorchSchedule.lr(total(4), 0.1, ScheduleType.ITERATION)));
    assertThatIllegalStateException()
        .isThrownBy(() -> pulled.fit(Nets.epoch(10), 4))
        .withMessage(message);
  }

  @Test
  void refusesToPullWhatIsPushedNamingTheCall() {
    NetworkParamGroups.of(net);
    NetworkSchedule halves = NetworkSchedule.of(new StepLR(1, 0.5), ScheduleType.EPOCH);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> halves.putInto(net))
        .withMessage(
            "the Sgd of layer0 must have a learning rate to start from but follows"
                + " NetworkParamGroups; give one to all updaters with withLr(lr)");
    halves.withLr(0.3).putInto(net);
    net.fit(Nets.epoch(1), 1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.15);
  }

  @Test
  void refusesToPushWhatIsPulledNamingTheCall() {
    TorchSchedule pulled = TorchSchedule.lr(new StepLR(1, 0.5), 0.1, ScheduleType.EPOCH);
    MultiLayerNetwork both = Nets.layers(new Sgd(pulled));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(both))
        .withMessage(
            "param group 0 must set the learning rate of layer0.W, but that follows "
                + pulled
                + "; to push one, first give it a fixed rate, with net.setLearningRate(lr)");
    both.setLearningRate(0.08);
    both.addListeners(SchedulerListener.everyEpoch(halves(both)));
    both.fit(Nets.epoch(1), 1);
    assertThat(both.getLearningRate(0)).isEqualTo(0.04);
  }

  @Test
  void refusesLayersThatTheNetworkDoesNotHave() {
    String layers = "layers must be some of [layer0, layer1, layer2] but were ";
    String call = ": name them as in NetworkParam.inLayers(\"layer0\")";
    var head = NetworkParam.inLayers("head", "neck");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NetworkParamGroups.of(net, head.negate(), head))
        .withMessage(layers + "[head, neck]" + call);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkParamGroups.builder(net).frozen(NetworkParam.inLayers("layer9")).build())
        .withMessage(layers + "[layer9]" + call);
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).frozen(NetworkParam.inLayers("layer0")).build();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.unfreeze(NetworkParam.inLayers("layer", "0"), 0.1))
        .withMessage(layers + "[layer, 0]" + call);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> NetworkParamGroups.of(Nets.graph(new Sgd(0.1)), NetworkParam.inLayers("z")))
        .withMessage(
            "layers must be some of [a, b, out] but were [z]: name them as in"
                + " NetworkParam.inLayers(\"a\")");
  }
}
