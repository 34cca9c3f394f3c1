package io.github.dl4jtorch.swa;

import java.util.Iterator;
import java.util.List;
import org.deeplearning4j.datasets.iterator.BaseDatasetIterator;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/** An iterator over given features that counts what is asked of it, and fails if told to. */
@SuppressWarnings("serial")
final class Batched extends BaseDatasetIterator {

  private final List<INDArray> features;
  private int position;
  int served;
  int resets;
  boolean canReset = true;
  RuntimeException failure;
  RuntimeException resetFailure;

  Batched(List<INDArray> features) {
    super(1, 1, null);
    this.features = features;
  }

  @Override
  public boolean hasNext() {
    return position < features.size();
  }

  @Override
  public DataSet next() {
    if (failure != null && position == 1) {
      throw failure;
    }
    served++;
    return new DataSet(features.get(position++), null);
  }

  @Override
  public boolean resetSupported() {
    return canReset;
  }

  @Override
  public void reset() {
    resets++;
    if (resetFailure != null && resets > 1) {
      throw resetFailure;
    }
    position = 0;
  }

  /** The same with several inputs, over data that are given once. */
  static final class Multi implements MultiDataSetIterator {

    private final List<? extends MultiDataSet> data;
    private Iterator<? extends MultiDataSet> iterator;

    Multi(List<? extends MultiDataSet> data) {
      this.data = data;
      iterator = data.iterator();
    }

    @Override
    public MultiDataSet next(int num) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {}

    @Override
    public MultiDataSetPreProcessor getPreProcessor() {
      return null;
    }

    @Override
    public boolean resetSupported() {
      return true;
    }

    @Override
    public boolean asyncSupported() {
      return false;
    }

    @Override
    public void reset() {
      iterator = data.iterator();
    }

    @Override
    public boolean hasNext() {
      return iterator.hasNext();
    }

    @Override
    public MultiDataSet next() {
      return iterator.next();
    }
  }
}
