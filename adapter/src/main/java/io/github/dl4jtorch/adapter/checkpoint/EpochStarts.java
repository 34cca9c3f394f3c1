package io.github.dl4jtorch.adapter.checkpoint;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.jspecify.annotations.Nullable;

/**
 * Remembers at which iteration the present epoch of a network began. A network that was loaded in
 * the middle of an epoch began it in another life, which neither the network nor a new listener
 * could know.
 */
final class EpochStarts {

  /** Stands for a number of batches that nobody has counted. */
  static final int UNKNOWN = -1;

  /**
   * When an epoch began.
   *
   * @param iteration the first of it, {@link #UNKNOWN} if that is not known
   * @param pass the iteration at which {@code fit} went into the epoch, {@link #UNKNOWN} if it has
   *     not yet in this life
   */
  private record Start(WeakReference<Model> net, int epoch, int iteration, int pass) {}

  // No map by identity is weak, and networks are compared by their parameters.
  private static final List<Start> STARTS = new ArrayList<>();

  private EpochStarts() {}

  /**
   * Notes that {@code fit} goes into an epoch. If that has begun in another life, it is only gone
   * on with. If it has begun in this one and did not end, since an exception came between, nobody
   * knows which of its batches the iterator gives now.
   */
  static synchronized void begin(Model net, int epoch, int iteration) {
    Start known = find(net, epoch);
    if (known == null || known.iteration > iteration) {
      put(new Start(new WeakReference<>(net), epoch, iteration, iteration));
    } else if (known.pass != iteration) {
      int first = known.pass == UNKNOWN ? known.iteration : UNKNOWN;
      put(new Start(known.net, epoch, first, iteration));
    }
  }

  /** Notes that an epoch is over. Some trainers give its number to a later one again. */
  static synchronized void end(Model net) {
    STARTS.removeIf(start -> start.net.refersTo(net) || start.net.refersTo(null));
  }

  /** Notes at which iteration an epoch began in another life. */
  static synchronized void set(Model net, int epoch, int iteration) {
    put(new Start(new WeakReference<>(net), epoch, iteration, UNKNOWN));
  }

  private static void put(Start start) {
    Model net = start.net.get();
    STARTS.removeIf(other -> other.net.refersTo(net) || other.net.refersTo(null));
    STARTS.add(start);
  }

  private static @Nullable Start find(Model net, int epoch) {
    for (Start start : STARTS) {
      if (start.net.refersTo(net) && start.epoch == epoch) {
        return start;
      }
    }
    return null;
  }

  /** Returns how many batches of an epoch are done when so many iterations are. */
  static synchronized int batches(Model net, int epoch, int iterations) {
    Start start = find(net, epoch);
    return start == null || start.iteration == UNKNOWN || start.iteration > iterations
        ? UNKNOWN
        : iterations - start.iteration;
  }
}
