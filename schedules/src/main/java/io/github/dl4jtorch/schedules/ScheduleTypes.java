package io.github.dl4jtorch.schedules;

import java.lang.ref.SoftReference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The register of schedules: the {@code type} of a written definition, and who reads it. After this
 * library's own kinds come those that {@link ScheduleKinds} bring and those that were registered.
 */
final class ScheduleTypes {

  private static final List<ScheduleKind<?>> OURS =
      List.of(
          ScheduleKind.of("LambdaLR", LambdaLR.class, LambdaLR::read),
          ScheduleKind.of("MultiplicativeLR", MultiplicativeLR.class, MultiplicativeLR::read),
          ScheduleKind.of("StepLR", StepLR.class, StepLR::read),
          ScheduleKind.of("MultiStepLR", MultiStepLR.class, MultiStepLR::read),
          ScheduleKind.of("ConstantLR", ConstantLR.class, ConstantLR::read),
          ScheduleKind.of("LinearLR", LinearLR.class, LinearLR::read),
          ScheduleKind.of("ExponentialLR", ExponentialLR.class, ExponentialLR::read),
          ScheduleKind.of("PolynomialLR", PolynomialLR.class, PolynomialLR::read),
          ScheduleKind.of("CosineAnnealingLR", CosineAnnealingLR.class, CosineAnnealingLR::read),
          ScheduleKind.of(
              "CosineAnnealingWarmRestarts",
              CosineAnnealingWarmRestarts.class,
              CosineAnnealingWarmRestarts::read),
          ScheduleKind.of("CyclicLR", CyclicLR.class, CyclicLR::read),
          ScheduleKind.of("OneCycleLR", OneCycleLR.class, OneCycleLR::read),
          ScheduleKind.of("ReduceLROnPlateau", ReduceLROnPlateau.class, ReduceLROnPlateau::read),
          ScheduleKind.of("SWALR", SWALR.class, SWALR::read),
          ScheduleKind.of("SequentialLR", SequentialLR.class, SequentialLR::read),
          ScheduleKind.of("ChainedScheduler", ChainedScheduler.class, ChainedScheduler::read),
          ScheduleKind.of("WarmupLR", WarmupLR.class, WarmupLR::read));

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

  static List<Schedule> readMembers(Arguments arguments) {
    List<Schedule> members = new ArrayList<>();
    for (Map<String, ?> member : arguments.maps("schedulers")) {
      members.add(read(member, arguments.level() + 1));
    }
    return members;
  }
}
