package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.Arguments;
import io.github.dl4jtorch.schedules.ChainableSchedule;
import io.github.dl4jtorch.schedules.Moment;
import io.github.dl4jtorch.schedules.ScheduleKind;
import io.github.dl4jtorch.schedules.ScheduleKinds;
import java.util.List;
import java.util.Map;

/** A schedule as users write it, made known by META-INF/services. */
public record Halving(int every) implements ChainableSchedule {

  static final ScheduleKind<Halving> KIND =
      ScheduleKind.of("Halving", Halving.class, Halving::read);

  static Halving read(Arguments arguments) {
    return new Halving(arguments.integer("every"));
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    for (int group = 0; group < lr.length; group++) {
      boolean halves = at.epoch() != 0 && at.epoch() % every == 0 && !at.isResuming();
      out[group] = halves ? lr[group] / 2 : lr[group];
    }
  }

  @Override
  public Map<String, Object> toMap() {
    return Map.of("type", KIND.name(), "every", every);
  }

  /** Named in META-INF/services. */
  public static final class Kinds implements ScheduleKinds {
    @Override
    public List<ScheduleKind<?>> kinds() {
      return List.of(KIND);
    }
  }
}
