package io.github.dl4jtorch.adapter.optim;

/**
 * How ND4J's fused updaters, which read and write everything once, are made to compute what PyTorch
 * computes.
 *
 * <p>Those of Adam's kind correct the bias of their averages by the iteration they are given: the
 * rate is multiplied by {@code sqrt(1 - beta2^(iteration + 1)) / (1 - beta1^(iteration + 1))}, and
 * epsilon is added before instead of after. So they are given an iteration so late that nothing is
 * left to correct, and PyTorch's own correction as part of the rate and of epsilon.
 */
final class FusedOps {

  /** An iteration at which the correction has vanished for all betas but those next to 1. */
  static final int LATE = 1 << 30;

  private FusedOps() {}

  /** Returns the rate to give to an op of Adam's kind at {@link #LATE} for it to use this one. */
  static double adamRate(double rate, double beta1, double beta2) {
    return rate * (1 - Math.pow(beta1, LATE + 1.0)) / Math.sqrt(1 - Math.pow(beta2, LATE + 1.0));
  }
}
