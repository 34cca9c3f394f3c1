package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.SequentialLR;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInitDistribution;
import org.example.Forbidden;
import org.example.OwnActivation;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.impl.LossMSE;

/** Files with a right checksum whose contents somebody has made up. */
class ForgedFilesTest {

  private static final String CONFIGURATION = "configuration.json";
  private static final String PARAMS = "coefficients.bin";

  @TempDir private Path folder;

  private Path file = Path.of("none");
  private final Map<String, byte[]> entries = new LinkedHashMap<>();

  private record Part(Map<String, Object> values, Map<String, INDArray> arrays)
      implements CheckpointPart {}

  @BeforeEach
  void save() throws IOException {
    file = folder.resolve("training.zip");
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Adam(0.01))
                .weightInit(new WeightInitDistribution(new NormalDistribution(0, 1)))
                .list(
                    Nets.dense(Nets.INPUTS, 4),
                    Nets.dense(4, 4, new Adam(0.02)),
                    new OutputLayer.Builder(new LossMSE(Nd4j.createFromArray(0.5, 2)))
                        .nIn(4)
                        .nOut(Nets.OUTPUTS)
                        .activation(Activation.IDENTITY)
                        .build())
                .build());
    LRScheduler run =
        new SequentialLR(List.of(new LinearLR(0.5, 1, 4), new CosineAnnealingLR(9)), List.of(4))
            .attach(
                NetworkParamGroups.builder(net)
                    .group(NetworkParam.inLayers("layer0", "layer2"))
                    .frozen(NetworkParam.inLayers("layer1"))
                    .build());
    net.addListeners(SchedulerListener.everyIteration(run));
    net.fit(Nets.epoch(3));
    CheckpointWriter.of(net)
        .with("run", run)
        .with("part", new Part(Map.of("list", List.of(1, "a")), Map.of("a", Nd4j.ones(2, 3))))
        .save(file);
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (ZipEntry entry : zip.stream().toList()) {
        entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
      }
    }
    assertThat(entries)
        .containsOnlyKeys(
            CONFIGURATION,
            CheckpointFile.ENTRY,
            PARAMS,
            "updaterState.bin",
            "dl4jtorch/array0.bin");
  }

  private String configuration() {
    return new String(entries.get(CONFIGURATION), StandardCharsets.UTF_8);
  }

  /** Writes the entries with a checksum of their own. */
  private void forge(String entry, byte[] bytes) throws IOException {
    Map<String, byte[]> forged = new LinkedHashMap<>(entries);
    forged.put(entry, bytes);
    String open = "0".repeat(64);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.setLevel(Deflater.NO_COMPRESSION);
      zip.setComment("dl4j-torch checkpoint, SHA-256 " + open);
      for (Map.Entry<String, byte[]> one : forged.entrySet()) {
        zip.putNextEntry(new ZipEntry(one.getKey()));
        zip.write(one.getValue());
      }
    }
    byte[] written = out.toByteArray();
    ByteBuffer.wrap(written)
        .position(written.length - open.length())
        .put(HexFormat.of().formatHex(sha256(written)).getBytes(StandardCharsets.US_ASCII));
    // Not forced onto the disk, which takes longest.
    Files.write(file, written);
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException impossible) {
      throw new AssertionError(impossible);
    }
  }

  private void forgeText(String entry, String text) throws IOException {
    forge(entry, text.getBytes(StandardCharsets.UTF_8));
  }

  private void assertRefused(String reason) {
    assertThatThrownBy(() -> TrainingCheckpoint.load(file))
        .isExactlyInstanceOf(CheckpointException.class)
        .hasMessage(file + " cannot be loaded: it cannot be read: " + reason);
  }

  @Test
  void takesWhatIsNotForged() throws IOException {
    forge("something", new byte[] {});
    assertThat(TrainingCheckpoint.load(file).run("run").getLastLr()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {CONFIGURATION, CheckpointFile.ENTRY})
  void refusesDepth(String entry) throws IOException {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);
    forgeText(entry, "{\"x\": " + deep + "}");
    assertRefused("values are more than 200 deep in one another");
  }

  @ParameterizedTest
  @ValueSource(strings = {CONFIGURATION, CheckpointFile.ENTRY})
  void refusesNumbersWithoutEnd(String entry) throws IOException {
    forgeText(entry, "{\"format\": " + "7".repeat(1_000_000) + "}");
    assertRefused("a number has more than 400 digits");
  }

  @ParameterizedTest
  @ValueSource(strings = {CONFIGURATION, CheckpointFile.ENTRY})
  void refusesTextsWithoutEnd(String entry) throws IOException {
    forgeText(entry, "{\"x\": [0" + ",0".repeat(2_000_000) + "]}");
    assertRefused("there are more than 2000000 values");
  }

  /** An entry of 256 MB of zeros packs into 256 kB. */
  @ParameterizedTest
  @ValueSource(strings = {CONFIGURATION, PARAMS, "dl4jtorch/array0.bin", "something"})
  void refusesWhatUnpacksToMoreThanTheFile(String entry) throws IOException {
    CheckpointFile.write(
        file,
        zip -> {
          zip.setLevel(Deflater.BEST_COMPRESSION);
          zip.putNextEntry(new ZipEntry(entry));
          if (entry.endsWith(".bin")) {
            zip.write(array(new long[] {1, 1L << 29, 1, 0, 1, 'c'}, 1L << 29, "DOUBLE", 0));
          }
          byte[] zeros = new byte[1 << 20];
          for (int i = 0; i < 256; i++) {
            zip.write(zeros);
          }
        },
        zip -> true);
    assertThat(Files.size(file)).isBetween(250_000L, 300_000L);
    assertRefused(
        entry.endsWith(".bin")
            ? "an array of shape [536870912] must not have 536870912 numbers of type DOUBLE"
            : "its entries are longer than the file");
  }

  private static byte[] array(long[] shapeInfo, long length, String type, int numbers) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF("LONG_SHAPE");
      out.writeLong(shapeInfo.length);
      out.writeUTF("LONG");
      for (long info : shapeInfo) {
        out.writeLong(info);
      }
      out.writeUTF("MIXED_DATA_TYPES");
      out.writeLong(length);
      out.writeUTF(type);
      out.write(new byte[numbers]);
    } catch (IOException impossible) {
      throw new AssertionError(impossible);
    }
    return bytes.toByteArray();
  }

  @Test
  void refusesArraysThatAreNotAsTheySay() throws IOException {
    String part = "dl4jtorch/array0.bin";
    forge(part, array(new long[] {1, 2, 1, 0, 1, 'c'}, 2, "DOUBLE", 16));
    assertThat(TrainingCheckpoint.load(file).part("part").arrays())
        .isEqualTo(Map.of("a", Nd4j.createFromArray(0.0, 0.0)));
    forge(part, array(new long[] {1, 1_000_000_000, 1, 0, 1, 'c'}, 1, "DOUBLE", 8));
    assertRefused("an array of shape [1000000000] must not have 1 numbers of type DOUBLE");
    forge(part, array(new long[] {1, 2, 1, 0, 1, 'c'}, -1, "DOUBLE", 8));
    assertRefused("an array of shape [2] must not have -1 numbers of type DOUBLE");
    forge(part, array(new long[] {2, 2, 2, 1000, 1, 0, 1, 'c'}, 4, "DOUBLE", 32));
    assertRefused("the numbers of an array must lie one after the other");
    forge(part, array(new long[] {2, 2, 2, 2, 1, 0, 1, 'x'}, 4, "DOUBLE", 32));
    assertRefused("the numbers of an array must lie one after the other");
    forge(part, array(new long[] {7, 2, 1, 0, 1, 'c'}, 2, "DOUBLE", 16));
    assertRefused("an array of rank 7 must not have a shape of 6 numbers of type LONG");
    forge(part, array(new long[1000], 2, "DOUBLE", 16));
    assertRefused("an array must not have a shape of 1000 numbers of type LONG");
    forge(part, array(new long[] {2, 1L << 32, 1L << 32, 1, 1, 0, 1, 'c'}, 0, "DOUBLE", 0));
    assertRefused("an array must not have the shape [4294967296, 4294967296]");
    forge(part, array(new long[] {1, 2, 1, 0, 1, 'c'}, 2, "UTF8", 16));
    assertRefused("an array must not be of type UTF8");
    forge(part, array(new long[] {1, 2, 1, 0, 1, 'c'}, 2, "DOUBLE", 17));
    assertRefused("an array must end where its entry ends");
    forge("updaterState.bin", array(new long[] {1, 1, 1, 0, 1, 'c'}, 1, "DOUBLE", 8));
    assertThatThrownBy(() -> TrainingCheckpoint.load(file))
        .isExactlyInstanceOf(CheckpointException.class)
        .hasMessageMatching(".*: the updaters' state must have \\d+ numbers but has 1");
  }

  /** Every way in which DL4J's JSON can name a class. */
  @Test
  void loadsNoClassThatIsNamed() throws IOException {
    String name = "org.example.Forbidden";
    String tanh = "{\"@class\":\"org.nd4j.linalg.activations.impl.ActivationTanH\"}";
    String json = CheckpointJson.tree(configuration()).toString();
    assertThat(json).contains(tanh);
    List<String> forgeries =
        List.of(
            json.replace(tanh, "{\"@class\":\"" + name + "\"}"),
            json.replace(tanh, "[\"" + name + "\",{}]"),
            json.replace(tanh, "{\"@class\":\"java.util.ArrayList<" + name + ">\"}"),
            json.replace(
                tanh,
                "{\"@class\":\"org.nd4j.linalg.activations.impl.ActivationTanH<" + name + ">\"}"),
            json.replace("org.nd4j.linalg.learning.config.Adam", name),
            json.replace("org.deeplearning4j.nn.conf.layers.DenseLayer", name),
            json.replace("org.deeplearning4j.nn.conf.distribution.NormalDistribution", name),
            json.replace("org.nd4j.linalg.lossfunctions.impl.LossMSE", name));
    for (String forgery : forgeries) {
      assertThat(forgery).isNotEqualTo(json);
      forgeText(CONFIGURATION, forgery);
      assertThatThrownBy(() -> TrainingCheckpoint.load(file))
          .as(forgery)
          .isExactlyInstanceOf(CheckpointException.class)
          .hasMessageContaining(
              " cannot be loaded: it cannot be read: its configuration has the class")
          .hasMessageEndingWith(
              ", which is none of DL4J's for networks, nor of this library's, and was not given to"
                  + " load(file, classes)");
      assertThat(Forbidden.Trace.LOADED).as(forgery).hasValue(0);
    }
    // As the first versions of DL4J wrote it, which is read by another way.
    forgeText(
        CONFIGURATION,
        json.replaceFirst("\"weightInitFn\":\\{", "\"weightInit\":\"DISTRIBUTION\",\"dist\":{"));
    assertRefused("its configuration is of another version of DL4J");
    assertThat(Forbidden.Trace.LOADED).hasValue(0);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "org.deeplearning4j.nn.modelimport.keras.layers.TFOpLayer",
        "org.deeplearning4j.nn.conf.MultiLayerConfiguration",
        "org.nd4j.linalg.activations.impl.None",
        "java.lang.String",
        "Plain"
      })
  void takesOnlyPartsOfNetworks(String name) throws IOException {
    forgeText(
        CONFIGURATION,
        configuration().replace("org.nd4j.linalg.activations.impl.ActivationTanH", name));
    assertRefused(
        "its configuration has the class "
            + name
            + ", which is none of DL4J's for networks, nor of this library's, and was not given to"
            + " load(file, classes)");
  }

  @Test
  void takesTheClassesThatItIsGiven() throws IOException {
    DenseLayer own =
        new DenseLayer.Builder().nIn(Nets.INPUTS).nOut(4).activation(new OwnActivation()).build();
    MultiLayerNetwork net =
        Nets.init(Nets.settings(new Adam(0.01)).list(own, Nets.output(4)).build());
    CheckpointWriter.of(net).save(file);
    assertRefused(
        "its configuration has the class org.example.OwnActivation, which is none of DL4J's for"
            + " networks, nor of this library's, and was not given to load(file, classes)");
    MultiLayerNetwork loaded =
        TrainingCheckpoint.load(file, OwnActivation.class).network(MultiLayerNetwork.class);
    assertThat(Nets.params(loaded)).isEqualTo(Nets.params(net));
    assertThat(
            ((DenseLayer) loaded.getLayerWiseConfigurations().getConf(0).getLayer())
                .getActivationFn())
        .isInstanceOf(OwnActivation.class);
    Files.move(file, folder.resolve("checkpoint-0000000001-000000.zip"));
    assertThat(TrainingCheckpoint.latest(folder, OwnActivation.class)).isPresent();
  }

  @Test
  void refusesCountsThatNoTrainingHas() throws IOException {
    forgeText(
        CONFIGURATION,
        configuration().replace("\"iterationCount\" : 3", "\"iterationCount\" : -3"));
    assertRefused(
        "there are no trainings of -3 iterations and 1 epochs with 0 batches in the present one");
  }

  @Test
  void refusesCountsThatAreNotTheNetworks() throws IOException {
    String json = new String(entries.get(CheckpointFile.ENTRY), StandardCharsets.UTF_8);
    forgeText(CheckpointFile.ENTRY, json.replace("\"epochCount\" : 1", "\"epochCount\" : 2"));
    assertRefused(
        "its counts must be those of its network, 3 iterations and 1 epochs, but are 3 iterations"
            + " and 2 epochs");
  }

  /** Changes bytes, words and numbers anywhere in the entries. */
  private static byte[] changed(byte[] bytes, boolean isText, Random random) {
    byte[] changed = bytes.clone();
    int kind = random.nextInt(isText ? 5 : 4);
    // What says how the rest is to be read stands at the beginning.
    int end = isText || random.nextInt(3) == 0 ? changed.length : Math.min(140, changed.length);
    int place = random.nextInt(end);
    switch (kind) {
      case 0 -> changed[place] ^= (byte) (1 << random.nextInt(8));
      case 1 -> changed[place] = (byte) random.nextInt(256);
      case 2 -> {
        int from = random.nextInt(end);
        int length = Math.min(random.nextInt(16), changed.length - Math.max(place, from));
        System.arraycopy(bytes, from, changed, place, length);
      }
      case 3 -> {
        if (isText || place + 8 > changed.length) {
          return ByteBuffer.allocate(bytes.length - place)
              .put(bytes, place, bytes.length - place)
              .array();
        }
        long[] numbers = {-1, 0, 1, 1 << 20, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MIN_VALUE};
        ByteBuffer.wrap(changed).putLong(place, numbers[random.nextInt(numbers.length)]);
      }
      default -> {
        return token(new String(bytes, StandardCharsets.UTF_8), random)
            .getBytes(StandardCharsets.UTF_8);
      }
    }
    return changed;
  }

  /** Puts another value in the place of a number, a word or a name. */
  private static String token(String json, Random random) {
    List<UnaryOperator<String>> values =
        List.of(
            old -> "-1",
            old -> "0",
            old -> "1e300",
            old -> "2147483647",
            old -> "9223372036854775807",
            old -> "null",
            old -> "NaN",
            old -> "[]",
            old -> "{}",
            old -> "\"" + Forbidden.class.getPackageName() + ".Forbidden\"",
            old -> "[\"org.example.Forbidden\", {}]",
            old -> "[".repeat(300) + "]".repeat(300),
            old -> "-" + old,
            old -> old + "0");
    List<int[]> places = new ArrayList<>();
    var matcher =
        java.util.regex.Pattern.compile("(?<=: )(-?[0-9.E-]+|\"[^\"]*\"|true|false|null|\\[ \\])")
            .matcher(json);
    while (matcher.find()) {
      places.add(new int[] {matcher.start(), matcher.end()});
    }
    int[] place = places.get(random.nextInt(places.size()));
    String old = json.substring(place[0], place[1]);
    return json.substring(0, place[0])
        + values.get(random.nextInt(values.size())).apply(old)
        + json.substring(place[1]);
  }

  private void forgeMany(int files) throws IOException {
    long seed = System.nanoTime();
    System.out.println("ForgedFilesTest: seed " + seed);
    Random random = new Random(seed);
    List<String> names = List.copyOf(entries.keySet());
    int loaded = 0;
    for (int i = 0; i < files; i++) {
      String name = names.get(random.nextInt(names.size()));
      byte[] forged = changed(entries.get(name), name.endsWith(".json"), random);
      forge(name, forged);
      try {
        TrainingCheckpoint.load(file);
        loaded++;
      } catch (CheckpointException refused) {
        assertThat(refused).hasMessageStartingWith(file + " cannot be loaded: ");
      } catch (RuntimeException | Error wrong) {
        Files.copy(file, Path.of("target", "forged-" + seed + "-" + i + ".zip"));
        fail("seed " + seed + ", file " + i + ", " + name, wrong);
      }
    }
    assertThat(Forbidden.Trace.LOADED).as("seed %s", seed).hasValue(0);
    System.out.println("ForgedFilesTest: " + files + " files, " + loaded + " are as good as any");
  }

  @Test
  void refusesOrLoadsForgedFiles() throws IOException {
    forgeMany(400);
  }

  @Test
  @Tag("long")
  void refusesOrLoadsVeryManyForgedFiles() throws IOException {
    forgeMany(20_000);
  }
}
