package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.internal.RandomNumbers;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
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
    RandomNumbers.undisturbed(
        () -> {
          new UpdateBn().run(average.network(), data, new Progress(nanoTime));
          return average; // Nobody asks for it.
        });
  }

  /** Is told before each batch how many are done with. */
  private static final class Progress implements LongConsumer {

    private final LongSupplier nanoTime;
    private final long start;
    private long told;

    Progress(LongSupplier nanoTime) {
      this.nanoTime = nanoTime;
      start = nanoTime.getAsLong();
      told = start;
    }

    @Override
    public void accept(long batches) {
      long now = nanoTime.getAsLong();
      if (batches > 0 && now - told >= PATIENCE) {
        told = now;
        LOG.info("{} batches in {} s", batches, TimeUnit.NANOSECONDS.toSeconds(now - start));
      }
    }
  }
}
