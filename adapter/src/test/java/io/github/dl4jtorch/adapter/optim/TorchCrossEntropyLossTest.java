package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.nio.file.Path;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationSigmoid;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

class TorchCrossEntropyLossTest {

  private static final TorchCrossEntropyLoss PLAIN = new TorchCrossEntropyLoss();
  private static final TorchCrossEntropyLoss SMOOTH = PLAIN.withLabelSmoothing(0.1);
  private static final IActivation SOFTMAX = new ActivationSoftmax();

  private static final INDArray X =
      Nd4j.createFromArray(new double[][] {{2, -1, 0.5}, {0.1, 0.2, -0.3}, {-1, 3, 800}});
  private static final INDArray LABELS =
      Nd4j.createFromArray(new double[][] {{1, 0, 0}, {0, 0, 1}, {0, 1, 0}});

  private static void assertClose(INDArray actual, double... expected) {
    assertThat(actual.reshape(actual.length()).toDoubleVector())
        .containsExactly(expected, within(1e-14));
  }

  /**
   * Numbers of PyTorch 1.13, one example with a logit that rounds the others' probabilities to 0.
   */
  @Test
  void hasPyTorchsLossAndGradient() {
    assertThat(PLAIN.computeScore(LABELS, X, SOFTMAX, null, true))
        .isCloseTo(266.22071298407013, within(1e-12));
    assertClose(
        PLAIN.computeGradient(LABELS, X, SOFTMAX, null),
        -0.21440296541072412,
        0.03911257327068745,
        0.1752903921400367, //
        0.3602966152405401,
        0.39818934104493603,
        -0.7584859562854761, //
        0.0,
        -1.0,
        1.0);
    assertThat(SMOOTH.computeScore(LABELS, X, SOFTMAX, null, true))
        .isCloseTo(257.449601872959, within(1e-12));
    assertThat(SMOOTH.computeScore(LABELS, X, SOFTMAX, null, false))
        .isCloseTo(3 * 257.449601872959, within(1e-12));
    INDArray each = SMOOTH.computeScoreArray(LABELS, X, SOFTMAX, null);
    assertThat(each.shape()).containsExactly(3, 1);
    assertThat(each.reshape(3).toDoubleVector())
        .containsExactly(
            new double[] {0.391311296657157, 1.3908276555532595, 770.5666666666667}, within(1e-12));
    assertClose(
        SMOOTH.computeGradient(LABELS, X, SOFTMAX, null),
        -0.14773629874405747,
        0.0057792399373541165,
        0.14195705880670337, //
        0.32696328190720675,
        0.3648560077116027,
        -0.6918192896188095, //
        -0.03333333333333333,
        -0.9333333333333333,
        0.9666666666666667);
  }

  @Test
  void leavesOutWhatIsMasked() {
    INDArray mask = Nd4j.createFromArray(new double[][] {{1}, {1}, {0}});
    assertThat(SMOOTH.computeScore(LABELS, X, SOFTMAX, mask, true))
        .isCloseTo((0.391311296657157 + 1.3908276555532595) / 3, within(1e-13));
    assertClose(
        SMOOTH.computeGradient(LABELS, X, SOFTMAX, mask),
        -0.14773629874405747,
        0.0057792399373541165,
        0.14195705880670337, //
        0.32696328190720675,
        0.3648560077116027,
        -0.6918192896188095, //
        0,
        0,
        0);
    assertThat(SMOOTH.computeGradientAndScore(LABELS, X, SOFTMAX, mask, true).getFirst())
        .isEqualTo(SMOOTH.computeScore(LABELS, X, SOFTMAX, mask, true));
  }

  /** A time step that is left out has no part in the loss, whatever its labels are. */
  @Test
  void leavesOutTimeSteps() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .list(
                    new RnnOutputLayer.Builder(SMOOTH)
                        .nIn(3)
                        .nOut(3)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.getParam("0_W").assign(Nd4j.eye(3).castTo(X.dataType()));
    INDArray features = X.getRows(0, 1).transpose().reshape('c', 1, 3, 2);
    INDArray labels = LABELS.getRows(0, 1).transpose().reshape('c', 1, 3, 2);
    INDArray mask = Nd4j.createFromArray(new double[][] {{1, 0}});
    assertThat(net.score(new DataSet(features, labels, null, mask)))
        .isCloseTo(0.391311296657157, within(1e-13));
  }

  private static MultiLayerConfiguration configuration() {
    return Nets.settings(new Sgd(0.1))
        .list(new OutputLayer.Builder(SMOOTH).nIn(3).nOut(3).activation(Activation.SOFTMAX).build())
        .build();
  }

  @Test
  void goesWhereTheNetworkGoes(@TempDir Path folder) throws IOException {
    MultiLayerConfiguration read = MultiLayerConfiguration.fromJson(configuration().toJson());
    assertThat(read).isEqualTo(configuration());
    assertThat(((OutputLayer) read.getConf(0).getLayer()).getLossFn()).isEqualTo(SMOOTH);
    MultiLayerNetwork net = Nets.init(configuration());
    CheckpointWriter.of(net).save(folder.resolve("training.zip"));
    MultiLayerNetwork loaded =
        TrainingCheckpoint.load(folder.resolve("training.zip")).network(MultiLayerNetwork.class);
    DataSet data = new DataSet(X, LABELS);
    assertThat(loaded.score(data)).isEqualTo(net.score(data));
    assertThat(SMOOTH)
        .isNotEqualTo(PLAIN)
        .hasToString("TorchCrossEntropyLoss[label_smoothing=0.1]");
    assertThat(SMOOTH.labelSmoothing()).isEqualTo(0.1);
  }

  @Test
  void refusesWhatIsWrong() {
    assertThatThrownBy(() -> PLAIN.withLabelSmoothing(1.5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("labelSmoothing must be >= 0 and <= 1 but was 1.5");
    assertThatThrownBy(() -> SMOOTH.computeScore(LABELS, X, new ActivationSigmoid(), null, true))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "activation must be SOFTMAX in an output layer with TorchCrossEntropyLoss but was"
                + " sigmoid");
    assertThatThrownBy(() -> SMOOTH.computeScore(LABELS.getRows(0, 1), X, SOFTMAX, null, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("labels must have the shape of the output, [3, 3], but had [2, 3]");
  }
}
