package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireGiven;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The state of an updater over one block of parameters, as PyTorch's {@code optimizer.state_dict()}
 * has it.
 *
 * <pre>{@code
 * TorchAdam updater = new TorchAdam(1e-3);
 * List<String> names = OptimizerState.names(updater); // exp_avg, exp_avg_sq
 * }</pre>
 *
 * @param arrays PyTorch's arrays by name, each as long as the block and in its order; of {@link
 *     TorchASGD} {@code ax} less the parameters
 * @param step how many updates were made, {@code >= 0}
 * @param muProduct {@code mu_product} of {@link TorchNAdam}, {@code eta} of {@link TorchASGD}; of
 *     no meaning in others
 */
public record OptimizerState(Map<String, INDArray> arrays, long step, double muProduct) {

  /**
   * Returns what an optimizer keeps for each parameter, {@code step} and {@code mu_product} left
   * out.
   *
   * @param updater the optimizer with its settings
   * @return PyTorch's names, in the order in which the arrays lie in the state
   */
  public static List<String> names(TorchUpdater updater) {
    return updater.stateNames();
  }

  /**
   * Returns an optimizer's settings.
   *
   * @param updater the optimizer with its settings
   * @return the values under PyTorch's names, those that follow a schedule as text; {@code lr} is
   *     left out
   */
  public static Map<String, Object> settings(TorchUpdater updater) {
    Map<String, Object> settings = new LinkedHashMap<>();
    updater
        .allSettings()
        .forEach(
            (name, value) ->
                settings.put(
                    name,
                    value instanceof Setting setting
                        ? setting.schedule() == null ? setting.value() : setting.toString()
                        : value));
    return settings;
  }

  /**
   * Tells whether the state that DL4J keeps for an optimizer has the count of updates.
   *
   * @param updater the optimizer with its settings
   * @return true if {@link #read} finds it there
   */
  public static boolean counts(TorchUpdater updater) {
    return updater.counts();
  }

  /**
   * Reads the state of a block.
   *
   * @param updater the updater of the block
   * @param view the state as DL4J keeps it, null if it has no size; it is not changed
   * @param length how many parameters the block has, {@code > 0}
   * @return copies of the arrays, and the count, 0 where it is not kept
   * @throws IllegalStateException if it is the state of another updater or block
   */
  public static OptimizerState read(TorchUpdater updater, @Nullable INDArray view, long length) {
    requireGiven("updater", updater);
    UpdaterState state = new UpdaterState(updater, view == null ? null : view.dup(), false);
    state.bind(length);
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    List<String> names = updater.stateNames();
    for (int i = 0; i < names.size(); i++) {
      INDArray array = state.array(i).dup();
      double excess = updater.excess(i, array.dataType());
      arrays.put(names.get(i), excess == 1 ? array : array.divi(excess));
    }
    return new OptimizerState(arrays, state.age(), updater.numberOf(state.extra()));
  }

  /**
   * Makes the state of a block.
   *
   * @param updater the updater of the block
   * @param like the state that is to be replaced later, null if it has no size; it is not changed
   * @param length how many parameters the block has, {@code > 0}
   * @return an array to be assigned to that state, null if it has no size
   * @throws IllegalArgumentException if there are other arrays than the updater has
   */
  public @Nullable INDArray toState(TorchUpdater updater, @Nullable INDArray like, long length) {
    List<String> names = updater.stateNames();
    if (!arrays.keySet().equals(Set.copyOf(names))) {
      throw new IllegalArgumentException(
          "arrays must be " + names + " but were " + arrays.keySet() + " for " + updater);
    }
    if (like == null) {
      return null;
    }
    INDArray view = like.dup();
    UpdaterState state = new UpdaterState(updater, view, true);
    state.bind(length);
    for (int i = 0; i < names.size(); i++) {
      INDArray array = state.array(i).assign(arrays.get(names.get(i)));
      double excess = updater.excess(i, array.dataType());
      if (excess != 1) {
        array.muli(excess);
      }
    }
    if (step > 0) {
      state.setAge(step);
      state.setExtra(updater.extraOf(muProduct));
      state.save();
    }
    return view.reshape(like.shape());
  }
}
