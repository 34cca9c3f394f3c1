package io.github.dl4jtorch.adapter.internal;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.updater.UpdaterBlock.ParamState;
import org.deeplearning4j.nn.updater.graph.ComputationGraphUpdater;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The updaters at work in a network, read from DL4J's updater blocks. This is the one class that
 * knows DL4J's updater internals.
 *
 * <p>One {@link IUpdater} serves a whole block, the one of its first parameter. All others are
 * found only in the configuration, but they are what is saved.
 */
public final class UpdaterBlocks {

  /**
   * One parameter and its updater.
   *
   * @param block parameters of the same block are updated, saved and restored together
   * @param family blocks that share an updater object are of one family
   * @param config the configuration of the parameter's layer
   * @param name the parameter's name in its layer
   * @param updater the updater, maybe shared with other parameters
   */
  public record Param(int block, int family, TrainingConfig config, String name, IUpdater updater) {

    public boolean hasRate() {
      return updater.hasLearningRate();
    }

    @Override
    public String toString() {
      return config.getLayerName() + "." + name;
    }
  }

  private final Model net;
  private final BaseMultiLayerUpdater<?> source;
  // Kept, since a KeepingState that was replaced has others.
  private final List<UpdaterBlock> own;
  private final List<Param> params = new ArrayList<>();

  /** Reads the updaters of an initialised network. */
  public UpdaterBlocks(Model net) {
    this.net = net;
    this.source = source(net);
    List<UpdaterBlock> blocks = source.getUpdaterBlocks();
    this.own = blocks;
    IdentityHashMap<IUpdater, Integer> families = families(blocks);
    for (int index = 0; index < blocks.size(); index++) {
      requireAlike(blocks.get(index));
      for (ParamState param : blocks.get(index).getLayersAndVariablesInBlock()) {
        IUpdater updater = updater(param);
        // A layer may make an updater without a rate anew for every call.
        int family = families.getOrDefault(updater, 0);
        params.add(
            new Param(index, family, param.getLayer().getConfig(), param.getParamName(), updater));
      }
    }
  }

  /** Reads the updaters of an initialised network, and leaves it without any if it had none. */
  public static UpdaterBlocks seen(Model net) {
    boolean isUntrained = isUntrained(net);
    try {
      return new UpdaterBlocks(net);
    } finally {
      if (isUntrained) {
        discard(net);
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

  private static IdentityHashMap<IUpdater, Integer> families(List<UpdaterBlock> blocks) {
    IdentityHashMap<IUpdater, Integer> families = new IdentityHashMap<>();
    for (int index = 0; index < blocks.size(); index++) {
      int own = index;
      for (ParamState param : blocks.get(index).getLayersAndVariablesInBlock()) {
        int present = own;
        int known = families.computeIfAbsent(updater(param), updater -> present);
        if (known != own) {
          families.replaceAll((updater, family) -> family == present ? known : family);
          own = known;
        }
      }
    }
    return families;
  }

  /** Tells whether the network still works with the updaters that were read. */
  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  public boolean areCurrent() {
    return source(net) == source;
  }

  /** Returns all parameters in the order of the network. */
  public List<Param> params() {
    return params;
  }

  /**
   * Returns the rate an updater would use in the network's next update, or while it is frozen, in
   * the first one afterwards.
   */
  public double rate(IUpdater present) {
    IUpdater updater = FrozenUpdater.unfrozen(present);
    if (UpdaterFields.schedule(updater) instanceof LrCell cell) {
      return cell.value();
    }
    LiveNetwork counts = new LiveNetwork(net);
    return updater.getLearningRate(counts.iterationCount(), counts.epochCount());
  }

  /** Tells whether a network has no state of updaters yet that could be lost. */
  public static boolean isUntrained(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getUpdater(false) == null
        : ((ComputationGraph) net).getUpdater(false) == null;
  }

  /** Gives a network of the same configuration the updaters' state of another, if that has any. */
  public static void copyState(Model from, Model to) {
    INDArray state = isUntrained(from) ? null : source(from).getStateViewArray();
    if (state != null) {
      source(to).getStateViewArray().assign(state);
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

  /**
   * Makes the network take up the updaters that its configuration holds now, in blocks that may be
   * parted or joined otherwise than those that were read here, and moves the state along. What was
   * read is then out of date.
   *
   * @throws IllegalStateException if the state of a block that changes has a form that is not known
   */
  public void rebuild() {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      if (net instanceof MultiLayerNetwork layers) {
        MultiLayerUpdater present = new MultiLayerUpdater(layers);
        moveState(own, present.getUpdaterBlocks());
        layers.setUpdater(present);
      } else {
        ComputationGraph graph = (ComputationGraph) net;
        ComputationGraphUpdater present = new ComputationGraphUpdater(graph);
        moveState(own, present.getUpdaterBlocks());
        graph.setUpdater(present);
      }
      if (source instanceof KeepingState keeping) {
        keeping.release();
      }
    } finally {
      outside.close();
    }
  }

  /**
   * Makes {@code net.setLearningRate} move the state along, by which DL4J parts and joins blocks,
   * but knows neither cells nor parameters without a state.
   *
   * @return the same blocks, in another updater of the network
   */
  public UpdaterBlocks keepingState() {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return takeOver(net, source) ? new UpdaterBlocks(net) : this;
    } finally {
      outside.close();
    }
  }

  private static boolean takeOver(Model net, BaseMultiLayerUpdater<?> present) {
    if (present instanceof KeepingState) {
      return false;
    }
    INDArray state = present.getStateViewArray();
    BaseMultiLayerUpdater<?> keeping =
        net instanceof MultiLayerNetwork layers
            ? new LayersUpdater(layers, state)
            : new GraphUpdater((ComputationGraph) net, state);
    List<UpdaterBlock> from = present.getUpdaterBlocks();
    setUpdater(net, keeping);
    List<UpdaterBlock> to = keeping.getUpdaterBlocks();
    if (!starts(from).equals(starts(to))) {
      // Edited by hand, so that DL4J would join them when it builds them anew.
      setUpdater(net, present);
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

  private static void setUpdater(Model net, BaseMultiLayerUpdater<?> updater) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.setUpdater(updater);
    } else {
      ((ComputationGraph) net).setUpdater((ComputationGraphUpdater) updater);
    }
  }

  /**
   * Answers DL4J, which asks an updater for its blocks when it has replaced it, and then lays out
   * its state for the blocks of the present one. Does that beforehand, and says that the blocks
   * were the same, so that DL4J takes the state as it is.
   */
  private static List<UpdaterBlock> blocksFor(
      BaseMultiLayerUpdater<?> replaced, List<UpdaterBlock> blocks, @Nullable INDArray state) {
    Model net = replaced.getNetwork();
    BaseMultiLayerUpdater<?> present = source(net);
    List<UpdaterBlock> others = present.getUpdaterBlocks();
    try {
      moveState(blocks, others);
    } catch (IllegalStateException unknownForm) {
      return blocks; // Let DL4J try.
    }
    if (state != null) {
      state.assign(present.getStateViewArray());
    }
    takeOver(net, present);
    return others;
  }

  /** Keeps the state when DL4J replaces it. */
  private interface KeepingState {
    /** Tells that the state has been moved. */
    void release();
  }

  private static final class LayersUpdater extends MultiLayerUpdater implements KeepingState {

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

  private static final class GraphUpdater extends ComputationGraphUpdater implements KeepingState {

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

  private static void moveState(List<UpdaterBlock> former, List<UpdaterBlock> present) {
    present.forEach(block -> moveState(former, block));
  }

  private static void moveState(List<UpdaterBlock> former, UpdaterBlock to) {
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
              + layer(to.getLayersAndVariablesInBlock().get(0))
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

  private static UpdaterBlock blockAt(List<UpdaterBlock> blocks, int offset) {
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

  /**
   * Makes a rate of 0 stop the parameters, which not every updater does by itself.
   *
   * @param former the blocks of the same parameters until now, null if they are not known
   */
  public void stopAtZero(@Nullable UpdaterBlocks former) {
    for (UpdaterBlock block : own) {
      GradientUpdater<?> present = block.getGradientUpdater();
      if (present.getConfig().hasLearningRate() && !(present instanceof StoppingUpdater)) {
        block.setGradientUpdater(new StoppingUpdater(present, velocityLr(block, former)));
      }
    }
    recordVelocityLr();
  }

  /** Notes the rates of the velocities where they are saved with the network. */
  public void recordVelocityLr() {
    for (UpdaterBlock block : own) {
      if (block.getGradientUpdater() instanceof StoppingUpdater wrapper) {
        wrapper.recordVelocityLr();
      }
    }
  }

  private double velocityLr(UpdaterBlock block, @Nullable UpdaterBlocks former) {
    if (former != null
        && blockAt(former.own, block.getParamOffsetStart()).getGradientUpdater()
            instanceof StoppingUpdater known) {
      return known.velocityLr();
    }
    return velocityLr(block);
  }

  /** Returns the rate of a parameter's last update. */
  public double velocityLr(Param param) {
    return velocityLr(own.get(param.block()));
  }

  /** Finds the rate of a block's last update: known, on record, or else the rate it has. */
  private double velocityLr(UpdaterBlock block) {
    if (block.getGradientUpdater() instanceof StoppingUpdater known) {
      return known.velocityLr();
    }
    IUpdater updater = block.getGradientUpdater().getConfig();
    double recorded = LrCell.velocityLr(updater);
    double lr = recorded > 0 ? recorded : rate(updater);
    // Nothing is known of updates before, or there were none; then any rate above 0 will do.
    return StoppingUpdater.isZero(lr) ? 1 : lr;
  }

  /** Makes the velocity of a block's Nesterovs follow the rate from now on. */
  public void rescaleVelocity(int block) {
    if (own.get(block).getGradientUpdater() instanceof StoppingUpdater wrapper) {
      wrapper.rescaleVelocity();
    }
  }

  private static BaseMultiLayerUpdater<?> source(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? (BaseMultiLayerUpdater<?>) layers.getUpdater()
        : ((ComputationGraph) net).getUpdater();
  }
}
