package io.github.dl4jtorch.adapter.internal;

import java.lang.Thread.UncaughtExceptionHandler;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.optimize.solvers.accumulation.EncodedGradientsAccumulator;
import org.deeplearning4j.optimize.solvers.accumulation.IndexedTail;
import org.deeplearning4j.optimize.stepfunctions.NegativeDefaultStepFunction;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Tells the workers of ParallelWrapper that one of them has failed. Under {@code SHARED_GRADIENTS}
 * they wait for each other's gradients, and DL4J tells them only of what fails while gradients are
 * exchanged, so that they would wait for ever for one that failed before.
 */
public final class SharedGradients {

  private SharedGradients() {}

  /** Watches over the calling thread, which trains a model, if that shares its gradients. */
  public static void watch(Model model) {
    UncaughtExceptionHandler present = Thread.currentThread().getUncaughtExceptionHandler();
    if (present instanceof Watch
        || !(((NeuralNetwork) model).getOptimizer().getGradientsAccumulator()
            instanceof EncodedGradientsAccumulator accumulator)) {
      return;
    }
    // The model is closed by the time the thread ends.
    Thread.currentThread()
        .setUncaughtExceptionHandler(
            new Watch(present, accumulator, model.params().length(), model.params().dataType()));
  }

  private record Watch(
      UncaughtExceptionHandler former,
      EncodedGradientsAccumulator accumulator,
      long length,
      DataType type)
      implements UncaughtExceptionHandler {

    @Override
    public void uncaughtException(Thread thread, Throwable failure) {
      accumulator.setExternalSource(new Failure(failure));
      try {
        accumulator.applyUpdate(
            new NegativeDefaultStepFunction(),
            Nd4j.create(type, length),
            Nd4j.create(type, length),
            false);
      } catch (RuntimeException told) {
        // That is how the others come to know.
        former.uncaughtException(thread, failure);
      }
    }
  }

  /** Fails while gradients are exchanged, with what failed before. */
  private static final class Failure extends IndexedTail {

    private final Throwable cause;

    Failure(Throwable cause) {
      super(1);
      this.cause = cause;
    }

    @Override
    public boolean hasAnything() {
      throw new IllegalStateException("another worker has failed", cause);
    }

    @Override
    public boolean drainTo(INDArray array) {
      return hasAnything();
    }
  }
}
