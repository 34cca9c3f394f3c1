package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Keeps an average in a training's checkpoint: its parameters to the bit, how many models it holds,
 * and how it averages. An {@link AveragingListener} is kept as it is, without this; the average
 * alone can be taken out of what that saved, too.
 *
 * <pre>{@code
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.999));
 * average.updateParameters(net);
 * CheckpointWriter.of(net)
 *     .with("average", AverageCheckpoint.of(average))
 *     .save(Path.of("training.zip"));
 *
 * TrainingCheckpoint checkpoint = TrainingCheckpoint.load(Path.of("training.zip"));
 * AveragedModel<MultiLayerNetwork> resumed =
 *     AveragedModel.of(checkpoint.network(MultiLayerNetwork.class), Averaging.ema(0.999));
 * AverageCheckpoint.restore(checkpoint.part("average"), resumed);
 * }</pre>
 */
public final class AverageCheckpoint {

  private static final String AVERAGE = "average";
  private static final String NAMES = "parameters";
  private static final String PARAMS = "params";
  private static final String LAST = "last";

  private AverageCheckpoint() {}

  /**
   * Returns an average as part of a checkpoint, to be given to {@code CheckpointWriter.with}. Each
   * save has the average as it is then.
   *
   * @param average the average
   * @return the part
   */
  public static CheckpointPart of(AveragedModel<?> average) {
    Require.requireGiven(AVERAGE, average);
    return new CheckpointPart() {
      @Override
      public Map<String, Object> values() {
        return AverageCheckpoint.values(average);
      }

      @Override
      public Map<String, INDArray> arrays() {
        return AverageCheckpoint.arrays(average);
      }
    };
  }

  static Map<String, Object> values(AveragedModel<?> average) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(AVERAGE, average.stateDict());
    values.put(NAMES, names(average.network()));
    return values;
  }

  static Map<String, INDArray> arrays(AveragedModel<?> average) {
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    arrays.put(PARAMS, average.network().params());
    List<INDArray> last = average.lastModels();
    for (int i = 0; i < last.size(); i++) {
      arrays.put(LAST + i, last.get(i));
    }
    return arrays;
  }

  /**
   * Gives an average what was saved of it.
   *
   * @param saved what {@code TrainingCheckpoint.part} returned, of {@link #of} or of an {@link
   *     AveragingListener}
   * @param average an average of a network of the same architecture, with the same averaging; a
   *     function of one's own is not saved, so that must be given again
   * @throws MalformedDataException if the part is something else, or of another averaging or
   *     architecture; nothing is changed
   */
  public static void restore(CheckpointPart saved, AveragedModel<?> average) {
    Require.requireGiven("saved", saved);
    Require.requireGiven(AVERAGE, average);
    Map<String, ?> state = state(saved);
    INDArray params = params(saved, average.network());
    List<INDArray> last = new ArrayList<>();
    for (INDArray model = saved.arrays().get(LAST + 0);
        model != null;
        model = saved.arrays().get(LAST + last.size())) {
      last.add(model);
    }
    average.loadStateDict(state, params, last);
  }

  /** Returns how many models an average holds and how it averages. */
  static Map<String, ?> state(CheckpointPart saved) {
    return new Entries(saved.values()).map(AVERAGE);
  }

  /** Returns an average's parameters, which must be of the architecture of a network. */
  static INDArray params(CheckpointPart saved, NeuralNetwork network) {
    INDArray params = saved.arrays().get(PARAMS);
    if (!(saved.values().get(NAMES) instanceof List<?> names) || params == null) {
      throw new MalformedDataException(
          "the part must have \"" + NAMES + "\" and \"" + PARAMS + "\" of an average");
    }
    requireSame(names, names(network));
    return params;
  }

  private static List<String> names(NeuralNetwork network) {
    List<String> names = new ArrayList<>();
    LiveNetwork.model(network)
        .paramTable()
        .forEach((name, array) -> names.add(name + " " + Arrays.toString(array.shape())));
    return names;
  }

  private static void requireSame(List<?> saved, List<String> own) {
    for (int i = 0; i < Math.max(saved.size(), own.size()); i++) {
      String theirs = i < saved.size() ? String.valueOf(saved.get(i)) : "no more parameters";
      String ours = i < own.size() ? own.get(i) : "no more parameters";
      if (!Weights.isSame(ours, theirs)) {
        throw new MalformedDataException(
            "the average must be of the architecture that was saved, but where that has "
                + theirs
                + ", it has "
                + ours);
      }
    }
  }
}
