package io.github.dl4jtorch.spark;

/** Arithmetic on arrays of numbers of the same length. */
final class Vectors {

  private Vectors() {}

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** Returns {@code a + factor b}. */
  static double[] sum(double[] a, double factor, double[] b) {
    double[] sum = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      sum[i] = a[i] + factor * b[i];
    }
    return sum;
  }

  /** Tells whether {@code a} is {@code factor b}, but for rounding in numbers as large as those. */
  static boolean isSame(double[] a, double factor, double[] b, double[] rounded) {
    double[] rest = sum(a, -factor, b);
    return dot(rest, rest) <= 1e-24 * dot(rounded, rounded);
  }
}
