package io.github.dl4jtorch.adapter.checkpoint;

import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * One pass over what is left of an epoch. It cannot be reset, or DL4J would begin another epoch
 * where nothing is left.
 */
final class RemainingBatches {

  private RemainingBatches() {}

  static DataSetIterator of(DataSetIterator source, int done) {
    return new DataSets(source, done);
  }

  static MultiDataSetIterator of(MultiDataSetIterator source, int done) {
    return new MultiDataSets(source, done);
  }

  /** Passes over batches when the first that is wanted is asked for. */
  private static final class Skip {
    private final Iterator<?> source;
    private final @Nullable Runnable reset;
    private final int done;
    private boolean hasBegun;
    private int passed;

    Skip(Iterator<?> source, @Nullable Runnable reset, int done) {
      this.source = source;
      this.reset = reset;
      this.done = done;
    }

    void pass() {
      // As DL4J's fit does with an iterator that comes from another epoch.
      if (!hasBegun && reset != null && !source.hasNext()) {
        reset.run();
      }
      hasBegun = true;
      while (passed < done) {
        if (!source.hasNext()) {
          throw new IllegalStateException(
              "the iterator must have the "
                  + done
                  + " batches that the epoch had when it was saved, but has "
                  + passed
                  + " from where it stands: give it as it is at the start of an epoch");
        }
        source.next();
        passed++;
      }
    }
  }

  private static UnsupportedOperationException noReset() {
    return new UnsupportedOperationException(
        "what remains of an epoch is one pass: train the next epoch with the iterator itself");
  }

  private static final class DataSets implements DataSetIterator {
    private static final long serialVersionUID = 1L;

    private final DataSetIterator source;
    private final transient Skip skip;

    DataSets(DataSetIterator source, int done) {
      this.source = source;
      this.skip = new Skip(source, source.resetSupported() ? source::reset : null, done);
    }

    @Override
    public boolean hasNext() {
      skip.pass();
      return source.hasNext();
    }

    @Override
    public DataSet next() {
      skip.pass();
      return source.next();
    }

    @Override
    public DataSet next(int num) {
      skip.pass();
      return source.next(num);
    }

    @Override
    public boolean resetSupported() {
      return false;
    }

    @Override
    public void reset() {
      throw noReset();
    }

    @Override
    public boolean asyncSupported() {
      return source.asyncSupported();
    }

    @Override
    public int inputColumns() {
      return source.inputColumns();
    }

    @Override
    public int totalOutcomes() {
      return source.totalOutcomes();
    }

    @Override
    public int batch() {
      return source.batch();
    }

    @Override
    public void setPreProcessor(DataSetPreProcessor preProcessor) {
      source.setPreProcessor(preProcessor);
    }

    @Override
    public DataSetPreProcessor getPreProcessor() {
      return source.getPreProcessor();
    }

    @Override
    public List<String> getLabels() {
      return source.getLabels();
    }
  }

  private static final class MultiDataSets implements MultiDataSetIterator {
    private static final long serialVersionUID = 1L;

    private final MultiDataSetIterator source;
    private final transient Skip skip;

    MultiDataSets(MultiDataSetIterator source, int done) {
      this.source = source;
      this.skip = new Skip(source, source.resetSupported() ? source::reset : null, done);
    }

    @Override
    public boolean hasNext() {
      skip.pass();
      return source.hasNext();
    }

    @Override
    public MultiDataSet next() {
      skip.pass();
      return source.next();
    }

    @Override
    public MultiDataSet next(int num) {
      skip.pass();
      return source.next(num);
    }

    @Override
    public boolean resetSupported() {
      return false;
    }

    @Override
    public void reset() {
      throw noReset();
    }

    @Override
    public boolean asyncSupported() {
      return source.asyncSupported();
    }

    @Override
    public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
      source.setPreProcessor(preProcessor);
    }

    @Override
    public MultiDataSetPreProcessor getPreProcessor() {
      return source.getPreProcessor();
    }
  }
}
