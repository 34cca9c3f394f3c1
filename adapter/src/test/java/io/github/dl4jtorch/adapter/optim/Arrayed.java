package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * A network of linear layers beside each other, whose losses are their outputs, so that each one's
 * inputs are the gradient of its weights.
 */
final class Arrayed {

  private static final int BATCH = 4;

  private final ComputationGraph net;
  private final int[] lengths;

  Arrayed(TorchUpdater updater, int[] lengths, double[] decays, DataType type, double[] initial) {
    this.lengths = lengths.clone();
    ComputationGraphConfiguration.GraphBuilder graph =
        new NeuralNetConfiguration.Builder().dataType(type).graphBuilder();
    String[] outputs = new String[lengths.length];
    for (int i = 0; i < lengths.length; i++) {
      outputs[i] = "layer" + i;
      graph.addInputs("in" + i);
      graph.addLayer(
          outputs[i],
          TorchOptimizer.of(updater)
              .withWeightDecay(decays[i])
              .applyTo(
                  new OutputLayer.Builder(LossFunction.WASSERSTEIN)
                      .nIn(lengths[i])
                      .nOut(1)
                      .hasBias(false)
                      .activation(Activation.IDENTITY))
              .build(),
          "in" + i);
    }
    net = new ComputationGraph(graph.setOutputs(outputs).build());
    net.init();
    for (int i = 0, start = 0; i < lengths.length; start += lengths[i], i++) {
      double[] part = Arrays.copyOfRange(initial, start, start + lengths[i]);
      array(i).assign(Nd4j.createFromArray(part).reshape(array(i).shape()));
    }
  }

  static Arrayed of(Map<String, Object> golden) {
    List<?> tensors = (List<?>) golden.get("tensors");
    int[] lengths =
        tensors.stream().mapToInt(tensor -> (Integer) ((Map<?, ?>) tensor).get("length")).toArray();
    double[] decays =
        tensors.stream()
            .mapToDouble(tensor -> number(((Map<?, ?>) tensor).get("weight_decay")))
            .toArray();
    @SuppressWarnings("unchecked")
    Map<String, Object> arguments = (Map<String, Object>) golden.get("optimizer");
    return new Arrayed(
        ModernUpdaters.of(arguments),
        lengths,
        decays,
        DataType.DOUBLE,
        numbers(golden.get("initial")));
  }

  ComputationGraph net() {
    return net;
  }

  private INDArray array(int index) {
    return net.getParam("layer" + index + "_W");
  }

  /** Makes a step as a golden file has it. */
  void step(Map<?, ?> step) {
    for (int i = 0; i < lengths.length; i++) {
      TorchUpdater updater =
          (TorchUpdater) net.getLayer("layer" + i).conf().getLayer().getUpdaterByParam("W");
      updater.setLrAndSchedule(number(step.get("lr")), null);
      if (step.get("beta1") != null) {
        updater.setMomentum(number(step.get("beta1")));
      }
    }
    step(numbers(step.get("gradient")));
  }

  void step(double[] gradient) {
    INDArray[] features = new INDArray[lengths.length];
    INDArray[] labels = new INDArray[lengths.length];
    for (int i = 0, start = 0; i < lengths.length; start += lengths[i], i++) {
      double[][] rows = new double[BATCH][];
      Arrays.fill(rows, Arrays.copyOfRange(gradient, start, start + lengths[i]));
      features[i] = Nd4j.createFromArray(rows);
      labels[i] = Nd4j.ones(DataType.DOUBLE, BATCH, 1);
    }
    net.fit(new MultiDataSet(features, labels));
  }

  double[] parameters() {
    double[] all = new double[Arrays.stream(lengths).sum()];
    for (int i = 0, start = 0; i < lengths.length; start += lengths[i], i++) {
      double[] part = array(i).dup().castTo(DataType.DOUBLE).data().asDouble();
      System.arraycopy(part, 0, all, start, lengths[i]);
    }
    return all;
  }
}
