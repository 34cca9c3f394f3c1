package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/** How far a network is from a recording; the largest relative deviation of each kind of number. */
final class Followed {

  private static final double TOLERANCE = 1e-10;

  final Recording recording;
  double loss;
  double validation;
  double rates;
  double norms;
  final Comparison files = new Comparison();

  Followed(Recording recording) {
    this.recording = recording;
  }

  static double off(double actual, double expected) {
    return actual == expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
  }

  /** The same for arrays, relative to the largest element. */
  static double off(INDArray actual, INDArray expected) {
    double largest = expected.amaxNumber().doubleValue();
    double off = actual.sub(expected).amaxNumber().doubleValue();
    return largest == 0 ? off : off / largest;
  }

  static double penalty(NeuralNetwork net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.calcRegularizationScore(true)
        : ((ComputationGraph) net).calcRegularizationScore(true);
  }

  static double score(NeuralNetwork net, DataSet data) {
    return (net instanceof MultiLayerNetwork layers
            ? layers.score(data, false)
            : ((ComputationGraph) net).score(data, false))
        - penalty(net);
  }

  /** Makes an update, and compares the loss before it. */
  void fit(NeuralNetwork net, int iteration) {
    double penalty = penalty(net);
    DataSet batch = recording.batches.get(iteration % recording.batches.size());
    net.fit(batch);
    loss = Math.max(loss, off(((Model) net).score() - penalty, recording.loss(iteration)));
  }

  /** Compares the loss of each batch of a step. */
  void listenTo(Model net, int firstBatch) {
    net.addListeners(
        new BaseTrainingListener() {
          private int batch = firstBatch;

          @Override
          public void onBackwardPass(Model model) {
            double actual = model.score() - penalty((NeuralNetwork) model);
            loss = Math.max(loss, off(actual, recording.loss(batch++)));
          }
        });
  }

  void rate(int step, int group, double lr, double momentum) {
    rates = Math.max(rates, off(lr, recording.lr(step, group)));
    rates = Math.max(rates, off(momentum, recording.momentum(step, group)));
  }

  void norm(int step, double norm) {
    norms = Math.max(norms, off(norm, recording.gradNorm(step)));
  }

  void validate(NeuralNetwork net, int epoch) {
    double actual = score(net, recording.validation);
    validation = Math.max(validation, off(actual, recording.validationLoss(epoch)));
  }

  /** Returns what goes into the softmax for the first validation rows. */
  INDArray logits(NeuralNetwork net) {
    INDArray rows = recording.validation.getFeatures();
    int count = (int) recording.logits("final_logits").size(0);
    INDArray some = rows.get(org.nd4j.linalg.indexing.NDArrayIndex.interval(0, count)).dup();
    INDArray within;
    INDArray weight;
    INDArray bias;
    if (net instanceof MultiLayerNetwork layers) {
      List<INDArray> all = layers.feedForward(some, false);
      within = all.get(all.size() - 2);
      weight = layers.getLayer("fc").getParam("W");
      bias = layers.getLayer("fc").getParam("b");
    } else {
      ComputationGraph graph = (ComputationGraph) net;
      Map<String, INDArray> all = graph.feedForward(some, false);
      within = all.get("mean");
      weight = graph.getLayer("fc").getParam("W");
      bias = graph.getLayer("fc").getParam("b");
    }
    return within.dup('c').reshape('c', count, -1).mmul(weight).addRowVector(bias);
  }

  /** Checks all that was followed, and what is written at the end. */
  void check(String how, NeuralNetwork net, Dict written, Path folder) throws IOException {
    double logits = off(logits(net), recording.logits("final_logits"));
    Path file = folder.resolve("written.pt");
    TorchFile.write(file, written);
    double last = offFinal(TorchFile.read(file));
    System.out.printf(
        "%-13s %-28s loss %.1e, validation %.1e, rates %.1e, norms %.1e, logits %.1e, final.pt"
            + " %.1e%n",
        recording.name, how, loss, validation, rates, norms, logits, last);
    assertThat(loss).isLessThan(TOLERANCE);
    assertThat(validation).isLessThan(TOLERANCE);
    assertThat(rates).isLessThan(TOLERANCE);
    assertThat(norms).isLessThan(TOLERANCE);
    assertThat(logits).isLessThan(TOLERANCE);
  }

  void checkAverage(String how, NeuralNetwork net, double score) {
    double logits = off(logits(net), recording.logits("averaged_logits"));
    double loss = off(score, recording.averagedValidationLoss());
    System.out.printf(
        "%-13s %-28s averaged logits %.1e, averaged validation %.1e%n",
        recording.name, how, logits, loss);
    assertThat(logits).isLessThan(TOLERANCE);
    assertThat(loss).isLessThan(TOLERANCE);
  }

  /** Returns how far a training is from final.pt. */
  double offFinal(Map<?, ?> training) {
    Map<Object, Object> some = new LinkedHashMap<>(training);
    // PyTorch's scripts saved these half-way alone.
    some.keySet().removeAll(List.of("epoch", "scheduler", "swa_scheduler"));
    return files.off(some, recording.read("final.pt"));
  }
}
