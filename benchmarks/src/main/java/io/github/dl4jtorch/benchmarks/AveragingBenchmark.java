package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.UpdateBn;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to average a network of 25 million parameters, and to recompute the statistics of
 * batch normalization, beside what either would be compared with.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Xmx2g",
      "-Dorg.bytedeco.javacpp.maxbytes=8g",
      "-Dorg.bytedeco.javacpp.maxphysicalbytes=12g"
    })
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AveragingBenchmark {

  /** Creates the benchmark, for JMH. */
  public AveragingBenchmark() {}

  /** A network of 25 million parameters and its average. */
  @State(Scope.Thread)
  public static class Large {

    private MultiLayerNetwork net = emptyNetwork();
    private AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
    private INDArray params = Nd4j.empty(DataType.FLOAT);
    private INDArray averaged = Nd4j.empty(DataType.FLOAT);

    /** Creates the state, for JMH. */
    public Large() {}

    /** Makes the network. */
    @Setup
    public void prepare() {
      NeuralNetConfiguration.ListBuilder list =
          new NeuralNetConfiguration.Builder().seed(1).updater(new Sgd(0.01)).list();
      for (int layer = 0; layer < 25; layer++) {
        list.layer(new DenseLayer.Builder().nIn(1000).nOut(1000).build());
        list.layer(new BatchNormalization.Builder().nIn(1000).nOut(1000).build());
      }
      net = new MultiLayerNetwork(list.build());
      net.init();
      average = AveragedModel.of(net, Averaging.ema(0.999));
      average.updateParameters(net);
      params = net.params();
      averaged = average.network().params();
    }
  }

  private static MultiLayerNetwork emptyNetwork() {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .list(new DenseLayer.Builder().nIn(1).nOut(1).build())
                .build());
    net.init();
    return net;
  }

  /** Averages as this project does, with its check and the statistics. */
  @Benchmark
  public void update(Large large) {
    large.average.updateParameters(large.net);
  }

  /** Copies the parameters, the least that an update could do. */
  @Benchmark
  public void copy(Large large) {
    large.averaged.assign(large.params);
  }

  /** Averages in two operations over everything at once, without a check. */
  @Benchmark
  public void scaleAndAdd(Large large) {
    large.averaged.muli(0.999);
    Nd4j.getBlasWrapper().level1().axpy(large.params.length(), 0.001, large.params, large.averaged);
  }

  /** Averages as one would write it first. */
  @Benchmark
  public void naive(Large large) {
    large.averaged.addi(large.params.sub(large.averaged).div(1000));
  }

  /** A convolutional network and data. */
  @State(Scope.Thread)
  public static class Convolutional {

    private MultiLayerNetwork net = emptyNetwork();
    private List<DataSet> data = List.of();

    /** Creates the state, for JMH. */
    public Convolutional() {}

    /** Makes network and data. */
    @Setup
    public void prepare() {
      NeuralNetConfiguration.ListBuilder list =
          new NeuralNetConfiguration.Builder().seed(1).updater(new Sgd(0.01)).list();
      for (int channels : new int[] {32, 64, 64}) {
        list.layer(convolution(channels).build());
        list.layer(new BatchNormalization.Builder().activation(Activation.RELU).build());
      }
      list.layer(new GlobalPoolingLayer());
      list.layer(new OutputLayer.Builder().nOut(10).activation(Activation.SOFTMAX).build());
      net = new MultiLayerNetwork(list.setInputType(InputType.convolutional(32, 32, 3)).build());
      net.init();
      DataSet batch =
          new DataSet(Nd4j.rand(DataType.FLOAT, 8, 3, 32, 32), Nd4j.zeros(DataType.FLOAT, 8, 10));
      data = List.of(batch, batch);
    }

    private static ConvolutionLayer.Builder convolution(int channels) {
      return new ConvolutionLayer.Builder(3, 3).padding(1, 1).nOut(channels);
    }
  }

  /** Recomputes the statistics over two batches. */
  @Benchmark
  public void updateBn(Convolutional convolutional) {
    new UpdateBn().run(convolutional.net, new ExistingDataSetIterator(convolutional.data));
  }

  /** Makes the forward passes that it needs, and nothing else. */
  @Benchmark
  public void forwardInTraining(Convolutional convolutional) {
    for (DataSet batch : convolutional.data) {
      convolutional.net.feedForward(batch.getFeatures(), true);
    }
  }
}
