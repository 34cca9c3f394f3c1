package io.github.dl4jtorch.adapter.internal;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices that the listener which was told of each update of a network is told no more, and says so
 * once.
 */
public final class UpdateWatch {

  // Named as what users know, who see nothing of this room.
  private static final Logger LOG =
      LoggerFactory.getLogger("io.github.dl4jtorch.adapter.SchedulerListener");

  /** Stands for no update. */
  private static final int NONE = -1;

  private int expected = NONE;

  /** Notes that the listener was told of the update that follows. */
  public void expect(int iteration) {
    expected = iteration;
  }

  /** Expects that the listener is told of epochs alone. */
  public void rest() {
    expected = NONE;
  }

  /** Takes note of a block's update. */
  void update(int iteration) {
    if (expected != iteration && expected != NONE) {
      expected = NONE;
      LOG.warn(
          "the SchedulerListener of this network's param groups is not among its listeners any more,"
              + " as after net.setListeners(..), so the rates stay as they are. Add it again with"
              + " net.addListeners(listener).");
    }
  }
}
