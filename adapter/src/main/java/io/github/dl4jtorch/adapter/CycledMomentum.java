package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.Caller;
import io.github.dl4jtorch.schedules.Schedule;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.WeakHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the momentum that a definition is to cycle is taken by anybody. DL4J makes schedules of
 * its own for every layer of a restored network, so those of equal definitions share one.
 */
final class CycledMomentum {

  private static final Logger LOG = LoggerFactory.getLogger(TorchSchedule.class);
  private static final Map<Schedule, WeakReference<CycledMomentum>> SHARED = new WeakHashMap<>();

  // Keeps the entry in SHARED alive.
  private final Schedule definition;
  private volatile boolean isSettled;

  private CycledMomentum(Schedule definition) {
    this.definition = definition;
    this.isSettled = !definition.drivesMomentum();
  }

  static CycledMomentum of(Schedule definition) {
    synchronized (SHARED) {
      WeakReference<CycledMomentum> reference = SHARED.get(definition);
      CycledMomentum shared = reference == null ? null : reference.get();
      if (shared == null) {
        shared = new CycledMomentum(definition);
        SHARED.remove(definition);
        SHARED.put(definition, new WeakReference<>(shared));
      }
      return shared;
    }
  }

  /** Notes that there is a schedule of the momentum. */
  void take() {
    isSettled = true;
  }

  /** Warns once if an update asks for the rate while nobody has the momentum. */
  void rateAsked() {
    if (!isSettled && Caller.present().isUpdate()) {
      warn();
    }
  }

  private synchronized void warn() {
    if (!isSettled) {
      isSettled = true;
      LOG.warn("{}. {}.", complaint(definition), advice(definition));
    }
  }

  /** Says what is wrong if nobody follows the momentum. */
  static String complaint(Schedule definition) {
    return definition.name()
        + " is to cycle the momentum, but a network is trained with its learning rate alone";
  }

  /** Says what to do about it. */
  static String advice(Schedule definition) {
    return "Build the updater with TorchSchedule.updater(updater, definition, unit), or the"
        + " definition "
        + ScheduledUpdaters.withoutMomentum(definition);
  }
}
