package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;

/**
 * Remembers at which iteration the present epoch of a network began. A network that was loaded in
 * the middle of an epoch began it in another life, which it does not know itself, so there this is
 * a listener of it, too, where writers that are made later find it.
 */
final class EpochStart extends BaseTrainingListener {

  /** Stands for a number of batches that nobody has counted. */
  static final int UNKNOWN = -1;

  /**
   * What is known of an epoch.
   *
   * @param iteration the first of it, {@link #UNKNOWN} if that is not known
   * @param pass the iteration at which {@code fit} went into the epoch, {@link #UNKNOWN} if it has
   *     not yet in this life
   */
  private record Start(int epoch, int iteration, int pass) {}

  private final LiveNetwork net;
  private @Nullable Start start;

  private EpochStart(LiveNetwork net, @Nullable Start start) {
    this.net = net;
    this.start = start;
  }

  /** Returns what is known of a network already, or begins to know. */
  static EpochStart of(LiveNetwork net) {
    for (TrainingListener listener : net.listeners()) {
      EpochStart known =
          listener instanceof TrainingCheckpointListener saving
              ? saving.writer().epochStart()
              : listener instanceof EpochStart loaded ? loaded : null;
      if (known != null && known.net.model() == net.model()) {
        return known;
      }
    }
    return new EpochStart(net, null);
  }

  /** Returns what is known of a network that was loaded after so many batches of its epoch. */
  static EpochStart loaded(LiveNetwork net, int batches) {
    if (batches == 0) {
      return new EpochStart(net, null);
    }
    int iteration = batches == UNKNOWN ? UNKNOWN : net.iterationCount() - batches;
    EpochStart loaded = new EpochStart(net, new Start(net.epochCount(), iteration, UNKNOWN));
    net.model().addListeners(loaded);
    return loaded;
  }

  @Override
  public void onEpochStart(Model model) {
    if (model == net.model()) {
      begin();
    }
  }

  @Override
  public void onEpochEnd(Model model) {
    if (model == net.model()) {
      end();
    }
  }

  /**
   * Notes that {@code fit} goes into an epoch. If that has begun in another life, it is only gone
   * on with. If it has begun in this one and did not end, since an exception came between, nobody
   * knows which of its batches the iterator gives now.
   */
  void begin() {
    int epoch = net.epochCount();
    int iteration = net.iterationCount();
    Start known = start;
    if (known == null || known.epoch != epoch || known.iteration > iteration) {
      start = new Start(epoch, iteration, iteration);
    } else if (known.pass == UNKNOWN) {
      start = new Start(epoch, known.iteration == UNKNOWN ? iteration : known.iteration, iteration);
    } else if (known.pass != iteration) {
      start = new Start(epoch, UNKNOWN, iteration);
    }
  }

  /** Notes that an epoch is over. Some trainers give its number to a later one again. */
  void end() {
    start = null;
  }

  /**
   * Returns how many batches of an epoch are done when so many iterations are.
   *
   * @param unseen the number if nobody saw the epoch begin
   */
  int batches(int epoch, int iterations, int unseen) {
    if (start == null || start.epoch != epoch) {
      return unseen;
    }
    return start.iteration == UNKNOWN || start.iteration > iterations
        ? UNKNOWN
        : iterations - start.iteration;
  }
}
