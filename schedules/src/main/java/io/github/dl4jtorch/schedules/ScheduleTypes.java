package io.github.dl4jtorch.schedules;

import java.lang.ref.SoftReference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.WeakHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The register of schedules: the {@code type} of a written definition, who reads it, and the node
 * of its runs. After this library's own kinds come those that {@link ScheduleKinds} bring and those
 * that were registered.
 */
final class ScheduleTypes {

  private static final List<ScheduleKind<?>> OURS =
      List.of(
          ScheduleKind.leaf("LambdaLR", LambdaLR.class, LambdaLR::read, LambdaLR::formula),
          ScheduleKind.leaf(
              "MultiplicativeLR",
              MultiplicativeLR.class,
              MultiplicativeLR::read,
              MultiplicativeLR::formula),
          ScheduleKind.leaf("StepLR", StepLR.class, StepLR::read, StepLR::formula),
          ScheduleKind.leaf(
              "MultiStepLR", MultiStepLR.class, MultiStepLR::read, MultiStepLR::formula),
          ScheduleKind.leaf("ConstantLR", ConstantLR.class, ConstantLR::read, ConstantLR::formula),
          ScheduleKind.leaf("LinearLR", LinearLR.class, LinearLR::read, LinearLR::formula),
          ScheduleKind.leaf(
              "ExponentialLR", ExponentialLR.class, ExponentialLR::read, ExponentialLR::formula),
          ScheduleKind.leaf(
              "PolynomialLR", PolynomialLR.class, PolynomialLR::read, PolynomialLR::formula),
          ScheduleKind.of("CosineAnnealingLR", CosineAnnealingLR.class, CosineAnnealingLR::read),
          ScheduleKind.node(
              "CosineAnnealingWarmRestarts",
              CosineAnnealingWarmRestarts.class,
              CosineAnnealingWarmRestarts::read,
              CosineAnnealingWarmRestarts.WarmRestartsNode::new),
          ScheduleKind.leaf("CyclicLR", CyclicLR.class, CyclicLR::read, CyclicLR::formula),
          ScheduleKind.leaf("OneCycleLR", OneCycleLR.class, OneCycleLR::read, OneCycleLR::formula),
          ScheduleKind.node(
              "ReduceLROnPlateau",
              ReduceLROnPlateau.class,
              ReduceLROnPlateau::read,
              ReduceLROnPlateau.PlateauNode::new),
          ScheduleKind.leaf("SWALR", SWALR.class, SWALR::read, SWALR::formula),
          ScheduleKind.node(
              "SequentialLR",
              SequentialLR.class,
              SequentialLR::read,
              SequentialLR.SequentialNode::new),
          ScheduleKind.node(
              "ChainedScheduler",
              ChainedScheduler.class,
              ChainedScheduler::read,
              ChainedScheduler.ChainedNode::new),
          ScheduleKind.node("WarmupLR", WarmupLR.class, WarmupLR::read, WarmupLR.WarmupNode::new));

  private static final Map<Class<?>, ScheduleKind<?>> OURS_BY_CLASS =
      OURS.stream().collect(Collectors.toMap(ScheduleKind::type, kind -> kind));

  /** What services bring, by the class loader that found them; it may go when it must. */
  private static final Map<ClassLoader, SoftReference<Map<String, ScheduleKind<?>>>> FOUND =
      new WeakHashMap<>();

  private static final Map<String, ScheduleKind<?>> REGISTERED = new LinkedHashMap<>();

  private ScheduleTypes() {}

  static List<String> names() {
    return List.copyOf(kinds(findAnew(loader())).keySet());
  }

  static void register(ScheduleKind<?> kind) {
    Map<String, ScheduleKind<?>> known = kinds(found(loader()));
    add(known, kind);
    synchronized (REGISTERED) {
      add(REGISTERED, kind);
    }
  }

  /** Makes the node for a definition; a class of the user's own need not be known for that. */
  static Node node(Schedule schedule) {
    ScheduleKind<?> kind = OURS_BY_CLASS.get(schedule.getClass());
    return kind == null ? ownNode(schedule) : kind.node(schedule);
  }

  /** Makes the node for a definition that shows all there is to it. */
  static Node ownNode(Schedule schedule) {
    if (schedule instanceof MetricSchedule withMetric) {
      return new MetricNode(withMetric);
    }
    return new LeafNode(
        schedule,
        schedule instanceof ByEpochSchedule byEpoch
            ? new ByEpochFormula(byEpoch)
            : new ChainableFormula((ChainableSchedule) schedule));
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
          "a schedule's \"type\" must name its class but was " + Arguments.shown(type));
    }
    Arguments arguments = new Arguments(name, map, level);
    arguments.ignore("type");
    return kind(name).read(arguments);
  }

  private static ScheduleKind<?> kind(String name) {
    ScheduleKind<?> kind = kinds(found(loader())).get(name);
    if (kind == null) {
      // Jars may have been added since, as Spark does to its workers.
      Map<String, ScheduleKind<?>> known = kinds(findAnew(loader()));
      kind = known.get(name);
      if (kind == null) {
        throw new MalformedDataException(
            "unknown type \""
                + name
                + "\"; did you mean \""
                + Arguments.nearest(name, known.keySet())
                + "\"?");
      }
    }
    return kind;
  }

  /** Returns a new map of all kinds. */
  private static Map<String, ScheduleKind<?>> kinds(Map<String, ScheduleKind<?>> found) {
    Map<String, ScheduleKind<?>> kinds = new LinkedHashMap<>(found);
    synchronized (REGISTERED) {
      REGISTERED.values().forEach(kind -> add(kinds, kind));
    }
    return kinds;
  }

  private static ClassLoader loader() {
    ClassLoader ofThread = Thread.currentThread().getContextClassLoader();
    return ofThread == null || !knowsThisLibrary(ofThread) ? ofThisLibrary() : ofThread;
  }

  private static ClassLoader ofThisLibrary() {
    ClassLoader own = ScheduleTypes.class.getClassLoader();
    return own == null ? ClassLoader.getSystemClassLoader() : own;
  }

  /** A loader with another copy of this library, or none, has no kinds for this one. */
  private static boolean knowsThisLibrary(ClassLoader loader) {
    try {
      return loader.loadClass(ScheduleKinds.class.getName()) == ScheduleKinds.class;
    } catch (ClassNotFoundException unknown) {
      return false;
    }
  }

  private static Map<String, ScheduleKind<?>> found(ClassLoader loader) {
    SoftReference<Map<String, ScheduleKind<?>>> reference;
    synchronized (FOUND) {
      reference = FOUND.get(loader);
    }
    @Nullable Map<String, ScheduleKind<?>> found = reference == null ? null : reference.get();
    return found == null ? findAnew(loader) : found;
  }

  private static Map<String, ScheduleKind<?>> findAnew(ClassLoader loader) {
    Map<String, ScheduleKind<?>> kinds = new LinkedHashMap<>();
    OURS.forEach(kind -> add(kinds, kind));
    addServices(kinds, ofThisLibrary());
    if (loader != ofThisLibrary()) {
      addServices(kinds, loader);
    }
    synchronized (FOUND) {
      FOUND.put(loader, new SoftReference<>(kinds));
    }
    return kinds;
  }

  private static void addServices(Map<String, ScheduleKind<?>> kinds, ClassLoader loader) {
    for (ScheduleKinds service : ServiceLoader.load(ScheduleKinds.class, loader)) {
      service.kinds().forEach(kind -> add(kinds, kind));
    }
  }

  /** Adds a kind, in the place of the same class from another loader. */
  private static void add(Map<String, ScheduleKind<?>> kinds, ScheduleKind<?> kind) {
    ScheduleKind<?> present = kinds.get(kind.name());
    if (present != null && !present.type().getName().equals(kind.type().getName())) {
      throw new IllegalStateException(
          "a type must be of one class but \""
              + kind.name()
              + "\" is of "
              + present.type().getName()
              + " and of "
              + kind.type().getName());
    }
    kinds.put(kind.name(), kind);
  }

  /** Reads the schedule that stands under a key of another. */
  static Schedule readMember(Arguments arguments, String key) {
    return read(arguments.map(key), arguments.level() + 1);
  }

  /** Reads the schedules that stand in a list under a key of another. */
  static List<Schedule> readMembers(Arguments arguments, String key) {
    List<Schedule> members = new ArrayList<>();
    for (Map<String, ?> member : arguments.maps(key)) {
      members.add(read(member, arguments.level() + 1));
    }
    return members;
  }
}
