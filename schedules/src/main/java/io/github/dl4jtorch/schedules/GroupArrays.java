package io.github.dl4jtorch.schedules;

import java.util.Arrays;

/**
 * The groups' numbers as arrays, one entry a group, NaN where absent. A step reads the groups into
 * these, computes here, and writes back at its very end, so that a refusal leaves the groups alone.
 * Momenta and marks are read when they are asked for, as most schedules never do.
 */
final class GroupArrays {

  final ParamGroups groups;
  double[] lr = {};
  private double[] momentum = {};
  private boolean hasMomentum;
  private double[][] marks = {};
  private final boolean[] hasMark = new boolean[GroupMark.ALL.size()];

  /** Room for the next rates; changes places with {@link #lr}. */
  double[] next = {};

  GroupArrays(ParamGroups groups) {
    this.groups = groups;
  }

  int size() {
    return lr.length;
  }

  /** The momenta or betas; whoever asks for them may change them. */
  double[] momentum() {
    if (!hasMomentum) {
      for (int i = 0; i < momentum.length; i++) {
        ParamGroup group = groups.get(i);
        momentum[i] = group.momentumKind() == MomentumKind.NONE ? Double.NaN : group.momentum();
      }
      hasMomentum = true;
    }
    return momentum;
  }

  /** One kind of mark, one entry a group. */
  double[] marks(GroupMark mark) {
    int index = mark.index();
    if (!hasMark[index]) {
      for (int i = 0; i < marks[index].length; i++) {
        marks[index][i] = groups.get(i).marks[index];
      }
      hasMark[index] = true;
    }
    return marks[index];
  }

  /** Notes the momenta that the groups begin with, unless that was done before. */
  void keepInitialMomentum() {
    double[] initial = marks(GroupMark.INITIAL_MOMENTUM);
    for (int i = 0; i < size(); i++) {
      if (Double.isNaN(initial[i])) {
        initial[i] = momentum()[i];
      }
    }
  }

  /** Makes room for some of the groups, with nothing in it. */
  static GroupArrays blank(ParamGroups groups, int size) {
    GroupArrays blank = new GroupArrays(groups);
    blank.resize(size);
    for (double[] mark : blank.marks) {
      Arrays.fill(mark, Double.NaN);
    }
    Arrays.fill(blank.hasMark, true);
    return blank;
  }

  private void resize(int size) {
    lr = new double[size];
    momentum = new double[size];
    marks = new double[GroupMark.ALL.size()][size];
    next = new double[size];
  }

  /** Takes the groups' present rates. Allocates only when groups were added. */
  void read() {
    int size = groups.size();
    if (lr.length != size) {
      resize(size);
    }
    for (int i = 0; i < size; i++) {
      lr[i] = groups.get(i).lr();
    }
    hasMomentum = false;
    Arrays.fill(hasMark, false);
  }

  /** Puts rates and momenta back, where only clocks and bounds were wanted. */
  void restore(double[] lr, double[] momentum) {
    System.arraycopy(lr, 0, this.lr, 0, lr.length);
    System.arraycopy(momentum, 0, momentum(), 0, momentum.length);
  }

  /** Makes the next rates the present ones. */
  void swap() {
    double[] previous = lr;
    lr = next;
    next = previous;
  }

  /** Refuses momenta that are not finite, where they were asked for. */
  void requireFiniteMomenta(Node writer) {
    for (int i = 0; hasMomentum && i < momentum.length; i++) {
      if (!Double.isFinite(momentum[i]) && groups.get(i).momentumKind() != MomentumKind.NONE) {
        throw notTaken(writer, i, "momentum", momentum[i], "");
      }
    }
  }

  /** Refuses what an optimizer does not take, before anything is written. */
  void requireTaken(Node writer) {
    for (int i = 0; i < lr.length; i++) {
      if (lr[i] < 0 && lr[i] < groups.get(i).lowestLr()) {
        throw notTaken(writer, i, "learning rate", lr[i], ", and the optimizer takes none below 0");
      }
    }
    for (int i = 0; hasMomentum && i < momentum.length; i++) {
      ParamGroup group = groups.get(i);
      if (!Double.isNaN(momentum[i]) && momentum[i] != group.momentum()) {
        String range = group.momentumRange(momentum[i]);
        if (range != null) {
          throw notTaken(writer, i, "momentum", momentum[i], ", but " + range);
        }
      }
    }
  }

  ArithmeticException notTaken(Node writer, int group, String name, double value, String why) {
    return new ArithmeticException(
        writer.name()
            + " gives "
            + groups.label(group)
            + " a "
            + name
            + " of "
            + value
            + " at epoch "
            + writer.epoch()
            + why
            + "; nothing was changed");
  }

  /** Writes the rates and momenta that differ back into the groups. */
  void write() {
    for (int i = 0; i < lr.length; i++) {
      groups.get(i).writeLr(lr[i]);
    }
    for (int i = 0; hasMomentum && i < momentum.length; i++) {
      if (!Double.isNaN(momentum[i])) {
        groups.get(i).writeMomentum(momentum[i]);
      }
    }
  }

  /** Writes the marks back into the groups, which are set while a run is attached and not later. */
  void writeMarks() {
    for (int mark = 0; mark < marks.length; mark++) {
      for (int i = 0; hasMark[mark] && i < lr.length; i++) {
        groups.get(i).marks[mark] = marks[mark][i];
      }
    }
  }
}
