package io.github.dl4jtorch.adapter.samediff;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * The loss of a SameDiff graph on data set apart: the sum of its loss variables, as the mean of the
 * batches weighted by their examples. Regularization is left out. The data reach the placeholders
 * as the graph's {@code TrainingConfig} says, as in training.
 *
 * <pre>{@code
 * var sd = org.nd4j.autodiff.samediff.SameDiff.load(new File("model.fb"), true);
 * double loss = SameDiffLoss.on(validation).applyAsDouble(sd);
 * }</pre>
 */
public final class SameDiffLoss implements ToDoubleFunction<SameDiff> {

  private final MultiDataSetIterator data;

  private SameDiffLoss(MultiDataSetIterator data) {
    this.data = data;
  }

  /**
   * Takes the data, for a graph with one input and one label.
   *
   * @param data the batches; reset before each use
   * @return the function from a graph to its loss
   */
  public static SameDiffLoss on(DataSetIterator data) {
    return new SameDiffLoss(new MultiDataSetIteratorAdapter(data));
  }

  /**
   * Takes the data, for a graph with any number of inputs and labels.
   *
   * @param data the batches; reset before each use
   * @return the function from a graph to its loss
   */
  public static SameDiffLoss on(MultiDataSetIterator data) {
    return new SameDiffLoss(data);
  }

  /**
   * Calculates the loss, and changes nothing in the graph.
   *
   * @param sd the graph, with its training configuration and its loss variables set
   * @return the loss
   * @throws IllegalStateException if the graph has no training configuration or no loss variables,
   *     or there is no batch
   */
  @Override
  public double applyAsDouble(SameDiff sd) {
    TrainingConfig config = sd.getTrainingConfig();
    List<String> losses = sd.getLossVariables();
    if (config == null || losses.isEmpty()) {
      throw new IllegalStateException(
          "the SameDiff must have a training configuration and loss variables to have a loss: call"
              + " setTrainingConfig and setLossVariables");
    }
    double sum = 0;
    long examples = 0;
    data.reset();
    while (data.hasNext()) {
      MultiDataSet batch = data.next();
      Map<String, INDArray> output =
          sd.output(placeholders(config, batch), losses.toArray(new String[0]));
      long size = batch.getFeatures(0).size(0);
      for (INDArray loss : output.values()) {
        sum += size * loss.sumNumber().doubleValue();
      }
      examples += size;
    }
    if (examples == 0) {
      throw new IllegalStateException("data must hold at least one batch but hold none");
    }
    return sum / examples;
  }

  private static Map<String, INDArray> placeholders(TrainingConfig config, MultiDataSet batch) {
    Map<String, INDArray> placeholders = new HashMap<>();
    put(config.getDataSetFeatureMapping(), batch.getFeatures(), placeholders);
    put(config.getDataSetLabelMapping(), batch.getLabels(), placeholders);
    put(config.getDataSetFeatureMaskMapping(), batch.getFeaturesMaskArrays(), placeholders);
    put(config.getDataSetLabelMaskMapping(), batch.getLabelsMaskArrays(), placeholders);
    return placeholders;
  }

  private static void put(
      @Nullable List<String> names,
      INDArray @Nullable [] arrays,
      Map<String, INDArray> placeholders) {
    for (int i = 0; names != null && arrays != null && i < names.size(); i++) {
      if (names.get(i) != null && arrays[i] != null) {
        placeholders.put(names.get(i), arrays[i]);
      }
    }
  }
}
