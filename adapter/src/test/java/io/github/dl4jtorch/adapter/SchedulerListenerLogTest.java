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
          + " - an iteration outside of an epoch: fit(DataSet) raises no epoch events, so StepLR"
          + " makes no step. Give this listener to an EpochLoop that trains, or train with"
          + " fit(iterator); if you call its stepEpoch() at the end of each epoch, do not add it to"
          + " the network.";

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

  @Test
  void warnsAtTheFirstIterationThatNobodyTellsOfEpochs() {
    net.addListeners(everyEpoch());
    Nets.fit(net, Nets.data(1));
    assertThat(lines()).containsExactly(WARNING);
    Nets.fit(net, Nets.data(3));
    assertThat(lines()).containsExactly(WARNING);
  }

  @Test
  void warnsTooIfThereWereEpochsBefore() {
    net.addListeners(everyEpoch());
    net.fit(Nets.epoch(2), 2);
    assertThat(lines()).isEmpty();
    Nets.fit(net, Nets.data(1));
    assertThat(lines()).containsExactly(WARNING);
  }

  @Test
  void doesNotWarnWhoStepsAListenerThatIsOnNoNetwork() {
    SchedulerListener listener = everyEpoch();
    for (int epoch = 0; epoch < 3; epoch++) {
      Nets.fit(net, Nets.data(2));
      listener.stepEpoch();
    }
    assertThat(net.getLearningRate(0)).isEqualTo(0.005);
    assertThat(lines()).isEmpty();
  }

  @Test
  void doesNotWarnOfAnEpochLoopWhoseListenerIsOnTheNetworkToo() {
    SchedulerListener listener = everyEpoch();
    net.addListeners(listener);
    EpochLoop.of(net, listener).fit(3, () -> Nets.fit(net, Nets.data(2)));
    assertThat(net.getLearningRate(0)).isEqualTo(0.005);
    assertThat(lines()).isEmpty();
  }
}
