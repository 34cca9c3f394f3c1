package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchTensor;
import java.util.ArrayList;
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

  private final Recording recording;
  double loss;
  double validation;
  double rates;
  double norms;

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

  void check(String how, NeuralNetwork net, Dict written) {
    double logits = off(logits(net), recording.logits("final_logits"));
    Dict last = recording.read("final.pt");
    double files =
        recording.name.equals("cnn_finetune")
            ? withoutNoise(written, last)
            : off("", written, last);
    System.out.printf(
        "%-13s %-28s loss %.1e, validation %.1e, rates %.1e, norms %.1e, logits %.1e, final.pt"
            + " %.1e%n",
        recording.name, how, loss, validation, rates, norms, logits, files);
    assertThat(loss).isLessThan(TOLERANCE);
    // What rounding moves there is seen in evaluation mode; checkWithoutNoise is stricter.
    double evaluated = recording.name.equals("cnn_finetune") ? 1e-9 : TOLERANCE;
    assertThat(validation).isLessThan(evaluated);
    assertThat(rates).isLessThan(TOLERANCE);
    assertThat(norms).isLessThan(TOLERANCE);
    assertThat(logits).isLessThan(evaluated);
    assertThat(files).isLessThan(TOLERANCE);
  }

  void checkAverage(String how, NeuralNetwork net) {
    double logits = off(logits(net), recording.logits("averaged_logits"));
    double score = off(score(net, recording.validation), recording.averagedValidationLoss());
    System.out.printf(
        "%-13s %-28s averaged logits %.1e, averaged validation %.1e%n",
        recording.name, how, logits, score);
    assertThat(logits).isLessThan(TOLERANCE);
    assertThat(score).isLessThan(TOLERANCE);
  }

  /**
   * Compares without the first bias: batch normalization takes it out again, so it has no gradient
   * but rounding, which AdamW makes steps of, in PyTorch too. The running mean moves with it, so
   * that is compared less the bias.
   */
  private static double withoutNoise(Dict written, Dict expected) {
    double off = 0;
    List<String> models = List.of("model", "averaged_model");
    for (String model : models) {
      String prefix = model.equals("model") ? "" : "module.";
      Map<Object, Object> ours = new LinkedHashMap<>(written.dict(model));
      Map<Object, Object> theirs = new LinkedHashMap<>(expected.dict(model));
      for (Map<Object, Object> each : List.of(ours, theirs)) {
        double[] mean = ((TorchTensor) each.get(prefix + "bn1.running_mean")).toDoubleArray();
        double[] bias = ((TorchTensor) each.remove(prefix + "conv1.bias")).toDoubleArray();
        for (int i = 0; i < mean.length; i++) {
          mean[i] -= bias[i];
        }
        // The average of both is taken later for the one than for the other.
        each.remove(prefix + "bn1.running_mean");
        if (model.equals("model")) {
          each.put("bn1.running_mean - conv1.bias", TorchTensor.of(mean, mean.length));
        }
      }
      off = Math.max(off, off("." + model, ours, theirs));
    }
    Map<Object, Object> ours =
        new LinkedHashMap<>((Map<?, ?>) written.dict("optimizer").get("state"));
    Map<Object, Object> theirs = new LinkedHashMap<>(expected.dict("optimizer").dict("state"));
    ours.remove(3L);
    theirs.remove(3L);
    off = Math.max(off, off(".optimizer.state", ours, theirs));
    List<Map<Object, Object>> ourGroups = groups(written);
    List<Map<Object, Object>> theirGroups = groups(expected);
    // PyTorch's script made no call of the scheduler after the last step.
    ourGroups.forEach(group -> group.remove("lr"));
    theirGroups.forEach(group -> group.remove("lr"));
    return Math.max(off, off(".optimizer.param_groups", ourGroups, theirGroups));
  }

  private static List<Map<Object, Object>> groups(Dict training) {
    List<Map<Object, Object>> groups = new ArrayList<>();
    for (Object group : (List<?>) training.dict("optimizer").get("param_groups")) {
      groups.add(new LinkedHashMap<>((Map<?, ?>) group));
    }
    return groups;
  }

  /** Compares again with PyTorch's first bias and the mean that follows it. */
  void checkWithoutNoise(NeuralNetwork net, Dict last, String prefix, String logits) {
    TorchWeights.of(net)
        .partial()
        .load(
            Map.of(
                "conv1.bias", last.tensor(prefix + "conv1.bias"),
                "bn1.running_mean", last.tensor(prefix + "bn1.running_mean")));
    double off = off(logits(net), recording.logits(logits));
    System.out.printf("%-13s %s without noise %.1e%n", recording.name, logits, off);
    assertThat(off).isLessThan(1e-12);
  }

  /** Compares all that final.pt has with what is written here. */
  static double off(String at, Object actual, Object expected) {
    if (expected instanceof Map<?, ?> map) {
      double off = 0;
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        String name = at + "." + entry.getKey();
        assertThat(((Map<?, ?>) actual).containsKey(entry.getKey())).as(name).isTrue();
        off = Math.max(off, off(name, ((Map<?, ?>) actual).get(entry.getKey()), entry.getValue()));
      }
      return off;
    }
    if (expected instanceof List<?> list) {
      double off = 0;
      assertThat((List<?>) actual).as(at).hasSameSizeAs(list);
      for (int i = 0; i < list.size(); i++) {
        off = Math.max(off, off(at + "[" + i + "]", ((List<?>) actual).get(i), list.get(i)));
      }
      return off;
    }
    if (expected instanceof TorchTensor tensor) {
      TorchTensor own = (TorchTensor) actual;
      assertThat(own.shape()).as(at).isEqualTo(tensor.shape());
      assertThat(own.dtype()).as(at).isEqualTo(tensor.dtype());
      if (at.startsWith(".averaged_model") && at.endsWith("num_batches_tracked")) {
        return 0; // A count that is averaged, or begun anew by update_bn.
      }
      double largest = 0;
      double off = 0;
      double[] theirs = tensor.toDoubleArray();
      double[] ours = own.toDoubleArray();
      for (int i = 0; i < theirs.length; i++) {
        largest = Math.max(largest, Math.abs(theirs[i]));
        off = Math.max(off, Math.abs(theirs[i] - ours[i]));
      }
      double relative = largest == 0 ? off : off / largest;
      if (relative > TOLERANCE) {
        System.out.println(at + " is off by " + relative);
      }
      return relative;
    }
    if (expected instanceof Number number) {
      return off(((Number) actual).doubleValue(), number.doubleValue());
    }
    assertThat(actual).as(at).isEqualTo(expected);
    return 0;
  }
}
