package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.ByEpochSchedule;
import io.github.dl4jtorch.schedules.Moment;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.ScheduleKind;
import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;

/**
 * A schedule of another library under the name and the keywords that it has there. Two are equal if
 * these are.
 */
final class FamilySchedule implements ByEpochSchedule {

  private final String type;
  private final transient Map<String, Object> keywords;
  private final transient Rates rates;
  private final transient boolean ofPartials;

  private FamilySchedule(
      String type, Map<String, Object> keywords, Rates rates, boolean ofPartials) {
    this.type = type;
    this.keywords = keywords;
    this.rates = rates;
    this.ofPartials = ofPartials;
  }

  /** Describes a schedule by what its keywords make of step, base rate and group. */
  static ScheduleKind<FamilySchedule> rates(String type, Function<Keywords, Rates> rates) {
    return kind(type, rates, false);
  }

  /**
   * Describes a schedule that is a LambdaLR of Python's {@code functools.partial} there, whose
   * state holds an empty map for each of the functions.
   */
  static ScheduleKind<FamilySchedule> partials(String type, Function<Keywords, Rates> rates) {
    return kind(type, rates, true);
  }

  private static ScheduleKind<FamilySchedule> kind(
      String type, Function<Keywords, Rates> rates, boolean ofPartials) {
    return ScheduleKind.of(
        type,
        FamilySchedule.class,
        arguments -> {
          Keywords keywords = new Keywords(arguments);
          Rates made = rates.apply(keywords);
          return new FamilySchedule(type, keywords.noted(), made, ofPartials);
        });
  }

  /** Describes a schedule that multiplies the base rate, as PyTorch's LambdaLR does. */
  static ScheduleKind<FamilySchedule> factor(
      String type, Function<Keywords, DoubleUnaryOperator> factor) {
    return rates(type, timesBase(factor));
  }

  /** Returns what multiplies the base rate. */
  static Function<Keywords, Rates> timesBase(Function<Keywords, DoubleUnaryOperator> factor) {
    return keywords -> {
      DoubleUnaryOperator made = factor.apply(keywords);
      return (step, base, group) -> base * made.applyAsDouble(step);
    };
  }

  /** Describes a schedule that gives all groups the same rate, whatever they had. */
  static ScheduleKind<FamilySchedule> rate(
      String type, Function<Keywords, DoubleUnaryOperator> rate) {
    return rates(
        type,
        keywords -> {
          DoubleUnaryOperator made = rate.apply(keywords);
          return (step, base, group) -> made.applyAsDouble(step);
        });
  }

  /** Describes another name for what this library has; it is written under this library's. */
  static ScheduleKind<Schedule> alias(String type, Function<Keywords, Schedule> schedule) {
    return ScheduleKind.of(
        type, Schedule.class, arguments -> schedule.apply(new Keywords(arguments)));
  }

  /** Reads a definition by its type and keywords. */
  static Schedule read(String type, Map<String, ?> keywords) {
    Map<String, Object> map = new LinkedHashMap<>(keywords);
    map.put("type", type);
    return Schedule.fromMap(map);
  }

  Rates rates() {
    return rates;
  }

  @Override
  public String name() {
    return type;
  }

  @Override
  public void next(Moment at, double[] lr, double[] base, double[] out) {
    boolean first = at.isInitial() && !at.isResuming();
    for (int group = 0; group < lr.length; group++) {
      out[group] =
          first ? rates.first(base[group], group) : rates.at(at.epoch(), base[group], group);
    }
  }

  @Override
  public boolean drivesMomentum() {
    return rates.drivesMomentum();
  }

  @Override
  public double momentum(double epoch) {
    return rates.momentum(epoch);
  }

  @Override
  public void requireFits(ParamGroups groups) {
    ByEpochSchedule.super.requireFits(groups);
    rates.requireFits(groups);
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", type);
    map.putAll(keywords);
    return map;
  }

  /** Holds the type too: the keywords of two schedules may be the same. */
  @Override
  public Map<String, Object> stateParameters(ParamGroups groups) {
    Map<String, Object> parameters = toMap();
    if (ofPartials) {
      parameters.put("lr_lambdas", Collections.nCopies(groups.size(), Map.of()));
    }
    return parameters;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FamilySchedule schedule
        && type.equals(schedule.type)
        && keywords.equals(schedule.keywords);
  }

  @Override
  public int hashCode() {
    return 31 * type.hashCode() + keywords.hashCode();
  }

  /** Returns name and keywords. */
  @Override
  public String toString() {
    return type + keywords;
  }

  private Object writeReplace() {
    return new Written(new LinkedHashMap<>(toMap()));
  }

  private void readObject(ObjectInputStream in) throws InvalidObjectException {
    throw new InvalidObjectException("a " + type + " is serialized as its map");
  }
}
