package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.GroupBinding.Member;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OptimizerValues;
import java.util.List;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The live values of one param group. Reads always go to the updaters, so changes by others are
 * seen; writes go to all of them. Loops of every iteration are without iterators, so that nothing
 * is allocated.
 */
final class NetworkGroup implements OptimizerValues {

  /** How far below 0, as a share of a normal rate, counts as rounding. */
  static final double ROUNDING = 1e-12;

  private final GroupBinding binding;
  private final int index;
  private final MomentumKind momentumKind;
  // A run may end a rounding error below 0 and goes on from there, but an updater gets 0.
  private double exactLr;
  private double writtenLr;
  private double highestLr;

  /** Takes over the updaters of a group, which must have what the start leaves as it is. */
  NetworkGroup(GroupBinding binding, int index, GroupBinding.Start start) {
    this.binding = binding;
    this.index = index;
    List<Member> members = binding.members(index);
    if (!Double.isNaN(start.momentum())) {
      setMomentum(start.momentum());
    }
    this.momentumKind = commonMomentumKind(members);
    setLr(Double.isNaN(start.lr()) ? binding.rate(members.get(0)) : start.lr());
  }

  /** Several updaters have a momentum in common only if it is the same kind and value. */
  private static MomentumKind commonMomentumKind(List<Member> members) {
    double momentum = UpdaterFields.momentum(members.get(0).updater());
    for (Member member : members) {
      if (Double.compare(UpdaterFields.momentum(member.updater()), momentum) != 0) {
        return MomentumKind.NONE;
      }
    }
    return commonKind(members);
  }

  /** Returns the kind of momentum that all updaters have, so that all could be given the same. */
  static MomentumKind commonKind(List<Member> members) {
    MomentumKind kind = UpdaterFields.momentumKind(members.get(0).updater());
    boolean isCommon =
        members.stream().allMatch(member -> UpdaterFields.momentumKind(member.updater()) == kind);
    return isCommon ? kind : MomentumKind.NONE;
  }

  @Override
  public double lr() {
    List<Member> members = binding.members(index);
    String complaint = binding.complaint(index);
    if (complaint != null) {
      throw new IllegalStateException(complaint);
    }
    double live = binding.rate(members.get(0));
    return live == writtenLr ? exactLr : live;
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // Cells that are equal may hold different rates.
  public void setLr(double lr) {
    List<Member> members = binding.members(index);
    exactLr = lr;
    writtenLr = lr > 0 ? lr : 0.0;
    highestLr = Math.max(highestLr, writtenLr);
    for (int i = 0; i < members.size(); i++) {
      IUpdater updater = members.get(i).updater();
      LrCell cell = members.get(i).cell();
      cell.set(writtenLr);
      if (UpdaterFields.schedule(updater) != cell) {
        cell.setVelocityLr(LrCell.velocityLr(updater));
        // The rate itself goes into the cell alone, see there.
        updater.setLrAndSchedule(Double.NaN, cell);
      }
    }
  }

  @Override
  public double lowestLr() {
    return -ROUNDING * highestLr;
  }

  double highestLr() {
    return highestLr;
  }

  @Override
  public MomentumKind momentumKind() {
    return momentumKind;
  }

  /** Names two updaters that have no momentum in common, if there are any with one. */
  @Override
  public String insteadOfMomentum() {
    return insteadOfMomentum(binding.members(index));
  }

  static String insteadOfMomentum(List<Member> members) {
    Member first = members.get(0);
    for (Member member : members) {
      if (UpdaterFields.hasScheduledMomentum(member.updater())) {
        return "a momentum that follows a schedule of its own in " + member.param();
      }
      if (!ofMomentum(member).equals(ofMomentum(first))) {
        return ofMomentum(first)
            + " in "
            + first.param()
            + " but "
            + ofMomentum(member)
            + " in "
            + member.param();
      }
    }
    return "neither momentum nor beta1";
  }

  private static String ofMomentum(Member member) {
    double momentum = UpdaterFields.momentum(member.updater());
    return switch (UpdaterFields.momentumKind(member.updater())) {
      case MOMENTUM -> "a momentum of " + momentum;
      case BETA1 -> "a beta1 of " + momentum;
      case NONE -> "none";
    };
  }

  @Override
  public double momentum() {
    List<Member> members = binding.members(index);
    Member first = members.get(0);
    double momentum = UpdaterFields.momentum(first.updater());
    for (int i = 1; i < members.size(); i++) {
      Member member = members.get(i);
      if (Double.compare(UpdaterFields.momentum(member.updater()), momentum) != 0) {
        throw new IllegalStateException(
            "param group "
                + index
                + " must have one momentum but has "
                + momentum
                + " in "
                + first.param()
                + " and "
                + UpdaterFields.momentum(member.updater())
                + " in "
                + member.param());
      }
    }
    return momentum;
  }

  @Override
  public void setMomentum(double momentum) {
    List<Member> members = binding.members(index);
    for (int i = 0; i < members.size(); i++) {
      UpdaterFields.setMomentum(members.get(i).updater(), momentum);
    }
  }
}
