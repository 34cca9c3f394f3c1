package org.example;

import java.util.concurrent.atomic.AtomicInteger;

/** A class that nobody has given; to load it leaves a trace. */
public final class Forbidden {

  /** Counts how often the class was initialised, in a class of its own. */
  public static final class Trace {

    /** How often. */
    public static final AtomicInteger LOADED = new AtomicInteger();

    private Trace() {}
  }

  static {
    Trace.LOADED.incrementAndGet();
  }

  private Forbidden() {}
}
