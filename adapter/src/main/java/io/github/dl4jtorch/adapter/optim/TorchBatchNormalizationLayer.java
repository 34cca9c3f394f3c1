package io.github.dl4jtorch.adapter.optim;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.normalization.BatchNormalization;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;

/** DL4J's batch normalization at work, with a running variance that has no bias. */
final class TorchBatchNormalizationLayer extends BatchNormalization {

  private static final long serialVersionUID = 1L;

  TorchBatchNormalizationLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    if (training && valuesPerChannel() == 1) {
      throw new IllegalStateException(
          "batch normalization must see more than 1 value per channel in training but was given a batch"
              + " of shape "
              + Arrays.toString(input.shape())
              + " in "
              + layerId());
    }
    return super.activate(training, workspaceMgr);
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    double values = (double) valuesPerChannel();
    Pair<Gradient, INDArray> result = super.backpropGradient(epsilon, workspaceMgr);
    // DL4J moves the running variance by (1 - decay) (running - batch), as if it were a gradient.
    String name = BatchNormalizationParamInitializer.GLOBAL_VAR;
    INDArray step = requireNonNull(gradientViews.get(name));
    double correction = values / (values - 1);
    step.muli(correction);
    double excess = (correction - 1) * (1 - layerConf().getDecay());
    Nd4j.exec(new Axpy(params.get(name), step, step, -excess));
    return result;
  }

  private long valuesPerChannel() {
    boolean channelsLast = input.rank() == 4 && layerConf().getCnn2DFormat() == CNN2DFormat.NHWC;
    return input.length() / input.size(channelsLast ? 3 : 1);
  }
}
