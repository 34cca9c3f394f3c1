package io.github.dl4jtorch.swa;

import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** The parameters of the last models, of which each takes the place of the one k before it. */
final class LastModels {

  /** One of them, with its pieces, so that these are cut once. */
  private record Model(INDArray all, List<INDArray> pieces) {
    Model(INDArray all) {
      this(all, Weights.pieces(all));
    }
  }

  private final int k;
  private final List<Model> places = new ArrayList<>();

  LastModels(int k) {
    this.k = k;
  }

  private Model at(long model) {
    return places.get((int) (model % k));
  }

  /** Returns how many are held after so many. */
  int held(long n) {
    return (int) Math.min(n, k);
  }

  /** Takes up the parameters of the n-th, counted from 0. */
  void put(long n, INDArray params) {
    int place = (int) (n % k);
    if (place < places.size()) {
      List<INDArray> own = places.get(place).pieces;
      List<INDArray> theirs = Weights.pieces(params);
      for (int i = 0; i < own.size(); i++) {
        own.get(i).assign(theirs.get(i));
      }
      return;
    }
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      places.add(new Model(params.dup()));
    } finally {
      outside.close();
    }
  }

  /** Takes up those that were held after n, from the oldest on. */
  void restore(long n, List<INDArray> all) {
    int held = held(n);
    long oldest = n - held;
    // In the order of their places, of which a new one can only be the next.
    for (int place = 0; place < held; place++) {
      int age = (int) Math.floorMod(place - oldest, (long) held);
      INDArray params = all.get(age);
      put(oldest + age, params.reshape(params.length()));
    }
  }

  /** Returns those held after n, from the oldest on; not copies. */
  List<INDArray> all(long n) {
    List<INDArray> all = new ArrayList<>();
    for (long model = n - held(n); model < n; model++) {
      all.add(at(model).all);
    }
    return all;
  }

  /** Writes the mean of those held after n, adding from the oldest on. */
  void mean(long n, Weights into) {
    int held = held(n);
    List<INDArray> pieces = into.pieces();
    for (int i = 0; i < pieces.size(); i++) {
      INDArray own = pieces.get(i).assign(at(n - held).pieces.get(i));
      for (long model = n - held + 1; model < n; model++) {
        own.addi(at(model).pieces.get(i));
      }
      own.divi(held);
    }
  }

  /** Returns the mean of the running variances held after n. */
  INDArray meanVariance(long n, BatchNorm norm, Weights of) {
    long start = of.start(norm.spread());
    var place = NDArrayIndex.interval(start, start + norm.channels());
    INDArray sum = Nd4j.zeros(DataType.DOUBLE, norm.channels());
    for (INDArray params : all(n)) {
      sum.addi(norm.variance(params.get(place)).reshape(norm.channels()));
    }
    return sum.divi(held(n));
  }
}
