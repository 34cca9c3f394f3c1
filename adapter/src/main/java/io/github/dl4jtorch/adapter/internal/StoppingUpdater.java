package io.github.dl4jtorch.adapter.internal;

import io.github.dl4jtorch.adapter.SchedulerListener;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.NesterovsUpdater;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/**
 * Takes a learning rate of 0 at its word. DL4J's Nesterovs goes on by its velocity, and its Adam
 * family takes epsilon for a rate of 0. The updater's averages go on, as PyTorch's do.
 *
 * <p>On demand it also keeps the velocity of Nesterovs at the rate of the update, see {@link
 * SchedulerListener#rescalingVelocity}.
 */
public final class StoppingUpdater implements GradientUpdater<IUpdater> {

  private final GradientUpdater<?> updater;
  // The rate that the velocity of Nesterovs is multiplied with, above 0.
  private double velocityLr;
  private boolean isRescaling;
  private @Nullable UpdateWatch watch;

  public StoppingUpdater(GradientUpdater<?> updater, double velocityLr) {
    this.updater = updater;
    this.velocityLr = velocityLr;
  }

  public double velocityLr() {
    return velocityLr;
  }

  public void rescaleVelocity() {
    isRescaling = true;
  }

  void watch(UpdateWatch watch) {
    this.watch = watch;
  }

  /** Tells whether an updater takes this rate for 0, in a network of single precision. */
  public static boolean isZero(double lr) {
    return lr < Float.MIN_NORMAL;
  }

  @Override
  public IUpdater getConfig() {
    return updater.getConfig();
  }

  @Override
  public void setState(Map<String, INDArray> stateMap, boolean initialize) {
    updater.setState(stateMap, initialize);
  }

  @Override
  public Map<String, INDArray> getState() {
    return updater.getState();
  }

  @Override
  public void setStateViewArray(
      INDArray viewArray, long[] gradientShape, char gradientOrder, boolean initialize) {
    updater.setStateViewArray(viewArray, gradientShape, gradientOrder, initialize);
  }

  @Override
  public void applyUpdater(INDArray gradient, int iteration, int epoch) {
    if (watch != null) {
      watch.update(iteration);
    }
    double lr = updater.getConfig().getLearningRate(iteration, epoch);
    if (updater.getConfig() instanceof Nesterovs nesterovs) {
      if (isRescaling && isZero(lr)) {
        goOn(gradient, nesterovs.currentMomentum(iteration, epoch));
        return;
      }
      rescale(lr);
    }
    updater.applyUpdater(gradient, iteration, epoch);
    if (isZero(lr)) {
      gradient.assign(0);
    }
  }

  /** Takes the gradient into the velocity at the velocity's own rate, and makes no step. */
  private void goOn(INDArray gradient, double momentum) {
    velocity().muli(momentum).subi(gradient.muli(velocityLr));
    gradient.assign(0);
  }

  private void rescale(double lr) {
    if (!isZero(lr) && lr != velocityLr) {
      if (isRescaling) {
        velocity().muli(lr / velocityLr);
      }
      velocityLr = lr;
      recordVelocityLr();
    }
  }

  /** Notes the velocity's rate where it is saved with the network. */
  void recordVelocityLr() {
    if (UpdaterFields.schedule(updater.getConfig()) instanceof LrCell cell) {
      cell.setVelocityLr(velocityLr);
    }
  }

  private INDArray velocity() {
    return Objects.requireNonNull(updater.getState().get(NesterovsUpdater.V_STATE));
  }
}
