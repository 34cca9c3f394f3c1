package io.github.dl4jtorch.adapter;

/**
 * What is done, without a result, with a network while it has other weights than those in training.
 *
 * @param <E> what it may throw
 */
@FunctionalInterface
public interface EvaluationAction<E extends Exception> {

  /**
   * Does it.
   *
   * @throws E as it likes
   */
  void run() throws E;
}
