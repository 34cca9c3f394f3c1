package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OptimizerValues;
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
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * The live updaters of one param group. Reads always go to the updaters, so changes by others are
 * seen; writes go to all of them.
 */
final class NetworkGroup implements OptimizerValues {

  /** How far below 0, as a share of a normal rate, counts as rounding. */
  static final double ROUNDING = 1e-12;

  private final Model net;
  private final int index;
  private final MomentumKind momentumKind;
  private UpdaterBlocks blocks;
  private List<Member> members;
  // A run may end a rounding error below 0 and goes on from there, but an updater gets 0.
  private double exactLr;
  private double writtenLr;
  private double highestLr;

  /** One updater object of the group, named after its first parameter. */
  private record Member(IUpdater updater, String param, LrCell cell) {}

  /**
   * Takes over the updaters of a network.
   *
   * @throws IllegalArgumentException if they do not make one group; nothing is changed
   */
  NetworkGroup(Model net, int index) {
    this.net = net;
    this.index = index;
    this.blocks = new UpdaterBlocks(net);
    this.members = members(blocks);
    String complaint = complaint();
    if (complaint != null) {
      throw new IllegalArgumentException(complaint);
    }
    this.momentumKind = commonMomentumKind();
    setLr(rate(members.get(0)));
  }

  private List<Member> members(UpdaterBlocks blocks) {
    List<Member> members = new ArrayList<>();
    Map<Integer, LrCell> cells = new LinkedHashMap<>();
    Set<IUpdater> known = Collections.newSetFromMap(new IdentityHashMap<>());
    for (UpdaterBlocks.Param param : blocks.params()) {
      IUpdater updater = param.updater();
      if (updater.hasLearningRate() && known.add(updater)) {
        LrCell cell =
            cells.computeIfAbsent(param.block(), block -> new LrCell(index, block, Double.NaN));
        members.add(new Member(updater, param.toString(), cell));
      }
    }
    return members;
  }

  /** Says what keeps the updaters from being one group with one rate, null if nothing does. */
  private @Nullable String complaint() {
    if (members.isEmpty()) {
      return noRate(blocks);
    }
    double lr = rate(members.get(0));
    for (Member member : members) {
      ISchedule schedule = UpdaterFields.schedule(member.updater);
      if (schedule != null && !(schedule instanceof LrCell)) {
        return "param group "
            + index
            + " must set the learning rate of "
            + member.param
            + ", but that follows "
            + schedule
            + "; use one or the other";
      }
      if (Double.compare(rate(member), lr) != 0) {
        return "param group "
            + index
            + " must have one learning rate but has "
            + lr
            + " in "
            + members.get(0).param
            + " and "
            + rate(member)
            + " in "
            + member.param;
      }
    }
    if (!(lr >= 0 && lr < Double.POSITIVE_INFINITY)) {
      return "the learning rate of "
          + members.get(0).param
          + " must be finite and >= 0 but was "
          + lr;
    }
    return null;
  }

  private static String noRate(UpdaterBlocks blocks) {
    Set<String> kinds =
        blocks.params().stream()
            .map(param -> param.updater().getClass().getSimpleName())
            .collect(Collectors.toCollection(TreeSet::new));
    return "the network must have a parameter with a learning rate but has only updaters without: "
        + kinds;
  }

  /** Several updaters have a momentum in common only if it is the same kind and value. */
  private MomentumKind commonMomentumKind() {
    IUpdater first = members.get(0).updater;
    MomentumKind kind = UpdaterFields.momentumKind(first);
    for (Member member : members) {
      if (UpdaterFields.momentumKind(member.updater) != kind
          || Double.compare(UpdaterFields.momentum(member.updater), UpdaterFields.momentum(first))
              != 0) {
        return MomentumKind.NONE;
      }
    }
    return kind;
  }

  private double rate(Member member) {
    return blocks.rate(member.updater);
  }

  /** Finds the updaters again if the network has built them anew. */
  private void refresh() {
    if (!blocks.areCurrent()) {
      UpdaterBlocks present = new UpdaterBlocks(net);
      List<Member> found = members(present);
      if (found.isEmpty()) {
        throw new IllegalStateException(noRate(present));
      }
      members = found;
      blocks = present;
    }
  }

  @Override
  public double lr() {
    refresh();
    String complaint = complaint();
    if (complaint != null) {
      throw new IllegalStateException(complaint);
    }
    double live = rate(members.get(0));
    return live == writtenLr ? exactLr : live;
  }

  @Override
  public void setLr(double lr) {
    refresh();
    exactLr = lr;
    writtenLr = lr > 0 ? lr : 0.0;
    highestLr = Math.max(highestLr, writtenLr);
    for (Member member : members) {
      member.cell.set(writtenLr);
      // The rate itself goes into the cell alone, see there.
      member.updater.setLrAndSchedule(Double.NaN, member.cell);
    }
  }

  @Override
  public double lowestLr() {
    return -ROUNDING * highestLr;
  }

  @Override
  public MomentumKind momentumKind() {
    return momentumKind;
  }

  @Override
  public double momentum() {
    refresh();
    double momentum = UpdaterFields.momentum(members.get(0).updater);
    for (Member member : members) {
      if (Double.compare(UpdaterFields.momentum(member.updater), momentum) != 0) {
        throw new IllegalStateException(
            "param group "
                + index
                + " must have one momentum but has "
                + momentum
                + " in "
                + members.get(0).param
                + " and "
                + UpdaterFields.momentum(member.updater)
                + " in "
                + member.param);
      }
    }
    return momentum;
  }

  @Override
  public void setMomentum(double momentum) {
    refresh();
    for (Member member : members) {
      UpdaterFields.setMomentum(member.updater, momentum);
    }
  }
}
