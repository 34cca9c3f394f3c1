package io.github.dl4jtorch.adapter.internal;

/** The threads in which ParallelWrapper trains a network and its copies. */
public final class WorkerThreads {

  /** How their names begin; DL4J gives no other sign. */
  private static final String NAME = "ParallelWrapper training thread ";

  private WorkerThreads() {}

  /** Tells whether the calling thread is one, maybe the one with the network itself. */
  public static boolean isInWorker() {
    return Thread.currentThread().getName().startsWith(NAME);
  }
}
