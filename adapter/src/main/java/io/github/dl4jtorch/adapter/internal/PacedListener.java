package io.github.dl4jtorch.adapter.internal;

import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;

/**
 * A listener of this project that does its work after iterations or after epochs, and says which.
 */
public interface PacedListener extends TrainingListener {

  /** Tells whether it must hear of iterations, so that it is idle where there are only epochs. */
  boolean needsIterations();

  /** Tells whether it saves the others, so that it must come after them. */
  default boolean savesOthers() {
    return false;
  }

  /** Says why Spark cannot do what it is for, null if a way is left to it. */
  default @Nullable String complaintOfSpark() {
    return null;
  }
}
