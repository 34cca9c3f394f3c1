package io.github.dl4jtorch.adapter.optim;

import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.AdamUpdater;
import org.nd4j.linalg.api.ops.impl.updaters.AmsGradUpdater;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What Adam and AdamW have in common, which is all but the kind of their weight decay.
 *
 * @param <T> the updater itself
 */
public abstract sealed class AmsgradUpdater<T extends AmsgradUpdater<T>> extends BetasUpdater<T>
    permits TorchAdam, TorchAdamW {

  private static final long serialVersionUID = 1L;

  @JsonProperty private boolean amsgrad;

  AmsgradUpdater(Setting lr) {
    super(lr);
  }

  /**
   * Returns a copy that divides by the largest average of squared gradients so far instead of the
   * present one.
   *
   * @return the copy
   */
  public final T withAmsgrad() {
    @SuppressWarnings("unchecked") // T is the class itself.
    AmsgradUpdater<T> copy = clone();
    copy.amsgrad = true;
    return copy.self();
  }

  @Override
  final int arrays() {
    return amsgrad ? 3 : 2;
  }

  @Override
  final Map<String, Object> settings() {
    Map<String, Object> settings = super.settings();
    settings.put("amsgrad", amsgrad);
    return settings;
  }

  @Override
  final void update(INDArray gradient, UpdaterState state, double lr, int iteration, int epoch) {
    double beta1 = beta1(iteration, epoch);
    double beta2 = beta2(iteration, epoch);
    double step = state.advance();
    DataType precision = gradient.dataType();
    double decay1 = FusedOps.decay(beta1, precision);
    double decay2 = FusedOps.decay(beta2, precision);
    double root = Math.sqrt(FusedOps.excess(beta2, precision));
    double scale = Math.sqrt(1 - Math.pow(beta2, step)) * root;
    double share = FusedOps.excess(beta1, precision) * (1 - Math.pow(beta1, step));
    double rate = FusedOps.adamRate(lr * scale / share, decay1, decay2);
    INDArray average = state.array(0);
    INDArray squares = state.array(1);
    Nd4j.exec(
        amsgrad
            ? new AmsGradUpdater(
                gradient,
                squares,
                average,
                state.array(2),
                rate,
                decay1,
                decay2,
                eps() * scale,
                FusedOps.LATE)
            : new AdamUpdater(
                gradient, squares, average, rate, decay1, decay2, eps() * scale, FusedOps.LATE));
  }
}
