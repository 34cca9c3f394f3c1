package io.github.dl4jtorch.swa;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Recomputes the running statistics of a network's batch normalization over data, as PyTorch's
 * {@code torch.optim.swa_utils.update_bn}. An averaged network needs it, since no training ever
 * moved its statistics along with its weights.
 *
 * <p>The network sees each batch once, as in training, so that dropout acts and each normalization
 * uses the batch's own mean and variance. The new running mean is the mean of the batches' means,
 * the new running variance that of their variances without bias, {@code n / (n - 1)} of the biased
 * one over the {@code n} values per channel. Each batch counts the same, a small last one too.
 *
 * <p>Frozen layers keep their statistics, as they do in training, where DL4J normalizes with them;
 * PyTorch has no such layers. Normalization that a {@code SameDiff} layer defines is not seen.
 *
 * <pre>{@code
 * AveragedModel<ComputationGraph> average = AveragedModel.of(graph, Averaging.ema(0.999));
 * average.updateParameters(graph);
 * new UpdateBn().run(average.network(), training);
 * }</pre>
 *
 * <p>So do the evaluation weights of a Schedule-Free optimizer. The running statistics of the
 * training come back with its weights, and its random numbers do not notice:
 *
 * <pre>{@code
 * double accuracy =
 *     ScheduleFree.of(net)
 *         .during(
 *             () -> {
 *               new UpdateBn().run(net, training);
 *               return net.evaluate(validation).accuracy();
 *             });
 * }</pre>
 */
public final class UpdateBn {

  private final boolean weighted;
  private final boolean biased;

  /** Takes PyTorch's way. */
  public UpdateBn() {
    this(false, false);
  }

  private UpdateBn(boolean weighted, boolean biased) {
    this.weighted = weighted;
    this.biased = biased;
  }

  /**
   * Lets each batch count by its number of examples, as the SWA paper's code does.
   *
   * @return the same with that changed
   */
  @CheckReturnValue
  public UpdateBn weightedByBatchSize() {
    return new UpdateBn(true, biased);
  }

  /**
   * Takes the variances with their bias, as DL4J's own layer does in training.
   *
   * @return the same with that changed
   */
  @CheckReturnValue
  public UpdateBn withBiasedVariance() {
    return new UpdateBn(weighted, true);
  }

  /**
   * Recomputes the statistics. The iterator is reset before and after, if it can be. If the network
   * has no batch normalization, neither it nor the iterator is touched.
   *
   * @param net a MultiLayerNetwork or a ComputationGraph with one input, initialised
   * @param data the data, usually that of the training
   * @throws IllegalArgumentException if the model is neither kind of network, or the iterator is
   *     empty
   * @throws IllegalStateException if the network is not initialised; if a batch has one value per
   *     channel, which has no variance without bias; if a statistic is NaN or infinite; or if batch
   *     normalization is inside a wrapper other than frozen layers, or over time series or volumes.
   *     Whatever is thrown, also by network or iterator, the statistics are as they were
   */
  public void run(NeuralNetwork net, DataSetIterator data) {
    Require.requireGiven("data", data);
    run(net, Batches.of(data), batches -> {});
  }

  /**
   * Recomputes the statistics. The iterator is reset before and after, if it can be. If the network
   * has no batch normalization, neither it nor the iterator is touched.
   *
   * @param net a ComputationGraph, or a MultiLayerNetwork if the data has one input, initialised
   * @param data the data, usually that of the training
   * @throws IllegalArgumentException if the model is neither kind of network, or the iterator is
   *     empty
   * @throws IllegalStateException if the network is not initialised; if a batch has one value per
   *     channel, which has no variance without bias; if a statistic is NaN or infinite; or if batch
   *     normalization is inside a wrapper other than frozen layers, or over time series or volumes.
   *     Whatever is thrown, also by network or iterator, the statistics are as they were
   */
  public void run(NeuralNetwork net, MultiDataSetIterator data) {
    Require.requireGiven("data", data);
    run(net, Batches.of(data), batches -> {});
  }

  /**
   * Sets the statistics.
   *
   * @param done is told before each batch how many are done with
   */
  void run(NeuralNetwork net, Batches data, LongConsumer done) {
    LiveNetwork live = LiveNetwork.of(net, "its statistics are computed");
    List<Statistics> all =
        BatchNorm.allOf(live).stream()
            .filter(norm -> !norm.isFrozen())
            .map(Statistics::new)
            .toList();
    if (all.isEmpty()) {
      return;
    }
    reset(data);
    try {
      collect(live.model(), data, all, done);
      all.forEach(Statistics::requireFinite);
    } catch (RuntimeException | Error failure) {
      try {
        reset(data);
      } catch (RuntimeException further) {
        failure.addSuppressed(further);
      }
      throw failure;
    }
    all.forEach(Statistics::write);
    reset(data);
  }

  private static void reset(Batches data) {
    if (data.canReset()) {
      data.reset();
    }
  }

  private void collect(Model net, Batches data, List<Statistics> all, LongConsumer done) {
    long batches = 0;
    long examples = 0;
    try {
      while (data.hasNext()) {
        done.accept(batches);
        MultiDataSet batch = data.next();
        forward(net, batch);
        batches++;
        long size = batch.getFeatures()[0].size(0);
        examples += size;
        double share = weighted ? (double) size / examples : 1.0 / batches;
        for (Statistics statistics : all) {
          statistics.add(batches, share, biased);
        }
      }
    } finally {
      clear(net);
    }
    if (batches == 0) {
      throw new IllegalArgumentException("data must have at least 1 batch but was empty");
    }
  }

  /** Makes a forward pass as in training, after which the layers still have their inputs. */
  private static void forward(Model net, MultiDataSet batch) {
    INDArray @Nullable [] masks = batch.getFeaturesMaskArrays();
    if (net instanceof ComputationGraph graph) {
      graph.setLayerMaskArrays(masks, null);
      graph.feedForward(batch.getFeatures(), true, false);
    } else {
      if (batch.getFeatures().length != 1) {
        throw new IllegalArgumentException(
            "data for a MultiLayerNetwork must have 1 input but had " + batch.getFeatures().length);
      }
      MultiLayerNetwork layers = (MultiLayerNetwork) net;
      layers.clearLayerMaskArrays();
      layers.setLayerMaskArrays(masks == null ? null : masks[0], null);
      layers.setInput(batch.getFeatures()[0]);
      layers.feedForward(true, false);
    }
  }

  /** Lets go of the last batch. DL4J's own method would also throw away the updaters. */
  private static void clear(Model net) {
    if (net instanceof ComputationGraph graph) {
      graph.clearLayerMaskArrays();
      for (GraphVertex vertex : graph.getVertices()) {
        vertex.clear();
      }
      graph.clear();
    } else {
      MultiLayerNetwork layers = (MultiLayerNetwork) net;
      layers.clearLayerMaskArrays();
      layers.setInput(null);
      for (Layer layer : layers.getLayers()) {
        layer.clear();
      }
    }
  }

  /** The statistics of one layer, as they grow. */
  private static final class Statistics {

    private final BatchNorm norm;
    private final INDArray mean;
    private final INDArray variance;

    Statistics(BatchNorm norm) {
      if (norm.wrapper() != null) {
        throw new IllegalStateException(
            "batch normalization must not be inside a "
                + norm.wrapper().getClass().getSimpleName()
                + " for its statistics to be updated, but "
                + norm.name()
                + " is");
      }
      this.norm = norm;
      mean = Nd4j.zeros(DataType.DOUBLE, norm.channels());
      variance = Nd4j.zeros(DataType.DOUBLE, norm.channels());
    }

    /** Adds those of the batch that was just seen. */
    void add(long batch, double share, boolean biased) {
      INDArray input = norm.input();
      int[] others = otherDimensions(input);
      long values = input.length() / norm.channels();
      if (values == 1 && !biased) {
        throw new IllegalStateException(
            "batch normalization must see more than 1 value per channel for a variance without bias,"
                + " but batch "
                + batch
                + " has an input of shape "
                + Arrays.toString(input.shape())
                + " in "
                + norm.name());
      }
      // In 16 bits a sum over a batch may be beyond what can be written.
      INDArray exact = input.dataType().width() < 4 ? input.castTo(DataType.FLOAT) : input;
      move(mean, mean(exact, others), share);
      move(variance, exact.var(!biased, others), share);
    }

    private int[] otherDimensions(INDArray input) {
      return switch (input.rank()) {
        case 2 -> new int[] {0};
        case 4 -> norm.hasChannelsLast() ? new int[] {0, 1, 2} : new int[] {0, 2, 3};
        default ->
            throw new IllegalStateException(
                "the input of batch normalization must be of rank 2 or 4 for its statistics to be"
                    + " updated, but was of shape "
                    + Arrays.toString(input.shape())
                    + " in "
                    + norm.name());
      };
    }

    /** Adds up image by image first: one sum over all in single precision loses digits. */
    private static INDArray mean(INDArray input, int[] others) {
      return others.length == 1
          ? input.mean(others)
          : input.mean(others[1], others[2]).castTo(DataType.DOUBLE).mean(0);
    }

    private static void move(INDArray average, INDArray value, double share) {
      // Of a single row ND4J's reductions keep the shape.
      INDArray exact = value.castTo(DataType.DOUBLE).reshape(average.shape());
      average.addi(exact.sub(average).muli(share));
    }

    void requireFinite() {
      double sum = mean.sumNumber().doubleValue() + variance.sumNumber().doubleValue();
      if (!Double.isFinite(sum)) {
        throw new IllegalStateException(
            "the statistics of batch normalization must be finite, but those of "
                + norm.name()
                + " over these data are not");
      }
    }

    void write() {
      norm.setMean(mean);
      norm.setVariance(variance);
    }
  }
}
