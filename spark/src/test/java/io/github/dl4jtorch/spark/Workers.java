package io.github.dl4jtorch.spark;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.CollectionAccumulator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Notes what each worker did to its parameters, update by update, and brings it to the driver. */
@SuppressWarnings("ArrayRecordComponent") // Nobody compares these records.
final class Workers extends BaseTrainingListener implements Serializable {

  private static final long serialVersionUID = 1L;

  /** The rate and the momentum of an update. */
  record Rates(double lr, double momentum) {}

  /** The parameters, and the state of their updater, empty if it has none. */
  record Values(double[] params, double[] state) implements Serializable {}

  /**
   * An update of a worker.
   *
   * @param stage Spark's number for the split, higher for later ones
   * @param worker the number of the worker's partition
   * @param process its JVM
   * @param iteration the network's count before the update
   * @param epoch the network's count before the update
   * @param features the batch's
   * @param gradient the mean over the batch
   */
  record Update(
      int stage,
      int worker,
      long process,
      int iteration,
      int epoch,
      double[] features,
      double[] gradient,
      Values before,
      Values after)
      implements Serializable {

    /** Calculates the rate of an Sgd from what moved; NaN if that was not along the gradient. */
    Rates ofSgd() {
      double[] step = Vectors.sum(before.params, -1, after.params);
      double lr = Vectors.dot(step, gradient) / Vectors.dot(gradient, gradient);
      return new Rates(Vectors.isSame(step, lr, gradient, before.params) ? lr : Double.NaN, 0);
    }

    /**
     * Calculates the numbers of a Nesterovs from what moved: its velocity v becomes {@code v' =
     * momentum v - lr gradient}, and the parameters move by {@code v' + momentum (v' - v)}. NaN
     * where nothing fits.
     */
    Rates ofNesterovs() {
      double[] step = Vectors.sum(after.params, -1, before.params);
      double[] beyond = Vectors.sum(step, -1, after.state);
      double[] change = Vectors.sum(after.state, -1, before.state);
      double momentum = Vectors.dot(beyond, change) / Vectors.dot(change, change);
      double[] byGradient =
          Vectors.sum(
              Vectors.sum(new double[step.length], -1, after.state), momentum, before.state);
      double lr = Vectors.dot(byGradient, gradient) / Vectors.dot(gradient, gradient);
      return new Rates(
          Vectors.isSame(byGradient, lr, gradient, after.state) ? lr : Double.NaN,
          Vectors.isSame(beyond, momentum, change, before.params) ? momentum : Double.NaN);
    }
  }

  private final CollectionAccumulator<Update> updates;
  private transient double[] gradient = {};
  private transient Values before = new Values(new double[0], new double[0]);

  Workers(JavaSparkContext spark) {
    updates = spark.sc().collectionAccumulator("updates");
  }

  @Override
  public void onGradientCalculation(Model model) {
    gradient = model.getGradientsViewArray().div(model.batchSize()).toDoubleVector();
    before = values(model);
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    updates.add(
        new Update(
            TaskContext.get().stageId(),
            TaskContext.getPartitionId(),
            ProcessHandle.current().pid(),
            iteration,
            epoch,
            features(model).toDoubleVector(),
            gradient,
            before,
            values(model)));
  }

  /** Returns all updates, split by split, in each worker by worker, and there in their order. */
  List<Update> updates() {
    return updates.value().stream()
        .sorted(Comparator.comparingInt(Update::stage).thenComparingInt(Update::worker))
        .toList();
  }

  private static INDArray features(Model model) {
    INDArray features =
        model instanceof MultiLayerNetwork layers
            ? layers.getInput()
            : ((ComputationGraph) model).getInput(0);
    return features.reshape(features.length());
  }

  private static Values values(Model model) {
    INDArray state =
        model instanceof MultiLayerNetwork layers
            ? layers.getUpdater().getStateViewArray()
            : ((ComputationGraph) model).getUpdater().getStateViewArray();
    return new Values(
        model.params().toDoubleVector(), state == null ? new double[0] : state.toDoubleVector());
  }
}
