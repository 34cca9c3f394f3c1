package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.learning.config.Sgd;

/** What is logged; the binding for tests writes it to the standard error stream. */
class SchedulerListenerLogTest {

  private static final String LOGGER = SchedulerListener.class.getName();
  private static final String WARNING =
      "WARN "
          + LOGGER
          + " - 1000 iterations without an epoch: fit(DataSet) raises no epoch events, so StepLR"
          + " makes no step. Give this listener to an EpochLoop that trains, or call its stepEpoch()"
          + " at the end of each epoch, or train with fit(iterator).";

  private final PrintStream usual = System.err;
  private final ByteArrayOutputStream log = new ByteArrayOutputStream();
  private final MultiLayerNetwork net = Nets.layers(new Sgd(0.04));
  private final NetworkParamGroups groups = NetworkParamGroups.perLayer(net);

  @BeforeEach
  void listen() {
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setErr(usual);
  }

  /** Returns the lines of the listeners, without the thread's name before them. */
  private List<String> lines() {
    return log.toString(StandardCharsets.UTF_8)
        .lines()
        .filter(line -> line.contains(LOGGER))
        .map(line -> line.replaceFirst("^\\[[^]]*] ", ""))
        .toList();
  }

  @Test
  void tellsOfEveryChangeWhenAsked() {
    LRScheduler run = new MultiStepLR(List.of(2, 3), 0.5).attach(groups);
    groups.get(1).setLr(0.2);
    net.addListeners(SchedulerListener.everyIteration(run).verbose());
    Nets.fit(net, Nets.data(2));
    String change =
        "INFO "
            + LOGGER
            + " - iteration 2 done: MultiStepLR changed the learning rate of param group ";
    assertThat(lines())
        .containsExactly(
            change + "0 from 0.04 to 0.02",
            change + "1 from 0.2 to 0.1",
            change + "2 from 0.04 to 0.02");
  }

  @Test
  void countsEpochs() {
    LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyEpoch(run).verbose().withInterval(2));
    net.fit(Nets.epoch(1), 3);
    assertThat(lines())
        .containsExactly(
            "INFO "
                + LOGGER
                + " - epoch 2 done: StepLR changed the learning rate of param group 0 from 0.04 to"
                + " 0.02");
  }

  @Test
  void isSilentOtherwise() {
    net.addListeners(SchedulerListener.everyIteration(new StepLR(1, 0.5).attach(groups)));
    Nets.fit(net, Nets.data(2));
    assertThat(lines()).isEmpty();
  }

  private SchedulerListener everyEpoch() {
    return SchedulerListener.everyEpoch(new StepLR(1, 0.5).attach(groups));
  }

  /** Tells a listener what {@code fit(DataSet)} tells it. */
  private void fit(SchedulerListener listener, int batches) {
    for (int batch = 0; batch < batches; batch++) {
      listener.iterationDone(net, batch, 0);
    }
  }

  @Test
  void warnsOnceThatNobodyTellsOfEpochs() {
    SchedulerListener listener = everyEpoch();
    net.addListeners(listener);
    Nets.fit(net, Nets.data(2));
    fit(listener, 997);
    assertThat(lines()).isEmpty();
    fit(listener, 1);
    assertThat(lines()).containsExactly(WARNING);
    fit(listener, 2001);
    assertThat(lines()).containsExactly(WARNING);
  }

  @Test
  void doesNotWarnOfLongEpochs() {
    SchedulerListener listener = everyEpoch();
    listener.onEpochStart(net);
    fit(listener, 1500);
    listener.onEpochEnd(net);
    fit(listener, 10);
    net.addListeners(listener);
    net.fit(Nets.epoch(1), 1);
    fit(listener, 995);
    assertThat(lines()).isEmpty();
  }

  @Test
  void doesNotWarnWhoStepsByHand() {
    SchedulerListener listener = everyEpoch();
    fit(listener, 600);
    listener.stepEpoch();
    fit(listener, 1100);
    assertThat(lines()).isEmpty();
  }

  @Test
  void doesNotWarnWhoStepsTheRun() {
    LRScheduler run = new StepLR(1, 0.5).attach(groups);
    SchedulerListener listener = SchedulerListener.everyEpoch(run);
    fit(listener, 600);
    run.step();
    fit(listener, 600);
    assertThat(lines()).isEmpty();
  }
}
