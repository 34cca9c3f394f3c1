package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Notes the rate of each parameter's updates: how far it moved for its gradient. */
final class ParameterRates extends BaseTrainingListener {
  private final int batchSize;
  private final Map<String, List<Double>> rates = new TreeMap<>();
  private final Map<String, INDArray> gradients = new HashMap<>();
  private final Map<String, INDArray> before = new HashMap<>();

  ParameterRates(int batchSize) {
    this.batchSize = batchSize;
  }

  /** Returns the rates of a parameter: 0 if it stood still, NaN if it left its gradient. */
  List<Double> of(String param) {
    return rates.get(param);
  }

  Set<String> params() {
    return rates.keySet();
  }

  /** Trains a network of {@link Nets} and checks the rate that all its parameters move by. */
  static void assertThatRatesAre(Model net, double... rates) {
    Nets.Movement movement = new Nets.Movement();
    if (net instanceof MultiLayerNetwork layers) {
      layers.setListeners(movement);
    } else {
      ((ComputationGraph) net).setListeners(movement);
    }
    Nets.fit(net, Nets.data(rates.length));
    for (int iteration = 0; iteration < rates.length; iteration++) {
      assertThat(movement.rates.get(iteration)).isCloseTo(rates[iteration], within(1e-12));
    }
  }

  @Override
  public void onGradientCalculation(Model model) {
    gradients.clear();
    before.clear();
    model.paramTable().forEach((name, param) -> before.put(name, param.dup()));
    model
        .gradient()
        .gradientForVariable()
        .forEach(
            (name, sum) -> {
              if (sum != null) {
                gradients.put(name, sum.div(batchSize));
              }
            });
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    model
        .paramTable()
        .forEach(
            (name, param) ->
                rates
                    .computeIfAbsent(name, key -> new ArrayList<>())
                    .add(rate(before.get(name).sub(param), gradients.get(name))));
  }

  private static double rate(INDArray step, INDArray gradient) {
    if (step.norm2Number().doubleValue() == 0) {
      return 0;
    }
    double rate =
        step.mul(gradient).sumNumber().doubleValue()
            / gradient.mul(gradient).sumNumber().doubleValue();
    double off = step.sub(gradient.mul(rate)).norm2Number().doubleValue();
    return off > 1e-10 * step.norm2Number().doubleValue() + 1e-14 ? Double.NaN : rate;
  }
}
