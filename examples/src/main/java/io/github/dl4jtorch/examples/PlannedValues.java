package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OptimizerValues;
import io.github.dl4jtorch.schedules.ParamGroup;

/** The values of an optimizer to come, which takes the rates that Deeplearning4j's take. */
final class PlannedValues implements OptimizerValues {

  private final MomentumKind momentumKind;
  private double lr;
  private double momentum;

  private PlannedValues(MomentumKind momentumKind, double lr, double momentum) {
    this.momentumKind = momentumKind;
    this.lr = lr;
    this.momentum = momentum;
  }

  static ParamGroup group(MomentumKind momentumKind, double lr, double momentum) {
    return ParamGroup.over(new PlannedValues(momentumKind, lr, momentum));
  }

  @Override
  public double lr() {
    return lr;
  }

  @Override
  public void setLr(double lr) {
    this.lr = lr;
  }

  @Override
  public MomentumKind momentumKind() {
    return momentumKind;
  }

  @Override
  public double momentum() {
    return momentum;
  }

  @Override
  public void setMomentum(double momentum) {
    this.momentum = momentum;
  }

  /** What is less below 0 is rounding, and the network gets 0. */
  @Override
  public double lowestLr(double highestLr) {
    return -1e-12 * highestLr;
  }
}
