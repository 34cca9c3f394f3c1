package io.github.dl4jtorch.adapter.internal;

import java.util.List;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** A {@link DenseLayer} whose gain has an updater and a regularization of its own. */
public final class OpenedDense extends DenseLayer {

  private static final long serialVersionUID = 1L;

  @JsonProperty private GainSlot gain = new GainSlot();

  /** Makes a layer to be filled when it is read from a file. */
  private OpenedDense() {}

  /** Copies a layer, whose gain goes on as it did. */
  OpenedDense(DenseLayer layer) {
    Opened.copy(layer, this);
    setHasLayerNorm(layer.hasLayerNorm());
    setHasBias(layer.hasBias());
    gain = new GainSlot(null, layer.getRegularization());
  }

  GainSlot gain() {
    return gain;
  }

  @Override
  public IUpdater getUpdaterByParam(String paramName) {
    IUpdater own = paramName.equals(DefaultParamInitializer.GAIN_KEY) ? gain.updater() : null;
    return own == null ? super.getUpdaterByParam(paramName) : own;
  }

  @Override
  public @Nullable List<Regularization> getRegularizationByParam(String paramName) {
    return paramName.equals(DefaultParamInitializer.GAIN_KEY)
        ? gain.regularization()
        : super.getRegularizationByParam(paramName);
  }

  @Override
  public void resetLayerDefaultConfig() {
    super.resetLayerDefaultConfig();
    gain = new GainSlot();
  }

  @Override
  public OpenedDense clone() {
    OpenedDense copy = (OpenedDense) super.clone();
    copy.gain = gain.copy();
    return copy;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof OpenedDense that && super.equals(other) && that.gain.equals(gain);
  }

  @Override
  protected boolean canEqual(Object other) {
    return other instanceof OpenedDense;
  }

  @Override
  public int hashCode() {
    return super.hashCode();
  }

  @Override
  public String toString() {
    return super.toString() + " with " + gain;
  }
}
