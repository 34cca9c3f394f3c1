package io.github.dl4jtorch.adapter;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Model;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * Which updaters of a network belong to which param group. Finds them again whenever the network
 * has built them anew, and parts them again where it has joined groups.
 */
final class GroupBinding {

  /** Stands for the group of a parameter that is in none. */
  static final int NO_GROUP = -1;

  /** One updater object of a group, named after its first parameter. */
  record Member(IUpdater updater, UpdaterBlocks.Param param, LrCell cell) {}

  private final Model net;
  private final List<NetworkParam> named;
  private final int[] groups;
  private UpdaterBlocks blocks;
  private List<List<Member>> members;
  private boolean isRescaling;

  /**
   * Binds a network's parameters to their groups.
   *
   * @param groups the group of each parameter; of no meaning for one without a rate
   * @param isUntrained whether the updaters have no state yet that could be lost
   * @throws IllegalArgumentException if that cannot be done; nothing is changed
   */
  GroupBinding(Model net, UpdaterBlocks blocks, int[] groups, boolean isUntrained) {
    this.net = net;
    this.groups = groups;
    this.named = blocks.params().stream().map(UpdaterBlocks.Param::named).toList();
    this.blocks = blocks;
    this.members = members(blocks);
    for (int group = 0; group < members.size(); group++) {
      String complaint = complaint(group);
      if (complaint != null) {
        throw new IllegalArgumentException(complaint);
      }
    }
    for (int i = 0; i < groups.length; i++) {
      if (!blocks.params().get(i).hasRate()) {
        groups[i] = NO_GROUP;
      }
    }
    if (mustPart(blocks)) {
      part(blocks, isUntrained);
    }
    this.blocks.stopAtZero(null);
  }

  /** Returns the values of the groups after writing them, so that they are in our cells. */
  List<NetworkGroup> takeOver() {
    List<NetworkGroup> values = new ArrayList<>();
    for (int group = 0; group < members.size(); group++) {
      values.add(new NetworkGroup(this, group));
    }
    return values;
  }

  Model network() {
    return net;
  }

  List<NetworkParam> params(int group) {
    if (group < 0 || group >= members.size()) {
      throw new IndexOutOfBoundsException(
          "group must be >= 0 and < " + members.size() + " but was " + group);
    }
    List<NetworkParam> params = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] == group) {
        params.add(named.get(i));
      }
    }
    return params;
  }

  /** Returns the updaters of a group that the network works with at present. */
  List<Member> members(int group) {
    refresh();
    return members.get(group);
  }

  /** Takes up the updaters that the network has built anew, if it has. */
  void refresh() {
    if (!blocks.areCurrent()) {
      bindAgain(new UpdaterBlocks(net));
    }
  }

  /** Makes the velocities of all Nesterovs follow the rate from now on. */
  void rescaleVelocity() {
    refresh();
    if (!isRescaling) {
      isRescaling = true;
      blocks.rescaleVelocity();
    }
  }

  /** Tells whether there is a velocity. */
  boolean hasVelocity() {
    refresh();
    return members.stream()
        .flatMap(List::stream)
        .anyMatch(member -> member.updater instanceof Nesterovs);
  }

  private void bindAgain(UpdaterBlocks present) {
    UpdaterBlocks former = blocks;
    requireSameParams(present.params());
    List<List<Member>> found = members(present);
    for (int group = 0; group < found.size(); group++) {
      if (found.get(group).isEmpty()) {
        throw new IllegalStateException(noRate(present, group));
      }
    }
    if (mustPart(present)) {
      for (int group = 0; group < found.size(); group++) {
        String complaint = foreignSchedule(group, found.get(group));
        if (complaint != null) {
          throw new IllegalStateException(complaint);
        }
      }
      part(present, false);
    } else {
      members = found;
      blocks = present;
    }
    blocks.stopAtZero(former);
    if (isRescaling) {
      blocks.rescaleVelocity();
    }
  }

  private void requireSameParams(List<UpdaterBlocks.Param> present) {
    boolean isSame = present.size() == groups.length;
    for (int i = 0; isSame && i < groups.length; i++) {
      isSame = present.get(i).toString().equals(named.get(i).toString());
      if (groups[i] == NO_GROUP && present.get(i).hasRate()) {
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

  private List<List<Member>> members(UpdaterBlocks blocks) {
    List<List<Member>> members = new ArrayList<>();
    for (int group : groups) {
      while (members.size() <= group) {
        members.add(new ArrayList<>());
      }
    }
    Map<List<Integer>, LrCell> cells = new LinkedHashMap<>();
    List<Set<IUpdater>> known = new ArrayList<>();
    members.forEach(group -> known.add(Collections.newSetFromMap(new IdentityHashMap<>())));
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = blocks.params().get(i);
      int group = groups[i];
      if (param.hasRate() && known.get(group).add(param.updater())) {
        LrCell cell =
            cells.computeIfAbsent(
                List.of(group, param.family()),
                key ->
                    new LrCell(
                        group, param.family(), Double.NaN, LrCell.velocityLr(param.updater())));
        members.get(group).add(new Member(param.updater(), param, cell));
      }
    }
    return members;
  }

  /** Tells whether DL4J updates parameters of several groups together, or could come to do so. */
  private boolean mustPart(UpdaterBlocks blocks) {
    IdentityHashMap<IUpdater, Integer> seen = new IdentityHashMap<>();
    int block = -1;
    int groupOfBlock = NO_GROUP;
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = blocks.params().get(i);
      if (param.hasRate()) {
        Integer known = seen.putIfAbsent(param.updater(), groups[i]);
        if ((known != null && known != groups[i])
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
    UpdaterSlots.part(before, groups);
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = before.get(i);
      if (param.hasRate()) {
        param
            .config()
            .getUpdaterByParam(param.name())
            .setLrAndSchedule(
                Double.NaN,
                new LrCell(
                    groups[i], param.family(), rates[i], LrCell.velocityLr(param.updater())));
      }
    }
    if (isUntrained) {
      UpdaterBlocks.discard(net);
    } else {
      joined.rebuild();
    }
    blocks = new UpdaterBlocks(net);
    members = members(blocks);
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
            "param groups "
                + groups[i - 1]
                + " and "
                + groups[i]
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

  double rate(Member member) {
    return blocks.rate(member.updater);
  }

  /** Says what keeps the updaters of a group from having one rate, null if nothing does. */
  @Nullable String complaint(int group) {
    List<Member> updaters = members.get(group);
    if (updaters.isEmpty()) {
      return noRate(blocks, group);
    }
    String schedule = foreignSchedule(group, updaters);
    if (schedule != null) {
      return schedule;
    }
    Member first = updaters.get(0);
    double lr = rate(first);
    for (Member member : updaters) {
      if (Double.compare(rate(member), lr) != 0) {
        return "param group "
            + group
            + " must have one learning rate but has "
            + lr
            + " in "
            + first.param
            + " and "
            + rate(member)
            + " in "
            + member.param;
      }
    }
    if (lr >= 0 && lr < Double.POSITIVE_INFINITY) {
      return null;
    }
    String lost =
        first.updater instanceof AdaGrad && Double.isNaN(lr)
            ? ", since DL4J loses the schedule of an AdaGrad that is set for the whole network: set"
                + " new AdaGrad(lr) there, and attach a schedule to the param groups"
            : "";
    return "the learning rate of " + first.param + " must be finite and >= 0 but was " + lr + lost;
  }

  private static @Nullable String foreignSchedule(int group, List<Member> updaters) {
    for (Member member : updaters) {
      ISchedule schedule = UpdaterFields.schedule(member.updater);
      if (schedule != null && !(schedule instanceof LrCell)) {
        return "param group "
            + group
            + " must set the learning rate of "
            + member.param
            + ", but that follows "
            + schedule
            + "; use one or the other";
      }
    }
    return null;
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
    return (none ? "the network" : "param group " + group)
        + " must have a parameter with a learning rate but has only updaters without: "
        + kinds.stream().collect(Collectors.joining(", ", "[", "]"));
  }
}
