package io.github.dl4jtorch.adapter.internal;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cells of a restored network that no param group has taken up. A network has one for each of
 * its updaters, and warns of the first that it trains with.
 */
final class Orphans {

  // Named as what users know, who see nothing of this room.
  private static final Logger LOG =
      LoggerFactory.getLogger("io.github.dl4jtorch.adapter.NetworkParamGroups");

  private static Orphans latest = new Orphans();

  private boolean hasWarned;

  private Orphans() {}

  /** Returns those that a cell belongs to which is being read. */
  static synchronized Orphans ofThisRead() {
    // DL4J does not tell where a network ends, but one that trains has been read.
    if (latest.hasWarned()) {
      latest = new Orphans();
    }
    return latest;
  }

  private synchronized boolean hasWarned() {
    return hasWarned;
  }

  /**
   * Takes note that the value of a cell is asked for.
   *
   * @return whether it was for an update, so that nothing is left to be noticed
   */
  synchronized boolean asked(double value) {
    Caller caller = Caller.present();
    if (caller == Caller.UPDATE && !hasWarned) {
      hasWarned = true;
      LOG.warn("{}. {}.", complaint(value), LrCell.FOR_ORPHANS);
    }
    return caller != Caller.OTHER;
  }

  static String complaint(double value) {
    return "the learning rate of this restored network was set by a run on its param groups when it"
        + " was saved, and nothing sets it now: it stays at "
        + value;
  }
}
