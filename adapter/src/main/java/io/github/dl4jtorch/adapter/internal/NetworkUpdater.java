package io.github.dl4jtorch.adapter.internal;

import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.graph.ComputationGraphUpdater;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The updater that a network of either kind works with. */
public final class NetworkUpdater {

  private NetworkUpdater() {}

  /** Returns the updater of a network, which makes one if it has none. */
  static BaseMultiLayerUpdater<?> of(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? (BaseMultiLayerUpdater<?>) layers.getUpdater()
        : ((ComputationGraph) net).getUpdater();
  }

  static void set(Model net, BaseMultiLayerUpdater<?> updater) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setUpdater(updater);
    } else {
      ((ComputationGraph) net).setUpdater((ComputationGraphUpdater) updater);
    }
  }

  /**
   * Makes an updater for what a network's configuration holds now, and leaves the network's own.
   */
  static BaseMultiLayerUpdater<?> anew(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? new MultiLayerUpdater(layers)
        : new ComputationGraphUpdater((ComputationGraph) net);
  }

  /** Changes what works with a network's updater, which stays. */
  static void keep(Model net, Runnable change) {
    BaseMultiLayerUpdater<?> present = isUntrained(net) ? null : of(net);
    change.run();
    if (present != null) {
      set(net, present);
    }
  }

  /** Tells whether a network has no state of updaters yet that could be lost. */
  public static boolean isUntrained(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getUpdater(false) == null
        : ((ComputationGraph) net).getUpdater(false) == null;
  }

  /** Gives a network of the same configuration the updaters' state of another, if that has any. */
  public static void copyState(Model from, Model to) {
    INDArray state = isUntrained(from) ? null : of(from).getStateViewArray();
    if (state != null) {
      of(to).getStateViewArray().assign(state);
    }
  }

  /** Makes a network that has not been trained forget its blocks. */
  public static void discard(Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setUpdater(null);
    } else {
      ((ComputationGraph) net).setUpdater(null);
    }
  }
}
