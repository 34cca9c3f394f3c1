package io.github.dl4jtorch.adapter;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.ExactLr;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.internal.UpdateWatch;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;

/**
 * The param groups of a network that is being trained. What a run sets here, the network's very
 * next update uses, and {@code net.getLearningRate(layer)} shows.
 *
 * <p>Every parameter with a learning rate is in exactly one group, or frozen, and each group starts
 * at the rate of its updaters, one for all, unless it is given another. Parameters without a rate,
 * as in DL4J's frozen layers, are in none. Where DL4J would update parameters of several groups
 * together, they are given updaters of their own, and the updaters' state moves along to the bit.
 *
 * <p>The rates are kept in the network's own updaters, are saved with it and come back with it; its
 * groups stay apart even while their rates are the same. Make the groups of a restored network
 * anew. Rates below 0 are refused, except for rounding: down to {@code -1e-12} times the group's
 * highest rate so far a run goes on as PyTorch does while the network gets 0. A rate of 0 stops the
 * group's parameters whatever their updater, while its averages go on; only weight decay that was
 * set not to follow the rate still moves them. In a restored network that holds from when its
 * groups are made.
 *
 * <p>What is frozen stands still whatever its updater, and the updater's state with it, as in
 * PyTorch without {@code requires_grad}; a batch normalization still follows its data. That is part
 * of the configuration, so it holds in copies too, those of ParallelWrapper and Spark included. No
 * run reaches frozen parameters, and {@link #unfreeze(Predicate, double)} makes a group of them
 * later. That and {@link #only} give groups of their own to a run; a run drives the groups it was
 * attached to and no others. Groups that are made anew decide anew what is frozen.
 *
 * <p>The momentum of a group is that of Nesterovs, or beta1 of Adam, AMSGrad, Nadam and AdaMax. A
 * group has none if its updaters differ in it, or if it follows a schedule of its own.
 *
 * <p>Rates that others set, as with {@code net.setLearningRate}, are taken up, and the updaters'
 * state moves along. That call does not reach all updaters, {@code groups.get(i).setLr(lr)} does,
 * and costs less. Copies that DL4J makes of a network in memory, by {@code clone()} or with {@code
 * TransferLearning}, share its updaters, so they see every change. Not safe for use by several
 * threads at a time.
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
  // What the groups are called in the binding.
  private final int[] numbers;

  private NetworkParamGroups(GroupBinding binding, int[] numbers, List<ParamGroup> groups) {
    super(groups);
    this.binding = binding;
    this.numbers = numbers;
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
  public static NetworkParamGroups of(NeuralNetwork net, Predicate<NetworkParam>... groups) {
    return chosen(builder(net), groups);
  }

  /**
   * Begins groups that are chosen one by one, with rates and momenta of their own.
   *
   * @param net the network, initialised
   * @return a builder without groups
   * @throws IllegalStateException if the network is not initialised
   */
  public static Builder builder(NeuralNetwork net) {
    return new Builder(live(net).model());
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
  public static NetworkParamGroups perLayer(NeuralNetwork net) {
    return make(live(net).model(), GroupChoice::byLayer, List.of());
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
  public static NetworkParamGroups weightsAndBiases(NeuralNetwork net) {
    return of(net, NetworkParam::isWeight, param -> !param.isWeight());
  }

  /**
   * Makes one group a layer, with rates that fall from the last layer to the first: {@code lr
   * decay^(last - i)} for layer {@code i}, where {@code lr} is the layer's own. For fine-tuning.
   * Layers without a learning rate do not count. For a restored network take {@code perLayer},
   * since its rates have fallen already.
   *
   * @param net the network, initialised
   * @param decay the rate of a layer over that of the next, {@code > 0} and {@code <= 1}; usual are
   *     0.65 to 0.95
   * @return the groups, in the order of the layers
   * @throws IllegalStateException as {@code perLayer} does
   * @throws IllegalArgumentException if the decay is out of its range, or as {@code perLayer} does
   */
  public static NetworkParamGroups layerWiseDecay(NeuralNetwork net, double decay) {
    requireDecay(decay);
    return perLayer(net).decay(decay);
  }

  /**
   * Makes one group a block of layers, with rates that fall from the last block to the first:
   * {@code lr decay^(last - i)} for block {@code i}. For fine-tuning, where a block of the
   * architecture is more than a layer.
   *
   * <pre>{@code
   * NetworkParamGroups groups =
   *     NetworkParamGroups.layerWiseDecay(
   *         net, 1e-3, 0.75, List.of(List.of("layer0", "layer1"), List.of("layer2"), List.of("output")));
   * }</pre>
   *
   * @param net the network, initialised
   * @param lr the rate of the last block, finite and {@code >= 0}
   * @param decay the rate of a block over that of the next, {@code > 0} and {@code <= 1}; usual are
   *     0.65 to 0.95
   * @param blocks the names of each block's layers or vertices, from input to output; every layer
   *     with a learning rate must be in exactly one
   * @return the groups, in the order of the blocks
   * @throws IllegalStateException as {@code perLayer} does
   * @throws IllegalArgumentException if an argument is out of its range, a name is not that of a
   *     layer with parameters, a layer is in no block or in two, or a rate follows a schedule of
   *     its own; the network is left as it was
   */
  public static NetworkParamGroups layerWiseDecay(
      NeuralNetwork net, double lr, double decay, List<? extends List<String>> blocks) {
    requireDecay(decay);
    requireLr(lr);
    if (blocks.isEmpty()) {
      throw new IllegalArgumentException("blocks must have at least one block but was []");
    }
    Set<String> layers = new LinkedHashSet<>();
    NetworkParam.of(net).forEach(param -> layers.add(param.layer()));
    Builder builder = builder(net);
    for (int i = 0; i < blocks.size(); i++) {
      for (String layer : blocks.get(i)) {
        if (!layers.contains(layer)) {
          throw new IllegalArgumentException(
              "blocks must hold names of layers with parameters, of "
                  + layers
                  + ", but in block "
                  + i
                  + " was \""
                  + layer
                  + "\"");
        }
      }
      builder
          .group(NetworkParam.inLayers(blocks.get(i).toArray(String[]::new)))
          .lr(lr * Math.pow(decay, blocks.size() - 1 - i));
    }
    return builder.build();
  }

  private static void requireDecay(double decay) {
    if (!(decay > 0 && decay <= 1)) {
      throw new IllegalArgumentException("decay must be > 0 and <= 1 but was " + decay);
    }
  }

  private NetworkParamGroups decay(double decay) {
    for (int i = 0; i < size(); i++) {
      get(i).setLr(get(i).lr() * Math.pow(decay, size() - 1 - i));
    }
    return this;
  }

  /**
   * Returns what is in a group.
   *
   * @param group the group's number, from 0
   * @return its parameters, in the order of the network
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public List<NetworkParam> params(int group) {
    return binding.params(numbers[checked(group)]);
  }

  /**
   * Returns what a group is called.
   *
   * @param group the group's number, from 0
   * @return the name that it was given, or {@code param group 0} and so on
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public String name(int group) {
    String given = binding.names().given(numbers[checked(group)]);
    return given == null ? "param group " + group : given;
  }

  /**
   * Tells whether a group was given a name.
   *
   * @param group the group's number, from 0
   * @return false if it is called by its number
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public boolean isNamed(int group) {
    return binding.names().given(numbers[checked(group)]) != null;
  }

  /**
   * Returns the weight decay of a group, as the network's next update applies it.
   *
   * @param group the group's number, from 0
   * @return PyTorch's {@code weight_decay}; NaN if the group's parameters have not one in common
   * @throws IndexOutOfBoundsException if there is no such group
   */
  public double weightDecay(int group) {
    return binding.weightDecay(numbers[checked(group)]);
  }

  /**
   * Sets the weight decay of a group, effective from the next update on. It is kept in the
   * network's configuration, and so in whatever is saved or copied of it.
   *
   * @param group the group's number, from 0
   * @param weightDecay finite and {@code >= 0}
   * @throws IndexOutOfBoundsException if there is no such group
   * @throws IllegalArgumentException if the decay is out of its range, or above 0 and DL4J does not
   *     decay a parameter of the group, as in its own {@code BatchNormalization}; nothing is
   *     changed
   * @see Builder#weightDecay when it is decoupled
   */
  public void setWeightDecay(int group, double weightDecay) {
    requireWeightDecay(weightDecay);
    binding.setWeightDecay(numbers[checked(group)], weightDecay);
  }

  /** Returns each group's name, values and parameters, under PyTorch's keys. */
  @Override
  public String toString() {
    return IntStream.range(0, size())
        .mapToObj(
            group -> {
              Map<String, Object> values = get(group).stateDict();
              values.put("weight_decay", weightDecay(group));
              values.put("params", params(group));
              return name(group) + " " + values;
            })
        .collect(Collectors.joining(", ", "[", "]"));
  }

  /**
   * Returns what is frozen at present: the parameters with a learning rate that are in no group of
   * the network.
   *
   * @return the parameters, in the order of the network
   */
  public List<NetworkParam> frozen() {
    return binding.params(GroupChoice.FROZEN);
  }

  /**
   * Returns some of the groups, for a run that is to drive these alone. They are the same groups,
   * with the same values, and may be driven by other runs too.
   *
   * @param groups numbers of groups, one or more, each at most once
   * @return these groups, in this order, numbered from 0
   * @throws IndexOutOfBoundsException if there is no such group
   * @throws IllegalArgumentException if none is given, or one twice
   */
  @CheckReturnValue
  public NetworkParamGroups only(int... groups) {
    return new NetworkParamGroups(
        binding,
        Arrays.stream(groups).map(group -> numbers[checked(group)]).toArray(),
        Arrays.stream(groups).mapToObj(this::get).toList());
  }

  /**
   * Makes a new group of frozen parameters, as for unfreezing a network step by step. PyTorch does
   * this by {@code add_param_group}. The parameters' updaters go on with the state and the momentum
   * that they had when they were frozen, to the bit.
   *
   * <p>These groups, and the runs that are attached to them, stay as they are. Attach a run to
   * {@code only} the new group, or to all.
   *
   * @param selection which parameters the new group has; all that have a learning rate must be
   *     frozen
   * @param lr the rate to start with, finite and {@code >= 0}
   * @return these groups and the new one, which is the last
   * @throws IllegalArgumentException if the rate is out of its range, a parameter of a group or
   *     none is selected, or DL4J cannot update the groups apart; nothing is changed
   */
  public NetworkParamGroups unfreeze(Predicate<NetworkParam> selection, double lr) {
    requireLr(lr);
    return unfreeze(selection, new GroupStart(null, lr, Double.NaN, Double.NaN));
  }

  /**
   * Makes a new group of frozen parameters, with a name.
   *
   * @param name what it is called, not blank
   * @param selection as in {@link #unfreeze(Predicate, double)}
   * @param lr the rate to start with, finite and {@code >= 0}
   * @return these groups and the new one, which is the last
   * @throws IllegalArgumentException if the name is blank, or another group has it, or as in {@link
   *     #unfreeze(Predicate, double)}; nothing is changed
   */
  public NetworkParamGroups unfreeze(String name, Predicate<NetworkParam> selection, double lr) {
    requireLr(lr);
    String given = GroupNames.requireName(name);
    return unfreeze(selection, new GroupStart(given, lr, Double.NaN, Double.NaN));
  }

  private NetworkParamGroups unfreeze(Predicate<NetworkParam> selection, GroupStart start) {
    InLayers.requireKnown(binding.network(), List.of(selection));
    int number = binding.unfreeze(selection, start);
    int[] present = Arrays.copyOf(numbers, numbers.length + 1);
    present[numbers.length] = number;
    List<ParamGroup> groups = new ArrayList<>(this);
    groups.add(binding.takeOver(start));
    return new NetworkParamGroups(binding, present, groups);
  }

  /**
   * Refuses, since a network's group is made of its parameters.
   *
   * @param group a group
   * @return never
   * @throws UnsupportedOperationException always
   */
  @Override
  public boolean add(ParamGroup group) {
    throw new UnsupportedOperationException(
        "a param group of a network is made with unfreeze(selection, lr), which returns the groups"
            + " with the new one");
  }

  private int checked(int group) {
    if (group < 0 || group >= numbers.length) {
      throw new IndexOutOfBoundsException(
          "group must be >= 0 and < " + numbers.length + " but was " + group);
    }
    return group;
  }

  private static void requireWeightDecay(double weightDecay) {
    if (!(weightDecay >= 0 && weightDecay < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "weightDecay must be finite and >= 0 but was " + weightDecay);
    }
  }

  private static void requireLr(double lr) {
    if (!(lr >= 0 && lr < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("lr must be finite and >= 0 but was " + lr);
    }
  }

  /**
   * Returns the network whose groups these are.
   *
   * @return the {@code MultiLayerNetwork} or {@code ComputationGraph} itself
   */
  public NeuralNetwork network() {
    return new LiveNetwork(binding.network()).network();
  }

  /**
   * Returns all groups that were made together, of which these may be {@link #only some}, later
   * ones included.
   *
   * @return the groups, numbered as when they were made
   */
  @CheckReturnValue
  public NetworkParamGroups all() {
    return all(binding);
  }

  /**
   * Makes a group of a network that is not there, to see what a schedule would give it: with the
   * bounds of the updaters of Deeplearning4j, which take no rate below 0 but what is rounding.
   *
   * <pre>{@code
   * ParamGroups groups =
   *     ParamGroups.of(NetworkParamGroups.planned(MomentumKind.MOMENTUM, 0.1, 0.9));
   * double[] rates = new CosineAnnealingLR(100).simulate(groups, 100).lrs(0);
   * }</pre>
   *
   * @param kind what {@code momentum} stands for
   * @param lr the learning rate, finite
   * @param momentum the momentum or beta1, finite
   * @return the group
   * @throws IllegalArgumentException if a number is not finite
   */
  public static ParamGroup planned(MomentumKind kind, double lr, double momentum) {
    return ParamGroup.of(kind, lr, momentum, ExactLr::lowest);
  }

  private static NetworkParamGroups all(GroupBinding binding) {
    int[] numbers = IntStream.range(0, binding.values().size()).toArray();
    return new NetworkParamGroups(binding, numbers, binding.values());
  }

  /** Makes sure that the network's next update is as the groups say. */
  void refresh() {
    binding.refresh();
  }

  /** Returns what notices that a listener of these groups is not told of updates any more. */
  UpdateWatch watch() {
    return binding.watch();
  }

  /** Notes where it is saved that a listener steps a run on these groups. */
  void drive() {
    for (int number : numbers) {
      binding.members(number).drive();
    }
  }

  /** Makes the velocities of all Nesterovs follow the rate from now on. */
  void rescaleVelocity() {
    for (int number : numbers) {
      binding.rescaleVelocity(number);
    }
  }

  /**
   * Tells whether a group has DL4J's {@code Nesterovs}, whose velocity can be {@linkplain
   * SchedulerListener#rescalingVelocity rescaled}.
   *
   * @return true if one has
   */
  public boolean hasVelocity() {
    return Arrays.stream(numbers).anyMatch(binding::hasVelocity);
  }

  private static LiveNetwork live(NeuralNetwork net) {
    return LiveNetwork.of(net, "its param groups are made");
  }

  private static NetworkParamGroups make(
      Model net, Function<List<UpdaterBlocks.Param>, int[]> assignment, List<GroupStart> starts) {
    boolean isUntrained = NetworkUpdater.isUntrained(net);
    try {
      UpdaterBlocks blocks = new UpdaterBlocks(net);
      int[] assigned = assignment.apply(blocks.params());
      int size = Arrays.stream(assigned).max().orElse(GroupChoice.NO_GROUP) + 1;
      List<GroupStart> all = new ArrayList<>(starts);
      all.addAll(Collections.nCopies(size - starts.size(), GroupStart.AS_IT_IS));
      GroupBinding binding = bound(net, blocks, assigned, all, isUntrained);
      all.forEach(binding::takeOver);
      return all(binding);
    } catch (RuntimeException refused) {
      if (isUntrained) {
        NetworkUpdater.discard(net);
      }
      throw refused;
    }
  }

  private static GroupBinding bound(
      Model net, UpdaterBlocks blocks, int[] groups, List<GroupStart> starts, boolean isUntrained) {
    OpenedLayers opened = OpenedLayers.of(net, blocks.params(), groups);
    try {
      UpdaterBlocks present = opened.isEmpty() ? blocks : new UpdaterBlocks(net);
      return new GroupBinding(net, present, groups, starts, isUntrained);
    } catch (RuntimeException refused) {
      opened.undo();
      throw refused;
    }
  }

  @SafeVarargs
  @SuppressWarnings("varargs") // The array is only read.
  private static NetworkParamGroups chosen(Builder builder, Predicate<NetworkParam>... groups) {
    Arrays.stream(groups).forEach(builder::group);
    return builder.build();
  }

  /**
   * Chooses the groups of a network, in the order of PyTorch's list of param groups. Settings that
   * follow a group are that group's.
   *
   * <pre>{@code
   * NetworkParamGroups groups = NetworkParamGroups.builder(net)
   *     .group(NetworkParam::isNormalization).lr(0.01).momentum(0.937)
   *     .group(NetworkParam::isWeight).lr(0.01).momentum(0.937)
   *     .group(param -> param.isBias() && !param.isNormalization()).lr(0.01).momentum(0.937)
   *     .build();
   * }</pre>
   */
  public static final class Builder {
    private final Model net;
    private final List<Predicate<NetworkParam>> selections = new ArrayList<>();
    private final List<GroupStart> starts = new ArrayList<>();
    private final List<Predicate<NetworkParam>> frozen = new ArrayList<>();

    private Builder(Model net) {
      this.net = net;
    }

    /**
     * Adds a group. Without any there is one of all parameters that are not frozen.
     *
     * @param selection which parameters it has
     * @return this builder
     */
    public Builder group(Predicate<NetworkParam> selection) {
      selections.add(selection);
      starts.add(GroupStart.AS_IT_IS);
      return this;
    }

    /**
     * Adds a group with a name, by which logs, series, files and messages call it.
     *
     * @param name what it is called, not blank
     * @param selection which parameters it has
     * @return this builder
     * @throws IllegalArgumentException if the name is blank, or another group has it
     */
    public Builder group(String name, Predicate<NetworkParam> selection) {
      new GroupNames(starts).requireNew(GroupNames.requireName(name));
      selections.add(selection);
      starts.add(GroupStart.named(name));
      return this;
    }

    /**
     * Sets the rate that the last group starts with.
     *
     * @param lr finite and {@code >= 0}; default is the rate of its updaters, which must be one
     * @return this builder
     * @throws IllegalArgumentException if the rate is out of its range
     * @throws IllegalStateException if there is no group yet
     */
    public Builder lr(double lr) {
      requireLr(lr);
      int last = requireGroup("lr");
      GroupStart start = starts.get(last);
      starts.set(last, new GroupStart(start.name(), lr, start.momentum(), start.weightDecay()));
      return this;
    }

    /**
     * Sets the momentum that the last group starts with, or beta1 if its updaters have that.
     *
     * @param momentum finite and {@code >= 0}, a beta1 also {@code < 1}, as {@link #build()}
     *     checks; default is that of its updaters
     * @return this builder
     * @throws IllegalArgumentException if the momentum is not finite
     * @throws IllegalStateException if there is no group yet
     */
    public Builder momentum(double momentum) {
      if (!Double.isFinite(momentum)) {
        throw new IllegalArgumentException("momentum must be finite but was " + momentum);
      }
      int last = requireGroup("momentum");
      GroupStart start = starts.get(last);
      starts.set(last, new GroupStart(start.name(), start.lr(), momentum, start.weightDecay()));
      return this;
    }

    /**
     * Sets the weight decay that the last group starts with. It is decoupled, as in AdamW, for
     * {@code TorchAdamW} and in layers that have a {@code WeightDecay} of DL4J; otherwise it is
     * part of the gradient. Other regularization, like L1, stays.
     *
     * @param weightDecay finite and {@code >= 0}; default is what its layers have
     * @return this builder
     * @throws IllegalArgumentException if the decay is out of its range
     * @throws IllegalStateException if there is no group yet
     */
    public Builder weightDecay(double weightDecay) {
      requireWeightDecay(weightDecay);
      int last = requireGroup("weightDecay");
      GroupStart start = starts.get(last);
      starts.set(last, new GroupStart(start.name(), start.lr(), start.momentum(), weightDecay));
      return this;
    }

    private int requireGroup(String setting) {
      if (starts.isEmpty()) {
        throw new IllegalStateException(
            setting + " must follow the group(selection) that it is for");
      }
      return starts.size() - 1;
    }

    /**
     * Freezes parameters: nothing but a weight decay that does not follow the rate moves them, and
     * their updaters' state stays as it is, until {@link NetworkParamGroups#unfreeze(Predicate,
     * double)} puts them into a group. They are in no group, so no run reaches them. May be called
     * several times.
     *
     * @param selection which parameters, besides those frozen already; none that a constraint of
     *     its layer changes
     * @return this builder
     */
    public Builder frozen(Predicate<NetworkParam> selection) {
      frozen.add(selection);
      return this;
    }

    /**
     * Makes the groups.
     *
     * @return the groups, in the order in which they were added
     * @throws IllegalStateException if updaters were changed by hand in a way that the network does
     *     not follow
     * @throws IllegalArgumentException if a parameter is in no group or in two, a group or what is
     *     frozen has no parameter with a learning rate, a group has more than one rate and is given
     *     none, or one that follows a schedule of its own, or is given a momentum that its updaters
     *     do not have or take, or a weight decay that DL4J does not apply to them, a constraint
     *     changes what is frozen, or DL4J cannot update the groups apart; the network is left as it
     *     was
     */
    public NetworkParamGroups build() {
      InLayers.requireKnown(net, selections);
      InLayers.requireKnown(net, frozen);
      GroupNames names = new GroupNames(starts);
      return make(net, new GroupChoice(selections, frozen, names)::groups, starts);
    }
  }
}
