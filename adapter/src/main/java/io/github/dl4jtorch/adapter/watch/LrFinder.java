package io.github.dl4jtorch.adapter.watch;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.RandomNumbers;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Looks for a good learning rate: trains a copy of a network for some batches while the rate goes
 * up, and watches the loss. Step {@code i} of {@code n} is made with the rate
 *
 * <pre>
 * startLr (endLr / startLr)^(i / (n - 1))       exponential
 * startLr + (endLr - startLr) i / (n - 1)       linear
 * </pre>
 *
 * <p>Layers and groups with rates of their own keep the relation between them, and the highest gets
 * the rate above. What follows another schedule stays at its present value: momenta, and with them
 * coefficients of weight decay, except in a network with DL4J's own Adam, AMSGrad, Nadam or AdaMax,
 * which count iterations. DL4J's Nesterovs keeps past rates in its velocity, so in a network that
 * was trained before, the first steps go on by that.
 *
 * <p>The network itself is not touched, so parameters, updater state, counts, score, statistics of
 * batch normalizations, state of recurrent layers and listeners are afterwards what they were; so
 * is the state of {@code Nd4j.getRandom()}. Meanwhile the copy takes as much memory again. The
 * iterator is reset before and after, and goes on from its start when it is at its end.
 *
 * <pre>{@code
 * LrFinder.Result result =
 *     LrFinder.builder().startLr(1e-6).endLr(1).build().run(net, training);
 * double lr = result.suggestion().orElseThrow();
 * }</pre>
 *
 * <p>See Smith, <a href="https://arxiv.org/abs/1506.01186">Cyclical Learning Rates for Training
 * Neural Networks</a>, section 3.3. PyTorch has none; fastai's {@code lr_find} and PyTorch
 * Lightning's {@code LearningRateFinder} do this there.
 */
public final class LrFinder {

  /** Lightning's: the first losses are an average of few, the last one is of a loss that grows. */
  private static final int SKIPPED_AT_START = 10;

  private static final int SKIPPED_AT_END = 1;

  /** fastai's: the first tenth, and where the loss grows. */
  private static final int TENTH = 10;

  private static final int VALLEY_SKIPPED_AT_END = 5;

  /**
   * What a sweep found.
   *
   * @param lrs the rate of each step's update
   * @param losses the score of each step's batch before its update, regularization included; all
   *     are finite
   * @param smoothedLosses the exponential average of the losses
   * @param divergedAt the step, from 0, at which the loss was not finite, and then has no entry in
   *     the lists, or rose too far; empty if the sweep was finished
   */
  public record Result(
      List<Double> lrs, List<Double> losses, List<Double> smoothedLosses, OptionalInt divergedAt) {

    /**
     * Makes a result.
     *
     * @param lrs the rates
     * @param losses the losses, as many
     * @param smoothedLosses their average, as many
     * @param divergedAt the step that ended the sweep early
     * @throws IllegalArgumentException if the lists differ in length
     */
    public Result {
      lrs = List.copyOf(lrs);
      losses = List.copyOf(losses);
      smoothedLosses = List.copyOf(smoothedLosses);
      if (lrs.size() != losses.size() || lrs.size() != smoothedLosses.size()) {
        throw new IllegalArgumentException(
            "lrs, losses and smoothedLosses must be of one length but were "
                + lrs.size()
                + ", "
                + losses.size()
                + " and "
                + smoothedLosses.size());
      }
    }

    /**
     * Returns the rate at which the smoothed loss {@code s} falls most from step to step, as
     * Lightning does: where {@code (s[i + 1] - s[i - 1]) / 2} is least, without the first 10 steps
     * and the last one. At the ends of that range it is the difference to the one neighbour in it.
     *
     * @return the rate, empty if there are less than 13 steps or the loss falls nowhere
     */
    public OptionalDouble suggestion() {
      int end = lrs.size() - SKIPPED_AT_END;
      if (end - SKIPPED_AT_START < 2) {
        return OptionalDouble.empty();
      }
      int steepest = SKIPPED_AT_START;
      double least = 0;
      for (int i = SKIPPED_AT_START; i < end; i++) {
        int before = Math.max(i - 1, SKIPPED_AT_START);
        int after = Math.min(i + 1, end - 1);
        double slope = (smoothedLosses.get(after) - smoothedLosses.get(before)) / (after - before);
        if (slope < least) {
          least = slope;
          steepest = i;
        }
      }
      return least < 0 ? OptionalDouble.of(lrs.get(steepest)) : OptionalDouble.empty();
    }

    /**
     * Returns the rate in the middle of the longest valley, as fastai does. The first tenth of the
     * steps and the last 5 are left out. If the longest falling subsequence of the other smoothed
     * losses is {@code w} long and ends at step {@code e}, at the first such step if there are
     * several, it is the rate of step {@code e - w + floor(w / 3) + floor(w / 6)}.
     *
     * @return the rate, empty if the loss falls nowhere
     */
    public OptionalDouble valley() {
      int start = lrs.size() / TENTH;
      int end = lrs.size() - VALLEY_SKIPPED_AT_END;
      int[] lengths = new int[lrs.size()];
      int deepest = start;
      for (int i = start; i < end; i++) {
        lengths[i] = 1;
        for (int j = start; j < i; j++) {
          if (smoothedLosses.get(i) < smoothedLosses.get(j)) {
            lengths[i] = Math.max(lengths[i], lengths[j] + 1);
          }
        }
        if (lengths[i] > lengths[deepest]) {
          deepest = i;
        }
      }
      int length = deepest < end ? lengths[deepest] : 0;
      if (length < 2) {
        return OptionalDouble.empty();
      }
      int middle = deepest - length + length / 3 + length / 6;
      return OptionalDouble.of(lrs.get(Math.max(start, middle)));
    }

    /**
     * Writes the steps as CSV in UTF-8, with the columns {@code lr,loss,smoothed loss} and numbers
     * in full.
     *
     * @param file the file, overwritten if there is one
     * @throws IOException if the file cannot be written
     */
    public void writeCsv(Path file) throws IOException {
      StringBuilder csv = new StringBuilder("lr,loss,smoothed loss\n");
      for (int step = 0; step < lrs.size(); step++) {
        csv.append(lrs.get(step)).append(',').append(losses.get(step)).append(',');
        csv.append(smoothedLosses.get(step)).append('\n');
      }
      Files.writeString(file, csv);
    }
  }

  /** Sets up a range test. */
  public static final class Builder {
    private double startLr = 1e-7;
    private double endLr = 10;
    private int iterations = 100;
    private boolean isLinear;
    private double smoothing = 0.05;
    private double divergence = 4;

    private Builder() {}

    /**
     * Sets the rate of the first step.
     *
     * @param startLr the rate, finite and {@code > 0}; default 1e-7
     * @return this
     */
    public Builder startLr(double startLr) {
      this.startLr = startLr;
      return this;
    }

    /**
     * Sets the rate of the last step.
     *
     * @param endLr the rate, finite and {@code > startLr}; default 10
     * @return this
     */
    public Builder endLr(double endLr) {
      this.endLr = endLr;
      return this;
    }

    /**
     * Sets how many steps to make, one a batch; with truncated backpropagation through time all
     * segments of a batch have one rate, and the loss is that of the last one.
     *
     * @param iterations the number, {@code >= 2}; default 100
     * @return this
     */
    public Builder iterations(int iterations) {
      this.iterations = iterations;
      return this;
    }

    /**
     * Lets the rate grow by the same factor from step to step, which is the default.
     *
     * @return this
     */
    public Builder exponential() {
      isLinear = false;
      return this;
    }

    /**
     * Lets the rate grow by the same amount from step to step.
     *
     * @return this
     */
    public Builder linear() {
      isLinear = true;
      return this;
    }

    /**
     * Sets the weight {@code f} of a new loss in the average. From {@code a = 0}, after step {@code
     * i}, counted from 0, with loss {@code x}:
     *
     * <pre>
     * a = (1 - f) a + f x
     * smoothed = a / (1 - (1 - f)^(i + 1))
     * </pre>
     *
     * @param smoothing the weight, {@code > 0} and {@code <= 1}, where 1 smoothes nothing; default
     *     0.05, as in pytorch-lr-finder; fastai and Lightning have 0.02
     * @return this
     */
    public Builder smoothing(double smoothing) {
      this.smoothing = smoothing;
      return this;
    }

    /**
     * Sets how far the loss may rise: the sweep stops after the step at which the smoothed loss is
     * more than so many times the least so far. Losses below 0 are not compared. A loss that is not
     * finite stops the sweep in any case.
     *
     * @param divergence the factor, {@code > 1}; infinity never stops; default 4
     * @return this
     */
    public Builder divergence(double divergence) {
      this.divergence = divergence;
      return this;
    }

    /**
     * Makes the range test.
     *
     * @return the test, which can be run any number of times
     * @throws IllegalArgumentException if a setting is out of its range
     */
    public LrFinder build() {
      return new LrFinder(this);
    }
  }

  private final double startLr;
  private final double endLr;
  private final int iterations;
  private final boolean isLinear;
  private final double smoothing;
  private final double divergence;

  private LrFinder(Builder builder) {
    startLr = builder.startLr;
    endLr = builder.endLr;
    iterations = builder.iterations;
    isLinear = builder.isLinear;
    smoothing = builder.smoothing;
    divergence = builder.divergence;
    require(
        startLr > 0 && startLr < Double.POSITIVE_INFINITY, "startLr", "finite and > 0", startLr);
    require(
        endLr > startLr && endLr < Double.POSITIVE_INFINITY,
        "endLr",
        "finite and > startLr = " + startLr,
        endLr);
    require(iterations >= 2, "iterations", ">= 2", iterations);
    require(smoothing > 0 && smoothing <= 1, "smoothing", "> 0 and <= 1", smoothing);
    require(divergence > 1, "divergence", "> 1", divergence);
  }

  private static void require(boolean isRight, String name, String range, Number value) {
    if (!isRight) {
      throw new IllegalArgumentException(name + " must be " + range + " but was " + value);
    }
  }

  /**
   * Starts to set up a range test.
   *
   * @return the settings, all at their defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Makes the sweep on a copy of a network.
   *
   * @param net the network, initialised
   * @param data the batches, from an iterator that can be reset
   * @return what the sweep found
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException if the data has no batch or cannot be reset, or no updater has
   *     a learning rate, or one's is not finite or below 0
   */
  public Result run(NeuralNetwork net, DataSetIterator data) {
    return run(net, data, data.resetSupported(), data::reset, NeuralNetwork::fit);
  }

  /**
   * Makes the sweep on a copy of a network.
   *
   * @param net the network, initialised; a {@code MultiLayerNetwork} takes batches with one input
   *     and one output
   * @param data the batches, from an iterator that can be reset
   * @return what the sweep found
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException if the data has no batch or cannot be reset, or no updater has
   *     a learning rate, or one's is not finite or below 0
   */
  public Result run(NeuralNetwork net, MultiDataSetIterator data) {
    return run(net, data, data.resetSupported(), data::reset, NeuralNetwork::fit);
  }

  private <B> Result run(
      NeuralNetwork net,
      Iterator<B> data,
      boolean canBeReset,
      Runnable reset,
      BiConsumer<NeuralNetwork, B> fit) {
    if (!canBeReset) {
      throw new IllegalArgumentException(
          "data must support reset(), so that what it holds is there for the training afterwards");
    }
    return RandomNumbers.undisturbed(
        () -> {
          try {
            reset.run();
            NeuralNetwork copy = NetworkCopy.of(net);
            LiveNetwork live = LiveNetwork.of(copy, "it is tested");
            return sweep(live, data, reset, batch -> fit.accept(copy, batch));
          } finally {
            reset.run();
          }
        });
  }

  private <B> Result sweep(LiveNetwork copy, Iterator<B> data, Runnable reset, Consumer<B> fit) {
    UpdaterBlocks blocks = new UpdaterBlocks(copy.model());
    IdentityHashMap<IUpdater, Double> shares = shares(blocks);
    boolean holdsCount = shares.keySet().stream().noneMatch(LrFinder::countsIterations);
    int iteration = copy.iterationCount();
    // Layers whose rate is 0 stand still.
    blocks.stopAtZero(null);

    List<Double> lrs = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    List<Double> smoothed = new ArrayList<>();
    double average = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int step = 0; step < iterations; step++) {
      double lr = lr(step);
      shares.forEach((updater, share) -> updater.setLrAndSchedule(share * lr, null));
      fit.accept(next(data, reset));
      if (holdsCount) {
        copy.setIterationCount(iteration);
      }
      double loss = copy.model().score();
      if (!Double.isFinite(loss)) {
        return new Result(lrs, losses, smoothed, OptionalInt.of(step));
      }
      average = (1 - smoothing) * average + smoothing * loss;
      double present = average / (1 - Math.pow(1 - smoothing, step + 1));
      lrs.add(lr);
      losses.add(loss);
      smoothed.add(present);
      if (least >= 0 && present > divergence * least) {
        return new Result(lrs, losses, smoothed, OptionalInt.of(step));
      }
      least = Math.min(least, present);
    }
    return new Result(lrs, losses, smoothed, OptionalInt.empty());
  }

  private double lr(int step) {
    double part = step / (iterations - 1.0);
    return isLinear
        ? startLr + (endLr - startLr) * part
        : startLr * Math.pow(endLr / startLr, part);
  }

  private static <B> B next(Iterator<B> data, Runnable reset) {
    if (!data.hasNext()) {
      reset.run();
      if (!data.hasNext()) {
        throw new IllegalArgumentException("data must have a batch but is empty");
      }
    }
    return data.next();
  }

  /** Tells whether an updater asks for more than the rate at the network's count of iterations. */
  private static boolean countsIterations(IUpdater updater) {
    return !(updater instanceof TorchUpdater
        || updater instanceof Sgd
        || updater instanceof Nesterovs
        || updater instanceof RmsProp
        || updater instanceof AdaGrad);
  }

  /** Finds what part of the highest rate each updater has. */
  private static IdentityHashMap<IUpdater, Double> shares(UpdaterBlocks blocks) {
    IdentityHashMap<IUpdater, Double> shares = new IdentityHashMap<>();
    double highest = 0;
    for (UpdaterBlocks.Param param : blocks.params()) {
      if (param.hasRate()) {
        double lr = blocks.rate(param.updater());
        require(
            lr >= 0 && lr < Double.POSITIVE_INFINITY,
            "the learning rate of " + param,
            "finite and >= 0",
            lr);
        highest = Math.max(highest, lr);
        shares.put(param.updater(), lr);
      }
    }
    if (shares.isEmpty()) {
      throw new IllegalArgumentException(
          "the network must have an updater with a learning rate to be tested but has none");
    }
    double one = highest;
    // All at 0, as at the start of some warm-ups, tell nothing of a relation.
    shares.replaceAll((updater, lr) -> one == 0 ? 1 : lr / one);
    return shares;
  }
}
