package io.github.dl4jtorch.adapter.internal;

/** A score calculator of this project that at first may have nothing to score. */
public interface WaitingScore {

  /** Tells whether there is nothing to score yet, so that nobody should judge by the score. */
  boolean isWaiting();

  /** Tells whether a score calculator is one that has nothing to score yet. */
  static boolean isWaiting(Object calculator) {
    return calculator instanceof WaitingScore score && score.isWaiting();
  }
}
