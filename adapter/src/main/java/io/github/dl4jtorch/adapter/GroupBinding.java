package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.LrCell;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.internal.UpdateWatch;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.schedules.ParamGroup;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * Which updaters of a network belong to which param group. Finds them again whenever the network
 * has built them anew, and parts them again where it has joined groups.
 */
final class GroupBinding {

  private final Model net;
  private final List<NetworkParam> named;
  private final GroupNames names;
  private final UpdateWatch watch = new UpdateWatch();
  private final BitSet rescaling = new BitSet();
  private final List<ParamGroup> values = new ArrayList<>();
  private int[] groups;
  private UpdaterBlocks blocks;
  private List<Members> members;

  /**
   * Binds a network's parameters to their groups.
   *
   * @param groups the group of each parameter; of no meaning for one without a rate
   * @param starts what each group starts with
   * @param isUntrained whether the updaters have no state yet that could be lost
   * @throws IllegalArgumentException if that cannot be done; nothing is changed
   */
  GroupBinding(
      Model net, UpdaterBlocks blocks, int[] groups, List<GroupStart> starts, boolean isUntrained) {
    this.net = net;
    this.groups = groups;
    this.named = UpdaterSlots.named(blocks);
    this.names = new GroupNames(starts);
    this.blocks = blocks;
    this.members = Members.ofAll(blocks, groups, names);
    for (int group = 0; group < members.size(); group++) {
      String complaint = complaint(group, starts.get(group));
      if (complaint != null) {
        throw new IllegalArgumentException(complaint);
      }
    }
    String foreign = frozen().foreignSchedule();
    if (foreign != null) {
      throw new IllegalArgumentException(foreign);
    }
    requireUnconstrained(blocks.params(), groups);
    for (int i = 0; i < groups.length; i++) {
      if (!blocks.params().get(i).hasRate()) {
        groups[i] = GroupChoice.NO_GROUP;
      }
    }
    if (mustPart(blocks)) {
      part(blocks, isUntrained);
    }
    keepState();
    freeze();
    this.blocks.stopAtZero(null);
    this.blocks.watch(watch);
  }

  /** Makes the state go along when the network's rates are set by DL4J. */
  private void keepState() {
    UpdaterBlocks keeping = blocks.keepingState();
    if (keeping != blocks) {
      members = Members.ofAll(keeping, groups, names);
      blocks = keeping;
    }
  }

  /** Writes the values of the next group, so that they are in our cells, and returns them. */
  ParamGroup takeOver(GroupStart start) {
    int number = values.size();
    ParamGroup group = ParamGroup.over(new NetworkGroup(() -> members(number), start));
    values.add(group);
    if (!Double.isNaN(start.weightDecay())) {
      decay(number).set(start.weightDecay());
    }
    return group;
  }

  /** Returns the weight decay of a group as the network has it at present. */
  double weightDecay(int group) {
    refresh();
    return decay(group).get(new LiveNetwork(net));
  }

  /**
   * Sets the weight decay of a group.
   *
   * @throws IllegalArgumentException if its layers cannot have it; nothing is changed
   */
  void setWeightDecay(int group, double weightDecay) {
    refresh();
    String complaint = complaintOfDecay(group, weightDecay);
    if (complaint != null) {
      throw new IllegalArgumentException(complaint);
    }
    decay(group).set(weightDecay);
  }

  private GroupDecay decay(int group) {
    return new GroupDecay(blocks.params(), groups, group);
  }

  private @Nullable String complaintOfDecay(int group, double weightDecay) {
    String complaint = Double.isNaN(weightDecay) ? null : decay(group).complaint(weightDecay);
    return complaint == null
        ? null
        : names.of(group) + " is to have a weight decay of " + weightDecay + ", but " + complaint;
  }

  /** Returns what the groups are called. */
  GroupNames names() {
    return names;
  }

  /** Returns the values of all groups that were taken over. */
  List<ParamGroup> values() {
    return values;
  }

  /**
   * Makes a group of frozen parameters.
   *
   * @return the number of the new group, to be taken over next with that start
   * @throws IllegalArgumentException if another parameter or none is selected, or that cannot be
   *     done; nothing is changed
   */
  int unfreeze(Predicate<NetworkParam> selection, GroupStart start) {
    refresh();
    names.requireNew(start.name());
    int added = members.size();
    int[] wanted = groups.clone();
    boolean isEmpty = true;
    for (int i = 0; i < wanted.length; i++) {
      if (wanted[i] != GroupChoice.NO_GROUP && selection.test(named.get(i))) {
        if (wanted[i] != GroupChoice.FROZEN) {
          throw new IllegalArgumentException(
              named.get(i)
                  + " must be frozen to come into a new param group but is in "
                  + names.shortened(wanted[i]));
        }
        wanted[i] = added;
        isEmpty = false;
      }
    }
    if (isEmpty) {
      throw new IllegalArgumentException(
          "a new param group must have a frozen parameter but selects none of "
              + params(GroupChoice.FROZEN));
    }
    int[] formerGroups = groups;
    List<Members> formerMembers = members;
    UpdaterBlocks former = blocks;
    OpenedLayers opened = OpenedLayers.of(net, blocks.params(), wanted);
    try {
      groups = wanted;
      blocks = opened.isEmpty() ? blocks : new UpdaterBlocks(net);
      members = Members.ofAll(blocks, groups, names);
      String complaint = complaint(added, start);
      if (complaint != null) {
        throw new IllegalArgumentException(complaint);
      }
      if (mustPart(blocks)) {
        part(blocks, false);
      }
    } catch (RuntimeException refused) {
      groups = formerGroups;
      members = formerMembers;
      blocks = former;
      opened.undo();
      throw refused;
    }
    names.add(start.name());
    keepState();
    freeze();
    stopAndRescale(former);
    return added;
  }

  Model network() {
    return net;
  }

  UpdateWatch watch() {
    return watch;
  }

  /** Returns what is in a group, or frozen. */
  List<NetworkParam> params(int group) {
    List<NetworkParam> params = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] == group) {
        params.add(named.get(i));
      }
    }
    return params;
  }

  private static void requireUnconstrained(List<UpdaterBlocks.Param> params, int[] groups) {
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] == GroupChoice.FROZEN && params.get(i).hasRate()) {
        LayerConstraint constraint =
            UpdaterSlots.constraint(params.get(i).config(), params.get(i).name());
        if (constraint != null) {
          throw new IllegalArgumentException(
              "frozen must not select "
                  + params.get(i)
                  + ", which a "
                  + constraint.getClass().getSimpleName()
                  + " of its layer changes after every update");
        }
      }
    }
  }

  /** Returns the updaters of a group that the network works with at present. */
  Members members(int group) {
    refresh();
    return members.get(group);
  }

  /** Takes up the updaters that the network has built anew, if it has. */
  void refresh() {
    if (!blocks.areCurrent()) {
      bindAgain(new UpdaterBlocks(net));
    }
  }

  /** Makes the velocities of a group's Nesterovs follow the rate from now on. */
  void rescaleVelocity(int group) {
    refresh();
    if (!rescaling.get(group)) {
      rescaling.set(group);
      rescaleAll();
    }
  }

  private void rescaleAll() {
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] >= 0 && rescaling.get(groups[i])) {
        blocks.rescaleVelocity(blocks.params().get(i).block());
      }
    }
  }

  private void stopAndRescale(UpdaterBlocks former) {
    blocks.stopAtZero(former);
    blocks.watch(watch);
    rescaleAll();
  }

  /** Tells whether a group has a velocity. */
  boolean hasVelocity(int group) {
    return members(group).hasVelocity();
  }

  private void bindAgain(UpdaterBlocks present) {
    UpdaterBlocks former = blocks;
    requireSameParams(present.params());
    List<Members> found = Members.ofAll(present, groups, names);
    for (int group = 0; group < found.size(); group++) {
      if (found.get(group).isEmpty()) {
        throw new IllegalStateException(noRate(present, group));
      }
    }
    if (mustPart(present)) {
      for (int group = 0; group < found.size(); group++) {
        String complaint = found.get(group).foreignSchedule();
        if (complaint != null) {
          throw new IllegalStateException(complaint);
        }
      }
      part(present, false);
    } else {
      members = found;
      blocks = present;
    }
    keepState();
    freeze();
    stopAndRescale(former);
  }

  private void requireSameParams(List<UpdaterBlocks.Param> present) {
    boolean isSame = present.size() == groups.length;
    for (int i = 0; isSame && i < groups.length; i++) {
      isSame = present.get(i).toString().equals(named.get(i).toString());
      if (groups[i] == GroupChoice.NO_GROUP && present.get(i).hasRate()) {
        throw new IllegalStateException(
            present.get(i)
                + " has a learning rate now but is in no param group: make the groups anew");
      }
    }
    if (!isSame) {
      throw new IllegalStateException(
          "the network has other parameters than when its param groups were made: make them anew");
    }
  }

  /** Lets the updaters of frozen parameters keep their rates for later. */
  private void freeze() {
    frozen().keepRates();
  }

  private Members frozen() {
    return new Members(blocks, groups, GroupChoice.FROZEN, names);
  }

  /**
   * Tells whether DL4J updates parameters of several groups together, or could come to do so, or
   * does not know what is frozen.
   */
  private boolean mustPart(UpdaterBlocks blocks) {
    IdentityHashMap<IUpdater, Integer> seen = new IdentityHashMap<>();
    int block = -1;
    int groupOfBlock = GroupChoice.NO_GROUP;
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = blocks.params().get(i);
      if (param.hasRate()) {
        Integer known = seen.putIfAbsent(param.updater(), groups[i]);
        if ((groups[i] == GroupChoice.FROZEN) != (param.updater() instanceof FrozenUpdater)
            || (known != null && known != groups[i])
            || (param.block() == block && groupOfBlock != groups[i])) {
          return true;
        }
        block = param.block();
        groupOfBlock = groups[i];
      }
    }
    return false;
  }

  /** Gives the groups updaters of their own, and the network blocks that go by them. */
  private void part(UpdaterBlocks joined, boolean isUntrained) {
    if (!isUntrained) {
      requireKnownState(joined.params());
    }
    List<UpdaterBlocks.Param> before = joined.params();
    double[] rates = before.stream().mapToDouble(param -> joined.rate(param.updater())).toArray();
    double[] velocityLrs = before.stream().mapToDouble(joined::velocityLr).toArray();
    UpdaterSlots.part(before, groups, names);
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = before.get(i);
      if (param.hasRate()) {
        LrCell cell = LrCell.inPlaceOf(param.updater(), groups[i], param.family());
        cell.set(rates[i]);
        cell.setVelocityLr(velocityLrs[i]);
        param.config().getUpdaterByParam(param.name()).setLrAndSchedule(Double.NaN, cell);
      }
    }
    if (isUntrained) {
      NetworkUpdater.discard(net);
    } else {
      joined.rebuild();
    }
    blocks = new UpdaterBlocks(net);
    members = Members.ofAll(blocks, groups, names);
  }

  /** Refuses to part a block whose updater has a state of a form that is not known here. */
  private void requireKnownState(List<UpdaterBlocks.Param> params) {
    for (int i = 1; i < groups.length; i++) {
      UpdaterBlocks.Param param = params.get(i);
      IUpdater updater = param.updater();
      if (param.hasRate()
          && param.block() == params.get(i - 1).block()
          && groups[i] != groups[i - 1]
          && !UpdaterFields.hasKnownState(updater)) {
        throw new IllegalArgumentException(
            names.pair(groups[i - 1], groups[i])
                + " part "
                + params.get(i - 1)
                + " from "
                + param
                + ", which share a state in a form that only their updater knows: "
                + updater
                + "; make the groups right after net.init()");
      }
    }
  }

  private @Nullable String complaint(int group, GroupStart start) {
    Members updaters = members.get(group);
    String complaint = updaters.isEmpty() ? noRate(blocks, group) : updaters.complaint(start);
    return complaint == null ? complaintOfDecay(group, start.weightDecay()) : complaint;
  }

  private String noRate(UpdaterBlocks blocks, int group) {
    Set<String> kinds = new TreeSet<>();
    boolean none = true;
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = blocks.params().get(i);
      none &= !param.hasRate();
      if (groups[i] == group) {
        kinds.add(param.updater().getClass().getSimpleName());
      }
    }
    return (none ? "the network" : names.of(group))
        + " must have a parameter with a learning rate but has only updaters without: "
        + kinds.stream().collect(Collectors.joining(", ", "[", "]"));
  }
}
