package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when a file cannot be loaded as a {@link TrainingCheckpoint}: there is none, it is cut
 * off, damaged, of a later format or something else; or when a training is not saved because what
 * was written could not be loaded. Its message names the file and says which. Nothing has been
 * loaded or changed when it is thrown, and no file was replaced.
 */
public final class CheckpointException extends IOException {

  private static final long serialVersionUID = 1L;

  CheckpointException(Path file, String reason, @Nullable Throwable cause) {
    this(file + " cannot be loaded: " + reason, cause);
  }

  private CheckpointException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  static CheckpointException notSaved(Path file, Throwable refusal) {
    return new CheckpointException(
        file + " is not saved, since it could not be loaded: " + refusal.getMessage(), refusal);
  }
}
