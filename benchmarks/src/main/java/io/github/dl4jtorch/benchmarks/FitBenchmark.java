package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
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

/** What a training iteration costs with everything around it, and without. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class FitBenchmark {

  private static final int WIDTH = 512;

  /** What goes along with the training. */
  public enum Around {
    /** The updater alone. */
    NOTHING,
    /** Rates pushed and monitored in each iteration. */
    PUSH_AND_MONITOR,
    /** The same, and the gradient's norm clipped. */
    CLIPPING,
    /** The same, and a moving average updated in each iteration. */
    EMA
  }

  /** What goes along. */
  @Param public Around around = Around.NOTHING;

  private DataSet batch = new DataSet();
  private MultiLayerNetwork net = new MultiLayerNetwork(configuration());

  /** Creates the benchmark, for JMH. */
  public FitBenchmark() {}

  private static MultiLayerConfiguration configuration() {
    return new NeuralNetConfiguration.Builder()
        .seed(1)
        .updater(new TorchSGD(1e-3).withMomentum(0.9))
        .list(
            new DenseLayer.Builder().nIn(WIDTH).nOut(WIDTH).activation(Activation.RELU).build(),
            new DenseLayer.Builder().nIn(WIDTH).nOut(WIDTH).activation(Activation.RELU).build(),
            new OutputLayer.Builder().nIn(WIDTH).nOut(10).activation(Activation.SOFTMAX).build())
        .build();
  }

  /** Makes the network and what goes along. */
  @Setup
  public void prepare() {
    batch = new DataSet(Nd4j.rand(128, WIDTH), Nd4j.zeros(128, 10));
    for (int row = 0; row < 128; row++) {
      batch.getLabels().putScalar(row, row % 10, 1);
    }
    net = new MultiLayerNetwork(configuration());
    net.init();
    if (around.compareTo(Around.PUSH_AND_MONITOR) >= 0) {
      net.addListeners(
          LearningRateMonitor.everyIteration(net),
          SchedulerListener.everyIteration(
              new CosineAnnealingLR(1_000_000).attach(NetworkParamGroups.of(net))));
    }
    if (around.compareTo(Around.CLIPPING) >= 0) {
      net.addListeners(GradientClipping.norm(1.0));
    }
    if (around == Around.EMA) {
      net.addListeners(
          AveragingListener.everyIteration(net, AveragedModel.of(net, Averaging.ema(0.999))));
    }
  }

  /** Trains on one batch. */
  @Benchmark
  public void fit() {
    net.fit(batch);
  }
}
