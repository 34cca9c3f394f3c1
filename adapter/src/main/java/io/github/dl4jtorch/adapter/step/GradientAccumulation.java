package io.github.dl4jtorch.adapter.step;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.deeplearning4j.nn.api.NeuralNetwork;

/**
 * How the gradients of several batches are added up to one step of the optimizer, as PyTorch's
 * loops do that call {@code optimizer.step()} after every few {@code loss.backward()}. Immutable;
 * {@link #attach} puts it to work in a network.
 *
 * <pre>{@code
 * AccumulatedGradients gradients = GradientAccumulation.over(4).attach(net);
 * net.addListeners(GradientClipping.norm(1.0));
 * net.fit(training, 10);
 * }</pre>
 *
 * <p>An iteration of the network is then a step: its count, schedules, and all that its listeners
 * are told in {@code onGradientCalculation} and {@code iterationDone} go by steps. Only {@code
 * onForwardPass} and {@code onBackwardPass} are raised for each batch, as each has such a pass.
 * Between two steps parameters, the updaters' state and counts stand still; the running statistics
 * of batch normalizations move with every batch, as in PyTorch. The network's score in a step is
 * the mean over its batches.
 *
 * <p>With truncated backpropagation through time each segment counts as a batch.
 */
public final class GradientAccumulation {

  /** How many batches make a step, where that changes. */
  @FunctionalInterface
  public interface BatchesPerStep {

    /**
     * Returns how many batches the present step is to have. It is asked at every batch, and the
     * step is made when there are as many. So YOLOv5's rule, which goes by batches and not steps,
     * is {@code (step, batch) -> accumulate(batch)}.
     *
     * @param step how many steps the network has made, its count of iterations
     * @param batch how many batches it has seen before this one
     * @return the number, {@code >= 1}
     */
    int at(int step, int batch);
  }

  /** What becomes of batches at the end of an epoch that do not fill a step. */
  public enum Remainder {
    /** They make a step of their own. Its mean is over the batches of a full step, as PyTorch's. */
    STEP,
    /** They are forgotten; running statistics have seen them. */
    DROP,
    /** The next epoch goes on with them. */
    CARRY
  }

  /** The same number for every step. */
  private record Always(int batches) implements BatchesPerStep {
    @Override
    public int at(int step, int batch) {
      return batches;
    }
  }

  private final BatchesPerStep batches;
  private final boolean isMean;
  private final Remainder remainder;

  private GradientAccumulation(BatchesPerStep batches, boolean isMean, Remainder remainder) {
    this.batches = batches;
    this.isMean = isMean;
    this.remainder = remainder;
  }

  /**
   * Makes a step of so many batches each.
   *
   * @param batches how many, {@code >= 1}
   * @return the accumulation, of means, whose remainders are steps
   * @throws IllegalArgumentException if the number is out of its range
   */
  public static GradientAccumulation over(int batches) {
    if (batches < 1) {
      throw new IllegalArgumentException("batches must be >= 1 but was " + batches);
    }
    return over(new Always(batches));
  }

  /**
   * Makes steps of as many batches as a function says.
   *
   * @param batches gives the number; a number below 1 ends {@code fit} with an {@link
   *     IllegalStateException}
   * @return the accumulation, of means, whose remainders are steps
   */
  public static GradientAccumulation over(BatchesPerStep batches) {
    return new GradientAccumulation(batches, true, Remainder.STEP);
  }

  /**
   * Returns an accumulation that adds the batches' gradients as they are, as loops do that call
   * {@code loss.backward()} without dividing. By default each is divided by the number of batches
   * in its step, as with {@code (loss / n).backward()}.
   *
   * @return the accumulation
   */
  @CheckReturnValue
  public GradientAccumulation summed() {
    return new GradientAccumulation(batches, false, remainder);
  }

  /**
   * Returns an accumulation that treats the remainder of an epoch in another way.
   *
   * @param remainder what becomes of it; default {@link Remainder#STEP}
   * @return the accumulation
   */
  @CheckReturnValue
  public GradientAccumulation withRemainder(Remainder remainder) {
    return new GradientAccumulation(batches, isMean, remainder);
  }

  /**
   * Puts this to work in a network, where it adds what it returns to the listeners, as the first.
   * It stays with that network: clones, copies and restored networks need it again.
   *
   * @param net the network, initialised
   * @return what is accumulated there, to be saved with the network
   * @throws IllegalStateException if the network is not initialised, or accumulates already
   * @throws IllegalArgumentException if the network is configured for another optimization
   *     algorithm than stochastic gradient descent
   */
  public AccumulatedGradients attach(NeuralNetwork net) {
    return new AccumulatedGradients(LiveNetwork.of(net, "it accumulates gradients"), this);
  }

  BatchesPerStep batches() {
    return batches;
  }

  boolean isMean() {
    return isMean;
  }

  Remainder remainder() {
    return remainder;
  }

  Map<String, Object> settings() {
    if (!(batches instanceof Always always)) {
      throw new UnsupportedOperationException(
          "an accumulation over as many batches as a function says cannot be written; use"
              + " over(batches)");
    }
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("batches", always.batches);
    settings.put("remainder", remainder.name().toLowerCase(Locale.ROOT));
    settings.put("summed", !isMean);
    return settings;
  }
}
