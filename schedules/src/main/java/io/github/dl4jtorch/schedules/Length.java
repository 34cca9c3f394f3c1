package io.github.dl4jtorch.schedules;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A length of time in a training, as Composer writes it: {@code "10ep"} is 10 epochs, {@code
 * "500ba"} 500 batches, {@code "0.1dur"} a tenth of the training. What that is in steps a {@link
 * TrainingLength} knows.
 *
 * <pre>{@code
 * Length warmup = Length.of("0.1dur");
 * }</pre>
 *
 * @param value how many, finite and {@code >= 0}
 * @param unit of what
 */
public record Length(double value, Unit unit) {

  private static final Pattern WRITTEN =
      Pattern.compile("([0-9]+(?:\\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\\s*(ep|ba|sp|tok|dur)");

  /** What a length is measured in. */
  public enum Unit {
    /** Epochs. */
    EP,
    /** Batches, that is iterations. */
    BA,
    /** Samples. */
    SP,
    /** Tokens. */
    TOK,
    /** Shares of the whole training. */
    DUR;

    /**
     * Returns the unit as it is written.
     *
     * @return for example {@code ep}
     */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Checks the arguments.
   *
   * @param value how many, finite and {@code >= 0}
   * @param unit of what
   * @throws IllegalArgumentException if the value is out of its range
   */
  public Length {
    Require.requireNonNegative("value", value);
    Require.requireGiven("unit", unit);
  }

  /**
   * Reads a length.
   *
   * @param text a number and a unit
   * @return the length
   * @throws IllegalArgumentException if it is none
   */
  public static Length of(String text) {
    return of("length", text);
  }

  /**
   * Reads an argument that is a length.
   *
   * @param name what the argument is called, for the message
   * @param text a number and a unit
   * @return the length
   * @throws IllegalArgumentException if it is none
   */
  public static Length of(String name, String text) {
    Matcher written = WRITTEN.matcher(text);
    if (!written.matches() || Double.isInfinite(Double.parseDouble(written.group(1)))) {
      throw Require.illegal(
          name, "a number and ep, ba, sp, tok or dur, like \"0.1dur\",", '"' + text + '"');
    }
    return new Length(
        Double.parseDouble(written.group(1)),
        Unit.valueOf(written.group(2).toUpperCase(Locale.ROOT)));
  }

  /** Returns the length as it is written. */
  @Override
  public String toString() {
    return Arguments.wholeOrFraction(value) + unit.toString();
  }
}
