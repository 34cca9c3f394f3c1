package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.factory.Nd4j;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it takes to save and restore a network of 25 million parameters with Adam's state, 300 MB,
 * and how long training stands still for a save in the background; beside a plain file of as many
 * bytes and DL4J's own.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Xmx3g",
      "-Dorg.bytedeco.javacpp.maxbytes=6g",
      "-Dorg.bytedeco.javacpp.maxphysicalbytes=10g"
    })
@Warmup(iterations = 2)
@Measurement(iterations = 6)
public class CheckpointBenchmark {

  private static final int WIDTH = 2500;
  private static final int LAYERS = 4;

  private Path folder = Path.of("");
  private Path saved = Path.of("");
  private Path model = Path.of("");
  private Path plain = Path.of("");
  private final ByteBuffer chunk = ByteBuffer.allocateDirect(1 << 20);
  private final MultiLayerNetwork net = network();
  private CheckpointWriter writer = CheckpointWriter.of(net);
  private TrainingCheckpointListener background =
      TrainingCheckpointListener.everyEpoch(writer, folder);

  /** Creates the benchmark, for JMH. */
  public CheckpointBenchmark() {}

  private static MultiLayerNetwork network() {
    NeuralNetConfiguration.ListBuilder layers =
        new NeuralNetConfiguration.Builder().seed(1).updater(new TorchAdam(1e-3)).list();
    for (int layer = 0; layer < LAYERS; layer++) {
      layers.layer(new DenseLayer.Builder().nIn(WIDTH).nOut(WIDTH).build());
    }
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            layers
                .layer(
                    new OutputLayer.Builder()
                        .nIn(WIDTH)
                        .nOut(2)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.init();
    net.getUpdater().getStateViewArray().assign(Nd4j.rand(net.updaterState().shape()));
    return net;
  }

  /** Saves once each way, to have what is restored. */
  @Setup
  public void prepare() throws IOException {
    folder = Files.createTempDirectory("checkpoints");
    saved = folder.resolve("saved.zip");
    model = folder.resolve("model.zip");
    plain = folder.resolve("plain.bin");
    writer = CheckpointWriter.of(net);
    background =
        TrainingCheckpointListener.everyEpoch(writer, folder.resolve("training"))
            .keepLast(1)
            .inBackground();
    save();
    modelSerializer();
    plainWrite();
  }

  /** Deletes the files. */
  @TearDown
  public void delete() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    }
  }

  /** Lets the write in the background end, outside what is measured. */
  @TearDown(Level.Invocation)
  public void waitForBackground() {
    background.close();
  }

  /** Saves a checkpoint: written, read again, forced onto the disk, moved into place. */
  @Benchmark
  public void save() throws IOException {
    writer.save(saved);
  }

  /** How long training stands still for a save in the background. */
  @Benchmark
  public void stallInBackground() {
    background.onEpochStart(net);
    background.onEpochEnd(net);
  }

  /** Saves as DL4J does; not forced onto the disk. */
  @Benchmark
  public void modelSerializer() throws IOException {
    net.save(model.toFile(), true);
  }

  /** Writes as many bytes and forces them onto the disk. */
  @Benchmark
  public void plainWrite() throws IOException {
    try (FileChannel channel =
        FileChannel.open(plain, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      long left = Files.size(saved);
      while (left > 0) {
        left -= channel.write(chunk.clear().limit((int) Math.min(left, chunk.capacity())));
      }
      channel.force(true);
    }
  }

  /** Loads a checkpoint, network and all. */
  @Benchmark
  public MultiLayerNetwork restore() throws IOException {
    return TrainingCheckpoint.load(saved).network(MultiLayerNetwork.class);
  }

  /** Loads DL4J's file. */
  @Benchmark
  public MultiLayerNetwork modelSerializerRestore() throws IOException {
    return MultiLayerNetwork.load(model.toFile(), true);
  }

  /** Reads as many bytes. */
  @Benchmark
  public int plainRead() throws IOException {
    int last = 0;
    try (FileChannel channel = FileChannel.open(plain)) {
      while (channel.read(chunk.clear()) >= 0) {
        last += chunk.get(0);
      }
    }
    return last;
  }
}
