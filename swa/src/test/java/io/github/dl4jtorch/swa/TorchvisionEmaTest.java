package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.SequentialLR;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.saver.InMemoryModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * A training that {@code golden/torchvision-ema/make.py} ran in PyTorch, followed batch by batch.
 */
class TorchvisionEmaTest {

  private static final double TOLERANCE = 1e-12;
  private static final int BATCHES = 5;
  private static final JsonNode GOLDEN = golden();
  private static final int EPOCHS = GOLDEN.get("epochs").intValue();
  private static final int WARMUP = GOLDEN.get("warmup").intValue();
  private static final int STEPS = GOLDEN.get("steps").intValue();

  /** DL4J's names and PyTorch's. */
  private static final Map<String, String> NAMES =
      Map.of(
          "0_W", "0.weight",
          "0_b", "0.bias",
          "1_gamma", "1.weight",
          "1_beta", "1.bias",
          "1_mean", "1.running_mean",
          "1_var", "1.running_var",
          "3_W", "3.weight",
          "3_b", "3.bias");

  @TempDir private Path folder;

  private static JsonNode golden() {
    try (InputStream in =
        TorchvisionEmaTest.class.getResourceAsStream("/golden/torchvision-ema/training.json")) {
      return new ObjectMapper().readTree(Objects.requireNonNull(in));
    } catch (IOException unreadable) {
      throw new AssertionError(unreadable);
    }
  }

  private static double[][] matrix(JsonNode rows) {
    return new ObjectMapper().convertValue(rows, double[][].class);
  }

  private static INDArray array(JsonNode values) {
    return values.get(0).isArray()
        ? Nd4j.createFromArray(matrix(values)).transpose()
        : Nd4j.createFromArray(new ObjectMapper().convertValue(values, double[].class));
  }

  private static List<DataSet> data() {
    List<DataSet> data = new ArrayList<>();
    for (int batch = 0; batch < BATCHES; batch++) {
      JsonNode labels = GOLDEN.get("labels").get(batch);
      INDArray oneHot = Nd4j.zeros(DataType.DOUBLE, labels.size(), 2);
      for (int row = 0; row < labels.size(); row++) {
        oneHot.putScalar(row, labels.get(row).intValue(), 1);
      }
      data.add(
          new DataSet(Nd4j.createFromArray(matrix(GOLDEN.get("features").get(batch))), oneHot));
    }
    return data;
  }

  private static DataSetIterator batches() {
    return new ExistingDataSetIterator(data());
  }

  private static MultiLayerNetwork network() {
    TorchOptimizer optimizer = TorchOptimizer.of(new TorchSGD(0.2).withMomentum(0.9));
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .list(
                    optimizer
                        .applyTo(
                            new DenseLayer.Builder().nIn(3).nOut(4).activation(Activation.IDENTITY))
                        .build(),
                    optimizer.applyTo(new TorchBatchNormalization.Builder().nIn(4).nOut(4)).build(),
                    new ActivationLayer(Activation.RELU),
                    optimizer
                        .applyTo(
                            new OutputLayer.Builder(new LossMCXENT(0.0, null))
                                .nIn(4)
                                .nOut(2)
                                .activation(Activation.SOFTMAX))
                        .build())
                .build());
    net.init();
    NAMES.forEach(
        (own, torch) -> net.getParam(own).assign(array(GOLDEN.get("initial").get(torch))));
    return net;
  }

  private static double deviation(MultiLayerNetwork net, JsonNode expected) {
    double worst = 0;
    for (Map.Entry<String, String> names : NAMES.entrySet()) {
      double[] ours = Nets.param(net, names.getKey());
      double[] theirs = array(expected.get(names.getValue())).dup('c').ravel().toDoubleVector();
      assertThat(ours).hasSameSizeAs(theirs);
      for (int i = 0; i < ours.length; i++) {
        worst =
            Math.max(worst, Math.abs(ours[i] - theirs[i]) / Math.max(1e-3, Math.abs(theirs[i])));
      }
    }
    return worst;
  }

  private static Averaging averaging() {
    return Averaging.torchvision()
        .decay(GOLDEN.get("decay").doubleValue())
        .batchSize(GOLDEN.get("batch_size").intValue())
        .everyBatches(STEPS)
        .epochs(EPOCHS)
        .build();
  }

  private static AveragingListener<MultiLayerNetwork> listener(
      MultiLayerNetwork net, AveragedModel<MultiLayerNetwork> average) {
    return AveragingListener.everyIteration(net, average)
        .withInterval(STEPS)
        .anewInEachEpoch()
        .restartingUntil(WARMUP);
  }

  /** A training, with what it must be after each iteration. */
  private static final class Training extends BaseTrainingListener {
    final MultiLayerNetwork net;
    final LRScheduler run;
    final AveragedModel<MultiLayerNetwork> average;
    final AveragingListener<MultiLayerNetwork> averaging;
    double worst;
    int seen;

    Training(MultiLayerNetwork net, LRScheduler run) {
      this.net = net;
      this.run = run;
      average = AveragedModel.of(net, averaging());
      averaging = listener(net, average);
    }

    static Training begin() {
      MultiLayerNetwork net = network();
      return new Training(
          net,
          new SequentialLR(
                  List.of(new LinearLR(0.01, 1, WARMUP), new CosineAnnealingLR(EPOCHS - WARMUP)),
                  List.of(WARMUP))
              .attach(NetworkParamGroups.of(net)));
    }

    void addListeners() {
      net.addListeners(SchedulerListener.everyEpoch(run), averaging, this);
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      JsonNode expected = GOLDEN.get("trace").get(iteration / BATCHES);
      JsonNode batch = expected.get("iterations").get(iteration % BATCHES);
      assertThat(net.getLearningRate(0)).isCloseTo(expected.get("lr").doubleValue(), within(1e-15));
      assertThat(average.nAveraged())
          .as("n_averaged after iteration %d", iteration)
          .isEqualTo(batch.get("n_averaged").longValue());
      worst = Math.max(worst, deviation(average.network(), batch.get("average")));
      if (iteration % BATCHES == BATCHES - 1) {
        worst = Math.max(worst, deviation(net, expected.get("model")));
      }
      assertThat(worst).as("deviation after iteration %d", iteration).isLessThan(TOLERANCE);
      seen++;
    }
  }

  @Test
  void followsPyTorchBatchByBatch() {
    Training training = Training.begin();
    training.addListeners();
    training.net.fit(batches(), EPOCHS);
    System.out.printf("torchvision's EMA: %.1e in %d batches%n", training.worst, training.seen);
    assertThat(training.seen).isEqualTo(EPOCHS * BATCHES);
  }

  /** Epochs that are told in other ways. */
  @Test
  void followsPyTorchInLoopsOverBatches() {
    Training told = Training.begin();
    SchedulerListener rate = SchedulerListener.everyEpoch(told.run);
    told.net.addListeners(told.averaging, told);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      Nets.fit(told.net, data());
      rate.stepEpoch();
      told.averaging.stepEpoch();
    }
    assertThat(told.seen).isEqualTo(EPOCHS * BATCHES);

    Training looped = Training.begin();
    looped.net.addListeners(looped.averaging, looped);
    EpochLoop.of(looped.net, SchedulerListener.everyEpoch(looped.run))
        .fit(EPOCHS, () -> Nets.fit(looped.net, data()));
    assertThat(looped.seen).isEqualTo(EPOCHS * BATCHES);
  }

  /** Early stopping counts the epochs from 0 again. */
  @Test
  void followsPyTorchWhereTheCountOfEpochsIsSetBack() {
    Training training = Training.begin();
    training.addListeners();
    training.net.fit(batches(), 1);
    AveragedScoreCalculator<MultiLayerNetwork> score =
        new AveragedScoreCalculator<>(training.average, new DataSetLossCalculator(batches(), true));
    List<Double> scores =
        List.copyOf(
            new EarlyStoppingTrainer(
                    new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
                        .scoreCalculator(score)
                        .modelSaver(score.saver(new InMemoryModelSaver<>()))
                        .epochTerminationConditions(new MaxEpochsTerminationCondition(EPOCHS - 1))
                        .build(),
                    training.net,
                    batches())
                .fit()
                .getScoreVsEpoch()
                .values());
    assertThat(training.seen).isEqualTo(EPOCHS * BATCHES);
    // The last epoch of the warm-up has a copy of the network, and no average.
    assertThat(scores.get(0)).isEqualTo(Double.MAX_VALUE);
    assertThat(scores.subList(1, EPOCHS - 1)).allMatch(value -> value < 10);
  }

  /** In the warm-up and behind it, before, at and after an update, and between two epochs. */
  @ParameterizedTest
  @ValueSource(ints = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 22, 29})
  void goesOnToTheBit(int saved) throws IOException {
    Training expected = Training.begin();
    expected.addListeners();
    expected.net.fit(batches(), EPOCHS);

    Training first = Training.begin();
    first.addListeners();
    CheckpointWriter writer =
        CheckpointWriter.of(first.net).with("run", first.run).with("averaging", first.averaging);
    first.net.addListeners(
        TrainingCheckpointListener.everyIteration(writer, folder).withInterval(saved).keepLast(1));
    first.net.fit(batches(), (saved + BATCHES - 1) / BATCHES);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
    Training resumed =
        new Training(checkpoint.network(MultiLayerNetwork.class), checkpoint.run("run"));
    resumed.averaging.restore(checkpoint.part("averaging"));
    resumed.addListeners();
    assertThat(resumed.net.getIterationCount()).isEqualTo(saved);
    resumed.net.fit(checkpoint.remaining(batches()));
    while (resumed.net.getEpochCount() < EPOCHS) {
      resumed.net.fit(batches());
    }
    assertThat(resumed.seen).isEqualTo(EPOCHS * BATCHES - saved);
    assertThat(resumed.average.nAveraged()).isEqualTo(expected.average.nAveraged());
    assertThat(Nets.params(resumed.average.network()))
        .isEqualTo(Nets.params(expected.average.network()));
    assertThat(resumed.averaging.values()).isEqualTo(expected.averaging.values());
  }

  /** The copy follows after epochs, too. */
  @Test
  void anAverageByEpochBeginsAnewUntilThen() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> averaging =
        AveragingListener.everyEpoch(net, average).restartingUntil(2);
    net.addListeners(averaging);
    DataSetIterator data = new ExistingDataSetIterator(Nets.data(2, 6));
    net.fit(data, 2);
    assertThat(average.nAveraged()).isZero();
    assertThat(Nets.params(average.network())).isEqualTo(Nets.params(net));
    assertThatThrownBy(() -> averaging.finish(data))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the average must hold a model before it is finished, but it begins anew until epoch 2,"
                + " and there were only 2");
    net.fit(data, 2);
    assertThat(average.nAveraged()).isEqualTo(2);
  }

  @Test
  void refusesWhatCannotWork() {
    MultiLayerNetwork net = Nets.layers(true);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    AveragingListener<MultiLayerNetwork> byEpoch = AveragingListener.everyEpoch(net, average);
    assertThatThrownBy(byEpoch::anewInEachEpoch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "anewInEachEpoch() must be called only on an AveragingListener.everyIteration(..), but"
                + " this one averages after epochs");
    assertThatThrownBy(() -> byEpoch.restartingUntil(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epoch must be >= 0 but was -1");
    AveragingListener<MultiLayerNetwork> warming =
        AveragingListener.everyIteration(net, average).restartingUntil(3);
    assertThatThrownBy(() -> warming.finishingAfter(3, batches()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epochs must be > 3, the epoch at which the average starts, but was 3");
  }
}
