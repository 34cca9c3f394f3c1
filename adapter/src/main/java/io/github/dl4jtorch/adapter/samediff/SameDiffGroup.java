package io.github.dl4jtorch.adapter.samediff;

import io.github.dl4jtorch.adapter.internal.ExactLr;
import io.github.dl4jtorch.adapter.internal.StoppingUpdater;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.OptimizerValues;
import org.jspecify.annotations.Nullable;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.autodiff.samediff.internal.Variable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * The live values of a SameDiff graph's updater. Reads always go to the updater, so changes by
 * others are seen. SameDiff keeps a state for each variable by its name, so the rate itself can be
 * written: there are no blocks that it could join or tear.
 */
final class SameDiffGroup implements OptimizerValues {

  /** SameDiff's own name for the graph that has the gradients, and speaks to listeners. */
  private static final String GRADIENTS = "grad";

  private final SameDiff sd;
  private final StopAtZero stopAtZero = new StopAtZero();
  private final MomentumKind momentumKind;
  private final ExactLr exactLr = new ExactLr();

  SameDiffGroup(SameDiff sd) {
    this.sd = sd;
    String complaint = complaint(updater());
    if (complaint != null) {
      throw new IllegalArgumentException(complaint);
    }
    this.momentumKind = UpdaterFields.momentumKind(updater());
    setLr(rate(updater()));
  }

  SameDiff graph() {
    return sd;
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  boolean isOwn(SameDiff other) {
    return other == sd || other == sd.getFunction(GRADIENTS);
  }

  /** Returns the updater that the graph works with, refusing one that it does not. */
  private IUpdater updater() {
    TrainingConfig config = sd.getTrainingConfig();
    if (config == null || config.getUpdater() == null) {
      throw new IllegalStateException(
          "the SameDiff must have a training configuration with an updater before its param groups"
              + " are made: call setTrainingConfig");
    }
    IUpdater updater = config.getUpdater();
    if (sd.getUpdaterMap() != null) {
      for (GradientUpdater<?> live : sd.getUpdaterMap().values()) {
        requireSame(live.getConfig(), updater);
      }
    }
    return updater;
  }

  @SuppressWarnings("ReferenceEquality") // An equal one would not take up what is set in another.
  private static void requireSame(IUpdater live, IUpdater updater) {
    if (live != updater) {
      throw new IllegalStateException(
          "the updater of the training configuration was replaced after the training had begun, so"
              + " SameDiff does not use it: "
              + updater
              + "; it uses "
              + live);
    }
  }

  private double rate(IUpdater updater) {
    TrainingConfig counts = sd.getTrainingConfig();
    return updater.getLearningRate(counts.getIterationCount(), counts.getEpochCount());
  }

  /** Says what keeps an updater from having a rate that can be set, null if nothing does. */
  private @Nullable String complaint(IUpdater updater) {
    if (!updater.hasLearningRate()) {
      return "the SameDiff must have an updater with a learning rate but has "
          + updater.getClass().getSimpleName();
    }
    ISchedule schedule = UpdaterFields.schedule(updater);
    if (schedule != null) {
      return "param group 0 must set the learning rate of the SameDiff, but that follows "
          + schedule
          + "; use one or the other";
    }
    double lr = rate(updater);
    if (lr >= 0 && lr < Double.POSITIVE_INFINITY) {
      return null;
    }
    return "the learning rate of the SameDiff must be finite and >= 0 but was " + lr;
  }

  @Override
  public double lr() {
    IUpdater updater = updater();
    String complaint = complaint(updater);
    if (complaint != null) {
      throw new IllegalStateException(complaint);
    }
    double live = rate(updater);
    return exactLr.get(live);
  }

  @Override
  public void setLr(double lr) {
    IUpdater updater = updater();
    updater.setLrAndSchedule(exactLr.set(lr), null);
    if (!sd.getListeners().contains(stopAtZero)) {
      sd.addListeners(stopAtZero); // At first, and where setListeners has removed it.
    }
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
    return UpdaterFields.hasScheduledMomentum(updater())
        ? "a momentum that follows a schedule of its own"
        : OptimizerValues.super.insteadOfMomentum();
  }

  @Override
  public double momentum() {
    return UpdaterFields.momentum(updater());
  }

  @Override
  public @Nullable String momentumRange(double momentum) {
    return UpdaterFields.momentumRange(updater(), momentum);
  }

  @Override
  public void setMomentum(double momentum) {
    UpdaterFields.setMomentum(updater(), momentum);
  }

  /**
   * Takes a learning rate of 0 at its word: DL4J's Nesterovs goes on by its velocity, and its Adam
   * family takes epsilon for a rate of 0. The updater's averages go on.
   */
  private final class StopAtZero extends BaseListener {

    @Override
    public boolean isActive(Operation operation) {
      return operation == Operation.TRAINING;
    }

    @Override
    public void preUpdate(SameDiff graph, At at, Variable variable, INDArray update) {
      if (isOwn(graph)) {
        IUpdater updater = sd.getTrainingConfig().getUpdater();
        if (StoppingUpdater.isZero(updater.getLearningRate(at.iteration(), at.epoch()))) {
          update.assign(0);
        }
      }
    }
  }
}
