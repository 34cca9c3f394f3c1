package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.numbers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Golden;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.GradientUpdater;

/**
 * What PyTorch subtracts in single precision, where {@code 1 - beta2} is not what it is in double.
 */
class SinglePrecisionTest {

  /** What rounding makes of ten steps; one minus beta2 alone was off by up to 0.7 percent. */
  private static final double TOLERANCE = 2e-6;

  private static final Map<String, Object> DEFAULTS =
      Map.of(
          "eps",
          1e-8,
          "betas",
          List.of(0.9, 0.999),
          "alpha",
          0.99,
          "momentum",
          0,
          "momentum_decay",
          4e-3);

  static List<Map<String, Object>> cases() {
    return Golden.cases("updaters-float/updates.json");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void followsPyTorch(Map<String, Object> golden) {
    Map<String, Object> arguments = new HashMap<>(DEFAULTS);
    ((Map<?, ?>) golden.get("optimizer"))
        .forEach((name, value) -> arguments.put(name.toString(), value));
    TorchUpdater config = Updaters.of(arguments);
    List<?> steps = (List<?>) golden.get("steps");
    INDArray state = Nd4j.createUninitialized(DataType.FLOAT, config.stateSize(4));
    GradientUpdater<TorchUpdater> updater = config.instantiate(state, true);
    for (int index = 0; index < steps.size(); index++) {
      Map<?, ?> step = (Map<?, ?>) steps.get(index);
      INDArray gradient = Nd4j.createFromArray(numbers(step.get("gradient")));
      INDArray update = gradient.castTo(DataType.FLOAT);
      updater.applyUpdater(update, 0, 0);
      double[] actual = update.toDoubleVector();
      double[] expected = numbers(step.get("update"));
      for (int i = 0; i < actual.length; i++) {
        assertThat(actual[i])
            .as("%s, step %d, parameter %d", golden.get("id"), index, i)
            .isCloseTo(expected[i], within(TOLERANCE * Math.abs(expected[i])));
      }
    }
  }

  /** A square that overflows must not outlive its gradient. */
  @Test
  void goesOnAfterAnOverflow() {
    for (TorchUpdater config :
        List.of(new TorchNAdam(0.01), new TorchRMSprop(0.01).withCentering())) {
      INDArray state = Nd4j.createUninitialized(DataType.FLOAT, config.stateSize(1));
      GradientUpdater<TorchUpdater> updater = config.instantiate(state, true);
      for (double value : new double[] {1, 1e20, 1, 1e20, 1}) {
        INDArray gradient = Nd4j.createFromArray(new float[] {(float) value});
        updater.applyUpdater(gradient, 0, 0);
        assertThat(gradient.getDouble(0)).as(config.toString()).isBetween(0.0, 0.11);
      }
    }
  }
}
