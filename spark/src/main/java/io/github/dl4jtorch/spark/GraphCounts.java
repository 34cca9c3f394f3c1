package io.github.dl4jtorch.spark;

import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serial;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.spark.api.TrainingHook;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * Gives the copies of a ComputationGraph on Spark's workers its counts of iterations and epochs.
 * DL4J loses both when it copies a graph's configuration there, so that every split would start at
 * iteration 0 of epoch 0: a schedule would repeat its first steps, and Adam the bias correction of
 * its first updates. A MultiLayerNetwork keeps its counts and needs no hook.
 *
 * <p>A {@link SparkEpochLoop} puts it into the training master. Who trains without one says it:
 *
 * <pre>{@code
 * ParameterAveragingTrainingMaster master =
 *     new ParameterAveragingTrainingMaster.Builder(2, 32)
 *         .saveUpdater(true)
 *         .trainingHooks(new GraphCounts(graph))
 *         .build();
 * SparkComputationGraph sparkGraph = new SparkComputationGraph(spark, graph, master);
 * }</pre>
 *
 * <p>Spark writes it anew for each split, and then it takes the counts along.
 */
public final class GraphCounts implements TrainingHook {

  private static final long serialVersionUID = 1L;

  private final transient @Nullable ComputationGraph graph;
  private transient @Nullable Model started;
  private int iterationCount;
  private int epochCount;

  /**
   * Makes the hook.
   *
   * @param graph the graph on the driver that is trained
   */
  public GraphCounts(ComputationGraph graph) {
    this.graph = graph;
  }

  @Serial
  private void writeObject(ObjectOutputStream out) throws IOException {
    if (graph != null) {
      iterationCount = graph.getConfiguration().getIterationCount();
      epochCount = graph.getConfiguration().getEpochCount();
    }
    out.defaultWriteObject();
  }

  @Override
  public void preUpdate(MultiDataSet minibatch, Model model) {
    if (model != started) {
      started = model;
      ComputationGraphConfiguration configuration = ((ComputationGraph) model).getConfiguration();
      configuration.setIterationCount(iterationCount);
      configuration.setEpochCount(epochCount);
    }
  }

  @Override
  public void postUpdate(MultiDataSet minibatch, Model model) {}

  @Override
  public void preUpdate(DataSet minibatch, Model model) {}

  @Override
  public void postUpdate(DataSet minibatch, Model model) {}
}
