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
 * state is another updater's; and a number of the updater's own. The mean of several copies'
 * states, as ParallelWrapper takes it, is a state again.
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

  /** How many cells there are for each parameter. */
  static final int CELLS = DIGITS + 2;

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

  UpdaterState(TorchUpdater config, @Nullable INDArray view, boolean initialize) {
    this(config, view, initialize, PART);
  }

  UpdaterState(TorchUpdater config, @Nullable INDArray view, boolean initialize, int partLength) {
    this.config = config;
    this.partLength = partLength;
    this.view = view == null ? null : view.reshape(view.length());
    if (this.view != null && initialize) {
      this.view.assign(0);
      if (config.counts()) {
        markBirth(this.view);
      }
    }
  }

  /** Returns the mark of birth, which states of other lengths rarely have, exact in 16 bits. */
  private static double birthMark(INDArray view) {
    return MARKED - 1 - view.length() % MARKS_OF_BIRTH;
  }

  private static INDArray placeOfBirthMark(INDArray view) {
    return slice(view, view.length() - CELLS + MARK, 1);
  }

  private static void markBirth(INDArray view) {
    if (view.length() >= CELLS) {
      placeOfBirthMark(view).assign(birthMark(view));
    }
  }

  private static boolean hasBirthMark(INDArray view) {
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
    if (config.counts() ? rest <= 0 || rest % CELLS != 0 : rest != 0) {
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
      if (rest > CELLS && !isUnused(slice(all, used + CELLS, rest - CELLS).dup(), all)) {
        throw misfit(gradientLength);
      }
      cells = slice(all, used, CELLS);
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
  }

  /** Writes the cells. */
  void save() {
    if (cells != null) {
      double[] values = new double[CELLS];
      long rest = age;
      for (int digit = 0; digit < DIGITS; digit++) {
        values[digit] = rest % BASE;
        rest /= BASE;
      }
      values[MARK] = MARKED;
      values[EXTRA] = extra;
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
  private static boolean isUnused(INDArray others, INDArray view) {
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
