package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Simulation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** What rates the updates of each method use, and which weights are judged. */
class MethodTest {

  private static final int BATCHES = 2;

  private final DataSet rows =
      new DataSet(
          Nd4j.createFromArray(new float[][] {{1, 0, 2}, {0, 1, 1}}),
          Nd4j.createFromArray(new float[][] {{1, 0}, {0, 1}}));

  private final List<Double> rates = new ArrayList<>();
  private final List<INDArray> weights = new ArrayList<>();

  /** Trains at rate 0.1 from a start, notes what was there, and returns what is to be judged. */
  private INDArray train(Method method, int epochs, DataSet validation) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            method
                .optimizer(0.1)
                .applyTo(
                    new NeuralNetConfiguration.Builder()
                        .seed(1)
                        .list(
                            new OutputLayer.Builder()
                                .nIn(3)
                                .nOut(2)
                                .activation(Activation.SOFTMAX)
                                .build())
                        .build()));
    net.init();
    net.addListeners(
        new BaseTrainingListener() {
          @Override
          public void onGradientCalculation(Model model) {
            rates.add(net.getLearningRate(0));
          }

          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            weights.add(net.params().dup());
          }
        });
    Supplier<MultiLayerNetwork> judged =
        method.drive(new Method.Training(net, 0.1, epochs, BATCHES, validation));
    net.fit(new ExistingDataSetIterator(Collections.nCopies(BATCHES, rows)), epochs);
    return judged.get().params();
  }

  private static double[] cosineAfterWarmup(int iterations, int warmup) {
    double[] expected = new double[iterations];
    for (int step = 0; step < iterations; step++) {
      int after = step - warmup;
      expected[step] =
          step < warmup
              ? 0.1 * (0.01 + 0.99 * step / warmup)
              : 0.05 * (1 + Math.cos(Math.PI * after / (iterations - warmup)));
    }
    return expected;
  }

  private INDArray last() {
    return weights.get(weights.size() - 1);
  }

  @Test
  void constantRate() {
    INDArray judged = train(Method.CONSTANT, 3, rows);
    assertThat(rates).containsExactly(0.1, 0.1, 0.1, 0.1, 0.1, 0.1);
    assertThat(judged).isEqualTo(last());
  }

  @Test
  void stepsAfterEachThird() {
    INDArray judged = train(Method.STEP, 6, rows);
    assertThat(rates.subList(0, 4)).containsOnly(0.1);
    assertThat(rates.subList(4, 8)).containsOnly(0.1 * 0.1);
    assertThat(rates.subList(8, 12)).containsOnly(0.1 * 0.1 * 0.1);
    assertThat(judged).isEqualTo(last());
  }

  @Test
  void cosinesWarmUpForATenth() {
    for (Method method : List.of(Method.COSINE, Method.ADAMW_COSINE, Method.SHORT_COSINE)) {
      rates.clear();
      INDArray judged = train(method, 10, rows);
      double[] expected = cosineAfterWarmup(20, 2);
      assertThat(rates).hasSize(20);
      for (int step = 0; step < 20; step++) {
        assertThat(rates.get(step)).isEqualTo(expected[step], within(1e-15));
      }
      assertThat(judged).isEqualTo(last());
    }
  }

  @Test
  void plateauGoesByTheValidationLoss() {
    // Labels the other way round: the better the training, the worse the loss.
    DataSet reversed =
        new DataSet(rows.getFeatures(), Nd4j.createFromArray(new float[][] {{0, 1}, {1, 0}}));
    train(Method.PLATEAU, 10, reversed);
    // The first epoch is the best; with a patience of 1, the second bad one is one too many.
    assertThat(rates.subList(0, 6)).containsOnly(0.1);
    assertThat(rates.subList(6, 8)).containsOnly(0.1 * 0.1);

    rates.clear();
    train(Method.PLATEAU, 10, rows);
    assertThat(rates).containsOnly(0.1);
  }

  @Test
  void swaHoldsHalfTheRateAndAveragesTheEpochsFromThere() {
    INDArray judged = train(Method.SWA, 30, rows);

    assertThat(rates.get(2 * 16))
        .isEqualTo(0.05 * (1 + Math.cos(Math.PI * 16 / 30)), within(1e-15));
    assertThat(rates.get(2 * 19)).isEqualTo(0.05, within(1e-15));
    assertThat(rates.get(2 * 30 - 1)).isEqualTo(0.05, within(1e-15));
    INDArray mean = Nd4j.zeros(DataType.FLOAT, judged.shape());
    for (int epoch = 17; epoch < 30; epoch++) {
      mean.addi(weights.get(2 * epoch + 1).div(13));
    }
    assertThat(judged.equalsWithEps(mean, 1e-5)).isTrue();
    assertThat(judged).isNotEqualTo(last());
  }

  @Test
  void emaFollowsTheWeightsAtOneRate() {
    INDArray judged = train(Method.EMA, 5, rows);

    assertThat(rates).containsOnly(0.1);
    INDArray average = weights.get(0).dup();
    for (INDArray after : weights.subList(1, 10)) {
      average.muli(0.99).addi(after.mul(0.01));
    }
    assertThat(judged.equalsWithEps(average, 1e-6)).isTrue();
    assertThat(judged).isNotEqualTo(last());
  }

  @Test
  void oneCycleGoesUpAndDownOnce() {
    INDArray judged = train(Method.SHORT_ONE_CYCLE, 5, rows);

    Simulation expected =
        OneCycleLR.builder(0.1)
            .totalSteps(10)
            .build()
            .simulate(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)), 10);
    assertThat(rates).hasSize(10);
    for (int step = 0; step < 10; step++) {
      assertThat(rates.get(step)).isEqualTo(expected.lr(0, step));
    }
    assertThat(judged).isEqualTo(last());
  }

  @Test
  void offersAsManyRatesToEach() {
    for (Method method : Method.values()) {
      assertThat(method.rates()).hasSize(5).isSorted();
    }
  }

  @Test
  void shortTrainingsHaveATenthOfTheEpochs() {
    assertThat(Method.SHORT_ONE_CYCLE.epochs(20)).isEqualTo(2);
    assertThat(Method.SHORT_ONE_CYCLE.epochs(4)).isEqualTo(1);
    assertThat(Method.SWA.epochs(20)).isEqualTo(20);
    for (Method method : Method.values()) {
      assertThat(method.baseline().epochs(20)).isEqualTo(method.epochs(20));
    }
  }
}
