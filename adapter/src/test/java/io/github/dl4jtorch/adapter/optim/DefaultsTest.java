package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.weights.WeightInitXavier;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.impl.ActivationSigmoid;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.lossfunctions.impl.LossBinaryXENT;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** DL4J's defaults, as the table in docs/updaters.md has them. */
class DefaultsTest {

  private static DenseLayer dense(NeuralNetConfiguration.Builder settings) {
    return (DenseLayer)
        settings
            .list(new DenseLayer.Builder().nIn(2).nOut(2).build())
            .build()
            .getConf(0)
            .getLayer();
  }

  @Test
  void ofLayers() {
    DenseLayer dense = dense(new NeuralNetConfiguration.Builder());
    assertThat(dense.getActivationFn()).isEqualTo(new ActivationSigmoid());
    assertThat(dense.getWeightInitFn()).isEqualTo(new WeightInitXavier());
    assertThat(dense.getBiasInit()).isZero();
    assertThat(dense.getIUpdater()).isEqualTo(new Sgd(1e-3));
    assertThat(dense.getRegularizationByParam("b")).isEmpty();
    BatchNormalization stock = new BatchNormalization.Builder().nOut(2).build();
    assertThat(stock.getDecay()).isEqualTo(0.9);
    assertThat(stock.getEps()).isEqualTo(1e-5);
    assertThat(stock.isUseLogStd()).isTrue();
    assertThat(stock.getRegularizationByParam("gamma")).isNull();
    TorchBatchNormalization own = new TorchBatchNormalization.Builder().nOut(2).build();
    assertThat(own.getDecay()).isEqualTo(0.9);
    assertThat(own.getEps()).isEqualTo(1e-5);
    LSTM lstm = new LSTM.Builder().nIn(2).nOut(2).build();
    assertThat(lstm.getForgetGateBiasInit()).isEqualTo(1.0);
    assertThat(lstm.getGateActivationFn()).isEqualTo(new ActivationSigmoid());
  }

  /** A decay for all layers acts twice, and not on biases. */
  @Test
  void ofWeightDecay() {
    DenseLayer dense = dense(new NeuralNetConfiguration.Builder().weightDecay(0.1));
    assertThat(dense.getRegularizationByParam("W"))
        .isEqualTo(List.of(new WeightDecay(0.1, true), new WeightDecay(0.1, true)));
    assertThat(dense.getRegularizationByParam("b")).isEmpty();
  }

  @Test
  void ofUpdatersAndLosses() {
    assertThat(new Nesterovs().getMomentum()).isEqualTo(0.9);
    assertThat(new Nesterovs().getLearningRate()).isEqualTo(0.1);
    assertThat(new Adam().getLearningRate()).isEqualTo(1e-3);
    assertThat(new Adam().getEpsilon()).isEqualTo(1e-8);
    assertThat(new RmsProp().getLearningRate()).isEqualTo(0.1);
    assertThat(new RmsProp().getRmsDecay()).isEqualTo(0.95);
    assertThat(new RmsProp().getEpsilon()).isEqualTo(1e-8);
    assertThat(new AdaGrad().getLearningRate()).isEqualTo(0.1);
    assertThat(new AdaGrad().getEpsilon()).isEqualTo(1e-6);
    assertThat(new AdaDelta().getRho()).isEqualTo(0.95);
    assertThat(new LossMCXENT().getSoftmaxClipEps()).isEqualTo(1e-10);
    assertThat(new LossBinaryXENT().getClipEps()).isEqualTo(1e-5);
  }
}
