package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.GradientUpdater;

/**
 * ParallelWrapper's workers copy the state of a network that another worker is training, so a copy
 * may have parts of before an update and parts of after it.
 */
class TornStateTest {

  static final List<TorchUpdater> COUNTING =
      Specimens.updaters().stream()
          .filter(TorchUpdater::counts)
          .filter(updater -> !updater.maximizes())
          .toList();

  private static final int LENGTH = 11;

  /** Of parameters of these lengths, as DL4J joins them. */
  private static INDArray state(TorchUpdater updater, DataType type, int... lengths) {
    long size = IntStream.of(lengths).mapToLong(updater::stateSize).sum();
    return Nd4j.valueArrayOf(new long[] {size}, 7.0, type);
  }

  private static INDArray gradient(DataType type, int length, int step) {
    double[] values = new Random(step).doubles(length, 0.5, 1).toArray();
    return Nd4j.createFromArray(values).castTo(type);
  }

  private static double[] values(INDArray state) {
    return state.castTo(DataType.DOUBLE).toDoubleVector();
  }

  /** Takes what was written before a moment from one, and the rest from the other. */
  private static double[] torn(double[] first, double[] last, int cut) {
    double[] torn = last.clone();
    System.arraycopy(first, 0, torn, 0, cut);
    return torn;
  }

  private static void assertGoesOn(
      TorchUpdater updater, double[] torn, double[] whole, DataType type, int step, String as) {
    INDArray state = Nd4j.createFromArray(torn).castTo(type);
    INDArray expected = Nd4j.createFromArray(whole).castTo(type);
    INDArray gradient = gradient(type, LENGTH, step);
    INDArray usual = gradient.dup();
    updater.instantiate(state, false).applyUpdater(gradient, 0, 0);
    updater.instantiate(expected, false).applyUpdater(usual, 0, 0);
    // Of two whole states, one update apart, the steps are of the same order, and so is this one.
    double most = usual.amaxNumber().doubleValue() * 4;
    assertThat(gradient.minNumber().doubleValue()).as(as).isPositive();
    assertThat(gradient.maxNumber().doubleValue()).as(as).isLessThan(most);
    double[] next = values(state);
    int cells = updater.arrays() * LENGTH;
    assertThat(next[cells]).as(as).isBetween((double) step, step + 1.0);
    assertThat(next[cells + 5]).as(as).isEqualTo(-57);
  }

  @ParameterizedTest
  @FieldSource("COUNTING")
  void goesOnFromACopyThatIsTornAnywhere(TorchUpdater updater) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      for (int[] lengths : new int[][] {{LENGTH}, {6, 1, 4}}) {
        INDArray state = state(updater, type, lengths);
        GradientUpdater<TorchUpdater> applied = updater.instantiate(state, true);
        for (int step = 1; step <= 4; step++) {
          double[] before = values(state);
          applied.applyUpdater(gradient(type, LENGTH, step), 0, 0);
          double[] after = values(state);
          for (int cut = 0; cut <= before.length; cut++) {
            String as = type + " " + Arrays.toString(lengths) + " " + step + " cut at " + cut;
            assertGoesOn(updater, torn(after, before, cut), after, type, step, as + ", after");
            assertGoesOn(updater, torn(before, after, cut), after, type, step, as + ", before");
          }
        }
      }
    }
  }

  /** As it is while one digit is at 0 again and the next not yet higher. */
  @Test
  void goesOnFromACopyWhoseCountIsTorn() {
    TorchUpdater updater = new TorchAdam(0.01);
    INDArray state = state(updater, DataType.DOUBLE, LENGTH);
    GradientUpdater<TorchUpdater> applied = updater.instantiate(state, true);
    for (int step = 0; step < 63; step++) {
      applied.applyUpdater(gradient(DataType.DOUBLE, LENGTH, step), 0, 0);
    }
    double[] before = values(state);
    applied.applyUpdater(gradient(DataType.DOUBLE, LENGTH, 63), 0, 0);
    double[] after = values(state);
    for (double[] torn :
        List.of(torn(after, before, 2 * LENGTH + 1), torn(before, after, 2 * LENGTH + 1))) {
      INDArray gradient = gradient(DataType.DOUBLE, LENGTH, 64);
      updater.instantiate(Nd4j.createFromArray(torn), false).applyUpdater(gradient, 0, 0);
      assertThat(gradient.minNumber().doubleValue()).isPositive();
      assertThat(gradient.maxNumber().doubleValue()).isLessThan(0.02);
    }
  }

  private static double[] trained(TorchUpdater updater, int updates, int... lengths) {
    INDArray state = state(updater, DataType.DOUBLE, lengths);
    GradientUpdater<TorchUpdater> applied = updater.instantiate(state, true);
    for (int step = 0; step < updates; step++) {
      applied.applyUpdater(gradient(DataType.DOUBLE, IntStream.of(lengths).sum(), step), 0, 0);
    }
    return values(state);
  }

  private static void assertRefused(TorchUpdater updater, double[] state, int length) {
    INDArray gradient = gradient(DataType.DOUBLE, length, 1);
    assertThatThrownBy(
            () ->
                updater
                    .instantiate(Nd4j.createFromArray(state), false)
                    .applyUpdater(gradient, 0, 0))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the updater state must be one that "
                + updater
                + " made for "
                + length
                + " parameters, but it belongs to another updater, or the network has joined its"
                + " parameters in another way since; give the network the updaters with which the"
                + " state was made, or train on with a new state");
    assertThat(gradient).isEqualTo(gradient(DataType.DOUBLE, length, 1));
  }

  /** Parts that were never updated, as frozen ones, are known by their length alone. */
  @ParameterizedTest
  @FieldSource("COUNTING")
  void refusesAStateThatWasJoinedOrPartedSinceItsBirth(TorchUpdater updater) {
    if (updater instanceof TorchASGD) {
      return; // What it keeps is 0 for some steps, and so is a part of it.
    }
    for (int updates : new int[] {0, 1, 3}) {
      double[] first = trained(updater, 2, 8, 3);
      double[] last = trained(updater, updates, 40);
      double[] joined = torn(first, Arrays.copyOf(first, first.length + last.length), 0);
      System.arraycopy(last, 0, joined, first.length, last.length);
      assertRefused(updater, joined, 51);
    }
    double[] together = trained(updater, 2, 8, 3, 40);
    int parted = (int) (updater.stateSize(8) + updater.stateSize(3));
    assertRefused(updater, Arrays.copyOf(together, parted), 11);
    assertRefused(updater, Arrays.copyOfRange(together, parted, together.length), 40);
  }

  /** As someone who wants to start anew may do. */
  @Test
  void takesAStateOfZerosForANewOne() {
    TorchUpdater updater = new TorchAdam(0.01);
    double[] whole = trained(updater, 2, 8, 3);
    INDArray zeros = Nd4j.zeros(DataType.DOUBLE, whole.length);
    GradientUpdater<TorchUpdater> applied = updater.instantiate(zeros, false);
    for (int step = 0; step < 2; step++) {
      applied.applyUpdater(gradient(DataType.DOUBLE, LENGTH, step), 0, 0);
    }
    assertThat(values(zeros)).isEqualTo(whole);
  }
}
