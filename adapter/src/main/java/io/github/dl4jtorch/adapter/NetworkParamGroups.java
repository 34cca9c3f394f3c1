package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * The param groups of a network that is being trained. What a run sets here, the network's very
 * next update uses, and {@code net.getLearningRate(layer)} shows.
 *
 * <p>Every parameter with a learning rate is in exactly one group, and each group starts at the
 * rate of its updaters, one for all. Parameters without a rate, as in frozen layers, are in none.
 * Where DL4J would update parameters of several groups together, they are given updaters of their
 * own, and the updaters' state moves along to the bit.
 *
 * <p>The rates are kept in the network's own updaters, are saved with it and come back with it; its
 * groups stay apart even while their rates are the same. Make the groups of a restored network
 * anew. Rates below 0 are refused, except for rounding: down to {@code -1e-12} times the group's
 * highest rate so far a run goes on as PyTorch does while the network gets 0. A rate of 0 stops the
 * group's parameters whatever their updater, while its averages go on; only weight decay that was
 * set not to follow the rate still moves them. In a restored network that holds from when its
 * groups are made.
 *
 * <p>The momentum of a group is that of Nesterovs, or beta1 of Adam, AMSGrad, Nadam and AdaMax. A
 * group has none if its updaters differ in it, or if it follows a schedule of its own.
 *
 * <p>Rates that others set, as with {@code net.setLearningRate}, are taken up. Copies that DL4J
 * makes of a network in memory, by {@code clone()} or with {@code TransferLearning}, share its
 * updaters, so they see every change. Not safe for use by several threads at a time.
 *
 * <pre>{@code
 * MultiLayerNetwork net = new MultiLayerNetwork(configuration);
 * net.init();
 * var head = NetworkParam.inLayers("output");
 * NetworkParamGroups groups = NetworkParamGroups.of(net, head.negate(), head);
 * groups.get(0).setLr(0.1 * groups.get(1).lr());
 * LRScheduler run = new CosineAnnealingLR(1000).attach(groups);
 * net.addListeners(SchedulerListener.everyIteration(run));
 * }</pre>
 */
public final class NetworkParamGroups extends ParamGroups {

  private final GroupBinding binding;

  private NetworkParamGroups(GroupBinding binding, List<ParamGroup> groups) {
    super(groups);
    this.binding = binding;
  }

  /**
   * Makes the groups that are chosen, or one group of all parameters if none is.
   *
   * @param net the network, initialised
   * @param groups which parameters each group has; every one that has a learning rate must be in
   *     exactly one
   * @return the groups, in this order
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if a parameter is in no group or in two, a group has no
   *     learning rate or more than one or one that follows a schedule of its own, or DL4J cannot
   *     update the groups apart; the network is left as it was
   */
  @SafeVarargs
  @SuppressWarnings("varargs") // The array is only read.
  public static NetworkParamGroups of(MultiLayerNetwork net, Predicate<NetworkParam>... groups) {
    requireInitialised(net.isInitCalled());
    List<Predicate<NetworkParam>> selections = Arrays.stream(groups).toList();
    return make(net, params -> chosen(params, selections));
  }

  /**
   * Makes the groups that are chosen, or one group of all parameters if none is.
   *
   * @param net the network, initialised
   * @param groups which parameters each group has; every one that has a learning rate must be in
   *     exactly one
   * @return the groups, in this order
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if a parameter is in no group or in two, a group has no
   *     learning rate or more than one or one that follows a schedule of its own, or DL4J cannot
   *     update the groups apart; the network is left as it was
   */
  @SafeVarargs
  @SuppressWarnings("varargs") // The array is only read.
  public static NetworkParamGroups of(ComputationGraph net, Predicate<NetworkParam>... groups) {
    requireInitialised(net.getVertices() != null);
    List<Predicate<NetworkParam>> selections = Arrays.stream(groups).toList();
    return make(net, params -> chosen(params, selections));
  }

  /**
   * Makes one group a layer, for every layer with a learning rate.
   *
   * @param net the network, initialised
   * @return the groups, in the order of the layers
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if no layer has a learning rate, one has several or one that
   *     follows a schedule of its own, or DL4J cannot update the layers apart; the network is left
   *     as it was
   */
  public static NetworkParamGroups perLayer(MultiLayerNetwork net) {
    requireInitialised(net.isInitCalled());
    return make(net, NetworkParamGroups::byLayer);
  }

  /**
   * Makes one group a layer or vertex, for every one with a learning rate.
   *
   * @param net the network, initialised
   * @return the groups, in the network's topological order
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if no layer has a learning rate, one has several or one that
   *     follows a schedule of its own, or DL4J cannot update the layers apart; the network is left
   *     as it was
   */
  public static NetworkParamGroups perLayer(ComputationGraph net) {
    requireInitialised(net.getVertices() != null);
    return make(net, NetworkParamGroups::byLayer);
  }

  /**
   * Makes two groups: 0 of the weights, 1 of the biases and of gamma and beta of batch
   * normalizations.
   *
   * @param net the network, initialised
   * @return the two groups
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if a group has no learning rate or more than one or one that
   *     follows a schedule of its own, or DL4J cannot update the groups apart; the network is left
   *     as it was
   */
  public static NetworkParamGroups weightsAndBiases(MultiLayerNetwork net) {
    return of(net, NetworkParam::isWeight, param -> !param.isWeight());
  }

  /**
   * Makes two groups: 0 of the weights, 1 of the biases and of gamma and beta of batch
   * normalizations.
   *
   * @param net the network, initialised
   * @return the two groups
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if a group has no learning rate or more than one or one that
   *     follows a schedule of its own, or DL4J cannot update the groups apart; the network is left
   *     as it was
   */
  public static NetworkParamGroups weightsAndBiases(ComputationGraph net) {
    return of(net, NetworkParam::isWeight, param -> !param.isWeight());
  }

  /**
   * Returns what is in a group.
   *
   * @param group the group's number, from 0
   * @return its parameters, in the order of the network
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public List<NetworkParam> params(int group) {
    return binding.params(group);
  }

  /** Returns the network whose groups these are. */
  Model network() {
    return binding.network();
  }

  /** Makes sure that the network's next update is as the groups say. */
  void refresh() {
    binding.refresh();
  }

  /** Makes the velocities of all Nesterovs follow the rate from now on. */
  void rescaleVelocity() {
    binding.rescaleVelocity();
  }

  /** Tells whether a group has a Nesterovs. */
  boolean hasVelocity() {
    return binding.hasVelocity();
  }

  private static NetworkParamGroups make(
      Model net, Function<List<UpdaterBlocks.Param>, int[]> assignment) {
    boolean isUntrained = UpdaterBlocks.isUntrained(net);
    try {
      UpdaterBlocks blocks = new UpdaterBlocks(net);
      GroupBinding binding =
          new GroupBinding(net, blocks, assignment.apply(blocks.params()), isUntrained);
      List<ParamGroup> groups = new ArrayList<>();
      for (NetworkGroup group : binding.takeOver()) {
        groups.add(ParamGroup.over(group));
      }
      return new NetworkParamGroups(binding, groups);
    } catch (RuntimeException refused) {
      if (isUntrained) {
        UpdaterBlocks.discard(net);
      }
      throw refused;
    }
  }

  /** Numbers the groups by the first that a parameter is in, and refuses none and a second. */
  private static int[] chosen(
      List<UpdaterBlocks.Param> params, List<Predicate<NetworkParam>> selections) {
    int[] groups = new int[params.size()];
    if (selections.isEmpty()) {
      return groups;
    }
    int[] sizes = new int[selections.size()];
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = params.get(i);
      NetworkParam named = param.named();
      groups[i] = GroupBinding.NO_GROUP;
      for (int group = 0; group < selections.size(); group++) {
        if (selections.get(group).test(named)) {
          if (param.hasRate() && groups[i] != GroupBinding.NO_GROUP) {
            throw new IllegalArgumentException(
                named + " must be in one param group but is in " + groups[i] + " and " + group);
          }
          groups[i] = group;
          sizes[group]++;
        }
      }
    }
    requireAllIn(params, groups);
    for (int group = 0; group < sizes.length; group++) {
      if (sizes[group] == 0) {
        throw new IllegalArgumentException(
            "param group " + group + " must have a parameter but selects none of " + params);
      }
    }
    return groups;
  }

  private static void requireAllIn(List<UpdaterBlocks.Param> params, int[] groups) {
    List<UpdaterBlocks.Param> missing = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (params.get(i).hasRate() && groups[i] == GroupBinding.NO_GROUP) {
        missing.add(params.get(i));
      }
    }
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          "every parameter with a learning rate must be in a param group, but in none is "
              + missing);
    }
  }

  private static int[] byLayer(List<UpdaterBlocks.Param> params) {
    int[] groups = new int[params.size()];
    Arrays.fill(groups, GroupBinding.NO_GROUP);
    List<Object> layers = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (params.get(i).hasRate()) {
        Object layer = params.get(i).config();
        if (layers.isEmpty() || layers.get(layers.size() - 1) != layer) {
          layers.add(layer);
        }
        groups[i] = layers.size() - 1;
      }
    }
    return groups;
  }

  private static void requireInitialised(boolean initialised) {
    if (!initialised) {
      throw new IllegalStateException(
          "the network must be initialised before its param groups are made: call net.init()");
    }
  }
}
