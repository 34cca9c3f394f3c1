package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requireNonNegative;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import com.google.errorprone.annotations.CheckReturnValue;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * A function of the epoch that has a name, and so can be written and read again, unlike a plain
 * lambda. {@link LambdaLR}, {@link MultiplicativeLR} and {@link CyclicLR} take either.
 *
 * <pre>{@code
 * Schedule schedule = new LambdaLR(EpochFunction.exponential(0.95));
 * Schedule steps = new LambdaLR(EpochFunction.table(1.0, 0.5, 0.1));
 * }</pre>
 */
public sealed interface EpochFunction extends DoubleUnaryOperator, Serializable {

  /**
   * Returns this function as a map of one entry, from its name to its arguments.
   *
   * @return for example {@code {exponential={gamma=0.95}}}
   */
  Map<String, Object> toMap();

  /**
   * Makes a table: the value at epoch {@code t} is the entry at {@code floor(t)}, the last entry
   * from there on.
   *
   * @param values one or more finite numbers
   * @return the function
   * @throws IllegalArgumentException if there is no number or one is not finite
   */
  static EpochFunction table(double... values) {
    return new Table(Arrays.stream(values).boxed().toList());
  }

  /**
   * Makes a table of a function of whole epochs, which unlike the function can be written. A long
   * one takes few bytes where it is smooth.
   *
   * <pre>{@code
   * EpochFunction steps = EpochFunction.table(90, e -> Math.pow(0.1, e / 30));
   * }</pre>
   *
   * @param epochs epochs of the whole training, {@code > 0}; the last value holds from there on
   * @param function from epoch to value; asked once for each epoch from 0 on
   * @return the table
   * @throws IllegalArgumentException if an argument is out of its range or a value not finite
   */
  static EpochFunction table(int epochs, IntToDoubleFunction function) {
    requirePositive("epochs", epochs);
    requireGiven("function", function);
    return new Table(IntStream.range(0, epochs).mapToDouble(function).boxed().toList());
  }

  /**
   * Makes {@code gamma^t}.
   *
   * @param gamma the factor of each epoch, finite
   * @return the function
   * @throws IllegalArgumentException if {@code gamma} is not finite
   */
  static EpochFunction exponential(double gamma) {
    return new Exponential(gamma);
  }

  /**
   * Makes the linear decay of YOLOv5's recipe: {@code (1 - t / epochs) * (1 - lrf) + lrf}.
   *
   * @param epochs epochs of the whole training, {@code > 0}
   * @param lrf the last factor, in [0, 1]
   * @return the function
   * @throws IllegalArgumentException if an argument is out of its range
   */
  static EpochFunction yolov5Linear(int epochs, double lrf) {
    return new Yolov5Linear(epochs, lrf);
  }

  /**
   * Makes the cosine decay of YOLOv5's recipe: {@code (1 - cos(pi * t / epochs)) / 2 * (lrf - 1) +
   * 1}.
   *
   * @param epochs epochs of the whole training, {@code > 0}
   * @param lrf the last factor, in [0, 1]
   * @return the function
   * @throws IllegalArgumentException if an argument is out of its range
   */
  static EpochFunction yolov5Cosine(int epochs, double lrf) {
    return new Yolov5Cosine(epochs, lrf);
  }

  /**
   * Starts the linear decay of the pix2pix and CycleGAN recipes: 1 for {@code nEpochs}, then
   * towards 0 within {@code nEpochsDecay + 1}: {@code 1 - max(0, t + epochCount - nEpochs) /
   * (nEpochsDecay + 1)}.
   *
   * <pre>{@code
   * EpochFunction decay = EpochFunction.pix2pixLinear().nEpochs(100).nEpochsDecay(200).build();
   * }</pre>
   *
   * @return a builder with the recipes' defaults
   */
  static Pix2pixLinear.Builder pix2pixLinear() {
    return new Pix2pixLinear.Builder();
  }

  /**
   * A table of values.
   *
   * @param values one or more finite numbers
   */
  record Table(List<Double> values) implements EpochFunction {
    /**
     * Checks and copies the values.
     *
     * @param values one or more finite numbers
     * @throws IllegalArgumentException if an argument is out of its range
     */
    public Table {
      values = List.copyOf(values);
      if (values.isEmpty()) {
        throw new IllegalArgumentException("values must hold at least one number but was []");
      }
      values.forEach(value -> requireFinite("values", value));
    }

    @Override
    public double applyAsDouble(double epoch) {
      return values.get((int) Math.max(0, Math.min(Math.floor(epoch), values.size() - 1)));
    }

    /** Tells whether the last value stands for this epoch and all after it. */
    boolean isAtItsEnd(double epoch) {
      return epoch >= values.size() - 1;
    }

    @Override
    public Map<String, Object> toMap() {
      return Entries.of(
              "table",
              values.size() < PackedNumbers.WORTHWHILE ? values : PackedNumbers.pack(values))
          .toMap();
    }
  }

  /**
   * A power of the epoch.
   *
   * @param gamma the factor of each epoch, finite
   */
  record Exponential(double gamma) implements EpochFunction {
    /**
     * Checks the argument.
     *
     * @param gamma the factor of each epoch, finite
     * @throws IllegalArgumentException if an argument is out of its range
     */
    public Exponential {
      requireFinite("gamma", gamma);
    }

    @Override
    public double applyAsDouble(double epoch) {
      return Math.pow(gamma, epoch);
    }

    @Override
    public Map<String, Object> toMap() {
      return Entries.of("exponential", Entries.of("gamma", gamma).toMap()).toMap();
    }
  }

  /**
   * YOLOv5's linear decay.
   *
   * @param epochs epochs of the whole training, {@code > 0}
   * @param lrf the last factor, in [0, 1]
   */
  record Yolov5Linear(int epochs, double lrf) implements EpochFunction {
    /**
     * Checks the arguments.
     *
     * @param epochs epochs of the whole training, {@code > 0}
     * @param lrf the last factor, in [0, 1]
     * @throws IllegalArgumentException if an argument is out of its range
     */
    public Yolov5Linear {
      requirePositive("epochs", epochs);
      requireFromZeroToOne("lrf", lrf);
    }

    @Override
    public double applyAsDouble(double epoch) {
      return (1 - epoch / epochs) * (1.0 - lrf) + lrf;
    }

    @Override
    public Map<String, Object> toMap() {
      return Entries.of("yolov5_linear", Entries.of("epochs", epochs).with("lrf", lrf).toMap())
          .toMap();
    }
  }

  /**
   * YOLOv5's cosine decay.
   *
   * @param epochs epochs of the whole training, {@code > 0}
   * @param lrf the last factor, in [0, 1]
   */
  record Yolov5Cosine(int epochs, double lrf) implements EpochFunction {
    /**
     * Checks the arguments.
     *
     * @param epochs epochs of the whole training, {@code > 0}
     * @param lrf the last factor, in [0, 1]
     * @throws IllegalArgumentException if an argument is out of its range
     */
    public Yolov5Cosine {
      requirePositive("epochs", epochs);
      requireFromZeroToOne("lrf", lrf);
    }

    @Override
    public double applyAsDouble(double epoch) {
      return (1 - Math.cos(epoch * Math.PI / epochs)) / 2 * (lrf - 1) + 1;
    }

    @Override
    public Map<String, Object> toMap() {
      return Entries.of("yolov5_cosine", Entries.of("epochs", epochs).with("lrf", lrf).toMap())
          .toMap();
    }
  }

  /**
   * The linear decay of pix2pix and CycleGAN.
   *
   * @param epochCount the number of the first epoch
   * @param nEpochs epochs at the full rate, {@code >= 0}
   * @param nEpochsDecay epochs of the decay, {@code >= 0}
   */
  record Pix2pixLinear(int epochCount, int nEpochs, int nEpochsDecay) implements EpochFunction {
    /**
     * Checks the arguments.
     *
     * @param epochCount the number of the first epoch
     * @param nEpochs epochs at the full rate, {@code >= 0}
     * @param nEpochsDecay epochs of the decay, {@code >= 0}
     * @throws IllegalArgumentException if an argument is out of its range
     */
    public Pix2pixLinear {
      requireNonNegative("nEpochs", nEpochs);
      requireNonNegative("nEpochsDecay", nEpochsDecay);
    }

    @Override
    public double applyAsDouble(double epoch) {
      return 1.0 - Math.max(0, epoch + epochCount - nEpochs) / (nEpochsDecay + 1.0);
    }

    @Override
    public Map<String, Object> toMap() {
      return Entries.of(
              "pix2pix_linear",
              Entries.of("epoch_count", epochCount)
                  .with("n_epochs", nEpochs)
                  .with("n_epochs_decay", nEpochsDecay)
                  .toMap())
          .toMap();
    }

    /** Collects the arguments of a {@link Pix2pixLinear}, which start at the recipes' defaults. */
    public static final class Builder {
      private int epochCount = 1;
      private int nEpochs = 100;
      private int nEpochsDecay = 100;

      private Builder() {}

      /**
       * Sets the number of the first epoch.
       *
       * @param epochCount default 1, from which the recipes count
       * @return this builder
       */
      public Builder epochCount(int epochCount) {
        this.epochCount = epochCount;
        return this;
      }

      /**
       * Sets the length of the first part.
       *
       * @param nEpochs epochs at the full rate, {@code >= 0}; default 100
       * @return this builder
       */
      public Builder nEpochs(int nEpochs) {
        this.nEpochs = nEpochs;
        return this;
      }

      /**
       * Sets the length of the second part.
       *
       * @param nEpochsDecay epochs of the decay, {@code >= 0}; default 100
       * @return this builder
       */
      public Builder nEpochsDecay(int nEpochsDecay) {
        this.nEpochsDecay = nEpochsDecay;
        return this;
      }

      /**
       * Makes the function.
       *
       * @return the function
       * @throws IllegalArgumentException if an argument is out of its range
       */
      @CheckReturnValue
      public Pix2pixLinear build() {
        return new Pix2pixLinear(epochCount, nEpochs, nEpochsDecay);
      }
    }
  }
}
