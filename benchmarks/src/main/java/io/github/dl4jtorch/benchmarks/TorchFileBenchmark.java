package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.files.Safetensors;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * What it takes to read 400 MB of weights, a hundred tensors of a million floats, into arrays,
 * beside a plain read of the same file.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 1, jvmArgsAppend = "-Xmx3g")
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class TorchFileBenchmark {

  private static final int TENSORS = 100;
  private static final int FLOATS = 1_000_000;

  private Path folder = Path.of("");
  private Path torch = Path.of("");
  private Path safetensors = Path.of("");

  /** Creates the benchmark, for JMH. */
  public TorchFileBenchmark() {}

  /** Writes the files. */
  @Setup
  public void prepare() throws IOException {
    Random random = new Random(1);
    Map<String, TorchTensor> weights = new LinkedHashMap<>();
    for (int tensor = 0; tensor < TENSORS; tensor++) {
      float[] values = new float[FLOATS];
      for (int i = 0; i < FLOATS; i++) {
        values[i] = random.nextFloat();
      }
      weights.put("layer" + tensor + ".weight", TorchTensor.of(values, 1000, 1000));
    }
    folder = Files.createTempDirectory("weights");
    torch = folder.resolve("weights.pt");
    TorchFile.write(torch, weights);
    safetensors = folder.resolve("weights.safetensors");
    new Safetensors(weights, Map.of()).write(safetensors);
  }

  /** Deletes the files. */
  @TearDown
  public void delete() throws IOException {
    Files.delete(torch);
    Files.delete(safetensors);
    Files.delete(folder);
  }

  /** Reads the file into one array, the usual way. */
  @Benchmark
  public byte[] plain() throws IOException {
    return Files.readAllBytes(torch);
  }

  /** Reads the file into one small buffer again and again: keeps nothing. */
  @Benchmark
  public int plainIntoOneBuffer() throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 18);
    int last = 0;
    try (FileChannel channel = FileChannel.open(torch)) {
      while (channel.read(buffer.clear()) >= 0) {
        last += buffer.get(0);
      }
    }
    return last;
  }

  /** Reads every tensor of a .pt file, with all checksums compared. */
  @Benchmark
  public void torchFile(Blackhole hole) throws IOException {
    for (TorchTensor tensor : TorchFile.read(torch).tensors().values()) {
      hole.consume(tensor.toFloatArray());
    }
  }

  /** Opens a .pt file and compares all checksums; the tensors stay in the file. */
  @Benchmark
  public void torchFileOpened(Blackhole hole) throws IOException {
    hole.consume(TorchFile.read(torch));
  }

  /** Reads every tensor of a .safetensors file. */
  @Benchmark
  public void safetensors(Blackhole hole) throws IOException {
    for (TorchTensor tensor : Safetensors.read(safetensors).tensors().values()) {
      hole.consume(tensor.toFloatArray());
    }
  }
}
