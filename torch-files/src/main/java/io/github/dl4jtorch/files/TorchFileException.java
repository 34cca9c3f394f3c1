package io.github.dl4jtorch.files;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when a file cannot be read: there is none, it is cut off or damaged, it is something else,
 * or reading it would call something. The message names the file and says which.
 */
public final class TorchFileException extends IOException {

  private static final long serialVersionUID = 1L;

  TorchFileException(Path file, String reason, @Nullable Throwable cause) {
    super(file + " cannot be read: " + reason, cause);
  }
}
