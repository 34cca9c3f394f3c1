package io.github.dl4jtorch.adapter.optim;

import java.util.ArrayList;
import java.util.List;

/** The parameters of a block, of which an updater knows the shapes. */
final class Shaped {

  private Shaped() {}

  /**
   * Returns the shapes of the parameters that make up a block, in their order.
   *
   * @throws IllegalStateException if there are none that do
   */
  static List<TensorShape> in(TorchUpdater updater, long length) {
    long unit = unit(updater.shapes());
    if (unit == 0) {
      throw new IllegalStateException(
          "a "
              + updater.getClass().getSimpleName()
              + " must be given by TorchOptimizer, which knows the shapes of the parameters, but"
              + " was not: "
              + updater);
    }
    if (length % unit != 0) {
      throw others(updater, length);
    }
    List<TensorShape> all = new ArrayList<>();
    for (long start = 0; start < length; start += unit) {
      all.addAll(updater.shapes());
    }
    return all;
  }

  /** Refuses an array that is none of those which the updater was made for, were it just longer. */
  static void requireKnown(TorchUpdater updater, long length) {
    // Of less than two, DL4J just asks what kind of state it is.
    if (length > 1
        && !updater.shapes().isEmpty()
        && updater.shapes().stream().noneMatch(shape -> shape.length() == length)) {
      throw others(updater, length);
    }
  }

  private static IllegalStateException others(TorchUpdater updater, long length) {
    return new IllegalStateException(
        "the parameters must have the sizes for which TorchOptimizer gave the updater, "
            + updater.shapes().stream().map(TensorShape::length).toList()
            + ", but there are "
            + length
            + "; give the network the optimizer anew: "
            + updater);
  }

  static long unit(List<TensorShape> shapes) {
    return shapes.stream().mapToLong(TensorShape::length).sum();
  }
}
