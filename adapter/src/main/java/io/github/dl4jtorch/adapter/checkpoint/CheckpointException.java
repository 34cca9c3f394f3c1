package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when a file cannot be loaded as a {@link TrainingCheckpoint}: there is none, it is cut
 * off, damaged, of a later format or something else. Its message names the file and says which.
 * Nothing has been loaded or changed when it is thrown.
 */
public final class CheckpointException extends IOException {

  private static final long serialVersionUID = 1L;

  CheckpointException(Path file, String reason, @Nullable Throwable cause) {
    super(file + " cannot be loaded: " + reason, cause);
  }
}
