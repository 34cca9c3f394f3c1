package io.github.dl4jtorch.schedules;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The node of {@link ReduceLROnPlateau}: the best metric so far and two counters. */
final class PlateauNode extends Node {

  private final ReduceLROnPlateau schedule;
  private double epoch;
  private double best;
  private int badEpochs;
  private int cooldownLeft;
  private double markedEpoch;
  private double markedBest;
  private int markedBadEpochs;
  private int markedCooldownLeft;

  PlateauNode(ReduceLROnPlateau schedule) {
    this.schedule = schedule;
    this.best = schedule.worst();
  }

  @Override
  Schedule schedule() {
    return schedule;
  }

  @Override
  int boundGroups() {
    return lastLr().length;
  }

  @Override
  double epoch() {
    return epoch;
  }

  @Override
  void bind(GroupArrays groups, int lastEpoch, Parent parent) {
    if (lastEpoch != -1) {
      throw new UnsupportedOperationException(
          "ReduceLROnPlateau cannot be attached at lastEpoch "
              + lastEpoch
              + ": what it does depends on the metrics it has seen; load its state dict instead");
    }
    remember(groups.lr);
  }

  @Override
  void rewind() {}

  @Override
  void initialStep(GroupArrays groups) {}

  @Override
  void enter(GroupArrays groups) {}

  @Override
  void advance(GroupArrays groups) {
    throw new UnsupportedOperationException(
        "ReduceLROnPlateau needs a metric: call step(metric), for instance with the validation"
            + " loss");
  }

  @Override
  void advanceTo(double metric, GroupArrays groups) {
    epoch += 1;
    if (schedule.isBetter(metric, best)) {
      best = metric;
      badEpochs = 0;
    } else {
      badEpochs++;
    }
    if (cooldownLeft > 0) {
      cooldownLeft--;
      badEpochs = 0;
    }
    if (badEpochs > schedule.patience()) {
      schedule.requireFits(groups.groups);
      schedule.reduce(groups.lr, groups.next);
      groups.swap();
      cooldownLeft = schedule.cooldown();
      badEpochs = 0;
    }
    remember(groups.lr);
  }

  @Override
  void mark() {
    super.mark();
    markedEpoch = epoch;
    markedBest = best;
    markedBadEpochs = badEpochs;
    markedCooldownLeft = cooldownLeft;
  }

  @Override
  void rollback() {
    super.rollback();
    epoch = markedEpoch;
    best = markedBest;
    badEpochs = markedBadEpochs;
    cooldownLeft = markedCooldownLeft;
  }

  @Override
  void save(Map<String, @Nullable Object> state, ParamGroups groups) {
    state.putAll(schedule.stateParameters());
    state.put("default_min_lr", schedule.minLr().isScalar() ? schedule.minLr().get(0) : null);
    state.put("min_lrs", schedule.minLr().expand(groups.size()));
    state.put("last_epoch", Arguments.wholeOrFraction(epoch));
    state.put("mode_worse", schedule.worst());
    state.put("best", best);
    state.put("cooldown_counter", cooldownLeft);
    state.put("num_bad_epochs", badEpochs);
    super.save(state, groups);
  }

  @Override
  void load(Arguments state, ParamGroups groups, int lowestEpoch) {
    // PyTorch 1.13 has no rates here before the first step.
    if (state.has("_last_lr")) {
      super.load(state, groups, lowestEpoch);
    } else {
      GroupArrays present = new GroupArrays(groups);
      present.read();
      remember(present.lr);
    }
    requireSame(schedule.stateParameters(), state);
    requireSame(Map.of("min_lrs", schedule.minLr().expand(groups.size())), state);
    epoch = state.count("last_epoch", lowestEpoch, Double.MAX_VALUE);
    best = state.number("best");
    if (Double.isNaN(best)) {
      throw state.malformed("\"best\" must be a number but was NaN");
    }
    cooldownLeft = (int) state.count("cooldown_counter", 0, schedule.cooldown());
    badEpochs = (int) state.count("num_bad_epochs", 0, schedule.patience());
    state.ignore("default_min_lr", "mode_worse", "verbose");
  }
}
