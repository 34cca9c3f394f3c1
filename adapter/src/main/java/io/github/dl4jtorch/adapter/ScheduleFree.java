package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.OtherWeights;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.ScheduleFreeUpdater;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The evaluation weights of a network that a {@link ScheduleFreeUpdater} trains: the weighted mean
 * {@code x} of its steps, while the network itself has {@code y}, where its gradients are taken.
 *
 * <pre>{@code
 * MultiLayerNetwork net = new MultiLayerNetwork(
 *     TorchOptimizer.of(new AdamWScheduleFree(2.5e-3).withWarmupSteps(100))
 *         .applyTo(configuration));
 * net.init();
 * ScheduleFree weights = ScheduleFree.of(net);
 * for (int epoch = 0; epoch < 10; epoch++) {
 *   net.fit(training);
 *   double accuracy = weights.during(() -> net.evaluate(validation).accuracy());
 * }
 * weights.during(() -> net.save(new File("model.zip"), false)); // for predictions
 * }</pre>
 *
 * <p>Everything that evaluates the network by itself, like DL4J's {@code EvaluativeListener}, sees
 * the training weights. A metric for a plateau is {@code model -> weights.during(() ->
 * calculator.calculateScore(model))}. A checkpoint to train on from is saved outside, as always.
 *
 * <p>The running statistics of batch normalization are those of the training weights. {@code
 * UpdateBn} of {@code dl4j-torch-swa} recomputes them within {@code during}, and they are given
 * back with the weights.
 *
 * <p>Biases and others that have another updater stay as they are.
 */
public final class ScheduleFree {

  /** Parameters that are updated together, and the state of their updater. */
  private record Block(ScheduleFreeUpdater<?> updater, INDArray params, INDArray state) {}

  private final LiveNetwork net;

  private ScheduleFree(LiveNetwork net) {
    this.net = net;
  }

  /**
   * Takes a network.
   *
   * @param net the network, initialised
   * @return its evaluation weights, now and later
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException if no parameter has a {@link ScheduleFreeUpdater}
   */
  public static ScheduleFree of(NeuralNetwork net) {
    LiveNetwork live = LiveNetwork.of(net, "its evaluation weights are asked for");
    if (UpdaterBlocks.seen(live.model()).params().stream()
        .noneMatch(
            param -> FrozenUpdater.unfrozen(param.updater()) instanceof ScheduleFreeUpdater)) {
      throw new IllegalArgumentException(
          "net must have an SGDScheduleFree or AdamWScheduleFree for evaluation weights but had none");
    }
    return new ScheduleFree(live);
  }

  /**
   * Does something while the network has its evaluation weights. Afterwards it has its training
   * weights again, to the bit and whatever is thrown, its running statistics, and the calling
   * thread's random numbers too, so that training goes on as if nothing had been. Training within
   * is refused.
   *
   * @param work what is done with the network
   * @param <T> the kind of result
   * @param <E> what it may throw
   * @return the result
   * @throws E from there
   * @throws IllegalStateException if this is done within itself
   */
  public <T, E extends Exception> T during(EvaluationWork<T, E> work) throws E {
    List<Block> blocks = blocks();
    blocks.forEach(block -> block.updater.requireTraining(block.params, block.state));
    return OtherWeights.during(
        net.model(),
        () -> blocks.forEach(block -> block.updater.toEvaluation(block.params, block.state)),
        () -> blocks.forEach(block -> block.updater.toTraining(block.params, block.state)),
        work::run);
  }

  /**
   * Does something without a result while the network has its evaluation weights; the same as
   * {@link #during(EvaluationWork)}.
   *
   * @param action what is done with the network
   * @param <E> what it may throw
   * @throws E from there
   * @throws IllegalStateException if this is done within itself
   */
  public <E extends Exception> void during(EvaluationAction<E> action) throws E {
    this.<Boolean, E>during(
        () -> {
          action.run();
          return true;
        });
  }

  private List<Block> blocks() {
    UpdaterBlocks all = new UpdaterBlocks(net.model());
    List<Block> blocks = new ArrayList<>();
    int known = -1;
    for (UpdaterBlocks.Param param : all.params()) {
      IUpdater updater = FrozenUpdater.unfrozen(param.updater());
      if (param.block() != known && updater instanceof ScheduleFreeUpdater<?> own) {
        blocks.add(
            new Block(
                own,
                all.blockSpan(param.block()).of(net.model().params()),
                Objects.requireNonNull(all.blockState(param.block()))));
      }
      known = param.block();
    }
    return blocks;
  }
}
