package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LrCell;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.schedules.MomentumKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * The updaters of one param group, or of what is frozen, that the network works with at present.
 * Reads always go to the updaters, so changes by others are seen; writes go to all of them. Loops
 * of every iteration are without iterators, so that nothing is allocated.
 */
final class Members {

  /** One updater object, named after its first parameter. */
  private record Member(IUpdater updater, UpdaterBlocks.Param param, LrCell cell) {}

  private final UpdaterBlocks blocks;
  private final String name;
  private final List<Member> members = new ArrayList<>();

  /**
   * Finds the updaters of a group.
   *
   * @param groups the group of each parameter
   * @param names what the groups are called
   */
  Members(UpdaterBlocks blocks, int[] groups, int group, GroupNames names) {
    this.blocks = blocks;
    this.name = names.of(group);
    Map<Integer, LrCell> cells = new HashMap<>();
    Set<IUpdater> known = Collections.newSetFromMap(new IdentityHashMap<>());
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = blocks.params().get(i);
      if (groups[i] == group && param.hasRate() && known.add(param.updater())) {
        LrCell cell =
            cells.computeIfAbsent(
                param.family(), family -> LrCell.inPlaceOf(param.updater(), group, family));
        members.add(new Member(FrozenUpdater.unfrozen(param.updater()), param, cell));
      }
    }
  }

  /** Finds the updaters of all groups but the frozen one. */
  static List<Members> ofAll(UpdaterBlocks blocks, int[] groups, GroupNames names) {
    int size = Arrays.stream(groups).max().orElse(GroupChoice.NO_GROUP) + 1;
    List<Members> members = new ArrayList<>();
    for (int group = 0; group < size; group++) {
      members.add(new Members(blocks, groups, group, names));
    }
    return members;
  }

  boolean isEmpty() {
    return members.isEmpty();
  }

  /** Tells whether an updater has a velocity. */
  boolean hasVelocity() {
    return members.stream().anyMatch(member -> member.updater instanceof Nesterovs);
  }

  /** Returns the rate of the first updater, which is that of all unless there is a complaint. */
  double lr() {
    return rate(members.get(0));
  }

  private double rate(Member member) {
    return blocks.rate(member.updater);
  }

  @SuppressWarnings("ReferenceEquality") // Cells that are equal may hold different rates.
  void setLr(double lr) {
    boolean isNew = false;
    for (int i = 0; i < members.size(); i++) {
      IUpdater updater = members.get(i).updater;
      LrCell cell = members.get(i).cell;
      cell.set(lr);
      if (UpdaterFields.schedule(updater) != cell) {
        // The rate itself goes into the cell alone, see there.
        updater.setLrAndSchedule(Double.NaN, cell);
        isNew = true;
      }
    }
    if (isNew) {
      blocks.recordVelocityLr();
    }
  }

  /** Notes in the cells that a listener steps a run which sets the rate. */
  void drive() {
    for (int i = 0; i < members.size(); i++) {
      members.get(i).cell.drive();
    }
  }

  /** Puts cells into the updaters of frozen parameters, which keep their rates for later. */
  void keepRates() {
    for (Member member : members) {
      member.cell.set(rate(member));
      member.updater.setLrAndSchedule(Double.NaN, member.cell);
    }
  }

  /** Several updaters have a momentum in common only if it is the same kind and value. */
  MomentumKind momentumKind() {
    double momentum = UpdaterFields.momentum(members.get(0).updater);
    for (Member member : members) {
      if (Double.compare(UpdaterFields.momentum(member.updater), momentum) != 0) {
        return MomentumKind.NONE;
      }
    }
    return commonKind();
  }

  /** Returns the kind of momentum that all updaters have, so that all could be given the same. */
  private MomentumKind commonKind() {
    MomentumKind kind = UpdaterFields.momentumKind(members.get(0).updater);
    boolean isCommon =
        members.stream().allMatch(member -> UpdaterFields.momentumKind(member.updater) == kind);
    return isCommon ? kind : MomentumKind.NONE;
  }

  /** Names two updaters that have no momentum in common, if there are any with one. */
  String insteadOfMomentum() {
    Member first = members.get(0);
    for (Member member : members) {
      if (UpdaterFields.hasScheduledMomentum(member.updater)) {
        return "a momentum that follows a schedule of its own in " + member.param;
      }
      if (!ofMomentum(member).equals(ofMomentum(first))) {
        return ofMomentum(first)
            + " in "
            + first.param
            + " but "
            + ofMomentum(member)
            + " in "
            + member.param;
      }
    }
    return "neither momentum nor beta1";
  }

  private static String ofMomentum(Member member) {
    double momentum = UpdaterFields.momentum(member.updater);
    return switch (UpdaterFields.momentumKind(member.updater)) {
      case MOMENTUM -> "a momentum of " + momentum;
      case BETA1 -> "a beta1 of " + momentum;
      case NONE -> "none";
    };
  }

  /**
   * Returns the momentum of all updaters.
   *
   * @throws IllegalStateException if they were made to differ
   */
  double momentum() {
    Member first = members.get(0);
    double momentum = UpdaterFields.momentum(first.updater);
    for (int i = 1; i < members.size(); i++) {
      Member member = members.get(i);
      if (Double.compare(UpdaterFields.momentum(member.updater), momentum) != 0) {
        throw new IllegalStateException(
            name
                + " must have one momentum but has "
                + momentum
                + " in "
                + first.param
                + " and "
                + UpdaterFields.momentum(member.updater)
                + " in "
                + member.param);
      }
    }
    return momentum;
  }

  /** Says which range an updater wants a momentum in that it does not take, null if all take it. */
  @Nullable String momentumRange(double momentum) {
    for (int i = 0; i < members.size(); i++) {
      String range = UpdaterFields.momentumRange(members.get(i).updater, momentum);
      if (range != null) {
        return range;
      }
    }
    return null;
  }

  void setMomentum(double momentum) {
    for (int i = 0; i < members.size(); i++) {
      UpdaterFields.setMomentum(members.get(i).updater, momentum);
    }
  }

  /** Says what keeps the updaters, of which there is one, from having one rate. */
  @Nullable String complaint() {
    return complaint(GroupStart.AS_IT_IS);
  }

  /**
   * Says what keeps the updaters, of which there is one, from starting like this, null if nothing
   * does.
   */
  @Nullable String complaint(GroupStart start) {
    String schedule = foreignSchedule();
    if (schedule != null) {
      return schedule;
    }
    String momentum = Double.isNaN(start.momentum()) ? null : complaint(start.momentum());
    if (momentum != null) {
      return name + " is to have a momentum of " + start.momentum() + ", but " + momentum;
    }
    return Double.isNaN(start.lr()) ? complaintOfRates() : null;
  }

  private @Nullable String complaint(double momentum) {
    return commonKind() == MomentumKind.NONE
        ? "has " + insteadOfMomentum()
        : momentumRange(momentum);
  }

  private @Nullable String complaintOfRates() {
    Member first = members.get(0);
    double lr = rate(first);
    for (int i = 1; i < members.size(); i++) {
      Member member = members.get(i);
      if (Double.compare(rate(member), lr) != 0) {
        return name
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

  /** Says which updater has a schedule of its own, null if none has. */
  @Nullable String foreignSchedule() {
    for (int i = 0; i < members.size(); i++) {
      Member member = members.get(i);
      ISchedule schedule = UpdaterFields.schedule(member.updater);
      if (schedule != null && !(schedule instanceof LrCell)) {
        return name
            + " must set the learning rate of "
            + member.param
            + ", but that follows "
            + schedule
            + "; to push one, first give it a fixed rate, with net.setLearningRate(lr)";
      }
    }
    return null;
  }
}
