package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchCrossEntropyLoss;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.step.AccumulatedGradients;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** A training by recipe is the one by code, to the bit, and its recipe can be read off again. */
class RecipeOnNetworkTest {

  /** What a recipe is put on. */
  enum Kind {
    LAYERS,
    GRAPH
  }

  private static final String FINE_TUNING =
      """
      optimizer:
        type: AdamW
        lr: 0.01
        betas: [0.9, 0.99]
        param_groups:
        - {name: no decay, kind: [bias, normalization], weight_decay: 0}
        - {name: head, pattern: [out, layer3], lr: 0.05}
        - {name: backbone}
      schedule:
        type: SequentialLR
        schedulers:
        - {type: LinearLR, start_factor: 0.1, total_iters: 4}
        - {type: CosineAnnealingLR, T_max: 20}
        milestones: [4]
      step: iteration
      clip_grad_norm: {max_norm: 0.5}
      accumulation: {batches: 2, remainder: carry}
      label_smoothing: 0.1
      averaging: {type: ema, decay: 0.9, step: iteration}
      """;

  private static MultiLayerConfiguration layers(ILossFunction loss) {
    return Nets.settings(new Sgd(0.5))
        .list(Nets.dense(3, 4), Nets.norm(4, true), Nets.dense(4, 4), output(loss))
        .build();
  }

  private static ComputationGraphConfiguration graph(ILossFunction loss) {
    return Nets.settings(new Sgd(0.5))
        .graphBuilder()
        .addInputs("in")
        .addLayer("a", Nets.dense(3, 4), "in")
        .addLayer("norm", Nets.norm(4, true), "a")
        .addLayer("b", Nets.dense(4, 4), "norm")
        .addLayer("out", output(loss), "b")
        .setOutputs("out")
        .build();
  }

  private static OutputLayer output(ILossFunction loss) {
    return new OutputLayer.Builder(loss).nIn(4).nOut(3).activation(Activation.SOFTMAX).build();
  }

  private static List<DataSet> data(int batches) {
    Random random = new Random(5);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < batches; i++) {
      INDArray labels = Nd4j.zeros(DataType.DOUBLE, 4, 3);
      for (int row = 0; row < 4; row++) {
        labels.putScalar(row, random.nextInt(3), 1);
      }
      data.add(new DataSet(Nets.matrix(random, 4, 3, -1, 1), labels));
    }
    return data;
  }

  private static DataSetIterator epoch() {
    return new ListDataSetIterator<>(data(20), 4);
  }

  private static void fit(Model net, int epochs) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.fit(epoch(), epochs);
    } else {
      ((ComputationGraph) net).fit(epoch(), epochs);
    }
  }

  private static Model made(Kind kind, ILossFunction loss) {
    Model net =
        kind == Kind.LAYERS
            ? new MultiLayerNetwork(layers(loss))
            : new ComputationGraph(graph(loss));
    net.init();
    return net;
  }

  private static RecipeTraining<?> onConfiguration(Kind kind, Recipe recipe) {
    return kind == Kind.LAYERS
        ? recipe.on(layers(new LossMCXENT()))
        : recipe.on(graph(new LossMCXENT()));
  }

  private static RecipeTraining<?> onNetwork(Recipe recipe, Model net) {
    return net instanceof MultiLayerNetwork layers
        ? recipe.on(layers)
        : recipe.on((ComputationGraph) net);
  }

  private static double[] state(Model net) {
    return net instanceof MultiLayerNetwork layers
        ? layers.getUpdater().getStateViewArray().toDoubleVector()
        : ((ComputationGraph) net).getUpdater().getStateViewArray().toDoubleVector();
  }

  private static void assertSame(Model one, Model other) {
    assertThat(Nets.params(one)).isEqualTo(Nets.params(other));
    assertThat(state(one)).isEqualTo(state(other));
  }

  /** The training by code of {@link #FINE_TUNING}. */
  private static <N extends Model & NeuralNetwork> AveragedModel<N> fineTuned(N net) {
    TorchOptimizer.of(new TorchAdamW(0.01).withBetas(0.9, 0.99)).withWeightDecay(0.01).applyTo(net);
    Predicate<NetworkParam> plain = param -> param.isBias() || param.isNormalization();
    var head = NetworkParam.inLayers("layer3", "out");
    NetworkParamGroups groups =
        NetworkParamGroups.builder(net)
            .group("no decay", plain)
            .lr(0.01)
            .weightDecay(0)
            .group("head", plain.negate().and(head))
            .lr(0.05)
            .group("backbone", plain.negate().and(head.negate()))
            .lr(0.01)
            .build();
    GradientAccumulation.over(2).withRemainder(GradientAccumulation.Remainder.CARRY).attach(net);
    LRScheduler run =
        new SequentialLR(List.of(new LinearLR(0.1, 1, 4), new CosineAnnealingLR(20)), List.of(4))
            .attach(groups);
    AveragedModel<N> average = AveragedModel.of(net, Averaging.ema(0.9));
    net.addListeners(
        GradientClipping.norm(0.5),
        SchedulerListener.everyIteration(run),
        AveragingListener.everyIteration(net, average));
    return average;
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void trainsAsTheSameInCode(Kind kind) {
    Recipe recipe = Recipe.fromYaml(FINE_TUNING);
    Model byCode = made(kind, new TorchCrossEntropyLoss().withLabelSmoothing(0.1));
    Model average =
        byCode instanceof MultiLayerNetwork layers
            ? fineTuned(layers).network()
            : fineTuned((ComputationGraph) byCode).network();
    RecipeTraining<?> onConfiguration = onConfiguration(kind, recipe);
    RecipeTraining<?> onNetwork = onNetwork(recipe, made(kind, new LossMCXENT()));

    fit(byCode, 3);
    fit(onConfiguration.network(), 3);
    fit(onNetwork.network(), 3);

    assertThat(onConfiguration.groups().get(1).lr()).isLessThan(0.05);
    assertSame(onConfiguration.network(), byCode);
    assertSame(onNetwork.network(), byCode);
    assertThat(Nets.params(onNetwork.average().orElseThrow().network()))
        .isEqualTo(Nets.params(average));
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void isReadOffTheNetworkAgain(Kind kind) {
    Recipe recipe = Recipe.fromYaml(FINE_TUNING);
    RecipeTraining<?> made = onConfiguration(kind, recipe);
    String head = kind == Kind.LAYERS ? "layer3" : "out";
    Recipe expected = Recipe.fromYaml(FINE_TUNING.replace("[out, layer3]", head));

    assertThat(Recipe.of(made.network())).isEqualTo(expected);
    fit(made.network(), 2);
    assertThat(Recipe.of(made.network())).isEqualTo(expected);
  }

  @Test
  void reallyHasItsTwoHeadsInOnePattern() {
    RecipeTraining<MultiLayerNetwork> made =
        Recipe.fromYaml(FINE_TUNING).on(layers(new LossMCXENT()));
    assertThat(made.groups().params(1)).hasToString("[layer3.W]");
    assertThat(made.groups().params(0))
        .hasToString("[layer0.b, layer1.gamma, layer1.beta, layer2.b, layer3.b]");
    assertThat(made.network().getListeners())
        .extracting(listener -> listener.getClass().getSimpleName())
        .containsExactly(
            "AccumulatedGradients", "GradientClipping", "SchedulerListener", "AveragingListener");
  }

  private static final String SWA =
      """
      optimizer: {type: SGD, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 1e-3}
      schedule: {type: StepLR, step_size: 2, gamma: 0.5}
      clip_grad_value: {clip_value: 0.05}
      averaging: {type: equal, start: 3, swalr: {type: SWALR, swa_lr: 0.02, anneal_epochs: 2}}
      """;

  @ParameterizedTest
  @EnumSource(Kind.class)
  void averagesAndChangesOverToSwalr(Kind kind) {
    Recipe recipe = Recipe.fromYaml(SWA);
    RecipeTraining<?> made = onConfiguration(kind, recipe);
    Model byCode = made(kind, new LossMCXENT());
    AveragedModel<?> average =
        byCode instanceof MultiLayerNetwork layers
            ? averaged(layers)
            : averaged((ComputationGraph) byCode);
    assertThat(Recipe.of(made.network())).isEqualTo(recipe);

    fit(byCode, 7);
    fit(made.network(), 7);
    made.averaging().orElseThrow().finish(epoch());

    assertSame(made.network(), byCode);
    assertThat(made.groups().get(0).lr()).isEqualTo(0.02);
    assertThat(made.average().orElseThrow().nAveraged()).isEqualTo(4);
    assertThat(average.nAveraged()).isEqualTo(4);
    assertThat(Recipe.of(made.network())).isEqualTo(recipe);
  }

  private static <N extends Model & NeuralNetwork> AveragedModel<N> averaged(N net) {
    TorchOptimizer.of(new TorchSGD(0.1).withNesterovMomentum(0.9))
        .withWeightDecay(1e-3)
        .applyTo(net);
    LRScheduler run = new StepLR(2, 0.5).attach(NetworkParamGroups.of(net));
    AveragedModel<N> average = AveragedModel.of(net, Averaging.equal());
    net.addListeners(
        GradientClipping.value(0.05),
        SwalrListener.everyEpoch(SchedulerListener.everyEpoch(run), new SWALR(0.02, 2))
            .startingAt(3),
        AveragingListener.everyEpoch(net, average).startingAt(3));
    return average;
  }

  /** Each kind with settings that are not its defaults, and the averaging of the same in code. */
  static Stream<Arguments> averagings() {
    return Stream.of(
        Arguments.of(
            "{type: ema_pytorch, beta: 0.9, update_after_step: 3, update_every: 2, inv_gamma: 2.0,"
                + " power: 0.75, min_value: 0.1, use_buffers: false, step: iteration, start: 1}",
            Averaging.emaPytorch()
                .beta(0.9)
                .updateAfterStep(3)
                .updateEvery(2)
                .invGamma(2)
                .power(0.75)
                .minValue(0.1)
                .build()
                .useBuffers(false),
            2),
        Arguments.of(
            "{type: ema_pytorch, update_every: 2, step: iteration, start: 1}",
            Averaging.emaPytorch().updateEvery(2).build(),
            2),
        Arguments.of(
            "{type: power_ema, sigma_rel: 0.1, step: iteration, start: 1}",
            Averaging.powerEma(0.1),
            1),
        Arguments.of(
            "{type: last, k: 3, step: iteration, start: 1, interval: 2, use_buffers: true}",
            Averaging.last(3).useBuffers(true),
            2));
  }

  @ParameterizedTest
  @MethodSource("averagings")
  void averagesInEachWay(String text, Averaging averaging, int interval) {
    Recipe recipe = Recipe.fromYaml("optimizer: {type: SGD, lr: 0.1}\naveraging: " + text + "\n");
    RecipeTraining<MultiLayerNetwork> made = recipe.on(layers(new LossMCXENT()));
    MultiLayerNetwork byCode = (MultiLayerNetwork) made(Kind.LAYERS, new LossMCXENT());
    TorchOptimizer.of(new TorchSGD(0.1)).applyTo(byCode);
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(byCode, averaging);
    byCode.addListeners(
        AveragingListener.everyIteration(byCode, average).startingAt(1).withInterval(interval));

    fit(byCode, 3);
    fit(made.network(), 3);

    assertThat(made.average().orElseThrow().averaging()).isEqualTo(averaging);
    assertThat(made.average().orElseThrow().nAveraged()).isEqualTo(average.nAveraged());
    assertThat(Nets.params(made.average().orElseThrow().network()))
        .isEqualTo(Nets.params(average.network()));
    assertThat(Recipe.of(made.network())).isEqualTo(recipe);
  }

  @Test
  void cyclesTheMomentumOfEachGroup() {
    Recipe recipe =
        Recipe.fromYaml(
            """
            optimizer:
              type: SGD
              lr: 0.1
              momentum: 0.9
              param_groups:
              - {kind: bias, momentum: 0.5}
              - {lr: 0.2}
            schedule: {type: OneCycleLR, max_lr: [0.3, 0.4], total_steps: 15}
            step: iteration
            """);
    RecipeTraining<MultiLayerNetwork> made = recipe.on(Nets.layersConfiguration(new Sgd(1)));
    MultiLayerNetwork byCode = Nets.layers(new Sgd(1));
    TorchOptimizer.of(new TorchSGD(0.1).withMomentum(0.9)).applyTo(byCode);
    NetworkParamGroups groups =
        NetworkParamGroups.builder(byCode)
            .group(NetworkParam::isBias)
            .momentum(0.5)
            .group(param -> !param.isBias())
            .lr(0.2)
            .build();
    byCode.addListeners(
        SchedulerListener.everyIteration(
            OneCycleLR.builder(List.of(0.3, 0.4)).totalSteps(15).build().attach(groups)));

    made.network().fit(Nets.epoch(5), 2);
    byCode.fit(Nets.epoch(5), 2);

    assertSame(made.network(), byCode);
    assertThat(made.groups().get(0).momentum()).isEqualTo(groups.get(0).momentum());
    assertThat(made.groups().get(1).lr()).isEqualTo(groups.get(1).lr());
  }

  @Test
  void decaysAGroupBesideTheGradientWhereTheOptimizerDoesSo() {
    Recipe recipe =
        Recipe.fromYaml(
            """
            optimizer:
              type: NAdam
              lr: 0.1
              decoupled_weight_decay: true
              param_groups: [{kind: weight, weight_decay: 0.2}, {}]
            """);
    MultiLayerNetwork net = recipe.on(Nets.layersConfiguration(new Sgd(1))).network();
    MultiLayerNetwork byCode = Nets.layers(new Sgd(1));
    TorchOptimizer.of(new TorchNAdam(0.1))
        .withDecoupledWeightDecay(0.2)
        .withoutDecayOn(NetworkParam::isBias)
        .applyTo(byCode);
    net.fit(Nets.epoch(5));
    byCode.fit(Nets.epoch(5));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(byCode));
  }

  @Test
  void everyOptimizerIsReadOffAgain() {
    for (String optimizer :
        List.of(
            "{type: SGD, lr: 0.1}",
            "{type: SGD, lr: 0.1, momentum: 0.5, dampening: 0.25, weight_decay: 0.5}",
            "{type: SGD, lr: 0.1, momentum: 0.5, nesterov: true}",
            "{type: Adam, lr: 0.1, betas: [0.5, 0.75], eps: 0.5, amsgrad: true, weight_decay: 1}",
            "{type: AdamW, lr: 0.1}",
            "{type: AdamW, lr: 0.1, amsgrad: true, weight_decay: 0}",
            "{type: NAdam, lr: 0.1, momentum_decay: 0.5, weight_decay: 1}",
            "{type: NAdam, lr: 0.1, decoupled_weight_decay: true, weight_decay: 1}",
            "{type: RAdam, lr: 0.1, decoupled_weight_decay: true, weight_decay: 0.5}",
            "{type: Adamax, lr: 0.1, betas: [0, 0.5]}",
            "{type: RMSprop, lr: 0.1, alpha: 0.5, eps: 1, momentum: 0.25, centered: true}",
            "{type: Adagrad, lr: 0.1, lr_decay: 1, initial_accumulator_value: 2, eps: 3}",
            "{type: Adadelta, lr: 1, rho: 0.5, eps: 0.25, weight_decay: 0.125}")) {
      Recipe recipe = Recipe.fromYaml("optimizer: " + optimizer);
      Recipe read = Recipe.of(recipe.on(Nets.layersConfiguration(new Sgd(1))).network());
      assertThat(read).isEqualTo(recipe);
    }
  }

  @Test
  void stepsAPlateauWithTheMetric() {
    Recipe recipe =
        Recipe.fromYaml(
            """
            optimizer: {type: SGD, lr: 0.001}
            schedule: {type: ReduceLROnPlateau, patience: 0, threshold: 0.9}
            """);
    RecipeTraining<MultiLayerNetwork> made =
        recipe.on(
            Nets.layersConfiguration(new Sgd(1)), new DataSetLossCalculator(Nets.epoch(2), true));
    made.network().fit(Nets.epoch(2), 3);
    MultiLayerNetwork byCode = Nets.layers(new TorchSGD(0.001));
    byCode.addListeners(
        SchedulerListener.everyEpoch(
            ReduceLROnPlateau.builder()
                .patience(0)
                .threshold(0.9, ReduceLROnPlateau.ThresholdMode.REL)
                .build()
                .attach(NetworkParamGroups.of(byCode)),
            new DataSetLossCalculator(Nets.epoch(2), true)));
    byCode.fit(Nets.epoch(2), 3);
    assertThat(made.groups().get(0).lr()).isEqualTo(0.001 * 0.1 * 0.1);
    assertThat(Nets.params(made.network())).isEqualTo(Nets.params(byCode));

    assertThatThrownBy(() -> recipe.on(Nets.layersConfiguration(new Sgd(1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "metric must be given since the schedule needs one, ReduceLROnPlateau: use on(..,"
                + " metric)");
  }

  @Test
  void endsATrainingEarly() {
    Recipe recipe =
        Recipe.fromYaml(
            """
            optimizer: {type: SGD, lr: 0}
            early_stopping: {patience: 2, max_epochs: 50}
            """);
    RecipeTraining<MultiLayerNetwork> made = recipe.on(Nets.layersConfiguration(new Sgd(1)));
    var stopping =
        new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
            .scoreCalculator(new DataSetLossCalculator(Nets.epoch(2), true))
            .epochTerminationConditions(made.epochTerminationConditions())
            .build();
    EarlyStoppingResult<MultiLayerNetwork> result =
        new EarlyStoppingTrainer(stopping, made.network(), Nets.epoch(2)).fit();
    assertThat(result.getTotalEpochs()).isEqualTo(3);
    assertThat(recipe.on(Nets.layersConfiguration(new Sgd(1))).epochTerminationConditions())
        .hasToString(
            "[ScoreImprovementEpochTerminationCondition(maxEpochsWithNoImprovement=2,"
                + " minImprovement=0.0), MaxEpochsTerminationCondition(50)]");
  }

  /** What is refused in the end has changed nothing. */
  @Test
  void leavesANetworkAsItWasIfItDoesNotFit() {
    MultiLayerNetwork net = new MultiLayerNetwork(layers(new LossMCXENT()));
    net.init();
    net.fit(epoch());
    double[] params = Nets.params(net);
    String configuration = net.getLayerWiseConfigurations().toJson();
    for (String refused :
        List.of(
            "optimizer: {type: SGD, lr: 1, param_groups: [{pattern: nowhere}, {}]}",
            "optimizer: {type: SGD, lr: 1, param_groups: [{kind: bias}]}",
            "optimizer: {type: SGD, lr: 1}\nschedule: {type: ReduceLROnPlateau}")) {
      Recipe recipe = Recipe.fromYaml(refused + "\nlabel_smoothing: 0.5");
      assertThatThrownBy(() -> recipe.on(net)).isInstanceOf(IllegalArgumentException.class);
      assertThat(net.getLayerWiseConfigurations().toJson()).isEqualTo(configuration);
      assertThat(net.getListeners()).isEmpty();
    }
    assertThat(Nets.params(net)).isEqualTo(params);
    MultiLayerNetwork same = new MultiLayerNetwork(layers(new LossMCXENT()));
    same.init();
    same.fit(epoch());
    net.fit(epoch());
    same.fit(epoch());
    assertThat(Nets.params(net)).isEqualTo(Nets.params(same));
  }

  @Test
  void refusesLossesThatItCannotSmooth() {
    Recipe recipe = Recipe.fromYaml("optimizer: {type: SGD, lr: 1}\nlabel_smoothing: 0.5");
    assertThatThrownBy(() -> recipe.on(Nets.layersConfiguration(new Sgd(1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "label_smoothing needs SOFTMAX and MCXENT without weights in every output layer, but"
                + " layer2 has identity and LossMSE()");
  }

  @Test
  void refusesANetworkThatIsSteppedAlready() {
    Recipe recipe = Recipe.fromYaml(SWA);
    RecipeTraining<MultiLayerNetwork> made = recipe.on(Nets.layersConfiguration(new Sgd(1)));
    assertThatThrownBy(() -> recipe.on(made.network()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must not have a GradientClipping before a recipe is put on it: take it"
                + " away with setListeners(..)");
    made.network().setListeners(List.<TrainingListener>of());
    assertThat(recipe.on(made.network()).run()).isPresent();
  }

  @Test
  void saysWhatNoRecipeCanSay() {
    assertThatThrownBy(() -> Recipe.of(Nets.layers(new Sgd(1))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "no recipe can say this: the updater of layer0.W must be one of"
                + " io.github.dl4jtorch.adapter.optim but is Sgd");
    assertThatThrownBy(() -> Recipe.of(Nets.layers(new TorchSGD(1).withMaximize())))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "no recipe can say this: the updater of layer0.W must not maximize but does:"
                + " TorchSGD[lr=1.0, momentum=0.0, dampening=0.0, nesterov=false, maximize=true]");
    MultiLayerNetwork net = Nets.layers(new TorchSGD(1));
    net.addListeners(
        SchedulerListener.everyEpoch(new StepLR(1).attach(NetworkParamGroups.of(net)))
            .withInterval(2));
    assertThatThrownBy(() -> Recipe.of(net))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "no recipe can say this: a schedule must be stepped every time, but is every 2");
    MultiLayerNetwork parted = Nets.layers(new TorchSGD(1));
    NetworkParamGroups groups = NetworkParamGroups.weightsAndBiases(parted);
    parted.addListeners(SchedulerListener.everyEpoch(new StepLR(1).attach(groups.only(1))));
    assertThatThrownBy(() -> Recipe.of(parted))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "no recipe can say this: every parameter must be in a param group of the run, but it"
                + " drives only [layer0.b, layer1.b, layer2.b]");
    MultiLayerNetwork frozen = Nets.layers(new TorchSGD(1));
    NetworkParamGroups.builder(frozen).frozen(NetworkParam.inLayers("layer0")).build();
    assertThatThrownBy(() -> Recipe.of(frozen))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("no recipe can say this: layer0.W must not be frozen but is");
    MultiLayerNetwork swalr = Nets.layers(new TorchSGD(1));
    swalr.addListeners(
        SwalrListener.everyEpoch(NetworkParamGroups.of(swalr), new SWALR(0.1)).startingAt(3));
    assertThatThrownBy(() -> Recipe.of(swalr))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(
            "no recipe can say this: the recipe has a problem: averaging.type: is missing");
    MultiLayerNetwork clipped = Nets.layers(new TorchSGD(1));
    clipped.addListeners(GradientClipping.norm(1).on(NetworkParam::isBias));
    assertThatThrownBy(() -> Recipe.of(clipped))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("no recipe can say this: a clipping on some parameters only cannot be written");
  }

  private static final String PULLED =
      """
      optimizer:
        type: AdamW
        lr: 0.01
        param_groups: [{kind: [bias, normalization], weight_decay: 0}, {}]
      schedule: {type: OneCycleLR, max_lr: 0.05, total_steps: 12}
      step: iteration
      label_smoothing: 0.2
      """;

  /** What ParallelWrapper and Spark can train. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void putsIntoAConfigurationWhatItCanHold(Kind kind) {
    Recipe recipe = Recipe.fromYaml(PULLED);
    RecipeTraining<?> pushed = onConfiguration(kind, recipe);
    Model pulled;
    if (kind == Kind.LAYERS) {
      pulled = new MultiLayerNetwork(recipe.applyTo(layers(new LossMCXENT())));
    } else {
      pulled = new ComputationGraph(recipe.applyTo(graph(new LossMCXENT())));
    }
    pulled.init();
    fit(pulled, 2);
    fit(pushed.network(), 2);
    assertThat(Nets.params(pulled)).isEqualTo(Nets.params(pushed.network()));
    assertThatThrownBy(() -> Recipe.of((NeuralNetwork) pulled))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("no recipe can say this: the rate of ")
        .hasMessageContaining(" must be set by a listener but is TorchSchedule.lr(OneCycleLR[");
  }

  @Test
  void refusesWhatAConfigurationCannotHold() {
    MultiLayerConfiguration configuration = layers(new LossMCXENT());
    String before = configuration.toJson();
    assertThatThrownBy(() -> Recipe.fromYaml(FINE_TUNING).applyTo(configuration))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a configuration cannot hold all of the recipe, not clip_grad_norm, accumulation,"
                + " averaging, a group's lr: use on(..), which makes a network of it");
    assertThat(configuration.toJson()).isEqualTo(before);
  }

  @Test
  void accumulatesInTheNetworkItself() {
    RecipeTraining<?> made = Recipe.fromYaml(FINE_TUNING).on(layers(new LossMCXENT()));
    AccumulatedGradients gradients = made.gradients().orElseThrow();
    fit(made.network(), 1);
    assertThat(gradients.pendingBatches()).isEqualTo(1);
    assertThat(made.clipping().orElseThrow().lastNorm()).isGreaterThan(0);
  }
}
