package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInitXavier;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSigmoid;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossBinaryXENT;
import org.nd4j.linalg.lossfunctions.impl.LossL2;
import org.nd4j.linalg.lossfunctions.impl.LossMAE;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.linalg.lossfunctions.impl.LossMSE;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** The defaults of DL4J, of PyTorch and of this project, as docs/updaters.md has them. */
class DefaultsTest {

  private static <T extends FeedForwardLayer> T built(
      NeuralNetConfiguration.Builder settings, T layer) {
    layer.setNIn(2);
    layer.setNOut(2);
    settings.list(layer).build();
    return layer;
  }

  private static <T extends FeedForwardLayer> T built(T layer) {
    return built(new NeuralNetConfiguration.Builder(), layer);
  }

  @Test
  void ofLayers() {
    DenseLayer dense = built(new DenseLayer.Builder().build());
    assertThat(dense.getActivationFn()).isEqualTo(new ActivationSigmoid());
    assertThat(dense.getWeightInitFn()).isEqualTo(new WeightInitXavier());
    assertThat(dense.getBiasInit()).isZero();
    assertThat(dense.getIUpdater()).isEqualTo(new Sgd(1e-3));
    assertThat(dense.getRegularizationByParam("b")).isEmpty();
    assertThat(dense.hasLayerNorm()).isFalse();
    ConvolutionLayer convolution = built(new ConvolutionLayer.Builder().build());
    assertThat(convolution.getActivationFn()).isEqualTo(new ActivationSigmoid());
    assertThat(convolution.getKernelSize()).containsExactly(5, 5);
    assertThat(convolution.getStride()).containsExactly(1, 1);
    assertThat(convolution.getPadding()).containsExactly(0, 0);
    SubsamplingLayer pooling = new SubsamplingLayer.Builder(3, 3).build();
    assertThat(pooling.getStride()).containsExactly(2, 2);
    assertThat(built(new OutputLayer.Builder(LossFunction.MSE).build()).getActivationFn())
        .isEqualTo(new ActivationSoftmax());
    EmbeddingLayer embedding = built(new EmbeddingLayer.Builder().build());
    assertThat(embedding.getActivationFn()).isEqualTo(new ActivationIdentity());
    assertThat(embedding.getWeightInitFn()).isEqualTo(new WeightInitXavier());
    assertThat(built(new SimpleRnn.Builder().build()).getActivationFn())
        .isEqualTo(new ActivationSigmoid());
    LSTM lstm = built(new LSTM.Builder().build());
    assertThat(lstm.getActivationFn()).isEqualTo(new ActivationSigmoid());
    assertThat(lstm.getForgetGateBiasInit()).isEqualTo(1.0);
    assertThat(lstm.getGateActivationFn()).isEqualTo(new ActivationSigmoid());
    DenseLayer dropped = built(new DenseLayer.Builder().dropOut(0.8).build());
    assertThat(((Dropout) dropped.getIDropout()).getP()).isEqualTo(0.8);
    MultiLayerNetwork net = new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(1)));
    assertThat(new NeuralNetConfiguration.Builder().build().getDataType())
        .isEqualTo(DataType.FLOAT);
    assertThat(net.conf().isMiniBatch()).isTrue();
  }

  /** A fact of DL4J that the documentation tells of. */
  @Test
  void ofALayerNormalizationThatCannotBeTrained() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new SimpleRnn.Builder().nIn(2).nOut(3).hasLayerNorm(true).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(3)
                        .nOut(1)
                        .activation(Activation.IDENTITY)
                        .build())
                .build());
    DataSet sequence =
        new DataSet(Nd4j.ones(DataType.DOUBLE, 3, 2, 5), Nd4j.ones(DataType.DOUBLE, 3, 1, 5));
    assertThatThrownBy(() -> net.fit(sequence)).isInstanceOf(RuntimeException.class);
  }

  @Test
  void ofBatchNormalization() {
    BatchNormalization stock = new BatchNormalization.Builder().nOut(2).build();
    assertThat(stock.getDecay()).isEqualTo(0.9);
    assertThat(stock.getEps()).isEqualTo(1e-5);
    assertThat(stock.isUseLogStd()).isTrue();
    assertThat(stock.getRegularizationByParam("gamma")).isNull();
    TorchBatchNormalization own = new TorchBatchNormalization.Builder().nOut(2).build();
    assertThat(own.getDecay()).isEqualTo(0.9);
    assertThat(own.getEps()).isEqualTo(1e-5);
  }

  /** A decay for all layers acts twice, and not on biases. */
  @Test
  void ofWeightDecay() {
    DenseLayer dense =
        built(
            new NeuralNetConfiguration.Builder().weightDecay(0.1),
            new DenseLayer.Builder().build());
    assertThat(dense.getRegularizationByParam("W"))
        .isEqualTo(List.of(new WeightDecay(0.1, true), new WeightDecay(0.1, true)));
    assertThat(dense.getRegularizationByParam("b")).isEmpty();
    INDArray ones = Nd4j.ones(DataType.DOUBLE, 4);
    assertThat(new L2Regularization(0.1).score(ones, 0, 0)).isEqualTo(0.2);
  }

  @Test
  void ofUpdaters() {
    assertThat(new Nesterovs().getMomentum()).isEqualTo(0.9);
    for (IUpdater updater :
        List.of(new Sgd(), new Adam(), new AMSGrad(), new Nadam(), new AdaMax())) {
      assertThat(updater.getLearningRate(0, 0)).isEqualTo(1e-3);
    }
    for (IUpdater updater : List.of(new Nesterovs(), new RmsProp(), new AdaGrad())) {
      assertThat(updater.getLearningRate(0, 0)).isEqualTo(0.1);
    }
    assertThat(new Adam().getBeta1()).isEqualTo(0.9);
    assertThat(new Adam().getBeta2()).isEqualTo(0.999);
    assertThat(new Adam().getEpsilon()).isEqualTo(1e-8);
    assertThat(new RmsProp().getRmsDecay()).isEqualTo(0.95);
    assertThat(new RmsProp().getEpsilon()).isEqualTo(1e-8);
    assertThat(new AdaGrad().getEpsilon()).isEqualTo(1e-6);
    assertThat(new AdaDelta().hasLearningRate()).isFalse();
    assertThat(new AdaDelta().getRho()).isEqualTo(0.95);
    assertThat(new AdaDelta().getEpsilon()).isEqualTo(1e-6);
  }

  @Test
  void ofLosses() {
    assertThat(new LossMCXENT().getSoftmaxClipEps()).isEqualTo(1e-10);
    assertThat(new LossBinaryXENT().getClipEps()).isEqualTo(1e-5);
    INDArray ones = Nd4j.ones(DataType.DOUBLE, 3, 2);
    for (ILossFunction loss : List.of(new LossMSE(), new LossMAE())) {
      assertThat(loss.computeScore(ones, ones.mul(2), new ActivationIdentity(), null, true))
          .isEqualTo(1);
    }
    assertThat(new LossL2().computeScore(ones, ones.mul(2), new ActivationIdentity(), null, true))
        .isEqualTo(2);
  }

  /** Where PyTorch's mean is over time steps, too. */
  @Test
  void ofLossesOverTime() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0))
                .list(
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(2)
                        .nOut(1)
                        .activation(Activation.IDENTITY)
                        .build())
                .build());
    net.params().assign(0);
    INDArray inputs = Nd4j.ones(DataType.DOUBLE, 3, 2, 5);
    INDArray labels = Nd4j.ones(DataType.DOUBLE, 3, 1, 5);
    assertThat(net.score(new DataSet(inputs, labels))).isEqualTo(5);
  }

  /** Our own are PyTorch's, but for the rate, which must be given. */
  @Test
  void ofPyTorch() throws IOException {
    Map<String, Map<String, Object>> torch;
    try (InputStream in = DefaultsTest.class.getResourceAsStream("/defaults/torch.json")) {
      var read = new ObjectMapper().readValue(in, new TypeReference<Map<String, Object>>() {});
      assertThat(read.remove("torch")).asString().startsWith("1.13");
      torch = new ObjectMapper().convertValue(read, new TypeReference<>() {});
    }
    for (TorchUpdater updater :
        List.of(
            new TorchSGD(1),
            new TorchAdam(1),
            new TorchAdamW(1),
            new TorchNAdam(1),
            new TorchRAdam(1),
            new TorchAdamax(1),
            new TorchAdadelta(1),
            new TorchAdagrad(1),
            new TorchRMSprop(1),
            new TorchASGD(1),
            new TorchRprop(1))) {
      String name = updater.getClass().getSimpleName().substring("Torch".length());
      Map<String, Object> expected = torch.get(name);
      updater
          .settings()
          .forEach(
              (setting, value) ->
                  assertThat(value.toString())
                      .as("%s of %s", setting, name)
                      .isEqualTo(text(expected.get(setting))));
      assertThat(expected.getOrDefault("weight_decay", 0))
          .hasToString(name.equals("AdamW") ? "" + TorchAdamW.WEIGHT_DECAY : "0");
    }
    assertThat(torch.get("BatchNorm2d")).containsEntry("eps", 1e-5).containsEntry("momentum", 0.1);
    assertThat(torch.get("LayerNorm")).containsEntry("eps", 1e-5);
    assertThat(torch.get("Conv2d")).containsEntry("stride", 1).containsEntry("padding", 0);
    assertThat(torch.get("CrossEntropyLoss")).containsEntry("label_smoothing", 0.0);
    assertThat(torch.get("SGD")).doesNotContainKey("lr");
    Map.of(
            "Adam",
            1e-3,
            "AdamW",
            1e-3,
            "RAdam",
            1e-3,
            "NAdam",
            2e-3,
            "Adamax",
            2e-3,
            "RMSprop",
            0.01,
            "Adagrad",
            0.01,
            "Adadelta",
            1.0,
            "ASGD",
            0.01,
            "Rprop",
            0.01)
        .forEach((name, lr) -> assertThat(torch.get(name)).containsEntry("lr", lr));
  }

  /** Those that PyTorch 1.13 has not, by the signatures of 2.9. */
  @Test
  void ofNewerPyTorch() {
    assertThat(new TorchAdafactor(0.01))
        .hasToString("TorchAdafactor[lr=0.01, beta2_decay=-0.8, eps=[null, 0.001], d=1.0]");
    assertThat(new TorchAdafactor(0.01).defaultWeightDecay()).isZero();
    assertThat(new TorchMuon(1e-3))
        .hasToString(
            "TorchMuon[lr=0.001, momentum=0.95, nesterov=true, ns_coefficients=[3.4445, -4.775,"
                + " 2.0315], eps=1.0E-7, ns_steps=5, adjust_lr_fn=original]");
    assertThat(new TorchMuon(1e-3).defaultWeightDecay()).isEqualTo(0.1);
  }

  /** Python writes a whole number without a point. */
  private static String text(Object value) {
    if (value instanceof List<?> list) {
      return list.stream().map(DefaultsTest::text).toList().toString();
    }
    return value instanceof Integer whole ? String.valueOf(whole.doubleValue()) : "" + value;
  }
}
