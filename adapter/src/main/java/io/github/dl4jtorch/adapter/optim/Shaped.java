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
      throw new IllegalStateException(
          "the shapes of the parameters must be those for which TorchOptimizer gave the updater, "
              + updater.shapes()
              + ", but there are "
              + length
              + " parameters; give the network the optimizer anew");
    }
    List<TensorShape> all = new ArrayList<>();
    for (long start = 0; start < length; start += unit) {
      all.addAll(updater.shapes());
    }
    return all;
  }

  static long unit(List<TensorShape> shapes) {
    return shapes.stream().mapToLong(TensorShape::length).sum();
  }
}
