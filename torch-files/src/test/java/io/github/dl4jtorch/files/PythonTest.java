package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * PyTorch itself, and the library safetensors, read what is written here. Skipped where there is no
 * Python that has them: on Debian, {@code apt-get install python3-torch}. The system property
 * {@code python} names another.
 */
class PythonTest {

  private static final String PYTHON = System.getProperty("python", "/usr/bin/python3");

  @TempDir Path folder;

  private static String run(String... arguments) {
    List<String> command = new ArrayList<>(List.of(PYTHON));
    command.addAll(List.of(arguments));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      return process.waitFor() == 0 ? output : "failed: " + output;
    } catch (IOException none) {
      return "failed: " + none.getMessage();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return "failed: interrupted";
    }
  }

  private static String script(String name) {
    return "src/test/resources/python/" + name;
  }

  private static void assumeModule(String module, String install) {
    assumeTrue(
        run("-c", "import " + module).isEmpty(),
        PYTHON + " has no " + module + ", so it was not asked to read our files; " + install);
  }

  /** One process for everything: it takes PyTorch seconds to start. */
  @Test
  void pyTorchReadsWhatIsWritten() throws IOException {
    assumeModule("torch", "on Debian: apt-get install python3-torch");
    List<String> arguments = new ArrayList<>(List.of(script("torch_reads.py")));
    for (String name : Golden.READABLE) {
      compare(arguments, "all", Golden.file(name), copy(name));
    }
    for (String name :
        List.of("cnn_onecycle/initial.pt", "resnet_swa/initial.pt", "files/kinds.pt")) {
      compare(arguments, "weights_only", Golden.file(name), copy(name));
    }
    Path large = folder.resolve("zip64.pt");
    ZipTest.zip64(large, ZipTest.entries(copy("files/kinds.pt")));
    compare(arguments, "all", copy("files/kinds.pt"), large);
    compare(arguments, "numbers", numbers(), Path.of("-"));
    List<String> answers = run(arguments.toArray(String[]::new)).lines().toList();
    assertThat(answers).containsOnly("same").hasSize(Golden.READABLE.size() + 5);
  }

  private static void compare(List<String> arguments, String mode, Path file, Path copy) {
    arguments.addAll(List.of(mode, file.toString(), copy.toString()));
  }

  private Path copy(String name) throws IOException {
    Path copy = folder.resolve(name.replace('/', '_'));
    TorchFile.write(copy, TorchFile.readValue(Golden.file(name)));
    return copy;
  }

  /** Every number of eight and sixteen bits, beside what it is as a double here. */
  private Path numbers() throws IOException {
    Map<String, Object> numbers = new LinkedHashMap<>();
    for (DType dtype :
        List.of(DType.FLOAT16, DType.BFLOAT16, DType.INT16, DType.INT8, DType.UINT8)) {
      int count = dtype.itemSize() == 1 ? 1 << 8 : 1 << 16;
      ByteBuffer bytes =
          ByteBuffer.allocate(count * dtype.itemSize()).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < count; i++) {
        if (dtype.itemSize() == 1) {
          bytes.put((byte) i);
        } else {
          bytes.putShort((short) i);
        }
      }
      TorchTensor all = TorchTensor.of(dtype, bytes.flip(), count);
      numbers.put(dtype.torchName(), Tuple.of(all, TorchTensor.of(all.toDoubleArray(), count)));
    }
    Path file = folder.resolve("numbers.pt");
    TorchFile.write(file, numbers);
    return file;
  }

  @Test
  void theLibrarySafetensorsReadsWhatIsWritten() throws IOException {
    assumeModule("safetensors.numpy", "pip install safetensors numpy");
    Map<String, TorchTensor> tensors = new TreeMap<>();
    tensors.put("double", TorchTensor.of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3));
    tensors.put("empty", TorchTensor.of(new float[0], 0, 3));
    tensors.put("float \"quoted\" \u00e4", TorchTensor.of(new float[] {0.1f}));
    tensors.put("half", TorchTensor.of(DType.FLOAT16, ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), 2));
    tensors.put("int64", TorchTensor.of(new long[] {-1, 2}, 2));
    tensors.put("int8", TorchTensor.of(DType.INT8, ByteBuffer.wrap(new byte[] {1, 2, 3}), 3));
    Path file = folder.resolve("model.safetensors");
    new Safetensors(tensors, Map.of("format", "pt")).write(file);
    List<String> expected = new ArrayList<>(List.of("{'format': 'pt'}"));
    tensors.forEach(
        (name, tensor) -> {
          byte[] bytes = new byte[tensor.asByteBuffer().remaining()];
          tensor.asByteBuffer().get(bytes);
          StringBuilder shape = new StringBuilder();
          for (long size : tensor.shape()) {
            shape.append(shape.isEmpty() ? "" : ", ").append(size);
          }
          expected.add(
              String.join(
                      " ",
                      name,
                      tensor.dtype().torchName(),
                      "[" + shape + "]",
                      HexFormat.of().formatHex(bytes))
                  .trim());
        });
    assertThat(run(script("safetensors_reads.py"), file.toString()).lines().map(String::trim))
        .containsExactlyElementsOf(expected);
  }
}
