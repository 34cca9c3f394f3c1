package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.SharedGradients;
import io.github.dl4jtorch.adapter.internal.WorkerThreads;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Lets every copy of a network that ParallelWrapper trains begin at the network's own count of
 * iterations. A copy is made while the network itself may already be at work, so that its count may
 * be one too high, and with it the step of its schedules until the next copy is made. And lets
 * workers that share gradients know when one of them fails.
 */
final class WorkerCounts extends BaseTrainingListener {

  private final Model net;
  // By identity, since networks are equal if their parameters are.
  private final Set<Model> begun = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean isTraining;
  private int start;

  private WorkerCounts(Model net) {
    this.net = net;
  }

  /** Returns the one that is among a network's listeners, where it is added if there is none. */
  static WorkerCounts on(Model net) {
    for (TrainingListener listener : new LiveNetwork(net).listeners()) {
      // A clone of a graph shares its listeners.
      if (listener instanceof WorkerCounts present && present.net == net) {
        return present;
      }
    }
    WorkerCounts added = new WorkerCounts(net);
    net.addListeners(added);
    return added;
  }

  synchronized void begin() {
    isTraining = true;
    start = new LiveNetwork(net).iterationCount();
  }

  synchronized void end() {
    isTraining = false;
    begun.clear();
  }

  /** The first event of an iteration in a worker of a {@code MultiLayerNetwork}. */
  @Override
  public void onForwardPass(Model model, List<INDArray> activations) {
    watch(model);
  }

  /** The first event of an iteration in a worker of a {@code ComputationGraph}. */
  @Override
  public void onForwardPass(Model model, Map<String, INDArray> activations) {
    watch(model);
  }

  private synchronized void watch(Model model) {
    if (isTraining && WorkerThreads.isInWorker() && LiveNetwork.isKindOf(model)) {
      SharedGradients.watch(model);
    }
  }

  /** The last event before the updater reads the count. */
  @Override
  public synchronized void onGradientCalculation(Model model) {
    if (isTraining && model != net && LiveNetwork.isKindOf(model) && begun.add(model)) {
      new LiveNetwork(model).setIterationCount(start);
    }
  }
}
