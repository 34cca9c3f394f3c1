package io.github.dl4jtorch.schedules;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What schedulers leave in a param group, under PyTorch's keys, in the order of a state. */
enum GroupMark {
  INITIAL_LR,
  MAX_LR,
  MIN_LR,
  MAX_MOMENTUM,
  BASE_MOMENTUM,
  SWA_LR,
  INITIAL_MOMENTUM;

  static final List<GroupMark> ALL = List.of(values());

  private final String key = name().toLowerCase(Locale.ROOT);

  String key() {
    return key;
  }

  /** Returns the mark's place in an array of all. */
  @SuppressWarnings("EnumOrdinal") // An EnumMap would box the numbers.
  int index() {
    return ordinal();
  }

  /** Returns room for one number a mark, all absent. */
  static double[] none() {
    double[] none = new double[ALL.size()];
    Arrays.fill(none, Double.NaN);
    return none;
  }
}
