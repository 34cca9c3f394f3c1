package io.github.dl4jtorch.adapter.internal;

import org.nd4j.linalg.api.rng.Random;
import org.nd4j.linalg.factory.Nd4j;

/** The random numbers of the calling thread, from which dropout draws. */
public final class RandomNumbers {

  /** What is to be done. */
  @FunctionalInterface
  public interface Work<T, E extends Exception> {
    T run() throws E;
  }

  private RandomNumbers() {}

  /** Does something in the midst of a training, whose random numbers go on as if it had not. */
  public static <T, E extends Exception> T undisturbed(Work<T, E> work) throws E {
    Random random = Nd4j.getRandom();
    long root = random.rootState();
    long node = random.nodeState();
    try {
      return work.run();
    } finally {
      random.setStates(root, node);
    }
  }
}
