package io.github.dl4jtorch.adapter.checkpoint;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Model;

/**
 * Remembers at which iteration the present epoch of a network began. A network that was loaded in
 * the middle of an epoch began it in another life, which neither the network nor a new listener
 * could know.
 */
final class EpochStarts {

  /** Stands for a number of batches that nobody has counted. */
  static final int UNKNOWN = -1;

  private record Start(WeakReference<Model> net, int epoch, int iteration) {}

  // No map by identity is weak, and networks are compared by their parameters.
  private static final List<Start> STARTS = new ArrayList<>();

  private EpochStarts() {}

  /** Notes the start of an epoch, unless that is known: then the epoch is only being gone on. */
  static synchronized void begin(Model net, int epoch, int iteration) {
    if (batches(net, epoch, iteration) == UNKNOWN) {
      set(net, epoch, iteration);
    }
  }

  /** Notes that an epoch is over. Some trainers give its number to a later one again. */
  static synchronized void end(Model net) {
    STARTS.removeIf(start -> start.net.refersTo(net) || start.net.refersTo(null));
  }

  static synchronized void set(Model net, int epoch, int iteration) {
    end(net);
    STARTS.add(new Start(new WeakReference<>(net), epoch, iteration));
  }

  /** Returns how many batches of an epoch are done when so many iterations are. */
  static synchronized int batches(Model net, int epoch, int iterations) {
    for (Start start : STARTS) {
      if (start.net.refersTo(net) && start.epoch == epoch && start.iteration <= iterations) {
        return iterations - start.iteration;
      }
    }
    return UNKNOWN;
  }
}
