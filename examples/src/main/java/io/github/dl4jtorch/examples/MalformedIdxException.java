package io.github.dl4jtorch.examples;

import java.io.IOException;

/** Says what is wrong with a file that should be an {@link IdxFile}. */
final class MalformedIdxException extends IOException {

  private static final long serialVersionUID = 1L;

  MalformedIdxException(String message) {
    super(message);
  }

  MalformedIdxException(String message, Throwable cause) {
    super(message, cause);
  }
}
