package io.github.dl4jtorch.adapter.internal;

import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.updater.graph.ComputationGraphUpdater;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Keeps its state when DL4J replaces it, as {@code net.setLearningRate} does, by which DL4J parts
 * and joins blocks, but knows neither cells nor parameters without a state.
 */
interface KeepingUpdater {

  /** Tells that the state has been moved. */
  void release();

  /**
   * Puts such an updater in the place of a network's own.
   *
   * @return whether there is another now
   */
  static boolean takeOver(Model net, BaseMultiLayerUpdater<?> present) {
    if (present instanceof KeepingUpdater) {
      return false;
    }
    INDArray state = present.getStateViewArray();
    BaseMultiLayerUpdater<?> keeping =
        net instanceof MultiLayerNetwork layers
            ? new LayersUpdater(layers, state)
            : new GraphUpdater((ComputationGraph) net, state);
    List<UpdaterBlock> from = present.getUpdaterBlocks();
    NetworkUpdater.set(net, keeping);
    List<UpdaterBlock> to = keeping.getUpdaterBlocks();
    if (!starts(from).equals(starts(to))) {
      // Edited by hand, so that DL4J would join them when it builds them anew.
      NetworkUpdater.set(net, present);
      return false;
    }
    for (int index = 0; index < to.size(); index++) {
      to.get(index).setGradientUpdater(from.get(index).getGradientUpdater());
    }
    return true;
  }

  private static List<Integer> starts(List<UpdaterBlock> blocks) {
    return blocks.stream().map(UpdaterBlock::getParamOffsetStart).toList();
  }

  /**
   * Answers DL4J, which asks an updater for its blocks when it has replaced it, and then lays out
   * its state for the blocks of the present one. Does that beforehand, and says that the blocks
   * were the same, so that DL4J takes the state as it is.
   */
  private static List<UpdaterBlock> blocksFor(
      BaseMultiLayerUpdater<?> replaced, List<UpdaterBlock> blocks, @Nullable INDArray state) {
    Model net = replaced.getNetwork();
    BaseMultiLayerUpdater<?> present = NetworkUpdater.of(net);
    List<UpdaterBlock> others = present.getUpdaterBlocks();
    try {
      BlockState.move(blocks, others);
    } catch (IllegalStateException unknownForm) {
      return blocks; // Let DL4J try.
    }
    if (state != null) {
      state.assign(present.getStateViewArray());
    }
    takeOver(net, present);
    return others;
  }

  final class LayersUpdater extends MultiLayerUpdater implements KeepingUpdater {

    private boolean isReleased;

    LayersUpdater(MultiLayerNetwork net, @Nullable INDArray state) {
      super(net, state);
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
    public List<UpdaterBlock> getUpdaterBlocks() {
      Updater present = network.getUpdater(false);
      if (isReleased || present == null || present == this) {
        return super.getUpdaterBlocks();
      }
      isReleased = true;
      return blocksFor(this, super.getUpdaterBlocks(), getStateViewArray());
    }

    @Override
    public void release() {
      isReleased = true;
    }
  }

  final class GraphUpdater extends ComputationGraphUpdater implements KeepingUpdater {

    private boolean isReleased;

    GraphUpdater(ComputationGraph net, @Nullable INDArray state) {
      super(net, state);
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
    public List<UpdaterBlock> getUpdaterBlocks() {
      ComputationGraphUpdater present = network.getUpdater(false);
      if (isReleased || present == null || present == this) {
        return super.getUpdaterBlocks();
      }
      isReleased = true;
      return blocksFor(this, super.getUpdaterBlocks(), getStateViewArray());
    }

    @Override
    public void release() {
      isReleased = true;
    }
  }
}
