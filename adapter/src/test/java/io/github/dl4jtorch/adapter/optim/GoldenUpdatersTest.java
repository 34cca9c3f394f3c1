package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.fixtures.Golden;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Every updater against the parameters of PyTorch's own optimizer after every step. */
class GoldenUpdatersTest {

  private static final double RELATIVE = 1e-12;
  private static final double ABSOLUTE = 1e-14;
  private static final int BATCH = 4;

  /** Something that holds parameters and updates them by gradients. */
  private interface Training {
    void step(double[] gradient);

    double[] parameters();
  }

  /** How near the numbers came. */
  private static final class Deviation {
    private double largest;
    private int identical;
    private int count;

    void compare(String what, double[] actual, double[] expected) {
      for (int i = 0; i < expected.length; i++) {
        double off = Math.abs(actual[i] - expected[i]);
        assertThat(off)
            .as("%s: %s instead of %s", what, Arrays.toString(actual), Arrays.toString(expected))
            .isLessThanOrEqualTo(Math.max(ABSOLUTE, RELATIVE * Math.abs(expected[i])));
        largest = Math.max(largest, off / Math.abs(expected[i]));
        identical += actual[i] == expected[i] ? 1 : 0;
        count++;
      }
    }

    void print(String title) {
      System.out.printf(
          "%-22s largest relative deviation %.1e, %d of %d identical to the bit%n",
          title, largest, identical, count);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SGD",
        "Adam",
        "AdamW",
        "NAdam",
        "RAdam",
        "Adamax",
        "RMSprop",
        "Adagrad",
        "Adadelta"
      })
  void followsPyTorchBare(String name) {
    Deviation deviation = new Deviation();
    for (Map<String, Object> golden : Golden.cases("updaters/" + name + ".json")) {
      TorchUpdater updater = Updaters.of(arguments(golden));
      follow(golden, updater, new Bare(golden, updater), deviation);
    }
    deviation.print(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SGD",
        "Adam",
        "AdamW",
        "NAdam",
        "RAdam",
        "Adamax",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "ASGD",
        "Rprop",
        "maximize",
        "decoupled"
      })
  void followsPyTorchInANetwork(String name) {
    Deviation deviation = new Deviation();
    for (Map<String, Object> golden : Golden.cases("updaters/" + name + ".json")) {
      TorchUpdater updater = Updaters.of(arguments(golden));
      InNetwork training = new InNetwork(golden, updater);
      follow(golden, training.live(), training, deviation);
    }
    deviation.print(name + " in a network");
  }

  private static void follow(
      Map<String, Object> golden, TorchUpdater live, Training training, Deviation deviation) {
    List<?> steps = (List<?>) golden.get("steps");
    for (int index = 0; index < steps.size(); index++) {
      Map<?, ?> step = (Map<?, ?>) steps.get(index);
      live.setLrAndSchedule(number(step.get("lr")), null);
      for (String key : List.of("momentum", "beta1")) {
        if (step.get(key) != null) {
          live.setMomentum(number(step.get(key)));
        }
      }
      double[] before = training.parameters();
      training.step(numbers(step.get("gradient")));
      deviation.compare(
          golden.get("id") + " step " + index,
          training.parameters(),
          numbers(step.get("parameters")));
      if (number(step.get("lr")) == 0) {
        assertThat(training.parameters()).isEqualTo(before);
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> arguments(Map<String, Object> golden) {
    return (Map<String, Object>) golden.get("optimizer");
  }

  private static final class Bare implements Training {
    private final double decay;
    private final boolean isDecoupled;
    private final TorchUpdater config;
    private final GradientUpdater<TorchUpdater> updater;
    private final INDArray parameters;
    private int iteration;

    Bare(Map<String, Object> golden, TorchUpdater config) {
      this.config = config;
      decay = number(arguments(golden).get("weight_decay"));
      isDecoupled = config instanceof TorchAdamW;
      parameters = Nd4j.createFromArray(numbers(golden.get("initial")));
      long size = config.stateSize(parameters.length());
      INDArray state =
          size == 0 ? null : Nd4j.valueArrayOf(new long[] {size}, 7.0, DataType.DOUBLE);
      updater = config.instantiate(state, true);
    }

    @Override
    public void step(double[] values) {
      INDArray gradient = Nd4j.createFromArray(values);
      INDArray decayed = parameters.mul(decay);
      if (!isDecoupled) {
        gradient.addi(decayed);
      }
      // A network's count has nothing to do with the updater's own.
      updater.applyUpdater(gradient, 1000 + iteration++, 5);
      if (isDecoupled) {
        gradient.addi(decayed.mul(config.getLearningRate(0, 0)));
      }
      parameters.subi(gradient);
    }

    @Override
    public double[] parameters() {
      return parameters.toDoubleVector();
    }
  }

  /** One linear layer whose loss is its output, so that the inputs are the gradient. */
  private static final class InNetwork implements Training {
    private final MultiLayerNetwork net;

    InNetwork(Map<String, Object> golden, TorchUpdater updater) {
      double decay = number(arguments(golden).get("weight_decay"));
      boolean isDecoupled = arguments(golden).containsKey("decoupled_weight_decay");
      double[] initial = numbers(golden.get("initial"));
      net =
          new MultiLayerNetwork(
              new NeuralNetConfiguration.Builder()
                  .dataType(DataType.DOUBLE)
                  .list(
                      (isDecoupled
                              ? TorchOptimizer.of(updater).withDecoupledWeightDecay(decay)
                              : TorchOptimizer.of(updater).withWeightDecay(decay))
                          .applyTo(
                              new OutputLayer.Builder(LossFunction.WASSERSTEIN)
                                  .nIn(initial.length)
                                  .nOut(1)
                                  .hasBias(false)
                                  .activation(Activation.IDENTITY))
                          .build())
                  .build());
      net.init();
      net.setParams(Nd4j.createFromArray(new double[][] {initial}));
    }

    TorchUpdater live() {
      return (TorchUpdater) net.getLayer(0).conf().getLayer().getUpdaterByParam("W");
    }

    @Override
    public void step(double[] gradient) {
      double[][] features = new double[BATCH][];
      Arrays.fill(features, gradient);
      net.fit(new DataSet(Nd4j.createFromArray(features), Nd4j.ones(DataType.DOUBLE, BATCH, 1)));
    }

    @Override
    public double[] parameters() {
      return net.params().toDoubleVector();
    }
  }
}
