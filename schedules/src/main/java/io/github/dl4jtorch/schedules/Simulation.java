package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireGiven;

import java.util.Arrays;
import java.util.Locale;
import java.util.SortedMap;
import java.util.function.IntToDoubleFunction;

/**
 * What a schedule is going to do: the rates and momenta of the updates to come, computed on copies
 * of the param groups. They are what a training uses, to the bit.
 *
 * <pre>{@code
 * Schedule schedule = new SequentialLR(
 *     List.of(new LinearLR(0.1, 10), new CosineAnnealingLR(90)), List.of(10));
 * Simulation simulation = schedule.simulate(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)), 100);
 * double first = simulation.lr(0, 0); // 0.010000000000000002
 * String milestones = simulation.milestones().toString(); // {10=CosineAnnealingLR}
 * String csv = simulation.toCsv();
 * }</pre>
 */
public final class Simulation {

  /** How many lines of a table are at regular steps. */
  private static final int ROWS = 20;

  private final Schedule schedule;
  private final int start;
  // A row for each group.
  private final double[][] lr;
  private final double[][] momentum;

  private Simulation(Schedule schedule, int start, double[][] lr, double[][] momentum) {
    this.schedule = schedule;
    this.start = start;
    this.lr = lr;
    this.momentum = momentum;
  }

  static Simulation fresh(
      Schedule schedule, ParamGroups groups, int steps, IntToDoubleFunction metric) {
    requireSteps(steps, metric);
    return of(schedule.attach(groups.copy()), steps, metric);
  }

  static Simulation onwards(LRScheduler run, int steps, IntToDoubleFunction metric) {
    requireSteps(steps, metric);
    LRScheduler copy =
        run.schedule()
            .resume(run.paramGroups().copy(), run.stateDict(), run.paramGroups().stateDict());
    return of(copy, steps, metric);
  }

  private static void requireSteps(int steps, IntToDoubleFunction metric) {
    Require.requirePositive("steps", steps);
    requireGiven("metric", metric);
  }

  /** Stands for the metric where none is given, and says so if one is asked for. */
  static IntToDoubleFunction noMetric(Schedule schedule) {
    return step -> {
      throw new UnsupportedOperationException(
          schedule.name()
              + " needs a metric: use simulate(.., steps, metric), with step -> 1.0 for one that"
              + " never improves");
    };
  }

  private static Simulation of(LRScheduler run, int steps, IntToDoubleFunction metric) {
    ParamGroups groups = run.paramGroups();
    double[][] lr = new double[groups.size()][steps];
    double[][] momentum = new double[groups.size()][steps];
    int start = (int) run.lastEpoch();
    for (int step = 0; step < steps; step++) {
      if (step > 0 && run.schedule().needsMetric()) {
        run.step(metric.applyAsDouble(start + step - 1));
      } else if (step > 0) {
        run.step();
      }
      for (int i = 0; i < groups.size(); i++) {
        ParamGroup group = groups.get(i);
        lr[i][step] = group.usedLr();
        momentum[i][step] =
            group.momentumKind() == MomentumKind.NONE ? Double.NaN : group.momentum();
      }
    }
    return new Simulation(run.schedule(), start, lr, momentum);
  }

  /**
   * Returns the definition.
   *
   * @return the schedule that was simulated
   */
  public Schedule schedule() {
    return schedule;
  }

  /**
   * Returns the step that the first values are of.
   *
   * @return 0, or where the run was
   */
  public int start() {
    return start;
  }

  /**
   * Returns the number of steps.
   *
   * @return as many as were asked for
   */
  public int steps() {
    return lr[0].length;
  }

  /**
   * Returns the number of param groups.
   *
   * @return how many there are
   */
  public int groups() {
    return lr.length;
  }

  /**
   * Returns the learning rate of an update.
   *
   * @param group the param group, from 0
   * @param step the step, from {@link #start()}
   * @return the rate
   * @throws IndexOutOfBoundsException if there is no such group or step
   */
  public double lr(int group, int step) {
    return row(lr, group)[index(step)];
  }

  /**
   * Returns the learning rates of all steps.
   *
   * @param group the param group, from 0
   * @return a new array, one entry a step
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public double[] lrs(int group) {
    return row(lr, group).clone();
  }

  /**
   * Returns the momentum, or beta1, of an update.
   *
   * @param group the param group, from 0
   * @param step the step, from {@link #start()}
   * @return the value, NaN if the group has neither
   * @throws IndexOutOfBoundsException if there is no such group or step
   */
  public double momentum(int group, int step) {
    return row(momentum, group)[index(step)];
  }

  /**
   * Returns the momenta, or values of beta1, of all steps.
   *
   * @param group the param group, from 0
   * @return a new array, one entry a step, NaN if the group has neither
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public double[] momenta(int group) {
    return row(momentum, group).clone();
  }

  /**
   * Tells whether a momentum changes on the way.
   *
   * @return true if one does
   */
  public boolean cyclesMomentum() {
    for (int group = 0; group < groups(); group++) {
      double first = momentum[group][0];
      if (hasMomentum(group) && Arrays.stream(momentum[group]).anyMatch(now -> now != first)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Returns the steps at which the definition says that something begins or ends, like a member of
   * a {@link SequentialLR}, a decay, a restart or the top of a cycle. Schedules of one's own say
   * nothing.
   *
   * @return from the step to what is there, in order
   */
  public SortedMap<Integer, String> milestones() {
    return Milestones.of(schedule, start, start + steps());
  }

  /**
   * Returns all values as CSV: a line for each step with the columns {@code step}, then {@code
   * param group 0 lr} and, where groups have one, {@code param group 0 momentum}. Numbers are
   * written in full.
   *
   * @return the lines, the first with the names of the columns
   */
  public String toCsv() {
    StringBuilder csv = new StringBuilder("step");
    for (int group = 0; group < groups(); group++) {
      csv.append(",param group ").append(group).append(" lr");
      if (hasMomentum(group)) {
        csv.append(",param group ").append(group).append(" momentum");
      }
    }
    csv.append('\n');
    for (int i = 0; i < steps(); i++) {
      csv.append(start + i);
      for (int group = 0; group < groups(); group++) {
        csv.append(',').append(lr[group][i]);
        if (hasMomentum(group)) {
          csv.append(',').append(momentum[group][i]);
        }
      }
      csv.append('\n');
    }
    return csv.toString();
  }

  /**
   * Returns a table for reading: the first and the last step, the milestones, and so many others
   * that there are about 20 lines. Rates are rounded to 6 digits. Momenta are shown if one changes.
   *
   * @return the lines, the first with the names of the columns
   */
  public String toTable() {
    boolean momenta = cyclesMomentum();
    SortedMap<Integer, String> milestones = milestones();
    StringBuilder table = new StringBuilder(String.format(Locale.ROOT, "%9s", "step"));
    for (int group = 0; group < groups(); group++) {
      String of = groups() == 1 ? "" : " " + group;
      table.append(String.format(Locale.ROOT, "%14s", "lr" + of));
      if (momenta) {
        table.append(String.format(Locale.ROOT, "%14s", "momentum" + of));
      }
    }
    table.append('\n');
    int every = (steps() + ROWS - 1) / ROWS;
    boolean allMilestones = milestones.size() <= ROWS;
    for (int i = 0; i < steps(); i++) {
      String milestone = milestones.get(start + i);
      if (i % every == 0 || i == steps() - 1 || (milestone != null && allMilestones)) {
        table.append(String.format(Locale.ROOT, "%9d", start + i));
        for (int group = 0; group < groups(); group++) {
          table.append(String.format(Locale.ROOT, "%14.6g", lr[group][i]));
          if (momenta) {
            table.append(String.format(Locale.ROOT, "%14.6g", momentum[group][i]));
          }
        }
        table.append(milestone == null ? "" : "  " + milestone).append('\n');
      }
    }
    return table.toString();
  }

  private boolean hasMomentum(int group) {
    return !Double.isNaN(momentum[group][0]);
  }

  private double[] row(double[][] rows, int group) {
    if (group < 0 || group >= rows.length) {
      throw new IndexOutOfBoundsException(
          "group must be >= 0 and < " + rows.length + " but was " + group);
    }
    return rows[group];
  }

  private int index(int step) {
    if (step < start || step >= start + steps()) {
      throw new IndexOutOfBoundsException(
          "step must be >= " + start + " and < " + (start + steps()) + " but was " + step);
    }
    return step - start;
  }

  /** Returns the definition, and which of its steps are here. */
  @Override
  public String toString() {
    return schedule + ", steps " + start + " to " + (start + steps() - 1);
  }
}
