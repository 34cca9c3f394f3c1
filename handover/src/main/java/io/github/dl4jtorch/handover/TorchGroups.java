package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.NeuralNetwork;

/**
 * PyTorch's param groups, for networks with recurrent layers.
 *
 * <p>PyTorch has two biases in an LSTM or RNN, and what acts is their sum, which is the one bias of
 * DL4J. Both have the same gradient, so under SGD and Adam without weight decay the sum moves by
 * twice what each of them does. These groups give such biases the double rate: each group that has
 * some gives them up to a group of their own, behind all others. {@link TorchTraining} knows these
 * groups, and takes and gives PyTorch's state as if they were not there.
 *
 * <p>Not the same are: weight decay, which sees the sum instead of each bias; the norm of all
 * gradients, where the bias counts once and not twice; a lower bound of the rate, which a schedule
 * must give per group. Networks without recurrent layers get PyTorch's groups.
 *
 * <pre>{@code
 * NetworkParamGroups groups = TorchGroups.of(net);
 * LRScheduler run = ReduceLROnPlateau.builder().factor(0.3).build().attach(groups);
 * }</pre>
 */
public final class TorchGroups {

  /** How much faster the sum of two biases moves than each of them. */
  static final int TWICE = 2;

  private TorchGroups() {}

  /**
   * Makes the groups that are chosen, or one group of all parameters if none is.
   *
   * @param net the network, initialised
   * @param groups which parameters each of PyTorch's groups has
   * @return the groups, in this order, and behind them one for the recurrent biases of each group
   *     that has some, at twice its rate
   * @throws IllegalStateException if the network is not initialised
   * @throws IllegalArgumentException as {@code NetworkParamGroups.of} throws it
   */
  @SafeVarargs
  @SuppressWarnings("varargs") // The array is only read.
  public static NetworkParamGroups of(NeuralNetwork net, Predicate<NetworkParam>... groups) {
    Predicate<NetworkParam> summed = summedBiases(net);
    List<Predicate<NetworkParam>> wanted =
        groups.length == 0 ? List.of(param -> true) : List.of(groups);
    List<NetworkParam> all = NetworkParam.of(net);
    List<Integer> giving = new ArrayList<>();
    NetworkParamGroups.Builder builder = NetworkParamGroups.builder(net);
    for (int group = 0; group < wanted.size(); group++) {
      Predicate<NetworkParam> selection = wanted.get(group);
      builder = builder.group(selection.and(summed.negate()));
      if (all.stream().anyMatch(selection.and(summed))) {
        giving.add(group);
      }
    }
    for (int group : giving) {
      builder = builder.group(nameOfSummed(group), wanted.get(group).and(summed));
    }
    NetworkParamGroups made = builder.build();
    for (int i = 0; i < giving.size(); i++) {
      made.get(wanted.size() + i).setLr(TWICE * made.get(giving.get(i)).lr());
    }
    return made;
  }

  /** Returns what the group of the recurrent biases of one of PyTorch's groups is called. */
  static String nameOfSummed(int group) {
    return "recurrent biases of param group " + group;
  }

  /**
   * Selects the biases that are the sum of two in PyTorch: those of LSTM and SimpleRnn layers.
   *
   * @param net the network, initialised
   * @return true for such a bias
   * @throws IllegalStateException if the network is not initialised
   */
  public static Predicate<NetworkParam> summedBiases(NeuralNetwork net) {
    NetworkParams params = NetworkParams.of(net);
    Set<NetworkParam> summed = new HashSet<>();
    for (Twins.OfLayer layer : Twins.of(net)) {
      for (Twin twin : layer.twins()) {
        if (twin.isSummed()) {
          summed.add(params.named(twin.offset()));
        }
      }
    }
    return summed::contains;
  }
}
