package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;
import static io.github.dl4jtorch.fixtures.Nets.params;
import static io.github.dl4jtorch.fixtures.Nets.restored;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.fixtures.Golden;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The updaters that go by shapes and sizes of parameters, in networks. */
class ShapedUpdatersTest {

  static final List<TorchOptimizer> OPTIMIZERS =
      List.of(
          TorchOptimizer.of(new TorchMuon(0.05))
              .withRest(new TorchAdamW(0.05).withBetas(0.8, 0.99), 0.1),
          TorchOptimizer.of(new TorchAdafactor(0.05)).withWeightDecay(0.1),
          TorchOptimizer.of(new TorchASGD(0.05).withLambd(0.01).withT0(3)).withWeightDecay(0.1));

  static List<Map<String, Object>> cases() {
    List<Map<String, Object>> cases = new ArrayList<>(Golden.cases("updaters/Adafactor.json"));
    cases.addAll(Golden.cases("updaters/Muon.json"));
    return cases;
  }

  /** A layer of which the weight, or both weights, and perhaps the bias are of these shapes. */
  private static Layer layer(List<?> shapes) {
    double[] weight = numbers(shapes.get(0));
    int out = (int) weight[0];
    int in = (int) weight[1];
    boolean hasBias = numbers(shapes.get(shapes.size() - 1)).length == 1;
    if (numbers(shapes.get(Math.min(1, shapes.size() - 1))).length == 2 && shapes.size() > 1) {
      return new SimpleRnn.Builder().nIn(in).nOut(out).build();
    } else if (weight.length == 4) {
      return new ConvolutionLayer.Builder((int) weight[2], (int) weight[3])
          .nIn(in)
          .nOut(out)
          .hasBias(hasBias)
          .build();
    } else if (weight.length == 3) {
      return new Convolution1DLayer.Builder((int) weight[2])
          .nIn(in)
          .nOut(out)
          .hasBias(hasBias)
          .build();
    }
    return new DenseLayer.Builder().nIn(in).nOut(out).hasBias(hasBias).build();
  }

  /** Returns what lies at each place in memory, of what PyTorch has row by row. */
  private static double[] toMemory(double[] torch, double[] shape) {
    double[] own = torch.clone();
    if (shape.length == 3) { // [k, in, out] in DL4J
      int out = (int) shape[0];
      int in = (int) shape[1];
      int kernel = (int) shape[2];
      for (int o = 0; o < out; o++) {
        for (int i = 0; i < in; i++) {
          for (int k = 0; k < kernel; k++) {
            own[(k * in + i) * out + o] = torch[(o * in + i) * kernel + k];
          }
        }
      }
    }
    return own;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void followsPyTorchInANetwork(Map<String, Object> golden) {
    Map<String, Object> arguments = arguments(golden);
    List<?> shapes = (List<?>) golden.get("shapes");
    boolean isRecurrent = layer(shapes) instanceof SimpleRnn;
    // Muon is left without the bias of the layer, which the trace has not.
    TorchOptimizer optimizer =
        TorchOptimizer.of(Updaters.of(arguments))
            .withWeightDecay(number(arguments.get("weight_decay")));
    boolean isMuon = arguments.get("type").equals("Muon");
    if (isMuon && isRecurrent) {
      optimizer = optimizer.withBiases(new TorchSGD(0), 0);
    }
    MultiLayerNetwork net =
        Nets.init(optimizer.applyTo(Nets.settings().list(layer(shapes)).build()));
    List<String> names =
        isRecurrent && isMuon
            ? List.of("W", "RW")
            : isRecurrent
                ? List.of("W", "RW", "b")
                : shapes.size() == 1 ? List.of("W") : List.of("W", "b");
    List<?> initial = (List<?>) golden.get("initial");
    UpdaterBlocks blocks = new UpdaterBlocks(net);
    for (int i = 0; i < names.size(); i++) {
      double[] shape = numbers(shapes.get(i));
      flat(net, blocks, names.get(i), net.params())
          .assign(Nd4j.createFromArray(toMemory(numbers(initial.get(i)), shape)));
      if (shape.length == 2) {
        assertThat(net.getParam("0_" + names.get(i)).getDouble(0, 1))
            .isEqualTo(numbers(initial.get(i))[(int) shape[1]]);
      }
    }
    List<?> steps = (List<?>) golden.get("steps");
    for (int index = 0; index < steps.size(); index++) {
      Map<?, ?> step = (Map<?, ?>) steps.get(index);
      for (String name : names) {
        TorchUpdater live =
            (TorchUpdater) net.getLayer(0).conf().getLayer().getUpdaterByParam(name);
        live.setLrAndSchedule(number(step.get("lr")), null);
        if (step.get("momentum") != null) {
          live.setMomentum(number(step.get("momentum")));
        }
      }
      net.getGradientsViewArray().assign(0);
      for (int i = 0; i < names.size(); i++) {
        double[] gradient = numbers(((List<?>) step.get("gradient")).get(i));
        flat(net, blocks, names.get(i), net.getGradientsViewArray())
            .assign(Nd4j.createFromArray(toMemory(gradient, numbers(shapes.get(i)))));
      }
      update(net, blocks, index);
      for (int i = 0; i < names.size(); i++) {
        double[] actual = flat(net, blocks, names.get(i), net.params()).toDoubleVector();
        double[] expected =
            toMemory(numbers(((List<?>) step.get("parameters")).get(i)), numbers(shapes.get(i)));
        for (int k = 0; k < expected.length; k++) {
          assertThat(Math.abs(actual[k] - expected[k]))
              .as("%s step %d %s[%d]", golden.get("id"), index, names.get(i), k)
              .isLessThanOrEqualTo(Math.max(1e-14, 1e-12 * Math.abs(expected[k])));
        }
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> arguments(Map<String, Object> golden) {
    Map<String, Object> arguments =
        new LinkedHashMap<>((Map<String, Object>) golden.get("optimizer"));
    return arguments;
  }

  private static INDArray flat(
      MultiLayerNetwork net, UpdaterBlocks blocks, String name, INDArray all) {
    int index = blocks.params().stream().map(UpdaterBlocks.Param::name).toList().indexOf(name);
    long start = blocks.offsets()[index];
    long length = net.getParam("0_" + name).length();
    return new UpdaterBlocks.Span(start, start + length).of(all);
  }

  private static void update(MultiLayerNetwork net, UpdaterBlocks blocks, int iteration) {
    Gradient gradient = blocks.gradient();
    ((BaseMultiLayerUpdater<?>) net.getUpdater())
        .update(gradient, iteration, 0, 1, LayerWorkspaceMgr.noWorkspaces());
    INDArray all = net.params();
    all.subi(net.getGradientsViewArray().reshape(all.shape()));
  }

  private static MultiLayerConfiguration layersConfiguration() {
    return Nets.settings().list(Nets.dense(3, 4), Nets.dense(4, 4), Nets.output(4)).build();
  }

  private static ComputationGraph graph(TorchOptimizer optimizer) {
    ComputationGraph net =
        new ComputationGraph(
            optimizer.applyTo(
                Nets.settings()
                    .graphBuilder()
                    .addInputs("in")
                    .addLayer("a", Nets.dense(3, 4), "in")
                    .addLayer("b", Nets.dense(4, 4), "a")
                    .addLayer("out", Nets.output(4), "b")
                    .setOutputs("out")
                    .build()));
    net.init();
    return net;
  }

  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void goesOnToTheBitAfterRestoreAndInCopies(TorchOptimizer optimizer) throws IOException {
    List<DataSet> data = Specimens.data(12);
    MultiLayerNetwork layers = Nets.init(optimizer.applyTo(layersConfiguration()));
    ComputationGraph graph = graph(optimizer);
    Nets.fit(layers, data.subList(0, 7));
    Nets.fit(graph, data.subList(0, 7));
    MultiLayerNetwork restoredLayers = restored(layers);
    ComputationGraph restoredGraph = restored(graph);
    MultiLayerNetwork copy = layers.clone();
    List<DataSet> rest = data.subList(7, 12);
    Nets.fit(layers, rest);
    Nets.fit(copy, rest);
    Nets.fit(graph, rest);
    Nets.fit(restoredLayers, rest);
    Nets.fit(restoredGraph, rest);

    assertThat(params(restoredLayers)).isEqualTo(params(layers));
    assertThat(params(copy)).isEqualTo(params(layers));
    assertThat(params(restoredGraph)).isEqualTo(params(graph));
    assertThat(params(graph)).isEqualTo(params(layers));
    assertThat(MultiLayerConfiguration.fromJson(layers.getLayerWiseConfigurations().toJson()))
        .isEqualTo(layers.getLayerWiseConfigurations());
  }

  /** Rates that are set in training act as fixed ones of the same values, and 0 stops. */
  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void followsTheRatesOfGroups(TorchOptimizer optimizer) throws IOException {
    List<DataSet> data = Specimens.data(6);
    MultiLayerNetwork pushed = Nets.init(optimizer.applyTo(layersConfiguration()));
    MultiLayerNetwork plain = Nets.init(optimizer.applyTo(layersConfiguration()));
    NetworkParamGroups groups =
        NetworkParamGroups.of(pushed, p -> p.isWeight(), p -> !p.isWeight());
    for (int step = 0; step < 3; step++) {
      groups.get(0).setLr(0.05 / (step + 1));
      groups.get(1).setLr(0.05 / (step + 1));
      for (int layer = 0; layer < 3; layer++) {
        Layer conf = plain.getLayer(layer).conf().getLayer();
        conf.getUpdaterByParam("W").setLrAndSchedule(0.05 / (step + 1), null);
        conf.getUpdaterByParam("b").setLrAndSchedule(0.05 / (step + 1), null);
      }
      pushed.fit(data.get(step));
      plain.fit(data.get(step));
    }
    assertThat(params(pushed)).isEqualTo(params(plain));
    double[] before = params(pushed);
    groups.get(0).setLr(0);
    groups.get(1).setLr(0);
    pushed.fit(data.get(3));
    assertThat(params(pushed)).isEqualTo(before);
    MultiLayerNetwork restored = restored(pushed);
    NetworkParamGroups others =
        NetworkParamGroups.of(restored, p -> p.isWeight(), p -> !p.isWeight());
    for (NetworkParamGroups all : List.of(groups, others)) {
      all.get(0).setLr(0.01);
      all.get(1).setLr(0.02);
    }
    // ASGD takes up a rate one step later.
    Nets.fit(pushed, data.subList(4, 6));
    Nets.fit(restored, data.subList(4, 6));
    assertThat(params(restored)).isEqualTo(params(pushed)).isNotEqualTo(before);
  }

  @Test
  void hiddenMatricesAreMuonsAndTheRestIsAdamWs() {
    TorchOptimizer optimizer =
        TorchOptimizer.of(new TorchMuon(0.02)).withRest(new TorchAdamW(3e-4), 0.01);
    MultiLayerConfiguration configuration =
        optimizer.applyTo(
            Nets.settings()
                .list(
                    new EmbeddingLayer.Builder().nIn(9).nOut(4).hasBias(true).build(),
                    new DenseLayer.Builder().nIn(4).nOut(3).hasLayerNorm(true).build(),
                    new TorchBatchNormalization.Builder().nIn(3).nOut(3).build(),
                    new PReLULayer.Builder().inputShape(3).nIn(3).nOut(3).build(),
                    Nets.output(3))
                .build());
    MultiLayerNetwork net = Nets.init(configuration);
    Map<String, String> found = new LinkedHashMap<>();
    for (UpdaterBlocks.Param param : new UpdaterBlocks(net).params()) {
      if (param.hasRate()) {
        found.put(
            param.toString(),
            param.updater().getClass().getSimpleName()
                + param.config().getRegularizationByParam(param.name()).stream()
                    .filter(org.nd4j.linalg.learning.regularization.WeightDecay.class::isInstance)
                    .map(
                        decay ->
                            " "
                                + ((org.nd4j.linalg.learning.regularization.WeightDecay) decay)
                                    .getCoeff()
                                    .valueAt(0, 0))
                    .findFirst()
                    .orElse(""));
      }
    }
    assertThat(found)
        .containsExactlyInAnyOrderEntriesOf(
            Map.ofEntries(
                Map.entry("layer0.W", "TorchAdamW 0.01"),
                Map.entry("layer0.b", "TorchAdamW 0.01"),
                Map.entry("layer1.W", "TorchMuon 0.1"),
                Map.entry("layer1.b", "TorchAdamW 0.01"),
                Map.entry("layer1.g", "TorchAdamW 0.01"),
                Map.entry("layer2.gamma", "TorchAdamW 0.01"),
                Map.entry("layer2.beta", "TorchAdamW 0.01"),
                Map.entry("layer3.W", "TorchAdamW 0.01"),
                Map.entry("layer4.W", "TorchAdamW 0.01"),
                Map.entry("layer4.b", "TorchAdamW 0.01")));
  }

  @Test
  void someHiddenMatricesCanBeOfTheRest() {
    MultiLayerNetwork net =
        Nets.init(
            TorchOptimizer.of(new TorchMuon(0.02))
                .withRest(new TorchAdamW(3e-4), 0, param -> param.layer().equals("layer0"))
                .applyTo(layersConfiguration()));
    assertThat(net.getLayer(0).conf().getLayer().getUpdaterByParam("W"))
        .isInstanceOf(TorchAdamW.class);
    assertThat(net.getLayer(1).conf().getLayer().getUpdaterByParam("W"))
        .isInstanceOf(TorchMuon.class);
  }

  /** Of matrices of one layer that DL4J updates together, each is taken for itself. */
  @Test
  void anLstmHasTwoMatrices() {
    Layer layer = new LSTM.Builder().nIn(3).nOut(2).build();
    assertThat(TensorShape.of(layer))
        .containsEntry("W", new TensorShape(List.of(8L, 3L), List.of(0, 1)))
        .containsEntry("RW", new TensorShape(List.of(8L, 2L), List.of(0, 1)))
        .containsEntry("b", TensorShape.vector(8));
  }

  @Test
  void refusesWhatItCannotDo() {
    assertThatThrownBy(() -> TorchOptimizer.of(new TorchMuon(0.02)).applyTo(layersConfiguration()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "TorchMuon must be given matrices alone but was given a vector of 4 parameters;"
                + " TorchOptimizer.withRest leaves what is none to another updater");
    MultiLayerConfiguration stock =
        Nets.settings()
            .list(
                Nets.dense(3, 4),
                new BatchNormalization.Builder().nIn(4).nOut(4).build(),
                Nets.output(4))
            .build();
    String before = stock.toJson();
    assertThatThrownBy(() -> TorchOptimizer.of(new TorchAdafactor(0.02)).applyTo(stock))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "TorchAdafactor must see all parameters, but DL4J does not show it gamma of layer1, a"
                + " BatchNormalization; take TorchBatchNormalization for a BatchNormalization");
    assertThat(stock.toJson()).isEqualTo(before);
    for (TorchUpdater bare : List.of(new TorchMuon(0.1), new TorchAdafactor(0.1))) {
      MultiLayerNetwork net = Nets.layers(bare);
      double[] params = params(net);
      assertThatThrownBy(() -> Nets.fit(net, Specimens.data(1)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "a "
                  + bare.getClass().getSimpleName()
                  + " must be given by TorchOptimizer, which knows the shapes of the parameters,"
                  + " but was not: "
                  + bare);
      assertThat(params(net)).isEqualTo(params);
    }
    MultiLayerNetwork net = Nets.layers(new TorchASGD(0.1));
    assertThatThrownBy(() -> Nets.fit(net, Specimens.data(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "a TorchASGD with a lambd must be given by TorchOptimizer, which sets what lambd does"
                + " beside the updater, but was not: TorchASGD[lr=0.1, lambd=1.0E-4, alpha=0.75,"
                + " t0=1000000.0]");
  }

  /** Another optimizer leaves nothing behind of what acted beside the one before. */
  @Test
  void leavesNothingBehind() {
    MultiLayerNetwork net =
        Nets.init(
            TorchOptimizer.of(new TorchAdafactor(0.1))
                .withWeightDecay(0.1)
                .applyTo(layersConfiguration()));
    TorchOptimizer.of(new TorchSGD(0.1)).applyTo((NeuralNetwork) net);
    MultiLayerNetwork fresh =
        Nets.init(TorchOptimizer.of(new TorchSGD(0.1)).applyTo(layersConfiguration()));
    Nets.fit(net, Specimens.data(2));
    Nets.fit(fresh, Specimens.data(2));
    assertThat(params(net)).isEqualTo(params(fresh));
  }

  /** A layer of another size is not taken for several of the former, either. */
  @Test
  void refusesLayersThatHaveGrown() {
    MultiLayerNetwork net =
        Nets.init(TorchOptimizer.of(new TorchAdafactor(0.1)).applyTo(layersConfiguration()));
    MultiLayerNetwork grown =
        new TransferLearning.Builder(net).nOutReplace(0, 8, WeightInit.XAVIER).build();
    assertThatThrownBy(() -> Nets.fit(grown, Specimens.data(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the parameters must have the sizes for which TorchOptimizer gave the updater, [12],"
                + " but there are 24; give the network the optimizer anew:"
                + " TorchAdafactor[lr=0.1, beta2_decay=-0.8, eps=[null, 0.001], d=1.0]");
    TorchOptimizer.of(new TorchAdafactor(0.1)).applyTo((NeuralNetwork) grown);
    double[] before = params(grown);
    Nets.fit(grown, Specimens.data(1));
    assertThat(params(grown)).isNotEqualTo(before);
  }

  /** Frozen parameters stand while the others move. */
  @ParameterizedTest
  @FieldSource("OPTIMIZERS")
  void freezes(TorchOptimizer optimizer) {
    List<DataSet> data = Specimens.data(6);
    MultiLayerNetwork net = Nets.init(optimizer.applyTo(layersConfiguration()));
    Nets.fit(net, data.subList(0, 2));
    double[] first = net.getLayer(0).params().toDoubleVector();
    double[] last = net.getLayer(2).params().toDoubleVector();
    NetworkParamGroups.builder(net).frozen(NetworkParam.inLayers("layer0")).build();
    Nets.fit(net, data.subList(2, 4));
    assertThat(net.getLayer(0).params().toDoubleVector()).isEqualTo(first);
    assertThat(net.getLayer(2).params().toDoubleVector()).isNotEqualTo(last);
  }

  /** A layer's builder takes it, too, once it knows its sizes. */
  @Test
  void aLayerCanHaveItsOwn() {
    TorchOptimizer optimizer = TorchOptimizer.of(new TorchAdafactor(0.1));
    MultiLayerNetwork own =
        Nets.net(
            optimizer.applyTo(new DenseLayer.Builder().nIn(3).nOut(4)).build(),
            optimizer
                .applyTo(
                    new OutputLayer.Builder(LossFunction.MSE)
                        .activation(Activation.IDENTITY)
                        .nIn(4)
                        .nOut(2))
                .build());
    MultiLayerNetwork whole =
        Nets.init(
            optimizer.applyTo(
                Nets.settings()
                    .list(new DenseLayer.Builder().nIn(3).nOut(4).build(), Nets.output(4))
                    .build()));
    Nets.fit(own, Specimens.data(3));
    Nets.fit(whole, Specimens.data(3));
    assertThat(params(own)).isEqualTo(params(whole));
  }

  /** After the first update there is room, and no further array like the parameters is made. */
  @Test
  void takesNoMemoryOfTheModelsSize() {
    int rows = 300;
    int columns = 400;
    TensorShape shape = new TensorShape(List.of((long) rows, (long) columns), List.of(0, 1));
    for (TorchUpdater plain : List.of(new TorchMuon(0.1), new TorchAdafactor(0.1))) {
      TorchUpdater updater = plain.shaped(List.of(shape));
      INDArray state = Nd4j.zeros(DataType.FLOAT, updater.stateSize((long) rows * columns));
      GradientUpdater<TorchUpdater> applied = updater.instantiate(state, true);
      INDArray gradient = Nd4j.ones(DataType.FLOAT, (long) rows * columns);
      WorkspaceConfiguration configuration =
          WorkspaceConfiguration.builder().initialSize(10_000_000).build();
      for (int step = 0; step < 3; step++) {
        try (MemoryWorkspace workspace =
            Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "step")) {
          applied.applyUpdater(gradient, step, 0);
          assertThat(workspace.getThisCycleAllocations()).as(updater.toString()).isLessThan(8192);
        }
      }
      Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
    }
  }

  /** Plain loops over numbers, in another form than the updaters and the recording script. */
  @Test
  void followsASlowReference() {
    long seed = 20261121;
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 12; round++) {
      int rows = 1 + random.nextInt(9);
      int columns = 1 + random.nextInt(9);
      TensorShape shape =
          round % 2 == 0
              ? new TensorShape(List.of((long) rows, (long) columns), List.of(0, 1))
              : new TensorShape(List.of((long) columns, (long) rows), List.of(1, 0));
      double momentum = random.nextDouble();
      double d = 1 + random.nextDouble();
      TorchUpdater muon =
          new TorchMuon(0.1).withMomentum(momentum).withNsSteps(round % 7).shaped(List.of(shape));
      TorchUpdater adafactor = new TorchAdafactor(0.5).withD(d).shaped(List.of(shape));
      INDArray muonState = Nd4j.zeros(DataType.DOUBLE, muon.stateSize((long) rows * columns));
      GradientUpdater<TorchUpdater> muons = muon.instantiate(muonState, true);
      INDArray factorState =
          Nd4j.zeros(DataType.DOUBLE, adafactor.stateSize((long) rows * columns));
      GradientUpdater<TorchUpdater> factors = adafactor.instantiate(factorState, true);
      double[][] buffer = new double[rows][columns];
      double[] ofRows = new double[rows];
      double[] ofColumns = new double[columns];
      for (int step = 1; step <= 6; step++) {
        double[][] gradient = new double[rows][columns];
        for (double[] row : gradient) {
          for (int column = 0; column < columns; column++) {
            row[column] = random.nextGaussian() * Math.pow(10, random.nextInt(4) - 2);
          }
        }
        String what = "round " + round + " step " + step;
        compare(
            what,
            muons,
            gradient,
            shape,
            SlowReference.muon(gradient, buffer, momentum, round % 7, 0.1));
        compare(
            what,
            factors,
            gradient,
            shape,
            SlowReference.adafactor(gradient, ofRows, ofColumns, step, 0.5, d));
      }
    }
  }

  private static void compare(
      String what,
      GradientUpdater<TorchUpdater> updater,
      double[][] gradient,
      TensorShape shape,
      double[][] expected) {
    int rows = gradient.length;
    int columns = gradient[0].length;
    double[] flat = new double[rows * columns];
    boolean isRowByRow = shape.isRowByRow();
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        flat[isRowByRow ? row * columns + column : column * rows + row] = gradient[row][column];
      }
    }
    INDArray array = Nd4j.createFromArray(flat);
    updater.applyUpdater(array, 0, 0);
    double[] actual = array.toDoubleVector();
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        double own = actual[isRowByRow ? row * columns + column : column * rows + row];
        assertThat(Math.abs(own - expected[row][column]))
            .as("%s [%d, %d] of %s", what, row, column, updater.getConfig())
            .isLessThanOrEqualTo(1e-11 * Math.max(1e-2, Math.abs(expected[row][column])));
      }
    }
  }
}
