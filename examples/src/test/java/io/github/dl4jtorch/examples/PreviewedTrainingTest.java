package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.recipes.Recipe;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ScheduleType;

/** What is drawn is what a training uses, to the bit. */
class PreviewedTrainingTest {

  private static final int BATCHES = 4;
  private static final int EPOCHS = 5;

  @TempDir Path folder;

  private static DataSetIterator data() {
    List<DataSet> batches = new ArrayList<>();
    for (int i = 0; i < BATCHES; i++) {
      batches.add(
          new DataSet(Nd4j.ones(1, IrisData.FEATURES), Nd4j.ones(1, IrisData.SPECIES).divi(3)));
    }
    return new ListDataSetIterator<>(batches, 1);
  }

  private static Planned planned(String argument) throws IOException {
    Source source = new Sources(List.of(0.1), 0.9, null).read(argument).get(0);
    return Planned.of(
        source, source.groupNames(), source.isByEpoch() ? BATCHES : 1, EPOCHS * BATCHES);
  }

  private static void assertEqual(Planned planned, int group, double[] lrs, double[] momenta) {
    assertThat(lrs).hasSize(EPOCHS * BATCHES);
    for (int i = 0; i < lrs.length; i++) {
      assertThat(planned.lr(group, i)).as("rate of update %d", i).isEqualTo(lrs[i]);
      assertThat(planned.momentum(group, i)).as("momentum of update %d", i).isEqualTo(momenta[i]);
      int epochOrIteration = i / planned.updates();
      assertThat(planned.lrLines().get(group).y().get(2 * epochOrIteration)).isEqualTo(lrs[i]);
      assertThat(planned.lrLines().get(group).x().get(2 * epochOrIteration))
          .isEqualTo((double) (epochOrIteration * planned.updates()));
    }
  }

  private static final String TO_ZERO =
      "SequentialLR(schedulers=[ConstantLR(factor=1, total_iters=2), LinearLR(start_factor=0.3,"
          + " end_factor=0, total_iters=3)], milestones=[2])";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "OneCycleLR(max_lr=0.5, total_steps=20)",
        "CyclicLR(base_lr=0.01, max_lr=0.1, step_size_up=3)",
        "epoch:CosineAnnealingLR(T_max=5)",
        "CosineAnnealingWarmRestarts(T_0=3, T_mult=2)",
        TO_ZERO,
        "epoch:StepLR(step_size=2)"
      })
  void equalsATrainingThatPushes(String argument) throws IOException {
    Planned planned = planned(argument);
    MultiLayerNetwork net = SmallNetwork.with(new TorchSGD(0.1).withMomentum(0.9));
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    LRScheduler run = planned.simulation().schedule().attach(groups);
    net.addListeners(
        planned.updates() > 1
            ? SchedulerListener.everyEpoch(run)
            : SchedulerListener.everyIteration(run),
        monitor);
    net.fit(data(), EPOCHS);
    assertEqual(planned, 0, monitor.lrs("param group 0"), monitor.momenta("param group 0"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"OneCycleLR(max_lr=0.5, total_steps=20)", "epoch:StepLR(step_size=2)"})
  void equalsATrainingThatPulls(String argument) throws IOException {
    Planned planned = planned(argument);
    Schedule schedule = planned.simulation().schedule();
    MultiLayerNetwork net =
        SmallNetwork.with(
            TorchSchedule.updater(
                new TorchSGD(0.1).withMomentum(0.9),
                schedule,
                planned.updates() > 1 ? ScheduleType.EPOCH : ScheduleType.ITERATION));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
    net.addListeners(monitor);
    net.fit(data(), EPOCHS);
    assertEqual(planned, 0, monitor.lrs("all"), monitor.momenta("all"));
  }

  @Test
  void equalsATrainingByARecipe() throws IOException {
    Path file = folder.resolve("recipe.yaml");
    Files.writeString(
        file,
        """
        optimizer:
          type: AdamW
          lr: 0.01
          betas: [0.8, 0.99]
          param_groups:
          - {name: head, pattern: output, lr: 0.05}
          - {name: backbone}
        schedule:
          type: SequentialLR
          schedulers:
          - {type: LinearLR, start_factor: 0.1, total_iters: 4}
          - {type: CosineAnnealingLR, T_max: 16}
          milestones: [4]
        step: iteration
        """);
    Planned planned = planned(file.toString());
    MultiLayerNetwork net = SmallNetwork.with(new TorchSGD(1));
    var training = Recipe.read(file).on(net);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(training.groups());
    net.addListeners(monitor);
    net.fit(data(), EPOCHS);
    assertThat(planned.names()).containsExactly("head", "backbone").isEqualTo(monitor.names());
    for (int group = 0; group < 2; group++) {
      String name = planned.names().get(group);
      assertEqual(planned, group, monitor.lrs(name), monitor.momenta(name));
    }
  }
}
