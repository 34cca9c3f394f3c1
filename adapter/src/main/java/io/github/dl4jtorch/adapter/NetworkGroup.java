package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.ExactLr;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OptimizerValues;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The live values of one param group, those of the updaters it has at present. */
final class NetworkGroup implements OptimizerValues {

  private final Supplier<Members> present;
  private final @Nullable String name;
  private final MomentumKind momentumKind;
  private final ExactLr exactLr = new ExactLr();

  /** Takes over the updaters of a group, which must have what the start leaves as it is. */
  NetworkGroup(Supplier<Members> present, GroupStart start) {
    this.present = present;
    this.name = start.name();
    Members members = present.get();
    if (!Double.isNaN(start.momentum())) {
      members.setMomentum(start.momentum());
    }
    this.momentumKind = members.momentumKind();
    setLr(Double.isNaN(start.lr()) ? members.lr() : start.lr());
  }

  @Override
  public @Nullable String name() {
    return name;
  }

  @Override
  public double lr() {
    Members members = present.get();
    String complaint = members.complaint();
    if (complaint != null) {
      throw new IllegalStateException(complaint);
    }
    return exactLr.get(members.lr());
  }

  @Override
  public void setLr(double lr) {
    Members members = present.get();
    members.setLr(exactLr.set(lr));
  }

  @Override
  public double lowestLr(double highestLr) {
    return ExactLr.lowest(highestLr);
  }

  @Override
  public MomentumKind momentumKind() {
    return momentumKind;
  }

  @Override
  public String insteadOfMomentum() {
    return present.get().insteadOfMomentum();
  }

  @Override
  public double momentum() {
    return present.get().momentum();
  }

  @Override
  public @Nullable String momentumRange(double momentum) {
    return present.get().momentumRange(momentum);
  }

  @Override
  public void setMomentum(double momentum) {
    present.get().setMomentum(momentum);
  }
}
