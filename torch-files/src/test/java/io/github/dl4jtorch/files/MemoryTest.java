package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What reading takes on the heap. */
class MemoryTest {

  private static final int MB = 1 << 20;
  private static final int TENSORS = 16;

  /** In MB, of a file. */
  private static final int SIZE = 8;

  /** In MB, what reading may take beside twice the file's size. */
  private static final int ALLOWANCE = 32;

  /** In MB, where a JVM makes what is new. */
  private static final int YOUNG = 8;

  @TempDir Path folder;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @FunctionalInterface
  private interface Reading {
    Object read() throws IOException;
  }

  /** Returns how many bytes are allocated, garbage included, after the classes have been loaded. */
  private long allocated(Reading reading) throws IOException {
    reading.read();
    long before = threads.getCurrentThreadAllocatedBytes();
    Object kept = reading.read();
    long after = threads.getCurrentThreadAllocatedBytes();
    assertThat(kept).isNotNull();
    return after - before;
  }

  /** Weights stay in their file, and a tensor takes what its own array takes. */
  @Test
  void weightsAreNotCopied() throws IOException {
    Map<String, TorchTensor> weights = new LinkedHashMap<>();
    for (int i = 0; i < TENSORS; i++) {
      weights.put("layer" + i + ".weight", TorchTensor.of(new float[MB], 1024, 1024));
    }
    Path torch = folder.resolve("weights.pt");
    TorchFile.write(torch, weights);
    Path safetensors = folder.resolve("weights.safetensors");
    new Safetensors(weights, Map.of()).write(safetensors);
    assertThat(Files.size(torch)).isGreaterThan(4L * TENSORS * MB);
    assertThat(allocated(() -> TorchFile.read(torch))).isLessThan(MB);
    assertThat(allocated(() -> Safetensors.read(safetensors))).isLessThan(MB);
    for (TorchTensor tensor :
        new TorchTensor[] {
          TorchFile.read(torch).tensor("layer3.weight"),
          Safetensors.read(safetensors).tensors().get("layer3.weight")
        }) {
      assertThat(allocated(tensor::asByteBuffer)).isLessThan(1_000);
      assertThat(allocated(tensor::toFloatArray)).isBetween(4L * MB, 4L * MB + 1_000);
      assertThat(allocated(tensor::toDoubleArray)).isBetween(8L * MB, 8L * MB + 1_000);
    }
  }

  /** What a pickle can be full of, by name. */
  private static Map<String, Consumer<Pickle>> fillings() {
    Map<String, Consumer<Pickle>> fillings = new LinkedHashMap<>();
    fillings.put("lists", pickle -> pickle.op(']'));
    fillings.put("lists of one", pickle -> pickle.op(']', 'N', 'a'));
    fillings.put("tuples", pickle -> pickle.op(')'));
    fillings.put("tuples of one", pickle -> pickle.op('N', 0x85));
    fillings.put(
        "long tuples", pickle -> pickle.op('(', 'N', 'N', 'N', 'N', 'N', 'N', 'N', 'N', 't'));
    fillings.put("dicts", pickle -> pickle.op('}'));
    fillings.put("dicts of one", pickle -> pickle.op('}', 'K', 1, 'N', 's'));
    fillings.put("ordered dicts", pickle -> pickle.op('h', 0, ')', 'R'));
    fillings.put("counters", pickle -> pickle.op('h', 1, ')', 'R'));
    fillings.put("marks", pickle -> pickle.op('('));
    fillings.put("nones", pickle -> pickle.op('N'));
    fillings.put("dropped", pickle -> pickle.op('N', '0'));
    fillings.put("small integers", pickle -> pickle.op('K', 200));
    fillings.put("integers", pickle -> pickle.integer(1L << 40));
    fillings.put("large integers", pickle -> pickle.op(0x8A, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    fillings.put("floats", pickle -> pickle.op('G', 0x3F, 0xB9, 1, 2, 3, 4, 5, 6));
    fillings.put("empty texts", pickle -> pickle.op('U', 0));
    fillings.put("texts", pickle -> pickle.op('U', 3, 'a', 'b', 'c'));
    fillings.put("wide texts", pickle -> pickle.op('U', 3, 0xE2, 0x82, 0xAC));
    fillings.put("names", pickle -> pickle.op('c', 'a', '\n', 'b', '\n'));
    fillings.put("recalled", pickle -> pickle.op('h', 0));
    fillings.put("remembered", pickle -> pickle.op('N', 0x94));
    fillings.put("sizes", pickle -> pickle.op('h', 2, ')', 0x85, 'R'));
    fillings.put("views", pickle -> pickle.op('h', 3, 'h', 4, 'R'));
    return fillings;
  }

  /** Writes a file of the size, whose pickle is full of one kind, and weights for the rest. */
  private static void write(Path file, Consumer<Pickle> one, int pickleSize) throws IOException {
    Pickle pickle = new Pickle();
    pickle.global("collections", "OrderedDict").op('q', 0);
    pickle.global("collections", "Counter").op('q', 1);
    pickle.global("torch", "Size").op('q', 2);
    pickle.global("torch._utils", "_rebuild_tensor_v2").op('q', 3);
    pickle.op('(').storage("FloatStorage", "0", 4).integer(0).longs(2, 2).longs(2, 1).op(0x89);
    pickle.op('h', 0, ')', 'R', 't', 'q', 4);
    pickle.op(']', '(');
    while (pickle.size() < pickleSize) {
      one.accept(pickle);
    }
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("a/data.pkl", pickle.op('e', '.').toArray());
    entries.put("a/data/0", new byte[16]);
    entries.put("a/data/1", new byte[SIZE * MB - pickleSize]);
    Pickle.zip(file, entries);
  }

  /** Reads files, and says of each how that went; for a JVM of its own. */
  static final class Reader {
    private Reader() {}

    public static void main(String[] files) {
      for (String file : files) {
        String outcome = "read";
        try {
          TorchFile.readValue(Path.of(file));
        } catch (TorchFileException refusal) {
          outcome = "refused";
        } catch (OutOfMemoryError more) {
          outcome = "too much";
        }
        System.out.println(outcome);
      }
    }
  }

  /** However a pickle is filled, reading it takes no more than twice the file and 32 MB. */
  @Test
  void noPickleTakesMoreThanTwiceItsFile() throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                // The old generation alone can fill up; what a JVM needs for itself is 4 MB.
                "-Xmn" + YOUNG + "m",
                "-Xmx" + (YOUNG + 2 * SIZE + ALLOWANCE + 4) + "m",
                "-cp",
                System.getProperty("java.class.path"),
                Reader.class.getName()));
    List<String> names = new ArrayList<>();
    for (Map.Entry<String, Consumer<Pickle>> filling : fillings().entrySet()) {
      // The larger one is too much, and the smaller one not.
      for (int pickleSize : new int[] {SIZE * MB, MB / 4}) {
        Path file = folder.resolve(filling.getKey() + " " + pickleSize);
        write(file, filling.getValue(), pickleSize);
        command.add(file.toString());
        names.add(file.getFileName().toString());
      }
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    List<String> outcomes = new ArrayList<>();
    try (BufferedReader lines = process.inputReader()) {
      lines.lines().forEach(line -> outcomes.add(names.get(outcomes.size()) + " " + line));
    }
    assertThat(outcomes).hasSameSizeAs(names).noneMatch(line -> line.endsWith("too much"));
    assertThat(outcomes).filteredOn(line -> line.endsWith(" read")).hasSizeGreaterThan(15);
    assertThat(outcomes).filteredOn(line -> line.endsWith(" refused")).hasSizeGreaterThan(15);
  }
}
