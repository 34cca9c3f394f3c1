package io.github.dl4jtorch.adapter.internal;

import java.lang.StackWalker.StackFrame;

/**
 * Who asks a schedule for a value. To be found out once, not at every call: it walks the stack,
 * since DL4J hands the schedule nothing but its counts.
 */
public enum Caller {
  /** The update of a network that is trained where its user has it. */
  UPDATE,
  /** The update of a copy that trains for another network, as a worker does. */
  WORKER,
  /** A coefficient of l1, l2 or weight decay. */
  COEFFICIENT,
  /** Somebody who looks at the value. */
  OTHER;

  private static final String COEFFICIENTS = "org.nd4j.linalg.learning.regularization.";
  private static final String BLOCK = "org.deeplearning4j.nn.updater.UpdaterBlock";
  private static final String SAME_DIFF = "org.nd4j.autodiff.samediff.internal.TrainingSession";
  private static final String SPARK = "org.deeplearning4j.spark.";

  /** Finds out who it is at present. */
  public static Caller present() {
    return StackWalker.getInstance()
        .walk(
            frames -> {
              Caller caller = OTHER;
              for (StackFrame frame : (Iterable<StackFrame>) frames::iterator) {
                caller = caller.behind(frame.getClassName());
              }
              return caller == UPDATE && WorkerThreads.isInWorker() ? WORKER : caller;
            });
  }

  /** Tells whether a rate is asked for, to be used. */
  public boolean isUpdate() {
    return this == UPDATE || this == WORKER;
  }

  private Caller behind(String type) {
    if (this == OTHER && type.startsWith(COEFFICIENTS)) {
      return COEFFICIENT;
    }
    if (this == OTHER && (type.equals(BLOCK) || type.equals(SAME_DIFF))) {
      return UPDATE;
    }
    return this == UPDATE && type.startsWith(SPARK) ? WORKER : this;
  }
}
