package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * What a schedule does over a number of steps, without a network.
 *
 * @param lr the learning rates, a line for each param group
 * @param momentum the momenta, likewise
 */
record Curve(List<Line> lr, List<Line> momentum) {

  /**
   * Runs a schedule through.
   *
   * @param lr the rates to start from, one a param group
   * @param metric what a plateau is given after each step
   */
  static Curve of(
      Schedule schedule, List<Double> lr, double momentum, int steps, IntToDoubleFunction metric) {
    ParamGroups groups =
        ParamGroups.of(lr.stream().map(rate -> ParamGroup.sgd(rate, momentum)).toList());
    List<List<Double>> rates = empty(groups);
    List<List<Double>> momenta = empty(groups);
    LRScheduler scheduler = schedule.attach(groups);
    for (int step = 0; step < steps; step++) {
      if (step > 0) {
        step(scheduler, metric.applyAsDouble(step - 1));
      }
      for (int group = 0; group < groups.size(); group++) {
        rates.get(group).add(groups.get(group).lr());
        momenta.get(group).add(groups.get(group).momentum());
      }
    }
    return new Curve(lines(rates), lines(momenta));
  }

  private static void step(LRScheduler scheduler, double metric) {
    if (scheduler.schedule().needsMetric()) {
      scheduler.step(metric);
    } else {
      scheduler.step();
    }
  }

  /** Tells whether the schedule drives the momentum, too. */
  boolean cyclesMomentum() {
    return momentum.stream().anyMatch(Line::varies);
  }

  private static List<List<Double>> empty(ParamGroups groups) {
    List<List<Double>> lists = new ArrayList<>();
    groups.forEach(group -> lists.add(new ArrayList<>()));
    return lists;
  }

  private static List<Line> lines(List<List<Double>> byGroup) {
    List<Line> lines = new ArrayList<>();
    for (int group = 0; group < byGroup.size(); group++) {
      lines.add(Line.of("param group " + group, byGroup.get(group)));
    }
    return lines;
  }
}
