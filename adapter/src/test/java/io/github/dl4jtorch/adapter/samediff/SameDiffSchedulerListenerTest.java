package io.github.dl4jtorch.adapter.samediff;

import static io.github.dl4jtorch.adapter.samediff.SameDiffPullTest.assertThatParamsAreEqual;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Graphs;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ScheduleType;

/** Runs on the param group of a SameDiff graph, and the listener that steps them. */
class SameDiffSchedulerListenerTest {

  private static final int STEPS = 8;
  private static final OneCycleLR CYCLE = OneCycleLR.builder(0.02).totalSteps(STEPS).build();
  private static final ReduceLROnPlateau PLATEAU =
      ReduceLROnPlateau.builder().factor(0.5).patience(0).build();
  private static final List<DataSet> DATA = Nets.data(STEPS);

  private static LRScheduler run(Schedule definition, SameDiff sd) {
    return definition.attach(SameDiffParamGroups.of(sd));
  }

  private static double rate(SameDiff sd) {
    return sd.getTrainingConfig().getUpdater().getLearningRate(0, 0);
  }

  private static void assertThatRatesWere(Graphs.Movement movement, double... rates) {
    assertThat(movement.rates()).hasSize(rates.length);
    for (int iteration = 0; iteration < rates.length; iteration++) {
      assertThat(movement.rates().get(iteration)).isCloseTo(rates[iteration], within(1e-14));
    }
  }

  @Test
  void stepsAfterEachIteration() {
    OneCycleLR cycle = OneCycleLR.builder(0.02).totalSteps(STEPS).cycleMomentum(false).build();
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.fit(Graphs.epoch(3), 2, SameDiffSchedulerListener.everyIteration(run(cycle, sd)));
    LRScheduler loop = cycle.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
    assertThat(movement.rates()).hasSize(6);
    for (double rate : movement.rates()) {
      assertThat(rate).isCloseTo(loop.getLastLr()[0], within(1e-14));
      loop.step();
    }
  }

  @Test
  void stepsAfterSingleBatches() {
    SameDiff sd = Graphs.linear(new Sgd(0.04));
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.addListeners(SameDiffSchedulerListener.everyIteration(run(new StepLR(1, 0.5), sd)));
    Graphs.fit(sd, DATA.subList(0, 3));
    assertThatRatesWere(movement, 0.04, 0.02, 0.01);
  }

  @Test
  void stepsAfterEachEpoch() {
    SameDiff sd = Graphs.linear(new Sgd(0.04));
    Graphs.Movement movement = new Graphs.Movement(sd);
    SameDiffSchedulerListener listener =
        SameDiffSchedulerListener.everyEpoch(run(new StepLR(1, 0.5), sd));
    sd.addListeners(listener);
    sd.fit(Graphs.epoch(2), 2);
    // SameDiff then tells it twice of the same end.
    sd.fit(Graphs.epoch(2), 2, listener);
    assertThatRatesWere(movement, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01, 0.005, 0.005);
  }

  @Test
  void stepsByHandWhereNobodyTellsOfEpochs() {
    SameDiff sd = Graphs.linear(new Sgd(0.04));
    Graphs.Movement movement = new Graphs.Movement(sd);
    SameDiffSchedulerListener listener =
        SameDiffSchedulerListener.everyEpoch(run(new StepLR(1, 0.5), sd));
    sd.addListeners(listener);
    for (int epoch = 0; epoch < 2; epoch++) {
      Graphs.fit(sd, DATA.subList(0, 2));
      listener.stepEpoch();
    }
    assertThatRatesWere(movement, 0.04, 0.04, 0.02, 0.02);
    assertThat(rate(sd)).isEqualTo(0.01);
  }

  @Test
  void drivesTheMomentumOfNesterovs() {
    SameDiff sd = Graphs.linear(new Nesterovs(0.1, 0.9));
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.addListeners(SameDiffSchedulerListener.everyIteration(run(CYCLE, sd)));
    sd.fit(Graphs.epoch(STEPS - 1), 1);
    Graphs.fit(sd, DATA.subList(STEPS - 1, STEPS));
    SameDiffPullTest.assertThatStepsAreNesterovs(movement);
  }

  static Stream<IUpdater> withBeta1() {
    return Stream.of(
        new Adam(0.1), new AMSGrad(0.1), new Nadam(0.1), new AdaMax(0.1), new TorchAdamW(0.1));
  }

  /** A graph whose updater is set by hand before each batch takes the same way. */
  @ParameterizedTest
  @MethodSource("withBeta1")
  void drivesBeta1(IUpdater updater) {
    SameDiff sd = Graphs.linear(updater);
    SameDiff byHand = Graphs.linear(updater.clone());
    SameDiff withoutBeta = Graphs.linear(updater.clone());
    sd.addListeners(SameDiffSchedulerListener.everyIteration(run(CYCLE, sd)));
    ParamGroup group = ParamGroup.adam(0.1, 0.9);
    LRScheduler loop = CYCLE.attach(ParamGroups.of(group));
    for (DataSet batch : DATA) {
      for (SameDiff each : List.of(byHand, withoutBeta)) {
        each.getTrainingConfig().getUpdater().setLrAndSchedule(group.lr(), null);
      }
      UpdaterFields.setMomentum(byHand.getTrainingConfig().getUpdater(), group.momentum());
      byHand.fit(batch);
      withoutBeta.fit(batch);
      loop.step();
    }
    Graphs.fit(sd, DATA);
    assertThatParamsAreEqual(Graphs.params(sd), Graphs.params(byHand));
    assertThat(Graphs.params(sd).get("w")).isNotEqualTo(Graphs.params(withoutBeta).get("w"));
  }

  @Test
  void stepsAPlateauWithANumber() {
    SameDiff sd = Graphs.linear(new Sgd(0.04));
    Iterator<Double> losses = List.of(1.0, 0.9, Double.NaN, 0.95).iterator();
    Graphs.Movement movement = new Graphs.Movement(sd);
    List<SameDiff> seen = new ArrayList<>();
    sd.addListeners(
        SameDiffSchedulerListener.everyEpoch(
            run(PLATEAU, sd),
            graph -> {
              seen.add(graph);
              return losses.next();
            }));
    sd.fit(Graphs.epoch(1), 4);
    assertThatRatesWere(movement, 0.04, 0.04, 0.04, 0.02);
    assertThat(rate(sd)).isEqualTo(0.01);
    assertThat(seen).hasSize(4).allSatisfy(graph -> assertThat(graph).isSameAs(sd));
  }

  /** The loss of this graph falls, which a plateau of mode MAX takes for getting worse. */
  @Test
  void stepsAPlateauWithTheLossOnDataSetApart() {
    ReduceLROnPlateau rising =
        ReduceLROnPlateau.builder().mode(ReduceLROnPlateau.Mode.MAX).patience(1).build();
    SameDiff sd = Graphs.linear(new Sgd(0.04));
    SameDiffLoss loss = SameDiffLoss.on(Graphs.epoch(4));
    LRScheduler run = run(rising, sd);
    LRScheduler loop = rising.attach(ParamGroups.of(ParamGroup.sgd(0.04, 0)));
    sd.addListeners(SameDiffSchedulerListener.everyEpoch(run, loss));
    for (int epoch = 0; epoch < 5; epoch++) {
      sd.fit(Graphs.epoch(2), 1);
      loop.step(loss.applyAsDouble(sd));
      assertThat(run.stateDict()).isEqualTo(loop.stateDict());
      assertThat(rate(sd)).isEqualTo(loop.getLastLr()[0]);
    }
    assertThat(rate(sd)).isEqualTo(0.04 * 0.1 * 0.1);
  }

  @Test
  void leavesTheTrainingAsItIsWhenItEvaluates() {
    SameDiff sd = Graphs.linear(new Adam(0.04));
    SameDiff alone = Graphs.linear(new Adam(0.04));
    ReduceLROnPlateau patient = ReduceLROnPlateau.builder().patience(100).build();
    LRScheduler run = run(patient, sd);
    sd.addListeners(
        SameDiffSchedulerListener.everyEpoch(run, SameDiffLoss.on(Graphs.epoch(STEPS))));
    sd.fit(Graphs.epoch(3), 3);
    alone.fit(Graphs.epoch(3), 3);
    assertThatParamsAreEqual(Graphs.params(sd), Graphs.params(alone));
    assertThat(run.lastEpoch()).isEqualTo(3);
  }

  @Test
  void takesTurnsWithAnother() {
    SameDiff sd = Graphs.linear(new Sgd(0.04));
    ParamGroups groups = SameDiffParamGroups.of(sd);
    Graphs.Movement movement = new Graphs.Movement(sd);
    sd.addListeners(
        SameDiffSchedulerListener.everyIteration(new StepLR(1, 0.5).attach(groups)),
        SameDiffSchedulerListener.everyEpoch(new StepLR(1, 3).attach(groups)));
    sd.fit(Graphs.epoch(2), 2);
    assertThatRatesWere(movement, 0.04, 0.02, 0.03, 0.015);
  }

  static Stream<IUpdater> resumed() {
    return Stream.of(
        new Nesterovs(0.1, 0.9),
        new Adam(0.1),
        new AMSGrad(0.1),
        new TorchSGD(0.1).withMomentum(0.9),
        new TorchAdamW(0.1));
  }

  @ParameterizedTest
  @MethodSource("resumed")
  void goesOnInALoadedGraphAsIfNothingHadHappened(IUpdater updater) {
    SameDiff sd = Graphs.linear(updater);
    LRScheduler run = run(CYCLE, sd);
    sd.addListeners(SameDiffSchedulerListener.everyIteration(run));
    Graphs.fit(sd, DATA.subList(0, 3));
    SameDiff loaded = Graphs.restored(sd);
    assertThat(rate(loaded)).isEqualTo(rate(sd)).isEqualTo(run.getLastLr()[0]);
    LRScheduler resumed = run(CYCLE, loaded);
    resumed.loadStateDict(run.stateDict(), run.paramGroups().stateDict());
    loaded.addListeners(SameDiffSchedulerListener.everyIteration(resumed));
    Graphs.fit(sd, DATA.subList(3, STEPS));
    Graphs.fit(loaded, DATA.subList(3, STEPS));
    assertThatParamsAreEqual(Graphs.params(loaded), Graphs.params(sd));
    assertThat(resumed.stateDict()).isEqualTo(run.stateDict());
    assertThat(Graphs.params(sd).get("w")).doesNotContain(Double.NaN);
  }

  /** The second graph is at rate 0 from its very first update on, the first only later. */
  @ParameterizedTest
  @EnumSource
  void aRateOfZeroStopsAllVariablesWhileTheAveragesGoOn(UpdaterKind kind) {
    SameDiff sd = Graphs.linear(kind.at(0.02));
    ParamGroups groups = SameDiffParamGroups.of(sd);
    Graphs.fit(sd, DATA.subList(0, 2));
    Map<String, double[]> before = Graphs.params(sd);
    groups.get(0).setLr(0);
    Graphs.fit(sd, DATA.subList(2, 4));
    assertThatParamsAreEqual(Graphs.params(sd), before);
    sd.setListeners(); // Of which the next change of the rate takes care.
    groups.get(0).setLr(0.02);
    groups.get(0).setLr(0);
    Graphs.fit(sd, DATA.subList(4, 5));
    assertThatParamsAreEqual(Graphs.params(sd), before);
    groups.get(0).setLr(0.02);

    SameDiff byHand = Graphs.linear(kind.at(0.02));
    Graphs.fit(byHand, DATA.subList(0, 2));
    byHand.getTrainingConfig().getUpdater().setLrAndSchedule(0, null);
    Graphs.fit(byHand, DATA.subList(2, 5));
    before.forEach((name, values) -> assign(byHand, name, values));
    byHand.getTrainingConfig().getUpdater().setLrAndSchedule(0.02, null);
    Graphs.fit(sd, DATA.subList(5, 7));
    Graphs.fit(byHand, DATA.subList(5, 7));
    assertThatParamsAreEqual(Graphs.params(sd), Graphs.params(byHand));
    assertThat(Graphs.params(sd).get("w")).isNotEqualTo(before.get("w"));

    SameDiff fresh = Graphs.linear(kind.at(0.02));
    Map<String, double[]> initial = Graphs.params(fresh);
    SameDiffParamGroups.of(fresh).get(0).setLr(0);
    Graphs.fit(fresh, DATA.subList(0, 2));
    assertThatParamsAreEqual(Graphs.params(fresh), initial);
  }

  private static void assign(SameDiff sd, String name, double[] values) {
    SDVariable variable = sd.getVariable(name);
    variable.getArr().assign(Nd4j.createFromArray(values).reshape(variable.getArr().shape()));
  }

  @Test
  void aRateOfZeroStopsWeightDecayToo() {
    SameDiff sd = Graphs.linear(new Sgd(0.02));
    sd.getTrainingConfig().setRegularization(List.of(new WeightDecay(0.1, false)));
    SameDiffParamGroups.of(sd).get(0).setLr(0);
    Map<String, double[]> before = Graphs.params(sd);
    Graphs.fit(sd, DATA);
    assertThatParamsAreEqual(Graphs.params(sd), before);
  }

  @Test
  void goesOnExactlyBelowZeroWhileTheGraphGetsZero() {
    LinearLR definition = new LinearLR(1.0 / 3, 0, 10);
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    LRScheduler run = run(definition, sd);
    LRScheduler loop = definition.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
    for (int step = 0; step < 14; step++) {
      run.step();
      loop.step();
      assertThat(run.getLastLr()).isEqualTo(loop.getLastLr());
      assertThat(rate(sd)).isEqualTo(Math.max(0, loop.getLastLr()[0]));
    }
    assertThat(loop.getLastLr()[0]).isNegative();
  }

  @Test
  void refusesARateBelowZeroAndStaysAsItWas() {
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    LRScheduler run = run(new LambdaLR(EpochFunction.table(1, -0.5)), sd);
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "LambdaLR gives param group 0 a learning rate of -0.05 at epoch 1.0, and the optimizer"
                + " takes none below 0; nothing was changed");
    assertThat(rate(sd)).isEqualTo(0.1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> run.paramGroups().get(0).setLr(Double.NaN))
        .withMessage("lr must be finite but was NaN");
  }

  @Test
  void takesUpWhatOthersSet() {
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    LRScheduler run = run(new StepLR(1, 0.5), sd);
    sd.setTrainingConfig(Graphs.config(new Adam(0.4)));
    run.step();
    assertThat(rate(sd)).isEqualTo(0.2);
    Graphs.fit(sd, DATA.subList(0, 1));
    sd.getTrainingConfig().getUpdater().setLrAndSchedule(0.6, null);
    run.step();
    assertThat(rate(sd)).isEqualTo(0.3);
    sd.getTrainingConfig()
        .getUpdater()
        .setLrAndSchedule(0.6, TorchSchedule.lr(new StepLR(3), 0.1, ScheduleType.EPOCH));
    assertThatIllegalStateException()
        .isThrownBy(run::step)
        .withMessage(
            "param group 0 must set the learning rate of the SameDiff, but that follows"
                + " TorchSchedule.lr(StepLR[stepSize=3, gamma=0.1], 0.1, EPOCH); use one or the"
                + " other");
  }

  @Test
  void refusesAnUpdaterThatTheGraphDoesNotUse() {
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    Graphs.fit(sd, DATA.subList(0, 1));
    sd.setTrainingConfig(Graphs.config(new Sgd(0.3)));
    assertThatIllegalStateException()
        .isThrownBy(() -> SameDiffParamGroups.of(sd))
        .withMessage(
            "the updater of the training configuration was replaced after the training had begun,"
                + " so SameDiff does not use it: Sgd(learningRate=0.3, learningRateSchedule=null);"
                + " it uses Sgd(learningRate=0.1, learningRateSchedule=null)");
  }

  @Test
  void refusesAnUpdaterWithoutARateOfItsOwn() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffParamGroups.of(Graphs.linear(new AdaDelta())))
        .withMessage("the SameDiff must have an updater with a learning rate but has AdaDelta");
    TorchSchedule schedule = TorchSchedule.lr(new StepLR(3), 0.1, ScheduleType.EPOCH);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffParamGroups.of(Graphs.linear(new Adam(schedule))))
        .withMessage(
            "param group 0 must set the learning rate of the SameDiff, but that follows "
                + schedule
                + "; use one or the other");
    AdaGrad lost = new AdaGrad(schedule).clone();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffParamGroups.of(Graphs.linear(lost)))
        .withMessage("the learning rate of the SameDiff must be finite and >= 0 but was NaN");
  }

  @Test
  void refusesAGraphWithoutATrainingConfiguration() {
    assertThatIllegalStateException()
        .isThrownBy(() -> SameDiffParamGroups.of(SameDiff.create()))
        .withMessage(
            "the SameDiff must have a training configuration with an updater before its param"
                + " groups are made: call setTrainingConfig");
  }

  @Test
  void saysWhyAMomentumCannotBeCycled() {
    Nesterovs scheduled =
        new Nesterovs(0.1, TorchSchedule.momentum(CYCLE, 0.9, ScheduleType.ITERATION));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> run(CYCLE, Graphs.linear(scheduled)))
        .withMessage(
            "OneCycleLR is to cycle the momentum, but param group 0 has a momentum that follows a"
                + " schedule of its own; build it with cycleMomentum(false)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> run(CYCLE, Graphs.linear(new Sgd(0.1))))
        .withMessage(
            "OneCycleLR is to cycle the momentum, but param group 0 has neither momentum nor beta1;"
                + " build it with cycleMomentum(false)");
    assertThat(SameDiffParamGroups.of(Graphs.linear(new Adam(0.1))).get(0).momentumKind())
        .isEqualTo(MomentumKind.BETA1);
  }

  /** Before anything is changed. */
  @Test
  void refusesToBeCalledForAnotherGraph() {
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    Graphs.fit(sd, DATA.subList(0, 1));
    SameDiff copy = sd.dup();
    Map<String, double[]> before = Graphs.params(copy);
    String message =
        "this listener must be added only to the SameDiff whose param groups its run is on, but was"
            + " called for a copy or another one";
    SameDiffSchedulerListener listener =
        SameDiffSchedulerListener.everyIteration(run(new StepLR(1), sd));
    assertThatIllegalStateException()
        .isThrownBy(() -> copy.fit(DATA.get(0), listener))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> copy.fit(Graphs.epoch(1), 1, listener))
        .withMessage(message);
    assertThatParamsAreEqual(Graphs.params(copy), before);
    assertThat(rate(sd)).isEqualTo(0.1);
  }

  @Test
  void refusesARunThatNoGraphFollows() {
    LRScheduler run = new StepLR(1).attach(NetworkParamGroups.of(Nets.layers(new Sgd(0.1))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffSchedulerListener.everyIteration(run))
        .withMessage(
            "run must be attached to SameDiffParamGroups.of(sd) but is attached to other param"
                + " groups, which no SameDiff follows");
  }

  @Test
  void refusesAPlateauWithoutAMetricAndAMetricWithoutAPlateau() {
    SameDiff sd = Graphs.linear(new Sgd(0.1));
    LRScheduler plateau = run(PLATEAU, sd);
    LRScheduler steps = run(new StepLR(1), sd);
    String missing =
        "metric must be given for ReduceLROnPlateau: use SameDiffSchedulerListener.everyEpoch(run,"
            + " metric)";
    String unused =
        "metric must not be given for StepLR, which steps without: use"
            + " SameDiffSchedulerListener.everyEpoch(run)";
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffSchedulerListener.everyIteration(plateau))
        .withMessage(missing);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffSchedulerListener.everyEpoch(plateau))
        .withMessage(missing);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SameDiffSchedulerListener.everyEpoch(steps, graph -> 1))
        .withMessage(unused);
  }

  @Test
  void refusesToBeToldOfEpochsItDoesNotCount() {
    SameDiffSchedulerListener listener =
        SameDiffSchedulerListener.everyIteration(run(new StepLR(1), Graphs.linear(new Sgd(0.1))));
    assertThatIllegalStateException()
        .isThrownBy(listener::stepEpoch)
        .withMessage(
            "stepEpoch() must be called only on a SameDiffSchedulerListener.everyEpoch(..), but"
                + " this one steps after iterations");
  }

  @Test
  void warnsOfEpochsThatNobodyTellsOf() {
    PrintStream usual = System.err;
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
    try {
      SameDiff sd = Graphs.linear(new Sgd(1e-6));
      SameDiffSchedulerListener told =
          SameDiffSchedulerListener.everyEpoch(run(new LinearLR(0.5, 1, 5), sd));
      sd.addListeners(told, SameDiffSchedulerListener.everyEpoch(run(new StepLR(1), sd)));
      told.stepEpoch();
      for (int iteration = 0; iteration < 1001; iteration++) {
        sd.fit(DATA.get(0));
      }
    } finally {
      System.setErr(usual);
    }
    assertThat(log.toString(StandardCharsets.UTF_8).lines().filter(line -> line.contains("WARN")))
        .singleElement()
        .asString()
        .endsWith(
            "WARN io.github.dl4jtorch.adapter.samediff.SameDiffSchedulerListener - 1000 iterations without"
                + " an epoch: fit(DataSet) raises no epoch events, so StepLR makes no step. Call"
                + " stepEpoch() on this listener at the end of each epoch, or train with"
                + " fit(iterator, epochs).");
  }
}
