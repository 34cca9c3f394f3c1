package io.github.dl4jtorch.swa;

import org.jspecify.annotations.Nullable;

/** The checks of arguments, each with the argument's name, its legal range and the value given. */
final class Require {

  private Require() {}

  static void requirePositive(String name, int value) {
    if (value <= 0) {
      throw illegal(name, "> 0", value);
    }
  }

  static void requireNotNegative(String name, int value) {
    if (value < 0) {
      throw illegal(name, ">= 0", value);
    }
  }

  static double requirePositive(String name, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw illegal(name, "finite and > 0", value);
    }
    return value;
  }

  static void requireFromZeroToOne(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw illegal(name, ">= 0 and <= 1", value);
    }
  }

  static void requireGiven(String name, @Nullable Object value) {
    if (value == null) {
      throw new NullPointerException(name + " must be given but was null");
    }
  }

  static IllegalArgumentException illegal(String name, String range, Object value) {
    return new IllegalArgumentException(name + " must be " + range + " but was " + value);
  }
}
