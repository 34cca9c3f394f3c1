package io.github.dl4jtorch.adapter.internal;

import java.lang.reflect.Field;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.Solver;
import org.deeplearning4j.optimize.api.ConvexOptimizer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.optimize.solvers.StochasticGradientDescent;
import org.deeplearning4j.optimize.stepfunctions.StepFunctions;
import org.jspecify.annotations.Nullable;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Takes the place of DL4J's optimizer in a network. DL4J's makes an iteration of every batch; this
 * one adds up the gradients of some, and an iteration, with all that belongs to it, is what comes
 * after these. Running statistics of batch normalizations move with every batch.
 */
public final class AccumulatingOptimizer extends StochasticGradientDescent {

  /** Why copies that ParallelWrapper trains are refused. */
  public static final String NOT_IN_WORKERS =
      "ParallelWrapper trains copies of the network, which do not accumulate gradients: train"
          + " without it, or give its workers greater batches";

  /** How many batches make a step. */
  @FunctionalInterface
  public interface Size {

    /**
     * Returns the number, {@code >= 1}.
     *
     * @param step the network's count of iterations
     * @param batch how many batches there were before
     */
    int at(int step, int batch);
  }

  /**
   * What is between two steps.
   *
   * @param seen how many batches there were in all
   * @param pending how many of them are in no step yet
   * @param unit how many examples the sum of gradients is for, as the first pending batch has
   * @param scores the sum of the pending batches' scores
   */
  public record State(int seen, int pending, int unit, double scores) {}

  /** The parts of the network's arrays. */
  private record Views(
      INDArray all,
      List<INDArray> gradients,
      List<INDArray> sums,
      List<INDArray> statistics,
      List<INDArray> running) {}

  private final LiveNetwork net;
  private final TrainingListener attached;
  private final Size size;
  private final boolean isMean;
  private final INDArray sum;
  private @Nullable Views views;
  private State state;
  private int divisor = 1;
  private boolean isAtWork;

  private AccumulatingOptimizer(
      LiveNetwork net, TrainingListener attached, Size size, boolean isMean) {
    super(
        net.model().conf(),
        StepFunctions.createStepFunction(net.model().conf().getStepFunction()),
        net.listeners(),
        net.model());
    this.net = net;
    this.attached = attached;
    this.size = size;
    this.isMean = isMean;
    this.state = new State(net.iterationCount(), 0, 1, 0);
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      this.sum = Nd4j.zeros(model.params().dataType(), model.params().length());
    } finally {
      outside.close();
    }
  }

  /**
   * Puts one to work in a network.
   *
   * @param attached is told when epochs end, so it must stay the first of the network's listeners
   * @param isMean whether a batch's gradient is divided by the number of batches in its step
   */
  public static AccumulatingOptimizer put(
      LiveNetwork net, TrainingListener attached, Size size, boolean isMean) {
    NeuralNetConfiguration conf = net.model().conf();
    if (conf.getOptimizationAlgo() != OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT) {
      throw new IllegalArgumentException(
          "the network's optimizationAlgo must be STOCHASTIC_GRADIENT_DESCENT for gradients to be"
              + " accumulated but was "
              + conf.getOptimizationAlgo());
    }
    if (of(net.model()) != null) {
      throw new IllegalStateException("the network accumulates gradients already");
    }
    AccumulatingOptimizer optimizer = new AccumulatingOptimizer(net, attached, size, isMean);
    NetworkUpdater.keep(net.model(), () -> setSolver(net.model(), new OwnSolver(optimizer)));
    return optimizer;
  }

  /** Returns the one at work in a network, null if there is none. */
  public static @Nullable AccumulatingOptimizer of(Model net) {
    return solver(net) instanceof OwnSolver own ? own.optimizer : null;
  }

  /** Returns how many batches a network was trained with. */
  public static int batches(LiveNetwork net) {
    return batches(net, net.iterationCount());
  }

  /**
   * Returns how many batches a network was trained with.
   *
   * @param iterations how many iterations it has made, with that which is not counted yet
   */
  public static int batches(LiveNetwork net, int iterations) {
    AccumulatingOptimizer optimizer = of(net.model());
    return optimizer == null ? iterations : optimizer.state.seen;
  }

  /** Tells the one at work in a network, if there is one, that an epoch has ended. */
  public static void endEpoch(Model net) {
    AccumulatingOptimizer optimizer = of(net);
    if (optimizer != null) {
      optimizer.attached.onEpochEnd(net);
    }
  }

  /** Returns by what DL4J divides the gradients of the present iteration. */
  public static int divisor(Model net) {
    if (!net.conf().isMiniBatch()) {
      return 1;
    }
    AccumulatingOptimizer optimizer = of(net);
    return optimizer == null ? net.batchSize() : optimizer.divisor;
  }

  private static @Nullable Object solver(Model net) {
    try {
      return solverField(net).get(net);
    } catch (IllegalAccessException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static void setSolver(Model net, Solver solver) {
    try {
      solverField(net).set(net, solver);
    } catch (IllegalAccessException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** DL4J has no other way to an optimizer of one's own. */
  private static Field solverField(Model net) {
    Class<?> kind =
        net instanceof MultiLayerNetwork ? MultiLayerNetwork.class : ComputationGraph.class;
    try {
      Field field = kind.getDeclaredField("solver");
      field.setAccessible(true);
      return field;
    } catch (NoSuchFieldException unknownVersion) {
      throw new IllegalStateException(
          "this version of DL4J keeps no solver in its networks: " + kind, unknownVersion);
    }
  }

  /** Tells whether the present iteration is this optimizer's, and not that of another. */
  public boolean isAtWork() {
    return isAtWork;
  }

  public State state() {
    return state;
  }

  /** Returns the live sum of the pending batches' gradients, 0 where there is none. */
  public INDArray sum() {
    return sum;
  }

  /** Takes up a state in the place of the present one. */
  public void restore(State saved, @Nullable INDArray savedSum) {
    if (savedSum != null) {
      sum.assign(savedSum);
    }
    state = saved;
  }

  @Override
  public boolean optimize(LayerWorkspaceMgr workspaces) {
    requireAlone();
    requireFirst();
    model.computeGradientAndScore(workspaces);
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      if (!take()) {
        return true;
      }
    } finally {
      outside.close();
    }
    return step(workspaces);
  }

  /** Makes the step of pending batches now. */
  public void stepPending() {
    if (state.pending == 0) {
      return;
    }
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      Views parts = views();
      for (int i = 0; i < parts.gradients.size(); i++) {
        parts.gradients.get(i).assign(parts.sums.get(i));
      }
      parts.statistics.forEach(statistic -> statistic.assign(0));
    } finally {
      outside.close();
    }
    finish(state, state.pending);
    step(LayerWorkspaceMgr.noWorkspaces());
  }

  /** Forgets pending batches. */
  public void drop() {
    state = new State(state.seen, 0, 1, 0);
  }

  private boolean step(LayerWorkspaceMgr workspaces) {
    isAtWork = true;
    try {
      return super.optimize(workspaces);
    } finally {
      isAtWork = false;
    }
  }

  /** Takes the gradients as they are, and not those of a batch that DL4J would compute here. */
  @Override
  public Pair<Gradient, Double> gradientAndScore(LayerWorkspaceMgr workspaces) {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      trainingListeners.forEach(listener -> listener.onGradientCalculation(model));
    } finally {
      outside.close();
    }
    Gradient gradient = model.gradient();
    // A network that was just restored has none.
    gradient = gradient == null ? new UpdaterBlocks(model).gradient() : gradient;
    score = model.score();
    updateGradientAccordingToParams(gradient, model, divisor, workspaces);
    return Pair.of(gradient, score);
  }

  /** Takes up a batch's gradients, and returns whether a step is due, with those it is made of. */
  private boolean take() {
    int batches = size.at(net.iterationCount(), state.seen);
    if (batches < 1) {
      throw new IllegalStateException(
          "batches must be >= 1 in every step but was "
              + batches
              + " in step "
              + net.iterationCount()
              + " after "
              + state.seen
              + " batches");
    }
    boolean isFirst = state.pending == 0;
    int examples = model.batchSize();
    int unit = isFirst || !model.conf().isMiniBatch() ? examples : state.unit;
    double factor =
        (isMean ? 1.0 / batches : 1) * (model.conf().isMiniBatch() ? (double) unit / examples : 1);
    State present =
        new State(state.seen + 1, state.pending + 1, unit, state.scores + model.score());
    Views parts = views();
    if (present.pending < batches) {
      for (int i = 0; i < parts.gradients.size(); i++) {
        add(parts.gradients.get(i), factor, isFirst, parts.sums.get(i), parts.sums.get(i));
      }
      for (int i = 0; i < parts.statistics.size(); i++) {
        parts.running.get(i).subi(parts.statistics.get(i));
      }
      state = present;
      return false;
    }
    for (int i = 0; i < parts.gradients.size(); i++) {
      INDArray gradients = parts.gradients.get(i);
      add(gradients, factor, isFirst, parts.sums.get(i), gradients);
    }
    finish(present, present.pending);
    return true;
  }

  /** Adds gradients to a sum, or to nothing. */
  private static void add(
      INDArray gradients, double factor, boolean isFirst, INDArray sum, INDArray result) {
    if (!isFirst) {
      Nd4j.exec(new Axpy(gradients, sum, result, factor));
    } else if (factor == 1) {
      result.assign(gradients);
    } else {
      gradients.muli(factor, result);
    }
  }

  /** Sets what the listeners of a step see, and nothing pending after it. */
  private void finish(State last, int batches) {
    divisor = last.unit;
    net.setScore(last.scores / batches);
    state = new State(last.seen, 0, 1, 0);
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private Views views() {
    if (model.getGradientsViewArray() == null) {
      NetworkUpdater.of(model); // Which makes them, in a network that was just restored.
    }
    INDArray all = model.getGradientsViewArray();
    Views known = views;
    if (known == null || known.all != all) {
      UpdaterBlocks blocks = new UpdaterBlocks(model);
      List<UpdaterBlocks.Span> gradients = blocks.spans(param -> !blocks.isStatistic(param));
      List<UpdaterBlocks.Span> statistics = blocks.spans(blocks::isStatistic);
      known =
          new Views(
              all,
              gradients.stream().map(span -> span.of(all)).toList(),
              gradients.stream().map(span -> span.of(sum)).toList(),
              statistics.stream().map(span -> span.of(all)).toList(),
              statistics.stream().map(span -> span.of(model.params())).toList());
      views = known;
    }
    return known;
  }

  private void requireAlone() {
    if (WorkerThreads.isInWorker() || getGradientsAccumulator() != null) {
      throw new IllegalStateException(NOT_IN_WORKERS);
    }
  }

  private void requireFirst() {
    Iterator<TrainingListener> present = net.listeners().iterator();
    if (!present.hasNext() || present.next() != attached) {
      throw new IllegalStateException(
          "AccumulatedGradients must stay the first of the network's listeners, since a step may be"
              + " due before others hear of the end of an epoch: use addListeners, or give it to"
              + " setListeners first");
    }
  }

  /** Gives DL4J this optimizer, and no other. */
  private static final class OwnSolver extends Solver {

    private final AccumulatingOptimizer optimizer;

    OwnSolver(AccumulatingOptimizer optimizer) {
      this.optimizer = optimizer;
    }

    @Override
    public void optimize(LayerWorkspaceMgr workspaces) {
      optimizer.optimize(workspaces);
    }

    @Override
    public void initOptimizer() {
      Objects.requireNonNull(optimizer);
    }

    @Override
    public ConvexOptimizer getOptimizer() {
      return optimizer;
    }

    @Override
    public void setListeners(Collection<TrainingListener> listeners) {
      optimizer.setListeners(listeners);
    }
  }
}
