package io.github.dl4jtorch.handover;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when what a file holds cannot be handed over to a network. The message names the file, if
 * one was given, and says why. Nothing has been changed.
 */
public final class HandoverException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  private final transient @Nullable HandoverReport report;
  private final String reason;

  HandoverException(String reason) {
    this(reason, null, null);
  }

  HandoverException(HandoverReport report) {
    this(
        "it does not fit the network, so nothing was changed\n" + report.complaint(), report, null);
  }

  HandoverException(String reason, @Nullable HandoverReport report, @Nullable Throwable cause) {
    super("cannot be handed over: " + reason, cause);
    this.reason = reason;
    this.report = report;
  }

  private HandoverException(String source, HandoverException refused) {
    super(source + " cannot be handed over: " + refused.reason, refused.getCause());
    this.reason = refused.reason;
    this.report = refused.report;
  }

  /** Returns the same refusal with the name of the file that is refused. */
  HandoverException in(Object source) {
    HandoverException named = new HandoverException(String.valueOf(source), this);
    named.setStackTrace(getStackTrace());
    return named;
  }

  /**
   * Returns what fits and what does not.
   *
   * @return the report, null if the file is refused for another reason
   */
  public @Nullable HandoverReport report() {
    return report;
  }
}
