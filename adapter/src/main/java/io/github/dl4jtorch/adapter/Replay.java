package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * The values of a schedule so far, and the run that computes more. DL4J makes a schedule of its own
 * for every layer of a restored network, so equal ones share a replay.
 */
final class Replay {

  record Key(Schedule definition, TorchSchedule.Quantity quantity, double initial) {}

  private static final Map<Key, WeakReference<Replay>> SHARED = new WeakHashMap<>();

  // Keeps the entry in SHARED alive.
  private final Key key;
  private final LRScheduler run;
  private volatile double[] values = new double[64];
  // Written last and read first, so that a reader finds the values up to here in the array.
  private volatile int known;

  private Replay(Key key) {
    this.key = key;
    // Either number only needs the other to be there.
    ParamGroup group =
        key.quantity == TorchSchedule.Quantity.LR
            ? ParamGroup.sgd(key.initial, 0)
            : ParamGroup.sgd(1, key.initial);
    this.run = key.definition.attach(ParamGroups.of(group));
    values[0] = present();
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

  private synchronized double extended(int step) {
    for (int next = known; next <= step; next++) {
      if (next == values.length) {
        values = Arrays.copyOf(values, next + next / 2);
      }
      // A refused step changes nothing, so it is refused again when it is asked for again.
      run.step();
      values[next] = present();
      known = next + 1;
    }
    return values[step];
  }

  private double present() {
    ParamGroup group = run.paramGroups().get(0);
    return key.quantity == TorchSchedule.Quantity.LR ? group.lr() : group.momentum();
  }
}
