package io.github.dl4jtorch.examples;

import java.util.List;
import java.util.stream.IntStream;

/**
 * What a sample tells of the mean it was drawn around.
 *
 * @param mean the sample's mean
 * @param standardError the sample's standard deviation, of n - 1 degrees of freedom, by the root of
 *     n; NaN for a single value
 */
record Estimate(double mean, double standardError) {

  static Estimate of(List<Double> values) {
    int count = values.size();
    double mean = values.stream().mapToDouble(Double::doubleValue).sum() / count;
    double squares = values.stream().mapToDouble(value -> (value - mean) * (value - mean)).sum();
    return new Estimate(mean, Math.sqrt(squares / (count - 1) / count));
  }

  /** Estimates the mean of the differences from one to another, pair by pair. */
  static Estimate ofDifferences(List<Double> from, List<Double> to) {
    if (from.size() != to.size()) {
      throw new IllegalArgumentException(
          "pairs must be complete but there are " + from.size() + " and " + to.size() + " values");
    }
    return of(
        IntStream.range(0, to.size()).mapToObj(pair -> to.get(pair) - from.get(pair)).toList());
  }
}
