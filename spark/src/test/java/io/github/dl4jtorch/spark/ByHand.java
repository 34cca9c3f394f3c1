package io.github.dl4jtorch.spark;

import io.github.dl4jtorch.spark.Workers.Rates;
import io.github.dl4jtorch.spark.Workers.Update;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.ToIntFunction;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Parameter averaging in one thread, without Spark and without DL4J's updaters: each worker makes
 * its updates on the batches that Spark dealt out, and then parameters and states are averaged.
 * DL4J gives the gradients only.
 */
final class ByHand {

  /** Changes parameters by an update's gradient. */
  interface Rule {
    /**
     * Updates in place.
     *
     * @param state what the updater keeps for each parameter, from 0
     */
    void update(double[] params, double[][] state, double[] gradient, int iteration);
  }

  private final Model net;
  private final List<DataSet> batches;
  private final Rule rule;
  private double[] params;
  private double[][] state = new double[2][];
  private int iteration;

  ByHand(Model fresh, List<DataSet> batches, Rule rule) {
    this.net = fresh;
    this.batches = batches;
    this.rule = rule;
    this.params = fresh.params().toDoubleVector();
    for (int i = 0; i < state.length; i++) {
      state[i] = new double[params.length];
    }
  }

  static Rule sgd(IntFunction<Rates> rates) {
    return (params, state, gradient, iteration) -> {
      for (int i = 0; i < params.length; i++) {
        params[i] -= rates.apply(iteration).lr() * gradient[i];
      }
    };
  }

  static Rule nesterovs(IntFunction<Rates> rates) {
    return (params, state, gradient, iteration) -> {
      Rates at = rates.apply(iteration);
      for (int i = 0; i < params.length; i++) {
        double before = state[0][i];
        state[0][i] = at.momentum() * before - at.lr() * gradient[i];
        params[i] += state[0][i] + at.momentum() * (state[0][i] - before);
      }
    };
  }

  /**
   * Adam with DL4J's defaults.
   *
   * @param rates from the iteration to the rate of each parameter
   */
  static Rule adam(IntFunction<double[]> rates) {
    return (params, state, gradient, iteration) -> {
      double[] lr = rates.apply(iteration);
      int t = iteration + 1;
      double correction = Math.sqrt(1 - Math.pow(0.999, t)) / (1 - Math.pow(0.9, t));
      for (int i = 0; i < params.length; i++) {
        state[0][i] = 0.9 * state[0][i] + 0.1 * gradient[i];
        state[1][i] = 0.999 * state[1][i] + 0.001 * gradient[i] * gradient[i];
        params[i] -= lr[i] * correction * state[0][i] / (Math.sqrt(state[1][i]) + 1e-8);
      }
    };
  }

  /** PyTorch's Adam with its defaults. */
  static Rule torchAdam(IntFunction<Rates> rates) {
    return (params, state, gradient, iteration) -> {
      int t = iteration + 1;
      for (int i = 0; i < params.length; i++) {
        state[0][i] = 0.9 * state[0][i] + 0.1 * gradient[i];
        state[1][i] = 0.999 * state[1][i] + 0.001 * gradient[i] * gradient[i];
        double mean = state[0][i] / (1 - Math.pow(0.9, t));
        double deviation = Math.sqrt(state[1][i] / (1 - Math.pow(0.999, t)));
        params[i] -= rates.apply(iteration).lr() * mean / (deviation + 1e-8);
      }
    };
  }

  /**
   * Trains as Spark did.
   *
   * @param updates what Spark did, for the batches that each worker was given
   * @param averagingFrequency by so much the count of iterations grows in a split
   * @return the parameters
   */
  double[] train(List<Update> updates, int averagingFrequency) {
    for (List<Update> split : parted(updates, Update::stage)) {
      List<double[]> allParams = new ArrayList<>();
      List<double[][]> allStates = new ArrayList<>();
      for (List<Update> worker : parted(split, Update::worker)) {
        double[] workersParams = params.clone();
        double[][] workersState = {state[0].clone(), state[1].clone()};
        for (int i = 0; i < worker.size(); i++) {
          double[] gradient = gradient(workersParams, batch(worker.get(i)));
          rule.update(workersParams, workersState, gradient, iteration + i);
        }
        allParams.add(workersParams);
        allStates.add(workersState);
      }
      params = mean(allParams);
      for (int i = 0; i < state.length; i++) {
        int index = i;
        state[i] = mean(allStates.stream().map(states -> states[index]).toList());
      }
      iteration += averagingFrequency;
    }
    return params;
  }

  /** Parts a list wherever the number of its elements changes. */
  static List<List<Update>> parted(List<Update> updates, ToIntFunction<Update> number) {
    List<List<Update>> parts = new ArrayList<>();
    for (Update update : updates) {
      if (parts.isEmpty()
          || number.applyAsInt(parts.get(parts.size() - 1).get(0)) != number.applyAsInt(update)) {
        parts.add(new ArrayList<>());
      }
      parts.get(parts.size() - 1).add(update);
    }
    return parts;
  }

  private DataSet batch(Update update) {
    return batches.stream()
        .filter(
            batch ->
                Arrays.equals(
                    batch.getFeatures().reshape(batch.getFeatures().length()).toDoubleVector(),
                    update.features()))
        .findFirst()
        .orElseThrow();
  }

  private double[] gradient(double[] at, DataSet batch) {
    net.setParams(Nd4j.createFromArray(at));
    INDArray gradient;
    if (net instanceof MultiLayerNetwork layers) {
      layers.setInput(batch.getFeatures());
      layers.setLabels(batch.getLabels());
      layers.computeGradientAndScore();
      gradient = layers.getFlattenedGradients();
    } else {
      ComputationGraph graph = (ComputationGraph) net;
      graph.setInputs(batch.getFeatures());
      graph.setLabels(batch.getLabels());
      graph.computeGradientAndScore();
      gradient = graph.getGradientsViewArray();
    }
    return gradient.div(batch.numExamples()).toDoubleVector();
  }

  private static double[] mean(List<double[]> values) {
    double[] sum = new double[values.get(0).length];
    for (double[] value : values) {
      sum = Vectors.sum(sum, 1, value);
    }
    return Arrays.stream(sum).map(value -> value / values.size()).toArray();
  }
}
