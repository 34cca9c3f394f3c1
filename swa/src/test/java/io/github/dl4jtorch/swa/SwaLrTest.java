package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** SWALR over the groups of a live network, by how far the parameters really move. */
class SwaLrTest {

  /** One example, so that the gradient is not divided by anything on its way. */
  private static final DataSet BATCH = Nets.data(1, 1).get(0);

  /** Weights in one group at a rate of 0.1, biases in another at 0.2. */
  private final MultiLayerNetwork net =
      Nets.net(
          Nets.settings().updater(new Sgd(0.1)).biasUpdater(new Sgd(0.2)),
          Nets.dense(3, 4),
          Nets.output(4));

  private final NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(net);
  private final Movement movement = new Movement();

  /** Notes by which multiple of its gradient a parameter moved. */
  private static final class Movement extends BaseTrainingListener {
    private INDArray before = Nd4j.empty();
    private INDArray gradient = Nd4j.empty();
    double[] rates = {};

    @Override
    public void onGradientCalculation(Model model) {
      before = model.params().dup();
      gradient = model.getGradientsViewArray().dup().reshape(before.length());
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      rates = before.sub(model.params()).div(gradient).toDoubleVector();
    }
  }

  /** Makes an update and returns the rates of the first weight and of the last bias. */
  private double[] used() {
    net.setListeners(movement);
    net.fit(BATCH);
    return new double[] {movement.rates[0], movement.rates[movement.rates.length - 1]};
  }

  private List<double[]> drive(LRScheduler run, int steps) {
    List<double[]> all = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      all.add(used());
      run.step();
    }
    return all;
  }

  private static void assertRates(List<double[]> actual, int group, double... expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual.get(i)[group]).as("step %d", i).isEqualTo(expected[i], within(1e-9));
    }
  }

  private static double cosine(double from, double to, double share) {
    double weight = (1 - Math.cos(Math.PI * share)) / 2;
    return to * weight + from * (1 - weight);
  }

  @Test
  void eachGroupAnnealsToItsOwnRate() {
    LRScheduler run = new SWALR(List.of(0.02, 0.6), 4, AnnealStrategy.LINEAR).attach(groups);
    List<double[]> used = drive(run, 7);
    assertRates(used, 0, 0.1, 0.08, 0.06, 0.04, 0.02, 0.02, 0.02);
    assertRates(used, 1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6);
  }

  @Test
  void startsWhereAnyOtherScheduleLeftTheRate() {
    LRScheduler before = new ExponentialLR(0.5).attach(groups);
    assertRates(drive(before, 3), 0, 0.1, 0.05, 0.025);
    LRScheduler run = new SWALR(0.05, 2, AnnealStrategy.COS).attach(groups);
    List<double[]> used = drive(run, 4);
    assertRates(used, 0, 0.0125, cosine(0.0125, 0.05, 0.5), 0.05, 0.05);
    assertRates(used, 1, 0.025, cosine(0.025, 0.05, 0.5), 0.05, 0.05);
  }

  @Test
  void isAMemberOfASequence() {
    Schedule cosine = new CosineAnnealingLR(8);
    Schedule both =
        new SequentialLR(List.of(cosine, new SWALR(0.05, 2, AnnealStrategy.LINEAR)), List.of(3));
    List<double[]> used = drive(both.attach(groups), 7);
    for (int group = 0; group < 2; group++) {
      double base = 0.1 * (group + 1);
      double last = cosine(base, 0, 2.0 / 8);
      assertRates(
          used, group, base, cosine(base, 0, 1.0 / 8), last, last, (last + 0.05) / 2, 0.05, 0.05);
    }
  }
}
