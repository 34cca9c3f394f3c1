package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * The param groups of a network that is being trained. What a run sets here, the network's very
 * next update uses, and {@code net.getLearningRate(layer)} shows.
 *
 * <p>The rates are kept in the network's own updaters, are saved with it and come back with it.
 * Make new groups for a restored network. Rates below 0 are refused, except for rounding: down to
 * {@code -1e-12} times the group's highest rate so far a run goes on as PyTorch does while the
 * network gets 0.
 *
 * <p>The momentum of a group is that of Nesterovs, or beta1 of Adam, AMSGrad, Nadam and AdaMax. A
 * group has none if its updaters differ in it, or if it follows a schedule of its own.
 *
 * <p>Copies that DL4J makes of a network in memory, by {@code clone()} or with {@code
 * TransferLearning}, share its updaters, so they see every change. Not safe for use by several
 * threads at a time.
 *
 * <pre>{@code
 * MultiLayerNetwork net = new MultiLayerNetwork(configuration);
 * net.init();
 * LRScheduler run = OneCycleLR.builder(0.1).totalSteps(1000).build()
 *     .attach(NetworkParamGroups.of(net));
 * net.addListeners(SchedulerListener.everyIteration(run));
 * }</pre>
 */
public final class NetworkParamGroups extends ParamGroups {

  private final Model net;

  private NetworkParamGroups(Model net, List<ParamGroup> groups) {
    super(groups);
    this.net = net;
  }

  /**
   * Makes one group of all parameters that have a learning rate.
   *
   * @param net the network, initialised
   * @return the group
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if no parameter has a learning rate, the rates differ, or one
   *     follows a schedule of its own; the network is left as it was
   */
  public static NetworkParamGroups of(MultiLayerNetwork net) {
    requireInitialised(net.isInitCalled());
    return all(net);
  }

  /**
   * Makes one group of all parameters that have a learning rate.
   *
   * @param net the network, initialised
   * @return the group
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if no parameter has a learning rate, the rates differ, or one
   *     follows a schedule of its own; the network is left as it was
   */
  public static NetworkParamGroups of(ComputationGraph net) {
    requireInitialised(net.getVertices() != null);
    return all(net);
  }

  private static NetworkParamGroups all(Model net) {
    return new NetworkParamGroups(net, List.of(ParamGroup.over(new NetworkGroup(net, 0))));
  }

  private static void requireInitialised(boolean initialised) {
    if (!initialised) {
      throw new IllegalStateException(
          "the network must be initialised before its param groups are made: call net.init()");
    }
  }

  /** Returns the network whose groups these are. */
  Model network() {
    return net;
  }
}
