package io.github.dl4jtorch.adapter;

import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * The mean loss over data as PyTorch's validation loops have it: without the penalty of a weight
 * decay, {@code weight_decay / 2 * sum(p^2)}, that DL4J's {@code DataSetLossCalculator} adds. By
 * that, a plateau or a search for the best model goes by another number than in PyTorch.
 *
 * <pre>{@code
 * LRScheduler run = ReduceLROnPlateau.builder().build().attach(NetworkParamGroups.of(net));
 * net.addListeners(SchedulerListener.everyEpoch(run, new DataLoss(validation)));
 * net.fit(training, 90);
 * }</pre>
 */
public final class DataLoss extends DataSetLossCalculator {

  /**
   * Makes the loss over batches of data.
   *
   * @param data the data, read from its beginning whenever the loss is computed
   */
  public DataLoss(DataSetIterator data) {
    super(data, true);
  }

  /**
   * Makes the loss over batches with several inputs or outputs.
   *
   * @param data the data, read from its beginning whenever the loss is computed
   */
  public DataLoss(MultiDataSetIterator data) {
    super(data, true);
  }

  /**
   * Computes the loss.
   *
   * @param net a MultiLayerNetwork or a ComputationGraph
   * @return the mean over all examples
   * @throws IllegalArgumentException if the network is something else
   */
  @Override
  public double calculateScore(Model net) {
    double penalty = penalty(net);
    return super.calculateScore(net) - penalty;
  }

  private static double penalty(Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      return layers.calcRegularizationScore(true);
    }
    if (net instanceof ComputationGraph graph) {
      return graph.calcRegularizationScore(true);
    }
    throw new IllegalArgumentException(
        "net must be a MultiLayerNetwork or a ComputationGraph but was a "
            + net.getClass().getSimpleName());
  }
}
