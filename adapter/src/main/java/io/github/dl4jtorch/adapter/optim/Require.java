package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.Nullable;

/** The checks of arguments, each with the argument's name, its legal range and the value given. */
final class Require {

  private Require() {}

  static double requireNonNegative(String name, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      throw illegal(name, "finite and >= 0", value);
    }
    return value;
  }

  static int requireNonNegative(String name, int value) {
    if (value < 0) {
      throw new IllegalArgumentException(name + " must be >= 0 but was " + value);
    }
    return value;
  }

  static double requireFinite(String name, double value) {
    if (!Double.isFinite(value)) {
      throw illegal(name, "finite", value);
    }
    return value;
  }

  static double requireNonPositive(String name, double value) {
    if (!(value <= 0) || Double.isInfinite(value)) {
      throw illegal(name, "finite and <= 0", value);
    }
    return value;
  }

  static double requireFromOne(String name, double value) {
    if (!(value >= 1) || Double.isInfinite(value)) {
      throw illegal(name, "finite and >= 1", value);
    }
    return value;
  }

  static double requirePositive(String name, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw illegal(name, "finite and > 0", value);
    }
    return value;
  }

  static double requireBelowOne(String name, double value) {
    if (!(value >= 0 && value < 1)) {
      throw illegal(name, ">= 0 and < 1", value);
    }
    return value;
  }

  static double requireBetweenZeroAndOne(String name, double value) {
    if (!(value > 0 && value < 1)) {
      throw illegal(name, "> 0 and < 1", value);
    }
    return value;
  }

  static double requireAboveOne(String name, double value) {
    if (!(value > 1) || Double.isInfinite(value)) {
      throw illegal(name, "finite and > 1", value);
    }
    return value;
  }

  static double requireFromZeroToOne(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw illegal(name, ">= 0 and <= 1", value);
    }
    return value;
  }

  static <T> T requireGiven(String name, @Nullable T value) {
    if (value == null) {
      throw new NullPointerException(name + " must be given but was null");
    }
    return value;
  }

  private static IllegalArgumentException illegal(String name, String range, double value) {
    return new IllegalArgumentException(name + " must be " + range + " but was " + value);
  }
}
