package io.github.dl4jtorch.adapter.optim;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.LossUtil;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * PyTorch's {@code CrossEntropyLoss}, with its label smoothing. For {@code K} classes and one
 * example with labels {@code y},
 *
 * <pre>
 * s = (1 - label_smoothing) y + label_smoothing / K
 * loss = -sum(s log_softmax(x))
 * </pre>
 *
 * <p>PyTorch takes the softmax itself, DL4J has it in the output layer, whose activation must be
 * {@code SOFTMAX}. Labels are one-hot or probabilities. DL4J's own {@code MCXENT} takes the
 * logarithm of probabilities that it keeps above 1e-10; here no probability is too small.
 *
 * <p>Examples, or time steps, that a mask leaves out have no loss and no gradient. DL4J divides the
 * sum by the number of examples in the batch, also where PyTorch divides by that of labels which
 * are not ignored. Scores of validation data are smoothed as well, as PyTorch's are with the same
 * {@code criterion}.
 *
 * <pre>{@code
 * OutputLayer layer =
 *     new OutputLayer.Builder(new TorchCrossEntropyLoss().withLabelSmoothing(0.1))
 *         .nIn(64)
 *         .nOut(10)
 *         .activation(Activation.SOFTMAX)
 *         .build();
 * }</pre>
 */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    setterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
public final class TorchCrossEntropyLoss implements ILossFunction {

  private static final long serialVersionUID = 1L;

  @JsonProperty private final double labelSmoothing;

  /** Makes the loss without smoothing. */
  public TorchCrossEntropyLoss() {
    this(0);
  }

  @JsonCreator
  private TorchCrossEntropyLoss(
      @JsonProperty(value = "labelSmoothing", required = true) double labelSmoothing) {
    this.labelSmoothing = Require.requireFromZeroToOne("labelSmoothing", labelSmoothing);
  }

  /**
   * Returns a loss with label smoothing.
   *
   * @param labelSmoothing how much of the labels is spread over all classes, {@code >= 0} and
   *     {@code <= 1}, by default 0
   * @return the loss
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public TorchCrossEntropyLoss withLabelSmoothing(double labelSmoothing) {
    return new TorchCrossEntropyLoss(labelSmoothing);
  }

  /**
   * Returns how much of the labels is spread over all classes.
   *
   * @return the part, from 0 to 1
   */
  public double labelSmoothing() {
    return labelSmoothing;
  }

  /** Returns the labels that are learnt, in the precision of the network. */
  private INDArray smoothed(INDArray labels, INDArray preOutput, IActivation activation) {
    if (!(activation instanceof ActivationSoftmax)) {
      throw new IllegalStateException(
          "activation must be SOFTMAX in an output layer with TorchCrossEntropyLoss but was "
              + activation);
    }
    if (!labels.equalShapes(preOutput)) {
      throw new IllegalArgumentException(
          "labels must have the shape of the output, "
              + Arrays.toString(preOutput.shape())
              + ", but had "
              + Arrays.toString(labels.shape()));
    }
    INDArray targets = labels.castTo(preOutput.dataType());
    return labelSmoothing == 0
        ? targets
        : targets.mul(1 - labelSmoothing).addi(labelSmoothing / targets.size(1));
  }

  /** Returns the summands of the loss, in the shape of the labels. */
  private INDArray losses(
      INDArray labels, INDArray preOutput, IActivation activation, @Nullable INDArray mask) {
    INDArray targets = smoothed(labels, preOutput, activation);
    // ND4J's logSoftmax takes the logarithm of probabilities, which may be 0.
    INDArray losses = preOutput.subColumnVector(preOutput.max(true, 1));
    losses.subiColumnVector(Transforms.log(Transforms.exp(losses, true).sum(true, 1), false));
    losses.muli(targets).negi();
    if (mask != null) {
      LossUtil.applyMask(losses, mask);
    }
    return losses;
  }

  @Override
  public double computeScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      @Nullable INDArray mask,
      boolean average) {
    double sum = losses(labels, preOutput, activationFn, mask).sumNumber().doubleValue();
    return average ? sum / preOutput.size(0) : sum;
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation activationFn, @Nullable INDArray mask) {
    return losses(labels, preOutput, activationFn, mask).sum(true, 1);
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation activationFn, @Nullable INDArray mask) {
    INDArray targets = smoothed(labels, preOutput, activationFn);
    INDArray gradient =
        activationFn
            .getActivation(preOutput.dup(), true)
            .muliColumnVector(targets.sum(true, 1))
            .subi(targets);
    if (mask != null) {
      LossUtil.applyMask(gradient, mask);
    }
    return gradient;
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      @Nullable INDArray mask,
      boolean average) {
    return Pair.of(
        computeScore(labels, preOutput, activationFn, mask, average),
        computeGradient(labels, preOutput, activationFn, mask));
  }

  @Override
  public String name() {
    return toString();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TorchCrossEntropyLoss that
        && Double.compare(labelSmoothing, that.labelSmoothing) == 0;
  }

  @Override
  public int hashCode() {
    return Double.hashCode(labelSmoothing);
  }

  @Override
  public String toString() {
    return "TorchCrossEntropyLoss[label_smoothing=" + labelSmoothing + "]";
  }
}
