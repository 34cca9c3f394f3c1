package io.github.dl4jtorch.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What was measured for a row, round by round.
 *
 * @param name what was measured
 * @param rivalName who it stands beside, or null
 * @param target what the ratio should be at most, NaN if nothing was promised
 * @param ours nanoseconds, one a round
 * @param rival nanoseconds, one a round; empty without a rival
 */
record Measured(
    String name, @Nullable String rivalName, double target, List<Double> ours, List<Double> rival) {

  /** Two-sided 95 % points of Student's t, by degrees of freedom from 1. */
  private static final double[] T = {
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093
  };

  /** What a row is called in both tables. */
  @JsonIgnore
  String label() {
    return rivalName == null ? name : name + " / " + rivalName;
  }

  @JsonIgnore
  double median(List<Double> times) {
    List<Double> sorted = times.stream().sorted().toList();
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  /** The geometric mean of the rounds' ratios. */
  @JsonIgnore
  double ratio() {
    return Math.exp(logs().average().orElse(Double.NaN));
  }

  /**
   * The factor by which the ratio may be off either way, with a confidence of 95 %; infinite from a
   * single round.
   */
  @JsonIgnore
  double error() {
    int rounds = rival.size();
    if (rounds < 2) {
      return Double.POSITIVE_INFINITY;
    }
    double mean = Math.log(ratio());
    double squares = logs().map(log -> (log - mean) * (log - mean)).sum();
    double deviation = Math.sqrt(squares / (rounds - 1));
    return Math.exp(T[Math.min(rounds - 1, T.length) - 1] * deviation / Math.sqrt(rounds));
  }

  private DoubleStream logs() {
    return IntStream.range(0, rival.size())
        .mapToDouble(round -> Math.log(ours.get(round) / rival.get(round)));
  }
}
