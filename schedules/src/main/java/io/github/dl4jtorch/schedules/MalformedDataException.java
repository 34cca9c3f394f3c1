package io.github.dl4jtorch.schedules;

/**
 * Thrown when a definition or a state that was read from outside cannot be used. Nothing has been
 * changed when it is thrown.
 */
public final class MalformedDataException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what is wrong, naming key and value
   */
  public MalformedDataException(String message) {
    super(message);
  }

  /**
   * Creates the exception for an argument that was refused.
   *
   * @param message what is wrong, naming key and value
   * @param cause the refusal
   */
  public MalformedDataException(String message, Throwable cause) {
    super(message, cause);
  }
}
