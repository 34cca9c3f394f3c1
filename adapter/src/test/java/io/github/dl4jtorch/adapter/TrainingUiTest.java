package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.deeplearning4j.core.storage.Persistable;
import org.deeplearning4j.core.storage.StatsStorage;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.ui.model.stats.StatsListener;
import org.deeplearning4j.ui.model.stats.api.StatsReport;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * DL4J's training UI shows the rates that the monitor notes and the updates used, if its listener
 * stands before those that push rates.
 */
class TrainingUiTest {

  private static final int ITERATIONS = 6;
  private static final Schedule CYCLE = OneCycleLR.builder(0.1).totalSteps(ITERATIONS).build();

  private final StatsStorage storage = new InMemoryStatsStorage();
  private final ParameterRates moved = new ParameterRates(1);

  /** Trains, with the UI's listener first or last. */
  private List<Map<String, Double>> shown(Model net, boolean isFirst, TrainingListener... others) {
    StatsListener ui = new StatsListener(storage, 1);
    if (isFirst) {
      Nets.addListeners(net, ui);
    }
    Nets.addListeners(net, others);
    Nets.addListeners(net, moved);
    if (!isFirst) {
      Nets.addListeners(net, ui);
    }
    Nets.fit(net, Nets.data(ITERATIONS));
    String session = storage.listSessionIDs().get(0);
    String worker = storage.listWorkerIDsForSession(session).get(0);
    return storage.getAllUpdatesAfter(session, StatsListener.TYPE_ID, worker, 0).stream()
        .map((Persistable update) -> ((StatsReport) update).getLearningRates())
        .toList();
  }

  private static MultiLayerNetwork partlyFrozen(IUpdater updater) {
    return Nets.init(
        Nets.settings(updater)
            .list(
                new FrozenLayer(Nets.dense(Nets.INPUTS, 4)),
                Nets.dense(4, 4),
                Nets.output(4, new Sgd(0.3)))
            .build());
  }

  @Test
  void showsAPulledRate() {
    TorchSchedule lr = TorchSchedule.lr(CYCLE, 0.1, ScheduleType.ITERATION);
    MultiLayerNetwork net = partlyFrozen(new Sgd(lr));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    List<Map<String, Double>> shown = shown(net, false, monitor);
    assertThat(shown).hasSize(ITERATIONS);
    for (int i = 0; i < ITERATIONS; i++) {
      assertThat(shown.get(i).get("1_W")).isEqualTo(monitor.lrs("layer1")[i]);
      assertThat(shown.get(i).get("2_b")).isEqualTo(monitor.lrs("layer2")[i]).isEqualTo(0.3);
      // DL4J shows the rate that a frozen layer would have; it stands still, and is in no series.
      assertThat(shown.get(i).get("0_W")).isEqualTo(monitor.lrs("layer1")[i]);
      assertThat(moved.of("1_W").get(i)).isCloseTo(shown.get(i).get("1_W"), within(1e-12));
      assertThat(moved.of("2_b").get(i)).isCloseTo(0.3, within(1e-12));
      assertThat(moved.of("0_W").get(i)).isZero();
    }
    assertThat(monitor.lrs("layer1"))
        .containsExactly(
            IntStream.range(0, ITERATIONS).mapToDouble(i -> lr.valueAt(i, 0)).toArray());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void showsAPushedRate(boolean isFirst) {
    MultiLayerNetwork net = partlyFrozen(new Sgd(0.02));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    LRScheduler run = new StepLR(2, 0.5).attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    List<Map<String, Double>> shown =
        shown(net, isFirst, monitor, SchedulerListener.everyIteration(run));
    for (int i = 0; i < ITERATIONS; i++) {
      assertThat(moved.of("1_W").get(i)).isCloseTo(monitor.lrs("param group 0")[i], within(1e-12));
    }
    // The UI's listener asks after the update: one that stands behind finds the next rate.
    int ahead = isFirst ? 0 : 1;
    for (int i = 0; i + ahead < ITERATIONS; i++) {
      assertThat(shown.get(i).get("1_W")).isEqualTo(monitor.lrs("param group 0")[i + ahead]);
      assertThat(shown.get(i).get("2_W")).isEqualTo(monitor.lrs("param group 1")[i + ahead]);
    }
  }

  /** What docs/seeing.md says of it. */
  @Test
  void theStorageCanNameGroups() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.02));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group("decayed", NetworkParam::isWeight)
            .lr(0.04)
            .group("biases", NetworkParam::isBias)
            .build();
    Map<String, String> groupOf = new HashMap<>();
    for (int group = 0; group < groups.size(); group++) {
      for (NetworkParam param : groups.params(group)) {
        int layer = net.getLayerNames().indexOf(param.layer());
        groupOf.put(layer + "_" + param.name(), groups.name(group));
      }
    }
    List<Map<String, Double>> shown = new ArrayList<>();
    StatsStorage named =
        new InMemoryStatsStorage() {
          @Override
          public void putUpdate(Persistable update) {
            StatsReport report = (StatsReport) update;
            Map<String, Double> lrs = new HashMap<>();
            report
                .getLearningRates()
                .forEach((param, lr) -> lrs.put(param + " (" + groupOf.get(param) + ")", lr));
            report.reportLearningRates(lrs);
            super.putUpdate(update);
            shown.add(((StatsReport) update).getLearningRates());
          }
        };
    net.setListeners(
        new StatsListener(named, 1),
        SchedulerListener.everyIteration(new StepLR(1, 0.5).attach(groups)));
    Nets.fit(net, Nets.data(2));
    assertThat(shown).hasSize(2);
    for (int layer = 0; layer < 3; layer++) {
      assertThat(shown.get(0))
          .containsEntry(layer + "_W (decayed)", 0.04)
          .containsEntry(layer + "_b (biases)", 0.02)
          .hasSize(6);
      assertThat(shown.get(1))
          .containsEntry(layer + "_W (decayed)", 0.02)
          .containsEntry(layer + "_b (biases)", 0.01)
          .hasSize(6);
    }
  }
}
