package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/** DL4J's Nesterovs, with its velocity rescaled, against PyTorch's SGD with Nesterov's momentum. */
class RescalingVelocityTest {

  private static final List<DataSet> DATA = Nets.data(12);

  private static IUpdater stock() {
    return new Nesterovs(0.01, 0.9);
  }

  private static IUpdater exact() {
    return new TorchSGD(0.01).withNesterovMomentum(0.9);
  }

  private static boolean isStock(MultiLayerNetwork net) {
    return net.getLayer(0).conf().getLayer().getUpdaterByParam("W") instanceof Nesterovs;
  }

  private static Schedule halving() {
    return new StepLR(2, 0.5);
  }

  private static double off(Model actual, Model expected) {
    double[] ours = Nets.params(actual);
    double[] theirs = Nets.params(expected);
    double off = 0;
    for (int i = 0; i < ours.length; i++) {
      off = Math.max(off, Math.abs(ours[i] - theirs[i]) / Math.abs(theirs[i]));
    }
    return off;
  }

  private static NetworkParamGroups groups(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? NetworkParamGroups.of(layers)
        : NetworkParamGroups.of((ComputationGraph) net);
  }

  private static <M extends Model> M trained(M net, Schedule schedule, boolean isRescaling) {
    SchedulerListener listener = SchedulerListener.everyIteration(schedule.attach(groups(net)));
    Nets.addListeners(net, isRescaling ? listener.rescalingVelocity() : listener);
    Nets.fit(net, DATA);
    return net;
  }

  @Test
  void followsPyTorchWhereTheRateChanges() {
    for (Schedule schedule : List.of(halving(), OneCycleLR.builder(0.05).totalSteps(13).build())) {
      Model exact = trained(Nets.layers(exact()), schedule, false);
      assertThat(off(trained(Nets.layers(stock()), schedule, true), exact)).isLessThan(1e-12);
      assertThat(off(trained(Nets.layers(stock()), schedule, false), exact)).isGreaterThan(1e-3);
      assertThat(off(trained(Nets.graph(stock()), schedule, true), exact(schedule)))
          .isLessThan(1e-12);
    }
  }

  private static Model exact(Schedule schedule) {
    return trained(Nets.graph(exact()), schedule, false);
  }

  @Test
  void hasNothingToDoAtOneRate() {
    Schedule constant = new LambdaLR(epoch -> 1.0);
    assertThat(Nets.params(trained(Nets.layers(stock()), constant, true)))
        .isEqualTo(Nets.params(trained(Nets.layers(stock()), constant, false)));
  }

  /** PyTorch's momentum buffer takes up gradients while the rate is 0. */
  @Test
  void goesOnAfterRatesOfZeroAsPyTorch() {
    for (List<Double> factors :
        List.of(
            List.of(1.0, 0.5, 0.0, 0.0, 0.25, 0.0, 0.5), List.of(0.0, 0.0, 0.5, 1.0, 0.0, 0.5))) {
      Schedule schedule =
          new LambdaLR(epoch -> factors.get(Math.min((int) epoch, factors.size() - 1)));
      assertThat(
              off(
                  trained(Nets.layers(stock()), schedule, true),
                  trained(Nets.layers(exact()), schedule, false)))
          .isLessThan(1e-12);
    }
  }

  @Test
  void keepsAVelocityForEachGroup() {
    MultiLayerNetwork[] nets = {Nets.layers(stock()), Nets.layers(exact())};
    for (MultiLayerNetwork net : nets) {
      NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
      groups.get(1).setLr(0.02);
      LRScheduler run =
          new LambdaLR(
                  List.<DoubleUnaryOperator>of(
                      epoch -> Math.pow(0.7, epoch),
                      epoch -> epoch == 3 ? 0.0 : 1.0,
                      epoch -> Math.pow(1.1, epoch)))
              .attach(groups);
      SchedulerListener listener = SchedulerListener.everyIteration(run);
      net.addListeners(isStock(net) ? listener.rescalingVelocity().verbose() : listener);
      Nets.fit(net, DATA);
    }
    assertThat(off(nets[0], nets[1])).isLessThan(1e-12);
  }

  @Test
  void stepsByEpochWithAnyListenerOfTheRun() {
    MultiLayerNetwork[] nets = {Nets.layers(stock()), Nets.layers(exact())};
    for (MultiLayerNetwork net : nets) {
      SchedulerListener listener =
          SchedulerListener.everyEpoch(new StepLR(1, 0.3).attach(NetworkParamGroups.of(net)));
      net.addListeners(
          isStock(net) ? listener.rescalingVelocity().withInterval(2) : listener.withInterval(2));
      net.fit(Nets.epoch(3), 6);
    }
    assertThat(off(nets[0], nets[1])).isLessThan(1e-12);
  }

  @Test
  void goesOnInARestoredNetwork() throws Exception {
    MultiLayerNetwork exact = trained(Nets.layers(exact()), halving(), false);
    MultiLayerNetwork stock = trained(Nets.layers(stock()), halving(), true);
    // The last step has changed the rate, and the velocity is still at the one before.
    MultiLayerNetwork restored = Nets.restored(Nets.restored(stock));
    NetworkParamGroups.of(restored);
    restored = Nets.restored(restored);
    trained(restored, halving(), true);
    Nets.fit(exact, DATA);
    Nets.fit(stock, DATA);
    assertThat(off(stock, exact)).isLessThan(1e-12);
    assertThat(off(restored, exact)).isLessThan(1e-12);
  }

  /** Ways to stop a training and to take it up again, with the run attached to groups made anew. */
  private enum Way {
    CHECKPOINT {
      @Override
      LRScheduler resumed(MultiLayerNetwork net, LRScheduler run, Path folder) throws Exception {
        Path file = folder.resolve("training.zip");
        CheckpointWriter.of(net).with("run", run).save(file);
        return TrainingCheckpoint.load(file).run("run");
      }
    },
    MODEL_SERIALIZER {
      @Override
      LRScheduler resumed(MultiLayerNetwork net, LRScheduler run, Path folder) throws Exception {
        return loaded(Nets.restored(net), run);
      }
    },
    NETWORK_COPY {
      @Override
      LRScheduler resumed(MultiLayerNetwork net, LRScheduler run, Path folder) {
        return loaded(NetworkCopy.of(net), run);
      }
    };

    abstract LRScheduler resumed(MultiLayerNetwork net, LRScheduler run, Path folder)
        throws Exception;

    private static LRScheduler loaded(MultiLayerNetwork net, LRScheduler run) {
      LRScheduler loaded = run.schedule().attach(NetworkParamGroups.perLayer(net));
      loaded.loadStateDict(run.stateDict(), run.paramGroups().stateDict());
      return loaded;
    }
  }

  private static void rescale(LRScheduler run) {
    ((Model) ((NetworkParamGroups) run.paramGroups()).network())
        .addListeners(SchedulerListener.everyIteration(run).rescalingVelocity());
  }

  /** A warm-up from 0, saved at every moment of it. */
  @ParameterizedTest
  @EnumSource
  void goesOnToTheBitFromAnyMoment(Way way, @TempDir Path folder) throws Exception {
    for (int saved = 0; saved <= 6; saved++) {
      MultiLayerNetwork net = Nets.layers(new Nesterovs(0.05, 0.9));
      LRScheduler run =
          new LambdaLR(EpochFunction.table(0, 0, 0, 0.1, 0.5, 0, 1))
              .attach(NetworkParamGroups.perLayer(net));
      rescale(run);
      Nets.fit(net, DATA.subList(0, saved));
      LRScheduler resumed = way.resumed(net, run, folder);
      MultiLayerNetwork other =
          (MultiLayerNetwork) ((NetworkParamGroups) resumed.paramGroups()).network();
      rescale(resumed);
      for (int batch = saved; batch < DATA.size(); batch++) {
        Nets.fit(net, DATA.subList(batch, batch + 1));
        Nets.fit(other, DATA.subList(batch, batch + 1));
        assertThat(Nets.params(other))
            .as("saved after %d, now after %d", saved, batch + 1)
            .isEqualTo(Nets.params(net));
      }
    }
  }

  /** What was frozen at a rate of 0 comes back with the rate that its velocity has. */
  @Test
  void goesOnToTheBitWhereItWasFrozenAtARateOfZero() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.05, 0.9));
    NetworkParamGroups all = NetworkParamGroups.perLayer(net);
    rescale(new LambdaLR(EpochFunction.table(1, 1, 0)).attach(all));
    Nets.fit(net, DATA.subList(0, 4));
    net.setListeners();
    Predicate<NetworkParam> last = NetworkParam.inLayers("layer2");
    NetworkParamGroups.builder(net).group(last).frozen(last.negate()).build();
    Nets.fit(net, DATA.subList(0, 2));
    MultiLayerNetwork restored = Nets.restored(net);
    for (MultiLayerNetwork each : List.of(net, restored)) {
      NetworkParamGroups groups =
          NetworkParamGroups.builder(each).group(last).frozen(last.negate()).build();
      rescale(new LambdaLR(epoch -> 1.0).attach(groups.unfreeze(last.negate(), 0.02)));
      Nets.fit(each, DATA.subList(4, DATA.size()));
    }
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));

    MultiLayerNetwork exact = Nets.layers(new TorchSGD(0.05).withNesterovMomentum(0.9));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(exact);
    SchedulerListener listener =
        SchedulerListener.everyIteration(new LambdaLR(EpochFunction.table(1, 1, 0)).attach(groups));
    exact.addListeners(listener);
    Nets.fit(exact, DATA.subList(0, 4));
    exact.setListeners();
    NetworkParamGroups later =
        NetworkParamGroups.builder(exact).group(last).frozen(last.negate()).build();
    Nets.fit(exact, DATA.subList(0, 2));
    later.unfreeze(last.negate(), 0.02);
    Nets.fit(exact, DATA.subList(4, DATA.size()));
    assertThat(off(net, exact)).isLessThan(1e-10);
  }

  @Test
  void goesOnInGroupsThatAreMadeAnew() {
    MultiLayerNetwork[] nets = {Nets.layers(stock()), Nets.layers(exact())};
    for (MultiLayerNetwork net : nets) {
      trained(net, halving(), isStock(net)).setListeners();
      SchedulerListener listener =
          SchedulerListener.everyIteration(halving().attach(NetworkParamGroups.perLayer(net)));
      net.addListeners(isStock(net) ? listener.rescalingVelocity() : listener);
      Nets.fit(net, DATA);
    }
    assertThat(off(nets[0], nets[1])).isLessThan(1e-12);
  }

  @Test
  void takesUpANetworkThatWasTrainedWithoutGroups() {
    MultiLayerNetwork[] nets = {Nets.layers(stock()), Nets.layers(exact())};
    for (MultiLayerNetwork net : nets) {
      Nets.fit(net, DATA);
      trained(net, OneCycleLR.builder(0.05).totalSteps(13).build(), isStock(net));
    }
    assertThat(off(nets[0], nets[1])).isLessThan(1e-12);
  }

  @Test
  void followsARateThatWasSetByHand() {
    MultiLayerNetwork[] nets = {Nets.layers(stock()), Nets.layers(exact())};
    for (MultiLayerNetwork net : nets) {
      trained(net, halving(), isStock(net));
      net.setLearningRate(0.03);
      Nets.fit(net, DATA);
    }
    assertThat(off(nets[0], nets[1])).isLessThan(1e-12);
  }

  @Test
  void refusesGroupsWithoutAVelocity() {
    LRScheduler run = halving().attach(NetworkParamGroups.of(Nets.layers(new Adam(0.01))));
    assertThatThrownBy(() -> SchedulerListener.everyIteration(run).rescalingVelocity())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "rescalingVelocity() needs a param group with DL4J's Nesterovs, but there is none");
  }
}
