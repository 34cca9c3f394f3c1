package io.github.dl4jtorch.adapter;

import org.jspecify.annotations.Nullable;

/**
 * What a param group is to start with.
 *
 * @param name what it is called, null if by its number
 * @param lr the rate, NaN for that of its updaters, which must then be one
 * @param momentum the momentum or beta1, NaN for that of its updaters
 * @param weightDecay the weight decay, NaN for what its layers have
 */
record GroupStart(@Nullable String name, double lr, double momentum, double weightDecay) {
  static final GroupStart AS_IT_IS = named(null);

  static GroupStart named(@Nullable String name) {
    return new GroupStart(name, Double.NaN, Double.NaN, Double.NaN);
  }
}
