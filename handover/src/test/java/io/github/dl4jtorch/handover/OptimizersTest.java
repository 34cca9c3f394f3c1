package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.optim.TorchASGD;
import io.github.dl4jtorch.adapter.optim.TorchAdadelta;
import io.github.dl4jtorch.adapter.optim.TorchAdafactor;
import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchRprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** Each of PyTorch's optimizers goes on here as it went on there, and its state comes back. */
class OptimizersTest {

  private static final Map<String, TorchUpdater> UPDATERS = updaters();

  static final List<String> NAMES = List.copyOf(UPDATERS.keySet());

  private static Map<String, TorchUpdater> updaters() {
    Map<String, TorchUpdater> updaters = new LinkedHashMap<>();
    updaters.put("sgd", new TorchSGD(0.1));
    updaters.put("sgd_momentum", new TorchSGD(0.1).withMomentum(0.9));
    updaters.put("sgd_dampening", new TorchSGD(0.1).withMomentum(0.9, 0.2));
    updaters.put("sgd_nesterov", new TorchSGD(0.1).withNesterovMomentum(0.9));
    updaters.put("adam", new TorchAdam(0.1).withBetas(0.8, 0.99).withEps(1e-7));
    updaters.put("amsgrad", new TorchAdam(0.1).withAmsgrad());
    updaters.put("adamw", new TorchAdamW(0.1));
    updaters.put("rmsprop", new TorchRMSprop(0.1));
    updaters.put(
        "rmsprop_centered", new TorchRMSprop(0.1).withAlpha(0.9).withMomentum(0.5).withCentering());
    updaters.put(
        "adagrad", new TorchAdagrad(0.1).withLrDecay(0.1).withInitialAccumulatorValue(0.2));
    updaters.put("nadam", new TorchNAdam(0.1));
    updaters.put("radam", new TorchRAdam(0.1));
    updaters.put("adamax", new TorchAdamax(0.1));
    updaters.put("adadelta", new TorchAdadelta(0.5));
    updaters.put("asgd", new TorchASGD(0.1).withLambd(0.1).withT0(1));
    updaters.put("rprop", new TorchRprop(0.1).withEtas(0.4, 1.3).withStepSizes(1e-3, 2));
    updaters.put("adam_maximize", new TorchAdam(0.1).withMaximize());
    return updaters;
  }

  private static Dict golden() {
    try {
      return TorchFile.read(Path.of("src/test/resources/handover/optimizers.pt"));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static double decay(String name) {
    return switch (name) {
      case "sgd_momentum", "asgd", "adam_maximize" -> 1e-2;
      case "adamw" -> 0.1;
      default -> 0;
    };
  }

  private static MultiLayerNetwork network(IUpdater updater, double decay) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .list(
                    TorchOptimizer.of(updater)
                        .withWeightDecay(decay)
                        .applyTo(
                            new OutputLayer.Builder(new LossMCXENT(0.0, null))
                                .name("fc")
                                .nIn(4)
                                .nOut(3)
                                .activation(Activation.SOFTMAX))
                        .build())
                .build());
    net.init();
    return net;
  }

  private static DataSet data(Dict golden) {
    double[][] labels = new double[6][3];
    long[] digits = golden.tensor("y").toLongArray();
    for (int i = 0; i < labels.length; i++) {
      labels[i][(int) digits[i]] = 1;
    }
    return new DataSet(
        Nd4j.createFromArray(golden.tensor("x").toDoubleArray()).reshape('c', 6, 4),
        Nd4j.createFromArray(labels));
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void goesOn(String name) {
    Dict golden = golden();
    Dict files = golden.dict("cases").dict(name);
    MultiLayerNetwork net = network(UPDATERS.get(name), decay(name));
    HandoverReport report = TorchTraining.of(net).batchesPerEpoch(1).load(files.dict("before"));
    assertThat(report.fits()).isTrue();
    assertThat(net.getIterationCount()).isEqualTo(3);
    for (int i = 0; i < 3; i++) {
      net.fit(data(golden));
    }
    net.setEpochCount(6);
    Dict written = TorchTraining.of(net).dict(files.dict("before"));
    assertThat(new Comparison().off(written, files.dict("after"))).isLessThan(1e-13);
  }

  /** Taken over and given back at once, everything is as it was, to the bit. */
  @ParameterizedTest
  @FieldSource("NAMES")
  void comesBackToTheBit(String name) {
    Dict file = golden().dict("cases").dict(name).dict("before");
    MultiLayerNetwork net = network(UPDATERS.get(name), decay(name));
    TorchTraining training = TorchTraining.of(net).batchesPerEpoch(1);
    training.load(file);
    double tolerance = name.equals("sgd_dampening") || name.equals("asgd") ? 1e-16 : 0;
    assertThat(new Comparison().off(training.dict(file), file)).isLessThanOrEqualTo(tolerance);
  }

  /** Without a file to go by, what is written can be taken over again. */
  @ParameterizedTest
  @FieldSource("NAMES")
  void isWrittenAnew(String name) {
    Dict file = golden().dict("cases").dict(name).dict("before");
    MultiLayerNetwork net = network(UPDATERS.get(name), decay(name));
    TorchTraining training = TorchTraining.of(net).batchesPerEpoch(1);
    training.load(file);
    MultiLayerNetwork other = network(UPDATERS.get(name), decay(name));
    TorchTraining.of(other).batchesPerEpoch(1).load(training.dict());
    assertThat(other.params()).isEqualTo(net.params());
    assertThat(other.getIterationCount()).isEqualTo(3);
    assertThat(other.getEpochCount()).isEqualTo(3);
    assertThat(other.updaterState()).isEqualTo(net.updaterState());
  }

  /** Newer files have the parameters' names in each group, so their order is of no matter. */
  @Test
  void paramNamesGoBeforeOrder() {
    Dict file = golden().dict("cases").dict("adam").dict("before");
    Map<Object, Object> optimizer = new LinkedHashMap<>(file.dict("optimizer"));
    Map<Object, Object> group =
        new LinkedHashMap<>((Dict) ((List<?>) optimizer.get("param_groups")).get(0));
    group.put("params", List.of(1L, 0L));
    group.put("param_names", List.of("fc.bias", "fc.weight"));
    optimizer.put("param_groups", List.of(group));
    Map<Object, Object> swapped = new LinkedHashMap<>(file);
    swapped.put("optimizer", optimizer);
    MultiLayerNetwork net = network(UPDATERS.get("adam"), 0);
    TorchTraining.of(net).load(swapped);
    MultiLayerNetwork expected = network(UPDATERS.get("adam"), 0);
    TorchTraining.of(expected).load(file);
    assertThat(net.updaterState()).isEqualTo(expected.updaterState());
  }

  @Test
  void otherSettingsAreRefusedAndNothingIsChanged() {
    Dict file = golden().dict("cases").dict("sgd_nesterov").dict("before");
    MultiLayerNetwork net = network(new TorchSGD(0.2).withMomentum(0.9), 1e-3);
    INDArray params = net.params().dup();
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchTraining.of(net).load(file))
        .withMessage(
            """
            cannot be handed over: it does not fit the network, so nothing was changed
            do not fit (3):
              param_groups[0].lr is 0.1 in the file and 0.2 here
              param_groups[0].nesterov is true in the file and false here
              param_groups[0].weight_decay is 0 in the file and 0.001 here""");
    assertThat(net.params()).isEqualTo(params);
    assertThat(net.getUpdater(false)).isNull();
    assertThat(net.getEpochCount()).isZero();
  }

  /** By push rate and decay of each group come from the file. */
  @Test
  void pushedGroupsTakeRateAndDecay() {
    Dict file = golden().dict("cases").dict("sgd_momentum").dict("before");
    MultiLayerNetwork net = network(new TorchSGD(0.5).withMomentum(0.5), 0);
    NetworkParamGroups groups = NetworkParamGroups.of(net);
    TorchTraining.of(net).with(groups).load(file);
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
    assertThat(groups.get(0).momentum()).isEqualTo(0.9);
    assertThat(groups.weightDecay(0)).isEqualTo(1e-2);
  }

  @Test
  void descendingIsNotClimbing() {
    Dict file = golden().dict("cases").dict("adam_maximize").dict("before");
    MultiLayerNetwork net = network(new TorchAdam(0.1), 1e-2);
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchTraining.of(net).load(file))
        .withMessageContaining("param_groups[0].maximize is true in the file and false here");
  }

  @Test
  void adafactorsStateIsRefused() {
    Dict file = golden().dict("cases").dict("sgd").dict("before");
    MultiLayerNetwork net = network(new TorchAdafactor(0.1), 0);
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchTraining.of(net).load(file))
        .withMessageContaining(
            "fc.W has a TorchAdafactor, whose state is not handed over: begin with a new one");
  }

  @Test
  void anotherOptimizersStateIsRefused() {
    Dict file = golden().dict("cases").dict("amsgrad").dict("before");
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchTraining.of(network(new TorchAdam(0.1), 0)).load(file))
        .withMessage(
            """
            cannot be handed over: it does not fit the network, so nothing was changed
            left over (2):
              the optimizer's max_exp_avg_sq of fc.weight
              the optimizer's max_exp_avg_sq of fc.bias
            do not fit (1):
              param_groups[0].amsgrad is true in the file and false here""");
    assertThatExceptionOfType(HandoverException.class)
        .isThrownBy(() -> TorchTraining.of(network(new Adam(0.1), 0)).load(file))
        .withMessageContaining(
            "fc.W has Adam of DL4J, whose state is not PyTorch's: give it an updater of"
                + " adapter.optim");
  }

  @Test
  void numbersOfGroupsMustAgree() {
    Dict file = golden().dict("cases").dict("sgd").dict("before");
    MultiLayerNetwork net = network(new TorchSGD(0.1), 0);
    List<String> messages = new ArrayList<>();
    for (TorchTraining training :
        List.of(
            TorchTraining.of(net).with(NetworkParamGroups.weightsAndBiases(net)),
            TorchTraining.of(net).groupedBy(param -> param.isWeight()))) {
      assertThatExceptionOfType(HandoverException.class)
          .isThrownBy(() -> training.load(file))
          .satisfies(refused -> messages.add(refused.report().misfits().toString()));
    }
    assertThat(messages)
        .containsExactly(
            "[the optimizer has 1 param groups and the network 2]",
            "[param_groups[0] has 2 parameters and the network 1: [fc.weight]]");
  }
}
