package io.github.dl4jtorch.adapter;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.updater.UpdaterBlock.ParamState;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The updaters at work in a network, read from DL4J's updater blocks. This is the one class that
 * knows DL4J's updater internals.
 *
 * <p>One {@link IUpdater} serves a whole block, the one of its first parameter. All others are
 * found only in the configuration, but they are what is saved.
 */
final class UpdaterBlocks {

  /**
   * One parameter and its updater.
   *
   * @param block parameters with the same number are updated, saved and restored together. Blocks
   *     that share an updater object have the same number
   * @param layer the layer's name
   * @param name the parameter's name in its layer
   * @param updater the updater, maybe shared with other parameters
   */
  record Param(int block, String layer, String name, IUpdater updater) {
    @Override
    public String toString() {
      return layer + "." + name;
    }
  }

  private final Model net;
  private final BaseMultiLayerUpdater<?> source;
  private final List<Param> params = new ArrayList<>();

  /** Reads the updaters of an initialised network. */
  UpdaterBlocks(Model net) {
    this.net = net;
    this.source = source(net);
    List<UpdaterBlock> blocks = source.getUpdaterBlocks();
    IdentityHashMap<IUpdater, Integer> numbers = number(blocks);
    for (UpdaterBlock block : blocks) {
      requireAlike(block);
      for (ParamState param : block.getLayersAndVariablesInBlock()) {
        IUpdater updater = updater(param);
        // A layer may make an updater without a rate anew for every call.
        int number = numbers.getOrDefault(updater, 0);
        params.add(new Param(number, layer(param), param.getParamName(), updater));
      }
    }
  }

  /** Refuses a block whose updaters were changed one by one after DL4J had joined them. */
  private static void requireAlike(UpdaterBlock block) {
    ParamState first = block.getLayersAndVariablesInBlock().get(0);
    IUpdater live = block.getGradientUpdater().getConfig();
    if (live.hasLearningRate() && live != updater(first)) {
      throw new IllegalStateException(
          "the updater of "
              + layer(first)
              + " was replaced after the network had taken it up, so it is not used: "
              + updater(first));
    }
    for (ParamState param : block.getLayersAndVariablesInBlock()) {
      if (!live.equals(updater(param))) {
        throw new IllegalStateException(
            "the network updates "
                + layer(first)
                + " and "
                + layer(param)
                + " together, but their updaters were made to differ: "
                + live
                + " and "
                + updater(param));
      }
    }
  }

  private static String layer(ParamState param) {
    return param.getLayer().getConfig().getLayerName();
  }

  private static IUpdater updater(ParamState param) {
    return param.getLayer().getConfig().getUpdaterByParam(param.getParamName());
  }

  /** Numbers the blocks; those that share an updater object get one number. */
  private static IdentityHashMap<IUpdater, Integer> number(List<UpdaterBlock> blocks) {
    IdentityHashMap<IUpdater, Integer> numbers = new IdentityHashMap<>();
    for (int index = 0; index < blocks.size(); index++) {
      int own = index;
      for (ParamState param : blocks.get(index).getLayersAndVariablesInBlock()) {
        int present = own;
        int known = numbers.computeIfAbsent(updater(param), updater -> present);
        if (known != own) {
          numbers.replaceAll((updater, number) -> number == present ? known : number);
          own = known;
        }
      }
    }
    return numbers;
  }

  /** Tells whether the network still works with the updaters that were read. */
  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  boolean areCurrent() {
    return source(net) == source;
  }

  /** Returns all parameters in the order of the network. */
  List<Param> params() {
    return params;
  }

  /** Returns the rate an updater would use in the network's next update. */
  double rate(IUpdater updater) {
    if (net instanceof MultiLayerNetwork layers) {
      return updater.getLearningRate(layers.getIterationCount(), layers.getEpochCount());
    }
    ComputationGraphConfiguration counts = ((ComputationGraph) net).getConfiguration();
    return updater.getLearningRate(counts.getIterationCount(), counts.getEpochCount());
  }

  private static BaseMultiLayerUpdater<?> source(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? (BaseMultiLayerUpdater<?>) layers.getUpdater()
        : ((ComputationGraph) net).getUpdater();
  }
}
