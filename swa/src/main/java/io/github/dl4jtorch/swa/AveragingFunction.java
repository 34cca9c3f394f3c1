package io.github.dl4jtorch.swa;

import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A way of averaging of one's own, as PyTorch's {@code avg_fn}.
 *
 * <pre>{@code
 * AveragingFunction slower = (averaged, parameter, n) -> averaged.mul(0.9).addi(parameter.mul(0.1));
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.of(slower));
 * }</pre>
 */
@FunctionalInterface
public interface AveragingFunction {

  /**
   * Averages one parameter. It is not called for the first model, which is copied.
   *
   * @param averaged the average so far; may be changed in place
   * @param parameter the parameter of the model to be averaged in, of the same shape; it is that of
   *     the network in training and must not be changed
   * @param n how many models the average holds, {@code >= 1}
   * @return the new average, of the same shape; may be {@code averaged} itself
   */
  INDArray average(INDArray averaged, INDArray parameter, long n);
}
