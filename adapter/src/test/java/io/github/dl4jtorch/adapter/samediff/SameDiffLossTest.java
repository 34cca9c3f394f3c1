package io.github.dl4jtorch.adapter.samediff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Graphs;
import java.util.List;
import java.util.stream.DoubleStream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.listeners.records.History;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.dataset.adapter.SingletonMultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

class SameDiffLossTest {

  private static final INDArray FEATURES =
      Nd4j.createFromArray(new double[][] {{1, 2, 3}, {0.1, -2, 1}, {4, 0.5, -1}});
  private static final INDArray LABELS =
      Nd4j.createFromArray(new double[][] {{1, 0}, {0, 2}, {3, 3}});

  /** A linear model under a mean squared error, and a second loss of 0.25 if asked for. */
  private static SameDiff squared(boolean isTwice) {
    SameDiff sd = SameDiff.create();
    SDVariable in = sd.placeHolder("in", DataType.DOUBLE, -1, 3);
    SDVariable label = sd.placeHolder("label", DataType.DOUBLE, -1, 2);
    SDVariable weights = sd.var("w", Nd4j.linspace(DataType.DOUBLE, -0.5, 0.3, 6).reshape(3, 2));
    SDVariable loss = sd.math().square(in.mmul(weights).sub(label)).mean("loss");
    if (isTwice) {
      sd.setLossVariables(loss.name(), sd.var("s", Nd4j.scalar(0.5)).mul("other", 0.5).name());
    } else {
      sd.setLossVariables(loss.name());
    }
    sd.setTrainingConfig(Graphs.config(new Sgd(0.01)));
    return sd;
  }

  /** Computes the loss of each example from the numbers alone. */
  private static double[] byHand() {
    double[] losses = new double[3];
    for (int row = 0; row < 3; row++) {
      for (int column = 0; column < 2; column++) {
        double off = -LABELS.getDouble(row, column);
        for (int k = 0; k < 3; k++) {
          off += FEATURES.getDouble(row, k) * (-0.5 + 0.3 * (2 * k + column));
        }
        losses[row] += off * off / 2;
      }
    }
    return losses;
  }

  private static ListDataSetIterator<DataSet> data() {
    return new ListDataSetIterator<>(new DataSet(FEATURES, LABELS).asList(), 2);
  }

  @Test
  void isTheMeanOverTheExamples() {
    SameDiff sd = squared(false);
    SameDiffLoss loss = SameDiffLoss.on(data());
    double expected = DoubleStream.of(byHand()).sum() / 3;
    assertThat(loss.applyAsDouble(sd)).isCloseTo(expected, within(1e-14));
    assertThat(loss.applyAsDouble(sd)).isCloseTo(expected, within(1e-14));
    assertThat(SameDiffLoss.on(new SingletonMultiDataSetIterator(masked(null))).applyAsDouble(sd))
        .isCloseTo(expected, within(1e-14));
  }

  private static MultiDataSet masked(INDArray mask) {
    return new MultiDataSet(
        new INDArray[] {FEATURES},
        new INDArray[] {LABELS},
        null,
        mask == null ? null : new INDArray[] {mask});
  }

  @Test
  void addsUpSeveralLosses() {
    assertThat(SameDiffLoss.on(data()).applyAsDouble(squared(true)))
        .isCloseTo(DoubleStream.of(byHand()).sum() / 3 + 0.25, within(1e-14));
  }

  @Test
  void hasMasks() {
    SameDiff sd = SameDiff.create();
    SDVariable in = sd.placeHolder("in", DataType.DOUBLE, -1, 3);
    SDVariable label = sd.placeHolder("label", DataType.DOUBLE, -1, 2);
    SDVariable mask = sd.placeHolder("mask", DataType.DOUBLE, -1, 1);
    SDVariable weights = sd.var("w", Nd4j.linspace(DataType.DOUBLE, -0.5, 0.3, 6).reshape(3, 2));
    sd.setLossVariables(sd.math().square(in.mmul(weights).sub(label)).mul(mask).sum("loss").name());
    sd.setTrainingConfig(
        new TrainingConfig.Builder()
            .updater(new Sgd(0.01))
            .dataSetFeatureMapping("in")
            .dataSetLabelMapping("label")
            .dataSetLabelMaskMapping("mask")
            .build());
    INDArray second = Nd4j.createFromArray(new double[][] {{0}, {1}, {0}});
    assertThat(SameDiffLoss.on(new SingletonMultiDataSetIterator(masked(second))).applyAsDouble(sd))
        .isCloseTo(2 * byHand()[1], within(1e-14));
  }

  /** Why a plateau cannot be stepped by what SameDiff calls its loss. */
  @Test
  void isNotWhatSameDiffItselfRecords() {
    SameDiff sd = squared(false);
    History history = sd.fit(data(), 1);
    assertThat(history.lossCurve().meanLoss(0).totalLoss()).isZero();
    assertThat(SameDiffLoss.on(data()).applyAsDouble(sd)).isGreaterThan(1);
  }

  @Test
  void refusesAGraphWithoutALossAndDataWithoutABatch() {
    String message =
        "the SameDiff must have a training configuration and loss variables to have a loss: call"
            + " setTrainingConfig and setLossVariables";
    assertThatIllegalStateException()
        .isThrownBy(() -> SameDiffLoss.on(data()).applyAsDouble(SameDiff.create()))
        .withMessage(message);
    SameDiff sd = SameDiff.create();
    sd.setTrainingConfig(Graphs.config(new Sgd(0.01)));
    assertThatIllegalStateException()
        .isThrownBy(() -> SameDiffLoss.on(data()).applyAsDouble(sd))
        .withMessage(message);
    SameDiffLoss none = SameDiffLoss.on(new ListDataSetIterator<>(List.<DataSet>of(), 1));
    assertThatIllegalStateException()
        .isThrownBy(() -> none.applyAsDouble(squared(false)))
        .withMessage("data must hold at least one batch but hold none");
  }
}
