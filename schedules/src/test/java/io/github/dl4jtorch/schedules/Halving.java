package io.github.dl4jtorch.schedules;

import java.util.List;
import java.util.Map;

/** A schedule as a user writes it, with what this library gives to users. */
public record Halving(int every, PerGroup<Double> lowest) implements ChainableSchedule {

  public Halving {
    if (every < 1) {
      throw new IllegalArgumentException("every must be >= 1 but was " + every);
    }
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    boolean halves = !at.isInitial() && at.epoch() % every == 0;
    for (int group = 0; group < lr.length; group++) {
      double next = halves ? Math.max(lr[group] / 2, base[group] * lowest.get(group)) : lr[group];
      out[group] = next;
    }
  }

  @Override
  public Map<String, Object> toMap() {
    Object written = lowest.isScalar() ? lowest.get(0) : lowest.values();
    return Map.of("type", "Halving", "every", every, "lowest", written);
  }

  static Halving read(Arguments arguments) {
    return new Halving(arguments.integer("every"), arguments.perGroup("lowest", 0.0));
  }

  /** Named in META-INF/services. */
  public static final class Kinds implements ScheduleKinds {
    @Override
    public List<ScheduleKind<?>> kinds() {
      return List.of(ScheduleKind.of("Halving", Halving.class, Halving::read));
    }
  }
}
