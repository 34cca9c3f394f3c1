package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused, and in which words. */
class RefusalsTest {

  @TempDir Path folder;

  private static void assertRefused(Path file, String reason) {
    assertThatThrownBy(() -> TorchFile.readValue(file))
        .isInstanceOf(TorchFileException.class)
        .hasMessage(file + " cannot be read: " + reason);
  }

  private void assertRefused(Pickle pickle, String reason) throws IOException {
    Path file = folder.resolve("refused.pt");
    pickle.writeTo(file);
    assertRefused(file, reason);
  }

  @Test
  void callsAreRefusedByName() {
    assertRefused(
        Golden.file("files/calls_posix.pt"),
        "reading it would call posix.getcwd, and nothing that a file names is ever called");
    assertRefused(
        Golden.file("files/calls_eval.pt"),
        "reading it would call __builtin__.eval, and nothing that a file names is ever called");
  }

  @Test
  void aWholeModuleIsRefusedWithAdvice() {
    assertRefused(
        Golden.file("files/whole_module.pt"),
        "it holds an object of the class __main__.Cnn, which reading it would call; save values"
            + " alone, in Python, with torch.save(model.state_dict(), path) in place of"
            + " torch.save(model, path)");
  }

  @Test
  void otherWaysToCallAreRefusedToo() throws IOException {
    String call = ", and nothing that a file names is ever called";
    assertRefused(
        new Pickle().global("os", "system").text("id").op(0x85, 'R'),
        "reading it would call os.system" + call);
    assertRefused(
        new Pickle().global("os", "system").text("x").op(0x86).text("y").op(0x85, 'R'),
        "reading it would call a tuple" + call);
    String object =
        ", which reading it would call; save values alone, in Python, with"
            + " torch.save(model.state_dict(), path) in place of torch.save(model, path)";
    assertRefused(
        new Pickle().global("os", "popen").op(')', 0x81),
        "it holds an object of the class os.popen" + object);
    assertRefused(
        new Pickle().global("os", "popen").op(')', '}', 0x92),
        "it holds an object of the class os.popen" + object);
    assertRefused(
        new Pickle().op('(').global("os", "popen").op('o'),
        "it holds an object of the class os.popen" + object);
    Pickle instance = new Pickle().op('(', 'i');
    for (byte letter : "os\npopen\n".getBytes(StandardCharsets.US_ASCII)) {
      instance.op(letter);
    }
    assertRefused(instance, "it holds an object of the class os.popen" + object);
    assertRefused(
        new Pickle().text("os").text("popen").op(0x93, ')', 'R'),
        "reading it would call os.popen" + call);
    assertRefused(
        new Pickle().global("torch.optim.sgd", "SGD").op(')', 0x81, '}', 'b'),
        "it holds an object of the class torch.optim.sgd.SGD" + object);
    assertRefused(
        new Pickle().text("os").op(')', 0x81), "it makes an object of a string, which is no class");
    assertRefused(
        new Pickle().global("torch.optim.sgd", "SGD").op('}', 'b'),
        "it puts a state into the name torch.optim.sgd.SGD");
    // A method that is only named may not be called either.
    assertRefused(
        new Pickle()
            .global("__builtin__", "getattr")
            .global("os", "environ")
            .text("clear")
            .op(0x86, 'R', ')', 'R'),
        "reading it would call os.environ.clear" + call);
    assertRefused(
        new Pickle()
            .global("__builtin__", "getattr")
            .global("torch.optim.sgd", "SGD")
            .op(')', 0x81)
            .text("step")
            .op(0x86, 'R', ')', 'R'),
        "reading it would call torch.optim.sgd.SGD.step" + call);
  }

  @Test
  void namesOfFunctionsAreOnlyNames() throws IOException {
    Path file = folder.resolve("names.pt");
    new Pickle().global("os", "system").op('\u0085').writeTo(file);
    assertThat(TorchFile.readValue(file).toString()).isEqualTo("[os.system]");
    assertRefused(
        new Pickle().global("os", "sys tem"), "it names what can be no function or class");
    assertRefused(new Pickle().global("os", ""), "it names what can be no function or class");
    assertRefused(
        new Pickle().global("os", "a.".repeat(1_000_000) + "a"),
        "it names what can be no function or class");
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    assertRefused(folder.resolve("none.pt"), "there is no such file");
    assertRefused(folder, "it is no file");
    Path file = folder.resolve("file.pt");
    Files.write(file, new byte[0]);
    assertRefused(file, "it is no file that torch.save wrote, or its beginning is damaged");
    Files.writeString(file, "some text that is no file of any kind known here");
    assertRefused(file, "it is no file that torch.save wrote, or its beginning is damaged");
    byte[] tar = new byte[512];
    System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
    Files.write(file, tar);
    assertRefused(
        file, "it is a tar file, as PyTorch wrote before 0.2; load it there and save it again");
    Files.write(file, new Pickle().op('}', '.').toArray());
    assertRefused(
        file,
        "it is a pickle, but none that torch.save wrote; in Python, torch.save(value, path) writes"
            + " what can be read here");
    Path safetensors = Golden.file("files/kinds.safetensors");
    assertRefused(safetensors, "it is a file of safetensors: take Safetensors.read");
    Path pt = Golden.file("files/kinds.pt");
    assertThatThrownBy(() -> Safetensors.read(pt))
        .isInstanceOf(TorchFileException.class)
        .hasMessage(
            pt + " cannot be read: it is no file of safetensors, or its beginning is damaged");
    Pickle.zip(file, Map.of("model/constants.pkl", new byte[1], "model/data.pkl", new byte[1]));
    assertRefused(
        file,
        "it is a TorchScript program, of torch.jit.save; in Python, torch.save(model.state_dict(),"
            + " path) writes what can be read here");
    Pickle.zip(file, Map.of("word/document.xml", new byte[1]));
    assertRefused(file, "it is a zip file, but none of PyTorch's: it has no data.pkl");
  }

  @Test
  void compressedEntriesAreRefusedUnopened() throws IOException {
    Path file = folder.resolve("bomb.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("a/data.pkl"));
      byte[] zeros = new byte[1 << 20];
      for (int megabyte = 0; megabyte < 64; megabyte++) {
        zip.write(zeros);
      }
    }
    assertRefused(
        file,
        "its entry a/data.pkl is compressed, which torch.save does not do: unzip it, and zip it"
            + " without compression");
  }

  @Test
  void tensorsMustLieWithinTheirStorage() throws IOException {
    Path file = folder.resolve("tensor.pt");
    new Pickle().tensor(1, new long[] {3}, new long[] {1}).writeTo(file);
    assertThat(((TorchTensor) TorchFile.readValue(file)).toFloatArray()).containsExactly(2, 3, 0);
    String beyond = "it has a tensor that goes beyond the end of its storage";
    assertRefused(new Pickle().tensor(2, new long[] {3}, new long[] {1}), beyond);
    assertRefused(new Pickle().tensor(0, new long[] {2, 2}, new long[] {3, 1}), beyond);
    assertRefused(new Pickle().tensor(4, new long[] {}, new long[] {}), beyond);
    assertRefused(
        new Pickle().tensor(0, new long[] {1L << 40, 1L << 40}, new long[] {0, 0}),
        "it has a tensor whose size is more than a long holds");
    assertRefused(
        new Pickle().tensor(0, new long[] {2, 2}, new long[] {Long.MAX_VALUE, Long.MAX_VALUE}),
        "it has a tensor whose size is more than a long holds");
    assertRefused(
        new Pickle().tensor(0, new long[] {1L << 30}, new long[] {0}),
        "it has a tensor that would take 4294967296 bytes, more than the whole file");
    String other =
        "it calls torch._utils._rebuild_tensor_v2 with other arguments than PyTorch does";
    assertRefused(new Pickle().tensor(-1, new long[] {1}, new long[] {1}), other);
    assertRefused(new Pickle().tensor(0, new long[] {-1}, new long[] {1}), other);
    assertRefused(new Pickle().tensor(0, new long[] {2}, new long[] {-1}), other);
    assertRefused(new Pickle().tensor(0, new long[] {2, 1}, new long[] {1}), other);
    assertRefused(
        new Pickle().tensor(0, new long[65], new long[65]), "it has a tensor of 65 dimensions");
    new Pickle().tensor(0, new long[] {0, Long.MAX_VALUE, 3}, new long[] {9, 9, 9}).writeTo(file);
    assertThat(((TorchTensor) TorchFile.readValue(file)).toFloatArray()).isEmpty();
  }

  @Test
  void storagesMustBeThere() throws IOException {
    assertRefused(
        new Pickle().storage("FloatStorage", "0", 3), "its storage 0 has 16 bytes, not 12");
    assertRefused(new Pickle().storage("FloatStorage", "1", 4), "it has no storage 1");
    assertRefused(
        new Pickle().storage("FloatStorage", "0", Long.MAX_VALUE),
        "its storage 0 should hold 9223372036854775807 elements, more than the whole file");
    assertRefused(
        new Pickle().storage("FloatStorage", "0", -1),
        "its storage 0 should hold -1 elements, more than the whole file");
    assertRefused(
        new Pickle().storage("QInt8Storage", "0", 4),
        "it has a storage of the class torch.QInt8Storage, which is not known here");
    assertRefused(
        new Pickle().storage("FloatStorage", "0", 4).storage("IntStorage", "0", 4),
        "it describes the storage 0 in two ways");
    assertRefused(
        new Pickle().storage("FloatStorage", "0", 4),
        "it holds a storage that is not within a tensor");
    assertRefused(new Pickle().text("0").op('Q'), "it refers to a string outside of its pickle");
    assertRefused(
        new Pickle().text("module").op(0x85, 'Q'),
        "it refers to something outside of its pickle that is no storage");
  }

  @Test
  void picklesThatTorchSaveDoesNotWriteAreRefused() throws IOException {
    assertRefused(
        new Pickle().op('2'),
        "its pickle has the opcode 0x32 at byte 66, which torch.save does not write");
    assertRefused(
        new Pickle().op('a'), "its pickle uses a value that is not there, before byte 67");
    assertRefused(new Pickle().op('t'), "its pickle uses a mark that is not there, before byte 67");
    assertRefused(
        new Pickle().op('N', '(', 'a'),
        "its pickle uses a value that is not there, before byte 69");
    assertRefused(
        new Pickle().op('h', 3), "its pickle recalls number 3, which it has not remembered");
    assertRefused(
        new Pickle().op('N', 'r').i32(0x7FFFFFFF),
        "its pickle remembers a value as number 2147483647");
    assertRefused(
        new Pickle().op('N', 'r').i32(-1), "its pickle remembers a value as number 4294967295");
    assertRefused(
        new Pickle().op(0x80, 6), "its pickle is of protocol 6, and 5 is the newest known");
    assertRefused(new Pickle().op('N', 'N', 'a'), "it appends to None");
    assertRefused(new Pickle().op('N', 'N', 'N', 's'), "it puts entries into None");
    assertRefused(new Pickle().op('}', '(', 'N', 'u'), "it puts a key without a value into a dict");
    assertRefused(new Pickle().op('}', ']', 'N', 's'), "it has a list as a key");
    assertRefused(new Pickle().op('}', ')', 0x85, 'N', 's'), "it has a tuple as a key");
    assertRefused(
        new Pickle().op('X').i32(0x7FFFFFFF),
        "it ends too early: 2147483647 bytes should follow byte 71, and there are 1");
    assertRefused(
        new Pickle().op('X').i32(-1),
        "it ends too early: 4294967295 bytes should follow byte 71, and there are 1");
    assertRefused(new Pickle().op('U', 1, 0xFF), "it has no text in UTF-8 at byte 68");
  }

  @Test
  void whatHoldsItselfIsRefused() throws IOException {
    assertRefused(
        new Pickle().op(']', 'q', 0, 'h', 0, 'a'), "it holds a list that contains itself");
    assertRefused(
        new Pickle().op('}', 'q', 0, 'N', 'h', 0, 's'), "it holds a dict that contains itself");
    assertRefused(
        new Pickle().op(']', 'q', 0, 'h', 0, 0x85, 'a'), "it holds a list that contains itself");
    assertRefused(
        new Pickle()
            .global("collections", "OrderedDict")
            .op(')', 'R', 'q', 0, '}')
            .text("a")
            .op('h', 0, 's', 'b'),
        "it holds a dict that contains itself");
  }

  @Test
  void whatLiesTooDeepIsRefused() throws IOException {
    Pickle deep = new Pickle().op(')');
    for (int i = 0; i < 500; i++) {
      deep.op(0x85);
    }
    Path file = folder.resolve("deep.pt");
    deep.writeTo(file);
    assertThat(TorchFile.readValue(file).toString()).startsWith("[[[").endsWith("]]]");
    Pickle deeper = new Pickle().op(')');
    for (int i = 0; i < 501; i++) {
      deeper.op(0x85);
    }
    String reason = "its lists and dicts lie more than 500 deep in one another";
    assertRefused(deeper, reason);
    Pickle deepest = new Pickle();
    for (int i = 0; i < 100_000; i++) {
      deepest.op(']');
    }
    for (int i = 0; i < 100_000 - 1; i++) {
      deepest.op('a');
    }
    assertRefused(deepest, reason);
    // One list that is deep, met again within others: no path down from a value just met is long.
    Pickle chained = new Pickle().op(']', '(', ')', 'q', 0);
    for (int link = 0; link < 20; link++) {
      chained.op('h', link);
      for (int i = 0; i < 400; i++) {
        chained.op(0x85);
      }
      chained.op('q', link + 1);
    }
    assertRefused(chained.op('e'), reason);
  }

  @Test
  void bombsAreRefused() throws IOException {
    Pickle laughs = new Pickle().op(')', 0x85, 'q', 0);
    for (int i = 0; i < 100; i++) {
      laughs.op('h', i, 'h', i, 0x86, 'q', i + 1);
    }
    assertRefused(laughs, "its lists hold one another so often that they would unfold without end");
    Pickle stacked = new Pickle();
    for (int i = 0; i < 4_000_000; i++) {
      stacked.op('}');
    }
    assertTooLarge(stacked);
    Pickle within = new Pickle().op(']', '(');
    for (int i = 0; i < 600_000; i++) {
      within.op(']');
    }
    assertTooLarge(within.op('e'));
  }

  private void assertTooLarge(Pickle pickle) throws IOException {
    Path file = folder.resolve("large.pt");
    pickle.writeTo(file);
    assertRefused(
        file,
        "what it holds would take more memory than twice its "
            + Files.size(file)
            + " bytes and 32 MB");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,5]}}"
            + "|its tensor a goes beyond the end of the file",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}"
            + "|its tensor a has 4 bytes, and its shape asks for 8",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,0]}}"
            + "|its tensor a goes beyond the end of the file",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}"
            + "|its tensor a does not follow the one before it",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"
            + "|its tensors have 2 bytes, and 4 follow its header",
        "{\"a\":{\"dtype\":\"X\",\"shape\":[],\"data_offsets\":[0,4]}}"
            + "|its tensor a is of the kind X, which is not known here",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}"
            + "|its tensor a has a size that no long holds",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}"
            + "|its header has no number that a long holds, at character 49",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}"
            + "|its header has no number that a long holds, at character 29",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}"
            + "|its header does not say dtype, shape and two data_offsets of a, at character 32",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}"
            + "|its header has dtype where it should not be, at character 33",
        "{\"a\":{\"x\":1}}|its header has x where it should not be, at character 10",
        "{\"a\":1}|its header has no {, at character 5",
        "{\"a|its header has no \", at character 3",
        "{\"\\x|its header has a backslash before nothing that takes one, at character 4",
        "{\"\\u12|its header has a \\u without four digits, at character 6",
        "{}x|its header goes on after its end, at character 2",
        "{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}" + "|its header has a twice, at character 32"
      })
  void headersOfSafetensorsMustBeRight(String headerAndReason) throws IOException {
    String header = headerAndReason.substring(0, headerAndReason.indexOf('|'));
    byte[] bytes = new byte[8 + header.length() + 4];
    bytes[0] = (byte) header.length();
    System.arraycopy(header.getBytes(StandardCharsets.US_ASCII), 0, bytes, 8, header.length());
    Path file = folder.resolve("header.safetensors");
    Files.write(file, bytes);
    assertThatThrownBy(() -> Safetensors.read(file))
        .isInstanceOf(TorchFileException.class)
        .hasMessage(
            file
                + " cannot be read: "
                + headerAndReason.substring(headerAndReason.indexOf('|') + 1));
  }
}
