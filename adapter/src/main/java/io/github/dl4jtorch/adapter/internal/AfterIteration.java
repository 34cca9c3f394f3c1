package io.github.dl4jtorch.adapter.internal;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Does something in {@code iterationDone} with the parameters that the iteration leaves. DL4J
 * applies constraints only after its listeners, so that is done and undone here.
 */
public final class AfterIteration {

  /** What is to be done. */
  @FunctionalInterface
  public interface Work<E extends Exception> {
    void run() throws E;
  }

  private final LiveNetwork net;
  private @Nullable Boolean hasConstraints;

  public AfterIteration(LiveNetwork net) {
    this.net = net;
  }

  public <E extends Exception> void run(Work<E> work) throws E {
    if (!hasConstraints()) {
      work.run();
      return;
    }
    INDArray before = net.model().params().dup();
    try {
      net.model().applyConstraints(net.iterationCount() + 1, net.epochCount());
      work.run();
    } finally {
      net.model().params().assign(before);
    }
  }

  private boolean hasConstraints() {
    Boolean known = hasConstraints;
    if (known == null) {
      known = net.hasConstraints();
      hasConstraints = known;
    }
    return known;
  }
}
