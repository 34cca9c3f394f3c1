package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.samediff.SameDiffParamGroups;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/** What is refused has changed no group: all values are asked of the updaters before a write. */
class WholeWritesTest {

  private static CyclicLR cycle(double base, double max) {
    return CyclicLR.builder(0.01, 0.1).stepSizeUp(2).baseMomentum(base).maxMomentum(max).build();
  }

  private static void assertUntouched(
      MultiLayerNetwork net, ParamGroups groups, ThrowingCallable call, Class<?> type, String why) {
    List<Map<String, Object>> values = groups.stateDict();
    MultiLayerNetwork asBefore = NetworkCopy.of(net);
    NetworkParamGroups.perLayer(asBefore);
    assertThatThrownBy(call).isExactlyInstanceOf(type).hasMessage(why);
    assertThat(groups.stateDict()).isEqualTo(values);
    Nets.fit(net, Nets.data(2));
    Nets.fit(asBefore, Nets.data(2));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(asBefore));
  }

  @Test
  void attachRefusesABetaBeforeItSetsARate() {
    for (IUpdater updater : List.of(new TorchAdam(0.02), new Adam(0.02))) {
      MultiLayerNetwork net = Nets.layers(updater);
      NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
      assertUntouched(
          net,
          groups,
          () -> cycle(0.8, 1.0).attach(groups),
          ArithmeticException.class,
          "CyclicLR gives param group 0 a momentum of 1.0 at epoch 0.0, but beta1 must be >= 0 and"
              + " < 1; nothing was changed");
    }
  }

  @Test
  void attachRefusesAMomentumOfALaterGroup() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Nesterovs(0.02, 0.9))
                .list(Nets.dense(Nets.INPUTS, 4), Nets.output(4, new TorchAdam(0.02)))
                .build());
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    assertUntouched(
        net,
        groups,
        () -> cycle(0.8, 1.5).attach(groups),
        ArithmeticException.class,
        "CyclicLR gives param group 1 a momentum of 1.5 at epoch 0.0, but beta1 must be >= 0 and"
            + " < 1; nothing was changed");
  }

  @Test
  void stepInTheMiddleOfAFitIsRefusedWhole() {
    for (IUpdater updater :
        List.of(
            new TorchAdam(0.02),
            new Nesterovs(0.02, 0.9),
            new TorchSGD(0.02).withNesterovMomentum(0.9))) {
      String range =
          updater instanceof TorchAdam
              ? "beta1 must be >= 0 and < 1"
              : "momentum must be finite and >= 0";
      MultiLayerNetwork net = Nets.layers(updater);
      NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
      LRScheduler run = cycle(-0.5, 0.75).attach(groups);
      net.addListeners(SchedulerListener.everyIteration(run));
      Nets.fit(net, Nets.data(1));
      Map<String, Object> state = run.stateDict();
      List<Map<String, Object>> values = groups.stateDict();
      assertThat(groups.get(0).momentum()).isEqualTo(0.125);
      assertThatThrownBy(() -> Nets.fit(net, Nets.data(1)))
          .isExactlyInstanceOf(ArithmeticException.class)
          .hasMessage(
              "CyclicLR gives param group 0 a momentum of -0.5 at epoch 2.0, but "
                  + range
                  + "; nothing was changed");
      assertThat(run.stateDict()).isEqualTo(state);
      assertThat(groups.stateDict()).isEqualTo(values);
    }
  }

  @Test
  void loadStateDictRefusesABetaAsMalformed() {
    MultiLayerNetwork net = Nets.layers(new TorchAdam(0.02));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    run.step();
    Map<String, Object> state = run.stateDict();
    run.step();
    Map<String, Object> present = run.stateDict();
    List<Map<String, Object>> wrong = groups.stateDict();
    wrong.forEach(group -> group.put("lr", 0.3));
    wrong.get(2).put("betas", List.of(1.5, 0.999));
    String message = "param group 2: beta1 must be >= 0 and < 1 but was 1.5";
    assertUntouched(
        net, groups, () -> run.loadStateDict(state, wrong), MalformedDataException.class, message);
    assertThat(run.stateDict()).isEqualTo(present);
    assertUntouched(
        net, groups, () -> groups.loadStateDict(wrong), MalformedDataException.class, message);
  }

  @Test
  void builderRefusesAMomentumBeforeItPartsTheNetwork() {
    MultiLayerNetwork net = Nets.layers(new TorchAdam(0.02));
    Nets.fit(net, Nets.data(1));
    var first = NetworkParam.inLayers("layer0");
    assertThatThrownBy(
            () ->
                NetworkParamGroups.builder(net)
                    .group(first)
                    .lr(0.5)
                    .group(first.negate())
                    .momentum(1.5)
                    .build())
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("param group 1 is to have a momentum of 1.5, but beta1 must be >= 0 and < 1");
    assertThat(Nets.blocks(net)).isEqualTo(1);
    assertThat(net.getLearningRate(0)).isEqualTo(0.02);
  }

  @Test
  void setMomentumAsksToo() {
    NetworkParamGroups groups = NetworkParamGroups.of(Nets.layers(new Adam(0.02)));
    assertThatThrownBy(() -> groups.get(0).setMomentum(1))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("beta1 must be >= 0 and < 1 but was 1.0");
    assertThat(groups.get(0).momentum()).isEqualTo(0.9);
  }

  @Test
  void sameDiffIsAskedToo() {
    SameDiff sd = SameDiff.create();
    sd.var("w", DataType.DOUBLE, 2);
    sd.setTrainingConfig(
        new TrainingConfig.Builder()
            .updater(new TorchAdam(0.02))
            .skipBuilderValidation(true)
            .build());
    SameDiffParamGroups groups = SameDiffParamGroups.of(sd);
    assertThatThrownBy(() -> cycle(0.8, 1.0).attach(groups))
        .isExactlyInstanceOf(ArithmeticException.class)
        .hasMessage(
            "CyclicLR gives param group 0 a momentum of 1.0 at epoch 0.0, but beta1 must be >= 0"
                + " and < 1; nothing was changed");
    assertThat(groups.get(0).lr()).isEqualTo(0.02);
  }

  @Test
  void aDefinitionOfAnotherRunChangesNothing(@TempDir Path folder) throws Exception {
    MultiLayerNetwork net = Nets.layers(new Adam(0.02));
    Schedule lambda = new LambdaLR(epoch -> Math.pow(0.5, epoch));
    LRScheduler run = lambda.attach(NetworkParamGroups.perLayer(net));
    run.step();
    Path file = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("run", run).save(file);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.load(file);
    assertUntouched(
        NetworkCopy.of(checkpoint.network(MultiLayerNetwork.class)),
        checkpoint.groups("run"),
        () -> checkpoint.run("run", cycle(0.8, 0.9)),
        MalformedDataException.class,
        "state of CyclicLR: the state was saved with \"base_lrs\" [0.02, 0.02, 0.02] and this one has"
            + " [0.01, 0.01, 0.01]; to go on with another definition call runWith(\"run\", definition)");
    assertThat(checkpoint.run("run", lambda).stateDict()).isEqualTo(run.stateDict());
  }
}
