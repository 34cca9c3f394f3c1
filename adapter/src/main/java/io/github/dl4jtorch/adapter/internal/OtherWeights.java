package io.github.dl4jtorch.adapter.internal;

import org.deeplearning4j.nn.api.Model;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Lets a network have other weights for a while, of which its training notices nothing. */
public final class OtherWeights {

  private OtherWeights() {}

  /**
   * Does something with other weights, and gives all parameters back to the bit whatever happens,
   * running statistics and the random numbers of the calling thread included.
   *
   * @param put changes the parameters
   * @param back undoes what else that has changed
   */
  public static <T, E extends Exception> T during(
      Model net, Runnable put, Runnable back, RandomNumbers.Work<T, E> work) throws E {
    INDArray before = copy(net.params());
    try {
      put.run();
      return RandomNumbers.undisturbed(work);
    } finally {
      net.params().assign(before);
      back.run();
    }
  }

  private static INDArray copy(INDArray params) {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return params.dup();
    } finally {
      outside.close();
    }
  }
}
