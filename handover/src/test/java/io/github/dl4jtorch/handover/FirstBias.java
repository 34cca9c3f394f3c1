package io.github.dl4jtorch.handover;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The first bias of cnn_finetune, which is rounding: batch normalization takes it out again, so its
 * gradient is 0 but for the last bits, and AdamW, which divides by the size of the gradient, makes
 * steps of those, in PyTorch as here. Each has its own last bits, so the two biases part by about
 * 1e-9; a bias that stood still would part from PyTorch's by as much. Training does not feel it,
 * but in evaluation the running mean lags behind the bias, and 1e-10 of that is to be seen.
 *
 * <p>So PyTorch's bias, which a script wrote after it had made every loss again to the bit, takes
 * the place of ours where a network is compared. The running mean is not taken from PyTorch: what
 * the other bias makes of it follows from how batch normalization and the average compute theirs,
 * and is added to ours.
 */
final class FirstBias {

  /** What batch normalization keeps of its running mean. */
  private static final double KEPT = 0.9;

  /** What the average keeps. */
  private static final double DECAY = 0.98;

  /** PyTorch's, before each step and after the last. */
  private final double[][] theirs;

  private INDArray bias;
  private INDArray mean;
  private INDArray averagedBias;
  private INDArray averagedMean;

  /** Begins where both biases are the same. */
  FirstBias() {
    Path file = Path.of("src/test/resources/handover/cnn_finetune/first_bias.json");
    try {
      theirs = new ObjectMapper().readValue(file.toFile(), double[][].class);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
    bias = Nd4j.zeros(DataType.DOUBLE, theirs[0].length);
    mean = bias.dup();
    averagedBias = bias.dup();
    averagedMean = bias.dup();
  }

  /** Returns how far PyTorch's bias is from that of the network. */
  double off() {
    return bias.amaxNumber().doubleValue();
  }

  /** A micro-batch was trained on with the bias of before the step. */
  void forward() {
    mean = mean.mul(KEPT).addi(bias.mul(1 - KEPT));
  }

  /** A number of steps have been made, and the average was taken of the network after each. */
  void stepped(int steps, MultiLayerNetwork net) {
    bias = Nd4j.createFromArray(theirs[steps]).subi(own(net, "conv1", "b"));
    boolean isFirst = steps == 1;
    averagedBias = isFirst ? bias : averagedBias.mul(DECAY).addi(bias.mul(1 - DECAY));
    averagedMean = isFirst ? mean : averagedMean.mul(DECAY).addi(mean.mul(1 - DECAY));
  }

  private static INDArray own(MultiLayerNetwork net, String layer, String param) {
    INDArray array = net.getLayer(layer).getParam(param);
    return array.reshape(array.length());
  }

  /** Puts PyTorch's bias into the network. */
  void substitute(MultiLayerNetwork net) {
    own(net, "conv1", "b").addi(bias);
    own(net, "bn1", "mean").addi(mean);
  }

  /** Puts the average of PyTorch's bias into the averaged network. */
  void substituteAverage(MultiLayerNetwork averaged) {
    own(averaged, "conv1", "b").addi(averagedBias);
    own(averaged, "bn1", "mean").addi(averagedMean);
  }

  /** Measures a network with PyTorch's bias, and leaves it with its own. */
  double substituted(MultiLayerNetwork net, ToDoubleFunction<MultiLayerNetwork> measure) {
    INDArray params = net.params().dup();
    substitute(net);
    double measured = measure.applyAsDouble(net);
    net.params().assign(params);
    return measured;
  }
}
