package io.github.dl4jtorch.handover;

import java.util.ArrayList;
import java.util.List;

/**
 * What became of the entries of a file, and of the parameters of a network.
 *
 * <pre>{@code
 * HandoverReport report = TorchWeights.of(net).compare(TorchFile.read(Path.of("model.pt")));
 * if (!report.fits()) {
 *   System.out.println(report);
 * }
 * }</pre>
 *
 * @param applied what is taken over, as in {@code fc.weight [10, 64] -> fc.W}
 * @param missing what the network needs and the file does not have
 * @param leftOver what the file has and the network does not take
 * @param misfits what both have, but not alike: other shapes, kinds or settings
 * @param notes what else is worth knowing
 */
public record HandoverReport(
    List<String> applied,
    List<String> missing,
    List<String> leftOver,
    List<String> misfits,
    List<String> notes) {

  /**
   * Copies the lists.
   *
   * @param applied what is taken over
   * @param missing what the network needs and the file does not have
   * @param leftOver what the file has and the network does not take
   * @param misfits what both have, but not alike
   * @param notes what else is worth knowing
   */
  public HandoverReport {
    applied = List.copyOf(applied);
    missing = List.copyOf(missing);
    leftOver = List.copyOf(leftOver);
    misfits = List.copyOf(misfits);
    notes = List.copyOf(notes);
  }

  /**
   * Tells whether all of the file fits all of the network.
   *
   * @return true if nothing is missing, left over or unlike
   */
  public boolean fits() {
    return missing.isEmpty() && leftOver.isEmpty() && misfits.isEmpty();
  }

  /** Returns the report in lines, a title before each list that is not empty. */
  @Override
  public String toString() {
    List<String> lines = new ArrayList<>();
    add(lines, "applied", applied);
    add(lines, "missing", missing);
    add(lines, "left over", leftOver);
    add(lines, "do not fit", misfits);
    add(lines, "notes", notes);
    return lines.isEmpty() ? "nothing to hand over" : String.join("\n", lines);
  }

  /** Returns what does not fit alone, for a message. */
  String complaint() {
    List<String> lines = new ArrayList<>();
    add(lines, "missing", missing);
    add(lines, "left over", leftOver);
    add(lines, "do not fit", misfits);
    return String.join("\n", lines);
  }

  private static void add(List<String> lines, String title, List<String> entries) {
    if (!entries.isEmpty()) {
      lines.add(title + " (" + entries.size() + "):");
      entries.forEach(entry -> lines.add("  " + entry));
    }
  }

  /** A report that is being written. */
  static final class Draft {
    final List<String> applied = new ArrayList<>();
    final List<String> missing = new ArrayList<>();
    final List<String> leftOver = new ArrayList<>();
    final List<String> misfits = new ArrayList<>();
    final List<String> notes = new ArrayList<>();

    HandoverReport done() {
      return new HandoverReport(applied, missing, leftOver, misfits, notes);
    }
  }
}
