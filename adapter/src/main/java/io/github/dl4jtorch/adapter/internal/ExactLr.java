package io.github.dl4jtorch.adapter.internal;

/**
 * The rate of a param group beside the one that its updaters get. A run may end a rounding error
 * below 0 and goes on from there, as in PyTorch, while an updater gets 0.
 */
public final class ExactLr {

  /** How far below 0, as a share of a normal rate, counts as rounding. */
  private static final double ROUNDING = 1e-12;

  private double exact;
  private double written;

  /** Takes a rate, and returns what the updaters are to get. */
  public double set(double lr) {
    exact = lr;
    written = lr > 0 ? lr : 0.0;
    return written;
  }

  /** Returns the rate, which is that of the updaters if others have changed it there. */
  public double get(double live) {
    return live == written ? exact : live;
  }

  /** Returns the lowest rate that is taken for rounding, by the highest that a group has had. */
  public static double lowest(double highest) {
    return 0 - ROUNDING * highest;
  }
}
