package io.github.dl4jtorch.adapter.internal;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.IntPredicate;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.updater.UpdaterBlock.ParamState;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The updaters at work in a network, read from DL4J's updater blocks. DL4J's updater internals are
 * known here, in {@link NetworkUpdater}, {@link BlockState} and {@link KeepingUpdater}, and nowhere
 * else.
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

  /** Neighbouring parameters, as a place in the network's flat arrays. */
  public record Span(long from, long to) {

    /** Returns the live part of a flat array. */
    public INDArray of(INDArray flat) {
      return flat.reshape(flat.length()).get(NDArrayIndex.interval(from, to));
    }
  }

  private final Model net;
  private final BaseMultiLayerUpdater<?> source;
  // Kept, since a KeepingUpdater that was replaced has others.
  private final List<UpdaterBlock> own;
  private final List<Param> params = new ArrayList<>();

  /** Reads the updaters of an initialised network. */
  public UpdaterBlocks(Model net) {
    this.net = net;
    this.source = NetworkUpdater.of(net);
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
    boolean isUntrained = NetworkUpdater.isUntrained(net);
    try {
      return new UpdaterBlocks(net);
    } finally {
      if (isUntrained) {
        NetworkUpdater.discard(net);
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

  static String layer(ParamState param) {
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

  /** Returns the live state of a block, null if it has none. */
  public @Nullable INDArray blockState(int block) {
    return own.get(block).getUpdaterView();
  }

  /** Returns where the parameters of a block are in the network's flat arrays. */
  public Span blockSpan(int block) {
    UpdaterBlock wanted = own.get(block);
    return new Span(wanted.getParamOffsetStart(), wanted.getParamOffsetEnd());
  }

  /** Returns where the parameters begin among all of the network, in the order of params(). */
  public long[] offsets() {
    return own.stream()
        .flatMap(block -> block.getLayersAndVariablesInBlock().stream())
        .mapToLong(ParamState::getParamOffsetStart)
        .toArray();
  }

  /** Tells whether the network still works with the updaters that were read. */
  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  public boolean areCurrent() {
    return NetworkUpdater.of(net) == source;
  }

  /** Returns all parameters in the order of the network. */
  public List<Param> params() {
    return params;
  }

  /**
   * Tells whether what stands for a parameter's gradient is a step that is taken as it is, as for
   * the running statistics of a batch normalization, and no sum over the examples of a batch.
   */
  public boolean isStatistic(int param) {
    ParamState state = state(param);
    return !state.getLayer().updaterDivideByMinibatch(state.getParamName());
  }

  private ParamState state(int param) {
    int first = 0;
    for (UpdaterBlock block : own) {
      List<ParamState> states = block.getLayersAndVariablesInBlock();
      if (param < first + states.size()) {
        return states.get(param - first);
      }
      first += states.size();
    }
    throw new IndexOutOfBoundsException(param);
  }

  /** Finds some of the parameters, neighbours together. */
  public List<Span> spans(IntPredicate wanted) {
    List<Span> spans = new ArrayList<>();
    for (int param = 0; param < params.size(); param++) {
      ParamState state = state(param);
      long from = state.getParamOffsetStart();
      if (wanted.test(param) && state.getParamOffsetEnd() > from) {
        int last = spans.size() - 1;
        if (last >= 0 && spans.get(last).to == from) {
          from = spans.remove(last).from;
        }
        spans.add(new Span(from, state.getParamOffsetEnd()));
      }
    }
    return spans;
  }

  /** Returns the network's flat gradients as its backward pass does. */
  public Gradient gradient() {
    Gradient gradient = new DefaultGradient(net.getGradientsViewArray());
    for (int param = 0; param < params.size(); param++) {
      ParamState state = state(param);
      String layer =
          net instanceof MultiLayerNetwork && state.getLayer() instanceof Layer own
              ? String.valueOf(own.getIndex())
              : layer(state);
      gradient.setGradientFor(layer + "_" + state.getParamName(), state.getGradView());
    }
    return gradient;
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
      BaseMultiLayerUpdater<?> present = NetworkUpdater.anew(net);
      BlockState.move(own, present.getUpdaterBlocks());
      NetworkUpdater.set(net, present);
      if (source instanceof KeepingUpdater keeping) {
        keeping.release();
      }
    } finally {
      outside.close();
    }
  }

  /**
   * Makes {@code net.setLearningRate} move the state along.
   *
   * @return the same blocks, in another updater of the network
   */
  public UpdaterBlocks keepingState() {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return KeepingUpdater.takeOver(net, source) ? new UpdaterBlocks(net) : this;
    } finally {
      outside.close();
    }
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

  /** Lets the updates of all blocks be watched. */
  public void watch(UpdateWatch watch) {
    for (UpdaterBlock block : own) {
      if (block.getGradientUpdater() instanceof StoppingUpdater wrapper) {
        wrapper.watch(watch);
      }
    }
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
        && BlockState.blockAt(former.own, block.getParamOffsetStart()).getGradientUpdater()
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
}
