package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.adapter.optim.Require.requireFromZeroToOne;
import static io.github.dl4jtorch.adapter.optim.Require.requireNonNegative;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LayerValidation;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * Batch normalization as PyTorch's {@code BatchNorm1d} and {@code BatchNorm2d} have it, over dense
 * and convolutional input.
 *
 * <pre>
 * y = gamma (x - mean) / sqrt(var + eps) + beta
 * running_mean = (1 - momentum) running_mean + momentum mean
 * running_var  = (1 - momentum) running_var  + momentum var n / (n - 1)
 * </pre>
 *
 * <p>{@code mean} and {@code var} are those of the {@code n} values per channel in a batch in
 * training, and the running ones afterwards. Beyond the {@code n / (n - 1)}, that is the variance
 * without bias, this is what sets it apart from DL4J's own layer: the running variance is kept as
 * it is and not as a logarithm, under the name {@code var}; regularization acts on gamma, that of
 * biases on beta; and a bias updater updates beta, which so can be in another param group.
 *
 * <p>See Ioffe and Szegedy, <a href="https://arxiv.org/abs/1502.03167">Batch Normalization:
 * Accelerating Deep Network Training by Reducing Internal Covariate Shift</a>.
 *
 * <pre>{@code
 * TorchBatchNormalization layer =
 *     TorchOptimizer.of(new TorchSGD(0.1).withMomentum(0.9))
 *         .withWeightDecay(5e-4)
 *         .applyTo(new TorchBatchNormalization.Builder().nIn(16).nOut(16))
 *         .build();
 * }</pre>
 */
public final class TorchBatchNormalization extends BatchNormalization {

  private static final long serialVersionUID = 1L;

  /** Makes a layer with all defaults, to be filled when it is read from a file. */
  private TorchBatchNormalization() {
    useLogStd = false;
  }

  private TorchBatchNormalization(Builder builder) {
    this();
    builder.fill(this);
    initializeConstraints(builder);
  }

  /**
   * Makes the layer at work in a network.
   *
   * @param conf the configuration that holds this layer
   * @param trainingListeners the network's listeners
   * @param layerIndex the layer's place in the network
   * @param layerParamsView the place of gamma, beta, running mean and running variance
   * @param initializeParams whether to set them to 1, 0, 0 and 1
   * @param networkDataType the type of the network's numbers
   * @return the layer
   */
  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> trainingListeners,
      int layerIndex,
      INDArray layerParamsView,
      boolean initializeParams,
      DataType networkDataType) {
    LayerValidation.assertNOutSet("TorchBatchNormalization", getLayerName(), layerIndex, getNOut());
    TorchBatchNormalizationLayer layer = new TorchBatchNormalizationLayer(conf, networkDataType);
    layer.setListeners(trainingListeners);
    layer.setIndex(layerIndex);
    layer.setParamsViewArray(layerParamsView);
    layer.setParamTable(initializer().init(conf, layerParamsView, initializeParams));
    layer.setConf(conf);
    return layer;
  }

  /**
   * Returns the type of the output, which is that of the input.
   *
   * @param layerIndex the layer's place in the network
   * @param inputType the type of the input
   * @return the same type
   * @throws IllegalArgumentException if the input is neither feed-forward nor 2D convolutional
   */
  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    requireSupported(inputType);
    return super.getOutputType(layerIndex, inputType);
  }

  /**
   * Takes the count of channels from the input.
   *
   * @param inputType the type of the input
   * @param override whether to replace a count that was given
   * @throws IllegalArgumentException if the input is neither feed-forward nor 2D convolutional
   */
  @Override
  public void setNIn(InputType inputType, boolean override) {
    requireSupported(inputType);
    super.setNIn(inputType, override);
  }

  private void requireSupported(InputType inputType) {
    InputType.Type type = inputType.getType();
    if (type == InputType.Type.RNN || type == InputType.Type.CNN3D) {
      throw new IllegalArgumentException(
          "the input of TorchBatchNormalization must be feed-forward or 2D convolutional but was "
              + inputType
              + " in layer "
              + getLayerName());
    }
  }

  /**
   * Does nothing, as the running variance is always kept as it is. DL4J calls this for every
   * configuration that it reads before a network was made of it.
   *
   * @param useLogStd whether DL4J's own layer would keep a logarithm
   */
  @Override
  public void setUseLogStd(boolean useLogStd) {}

  /**
   * Returns what is applied to a parameter besides its gradient.
   *
   * @param paramName the parameter
   * @return the regularization of weights for gamma, that of biases for beta, else null
   */
  @Override
  public @Nullable List<Regularization> getRegularizationByParam(String paramName) {
    return switch (paramName) {
      case BatchNormalizationParamInitializer.GAMMA -> regularization;
      case BatchNormalizationParamInitializer.BETA -> regularizationBias;
      default -> null;
    };
  }

  /**
   * Returns the updater of a parameter.
   *
   * @param paramName the parameter
   * @return for beta the updater of biases, if there is one; for gamma the updater; for the running
   *     statistics one that does nothing
   */
  @Override
  public IUpdater getUpdaterByParam(String paramName) {
    boolean isBeta = paramName.equals(BatchNormalizationParamInitializer.BETA);
    return isBeta && biasUpdater != null ? biasUpdater : super.getUpdaterByParam(paramName);
  }

  @Override
  public TorchBatchNormalization clone() {
    return (TorchBatchNormalization) super.clone();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TorchBatchNormalization && super.equals(other);
  }

  @Override
  protected boolean canEqual(Object other) {
    return other instanceof TorchBatchNormalization;
  }

  @Override
  public int hashCode() {
    return super.hashCode();
  }

  @Override
  public String toString() {
    return "Torch" + super.toString();
  }

  /** What a {@link TorchBatchNormalization} is to be. */
  @SuppressWarnings("unchecked") // DL4J's build() leaves the type to whoever calls.
  public static final class Builder extends FeedForwardLayer.Builder<Builder> {

    private double momentum = 0.1;
    private double eps = 1e-5;
    private CNN2DFormat format = CNN2DFormat.NCHW;

    /** Starts with PyTorch's defaults. */
    public Builder() {}

    /**
     * Sets how fast the running statistics follow.
     *
     * @param momentum the weight of a batch, {@code >= 0} and {@code <= 1}, by default 0.1
     * @return this builder
     * @throws IllegalArgumentException if the argument is out of its range
     */
    public Builder momentum(double momentum) {
      this.momentum = requireFromZeroToOne("momentum", momentum);
      return this;
    }

    /**
     * Sets what is added to the variance.
     *
     * @param eps the addend, finite and {@code >= 0}, by default 1e-5
     * @return this builder
     * @throws IllegalArgumentException if the argument is out of its range
     */
    public Builder eps(double eps) {
      this.eps = requireNonNegative("eps", eps);
      return this;
    }

    /**
     * Sets where convolutional input has its channels. A network that is given its input type finds
     * it itself.
     *
     * @param format the format, by default channels first
     * @return this builder
     */
    public Builder dataFormat(CNN2DFormat format) {
      this.format = format;
      return this;
    }

    /**
     * Makes the layer.
     *
     * @return the layer
     */
    @Override
    public TorchBatchNormalization build() {
      return new TorchBatchNormalization(this);
    }

    private void fill(TorchBatchNormalization layer) {
      layer.decay = 1 - momentum;
      layer.eps = eps;
      layer.cnn2DFormat = format;
      layer.nIn = nIn == 0 ? nOut : nIn;
      layer.nOut = nOut == 0 ? nIn : nOut;
      layer.layerName = layerName;
      layer.iDropout = iDropout;
      layer.iUpdater = iupdater;
      layer.biasUpdater = biasUpdater;
      layer.regularization = new ArrayList<>(regularization);
      layer.regularizationBias = new ArrayList<>(regularizationBias);
      layer.weightNoise = weightNoise;
      layer.gradientNormalization = gradientNormalization;
      layer.gradientNormalizationThreshold = gradientNormalizationThreshold;
    }
  }
}
