package io.github.dl4jtorch.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@code torch.save} wrote, and writes what {@code torch.load} reads: {@code .pt} and
 * {@code .pth} files.
 *
 * <p>Values come as they would in Python: a dict is a {@link Dict}, which is a {@code Map}; a list
 * a {@code List}; a tuple a {@link Tuple}; numbers are {@code Long} ({@code BigInteger} beyond it)
 * and {@code Double}; {@code None} is null; a tensor is a {@link TorchTensor}, a dtype a {@link
 * DType}, and the name of a function or class an {@link OpaqueName}.
 *
 * <pre>{@code
 * Dict checkpoint = TorchFile.read(Path.of("half.pt"));
 * Dict model = checkpoint.dict("model");
 * double[] bias = model.tensor("fc.bias").toDoubleArray();
 *
 * Map<Object, Object> changed = new LinkedHashMap<>(model);
 * changed.put("fc.bias", TorchTensor.of(new double[bias.length], bias.length));
 * TorchFile.write(Path.of("model.pt"), Dict.ordered(changed).withAttributesOf(model));
 * }</pre>
 *
 * <p>Read is the zip form of every version, with the numbers of either byte order, and the form
 * that PyTorch up to 1.5 wrote. Nothing in a file is looked up, loaded or run. All checksums and
 * sizes are compared before anything is returned; a file is mapped into memory and must not be
 * written to while its tensors are in use. Another may take its name, as {@link #write} does, on
 * systems that replace a file which is in use; Windows does not.
 */
public final class TorchFile {

  private static final int TAR_MARK = 257;

  private TorchFile() {}

  /**
   * Reads a file that holds a dict, as checkpoints and state dicts are.
   *
   * @param file a {@code .pt} or {@code .pth} file
   * @return the dict
   * @throws TorchFileException if there is no such file, it is damaged or none of PyTorch's, it
   *     would call something, or it holds something else than a dict
   */
  public static Dict read(Path file) throws TorchFileException {
    Object value = readValue(file);
    if (value instanceof Dict dict) {
      return dict;
    }
    throw new TorchFileException(
        file, "it holds " + Values.name(value) + ", not a dict: take readValue", null);
  }

  /**
   * Reads a file that may hold anything, for example a single tensor.
   *
   * @param file a {@code .pt} or {@code .pth} file
   * @return the value, null for None
   * @throws TorchFileException if there is no such file, it is damaged or none of PyTorch's, or it
   *     would call something
   */
  public static @Nullable Object readValue(Path file) throws TorchFileException {
    InputFile in = InputFile.open(file);
    int first = in.size() < 2 ? -1 : in.reader(0, 2).u16();
    if (first == ('P' | 'K' << 8)) {
      return ZipForm.read(in);
    }
    if ((first & 0xFF) == 0x80) {
      return LegacyForm.read(in);
    }
    throw in.refusal(otherwise(in));
  }

  private static String otherwise(InputFile in) throws TorchFileException {
    if (Safetensors.isOne(in)) {
      return "it is a file of safetensors: take Safetensors.read";
    }
    if (in.size() > TAR_MARK + 5
        && new String(in.reader(TAR_MARK, 5).array(5), StandardCharsets.ISO_8859_1)
            .equals("ustar")) {
      return "it is a tar file, as PyTorch wrote before 0.2; load it there and save it again";
    }
    return "it is no file that torch.save wrote, or its beginning is damaged";
  }

  /**
   * Writes a file in the zip form, which PyTorch reads since 1.6, {@code weights_only} as well if
   * it holds no {@link OpaqueName}. It is moved into place when it is complete, so that a crash
   * leaves the old file or the new one.
   *
   * @param file the file, which is replaced if it is there
   * @param value a map, list, tensor, string, number, boolean, {@link DType} or null; maps and
   *     lists of those; and whatever was read. Tensors that share a storage share it in the file
   * @throws IllegalArgumentException if there is something else in it, or it lies more than 500
   *     deep in itself; no file is written then
   * @throws IOException if the file cannot be written
   */
  public static void write(Path file, @Nullable Object value) throws IOException {
    Pickler pickler = new Pickler();
    byte[] pickle = pickler.pickle(value);
    OutputFile.write(
        file,
        channel -> {
          try (ZipWriter zip = new ZipWriter(channel)) {
            zip.add("archive/data.pkl", pickle);
            zip.add("archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
            int key = 0;
            for (TorchTensor storage : pickler.storages()) {
              zip.add("archive/data/" + key++, storage);
            }
            zip.add("archive/version", "3\n".getBytes(StandardCharsets.US_ASCII));
          }
        });
  }
}
