package io.github.dl4jtorch.adapter.checkpoint;

import io.github.dl4jtorch.adapter.optim.TorchAdadelta;
import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.fixtures.UpdaterKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleFunction;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.MinMaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.constraint.UnitNormConstraint;
import org.deeplearning4j.nn.conf.dropout.AlphaDropout;
import org.deeplearning4j.nn.conf.dropout.GaussianDropout;
import org.deeplearning4j.nn.conf.dropout.GaussianNoise;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.conf.layers.recurrent.TimeDistributed;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * A network by a seed: dense, convolutional or recurrent, of either of DL4J's kinds and either
 * precision, with whatever its layers and updaters can be given. The same seed makes the same
 * network again and again.
 */
final class RandomNetwork {

  private enum Shape {
    FLAT,
    IMAGE,
    SEQUENCE
  }

  private static final int FEATURES = 3;
  private static final int SIDE = 5;
  private static final int TIME = 4;
  private static final int LABELS = 2;

  private static final List<DoubleFunction<IUpdater>> EXACT =
      List.of(
          TorchSGD::new,
          lr -> new TorchSGD(lr).withMomentum(0.9),
          lr -> new TorchSGD(lr).withMomentum(0.8, 0.1),
          lr -> new TorchSGD(lr).withNesterovMomentum(0.9),
          TorchAdam::new,
          lr -> new TorchAdam(lr).withAmsgrad(),
          TorchAdamW::new,
          lr -> new TorchNAdam(lr).withMomentumDecay(0.01),
          TorchRAdam::new,
          TorchAdamax::new,
          TorchRMSprop::new,
          lr -> new TorchRMSprop(lr).withCentering().withMomentum(0.9),
          lr -> new TorchAdagrad(lr).withLrDecay(0.01).withInitialAccumulatorValue(0.1),
          TorchAdadelta::new);

  private final long seed;
  private final double lr;
  private final boolean isGraph;
  private final DataType type;
  private final Shape shape;

  /**
   * Names a network.
   *
   * @param lr the rate of its updaters
   */
  RandomNetwork(long seed, double lr) {
    Random random = new Random(seed);
    this.seed = random.nextLong();
    this.lr = lr;
    this.isGraph = random.nextBoolean();
    this.type = random.nextInt(3) == 0 ? DataType.FLOAT : DataType.DOUBLE;
    this.shape = Shape.values()[random.nextInt(Shape.values().length)];
  }

  /** Makes the network, as it is before its first iteration. */
  Model make() {
    Random random = new Random(seed);
    IUpdater updater = updater(random);
    NeuralNetConfiguration.Builder settings =
        new NeuralNetConfiguration.Builder()
            .seed(random.nextInt())
            .dataType(type)
            .updater(updater)
            .activation(Activation.TANH);
    if (random.nextInt(4) == 0) {
      settings.biasUpdater(updater(random));
    }
    if (random.nextInt(4) == 0) {
      settings.l2(0.01);
    }
    if (random.nextInt(6) == 0) {
      settings.weightDecay(0.02, random.nextBoolean());
    }
    if (random.nextInt(6) == 0) {
      settings.gradientNormalization(GradientNormalization.ClipL2PerLayer);
      settings.gradientNormalizationThreshold(0.5);
    }
    List<Layer> layers = layers(random);
    // The exact optimizers' own way of setting an updater and its decay.
    TorchOptimizer optimizer =
        random.nextInt(5) == 0 ? TorchOptimizer.of(updater(random)).withWeightDecay(0.01) : null;
    if (isGraph) {
      ComputationGraphConfiguration configuration = graph(settings, layers, random.nextBoolean());
      ComputationGraph net =
          new ComputationGraph(
              optimizer == null ? configuration : optimizer.applyTo(configuration));
      net.init();
      return net;
    }
    NeuralNetConfiguration.ListBuilder list = settings.list();
    layers.forEach(list::layer);
    MultiLayerConfiguration configuration = list.setInputType(input()).build();
    return Nets.init(optimizer == null ? configuration : optimizer.applyTo(configuration));
  }

  private ComputationGraphConfiguration graph(
      NeuralNetConfiguration.Builder settings, List<Layer> layers, boolean hasSideways) {
    GraphBuilder builder = settings.graphBuilder().addInputs("in");
    String before = "in";
    for (int i = 0; i < layers.size(); i++) {
      boolean isLast = i == layers.size() - 1;
      if (isLast && hasSideways && shape == Shape.FLAT) {
        builder.addVertex("merged", new MergeVertex(), before, "in");
        before = "merged";
      }
      String name = isLast ? "out" : "v" + i;
      builder.addLayer(name, layers.get(i), before);
      before = name;
    }
    return builder.setOutputs("out").setInputTypes(input()).build();
  }

  private InputType input() {
    return switch (shape) {
      case FLAT -> InputType.feedForward(FEATURES);
      case IMAGE -> InputType.convolutional(SIDE, SIDE, 1);
      case SEQUENCE -> InputType.recurrent(FEATURES);
    };
  }

  private IUpdater updater(Random random) {
    if (random.nextBoolean()) {
      UpdaterKind[] kinds = UpdaterKind.values();
      return kinds[random.nextInt(kinds.length)].at(lr);
    }
    return EXACT.get(random.nextInt(EXACT.size())).apply(lr);
  }

  private List<Layer> layers(Random random) {
    List<Layer> layers = new ArrayList<>();
    int hidden = 1 + random.nextInt(2);
    switch (shape) {
      case FLAT -> {
        for (int i = 0; i < hidden; i++) {
          layers.add(dense(random));
          addNormalization(layers, random);
        }
        layers.add(output(random));
      }
      case IMAGE -> {
        layers.add(with(new ConvolutionLayer.Builder(2, 2).nOut(2), random, 1, 2, 3).build());
        addNormalization(layers, random);
        if (random.nextBoolean()) {
          layers.add(new SubsamplingLayer.Builder().kernelSize(2, 2).stride(2, 2).build());
        }
        if (hidden == 2) {
          layers.add(dense(random));
        }
        layers.add(output(random));
      }
      case SEQUENCE -> {
        layers.add(recurrent(random));
        if (hidden == 2) {
          layers.add(
              random.nextBoolean()
                  ? new TimeDistributed(dense(random))
                  : new Bidirectional(lstm(random)));
        }
        if (isToOne()) {
          layers.add(new LastTimeStep(lstm(random)));
          layers.add(output(random));
        } else {
          layers.add(
              with(
                      new RnnOutputLayer.Builder(LossFunction.MSE)
                          .nOut(LABELS)
                          .activation(Activation.IDENTITY),
                      random,
                      1)
                  .build());
        }
      }
    }
    return layers;
  }

  /** Tells whether a whole sequence has one label. */
  private boolean isToOne() {
    return shape == Shape.SEQUENCE && (seed & 1) == 0;
  }

  private Layer dense(Random random) {
    boolean hasLayerNorm = shape != Shape.SEQUENCE && random.nextInt(4) == 0;
    DenseLayer.Builder dense =
        new DenseLayer.Builder().nOut(2 + random.nextInt(3)).hasLayerNorm(hasLayerNorm);
    // DL4J would apply a constraint of the weights to the gain, which has no dimension 1.
    with(dense, random, hasLayerNorm ? new int[0] : new int[] {1});
    if (shape == Shape.FLAT && random.nextInt(12) == 0) {
      return new FrozenLayerWithBackprop(dense.build());
    }
    if (random.nextInt(12) == 0) {
      dense.updater(new AdaDelta()); // Has a state but no rate.
    }
    return dense.build();
  }

  private Layer lstm(Random random) {
    return with(new LSTM.Builder().nOut(2 + random.nextInt(2)), random, 1).build();
  }

  private Layer recurrent(Random random) {
    return switch (random.nextInt(3)) {
      case 0 -> lstm(random);
      case 1 -> new Bidirectional(Bidirectional.Mode.ADD, lstm(random));
      default ->
          // With DL4J's layer normalization it cannot train.
          with(new SimpleRnn.Builder().nOut(3), random, 1).build();
    };
  }

  private Layer output(Random random) {
    return with(
            new OutputLayer.Builder(LossFunction.MSE).nOut(LABELS).activation(Activation.IDENTITY),
            random,
            1)
        .build();
  }

  private void addNormalization(List<Layer> layers, Random random) {
    switch (random.nextInt(4)) {
      case 0 ->
          layers.add(new BatchNormalization.Builder().useLogStd(random.nextBoolean()).build());
      case 1 -> layers.add(new TorchBatchNormalization.Builder().build());
      default -> {}
    }
  }

  /**
   * Gives a layer some of what every layer can have.
   *
   * @param dimensions what its weights may be constrained along, if they may
   */
  private <B extends FeedForwardLayer.Builder<B>> B with(
      B layer, Random random, int... dimensions) {
    switch (random.nextInt(16)) {
      case 0 -> layer.dropOut(0.8);
      case 1 -> layer.dropOut(new GaussianNoise(0.1));
      case 2 -> layer.dropOut(new GaussianDropout(0.1));
      case 3 -> layer.dropOut(new AlphaDropout(0.9));
      case 4 -> layer.weightNoise(new DropConnect(0.9));
      default -> {}
    }
    switch (random.nextInt(12)) {
      case 0 -> {
        if (dimensions.length > 0) {
          layer.constrainWeights(constraint(random, dimensions));
        }
      }
      case 1 -> layer.constrainBias(new NonNegativeConstraint());
      default -> {}
    }
    decay(layer, random);
    switch (random.nextInt(8)) {
      case 0 -> layer.updater(updater(random));
      case 1 -> layer.biasUpdater(updater(random));
      default -> {}
    }
    return layer;
  }

  private static void decay(BaseLayer.Builder<?> layer, Random random) {
    switch (random.nextInt(12)) {
      case 0 -> layer.l1(0.001);
      case 1 -> layer.l2(0.01);
      case 2 -> layer.weightDecay(0.01, random.nextBoolean());
      case 3 -> layer.weightDecayBias(0.01, random.nextBoolean());
      case 4 -> layer.l2Bias(0.01);
      default -> {}
    }
  }

  private static LayerConstraint constraint(Random random, int... dimensions) {
    return switch (random.nextInt(3)) {
      case 0 -> new MaxNormConstraint(0.4, dimensions);
      case 1 -> new MinMaxNormConstraint(0.1, 0.5, 0.9, dimensions);
      default -> new UnitNormConstraint(dimensions);
    };
  }

  /** Returns the batches of an epoch. */
  List<DataSet> batches(int count) {
    Random random = new Random(seed);
    List<DataSet> batches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      // The last one is smaller.
      int examples = i == count - 1 ? 3 : 4;
      INDArray features =
          switch (shape) {
            case FLAT -> array(random, examples, FEATURES);
            case IMAGE -> array(random, examples, 1, SIDE, SIDE);
            case SEQUENCE -> array(random, examples, FEATURES, TIME);
          };
      INDArray labels =
          shape == Shape.SEQUENCE && !isToOne()
              ? array(random, examples, LABELS, TIME)
              : array(random, examples, LABELS);
      batches.add(new DataSet(features, labels));
    }
    return batches;
  }

  private INDArray array(Random random, long... shape) {
    long length = 1;
    for (long size : shape) {
      length *= size;
    }
    return Nd4j.createFromArray(random.doubles(length, -1, 1).toArray())
        .reshape(shape)
        .castTo(type);
  }

  /** Says what the network is, one line a layer. */
  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder(isGraph ? "ComputationGraph" : "MultiLayerNetwork").append(", ");
    text.append(type).append(", rate ").append(lr);
    Model net = make();
    var layers =
        net instanceof ComputationGraph graph
            ? graph.getLayers()
            : ((MultiLayerNetwork) net).getLayers();
    for (var layer : layers) {
      text.append("\n    ").append(layer.conf().getLayer());
    }
    return text.toString();
  }
}
