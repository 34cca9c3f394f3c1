package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class EstimateTest {

  @Test
  void hasMeanAndStandardErrorOfFourByHand() {
    // Squares of the deviations: 2.25 + 0.25 + 0.25 + 2.25 = 5; by 3 degrees of freedom, by 4.
    Estimate estimate = Estimate.of(List.of(1.0, 2.0, 3.0, 4.0));

    assertThat(estimate.mean()).isEqualTo(2.5);
    assertThat(estimate.standardError()).isEqualTo(0.6454972243679028, within(1e-15));
  }

  @Test
  void doesNotLoseSmallDeviationsFromALargeMean() {
    Estimate estimate = Estimate.of(List.of(1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4));

    assertThat(estimate.standardError()).isEqualTo(0.6454972243679028, within(1e-15));
  }

  @Test
  void takesDifferencesPairByPair() {
    // The differences are 1, 1 and 4: their mean is 2, the squares of the deviations are 1, 1, 4.
    Estimate gain = Estimate.ofDifferences(List.of(10.0, 20.0, 30.0), List.of(11.0, 21.0, 34.0));

    assertThat(gain).isEqualTo(new Estimate(2, 1));
  }

  @Test
  void knowsNoErrorOfASingleValue() {
    assertThat(Estimate.of(List.of(3.0))).isEqualTo(new Estimate(3, Double.NaN));
  }

  @Test
  void refusesIncompletePairs() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Estimate.ofDifferences(List.of(1.0, 2.0), List.of(1.0)))
        .withMessage("pairs must be complete but there are 2 and 1 values");
  }
}
