package io.github.dl4jtorch.schedules;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The register of schedules: the {@code type} of a written definition, and who reads it. */
final class ScheduleTypes {

  private static final Map<String, Function<MapReader, Schedule>> READERS = new LinkedHashMap<>();

  static {
    READERS.put("LambdaLR", LambdaLR::read);
    READERS.put("MultiplicativeLR", MultiplicativeLR::read);
    READERS.put("StepLR", StepLR::read);
    READERS.put("MultiStepLR", MultiStepLR::read);
    READERS.put("ConstantLR", ConstantLR::read);
    READERS.put("LinearLR", LinearLR::read);
    READERS.put("ExponentialLR", ExponentialLR::read);
    READERS.put("PolynomialLR", PolynomialLR::read);
    READERS.put("CosineAnnealingLR", CosineAnnealingLR::read);
    READERS.put("CosineAnnealingWarmRestarts", CosineAnnealingWarmRestarts::read);
    READERS.put("CyclicLR", CyclicLR::read);
    READERS.put("OneCycleLR", OneCycleLR::read);
    READERS.put("ReduceLROnPlateau", ReduceLROnPlateau::read);
    READERS.put("SWALR", SWALR::read);
    READERS.put("SequentialLR", SequentialLR::read);
    READERS.put("ChainedScheduler", ChainedScheduler::read);
    READERS.put("WarmupLR", WarmupLR::read);
  }

  private ScheduleTypes() {}

  static Iterable<String> names() {
    return READERS.keySet();
  }

  static Schedule read(Map<String, ?> map) {
    return read(map, 1);
  }

  private static Schedule read(Map<String, ?> map, int level) {
    if (level > Require.MAX_LEVELS) {
      throw new MalformedDataException(
          "schedules must be nested at most " + Require.MAX_LEVELS + " deep but were deeper");
    }
    Object type = map.get("type");
    if (!(type instanceof String name)) {
      throw new MalformedDataException(
          "a schedule's \"type\" must name its class but was " + MapReader.shown(type));
    }
    Function<MapReader, Schedule> reader = READERS.get(name);
    if (reader == null) {
      throw new MalformedDataException(
          "unknown type \""
              + name
              + "\"; did you mean \""
              + MapReader.nearest(name, READERS.keySet())
              + "\"?");
    }
    MapReader arguments = new MapReader(name, map, level);
    arguments.ignore("type");
    Schedule schedule;
    try {
      schedule = reader.apply(arguments);
    } catch (MalformedDataException alreadyClear) {
      throw alreadyClear;
    } catch (IllegalArgumentException refused) {
      throw new MalformedDataException(name + ": " + refused.getMessage(), refused);
    }
    arguments.refuseUnknown();
    return schedule;
  }

  /** Reads the schedule that stands under a key of another. */
  static Schedule readMember(MapReader map, String key) {
    return read(map.map(key), map.level() + 1);
  }

  static List<Schedule> readMembers(MapReader map) {
    List<Schedule> members = new ArrayList<>();
    for (Map<String, ?> member : map.maps("schedulers")) {
      members.add(read(member, map.level() + 1));
    }
    return members;
  }
}
