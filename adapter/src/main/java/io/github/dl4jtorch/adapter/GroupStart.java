package io.github.dl4jtorch.adapter;

/**
 * What a param group is to start with.
 *
 * @param lr the rate, NaN for that of its updaters, which must then be one
 * @param momentum the momentum or beta1, NaN for that of its updaters
 */
record GroupStart(double lr, double momentum) {
  static final GroupStart AS_IT_IS = new GroupStart(Double.NaN, Double.NaN);
}
