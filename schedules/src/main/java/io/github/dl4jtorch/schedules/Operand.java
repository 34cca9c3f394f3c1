package io.github.dl4jtorch.schedules;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A schedule that runs by itself, on groups that nobody else writes to, for another one. */
final class Operand {

  /** Where a step was refused, so that the node may be anywhere. */
  private static final long UNKNOWN = Long.MAX_VALUE;

  private final Schedule schedule;
  private @Nullable Course course;

  Operand(Schedule schedule) {
    this.schedule = schedule;
  }

  /**
   * Goes to a step of the schedule's own clock.
   *
   * @param outer the groups that the rates are for
   * @param base the rates to begin with; NaN for groups that were added later
   * @param withMomentum whether the momentum the groups began with counts
   */
  void goTo(long step, GroupArrays outer, double[] base, boolean withMomentum) {
    Course known = course;
    if (known == null) {
      known = new Course(schedule, ownGroups(outer, base, withMomentum));
      course = known;
    }
    known.goTo(step);
  }

  /** The rate of a group, NaN for one that was added later. */
  double lr(int group) {
    double[] lr = course == null ? new double[0] : course.groups.lr;
    return group < lr.length ? lr[group] : Double.NaN;
  }

  void copyMomentum(double[] to) {
    if (course != null) {
      double[] momentum = course.groups.momentum();
      System.arraycopy(momentum, 0, to, 0, Math.min(momentum.length, to.length));
    }
  }

  private static ParamGroups ownGroups(GroupArrays outer, double[] base, boolean withMomentum) {
    List<ParamGroup> own = new ArrayList<>();
    for (int i = 0; i < base.length && !Double.isNaN(base[i]); i++) {
      double momentum = withMomentum ? outer.marks(GroupMark.INITIAL_MOMENTUM)[i] : 0;
      own.add(
          switch (outer.groups.get(i).momentumKind()) {
            case MOMENTUM -> ParamGroup.sgd(base[i], momentum);
            case BETA1 -> ParamGroup.adam(base[i], momentum);
            case NONE -> ParamGroup.withoutMomentum(base[i]);
          });
    }
    return ParamGroups.of(own);
  }

  /** The schedule under way. */
  private static final class Course {

    private final Node node;
    private final GroupArrays groups;
    private final double[] firstLr;
    private final double[] firstMomentum;
    private long clock;

    Course(Schedule schedule, ParamGroups own) {
      node = Node.of(schedule);
      groups = new GroupArrays(own);
      groups.read();
      node.bind(groups, -1, Node.Parent.NO_SEQUENTIAL);
      node.mark();
      firstLr = groups.lr.clone();
      firstMomentum = groups.momentum().clone();
    }

    void goTo(long step) {
      if (step == clock) {
        return;
      }
      long from = clock;
      clock = UNKNOWN;
      if (step < from) {
        node.rollback();
        groups.restore(firstLr, firstMomentum);
        from = 0;
      }
      node.advance(step - from, groups);
      clock = step;
    }
  }
}
