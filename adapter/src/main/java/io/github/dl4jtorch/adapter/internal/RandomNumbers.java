package io.github.dl4jtorch.adapter.internal;

import java.util.function.Supplier;
import org.nd4j.linalg.api.rng.Random;
import org.nd4j.linalg.factory.Nd4j;

/** The random numbers of the calling thread, from which dropout draws. */
public final class RandomNumbers {

  private RandomNumbers() {}

  /** Does something in the midst of a training, whose random numbers go on as if it had not. */
  public static <T> T undisturbed(Supplier<T> work) {
    Random random = Nd4j.getRandom();
    long root = random.rootState();
    long node = random.nodeState();
    try {
      return work.get();
    } finally {
      random.setStates(root, node);
    }
  }
}
