package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.fixtures.Nets;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
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
