package io.github.dl4jtorch.adapter;

/**
 * What is done with a network while it has other weights than those in training.
 *
 * @param <T> the kind of result
 * @param <E> what it may throw
 */
@FunctionalInterface
public interface EvaluationWork<T, E extends Exception> {

  /**
   * Does it.
   *
   * @return the result
   * @throws E as it likes
   */
  T run() throws E;
}
