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
 * @param term what stands for it among a layer's regularization, null for none
 */
public record Decay(double coefficient, @Nullable Regularization term) {

  /** Returns a decay of the form that an updater has: coupled if it does not say otherwise. */
  public static Decay of(IUpdater updater, double coefficient) {
    if (updater instanceof TorchUpdater torch) {
      return new Decay(coefficient, torch.weightDecay(coefficient));
    }
    return new Decay(coefficient, coefficient > 0 ? new L2Regularization(coefficient) : null);
  }

  /** Returns a decay that acts beside the updater, times the rate, and not on the gradient. */
  public static Decay decoupled(double coefficient) {
    return new Decay(coefficient, coefficient > 0 ? new WeightDecay(coefficient, true) : null);
  }

  /** Tells whether an updater has a decay of its own form, be it decoupled or another. */
  public static boolean isOwnOf(IUpdater updater) {
    return updater instanceof TorchUpdater torch && torch.weightDecay(1) instanceof WeightDecay;
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
    if (term != null) {
      regularization.add(term.clone());
    }
    return regularization;
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
