package io.github.dl4jtorch.adapter.internal;

import java.util.List;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.updater.UpdaterBlock.ParamState;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.IUpdater;

/** Moves the updaters' state of a network to blocks that are parted or joined otherwise. */
final class BlockState {

  private BlockState() {}

  /**
   * Gives blocks the state that the same parameters have in others.
   *
   * @throws IllegalStateException if the state of a block that changes has a form that is not known
   */
  static void move(List<UpdaterBlock> former, List<UpdaterBlock> present) {
    present.forEach(block -> move(former, block));
  }

  private static void move(List<UpdaterBlock> former, UpdaterBlock to) {
    INDArray target = to.getUpdaterView();
    if (target == null) {
      return;
    }
    UpdaterBlock first = blockAt(former, to.getParamOffsetStart());
    if (first.getParamOffsetStart() == to.getParamOffsetStart()
        && first.getParamOffsetEnd() == to.getParamOffsetEnd()) {
      target.assign(first.getUpdaterView());
      return;
    }
    IUpdater updater = to.getGradientUpdater().getConfig();
    if (!UpdaterFields.hasKnownState(updater)) {
      throw new IllegalStateException(
          "the state of "
              + UpdaterBlocks.layer(to.getLayersAndVariablesInBlock().get(0))
              + " must stay as it is,"
              + " since only its updater knows its form: "
              + updater);
    }
    long cells = updater.stateSize(0);
    for (ParamState param : to.getLayersAndVariablesInBlock()) {
      UpdaterBlock from = blockAt(former, param.getParamOffsetStart());
      for (int array = 0; array < updater.stateSize(1) - cells; array++) {
        stateOf(param, to, array).assign(stateOf(param, from, array));
      }
    }
    if (cells > 0) {
      // A block has one set for each parameter and uses the first.
      long arrays = updater.stateSize(1) - cells;
      cells(to, arrays, cells).assign(cells(first, arrays, cells));
    }
  }

  private static INDArray cells(UpdaterBlock block, long arrays, long cells) {
    long start = arrays * (block.getParamOffsetEnd() - block.getParamOffsetStart());
    return block.getUpdaterView().get(NDArrayIndex.interval(start, start + cells));
  }

  /** Finds the block that has the parameter that begins here. */
  static UpdaterBlock blockAt(List<UpdaterBlock> blocks, int offset) {
    int index = 0;
    while (blocks.get(index).getParamOffsetEnd() <= offset) {
      index++;
    }
    return blocks.get(index);
  }

  /** Cuts out what one of the arrays of a block's state has for a parameter. */
  private static INDArray stateOf(ParamState param, UpdaterBlock block, int array) {
    int length = block.getParamOffsetEnd() - block.getParamOffsetStart();
    long start = (long) array * length + param.getParamOffsetStart() - block.getParamOffsetStart();
    long end = start + param.getParamOffsetEnd() - param.getParamOffsetStart();
    return block.getUpdaterView().get(NDArrayIndex.interval(start, end));
  }
}
