package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.StepSchedule;
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

/** What it costs to read a configuration whose hundred layers follow one schedule. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ConfigurationBenchmark {

  private static final int LAYERS = 100;

  /** Whose schedule. */
  @Param public ValueAtBenchmark.Side side = ValueAtBenchmark.Side.TORCH;

  private String json = "";

  /** Creates the benchmark, for JMH. */
  public ConfigurationBenchmark() {}

  /** Writes the configuration. */
  @Setup
  public void prepare() {
    ISchedule schedule =
        side == ValueAtBenchmark.Side.TORCH
            ? TorchSchedule.lr(new StepLR(30, 0.5), 0.1, ScheduleType.EPOCH)
            : new StepSchedule(ScheduleType.EPOCH, 0.1, 0.5, 30);
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder().updater(new Adam(schedule)).list();
    for (int layer = 0; layer < LAYERS; layer++) {
      list.layer(new DenseLayer.Builder().nIn(4).nOut(4).build());
    }
    json = list.build().toJson();
  }

  /** Reads it. */
  @Benchmark
  public MultiLayerConfiguration read() {
    return MultiLayerConfiguration.fromJson(json);
  }
}
