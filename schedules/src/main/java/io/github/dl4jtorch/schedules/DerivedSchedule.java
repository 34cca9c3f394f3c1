package io.github.dl4jtorch.schedules;

import java.util.List;

/**
 * A schedule made of others, as {@link Schedule#then}, {@link Schedule#scaledBy} and the rest of
 * the algebra make it. Its rates follow from those that its operands would give if each ran alone,
 * from the groups' {@code initial_lr} and with a clock of its own. So it goes by the step alone:
 * what others do to the rate is overwritten at the next step, as {@link LambdaLR} does.
 *
 * <p>A run remembers the step and nothing else; where it is resumed, the operands are run up to
 * there. If one drives the momentum it sets that of its own groups, and the groups have it while
 * that operand is at work; under another one they have the momentum they began with.
 *
 * <pre>{@code
 * DerivedSchedule schedule = new CosineAnnealingLR(100).scaledBy(0.5);
 * List<Schedule> operands = schedule.operands(); // [CosineAnnealingLR[tMax=100, etaMin=0.0]]
 * }</pre>
 */
public sealed interface DerivedSchedule extends Schedule
    permits Clamped, Joined, PerIteration, Repeated, Scaled, Shifted, WarmedUp {

  /**
   * Returns what this is made of.
   *
   * @return one schedule or more, none of which needs a metric
   */
  List<Schedule> operands();

  @Override
  default boolean drivesMomentum() {
    return operands().stream().anyMatch(Schedule::drivesMomentum);
  }

  @Override
  default void requireFits(ParamGroups groups) {
    operands().forEach(operand -> operand.requireFits(groups));
  }
}
