package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.internal.AccumulatingOptimizer;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;

/**
 * Remembers at which batch the present epoch of a network began. A network that was loaded in the
 * middle of an epoch began it in another life, which it does not know itself, so there this is a
 * listener of it, too, where writers that are made later find it.
 */
final class EpochStart extends BaseTrainingListener {

  /** Stands for a number of batches that nobody has counted. */
  static final int UNKNOWN = -1;

  /**
   * What is known of an epoch.
   *
   * @param first the number of its first batch, {@link #UNKNOWN} if that is not known
   * @param pass the number of the batch at which {@code fit} went into the epoch, {@link #UNKNOWN}
   *     if it has not yet in this life
   */
  private record Start(int epoch, int first, int pass) {}

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

  /**
   * Returns what is known of a network that was loaded.
   *
   * @param batches how many batches of its epoch were done, or {@link #UNKNOWN}
   * @param all how many were done in all
   */
  static EpochStart loaded(LiveNetwork net, int batches, int all) {
    if (batches == 0) {
      return new EpochStart(net, null);
    }
    int first = batches == UNKNOWN ? UNKNOWN : all - batches;
    EpochStart loaded = new EpochStart(net, new Start(net.epochCount(), first, UNKNOWN));
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
    int batch = AccumulatingOptimizer.batches(net);
    Start known = start;
    if (known == null || known.epoch != epoch || known.first > batch) {
      start = new Start(epoch, batch, batch);
    } else if (known.pass == UNKNOWN) {
      start = new Start(epoch, known.first == UNKNOWN ? batch : known.first, batch);
    } else if (known.pass != batch) {
      start = new Start(epoch, UNKNOWN, batch);
    }
  }

  /** Notes that an epoch is over. Some trainers give its number to a later one again. */
  void end() {
    start = null;
  }

  /**
   * Returns how many batches of an epoch are done when so many are in all.
   *
   * @param unseen the number if nobody saw the epoch begin
   */
  int batches(int epoch, int all, int unseen) {
    if (start == null || start.epoch != epoch) {
      return unseen;
    }
    return start.first == UNKNOWN || start.first > all ? UNKNOWN : all - start.first;
  }
}
