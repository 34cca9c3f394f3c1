package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.schedules.Simulation;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a schedule is going to do, over the updates of a network.
 *
 * @param names what its param groups are called
 * @param simulation its steps
 * @param updates how many updates use the rates of a step: the batches of an epoch if that is one
 * @param count how many updates there are
 */
record Planned(List<String> names, Simulation simulation, int updates, int count) {

  /** Simulates as many steps as there are updates for. */
  static Planned of(Source source, List<String> names, int updates, int count) {
    int steps = (count + updates - 1) / updates;
    return new Planned(names, source.simulator().simulate(steps), updates, count);
  }

  /** Returns the first update. */
  int first() {
    return simulation.start() * updates;
  }

  /** Returns the update after the last one. */
  int end() {
    return first() + count;
  }

  double lr(int group, int update) {
    return simulation.lr(group, update / updates);
  }

  double momentum(int group, int update) {
    return simulation.momentum(group, update / updates);
  }

  boolean has(int update) {
    return update >= first() && update < end();
  }

  /** Returns what is to be drawn of the rates, a line for each param group. */
  List<Line> lrLines() {
    List<Line> lines = new ArrayList<>();
    for (int group = 0; group < names.size(); group++) {
      lines.add(line(names.get(group), simulation.lrs(group)));
    }
    return lines;
  }

  /** Returns what is to be drawn of the momenta, nothing where none changes. */
  List<Line> momentumLines() {
    List<Line> lines = new ArrayList<>();
    if (simulation.cyclesMomentum()) {
      for (int group = 0; group < names.size(); group++) {
        lines.add(line(names.get(group), simulation.momenta(group)));
      }
    }
    return lines;
  }

  /** Returns what begins or ends at which update. */
  SortedMap<Integer, String> milestones() {
    SortedMap<Integer, String> milestones = new TreeMap<>();
    simulation.milestones().forEach((step, what) -> milestones.put(step * updates, what));
    return milestones;
  }

  private Line line(String name, double[] values) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      int from = first() + i * updates;
      x.addAll(List.of((double) from, (double) Math.min(from + updates, end())));
      y.addAll(List.of(values[i], values[i]));
    }
    return Line.through(name, x, y);
  }
}
