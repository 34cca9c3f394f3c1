package io.github.dl4jtorch.adapter.optim;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What can be set of Adam and AdamW alike. What they do is in {@link TorchAdam}.
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
  @CheckReturnValue
  public final T withAmsgrad() {
    @SuppressWarnings("unchecked") // T is the class itself.
    AmsgradUpdater<T> copy = clone();
    copy.amsgrad = true;
    return copy.self();
  }

  final boolean amsgrad() {
    return amsgrad;
  }

  @Override
  final int arrays() {
    return amsgrad ? 3 : 2;
  }

  @Override
  final List<String> stateNames() {
    return amsgrad
        ? List.of("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        : List.of("exp_avg", "exp_avg_sq");
  }

  @Override
  final double excess(int array, DataType precision) {
    return fusedExcess(array, precision);
  }

  @Override
  final Map<String, Object> settings() {
    Map<String, Object> settings = super.settings();
    settings.put("amsgrad", amsgrad);
    return settings;
  }
}
