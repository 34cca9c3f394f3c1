package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.watch.LrFinder;
import io.github.dl4jtorch.fixtures.LogLines;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.saver.InMemoryModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.layers.AutoEncoder;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.schedule.ScheduleType;

/** Whoever makes no mistake reads no line of this project, however the network is trained. */
class HealthyRunsTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);

  private final LogLines log = new LogLines();
  private final MultiLayerNetwork net = Nets.layers(new Sgd(0.04));

  @TempDir Path folder;

  @AfterEach
  void isSilent() {
    List<String> lines = log.all();
    log.close();
    assertThat(lines).isEmpty();
  }

  private static LRScheduler run(MultiLayerNetwork net) {
    return HALVES.attach(NetworkParamGroups.of(net));
  }

  @Test
  void fitWithAnIterator() {
    LRScheduler run = run(net);
    net.addListeners(
        SchedulerListener.everyEpoch(run),
        SchedulerListener.everyIteration(new StepLR(2).attach(run.paramGroups())));
    net.fit(Nets.epoch(3), 3);
    net.fit(Nets.epoch(3), 1);
    net.fit(Nets.epoch(3));
    net.evaluateRegression(Nets.epoch(3));
  }

  @Test
  void fitOfAGraphWithAnInterval() {
    ComputationGraph graph = Nets.graph(new Adam(0.04));
    NetworkParamGroups groups = NetworkParamGroups.perLayer(graph);
    graph.addListeners(
        SchedulerListener.everyEpoch(HALVES.attach(groups)).withInterval(2),
        SchedulerListener.everyIteration(HALVES.attach(groups.only(0))).withInterval(3));
    graph.fit(Nets.epoch(4), 5);
    graph.setLearningRate(0.1);
    graph.fit(Nets.epoch(4), 3);
  }

  @Test
  void fitOfBatchesByIterations() {
    net.addListeners(SchedulerListener.everyIteration(run(net)));
    Nets.fit(net, Nets.data(5));
    net.fit(Nets.epoch(2), 2);
    Nets.fit(net, Nets.data(5));
  }

  @Test
  void loopsThatTellOfEpochs() {
    SchedulerListener loops = SchedulerListener.everyEpoch(run(net));
    EpochLoop.of(net, loops).fit(3, () -> Nets.fit(net, Nets.data(4)));
    for (int epoch = 0; epoch < 3; epoch++) {
      Nets.fit(net, Nets.data(2));
      loops.stepEpoch();
    }
    MultiLayerNetwork counted = Nets.layers(new Sgd(0.1));
    EpochLoop.of(counted, SchedulerListener.everyEpoch(run(counted)))
        .fit(3, () -> counted.fit(Nets.epoch(4)));
  }

  @Test
  void stepsByHand() {
    LRScheduler run = run(net);
    for (int epoch = 0; epoch < 3; epoch++) {
      net.fit(Nets.epoch(2), 1);
      run.step();
    }
    run.skip(7);
    Nets.fit(net, Nets.data(2));
  }

  @Test
  void plateauWithAMetric() {
    LRScheduler run =
        ReduceLROnPlateau.builder().patience(0).build().attach(NetworkParamGroups.of(net));
    net.addListeners(
        SchedulerListener.everyEpoch(run, new DataSetLossCalculator(Nets.epoch(2), true)));
    net.fit(Nets.epoch(3), 4);
  }

  @Test
  void schedulesInTheConfiguration() throws Exception {
    Schedule cycle = OneCycleLR.builder(0.0501).epochs(3).stepsPerEpoch(4).build();
    MultiLayerNetwork pulled =
        Nets.layers(TorchSchedule.updater(new Nesterovs(0.1, 0.9), cycle, ScheduleType.ITERATION));
    pulled.fit(Nets.epoch(4), 1);
    Nets.restored(pulled).fit(Nets.epoch(4), 1);
    MultiLayerNetwork put =
        NetworkSchedule.of(HALVES, ScheduleType.EPOCH).putInto(Nets.layers(new TorchAdam(0.1)));
    put.fit(Nets.epoch(4), 3);
    EpochLoop.of(put).fit(2, () -> Nets.fit(put, Nets.data(4)));
  }

  @Test
  void cyclesOfTheirWholeLength() {
    net.addListeners(
        SchedulerListener.everyIteration(
            OneCycleLR.builder(0.1)
                .epochs(3)
                .stepsPerEpoch(5)
                .cycleMomentum(false)
                .build()
                .attach(NetworkParamGroups.of(net))));
    net.fit(Nets.epoch(5), 3);
    MultiLayerNetwork byEpoch = Nets.layers(new Sgd(0.1));
    EpochLoop loop =
        EpochLoop.of(
            byEpoch,
            SchedulerListener.everyEpoch(
                OneCycleLR.builder(0.1)
                    .totalSteps(12)
                    .cycleMomentum(false)
                    .build()
                    .attach(NetworkParamGroups.of(byEpoch))));
    for (int epochs = 0; epochs < 12; epochs += 4) {
      loop.fit(4, () -> byEpoch.fit(Nets.epoch(5)));
    }
  }

  @Test
  void earlyStopping() {
    for (int training = 0; training < 2; training++) {
      net.setListeners(
          List.of(
              SchedulerListener.everyEpoch(run(net)), SchedulerListener.everyIteration(run(net))));
      EarlyStoppingConfiguration<MultiLayerNetwork> configuration =
          new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
              .epochTerminationConditions(new MaxEpochsTerminationCondition(3))
              .scoreCalculator(new DataSetLossCalculator(Nets.epoch(2), true))
              .modelSaver(new InMemoryModelSaver<>())
              .build();
      new EarlyStoppingTrainer(configuration, net, Nets.epoch(4)).fit();
    }
  }

  @Test
  void parallelWrapper() {
    net.addListeners(SchedulerListener.everyEpoch(run(net)));
    net.fit(Nets.epoch(4), 1);
    net.setListeners(List.of());
    for (ParallelWrapper.TrainingMode mode :
        List.of(
            ParallelWrapper.TrainingMode.AVERAGING,
            ParallelWrapper.TrainingMode.SHARED_GRADIENTS)) {
      EpochLoop loop = EpochLoop.of(net, SchedulerListener.everyEpoch(run(net)));
      ParallelWrapper wrapper =
          new ParallelWrapper.Builder<>(net)
              .workers(2)
              .prefetchBuffer(0)
              .averagingFrequency(1)
              .trainingMode(mode)
              .build();
      loop.fit(2, () -> wrapper.fit(new ListDataSetIterator<>(Nets.data(8), 1)));
      wrapper.shutdown();
    }
  }

  @Test
  void truncatedBackpropagation() {
    MultiLayerNetwork recurrent =
        Nets.init(
            Nets.settings(new Sgd(0.04))
                .list(
                    new LSTM.Builder().nIn(2).nOut(3).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE)
                        .nIn(3)
                        .nOut(1)
                        .activation(Activation.IDENTITY)
                        .build())
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(3)
                .build());
    DataSet sequence =
        new DataSet(Nd4j.rand(DataType.DOUBLE, 1, 2, 8), Nd4j.rand(DataType.DOUBLE, 1, 1, 8));
    recurrent.addListeners(
        SchedulerListener.everyIteration(run(recurrent)),
        SchedulerListener.everyEpoch(run(recurrent)));
    recurrent.fit(new ListDataSetIterator<>(List.of(sequence, sequence), 1), 3);
  }

  @Test
  void pretraining() {
    MultiLayerNetwork deep =
        Nets.init(
            Nets.settings(new Sgd(0.04))
                .list(new AutoEncoder.Builder().nIn(Nets.INPUTS).nOut(2).build(), Nets.output(2))
                .build());
    LRScheduler run = run(deep);
    deep.setListeners(SchedulerListener.everyIteration(run));
    deep.pretrain(Nets.epoch(2));
    run.step();
    deep.pretrain(Nets.epoch(2));
    deep.fit(Nets.epoch(2), 2);
  }

  @Test
  void restoredAndResumed() throws Exception {
    LRScheduler run = HALVES.attach(NetworkParamGroups.weightsAndBiases(net));
    net.addListeners(
        SchedulerListener.everyIteration(run),
        TrainingCheckpointListener.everyIteration(
            CheckpointWriter.of(net).with("halves", run), folder));
    net.fit(Nets.epoch(3), 1);
    TrainingCheckpoint checkpoint = TrainingCheckpoint.latest(folder).orElseThrow();
    MultiLayerNetwork resumed = checkpoint.network(MultiLayerNetwork.class);
    resumed.addListeners(SchedulerListener.everyIteration(checkpoint.run("halves")));
    resumed.fit(checkpoint.remaining(Nets.epoch(3)));
    resumed.fit(Nets.epoch(3), 2);

    MultiLayerNetwork plain = Nets.restored(net);
    LRScheduler again = HALVES.attach(NetworkParamGroups.weightsAndBiases(plain));
    again.loadStateDict(run.stateDict(), run.paramGroups().stateDict());
    plain.addListeners(SchedulerListener.everyIteration(again));
    plain.fit(Nets.epoch(3), 2);
    net.fit(Nets.epoch(3), 1);
  }

  @Test
  void groupsThatAreFrozenAndAddedLater() {
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net).frozen(NetworkParam.inLayers("layer0")).build();
    net.addListeners(SchedulerListener.everyEpoch(HALVES.attach(groups)));
    net.fit(Nets.epoch(2), 2);
    NetworkParamGroups all = groups.unfreeze(NetworkParam.inLayers("layer0"), 0.01);
    net.addListeners(SchedulerListener.everyEpoch(HALVES.attach(all.only(1))));
    net.fit(Nets.epoch(2), 2);
  }

  @Test
  void severalNetworksOfOneSchedule() {
    List<MultiLayerNetwork> several =
        List.of(net, Nets.layers(new Sgd(0.1)), Nets.layers(new Adam(0.1)));
    for (MultiLayerNetwork each : several) {
      each.addListeners(SchedulerListener.everyIteration(run(each)));
    }
    for (int round = 0; round < 3; round++) {
      several.forEach(each -> each.fit(Nets.epoch(2), 1));
      several.forEach(each -> Nets.fit(each, Nets.data(1)));
    }
  }

  @Test
  void copiesAndASearchForARate() {
    net.addListeners(SchedulerListener.everyIteration(run(net)));
    net.fit(Nets.epoch(3), 1);
    LrFinder.builder().startLr(1e-6).endLr(0.1).iterations(15).build().run(net, Nets.epoch(3));
    NetworkCopy.of(net).evaluateRegression(Nets.epoch(2));
    net.fit(Nets.epoch(3), 1);
  }
}
