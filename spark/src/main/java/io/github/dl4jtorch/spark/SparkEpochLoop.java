package io.github.dl4jtorch.spark;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.spark.api.TrainingHook;
import org.deeplearning4j.spark.api.TrainingMaster;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.jspecify.annotations.Nullable;

/**
 * Makes the {@code fit}s of a network on Spark the epochs of listeners on the driver, where the
 * network holds the mean of its workers between two {@code fit}s: a {@link SchedulerListener} steps
 * its run, a plateau with a score for instance, and the next {@code fit} takes the new rates to all
 * workers; {@code AveragingListener.everyEpoch} of {@code dl4j-torch-swa} averages; {@code
 * TrainingCheckpointListener.everyEpoch}, the last of them, saves.
 *
 * <pre>{@code
 * SparkDl4jMultiLayer sparkNet = new SparkDl4jMultiLayer(spark, net, master);
 * LRScheduler run = ReduceLROnPlateau.builder().patience(3).build()
 *     .attach(NetworkParamGroups.of(net));
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * SparkEpochLoop.of(
 *         sparkNet,
 *         SchedulerListener.everyEpoch(
 *             run, new SparkDataSetLossCalculator(validation, true, spark.sc())),
 *         AveragingListener.everyEpoch(net, average).startingAt(20))
 *     .fit(30, () -> sparkNet.fit(training));
 * }</pre>
 *
 * <p>Spark trains copies, so the driver's network is never told of an iteration, and what is pushed
 * after one would not reach the workers: listeners that work after iterations are refused. A rate
 * by iteration is pulled, as a {@link io.github.dl4jtorch.adapter.TorchSchedule}. {@link
 * SchedulerListener#rescalingVelocity} acts on the network alone, so it is of no use here.
 *
 * <p>A {@code ComputationGraph} is given the hook {@link GraphCounts}, without which its workers
 * would count from 0 in each split.
 */
public final class SparkEpochLoop {

  private final EpochLoop loop;

  private SparkEpochLoop(NeuralNetwork net, TrainingListener... listeners) {
    Collection<TrainingListener> onTheNetwork = new LiveNetwork(LiveNetwork.model(net)).listeners();
    requireForSpark(List.of(listeners));
    requireForSpark(onTheNetwork);
    requireEpochs(listeners);
    requireNone(onTheNetwork);
    this.loop = EpochLoop.of(net, listeners);
  }

  /** Of those that no advice can help, whether by epochs or elsewhere. */
  private static void requireForSpark(Collection<TrainingListener> listeners) {
    for (TrainingListener listener : listeners) {
      String complaint = listener instanceof PacedListener paced ? paced.complaintOfSpark() : null;
      if (complaint != null) {
        throw new IllegalArgumentException(complaint);
      }
    }
  }

  private static void requireEpochs(TrainingListener... listeners) {
    for (TrainingListener listener : listeners) {
      if (listener instanceof PacedListener paced && paced.needsIterations()) {
        throw new IllegalArgumentException(
            "listeners must work after epochs, but this "
                + listener.getClass().getSimpleName()
                + " works after iterations, of which Spark tells the workers alone: use"
                + " everyEpoch, and a TorchSchedule for a rate by iteration");
      }
    }
  }

  private static void requireNone(Collection<TrainingListener> onTheNetwork) {
    for (TrainingListener listener : onTheNetwork) {
      if (listener instanceof PacedListener) {
        throw new IllegalArgumentException(
            "listeners must be given to the SparkEpochLoop, but a "
                + listener.getClass().getSimpleName()
                + " is on the network, where Spark calls none");
      }
    }
  }

  /**
   * Makes a loop for a network on Spark.
   *
   * @param net the network, with a {@code ParameterAveragingTrainingMaster}
   * @param listeners whom to tell when a {@code fit} starts and ends, in this order; {@link
   *     SchedulerListener#everyEpoch} for instance
   * @return the loop
   * @throws IllegalArgumentException if a listener works after iterations, clips or accumulates, or
   *     comes after a {@code TrainingCheckpointListener} that is to save it, or the network has
   *     listeners of its own, or a {@link SchedulerListener} is for another network, or the
   *     training master is of another kind
   */
  public static SparkEpochLoop of(SparkDl4jMultiLayer net, TrainingListener... listeners) {
    averaging(net.getTrainingMaster());
    return new SparkEpochLoop(net.getNetwork(), listeners);
  }

  /**
   * Makes a loop for a graph on Spark, whose training master it gives the hook {@link GraphCounts}
   * in place of any it has.
   *
   * @param net the graph, with a {@code ParameterAveragingTrainingMaster}
   * @param listeners whom to tell when a {@code fit} starts and ends, in this order; {@link
   *     SchedulerListener#everyEpoch} for instance
   * @return the loop
   * @throws IllegalArgumentException if a listener works after iterations, clips or accumulates, or
   *     comes after a {@code TrainingCheckpointListener} that is to save it, or the graph has
   *     listeners of its own, or a {@link SchedulerListener} is for another network, or the
   *     training master is of another kind
   */
  public static SparkEpochLoop of(SparkComputationGraph net, TrainingListener... listeners) {
    ParameterAveragingTrainingMaster master = averaging(net.getTrainingMaster());
    SparkEpochLoop loop = new SparkEpochLoop(net.getNetwork(), listeners);
    hook(master, net.getNetwork());
    return loop;
  }

  private static ParameterAveragingTrainingMaster averaging(
      @Nullable TrainingMaster<?, ?> trainingMaster) {
    if (trainingMaster instanceof ParameterAveragingTrainingMaster averaging) {
      return averaging;
    }
    throw new IllegalArgumentException(
        "trainingMaster must be a ParameterAveragingTrainingMaster but was "
            + (trainingMaster == null ? null : "a " + trainingMaster.getClass().getSimpleName()));
  }

  /** The list may be one that cannot grow. */
  private static void hook(ParameterAveragingTrainingMaster master, ComputationGraph graph) {
    Collection<TrainingHook> present = master.getTrainingHookList();
    Collection<TrainingHook> hooks = new ArrayList<>();
    if (present != null) {
      present.stream().filter(hook -> !(hook instanceof GraphCounts)).forEach(hooks::add);
    }
    hooks.add(new GraphCounts(graph));
    master.setTrainingHookList(hooks);
  }

  /**
   * Trains for some epochs.
   *
   * @param epochs how many, {@code >= 1}
   * @param fit trains the network on Spark for one epoch: {@code () -> sparkNet.fit(training)}, or
   *     another of its methods that make one
   * @throws IllegalArgumentException if the number of epochs is out of its range
   * @throws IllegalStateException if {@code fit} counts more than one epoch or makes no iteration;
   *     the listeners are not told of the end of that epoch
   */
  public void fit(int epochs, Runnable fit) {
    loop.fit(epochs, fit);
  }
}
