package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import org.deeplearning4j.earlystopping.EarlyStoppingModelSaver;
import org.deeplearning4j.nn.api.Model;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the best and the latest model of early stopping in memory, each as it was when it was
 * saved: parameters, learning rates, the updaters' state and the counts. DL4J's {@code
 * InMemoryModelSaver} keeps clones, which share their updaters with the network that is trained
 * further, so that the best model's rate changes with every rate that is pushed, and which lose the
 * counts of a graph.
 *
 * <p>The score of a saved network, {@code net.score()}, is the one it was saved with. Its count of
 * epochs is that of the trainer, which does not include the epoch that has just ended: before going
 * on by {@code fit}, call {@code incrementEpochCount()}.
 *
 * <pre>{@code
 * var saver = new NetworkCopySaver<MultiLayerNetwork>();
 * // new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>().modelSaver(saver) ...
 * }</pre>
 *
 * @param <T> {@code MultiLayerNetwork} or {@code ComputationGraph}
 */
public final class NetworkCopySaver<T extends Model> implements EarlyStoppingModelSaver<T> {

  private static final long serialVersionUID = 1L;

  private transient @Nullable T best;
  private transient @Nullable T latest;

  /** Makes a saver that has no model yet. */
  public NetworkCopySaver() {}

  @Override
  public void saveBestModel(T net, double score) {
    best = copy(net, score);
  }

  @Override
  public void saveLatestModel(T net, double score) {
    latest = copy(net, score);
  }

  /**
   * Returns the best model.
   *
   * @return the network that was saved last as the best, null if none was
   */
  @Override
  public @Nullable T getBestModel() {
    return best;
  }

  /**
   * Returns the latest model, which trainers save only if told to.
   *
   * @return the network that was saved last as the latest, null if none was
   */
  @Override
  public @Nullable T getLatestModel() {
    return latest;
  }

  @SuppressWarnings("unchecked") // A copy is of the type of its source.
  private static <T extends Model> T copy(T net, double score) {
    Model copy = LiveNetwork.model(NetworkCopy.of(new LiveNetwork(net).network()));
    new LiveNetwork(copy).setScore(score);
    return (T) copy;
  }
}
