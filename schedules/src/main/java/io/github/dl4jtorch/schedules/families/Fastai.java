package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PerGroup;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The schedules of {@code fastai}: what {@code fit_one_cycle}, {@code fit_flat_cos} and {@code
 * fit_sgdr} set before each batch, and the functions they are made of. There they are functions of
 * the share of the training that is done; here step {@code t} is the share {@code t / (n_epoch *
 * n_iter)}, where {@code n_iter} is the number of batches an epoch. With the default of 1 they are
 * stepped after every epoch, and go on at their end.
 *
 * <p>Without {@code lr_max} (or {@code lr}) each group's own rate is the highest. {@code
 * fit_one_cycle} sets the momentum too, unless {@code moms} is an empty list.
 *
 * <pre>{@code
 * Schedule oneCycle = Fastai.schedule("fit_one_cycle", Map.of("n_epoch", 5, "n_iter", 100));
 * Schedule function = Fastai.schedule("SchedCos", Map.of("start", 0.1, "end", 0.001, "n_iter", 500));
 * }</pre>
 */
public final class Fastai {

  static final List<ScheduleKind<?>> KINDS =
      List.of(
          FamilySchedule.rates(
              "fastai.SchedLin",
              keywords -> {
                Span span = new Span(keywords);
                return share(keywords, pos -> span.start + pos * (span.end - span.start));
              }),
          FamilySchedule.rates(
              "fastai.SchedCos",
              keywords -> {
                Span span = new Span(keywords);
                return share(keywords, pos -> cos(span.start, span.end, pos));
              }),
          FamilySchedule.rates(
              "fastai.SchedNo",
              keywords -> {
                Span span = new Span(keywords);
                return share(keywords, pos -> span.start);
              }),
          FamilySchedule.rates(
              "fastai.SchedExp",
              keywords -> {
                Span span = new Span(keywords);
                return share(keywords, pos -> span.start * Math.pow(span.end / span.start, pos));
              }),
          FamilySchedule.rates(
              "fastai.SchedPoly",
              keywords -> {
                Span span = new Span(keywords);
                double power = keywords.number("power");
                return share(
                    keywords, pos -> span.start + (span.end - span.start) * Math.pow(pos, power));
              }),
          FamilySchedule.rates("fastai.combine_scheds", Fastai::combineScheds),
          FamilySchedule.rates(
              "fastai.combined_cos",
              keywords -> {
                Parts parts = Parts.of("pct", keywords.number("pct"));
                double start = keywords.number("start");
                double middle = keywords.number("middle");
                double end = keywords.number("end");
                return share(keywords, pos -> combinedCos(parts, start, middle, end, pos));
              }),
          FamilySchedule.rates("fastai.fit_one_cycle", OneCycle::new),
          FamilySchedule.rates("fastai.fit_flat_cos", FlatCos::new),
          FamilySchedule.rates("fastai.fit_sgdr", Sgdr::new));

  private Fastai() {}

  /**
   * Makes a schedule by its name there.
   *
   * @param name {@code fit_one_cycle}, {@code fit_flat_cos}, {@code fit_sgdr}, {@code SchedLin},
   *     {@code SchedCos}, {@code SchedNo}, {@code SchedExp}, {@code SchedPoly}, {@code
   *     combined_cos} or {@code combine_scheds}
   * @param keywords its keywords, as docs/families.md lists them, and {@code n_iter}
   * @return the schedule
   * @throws io.github.dl4jtorch.schedules.MalformedDataException if the name or a keyword is
   *     unknown, one is missing, or a number is out of its range
   */
  public static Schedule schedule(String name, Map<String, ?> keywords) {
    return FamilySchedule.read("fastai." + name, keywords);
  }

  /** From where to where a function goes. */
  private record Span(double start, double end) {
    Span(Keywords keywords) {
      this(keywords.number("start"), keywords.number("end"));
    }
  }

  /** The same rate for all groups, by the share that is done. */
  private static Rates share(Keywords keywords, DoubleUnaryOperator ofShare) {
    double steps = keywords.atLeast(1, "n_iter", 1);
    return (step, base, group) -> ofShare.applyAsDouble(step / steps);
  }

  private static double cos(double start, double end, double pos) {
    return start + (1 + Math.cos(Math.PI * (1 - pos))) * (end - start) / 2;
  }

  private static double combinedCos(
      Parts parts, double start, double middle, double end, double pos) {
    int part = parts.at(pos);
    double within = parts.within(part, pos);
    return part == 0 ? cos(start, middle, within) : cos(middle, end, within);
  }

  /** The shares of a training that parts of it take. */
  private static final class Parts {

    private final double[] ends;

    Parts(List<Double> pcts) {
      ends = new double[pcts.size() + 1];
      for (int i = 0; i < pcts.size(); i++) {
        if (pcts.get(i) < 0) {
          throw Keywords.illegal("pcts", ">= 0", pcts);
        }
        ends[i + 1] = ends[i] + pcts.get(i);
      }
      if (!(Math.abs(ends[pcts.size()] - 1) < 1e-12)) {
        throw Keywords.illegal("the sum of pcts", "1", ends[pcts.size()]);
      }
    }

    /** Two of them, the first of a given share. */
    static Parts of(String key, double first) {
      if (!(first >= 0 && first <= 1)) {
        throw Keywords.illegal(key, ">= 0 and <= 1", first);
      }
      return new Parts(List.of(first, 1 - first));
    }

    int size() {
      return ends.length - 1;
    }

    /** Returns the part that a share is in: the last to have begun. */
    int at(double pos) {
      int part = size() - 1;
      while (part > 0 && pos < ends[part]) {
        part--;
      }
      return part;
    }

    /** Returns the share of a part that is done. */
    double within(int part, double pos) {
      return (pos - ends[part]) / (ends[part + 1] - ends[part]);
    }
  }

  private static Rates combineScheds(Keywords keywords) {
    Parts parts = new Parts(keywords.numbers("pcts"));
    List<Rates> scheds = new ArrayList<>();
    for (Schedule schedule : keywords.schedules("scheds")) {
      if (!(schedule instanceof FamilySchedule family) || !family.name().startsWith("fastai.")) {
        throw Keywords.illegal("scheds", "functions of fastai", schedule.name());
      }
      scheds.add(family.rates());
    }
    if (scheds.size() != parts.size()) {
      throw Keywords.illegal("scheds", "as many as pcts, " + parts.size() + ",", scheds.size());
    }
    return share(
        keywords,
        pos -> {
          int part = parts.at(pos);
          return scheds.get(part).at(parts.within(part, pos), Double.NaN, 0);
        });
  }

  /** The highest rates: those given, or the groups' own. */
  private record Highest(String key, @Nullable PerGroup<Double> given) {
    Highest(String key, Keywords keywords) {
      this(key, keywords.has(key) ? keywords.perGroup(key) : null);
    }

    double of(double base, int group) {
      return given == null ? base : Rates.of(given, group);
    }

    void requireFits(ParamGroups groups) {
      if (given != null) {
        given.requireFits(key, groups);
      }
    }
  }

  private static double batches(Keywords keywords, double epochs) {
    return epochs * keywords.atLeast(1, "n_iter", 1);
  }

  /** {@code fit_one_cycle}. */
  private record OneCycle(
      Highest max, double div, double divFinal, Parts parts, List<Double> moms, double steps)
      implements Rates {

    OneCycle(Keywords keywords) {
      this(
          new Highest("lr_max", keywords),
          keywords.positiveOr(25, "div"),
          keywords.positiveOr(1e5, "div_final"),
          Parts.of("pct_start", keywords.number("pct_start", 0.25)),
          keywords.numbers("moms", List.of(0.95, 0.85, 0.95)),
          batches(keywords, keywords.atLeast(1, "n_epoch")));
      if (!moms.isEmpty() && moms.size() != 3) {
        throw Keywords.illegal("moms", "three or none", moms);
      }
    }

    @Override
    public double at(double step, double base, int group) {
      double lr = max.of(base, group);
      return combinedCos(parts, lr / div, lr, lr / divFinal, step / steps);
    }

    @Override
    public boolean drivesMomentum() {
      return !moms.isEmpty();
    }

    @Override
    public double momentum(double step) {
      return combinedCos(parts, moms.get(0), moms.get(1), moms.get(2), step / steps);
    }

    @Override
    public void requireFits(ParamGroups groups) {
      max.requireFits(groups);
    }
  }

  /** {@code fit_flat_cos}. */
  private record FlatCos(Highest lr, double divFinal, Parts parts, double steps) implements Rates {

    FlatCos(Keywords keywords) {
      this(
          new Highest("lr", keywords),
          keywords.positiveOr(1e5, "div_final"),
          Parts.of("pct_start", keywords.number("pct_start", 0.75)),
          batches(keywords, keywords.atLeast(1, "n_epoch")));
    }

    @Override
    public double at(double step, double base, int group) {
      double high = lr.of(base, group);
      return combinedCos(parts, high, high, high / divFinal, step / steps);
    }

    @Override
    public void requireFits(ParamGroups groups) {
      lr.requireFits(groups);
    }
  }

  /** {@code fit_sgdr}. */
  private record Sgdr(Highest max, Parts parts, double steps) implements Rates {

    Sgdr(Keywords keywords) {
      this(
          new Highest("lr_max", keywords),
          keywords.atLeast(1, "n_cycles"),
          keywords.atLeast(1, "cycle_len"),
          keywords.atLeast(2, "cycle_mult", 2),
          keywords);
    }

    private Sgdr(Highest max, int cycles, int length, int mult, Keywords keywords) {
      this(max, cycles(cycles, length, mult), batches(keywords, epochs(cycles, length, mult)));
    }

    private static double epochs(int cycles, int length, int mult) {
      return Math.floor(length * (Math.pow(mult, cycles) - 1) / (mult - 1));
    }

    private static Parts cycles(int cycles, int length, int mult) {
      double epochs = epochs(cycles, length, mult);
      List<Double> pcts = new ArrayList<>();
      for (int i = 0; i < cycles; i++) {
        pcts.add(length * Math.pow(mult, i) / epochs);
      }
      return new Parts(pcts);
    }

    @Override
    public double at(double step, double base, int group) {
      double pos = step / steps;
      int part = parts.at(pos);
      return cos(max.of(base, group), 0, parts.within(part, pos));
    }

    @Override
    public void requireFits(ParamGroups groups) {
      max.requireFits(groups);
    }
  }
}
