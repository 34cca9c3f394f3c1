package io.github.dl4jtorch.adapter;

/**
 * Something that a {@link Doctor} has found.
 *
 * <pre>{@code
 * Doctor.of(net).examine().forEach(finding -> System.out.println(finding));
 * }</pre>
 *
 * @param where the layers or the run that it is about, with commas
 * @param what what is wrong and what comes of it
 * @param advice what to do, a sentence without its full stop
 */
public record Finding(String where, String what, String advice) {

  /** Returns all of it in one line. */
  @Override
  public String toString() {
    return where + ": " + what + ". " + advice + ".";
  }
}
