package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.LayerKind;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.ParameterRates;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;

/** Runs on some of the groups, and groups that come later. */
class LaterGroupsTest {

  private static final Predicate<NetworkParam> FIRST = NetworkParam.inLayers("layer0", "a");
  private static final Predicate<NetworkParam> SECOND = NetworkParam.inLayers("layer1", "b");
  private static final Predicate<NetworkParam> THIRD = NetworkParam.inLayers("layer2", "out");

  private static List<Double> rates(NetworkParamGroups groups) {
    return groups.stream().map(ParamGroup::lr).toList();
  }

  @Test
  void eachGroupMayFollowAScheduleOfItsOwn() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    NetworkParamGroups outer = groups.only(2, 0);
    LRScheduler halving = new StepLR(1, 0.5).attach(outer);
    LRScheduler slow = new ExponentialLR(0.9).attach(groups.only(1));
    ParameterRates seen = new ParameterRates(1);
    net.addListeners(
        SchedulerListener.everyIteration(halving),
        SchedulerListener.everyIteration(slow).withInterval(2),
        seen);
    assertThat(outer.params(0)).hasToString("[layer2.W, layer2.b]");
    assertThat(outer.get(1)).isSameAs(groups.get(0));
    Nets.fit(net, Nets.data(5));
    for (int i = 0; i < 5; i++) {
      double half = 0.1 * Math.pow(0.5, i);
      int slowSteps = i / 2;
      double slowly = 0.1 * Math.pow(0.9, slowSteps);
      for (String param : seen.params()) {
        double expected = param.startsWith("1") ? slowly : half;
        assertThat(seen.of(param).get(i)).as(param).isCloseTo(expected, within(1e-12));
      }
    }
    assertThat(rates(groups)).containsExactly(0.003125, 0.1 * 0.9 * 0.9, 0.003125);
  }

  @Test
  void aPlateauMayWatchOneGroupAlone() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
    LRScheduler plateau =
        ReduceLROnPlateau.builder().patience(0).factor(0.5).build().attach(groups.only(0));
    net.addListeners(SchedulerListener.everyIteration(plateau, (Model model) -> 1.0));
    Nets.fit(net, Nets.data(3));
    assertThat(rates(groups)).containsExactly(0.025, 0.1, 0.1);
  }

  @Test
  void rescalingConcernsOnlyTheGroupsOfItsRun() {
    List<MultiLayerNetwork> nets = new ArrayList<>();
    for (boolean both : new boolean[] {true, false}) {
      MultiLayerNetwork net = Nets.layers(new Nesterovs(0.01, 0.8));
      NetworkParamGroups groups = NetworkParamGroups.perLayer(net);
      SchedulerListener first =
          SchedulerListener.everyIteration(new ExponentialLR(0.5).attach(groups.only(0, 1)));
      SchedulerListener second =
          SchedulerListener.everyIteration(new ExponentialLR(0.5).attach(groups.only(2)));
      net.addListeners(both ? first.rescalingVelocity() : first, second.rescalingVelocity());
      // The first update is the same in both, and brings the velocities to their own rates.
      Nets.fit(net, Nets.data(3));
      nets.add(net);
    }
    assertThat(nets.get(0).getLayer(0).params().toDoubleVector())
        .isNotEqualTo(nets.get(1).getLayer(0).params().toDoubleVector());
    MultiLayerNetwork plain = Nets.layers(new Nesterovs(0.01, 0.8));
    LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.perLayer(plain).only(2));
    assertThat(SchedulerListener.everyIteration(run).rescalingVelocity()).isNotNull();
    MultiLayerNetwork mixed =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(Nets.dense(Nets.INPUTS, 4, new Nesterovs(0.1)), Nets.output(4))
                .build());
    SchedulerListener ofSgd =
        SchedulerListener.everyIteration(
            new ExponentialLR(0.5).attach(NetworkParamGroups.perLayer(mixed).only(1)));
    assertThatThrownBy(ofSgd::rescalingVelocity)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "rescalingVelocity() needs a param group with DL4J's Nesterovs, but there is none");
  }

  @Test
  void onlyRefusesGroupsThatAreNotThereOrTwice() {
    NetworkParamGroups groups = NetworkParamGroups.perLayer(Nets.layers(new Sgd(0.1)));
    assertThatThrownBy(() -> groups.only(1, 3))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("group must be >= 0 and < 3 but was 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.only(1, 1))
        .withMessage("group must not be among the param groups already but is group 0");
    assertThatIllegalArgumentException()
        .isThrownBy(groups::only)
        .withMessage("groups must hold at least one param group but was []");
    assertThatThrownBy(() -> groups.only(2).params(1))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("group must be >= 0 and < 1 but was 1");
  }

  /** The state moves along: as if the groups had been there from the start, with the same rates. */
  @ParameterizedTest
  @EnumSource
  void anAddedGroupGoesOnWithItsState(UpdaterKind kind) {
    ComputationGraph net = Nets.graph(kind.at(0.02));
    Nets.fit(net, Nets.data(4));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(THIRD).frozen(THIRD.negate()).build();
    NetworkParamGroups two = groups.unfreeze(FIRST, 0.03);
    NetworkParamGroups three = two.unfreeze(SECOND, 0.04);
    assertThat(Nets.blocks(net)).isEqualTo(3);
    Nets.fit(net, Nets.data(4));
    ComputationGraph reference = Nets.graph(kind.at(0.02));
    Nets.fit(reference, Nets.data(4));
    NetworkParamGroups layers = NetworkParamGroups.perLayer(reference);
    layers.get(0).setLr(0.03);
    layers.get(1).setLr(0.04);
    Nets.fit(reference, Nets.data(4));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(reference)).doesNotContain(Double.NaN);
    assertThat(
            net.getUpdater().getStateViewArray() == null
                ? new double[0]
                : net.getUpdater().getStateViewArray().toDoubleVector())
        .isEqualTo(
            reference.getUpdater().getStateViewArray() == null
                ? new double[0]
                : reference.getUpdater().getStateViewArray().toDoubleVector());
    assertThat(three.params(0)).hasToString("[out.W, out.b]");
    assertThat(three.params(1)).hasToString("[a.W, a.b]");
    assertThat(three.params(2)).hasToString("[b.W, b.b]");
    assertThat(rates(three)).containsExactly(0.02, 0.03, 0.04);
    assertThat(groups).hasSize(1);
    assertThat(two).hasSize(2);
  }

  /** What PyTorch's schedulers do with a group that comes later differs from class to class. */
  @Test
  void runsThatWereThereDriveTheGroupsTheyWereAttachedTo() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(THIRD).frozen(THIRD.negate()).build();
    LRScheduler lambda = new LambdaLR(epoch -> 1 / (epoch + 1)).attach(groups);
    LRScheduler step = new StepLR(2, 0.5).attach(groups);
    ParameterRates seen = new ParameterRates(1);
    net.addListeners(SchedulerListener.everyIteration(lambda), seen);
    Nets.fit(net, Nets.data(2));
    NetworkParamGroups more = groups.unfreeze(SECOND, 0.04);
    LRScheduler own = new ExponentialLR(0.5).attach(more.only(1));
    net.addListeners(SchedulerListener.everyIteration(own));
    Nets.fit(net, Nets.data(2));
    NetworkParamGroups all = more.unfreeze(FIRST, 0.01);
    Nets.fit(net, Nets.data(1));
    step.step();
    assertThat(rates(all)).containsExactly(0.1 / 6, 0.005, 0.01);
    assertThat(lambda.getLastLr()).hasSize(1);
    assertThat(seen.of("0_W")).startsWith(0.0, 0.0, 0.0, 0.0);
    assertThat(seen.of("0_W").get(4)).isCloseTo(0.01, within(1e-12));
    assertThat(seen.of("1_b")).startsWith(0.0, 0.0);
    for (int i = 0; i < 5; i++) {
      assertThat(seen.of("2_W").get(i)).isCloseTo(0.1 * (1.0 / (i + 1)), within(1e-12));
      if (i > 1) {
        assertThat(seen.of("1_W").get(i)).isCloseTo(0.04 * Math.pow(0.5, i - 2), within(1e-12));
      }
    }
    // A run for all of them, from what they are at.
    LRScheduler together = new StepLR(1, 0.1).attach(all);
    together.step();
    assertThat(together.getLastLr()).hasSize(3);
  }

  @Test
  void aGroupMayBeAddedWhileNothingWasTrained() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(THIRD).frozen(THIRD.negate()).build();
    NetworkParamGroups all = groups.unfreeze(THIRD.negate(), 0.1);
    LRScheduler run = OneCycleLR.builder(0.2).totalSteps(10).build().attach(all);
    net.addListeners(SchedulerListener.everyIteration(run));
    MultiLayerNetwork reference = Nets.layers(new Adam(0.1));
    NetworkParamGroups same = NetworkParamGroups.of(reference);
    reference.addListeners(
        SchedulerListener.everyIteration(
            OneCycleLR.builder(0.2).totalSteps(10).build().attach(same)));
    Nets.fit(net, Nets.data(6));
    Nets.fit(reference, Nets.data(6));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(reference));
  }

  @Test
  void theGroupsComeBackAfterSaving() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    Nets.fit(net, Nets.data(2));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(THIRD).frozen(THIRD.negate()).build();
    Nets.fit(net, Nets.data(2));
    groups.unfreeze(SECOND, 0.1);
    Nets.fit(net, Nets.data(2));
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(Nets.blocks(restored)).isEqualTo(3);
    NetworkParamGroups again =
        NetworkParamGroups.builder(restored).group(THIRD).group(SECOND).frozen(FIRST).build();
    double[] frozen = restored.getLayer(0).params().toDoubleVector();
    Nets.fit(net, Nets.data(3));
    Nets.fit(restored, Nets.data(3));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
    assertThat(restored.getLayer(0).params().toDoubleVector()).isEqualTo(frozen);
    // Freezing more, next to what was frozen before saving, keeps the blocks apart as well.
    again.get(1).setLr(0.05);
    NetworkParamGroups.builder(restored).group(THIRD).frozen(THIRD.negate()).build();
    MultiLayerNetwork twice = Nets.restored(restored);
    assertThat(Nets.blocks(twice)).isEqualTo(3);
    assertThat(twice.updaterState()).isEqualTo(restored.updaterState());
    NetworkParamGroups all = NetworkParamGroups.perLayer(twice);
    assertThat(rates(all)).containsExactly(0.1, 0.05, 0.1);
  }

  @Test
  void whatIsFrozenLaterStaysApartFromWhatWasFrozenBefore() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    Nets.fit(net, Nets.data(2));
    NetworkParamGroups.builder(net).group(FIRST).group(THIRD).frozen(SECOND).build();
    Nets.fit(net, Nets.data(2));
    NetworkParamGroups.builder(net).group(THIRD).frozen(FIRST).frozen(SECOND).build();
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(Nets.blocks(restored)).isEqualTo(3);
    NetworkParamGroups.perLayer(net);
    NetworkParamGroups.perLayer(restored);
    Nets.fit(net, Nets.data(3));
    Nets.fit(restored, Nets.data(3));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
  }

  @Test
  void theRateOfAVelocityIsSavedAlsoRightAfterAGroupWasAdded() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Nesterovs(0.02, 0.8));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(THIRD).frozen(THIRD.negate()).build();
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    net.addListeners(SchedulerListener.everyIteration(run).rescalingVelocity());
    Nets.fit(net, Nets.data(2));
    groups.unfreeze(THIRD.negate(), 0.01);
    Nets.fit(net, Nets.data(1));
    MultiLayerNetwork restored = Nets.restored(net);
    NetworkParamGroups again =
        NetworkParamGroups.builder(restored).group(THIRD).group(THIRD.negate()).build();
    LRScheduler resumed = new ExponentialLR(0.5).attach(again.only(0));
    resumed.loadStateDict(run.stateDict(), groups.stateDict());
    restored.addListeners(SchedulerListener.everyIteration(resumed).rescalingVelocity());
    Nets.fit(net, Nets.data(3));
    Nets.fit(restored, Nets.data(3));
    assertThat(Nets.params(restored)).isEqualTo(Nets.params(net));
  }

  @Test
  void addRefusesWhatIsNotFrozenAndLeavesAllAsItWas() {
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).group(FIRST).group(SECOND).frozen(THIRD).build();
    Nets.fit(net, Nets.data(2));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.unfreeze(FIRST.negate(), 0.1))
        .withMessage("layer1.W must be frozen to come into a new param group but is in 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.unfreeze(NetworkParam.inLayers("layer9"), 0.1))
        .withMessage(
            "layers must be some of [layer0, layer1, layer2] but were [layer9]: name them as in"
                + " NetworkParam.inLayers(\"layer0\")");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> groups.unfreeze(param -> false, 0.1))
        .withMessage(
            "a new param group must have a frozen parameter but selects none of [layer2.W,"
                + " layer2.b]");
    for (double lr : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> groups.unfreeze(THIRD, lr))
          .withMessage("lr must be finite and >= 0 but was " + lr);
    }
    assertThatThrownBy(() -> groups.add(ParamGroup.sgd(0.1, 0)))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage(
            "a param group of a network is made with unfreeze(selection, lr), which returns the groups"
                + " with the new one");
    assertThat(groups).hasSize(2);
    assertThat(groups.frozen()).hasToString("[layer2.W, layer2.b]");
    double[] before = net.getLayer(2).params().toDoubleVector();
    Nets.fit(net, Nets.data(1));
    assertThat(net.getLayer(2).params().toDoubleVector()).isEqualTo(before);
    assertThat(groups.unfreeze(THIRD, 0.2)).hasSize(3);
  }

  @Test
  void addRefusesWhatDl4jCannotUpdateApart() {
    for (Model net : LayerKind.BIDIRECTIONAL.networks(new Sgd(0.1), new Sgd(0.1))) {
      Predicate<NetworkParam> both = NetworkParam.inLayers("layer0", "a");
      NetworkParamGroups groups =
          net instanceof MultiLayerNetwork layers
              ? NetworkParamGroups.builder(layers).group(both.negate()).frozen(both).build()
              : NetworkParamGroups.builder((ComputationGraph) net)
                  .group(both.negate())
                  .frozen(both)
                  .build();
      String layer = net instanceof MultiLayerNetwork ? "layer0" : "a";
      assertThatIllegalArgumentException()
          .isThrownBy(() -> groups.unfreeze(both.and(param -> param.name().startsWith("b")), 0.3))
          .withMessage(
              "param group 1 and the frozen parameters part "
                  + layer
                  + ".fW from "
                  + layer
                  + ".bW, but DL4J has one updater for both: it can part only [LAYER.fb, LAYER.bb]"
                      .replace("LAYER", layer)
                  + " from [LAYER.fW, LAYER.fRW, LAYER.bW, LAYER.bRW]".replace("LAYER", layer));
      assertThat(groups.frozen()).hasSize(6);
      double[] before =
          net.paramTable().get(groupsLayer(net) + "_fW").dup().reshape(36).toDoubleVector();
      Nets.fit(net, List.of(LayerKind.BIDIRECTIONAL.batch()));
      assertThat(net.paramTable().get(groupsLayer(net) + "_fW").dup().reshape(36).toDoubleVector())
          .isEqualTo(before);
      assertThat(groups.unfreeze(both.and(NetworkParam::isBias), 0.3).params(1)).hasSize(2);
    }
  }

  private static String groupsLayer(Model net) {
    return net instanceof MultiLayerNetwork ? "0" : "a";
  }

  /** Every kind of layer may be frozen and unfrozen, weights and biases apart, but DL4J's own. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FROZEN_WITH_BACKPROP")
  void anyLayerMayBeUnfrozenByParts(LayerKind kind) {
    for (Model net : kind.networks(new Nesterovs(0.1, 0.5), new Nesterovs(0.1, 0.5))) {
      Predicate<NetworkParam> weight = NetworkParam::isWeight;
      NetworkParamGroups groups =
          net instanceof MultiLayerNetwork layers
              ? NetworkParamGroups.builder(layers).group(weight).frozen(weight.negate()).build()
              : NetworkParamGroups.builder((ComputationGraph) net)
                  .group(weight)
                  .frozen(weight.negate())
                  .build();
      ParameterRates seen = new ParameterRates(2);
      Nets.addListeners(net, seen);
      Nets.fit(net, List.of(kind.batch()));
      NetworkParamGroups all = groups.unfreeze(weight.negate(), 0.2);
      Nets.fit(net, List.of(kind.batch()));
      for (NetworkParam param : all.params(1)) {
        String index =
            param.layer().startsWith("layer") ? param.layer().substring(5) : param.layer();
        List<Double> rates = seen.of(index + "_" + param.name());
        assertThat(rates.get(0)).as("%s of %s", param, kind).isZero();
        // The first step of a Nesterovs is (1 + momentum) lr.
        assertThat(rates.get(1)).as("%s of %s", param, kind).isCloseTo(0.3, within(1e-10));
      }
    }
  }
}
