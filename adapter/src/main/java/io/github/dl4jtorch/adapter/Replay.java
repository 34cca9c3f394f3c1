package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The values of a schedule so far, and the run that computes more. DL4J makes a schedule of its own
 * for every layer of a restored network, so equal ones share a replay.
 *
 * <p>All values are kept up to {@link #KEPT} steps, which is 16 MB at most; those further on are
 * computed when they are asked for, see {@link FarReplay}.
 */
final class Replay {

  /** The steps whose values are all kept. */
  static final int KEPT = 1 << 21;

  record Key(Schedule definition, TorchSchedule.Quantity quantity, double initial) {

    LRScheduler start() {
      // Either number only needs the other to be there.
      ParamGroup group =
          quantity == TorchSchedule.Quantity.LR
              ? ParamGroup.sgd(initial, 0)
              : ParamGroup.sgd(1, initial);
      return definition.attach(ParamGroups.of(group));
    }

    double present(LRScheduler run) {
      ParamGroup group = run.paramGroups().get(0);
      return quantity == TorchSchedule.Quantity.LR ? group.lr() : group.momentum();
    }
  }

  private static final Map<Key, WeakReference<Replay>> SHARED = new WeakHashMap<>();

  // Keeps the entry in SHARED alive.
  private final Key key;
  private final LRScheduler run;
  private volatile double[] values = new double[64];
  // Written last and read first, so that a reader finds the values up to here in the array.
  private volatile int known;
  private volatile @Nullable FarReplay far;

  private Replay(Key key) {
    this.key = key;
    this.run = key.start();
    values[0] = key.present(run);
    known = 1;
  }

  static Replay of(Key key) {
    synchronized (SHARED) {
      WeakReference<Replay> reference = SHARED.get(key);
      Replay shared = reference == null ? null : reference.get();
      if (shared == null) {
        shared = new Replay(key);
        SHARED.remove(key);
        SHARED.put(key, new WeakReference<>(shared));
      }
      return shared;
    }
  }

  double valueAt(int step) {
    return step < known ? values[step] : extended(step);
  }

  /** Returns the highest value up to a step, of those that are kept. */
  double highestUntil(int step) {
    int last = Math.min(step, KEPT - 1);
    valueAt(last);
    return Arrays.stream(values, 0, last + 1).max().orElseThrow();
  }

  private double extended(int step) {
    return step < KEPT ? kept(step) : far().valueAt(step);
  }

  private synchronized double kept(int step) {
    for (int next = known; next <= step; next++) {
      if (next == values.length) {
        values = Arrays.copyOf(values, Math.min(next + next / 2, KEPT));
      }
      // A refused step changes nothing, so it is refused again when it is asked for again.
      run.step();
      values[next] = key.present(run);
      known = next + 1;
    }
    return values[step];
  }

  private FarReplay far() {
    FarReplay present = far;
    if (present == null) {
      synchronized (this) {
        present = far;
        if (present == null) {
          present = new FarReplay(key);
          far = present;
        }
      }
    }
    return present;
  }
}
