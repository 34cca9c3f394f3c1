package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.PlateauOnScore;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingModelSaver;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.saver.InMemoryModelSaver;
import org.deeplearning4j.earlystopping.saver.LocalFileModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.scorecalc.ROCScoreCalculator;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.earlystopping.termination.EpochTerminationCondition;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.termination.ScoreImprovementEpochTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingGraphTrainer;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Early stopping by the score of the average. */
class EarlyStoppingTest {

  private static final int EPOCHS = 6;
  private static final int START = 2;

  @TempDir private Path folder;

  private static DataSetIterator training() {
    return new ExistingDataSetIterator(Nets.data(3, 6));
  }

  private static ScoreCalculator<Model> loss() {
    return new DataSetLossCalculator(new ExistingDataSetIterator(Nets.data(1, 5)), true);
  }

  private static <M extends Model> EarlyStoppingConfiguration<M> configuration(
      ScoreCalculator<M> score, EarlyStoppingModelSaver<M> saver) {
    return new EarlyStoppingConfiguration.Builder<M>()
        .scoreCalculator(score)
        .modelSaver(saver)
        .saveLastModel(true)
        .epochTerminationConditions(new MaxEpochsTerminationCondition(EPOCHS))
        .build();
  }

  /**
   * What each epoch leaves, in a training that nobody stops: nothing to score, then the average.
   */
  private static <M extends Model & NeuralNetwork> void fit(
      M net, AveragedModel<M> average, List<Double> scores, List<double[]> scored) {
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      Nets.fit(net, Nets.data(3, 6));
      if (epoch >= START) {
        average.updateParameters(net);
        new UpdateBn().run(average.network(), training());
      }
      scores.add(epoch < START ? Double.MAX_VALUE : loss().calculateScore(average.network()));
      scored.add(Nets.params(average.network()));
    }
  }

  private static <M extends Model> void check(
      EarlyStoppingResult<M> result, List<Double> scores, List<double[]> scored) {
    int best = result.getBestModelEpoch();
    assertThat(result.getTotalEpochs()).isEqualTo(EPOCHS);
    assertThat(List.copyOf(result.getScoreVsEpoch().values())).isEqualTo(scores);
    assertThat(scores.get(best)).isEqualTo(scores.stream().min(Double::compare).orElseThrow());
    assertThat(best).isGreaterThanOrEqualTo(START);
    assertThat(Nets.params(result.getBestModel())).isEqualTo(scored.get(best));
  }

  @Test
  void theBestNetworkIsTheAverageThatWasScored() throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    MultiLayerNetwork other = net.clone();
    List<Double> scores = new ArrayList<>();
    List<double[]> scored = new ArrayList<>();
    fit(other, AveragedModel.of(other, Averaging.ema(0.9)), scores, scored);

    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    net.addListeners(AveragingListener.everyEpoch(net, average).startingAt(START));
    AveragedScoreCalculator<MultiLayerNetwork> score =
        new AveragedScoreCalculator<>(average, loss()).updatingBn(training());
    EarlyStoppingModelSaver<MultiLayerNetwork> saver =
        score.saver(new LocalFileModelSaver(folder.toString()));
    EarlyStoppingResult<MultiLayerNetwork> result =
        new EarlyStoppingTrainer(configuration(score, saver), net, training()).fit();
    check(result, scores, scored);
    // Training went on with the raw weights, to the bit.
    assertThat(Nets.params(net)).isEqualTo(Nets.params(other));
    assertThat(Nets.params(saver.getLatestModel())).isEqualTo(Nets.params(net));
  }

  @Test
  void theBestGraphIsTheAverageThatWasScored() throws IOException {
    ComputationGraph graph = Nets.graph(false);
    ComputationGraph other = graph.clone();
    List<Double> scores = new ArrayList<>();
    List<double[]> scored = new ArrayList<>();
    fit(other, AveragedModel.of(other, Averaging.ema(0.9)), scores, scored);

    AveragedModel<ComputationGraph> average = AveragedModel.of(graph, Averaging.ema(0.9));
    graph.addListeners(AveragingListener.everyEpoch(graph, average).startingAt(START));
    AveragedScoreCalculator<ComputationGraph> score =
        new AveragedScoreCalculator<>(average, loss()).updatingBn(training());
    EarlyStoppingModelSaver<ComputationGraph> saver =
        score.saver(new InMemoryModelSaver<ComputationGraph>());
    EarlyStoppingResult<ComputationGraph> result =
        new EarlyStoppingGraphTrainer(configuration(score, saver), graph, training()).fit();
    check(result, scores, scored);
    assertThat(Nets.params(graph)).isEqualTo(Nets.params(other));
    assertThat(Nets.params(saver.getLatestModel())).isEqualTo(Nets.params(graph));
  }

  /** A later update of the average must not reach a model that was saved. */
  @Test
  void theBestModelIsACopy() throws IOException {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.9));
    List<MultiLayerNetwork> kept = new ArrayList<>();
    EarlyStoppingModelSaver<MultiLayerNetwork> saver =
        new AveragedScoreCalculator<>(average, loss()).saver(new Keeping(kept));
    average.updateParameters(net);
    saver.saveBestModel(net, 1);
    double[] before = Nets.params(average.network());
    Nets.fit(net, Nets.data(1, 6));
    average.updateParameters(net);
    assertThat(Nets.params(kept.get(0))).isEqualTo(before);
    assertThat(Nets.params(average.network())).isNotEqualTo(before);
    assertThat(saver.getBestModel()).isSameAs(kept.get(0));
  }

  @SuppressWarnings("serial")
  private record Keeping(List<MultiLayerNetwork> kept)
      implements EarlyStoppingModelSaver<MultiLayerNetwork> {
    @Override
    public void saveBestModel(MultiLayerNetwork net, double score) {
      kept.add(net);
    }

    @Override
    public void saveLatestModel(MultiLayerNetwork net, double score) {}

    @Override
    public MultiLayerNetwork getBestModel() {
      return kept.get(kept.size() - 1);
    }

    @Override
    public MultiLayerNetwork getLatestModel() {
      return kept.get(0);
    }
  }

  /** A calculator that tells whether anything was scored. */
  private static final class Counting extends DataSetLossCalculator {
    private static final long serialVersionUID = 1L;
    int scored;

    Counting() {
      super(new ExistingDataSetIterator(Nets.data(1, 5)), true);
    }

    @Override
    public double calculateScore(Model net) {
      scored++;
      return super.calculateScore(net);
    }
  }

  @Test
  void scoresNothingUntilThereIsAnAverage() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    Nets.fit(net, Nets.data(2, 6));
    Counting counting = new Counting();
    AveragedScoreCalculator<MultiLayerNetwork> score =
        new AveragedScoreCalculator<>(average, counting);
    assertThat(score.minimizeScore()).isTrue();
    assertThat(score.isWaiting()).isTrue();
    assertThat(score.calculateScore(net)).isEqualTo(Double.MAX_VALUE);
    AveragedScoreCalculator<MultiLayerNetwork> area =
        new AveragedScoreCalculator<>(
            average,
            new ROCScoreCalculator(
                ROCScoreCalculator.ROCType.ROC, ROCScoreCalculator.Metric.AUC, training()));
    assertThat(area.minimizeScore()).isFalse();
    assertThat(area.calculateScore(net)).isEqualTo(-Double.MAX_VALUE);
    assertThat(counting.scored).isZero();
    average.updateParameters(net);
    Nets.fit(net, Nets.data(2, 6));
    assertThat(score.isWaiting()).isFalse();
    assertThat(score.calculateScore(net))
        .isEqualTo(loss().calculateScore(average.network()))
        .isNotEqualTo(loss().calculateScore(net));
    average.restart();
    assertThat(score.isWaiting()).isTrue();
  }

  /** The average of these epochs is held back; no improvement is ever enough. */
  private static EarlyStoppingResult<MultiLayerNetwork> stopped(int start, boolean isWaiting) {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    net.addListeners(AveragingListener.everyEpoch(net, average).startingAt(start));
    AveragedScoreCalculator<MultiLayerNetwork> score =
        new AveragedScoreCalculator<>(average, loss());
    EpochTerminationCondition patience = new ScoreImprovementEpochTerminationCondition(2, 1e9);
    return new EarlyStoppingTrainer(
            new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
                .scoreCalculator(score)
                .modelSaver(score.saver(new InMemoryModelSaver<>()))
                .epochTerminationConditions(
                    new MaxEpochsTerminationCondition(9),
                    isWaiting ? score.whenAveraged(patience) : patience)
                .build(),
            net,
            training())
        .fit();
  }

  @Test
  void thePatienceBeginsWithTheFirstAverage() {
    EarlyStoppingResult<MultiLayerNetwork> waited = stopped(4, true);
    // Scored after epochs 4, 5 and 6: one score, and two without an improvement.
    assertThat(waited.getTotalEpochs()).isEqualTo(7);
    assertThat(waited.getTerminationDetails())
        .isEqualTo(
            "ScoreImprovementEpochTerminationCondition(maxEpochsWithNoImprovement=2,"
                + " minImprovement=1.0E9)");
    assertThat(List.copyOf(waited.getScoreVsEpoch().values()).subList(0, 4))
        .containsOnly(Double.MAX_VALUE);
    assertThat(waited.getBestModelEpoch()).isGreaterThanOrEqualTo(4);
    // The number of epochs is no matter of the score.
    assertThat(stopped(8, true).getTotalEpochs()).isEqualTo(9);
    // And this is what DL4J does by itself, having no best model then.
    assertThatThrownBy(() -> stopped(4, false))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "there is no best model, since training ended before anything was averaged: let it train"
                + " for longer, or let the average start earlier");
  }

  /** By a listener of the network, and by one of early stopping. */
  @Test
  void aPlateauWaitsForTheFirstAverage() {
    ReduceLROnPlateau never =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(0)
            .threshold(1e9, ReduceLROnPlateau.ThresholdMode.ABS)
            .build();
    for (boolean isInEarlyStopping : List.of(false, true)) {
      MultiLayerNetwork net = Nets.layers(true);
      AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
      AveragedScoreCalculator<MultiLayerNetwork> score =
          new AveragedScoreCalculator<>(average, loss());
      LRScheduler run = never.attach(NetworkParamGroups.of(net));
      net.addListeners(AveragingListener.everyEpoch(net, average).startingAt(2));
      if (isInEarlyStopping) {
        EarlyStoppingTrainer trainer =
            new EarlyStoppingTrainer(
                configuration(score, score.saver(new InMemoryModelSaver<>())), net, training());
        trainer.setListener(new PlateauOnScore<>(run));
        trainer.fit();
      } else {
        net.addListeners(SchedulerListener.everyEpoch(run, score));
        net.fit(training(), EPOCHS);
      }
      // Steps after epochs 2 to 5, of which the first sets the best and the others are bad.
      assertThat(run.lastEpoch()).isEqualTo(4);
      assertThat(run.getLastLr()).containsExactly(0.05 / 8);
    }
  }

  @Test
  void refusesStatisticsForAnAverageThatHasItsOwn() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(net, Averaging.equal().useBuffers(true));
    AveragedScoreCalculator<MultiLayerNetwork> score =
        new AveragedScoreCalculator<>(average, loss());
    assertThatThrownBy(() -> score.updatingBn(training()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the average must not average the running statistics, which update_bn would overwrite"
                + " before each score, but its averaging is Averaging[Equal[], useBuffers=true]");
  }
}
