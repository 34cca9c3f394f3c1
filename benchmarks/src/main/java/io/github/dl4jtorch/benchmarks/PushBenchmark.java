package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to push rates and beta1 in every iteration, with one param group a layer, beside an
 * iteration of the network and beside what DL4J offers for the rate.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Xmx2g",
      "-Dorg.bytedeco.javacpp.maxbytes=8g",
      "-Dorg.bytedeco.javacpp.maxphysicalbytes=12g"
    })
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PushBenchmark {

  private static final int WIDTH = 256;

  /** Creates the benchmark, for JMH. */
  public PushBenchmark() {}

  /** How many layers and param groups. */
  @Param({"1", "10", "100"})
  public int layers = 1;

  private MultiLayerNetwork net = network(1);
  private SchedulerListener listener = listener(net);
  private DataSet batch = new DataSet();
  private int iteration;

  /** Makes the network, trained once so that it has its updaters. */
  @Setup
  public void prepare() {
    batch =
        new DataSet(
            Nd4j.rand(DataType.FLOAT, 64, WIDTH),
            Nd4j.zeros(DataType.FLOAT, 64, WIDTH).addi(1.0 / WIDTH));
    net = network(layers);
    net.fit(batch);
    listener = listener(net);
  }

  private static MultiLayerNetwork network(int layers) {
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder().seed(1).updater(new Adam(1e-4)).list();
    for (int layer = 1; layer < layers; layer++) {
      list.layer(
          new DenseLayer.Builder().nIn(WIDTH).nOut(WIDTH).activation(Activation.RELU).build());
    }
    list.layer(
        new OutputLayer.Builder().nIn(WIDTH).nOut(WIDTH).activation(Activation.SOFTMAX).build());
    MultiLayerNetwork net = new MultiLayerNetwork(list.build());
    net.init();
    return net;
  }

  private static SchedulerListener listener(MultiLayerNetwork net) {
    return SchedulerListener.everyIteration(
        OneCycleLR.builder(1e-4)
            .totalSteps(Integer.MAX_VALUE)
            .build()
            .attach(NetworkParamGroups.perLayer(net)));
  }

  /** Does what the listener does in an iteration. */
  @Benchmark
  public void push() {
    listener.onGradientCalculation(net);
    listener.iterationDone(net, iteration++, 0);
  }

  /** Trains an iteration on a batch of 64, without a listener. */
  @Benchmark
  public void iteration() {
    net.fit(batch);
  }

  /** Sets the rate of all layers as DL4J does it. */
  @Benchmark
  public void setLearningRate() {
    net.setLearningRate(1e-4);
  }
}
