package io.github.dl4jtorch.adapter.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Clipping, accumulation and label smoothing together, against a recorded PyTorch training. */
class FineTuningTest {

  private static final double TOLERANCE = 1e-10;

  /** What a training of ours had, batch by batch and step by step. */
  private static final class Recorded extends BaseTrainingListener {
    final List<Double> losses = new ArrayList<>();
    final List<Double> rates = new ArrayList<>();
    final List<Double> norms = new ArrayList<>();
    final List<Double> meanLosses = new ArrayList<>();
    private final LRScheduler run;
    private final GradientClipping clipping;
    private double penalty;

    Recorded(LRScheduler run, GradientClipping clipping) {
      this.run = run;
      this.clipping = clipping;
    }

    @Override
    public void onBackwardPass(Model model) {
      losses.add(model.score() - FineTuning.penalty(model));
    }

    @Override
    public void onGradientCalculation(Model model) {
      rates.add(run.paramGroups().get(0).lr());
      penalty = FineTuning.penalty(model); // Before the update.
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      norms.add(clipping.lastNorm());
      meanLosses.add(model.score() - penalty);
    }
  }

  private static void assertNear(List<Double> actual, double[] expected) {
    assertThat(actual).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual.get(i))
          .as("number %d", i)
          .isCloseTo(expected[i], within(TOLERANCE * Math.max(1, Math.abs(expected[i]))));
    }
  }

  /** PyTorch's script validates without label smoothing. */
  private static double plainLoss(Model net, DataSet data) {
    INDArray probabilities =
        net instanceof MultiLayerNetwork layers
            ? layers.output(data.getFeatures())
            : ((ComputationGraph) net).outputSingle(data.getFeatures());
    INDArray losses = Transforms.log(probabilities).muli(data.getLabels());
    return -losses.sumNumber().doubleValue() / data.numExamples();
  }

  private static double[] golden(FineTuning training, String key, int count) {
    return Arrays.copyOf(FineTuning.doubles(training.trace.required(key)), count);
  }

  @Test
  void followsPyTorchByFit() throws IOException {
    FineTuning training = new FineTuning();
    MultiLayerNetwork net = training.network();
    follows(
        training,
        net,
        6,
        listeners -> {
          net.addListeners(listeners);
          List<Double> validation = new ArrayList<>();
          for (int epoch = 0; epoch < 6; epoch++) {
            net.fit(new ListDataSetIterator<>(training.batches, 1));
            validation.add(plainLoss(net, training.validation));
          }
          return validation;
        });
  }

  /** A graph in a loop over single batches. */
  @Test
  void followsPyTorchByEpochLoop() throws IOException {
    FineTuning training = new FineTuning();
    ComputationGraph net = training.graph();
    follows(
        training,
        net,
        1,
        listeners -> {
          net.addListeners(listeners);
          EpochLoop.of(net).fit(1, () -> training.batches.forEach(net::fit));
          return List.of(plainLoss(net, training.validation));
        });
  }

  private static <N extends Model & NeuralNetwork> void follows(
      FineTuning training, N net, int epochs, Function<TrainingListener[], List<Double>> trained) {
    AccumulatedGradients gradients = GradientAccumulation.over(2).attach(net);
    LRScheduler run =
        new LambdaLR(step -> step < 14 ? step / 14 : (144 - step) / 130)
            .attach(NetworkParamGroups.of(net));
    GradientClipping clipping = GradientClipping.norm(1);
    Recorded recorded = new Recorded(run, clipping);
    List<Double> validation =
        trained.apply(
            new TrainingListener[] {clipping, recorded, SchedulerListener.everyIteration(run)});
    assertThat(gradients.pendingBatches()).isZero();
    assertThat(run.lastEpoch()).isEqualTo(24 * epochs);
    double[] losses = golden(training, "loss", 48 * epochs);
    assertNear(recorded.losses, losses);
    assertNear(recorded.norms, golden(training, "grad_norm", 24 * epochs));
    assertNear(validation, golden(training, "validation_loss", epochs));
    double[] meanLosses = new double[24 * epochs];
    double[] rates = new double[meanLosses.length];
    for (int step = 0; step < meanLosses.length; step++) {
      meanLosses[step] = (losses[2 * step] + losses[2 * step + 1]) / 2;
      rates[step] = training.trace.required("lr").get(step).get(0).doubleValue();
    }
    assertNear(recorded.meanLosses, meanLosses);
    assertNear(recorded.rates, rates);
  }
}
