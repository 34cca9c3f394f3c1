package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import org.deeplearning4j.nn.api.Model;

/**
 * The network that a listener belongs to, and the number of its epoch, which goes on although early
 * stopping sets the network's count back.
 */
final class OwnNetwork {

  private final LiveNetwork net;
  private final String purpose;
  private final String inWorkers;
  private int epochs;

  /**
   * Counts on from the network's epochs.
   *
   * @param purpose what the listener does to the network, as in "that it averages"
   * @param inWorkers what to say where ParallelWrapper calls the listener
   */
  OwnNetwork(LiveNetwork net, String purpose, String inWorkers) {
    this.net = net;
    this.purpose = purpose;
    this.inWorkers = inWorkers;
    this.epochs = net.epochCount();
  }

  /** Returns the same network with the count as it is when nobody has listened. */
  OwnNetwork fresh() {
    return new OwnNetwork(net, purpose, inWorkers);
  }

  LiveNetwork live() {
    return net;
  }

  /** Tells whether a model is the network, false for one that is none, like a single layer. */
  boolean is(Model model) {
    if (!LiveNetwork.isKindOf(model)) {
      return false;
    }
    if (WorkerThreads.isInWorker()) {
      throw new IllegalStateException(inWorkers);
    }
    if (model != net.model()) {
      throw new IllegalStateException(
          "this listener must be added only to the network "
              + purpose
              + ", but was called for a copy or another network");
    }
    return true;
  }

  /** Returns the number of the present epoch, from 0. */
  int epoch() {
    return Math.max(epochs, net.epochCount());
  }

  /** Returns how many epochs have ended. */
  int epochs() {
    return epochs;
  }

  void setEpochs(int epochs) {
    this.epochs = epochs;
  }

  /** Notes that the present epoch has ended. */
  void endEpoch() {
    epochs = epoch() + 1;
  }
}
