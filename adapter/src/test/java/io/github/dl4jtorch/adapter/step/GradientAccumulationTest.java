package io.github.dl4jtorch.adapter.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.step.GradientAccumulation.Remainder;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import java.io.ByteArrayOutputStream;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

class GradientAccumulationTest {

  /** Notes what a listener is told. */
  private static final class Told extends BaseTrainingListener {
    final List<String> events = new ArrayList<>();
    final List<Double> scores = new ArrayList<>();

    @Override
    public void onEpochEnd(Model model) {
      events.add("end");
    }

    @Override
    public void onGradientCalculation(Model model) {
      events.add("gradient");
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      events.add(iteration + "/" + epoch);
      scores.add(model.score());
    }
  }

  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  private static <N extends Model & NeuralNetwork> N net(boolean isGraph, double lr) {
    return (N) (isGraph ? Nets.graph(new Sgd(lr)) : Nets.layers(new Sgd(lr)));
  }

  private static void assertClose(INDArray actual, INDArray expected) {
    assertThat(actual.toDoubleVector()).containsExactly(expected.toDoubleVector(), within(1e-13));
  }

  /** Returns the gradient of a batch, the mean over its examples. */
  private static INDArray gradient(boolean isGraph, DataSet batch) {
    return GradientClippingTest.step(net(isGraph, 1), batch);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void makesOneStepOfSeveralBatches(boolean isGraph) {
    List<DataSet> data = Nets.data(6);
    List<DataSet> batches =
        List.of(data.get(0), DataSet.merge(data.subList(1, 4)), DataSet.merge(data.subList(4, 6)));
    INDArray mean =
        gradient(isGraph, batches.get(0))
            .add(gradient(isGraph, batches.get(1)))
            .add(gradient(isGraph, batches.get(2)))
            .div(3);
    makesOneStep(net(isGraph, 0.5), batches, GradientAccumulation.over(3), mean.mul(0.5));
    makesOneStep(net(isGraph, 0.5), batches, GradientAccumulation.over(3).summed(), mean.mul(1.5));
  }

  private static <N extends Model & NeuralNetwork> void makesOneStep(
      N net, List<DataSet> batches, GradientAccumulation accumulation, INDArray expected) {
    AccumulatedGradients gradients = accumulation.attach(net);
    Told told = new Told();
    net.addListeners(told);
    INDArray before = net.params().dup();
    double scores = 0;
    for (int i = 0; i < 2; i++) {
      Nets.fit(net, batches.subList(i, i + 1));
      scores += net.score();
      assertThat(Nets.params(net)).containsExactly(before.toDoubleVector());
      assertThat(gradients.pendingBatches()).isEqualTo(i + 1);
      assertThat(told.events).isEmpty();
    }
    Nets.fit(net, batches.subList(2, 3));
    assertClose(before.sub(net.params()), expected);
    assertThat(gradients.pendingBatches()).isZero();
    assertThat(told.events).containsExactly("gradient", "0/0");
    scores += batchScore(batches.get(2), before);
    assertThat(told.scores.get(0)).isEqualTo(net.score()).isCloseTo(scores / 3, within(1e-13));
  }

  private static double batchScore(DataSet batch, INDArray params) {
    MultiLayerNetwork layers = Nets.layers(new Sgd(1));
    layers.setParams(params);
    return layers.score(batch, true);
  }

  /** The state of Adam, and its count, stand between two steps, whatever was attached when. */
  @Test
  void leavesTheUpdatersStateBetweenSteps() {
    MultiLayerNetwork net = Nets.layers(new TorchAdam(0.01));
    net.fit(Nets.data(1).get(0));
    double[] state = net.updaterState().toDoubleVector();
    GradientAccumulation.over(2).attach(net);
    assertThat(net.updaterState().toDoubleVector()).containsExactly(state);
    net.fit(Nets.data(2).get(1));
    assertThat(net.updaterState().toDoubleVector()).containsExactly(state);
    assertThat(net.getIterationCount()).isEqualTo(1);
    net.fit(Nets.data(2).get(1));
    MultiLayerNetwork plain = Nets.layers(new TorchAdam(0.01));
    plain.fit(Nets.data(1).get(0));
    plain.fit(Nets.data(2).get(1));
    assertThat(Nets.params(net)).containsExactly(Nets.params(plain));
    assertThat(net.updaterState().toDoubleVector())
        .containsExactly(plain.updaterState().toDoubleVector());
  }

  @Test
  void overOneIsAsWithout() {
    MultiLayerNetwork plain = Nets.layers(new TorchAdam(0.01));
    MultiLayerNetwork net = Nets.layers(new TorchAdam(0.01));
    GradientAccumulation.over(1).attach(net);
    plain.fit(Nets.epoch(5), 2);
    net.fit(Nets.epoch(5), 2);
    assertThat(Nets.params(net)).containsExactly(Nets.params(plain));
    assertThat(net.getIterationCount()).isEqualTo(10);
  }

  @Test
  void movesRunningStatisticsWithEveryBatch() {
    DataSet batch = GradientClippingTest.BATCH;
    MultiLayerNetwork plain = GradientClippingTest.normalized();
    plain.fit(batch);
    MultiLayerNetwork net = GradientClippingTest.normalized();
    AccumulatedGradients gradients = GradientAccumulation.over(3).attach(net);
    net.fit(batch);
    for (String statistic : List.of("1_mean", "1_var")) {
      assertThat(net.getParam(statistic).toDoubleVector())
          .containsExactly(plain.getParam(statistic).toDoubleVector());
    }
    net.fit(batch);
    double[] mean = net.getParam("1_mean").toDoubleVector();
    assertThat(mean[0]).isCloseTo(1.9 * plain.getParam("1_mean").getDouble(0), within(1e-13));
    double[] weights = net.getParam("2_b").dup().toDoubleVector();
    gradients.endEpoch();
    assertThat(net.getParam("1_mean").toDoubleVector()).containsExactly(mean);
    assertThat(net.getParam("2_b").toDoubleVector()).isNotEqualTo(weights);
  }

  @Test
  void makesAStepOfTheRemainder() {
    Told told = remainder(Remainder.STEP, 2, 6, 0);
    assertThat(told.events)
        .containsExactly(
            "gradient",
            "0/0",
            "gradient",
            "1/0",
            "gradient",
            "2/0",
            "end",
            "gradient",
            "3/1",
            "gradient",
            "4/1",
            "gradient",
            "5/1",
            "end");
  }

  @Test
  void dropsTheRemainder() {
    Told told = remainder(Remainder.DROP, 2, 4, 0);
    assertThat(told.events)
        .containsExactly(
            "gradient",
            "0/0",
            "gradient",
            "1/0",
            "end",
            "gradient",
            "2/1",
            "gradient",
            "3/1",
            "end");
  }

  @Test
  void carriesTheRemainder() {
    Told told = remainder(Remainder.CARRY, 2, 5, 0);
    assertThat(told.events)
        .containsExactly(
            "gradient",
            "0/0",
            "gradient",
            "1/0",
            "end",
            "gradient",
            "2/1",
            "gradient",
            "3/1",
            "gradient",
            "4/1",
            "end");
    remainder(Remainder.CARRY, 3, 7, 1);
  }

  /** Trains for epochs of five batches, two a step, in three ways. */
  private static Told remainder(Remainder remainder, int epochs, int steps, int pending) {
    GradientAccumulation accumulation = GradientAccumulation.over(2).withRemainder(remainder);
    MultiLayerNetwork byFit = Nets.layers(new Sgd(0.01));
    AccumulatedGradients gradients = accumulation.attach(byFit);
    Told told = new Told();
    byFit.addListeners(told);
    byFit.fit(Nets.epoch(5), epochs);
    assertThat(byFit.getIterationCount()).isEqualTo(steps);
    assertThat(gradients.pendingBatches()).isEqualTo(pending);
    MultiLayerNetwork byLoop = Nets.layers(new Sgd(0.01));
    accumulation.attach(byLoop);
    EpochLoop.of(byLoop).fit(epochs, () -> Nets.data(5).forEach(byLoop::fit));
    assertThat(Nets.params(byLoop)).containsExactly(Nets.params(byFit));
    assertThat(byLoop.getIterationCount()).isEqualTo(steps);
    ComputationGraph byHand = Nets.graph(new Sgd(0.01));
    byHand.setParams(Nets.layers(new Sgd(0.01)).params());
    AccumulatedGradients own = accumulation.attach(byHand);
    for (int epoch = 0; epoch < epochs; epoch++) {
      Nets.data(5).forEach(byHand::fit);
      own.endEpoch();
    }
    assertThat(Nets.params(byHand)).containsExactly(Nets.params(byFit), within(1e-13));
    assertThat(byHand.getIterationCount()).isEqualTo(steps);
    return told;
  }

  /** The last batch of five is divided by two, as loss / 2 is in PyTorch. */
  @Test
  void dividesTheRemainderAsAFullStep() {
    DataSet batch = Nets.data(1).get(0);
    MultiLayerNetwork net = Nets.layers(new Sgd(1));
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach(net);
    INDArray before = net.params().dup();
    net.fit(batch);
    gradients.endEpoch();
    assertClose(before.sub(net.params()), gradient(false, batch).div(2));
    gradients.endEpoch();
    assertThat(net.getIterationCount()).isEqualTo(1);
  }

  @Test
  void goesByAFunctionOfStepsOrBatches() {
    MultiLayerNetwork bySteps = Nets.layers(new Sgd(0.01));
    List<Integer> pending = new ArrayList<>();
    AccumulatedGradients gradients =
        GradientAccumulation.over((step, batch) -> step < 2 ? 1 : 3).attach(bySteps);
    for (DataSet batch : Nets.data(8)) {
      bySteps.fit(batch);
      pending.add(gradients.pendingBatches());
    }
    assertThat(pending).containsExactly(0, 0, 1, 2, 0, 1, 2, 0);
    // As YOLOv5 does: max(1, round(interp(ni, [0, 8], [1, 4]))), a step if ni - last >= that
    MultiLayerNetwork byBatches = Nets.layers(new Sgd(0.01));
    List<Integer> steps = new ArrayList<>();
    GradientAccumulation.over(
            (step, batch) -> (int) Math.max(1, Math.rint(1 + 3 * Math.min(batch, 8) / 8.0)))
        .summed()
        .withRemainder(Remainder.CARRY)
        .attach(byBatches);
    for (DataSet batch : Nets.data(16)) {
      byBatches.fit(batch);
      steps.add(byBatches.getIterationCount());
    }
    assertThat(steps).containsExactly(yolov5(16));
    MultiLayerNetwork wrong = Nets.layers(new Sgd(0.01));
    GradientAccumulation.over((step, batch) -> 1 - batch).attach(wrong);
    wrong.fit(Nets.data(1).get(0));
    assertThatThrownBy(() -> wrong.fit(Nets.data(1).get(0)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("batches must be >= 1 in every step but was 0 in step 1 after 1 batches");
  }

  private static Integer[] yolov5(int batches) {
    Integer[] steps = new Integer[batches];
    int last = -1;
    int count = 0;
    for (int ni = 0; ni < batches; ni++) {
      double accumulate = Math.max(1, Math.rint(1 + 3 * Math.min(ni, 8) / 8.0));
      if (ni - last >= accumulate) {
        last = ni;
        count++;
      }
      steps[ni] = count;
    }
    return steps;
  }

  /** Pushed and pulled rates, and the monitor, see steps alone. */
  @Test
  void schedulesGoBySteps() {
    MultiLayerNetwork pushed = Nets.layers(new TorchSGD(0.1));
    GradientAccumulation.over(3).attach(pushed);
    LRScheduler run = new ExponentialLR(0.5).attach(NetworkParamGroups.of(pushed));
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(pushed);
    pushed.addListeners(SchedulerListener.everyIteration(run), monitor);
    MultiLayerNetwork pulled =
        Nets.layers(
            new TorchSGD(TorchSchedule.lr(new ExponentialLR(0.5), 0.1, ScheduleType.ITERATION)));
    GradientAccumulation.over(3).attach(pulled);
    pushed.fit(Nets.epoch(6), 2);
    pulled.fit(Nets.epoch(6), 2);
    assertThat(run.lastEpoch()).isEqualTo(4);
    assertThat(monitor.lrs("all")).containsExactly(0.1, 0.05, 0.025, 0.0125);
    assertThat(monitor.iterations()).containsExactly(0, 1, 2, 3);
    assertThat(Nets.params(pulled)).containsExactly(Nets.params(pushed));
  }

  @Test
  void countsSegmentsOfTruncatedBackpropagation() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new LSTM.Builder().nIn(3).nOut(4).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(4)
                        .nOut(2)
                        .activation(Activation.IDENTITY)
                        .build())
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTForwardLength(2)
                .tBPTTBackwardLength(2)
                .build());
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach(net);
    GradientClipping clipping = GradientClipping.norm(1e-3);
    net.addListeners(clipping);
    INDArray before = net.params().dup();
    DataSet sequences =
        new DataSet(
            Nd4j.linspace(0, 1, 3 * 3 * 6, before.dataType()).reshape(3, 3, 6),
            Nd4j.linspace(1, 2, 3 * 2 * 6, before.dataType()).reshape(3, 2, 6));
    net.fit(sequences);
    assertThat(net.getIterationCount()).isEqualTo(1);
    assertThat(gradients.pendingBatches()).isEqualTo(1);
    double norm = clipping.lastNorm();
    assertThat(before.sub(net.params()).norm2Number().doubleValue())
        .isCloseTo(0.1 * 1e-3 * norm / (norm + 1e-6), within(1e-15));
  }

  @Test
  void refusesWhatItCannotBeRightFor() throws InterruptedException {
    assertThatThrownBy(() -> GradientAccumulation.over(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("batches must be >= 1 but was 0");
    assertThatThrownBy(
            () ->
                GradientAccumulation.over(2)
                    .attach(new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(1)))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must be initialised before it accumulates gradients: call net.init()");
    MultiLayerNetwork lbfgs =
        Nets.init(
            Nets.settings(new Sgd(1))
                .optimizationAlgo(OptimizationAlgorithm.LBFGS)
                .list(Nets.output(Nets.INPUTS))
                .build());
    assertThatThrownBy(() -> GradientAccumulation.over(2).attach(lbfgs))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the network's optimizationAlgo must be STOCHASTIC_GRADIENT_DESCENT for gradients to be"
                + " accumulated but was LBFGS");
    MultiLayerNetwork net = Nets.layers(new Sgd(1));
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach(net);
    assertThatThrownBy(() -> GradientAccumulation.over(2).attach(net))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the network accumulates gradients already");
    DataSet batch = Nets.data(1).get(0);
    assertThat(GradientClippingTest.inWorker(() -> net.fit(batch)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "ParallelWrapper trains copies of the network, which do not accumulate gradients: train"
                + " without it, or give its workers greater batches");
    net.setListeners(new Told(), gradients);
    assertThatThrownBy(() -> net.fit(batch))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "AccumulatedGradients must stay the first of the network's listeners, since a step may"
                + " be due before others hear of the end of an epoch: use addListeners, or give it"
                + " to setListeners first");
    net.setListeners(gradients, new Told());
    MultiLayerNetwork clone = net.clone();
    clone.setListeners(gradients);
    assertThatThrownBy(() -> clone.fit(batch))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "AccumulatedGradients must be a listener only of the network that they are attached to,"
                + " but were called for a copy or another network");
    net.clear();
    assertThatThrownBy(() -> net.fit(batch))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network has got another optimizer, as clear() gives it one, so that gradients are"
                + " no longer accumulated: take this listener away and attach the"
                + " GradientAccumulation again");
    assertThatThrownBy(
            () -> new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(gradients))
        .isInstanceOf(NotSerializableException.class)
        .hasMessage(
            "AccumulatedGradients are only those of a network that trains in this JVM; Spark's"
                + " workers train copies, which do not accumulate: give them greater batches");
  }
}
