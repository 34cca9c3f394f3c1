package io.github.dl4jtorch.adapter.optim;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The state of an updater over one block of parameters: arrays of the block's size, then cells.
 *
 * <p>DL4J asks for the size of a state parameter by parameter and joins them, so there is a set of
 * cells for each. The first set is used, the others stay 0. A set holds the count of updates in
 * {@link #DIGITS} digits, so that it is exact in 16-bit networks too; a mark, without which the
 * state is another updater's; and a number of the updater's own. Numbers that no precision of a
 * network must round are behind these, in digits as the count. The mean of several copies' states,
 * as ParallelWrapper takes it, is a state again.
 *
 * <p>So is a copy that another thread takes in the middle of an update, as ParallelWrapper's
 * workers do, whatever it has of before and of after: the state carries a mark from its birth on,
 * at its end, which is found without knowing how many parameters share the state.
 */
final class UpdaterState {

  /** What is done to a part of a block. */
  interface PartUpdate {
    /**
     * Updates a part.
     *
     * @param gradient the gradient, to become the update
     * @param arrays the state's arrays
     * @param scratch room for intermediate results, of the same length
     */
    void apply(INDArray gradient, INDArray[] arrays, INDArray scratch);
  }

  private static final int BASE = 64;
  private static final int DIGITS = 5;
  private static final int MARK = DIGITS;
  private static final int EXTRA = DIGITS + 1;
  // Some whole number that no average of squares can be, and no average of gradients will be.
  private static final double MARKED = -57;
  private static final int MARKS_OF_BIRTH = 128;

  private static final int NUMBERS = DIGITS + 2;

  /** How many digits the bits of a number in double precision have. */
  private static final int DIGITS_OF_BITS = 11;

  private static final int BITS_OF_DIGIT = 6;

  /** The length of the parts, and so of what is kept for intermediate results: at most 128 MB. */
  private static final int PART = 1 << 24;

  private final TorchUpdater config;
  private final @Nullable INDArray view;
  private final int partLength;
  private long length = -1;
  private INDArray[] arrays = {};
  private final List<INDArray[]> parts = new ArrayList<>();
  private @Nullable INDArray scratch;
  private @Nullable INDArray cells;
  private long age;
  private double extra;
  private final double[] numbers;

  UpdaterState(TorchUpdater config, @Nullable INDArray view, boolean initialize) {
    this(config, view, initialize, PART);
  }

  UpdaterState(TorchUpdater config, @Nullable INDArray view, boolean initialize, int partLength) {
    this.config = config;
    this.partLength = partLength;
    this.numbers = new double[config.numbers()];
    this.view = view == null ? null : view.reshape(view.length());
    if (this.view != null && initialize) {
      this.view.assign(0);
      if (config.counts()) {
        markBirth(this.view);
      }
    }
  }

  /** Returns how many cells an updater's state has for each parameter. */
  static int cells(TorchUpdater config) {
    return config.counts() ? NUMBERS + DIGITS_OF_BITS * config.numbers() : 0;
  }

  /** Returns the mark of birth, which states of other lengths rarely have, exact in 16 bits. */
  private static double birthMark(INDArray view) {
    return MARKED - 1 - view.length() % MARKS_OF_BIRTH;
  }

  private INDArray placeOfBirthMark(INDArray view) {
    return slice(view, view.length() - cells(config) + MARK, 1);
  }

  private void markBirth(INDArray view) {
    if (view.length() >= cells(config)) {
      placeOfBirthMark(view).assign(birthMark(view));
    }
  }

  private boolean hasBirthMark(INDArray view) {
    return placeOfBirthMark(view).dup().getDouble(0) == birthMark(view);
  }

  @Nullable INDArray view() {
    return view;
  }

  /**
   * Finds arrays and cells for a gradient of this length, and reads the cells.
   *
   * @throws IllegalStateException if this is not the state of such an updater and gradient
   */
  void bind(long gradientLength) {
    if (length != gradientLength) {
      split(gradientLength);
    }
    if (cells != null) {
      read(cells);
    }
  }

  // DL4J hands over a state before it tells how many parameters share it.
  private void split(long gradientLength) {
    long used = config.stateLength(gradientLength);
    long rest = (view == null ? 0 : view.length()) - used;
    if (config.counts() ? rest <= 0 || rest % cells(config) != 0 : rest != 0) {
      throw misfit(gradientLength);
    }
    arrays = new INDArray[config.arrays()];
    for (int index = 0; index < arrays.length; index++) {
      long each = used / arrays.length;
      arrays[index] = slice(requireNonNull(view), index * each, each);
    }
    parts.clear();
    scratch = null;
    if (config.counts()) {
      INDArray all = requireNonNull(view);
      int set = cells(config);
      if (rest > set && !isUnused(slice(all, used + set, rest - set).dup(), all)) {
        throw misfit(gradientLength);
      }
      cells = slice(all, used, set);
    }
    length = gradientLength;
  }

  private void read(INDArray cells) {
    // A copy, since reading from a view moves the whole state from a GPU to the host.
    double[] values = cells.dup().toDoubleVector();
    INDArray all = requireNonNull(view);
    if (values[MARK] != MARKED && !hasBirthMark(all)) {
      if (!isZero(all)) {
        throw misfit(length);
      }
      markBirth(all);
    }
    double count = 0;
    for (int digit = DIGITS - 1; digit >= 0; digit--) {
      count = count * BASE + values[digit];
    }
    age = Math.round(count);
    extra = values[EXTRA];
    for (int index = 0; index < numbers.length; index++) {
      numbers[index] = number(values, NUMBERS + index * DIGITS_OF_BITS);
    }
  }

  /** Reads a number from the digits of its bits, which in a mean of states may not be whole. */
  private static double number(double[] values, int start) {
    long bits = 0;
    double rest = 0;
    for (int digit = DIGITS_OF_BITS - 1; digit >= 0; digit--) {
      double value = values[start + digit];
      double whole = Math.floor(value);
      bits = bits * BASE + (long) whole;
      rest = rest * BASE + (value - whole);
    }
    return Double.longBitsToDouble(bits + Math.round(rest));
  }

  /** Writes the cells. */
  void save() {
    if (cells != null) {
      double[] values = new double[cells(config)];
      long rest = age;
      for (int digit = 0; digit < DIGITS; digit++) {
        values[digit] = rest % BASE;
        rest /= BASE;
      }
      values[MARK] = MARKED;
      values[EXTRA] = extra;
      for (int index = 0; index < numbers.length; index++) {
        long bits = Double.doubleToLongBits(numbers[index]);
        for (int digit = 0; digit < DIGITS_OF_BITS; digit++) {
          values[NUMBERS + index * DIGITS_OF_BITS + digit] =
              bits >>> (digit * BITS_OF_DIGIT) & (BASE - 1);
        }
      }
      cells.assign(Nd4j.createFromArray(values));
    }
  }

  private IllegalStateException misfit(long gradientLength) {
    return new IllegalStateException(
        "the updater state must be one that "
            + config
            + " made for "
            + gradientLength
            + " parameters, but it belongs to another updater, or the network has joined its"
            + " parameters in another way since; give the network the updaters with which the"
            + " state was made, or train on with a new state");
  }

  /** Tells whether a copy of the sets after the first has nothing but, maybe, the mark of birth. */
  private boolean isUnused(INDArray others, INDArray view) {
    if (hasBirthMark(view)) {
      placeOfBirthMark(others).assign(0);
    }
    return isZero(others);
  }

  private static boolean isZero(INDArray array) {
    return array.amaxNumber().doubleValue() == 0;
  }

  /**
   * Cuts out a part. As it is cut it says it is in F order, which beside C order costs much time.
   */
  static INDArray slice(INDArray array, long start, long length) {
    return array
        .get(NDArrayIndex.interval(start, start + length))
        .reshape('c', new long[] {length});
  }

  /** Returns how many updates were made before this one. */
  long age() {
    return age;
  }

  void setAge(long age) {
    this.age = age;
  }

  /** Counts this update, and returns its number, from 1. */
  double advance() {
    age++;
    return (double) age;
  }

  /** Returns the updater's own number; it is 0 at first. */
  double extra() {
    return extra;
  }

  void setExtra(double extra) {
    this.extra = extra;
  }

  /** Returns one of the numbers in full precision; they are 0 at first. */
  double number(int index) {
    return numbers[index];
  }

  void setNumber(int index, double number) {
    numbers[index] = number;
  }

  /** Returns one of the arrays, as long as the gradient. */
  INDArray array(int index) {
    return arrays[index];
  }

  /** Returns room for intermediate results, the same in every update. */
  INDArray room(DataType type, long roomLength) {
    INDArray room = scratch;
    if (room == null || room.length() != roomLength) {
      // Kept for the next update, when what belongs to a workspace would be gone.
      room = Nd4j.createUninitializedDetached(type, roomLength);
      scratch = room;
    }
    return room;
  }

  /**
   * Does something that needs room for intermediate results, part after part, so that little room
   * will do.
   */
  void forEachPart(INDArray gradient, PartUpdate update) {
    if (parts.isEmpty()) {
      prepareParts(gradient);
    }
    INDArray room = requireNonNull(scratch);
    if (parts.size() == 1) {
      update.apply(gradient, arrays, room);
      return;
    }
    for (int index = 0; index < parts.size(); index++) {
      long start = (long) index * partLength;
      long present = Math.min(partLength, length - start);
      update.apply(
          slice(gradient, start, present),
          parts.get(index),
          present == partLength ? room : slice(room, 0, present));
    }
  }

  private void prepareParts(INDArray gradient) {
    for (long start = 0; start < length; start += partLength) {
      INDArray[] part = new INDArray[arrays.length];
      for (int index = 0; index < part.length; index++) {
        part[index] = slice(arrays[index], start, Math.min(partLength, length - start));
      }
      parts.add(part);
    }
    room(gradient.dataType(), Math.min(partLength, length));
  }
}
