package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Networks with one trouble each, and healthy ones. */
class DoctorTest {

  private static final int BATCHES = 10;
  private static final int EPOCHS = 6;

  /** The layers of the network that most tests have. */
  private static final String ALL = "layer0, layer1, layer2";

  private static Sgd pulled(Schedule schedule, ScheduleType unit) {
    return new Sgd(TorchSchedule.lr(schedule, 0.1, unit));
  }

  /** Examines a network that pulls, as its configuration and as a network. */
  private static List<String> findings(IUpdater updater) {
    MultiLayerConfiguration configuration = Nets.layersConfiguration(updater);
    List<String> ofConfiguration =
        strings(Doctor.of(configuration).trainedFor(BATCHES, EPOCHS).examine());
    MultiLayerNetwork net = Nets.layers(updater);
    double[] before = Nets.params(net);
    assertThat(strings(Doctor.of(net).trainedOn(Nets.epoch(BATCHES), EPOCHS).examine()))
        .isEqualTo(ofConfiguration);
    assertThat(
            strings(
                Doctor.of(Nets.graphConfiguration(updater)).trainedFor(BATCHES, EPOCHS).examine()))
        .hasSameSizeAs(ofConfiguration);
    assertThat(Nets.params(net)).isEqualTo(before);
    assertThat(net.getIterationCount()).isZero();
    return ofConfiguration;
  }

  private static List<String> findings(Schedule schedule, ScheduleType unit) {
    return findings(pulled(schedule, unit));
  }

  private static List<String> strings(List<Finding> findings) {
    return findings.stream().map(Finding::toString).toList();
  }

  private static Schedule oneCycle(int steps) {
    return OneCycleLR.builder(0.1).totalSteps(steps).cycleMomentum(false).build();
  }

  // Total steps that do not fit the data.

  @Test
  void findsACycleThatIsTooShort() {
    assertThat(findings(oneCycle(40), ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": OneCycleLR has 40 steps in all, but the training has 60 iterations (6"
                + " epochs of 10): it is refused when it is stepped past them. Give it"
                + " totalSteps(60).");
  }

  @Test
  void findsACycleThatIsTooLong() {
    assertThat(findings(oneCycle(100), ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": OneCycleLR comes down until step 100, but the training has 60"
                + " iterations (6 epochs of 10). Give it totalSteps of 60.");
    assertThat(findings(oneCycle(1000), ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": OneCycleLR has its highest rate at step 299, but the training has 60"
                + " iterations (6 epochs of 10). Give it totalSteps(60).");
  }

  @Test
  void findsACycleSteppedByEpochs() {
    assertThat(findings(oneCycle(60), ScheduleType.EPOCH))
        .containsExactly(
            ALL
                + ": OneCycleLR has 60 steps, as many as 6 epochs of 10 iterations have, but"
                + " makes one an epoch: it never reaches its highest rate, which is at step 17. Step"
                + " it after iterations.");
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    net.addListeners(SchedulerListener.everyEpoch(oneCycle(60).attach(NetworkParamGroups.of(net))));
    assertThat(strings(Doctor.of(net).trainedOn(Nets.epoch(BATCHES), EPOCHS).examine()))
        .containsExactly(
            "the run of OneCycleLR: OneCycleLR has 60 steps, as many as 6 epochs of 10 iterations"
                + " have, but makes one an epoch: it never reaches its highest rate, which is at step"
                + " 17. Step it after iterations.");
  }

  @Test
  void findsACosineOfAnotherLength() {
    assertThat(findings(new CosineAnnealingLR(30), ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": CosineAnnealingLR is at its lowest rate at step 30 and rises again, as"
                + " the training has 60 iterations (6 epochs of 10). Give it a T_max of 60.");
    assertThat(findings(new CosineAnnealingLR(60), ScheduleType.EPOCH))
        .containsExactly(
            ALL
                + ": CosineAnnealingLR comes down until step 60, but the training has 6"
                + " epochs. Give it a T_max of 6, or step it after iterations.");
    assertThat(findings(new PolynomialLR(90, 1), ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": PolynomialLR comes down until step 90, but the training has 60"
                + " iterations (6 epochs of 10). Give it total_iters of 60.");
  }

  @Test
  void findsAMemberThatNeverBegins() {
    Schedule warmup =
        new SequentialLR(List.of(new LinearLR(0.1, 20), new CosineAnnealingLR(40)), List.of(20));
    assertThat(findings(warmup, ScheduleType.ITERATION)).isEmpty();
    assertThat(findings(warmup, ScheduleType.EPOCH))
        .containsExactly(
            ALL
                + ": SequentialLR comes to its CosineAnnealingLR at step 20, but the training"
                + " has 6 epochs. Choose a milestone within the training.");
    assertThat(
            findings(
                new SequentialLR(
                    List.of(new LinearLR(0.1, 20), new CosineAnnealingLR(60)), List.of(20)),
                ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": CosineAnnealingLR comes down until step 80, but the training has 60"
                + " iterations (6 epochs of 10). Give it a T_max of 40.");
  }

  @Test
  void findsAWarmUpForOtherData() {
    assertThat(
            findings(
                WarmupLR.builder(new CosineAnnealingLR(6))
                    .iterationsPerEpoch(20)
                    .warmupIterations(20)
                    .build(),
                ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": WarmupLR was made for 20 iterations an epoch, but there are 10. Give it"
                + " iterationsPerEpoch(10).");
  }

  @Test
  void findsARateThatNeverChangesOrVanishes() {
    assertThat(findings(new StepLR(30), ScheduleType.EPOCH))
        .containsExactly(
            ALL
                + ": StepLR never changes the rate, as the training has 6 epochs. Count its"
                + " arguments in epochs.");
    assertThat(findings(new StepLR(2), ScheduleType.ITERATION))
        .containsExactly(
            ALL
                + ": StepLR brings the rate below a millionth of its highest value by step"
                + " 14, but the training has 60 iterations (6 epochs of 10). Make it slower, or step"
                + " it after epochs if that is how it was counted.");
    assertThat(findings(new ExponentialLR(0.0001), ScheduleType.EPOCH))
        .containsExactly(
            ALL
                + ": ExponentialLR brings the rate below a millionth of its highest value by"
                + " step 2, but the training has 6 epochs. Make it slower.");
  }

  // A rate that ends above its start.

  @Test
  void findsARateThatEndsAboveItsStart() {
    assertThat(findings(new ExponentialLR(1.5), ScheduleType.EPOCH))
        .containsExactly(
            ALL
                + ": ExponentialLR ends at a rate of 0.7593750000000001, above the 0.1 that"
                + " it starts from. If it is to fall, look at its factors and its lowest rate.");
    MultiLayerNetwork net = Nets.layers(new Sgd(0.01));
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(net);
    groups.get(0).setLr(0.1);
    net.addListeners(
        SchedulerListener.everyIteration(new CosineAnnealingLR(59, 0.05).attach(groups)));
    assertThat(strings(Doctor.of(net).trainedFor(BATCHES, EPOCHS).examine()))
        .containsExactly(
            "the run of CosineAnnealingLR: CosineAnnealingLR ends at a rate of 0.05 in param group 1,"
                + " above the 0.01 that it starts from. If it is to fall, look at its factors and its"
                + " lowest rate.");
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
  }

  // A resumed schedule with another length.

  @Test
  void findsAResumedScheduleOfAnotherLength() {
    MultiLayerNetwork net = Nets.layers(pulled(oneCycle(60), ScheduleType.ITERATION));
    net.fit(Nets.epoch(BATCHES), 4);
    assertThat(Doctor.of(net).trainedOn(Nets.epoch(BATCHES), 2).examine()).isEmpty();
    assertThat(strings(Doctor.of(net).trainedOn(Nets.epoch(BATCHES), 6).examine()))
        .containsExactly(
            ALL
                + ": OneCycleLR has 60 steps in all, but the training goes on from step 40"
                + " for 60 iterations (6 epochs of 10): it is refused when it is stepped past them."
                + " Give it totalSteps(100).");
    MultiLayerNetwork pushed = Nets.layers(new Sgd(0.1));
    LRScheduler run = new CosineAnnealingLR(6).attach(NetworkParamGroups.of(pushed));
    pushed.addListeners(SchedulerListener.everyEpoch(run));
    pushed.fit(Nets.epoch(2), 4);
    assertThat(Doctor.of(pushed).trainedFor(2, 2).examine()).isEmpty();
    assertThat(strings(Doctor.of(pushed).trainedFor(2, 5).examine()))
        .containsExactly(
            "the run of CosineAnnealingLR: CosineAnnealingLR is at its lowest rate at step 6 and"
                + " rises again, as the training goes on from step 4 for 5 epochs. Give it a T_max of"
                + " 9.");
    assertThat(run.lastEpoch()).isEqualTo(4);
  }

  // A plateau.

  @Test
  void findsAPlateauWhosePatienceIsLessThanAnEpoch() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    LRScheduler run =
        ReduceLROnPlateau.builder().patience(5).build().attach(NetworkParamGroups.of(net));
    net.addListeners(SchedulerListener.everyIteration(run, model -> 1.0));
    assertThat(strings(Doctor.of(net).trainedFor(BATCHES, EPOCHS).examine()))
        .containsExactly(
            "the run of ReduceLROnPlateau: ReduceLROnPlateau is stepped after iterations with a"
                + " patience of 5, less than the 10 iterations of an epoch. Use"
                + " SchedulerListener.everyEpoch(run, metric), or a patience counted in iterations.");
    net.setListeners(SchedulerListener.everyEpoch(run, model -> 1.0));
    assertThat(Doctor.of(net).trainedFor(BATCHES, EPOCHS).examine()).isEmpty();
  }

  // Momentum cycled where there is none.

  @Test
  void findsAMomentumThatNobodyCycles() {
    Schedule cycle = OneCycleLR.builder(0.1).totalSteps(60).build();
    TorchSchedule lr = TorchSchedule.lr(cycle, 0.1, ScheduleType.ITERATION);
    String finding =
        ALL
            + ": OneCycleLR is to cycle the momentum, but a network is trained with its"
            + " learning rate alone. Build the updater with TorchSchedule.updater(updater,"
            + " definition, unit), or the definition with cycleMomentum(false).";
    assertThat(findings(new Adam(lr))).containsExactly(finding);
    assertThat(findings(new Nesterovs(lr, 0.9))).containsExactly(finding);
    assertThat(findings(new TorchSGD(lr))).containsExactly(finding);
    assertThat(findings(new TorchSGD(lr).withMomentum(0.9))).containsExactly(finding);
    assertThat(
            findings(
                TorchSchedule.updater(
                    new TorchSGD(0.1).withMomentum(0.9), cycle, ScheduleType.ITERATION)))
        .isEmpty();
    assertThat(findings(TorchSchedule.updater(new TorchAdam(0.1), cycle, ScheduleType.ITERATION)))
        .isEmpty();
    assertThat(
            findings(TorchSchedule.updater(new Nesterovs(0.1, 0.9), cycle, ScheduleType.ITERATION)))
        .isEmpty();
  }

  // Weight decay.

  @Test
  void findsAWeightDecayThatActsTwice() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.1))
                .weightDecay(0.01)
                .list(Nets.dense(Nets.INPUTS, 3), Nets.output(3))
                .build());
    assertThat(strings(Doctor.of(net).examine()))
        .containsExactly(
            "layer0, layer1: the weight decay acts 2 times, as DL4J puts that of the builder of the"
                + " whole network into each layer twice. Give weightDecay(..) to each layer, or use"
                + " TorchOptimizer.withWeightDecay(..).");
    assertThat(
            strings(
                Doctor.of(
                        Nets.settings(new Sgd(0.1))
                            .list(
                                new org.deeplearning4j.nn.conf.layers.DenseLayer.Builder()
                                    .nIn(Nets.INPUTS)
                                    .nOut(3)
                                    .regularization(
                                        List.of(
                                            new org.nd4j.linalg.learning.regularization
                                                .L2Regularization(0.1),
                                            new org.nd4j.linalg.learning.regularization.WeightDecay(
                                                0.1, true)))
                                    .build(),
                                Nets.output(3))
                            .build())
                    .examine()))
        .containsExactly(
            "layer0: an l2 and a weight decay act both. Leave one of the two: l2 is what PyTorch's"
                + " optimizers call weight_decay, apart from AdamW.");
  }

  @Test
  void findsBiasesAndNormalizationsThatAreDecayed() {
    MultiLayerConfiguration configuration =
        Nets.settings(new Sgd(0.1))
            .list(
                Nets.dense(Nets.INPUTS, 3),
                new TorchBatchNormalization.Builder().nIn(3).nOut(3).build(),
                Nets.output(3))
            .build();
    MultiLayerConfiguration all =
        TorchOptimizer.of(new TorchAdamW(0.1)).applyTo(configuration.clone());
    String advice =
        ". If that is not meant, leave them out with"
            + " TorchOptimizer.withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization).";
    assertThat(strings(Doctor.of(all).examine()))
        .containsExactly(
            "layer0, layer2: a weight decay of 0.01 acts on the biases" + advice,
            "layer1: a weight decay of 0.01 acts on the normalization" + advice);
  }

  @Test
  void saysNothingOfADecayOfTheWeightsAlone() {
    MultiLayerConfiguration configuration =
        Nets.settings(new Sgd(0.1))
            .list(
                Nets.dense(Nets.INPUTS, 3),
                new TorchBatchNormalization.Builder().nIn(3).nOut(3).build(),
                Nets.output(3))
            .build();
    assertThat(
            Doctor.of(
                    TorchOptimizer.of(new TorchAdamW(0.1))
                        .withoutDecayOn(NetworkParam::isBias, NetworkParam::isNormalization)
                        .applyTo(configuration))
                .examine())
        .isEmpty();
  }

  // Updaters of Deeplearning4j.

  @Test
  void findsAnAdaGradThatLostItsSchedule() {
    assertThat(
            findings(
                new AdaGrad(
                    TorchSchedule.lr(new CosineAnnealingLR(60), 0.1, ScheduleType.ITERATION))))
        .containsExactly(
            ALL
                + ": the AdaGrad has no learning rate and trains to NaN: DL4J loses the"
                + " schedule of an AdaGrad that is given to the builder of the whole network."
                + " Instead, give that a new AdaGrad(lr) and use NetworkSchedule.of(definition,"
                + " unit).putInto(configuration).");
    assertThat(findings(new Sgd(-0.1)))
        .containsExactly(
            ALL
                + ": the Sgd has a learning rate of -0.1. Give it one that is finite and >="
                + " 0.");
  }

  @Test
  void findsEpsilonsThatWeighOtherwiseThanInPyTorch() {
    assertThat(findings(new Adam(0.1, 0.9, 0.999, 1e-3)))
        .containsExactly(
            ALL
                + ": DL4J's Adam adds its epsilon of 0.001 before the bias correction, so"
                + " that in the first update it weighs 32 times as much as in PyTorch. Take TorchAdam,"
                + " or an epsilon of 1e-8.");
    assertThat(findings(new AMSGrad(0.1, 0.9, 0.99, 1e-3)))
        .containsExactly(
            ALL
                + ": DL4J's AMSGrad adds its epsilon of 0.001 before the bias correction, so"
                + " that in the first update it weighs 10 times as much as in PyTorch. Take TorchAdam"
                + " with amsgrad, or an epsilon of 1e-8.");
    assertThat(findings(new RmsProp(0.1, 0.95, 1e-2)))
        .containsExactly(
            ALL
                + ": DL4J's RmsProp starts its squared gradients at its epsilon of 0.01 and"
                + " not at 0 as PyTorch, so that its first updates are smaller. Take TorchRMSprop, or"
                + " an epsilon of 1e-8.");
    assertThat(findings(new AdaGrad(0.1, 0.1)))
        .containsExactly(
            ALL
                + ": DL4J's AdaGrad starts its squared gradients at its epsilon of 0.1 and"
                + " not at 0 as PyTorch, so that its first updates are smaller. Take TorchAdagrad, or"
                + " an epsilon of 1e-8.");
    assertThat(findings(new Nadam(0.1)))
        .containsExactly(
            ALL
                + ": DL4J's Nadam does not correct its second moment, so its first updates"
                + " are many times as large as those of PyTorch's NAdam. Take TorchNAdam.");
  }

  @Test
  void findsARateOf0ThatDoesNotStop() {
    TorchSchedule lr = TorchSchedule.lr(new CosineAnnealingLR(59), 0.1, ScheduleType.ITERATION);
    assertThat(findings(new Adam(lr)))
        .containsExactly(
            ALL
                + ": the schedule comes to a rate of 0, at which DL4J's Adam takes its"
                + " epsilon for the rate. Take TorchAdam, which stands still.");
    assertThat(findings(new Nesterovs(lr, 0.9)))
        .containsExactly(
            ALL
                + ": the schedule comes to a rate of 0, at which DL4J's Nesterovs goes on"
                + " moving by its velocity. Take TorchSGD, which stands still.");
    assertThat(findings(new TorchAdam(lr))).isEmpty();
  }

  // No listener after a restore.

  @Test
  void findsARestoredNetworkThatNobodyDrives() throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    net.addListeners(
        SchedulerListener.everyEpoch(new StepLR(1, 0.5).attach(NetworkParamGroups.of(net))));
    net.fit(Nets.epoch(2), 1);
    assertThat(Doctor.of(net).examine()).isEmpty();
    MultiLayerNetwork restored = Nets.restored(net);
    assertThat(strings(Doctor.of(restored).examine()))
        .containsExactly(
            ALL
                + ": the learning rate of this restored network was set by a run on its param"
                + " groups when it was saved, and nothing sets it now: it stays at 0.05. Make the"
                + " groups anew, which is enough to keep that rate; for the run to go on, take it up"
                + " and add a SchedulerListener.");
    NetworkParamGroups.of(restored);
    assertThat(Doctor.of(restored).examine()).isEmpty();
  }

  // Silence.

  static Stream<Schedule> healthyByIterations() {
    return Stream.of(
        oneCycle(60),
        new CosineAnnealingLR(60),
        new CosineAnnealingLR(59, 1e-3),
        new PolynomialLR(60, 2),
        new StepLR(20, 0.1),
        new MultiStepLR(List.of(30, 50), 0.1),
        new ExponentialLR(0.95),
        new ConstantLR(0.1, 5),
        new LinearLR(0.1, 10),
        new CosineAnnealingWarmRestarts(20),
        CyclicLR.builder(0.01, 0.1).stepSizeUp(7).cycleMomentum(false).build(),
        new SequentialLR(List.of(new LinearLR(0.01, 10), new CosineAnnealingLR(50)), List.of(10)),
        WarmupLR.builder(new CosineAnnealingLR(6))
            .iterationsPerEpoch(10)
            .warmupIterations(20)
            .build());
  }

  @ParameterizedTest
  @MethodSource("healthyByIterations")
  void saysNothingOfHealthySchedulesByIterations(Schedule schedule) {
    assertThat(findings(schedule, ScheduleType.ITERATION)).isEmpty();
    ComputationGraph graph = Nets.graph(new Sgd(0.1));
    graph.addListeners(
        SchedulerListener.everyIteration(schedule.attach(NetworkParamGroups.of(graph))));
    assertThat(Doctor.of(graph).trainedFor(BATCHES, EPOCHS).examine()).isEmpty();
  }

  static Stream<Schedule> healthyByEpochs() {
    return Stream.of(
        new CosineAnnealingLR(6),
        new StepLR(2),
        new MultiStepLR(List.of(3, 5), 0.1),
        new ExponentialLR(0.9),
        oneCycle(6),
        new SequentialLR(List.of(new LinearLR(0.1, 2), new CosineAnnealingLR(4)), List.of(2)));
  }

  @ParameterizedTest
  @MethodSource("healthyByEpochs")
  void saysNothingOfHealthySchedulesByEpochs(Schedule schedule) {
    assertThat(findings(schedule, ScheduleType.EPOCH)).isEmpty();
    MultiLayerNetwork net = Nets.layers(new Adam(0.1));
    net.addListeners(
        SchedulerListener.everyEpoch(schedule.attach(NetworkParamGroups.weightsAndBiases(net))));
    assertThat(Doctor.of(net).trainedFor(BATCHES, EPOCHS).examine()).isEmpty();
  }

  @Test
  void saysNothingOfPlainUpdaters() {
    for (IUpdater updater :
        List.of(
            new Sgd(0.1),
            new Nesterovs(0.1, 0.9),
            new Adam(),
            new AMSGrad(),
            new RmsProp(),
            new AdaGrad(),
            new TorchSGD(0.1),
            new TorchAdamW(0.1))) {
      assertThat(findings(updater)).isEmpty();
    }
  }

  // The length.

  @Test
  void countsAndResetsTheData() {
    MultiLayerNetwork net = Nets.layers(pulled(oneCycle(40), ScheduleType.ITERATION));
    DataSetIterator data = Nets.epoch(BATCHES);
    data.next();
    assertThat(Doctor.of(net).trainedOn(data, 4).examine()).isEmpty();
    assertThat(data.hasNext()).isTrue();
    net.fit(data, 4);
    assertThat(net.getIterationCount()).isEqualTo(40);
    assertThat(Doctor.of(net).examine()).isEmpty();
  }

  @Test
  void refusesALengthThatCannotBe() {
    Doctor doctor = Doctor.of(Nets.layers(new Sgd(0.1)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> doctor.trainedFor(0, 1))
        .withMessage("iterations must be > 0 but was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> doctor.trainedFor(1, 0))
        .withMessage("epochs must be > 0 but was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> doctor.trainedOn(Nets.epoch(1), -1))
        .withMessage("epochs must be > 0 but was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> doctor.trainedOn(new ListDataSetIterator<DataSet>(List.of(), 1), 1))
        .withMessage("training must have a batch but was empty");
  }
}
