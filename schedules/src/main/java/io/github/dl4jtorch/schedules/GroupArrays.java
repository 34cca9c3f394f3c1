package io.github.dl4jtorch.schedules;

/**
 * The groups' numbers as arrays, one entry a group, NaN where absent. A step reads the groups into
 * these, computes here, and writes back at its very end, so that a refusal leaves the groups alone.
 */
final class GroupArrays {

  final ParamGroups groups;
  double[] lr = {};
  double[] momentum = {};
  double[] initialLr = {};
  double[] maxLr = {};
  double[] minLr = {};
  double[] maxMomentum = {};
  double[] baseMomentum = {};
  double[] swaLr = {};
  double[] initialMomentum = {};

  /** Room for the next rates; changes places with {@link #lr}. */
  double[] next = {};

  GroupArrays(ParamGroups groups) {
    this.groups = groups;
  }

  int size() {
    return lr.length;
  }

  /** Takes the groups' present numbers. Allocates only when groups were added. */
  void read() {
    int size = groups.size();
    if (lr.length != size) {
      lr = new double[size];
      momentum = new double[size];
      initialLr = new double[size];
      maxLr = new double[size];
      minLr = new double[size];
      maxMomentum = new double[size];
      baseMomentum = new double[size];
      swaLr = new double[size];
      initialMomentum = new double[size];
      next = new double[size];
    }
    for (int i = 0; i < size; i++) {
      ParamGroup group = groups.get(i);
      lr[i] = group.lr();
      momentum[i] = group.momentumKind() == MomentumKind.NONE ? Double.NaN : group.momentum();
      initialLr[i] = group.initialLr;
      maxLr[i] = group.maxLr;
      minLr[i] = group.minLr;
      maxMomentum[i] = group.maxMomentum;
      baseMomentum[i] = group.baseMomentum;
      swaLr[i] = group.swaLr;
      initialMomentum[i] = group.initialMomentum;
    }
  }

  /** Puts rates and momenta back, where only clocks and bounds were wanted. */
  void restore(double[] lr, double[] momentum) {
    System.arraycopy(lr, 0, this.lr, 0, lr.length);
    System.arraycopy(momentum, 0, this.momentum, 0, momentum.length);
  }

  /** Makes the next rates the present ones. */
  void swap() {
    double[] previous = lr;
    lr = next;
    next = previous;
  }

  /** Refuses what an optimizer does not take, before anything is written. */
  void requireTaken(Node writer) {
    for (int i = 0; i < lr.length; i++) {
      ParamGroup group = groups.get(i);
      if (lr[i] < group.lowestLr()) {
        throw notTaken(writer, i, "learning rate", lr[i], ", and the optimizer takes none below 0");
      }
      if (!Double.isNaN(momentum[i])) {
        String range = group.momentumRange(momentum[i]);
        if (range != null && momentum[i] != group.momentum()) {
          throw notTaken(writer, i, "momentum", momentum[i], ", but " + range);
        }
      }
    }
  }

  private static ArithmeticException notTaken(
      Node writer, int group, String name, double value, String why) {
    return new ArithmeticException(
        writer.name()
            + " gives param group "
            + group
            + " a "
            + name
            + " of "
            + value
            + " at epoch "
            + writer.epoch()
            + why
            + "; nothing was changed");
  }

  /** Writes what differs back into the groups. */
  void write() {
    for (int i = 0; i < lr.length; i++) {
      ParamGroup group = groups.get(i);
      group.writeLr(lr[i]);
      if (!Double.isNaN(momentum[i])) {
        group.writeMomentum(momentum[i]);
      }
      group.initialLr = initialLr[i];
      group.maxLr = maxLr[i];
      group.minLr = minLr[i];
      group.maxMomentum = maxMomentum[i];
      group.baseMomentum = baseMomentum[i];
      group.swaLr = swaLr[i];
      group.initialMomentum = initialMomentum[i];
    }
  }
}
