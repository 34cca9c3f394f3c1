package io.github.dl4jtorch.adapter;

import java.util.Map;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.samediff.SDLayerParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffLayer;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A dense layer with tanh that is written in SameDiff. */
public final class SameDiffDense extends SameDiffLayer {

  private int in;
  private int out;

  /** Reads the layer from JSON. */
  SameDiffDense() {}

  SameDiffDense(int in, int out) {
    this.in = in;
    this.out = out;
  }

  public int getIn() {
    return in;
  }

  public void setIn(int in) {
    this.in = in;
  }

  public int getOut() {
    return out;
  }

  public void setOut(int out) {
    this.out = out;
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    return InputType.feedForward(out);
  }

  @Override
  public void defineParameters(SDLayerParams params) {
    params.addWeightParam("W", in, out);
    params.addBiasParam("b", 1, out);
  }

  @Override
  public void initializeParameters(Map<String, INDArray> params) {
    initWeights(in, out, WeightInit.XAVIER, params.get("W"));
    params.get("b").assign(0);
  }

  @Override
  public SDVariable defineLayer(
      SameDiff sameDiff, SDVariable input, Map<String, SDVariable> params, SDVariable mask) {
    return sameDiff.math().tanh(input.mmul(params.get("W")).add(params.get("b")));
  }
}
