package io.github.dl4jtorch.adapter.internal;

import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * A weight decay as DL4J has it beside an updater.
 *
 * @param coefficient PyTorch's {@code weight_decay}
 * @param isDecoupled whether it acts beside the updater, times the rate, and not on the gradient
 * @param isClimbing whether the updater takes gradients with the opposite sign, a coupled decay in
 *     them too
 */
public record Decay(double coefficient, boolean isDecoupled, boolean isClimbing) {

  /** Returns the decay as it goes with an updater. */
  public static Decay with(IUpdater updater, double coefficient, boolean isDecoupled) {
    boolean isClimbing =
        FrozenUpdater.unfrozen(updater) instanceof TorchUpdater torch && torch.maximizes();
    return new Decay(coefficient, isDecoupled, isClimbing);
  }

  /** Returns a layer's regularization with this decay in the place of any other. */
  public List<Regularization> in(@Nullable List<Regularization> present) {
    List<Regularization> regularization = new ArrayList<>();
    if (present != null) {
      for (Regularization other : present) {
        if (!isOne(other)) {
          regularization.add(other);
        }
      }
    }
    if (coefficient > 0) {
      regularization.add(kind());
    }
    return regularization;
  }

  private Regularization kind() {
    if (isDecoupled) {
      return new WeightDecay(coefficient, true);
    }
    return isClimbing ? new ClimbingL2(coefficient) : new L2Regularization(coefficient);
  }

  private static boolean isOne(Regularization regularization) {
    return regularization instanceof L2Regularization || regularization instanceof WeightDecay;
  }

  /** Returns the coefficients of all decays together, 0 if there is none. */
  public static double of(@Nullable List<Regularization> present, int iteration, int epoch) {
    double sum = 0;
    if (present != null) {
      for (Regularization regularization : present) {
        if (regularization instanceof L2Regularization coupled) {
          sum += coupled.getL2().valueAt(iteration, epoch);
        } else if (regularization instanceof WeightDecay decoupled) {
          sum += decoupled.getCoeff().valueAt(iteration, epoch);
        }
      }
    }
    return sum;
  }

  /** Tells whether a layer has a decay of one kind. */
  public static boolean has(
      @Nullable List<Regularization> present, Class<? extends Regularization> kind) {
    return present != null && present.stream().anyMatch(kind::isInstance);
  }
}
