package io.github.dl4jtorch.examples.spark;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.CollectionAccumulator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;

/**
 * Reports to the driver which rate each worker used. Spark copies a listener to the workers; what
 * they put into an accumulator comes back.
 */
final class WorkerRates extends BaseTrainingListener implements Serializable {

  private static final long serialVersionUID = 1L;

  /** An update of a worker: its number, the network's counts there, and the rate. */
  record Update(int worker, int epoch, int iteration, double lr) implements Serializable {}

  private final CollectionAccumulator<Update> updates;

  WorkerRates(JavaSparkContext spark) {
    updates = spark.sc().collectionAccumulator("rates");
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    int worker = TaskContext.getPartitionId();
    double lr = ((MultiLayerNetwork) model).getLearningRate(0);
    updates.add(new Update(worker, epoch, iteration, lr));
  }

  /** Returns the updates since the last call, in the order of iterations. */
  List<Update> take() {
    List<Update> taken =
        updates.value().stream()
            .sorted(Comparator.comparingInt(Update::iteration).thenComparingInt(Update::worker))
            .toList();
    updates.reset();
    return taken;
  }
}
