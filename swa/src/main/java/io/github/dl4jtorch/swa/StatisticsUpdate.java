package io.github.dl4jtorch.swa;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.nd4j.linalg.api.rng.Random;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives an average the running statistics that belong to its weights, in the midst of a training
 * that must not notice, and tells now and then how far it is.
 */
final class StatisticsUpdate {

  private static final Logger LOG = LoggerFactory.getLogger(UpdateBn.class);
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);

  private StatisticsUpdate() {}

  static void run(AveragedModel<?> average, Batches data, LongSupplier nanoTime) {
    undisturbed(
        () -> {
          new UpdateBn().run(average.network(), new Counted(data, nanoTime));
          return null;
        });
  }

  /** Does something and sets the random numbers, which dropout draws from, back again. */
  static <T> T undisturbed(Supplier<T> work) {
    Random random = Nd4j.getRandom();
    long root = random.rootState();
    long node = random.nodeState();
    try {
      return work.get();
    } finally {
      random.setStates(root, node);
    }
  }

  /** Batches that are counted on their way. */
  private static final class Counted implements MultiDataSetIterator {

    private final Batches data;
    private final LongSupplier nanoTime;
    private final long start;
    private long told;
    private long batches;

    Counted(Batches data, LongSupplier nanoTime) {
      this.data = data;
      this.nanoTime = nanoTime;
      start = nanoTime.getAsLong();
      told = start;
    }

    @Override
    public boolean hasNext() {
      return data.hasNext();
    }

    /** Is called again when a batch is done with. */
    @Override
    public MultiDataSet next() {
      long now = nanoTime.getAsLong();
      if (batches > 0 && now - told >= PATIENCE) {
        told = now;
        LOG.info("{} batches in {} s", batches, TimeUnit.NANOSECONDS.toSeconds(now - start));
      }
      batches++;
      return data.next();
    }

    @Override
    public boolean resetSupported() {
      return data.canReset();
    }

    @Override
    public void reset() {
      data.reset();
    }

    @Override
    public boolean asyncSupported() {
      return false;
    }

    @Override
    public MultiDataSet next(int examples) {
      throw new UnsupportedOperationException("batches are taken as they are");
    }

    @Override
    public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
      throw new UnsupportedOperationException("batches are taken as they are");
    }

    @Override
    public MultiDataSetPreProcessor getPreProcessor() {
      throw new UnsupportedOperationException("batches are taken as they are");
    }
  }
}
