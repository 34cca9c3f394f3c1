package io.github.dl4jtorch.swa;

import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/** What DL4J's two kinds of iterators have in common. */
interface Batches {

  boolean hasNext();

  MultiDataSet next();

  boolean canReset();

  void reset();

  static Batches of(DataSetIterator data) {
    return new Batches() {
      @Override
      public boolean hasNext() {
        return data.hasNext();
      }

      @Override
      public MultiDataSet next() {
        return data.next().toMultiDataSet();
      }

      @Override
      public boolean canReset() {
        return data.resetSupported();
      }

      @Override
      public void reset() {
        data.reset();
      }
    };
  }

  static Batches of(MultiDataSetIterator data) {
    return new Batches() {
      @Override
      public boolean hasNext() {
        return data.hasNext();
      }

      @Override
      public MultiDataSet next() {
        return data.next();
      }

      @Override
      public boolean canReset() {
        return data.resetSupported();
      }

      @Override
      public void reset() {
        data.reset();
      }
    };
  }
}
